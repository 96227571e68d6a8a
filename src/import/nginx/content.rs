//! What becomes of the requests for a location once it is found: guards, then a gateway or an answer.

use super::guards::{NginxGuards, excepted};
use super::headers;
use super::limits;
use super::parser::NginxDirective;
use super::rewrite::{NginxRules, WRITE};
use super::state::{NginxPath, NginxPattern, NginxState};
use super::target::NginxTarget;
use super::translation::Translation;
use super::values::written;
use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::error::ImportError;
use crate::import::matching::{DraftMatch, DraftPath};
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Part, Said};

impl<'a> Translation<'a, '_> {
    /// The rules for requests whose location is found and whose path is settled.
    pub(super) fn content(&mut self, server: &mut NginxRules<'a>, state: &NginxState<'a>) -> Result<(), ImportError> {
        let internal = state.scope.location().iter().find(|one| one.name == "internal");
        if let Some(internal) = internal.filter(|_| state.searches <= 1) {
            let mut rule = state.rule(DraftAnswer::status(404));
            rule.say(&internal.origin(), Part::Answer);
            for one in state.scope.location() {
                rule.say(&one.origin(), Part::Answer);
            }
            server.rules.extend(state.rules(&rule));
            return Ok(());
        }
        let limit = state.scope.location().iter().find(|one| one.name == "limit_except");
        let Some(limit) = limit else {
            let guards = self.guards(&state.scope)?;
            return self.guarded(server, state, &guards);
        };
        let methods = Condition::of(DraftMatch { methods: excepted(limit), ..DraftMatch::default() });
        let mut open = state.clone();
        open.say(limit, Part::When);
        let guards = self.guards(&state.scope)?;
        if let Ok(when) = state.when.and(&methods) {
            open.when = when;
        } else {
            server.rules.extend(state.shut(&limit.origin(), "routes cannot say these methods", WRITE));
            return Ok(());
        }
        self.guarded(server, &open, &guards)?;
        let mut rest = state.clone();
        rest.say(limit, Part::When);
        let guards = self.guards(&state.scope.inside(limit.inner()))?;
        self.guarded(server, &rest, &guards)
    }

    /// The rules of guarded requests.
    fn guarded(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        guards: &NginxGuards,
    ) -> Result<(), ImportError> {
        let first = server.rules.len();
        self.unguarded(server, state)?;
        let inner: Vec<ImportRule> = server.rules.drain(first..).collect();
        for way in &guards.ways {
            for rule in &inner {
                let mut rule = rule.clone();
                rule.said.extend(guards.said.iter().cloned());
                rule.shut.extend(guards.shut.iter().cloned());
                let both = Condition::of(rule.route.when.clone()).and(&way.when);
                let Ok(both) = both else {
                    let said = guards.said.first().map(|said| said.origin.clone());
                    if let Some(origin) = said {
                        rule.shut(&origin, "routes cannot say for which clients it is", WRITE);
                    }
                    server.rules.push(rule);
                    continue;
                };
                if way.is_refused {
                    rule.route.answer = DraftAnswer::status(403);
                } else {
                    guard(&mut rule, way, guards);
                }
                server.rules.extend(rule.for_each(&both));
            }
        }
        Ok(())
    }

    /// The rules of requests that have passed.
    fn unguarded(&mut self, server: &mut NginxRules<'a>, state: &NginxState<'a>) -> Result<(), ImportError> {
        if let Some(pass) = state.scope.here("proxy_pass") {
            self.pass(server, state, pass);
            return Ok(());
        }
        if let Some(try_files) = state.scope.here("try_files") {
            return self.try_files(server, state, try_files);
        }
        let mut rule = state.rule(DraftAnswer::status(404));
        for directive in state.scope.location() {
            let remedy = match directive.name.as_str() {
                "root" | "alias" | "index" | "autoindex" | "random_index" => FILES,
                "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "grpc_pass" | "memcached_pass" => {
                    "frontgate forwards HTTP only, so the route answers 404"
                }
                "stub_status" => "frontgate has /metrics and /status at its admin address; the route answers 404",
                _ => continue,
            };
            rule.say(&directive.origin(), Part::Remark(ImportVerdict::Dropped, remedy.into()));
        }
        server.rules.extend(state.rules(&rule));
        Ok(())
    }

    /// `try_files`: frontgate serves no files, so the last word counts.
    fn try_files(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        directive: &'a NginxDirective,
    ) -> Result<(), ImportError> {
        let last = directive.args.last().map_or("", String::as_str);
        let mut state = state.clone();
        let text = format!("frontgate serves no files: every request goes on to the last word, {last}");
        state.say(directive, Part::Remark(ImportVerdict::Dropped, text));
        let answer = last.strip_prefix('=').and_then(|code| code.parse::<u16>().ok());
        if last.starts_with('@') && self.named(server, state.clone(), last)? {
            return Ok(());
        }
        let page = last.split('?').next().unwrap_or_default();
        if page.starts_with('/') && !page.contains('$') && state.searches < 3 {
            return self.elsewhere(server, state, page);
        }
        let status = answer.filter(|status| (400..600).contains(status)).unwrap_or(404);
        let mut rule = state.rule(DraftAnswer::status(status));
        rule.say(&directive.origin(), Part::Answer);
        server.rules.extend(state.rules(&rule));
        Ok(())
    }

    /// `proxy_pass`.
    fn pass(&mut self, server: &mut NginxRules<'a>, state: &NginxState<'a>, pass: &'a NginxDirective) {
        let origin = pass.origin();
        let mut maps = Vec::new();
        let Ok(targets) = self.expand(pass.first(), state, &server.constants, &mut maps, 0) else {
            server.rules.extend(state.shut(&origin, "its address depends on the request", TARGET));
            return;
        };
        let mut said: Vec<Said> = Vec::new();
        for map in maps {
            for one in map.inner().iter().chain([map]) {
                let text = "part of an upstream's address".to_owned();
                said.push(Said { origin: one.origin(), part: Part::Remark(ImportVerdict::Kept, text) });
            }
        }
        for (when, text) in targets {
            let mut own = state.clone();
            own.said.extend(said.iter().cloned());
            match state.when.and(&when) {
                Ok(when) if when.is_never() => continue,
                Ok(when) => own.when = when,
                Err(_) => {
                    server.rules.extend(state.shut(&origin, "its address depends on the request", TARGET));
                    return;
                }
            }
            let (text, has_variables) = written(&text);
            let plain = ["${request_uri}", "${uri}${is_args}${args}"].iter().find_map(|end| text.strip_suffix(end));
            let target = match (has_variables, plain) {
                (false, _) => NginxTarget::read(&text),
                (true, Some(text)) if !text.contains('$') && own.path == NginxPath::Original => {
                    NginxTarget::read(text).filter(|target| target.uri.is_none())
                }
                _ => None,
            };
            let Some(target) = target else {
                server.rules.extend(own.shut(&origin, "its address depends on the request", TARGET));
                continue;
            };
            self.forward(server, &own, pass, &target);
        }
    }

    fn forward(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        pass: &'a NginxDirective,
        target: &NginxTarget,
    ) {
        let origin = pass.origin();
        let Ok(strip) = strip(state, target) else {
            let why = "it changes the path, and frontgate only cuts off the beginning of one";
            server.rules.extend(state.shut(
                &origin,
                why,
                "Let the gateway answer to the path that clients ask for, or use `strip_prefix`",
            ));
            return;
        };
        let Some(upstream) = self.upstream(target) else {
            server.rules.extend(state.shut(&origin, "its group has no server", TARGET));
            return;
        };
        let mut rule = state.rule(DraftAnswer::Upstream(upstream));
        rule.say(&origin, Part::Answer);
        if strip.is_some() {
            rule.say(&origin, Part::Strip);
        }
        rule.route.strip_prefix = strip;
        let requests = headers::requests(&state.scope, &mut rule, |value| {
            let texts = self.expand(value, state, &server.constants, &mut Vec::new(), 0);
            match texts.as_deref() {
                Ok([(_, text)]) if !text.contains('\u{1}') => Some(text.clone()),
                _ => None,
            }
        });
        self.response_fields(state, &mut rule);
        limits::timeouts(&state.scope, pass, &mut rule);
        self.body_limit(&state.scope);
        missing(pass, &state.scope, &requests, &mut rule);
        for mut rule in state.rules(&rule) {
            let fits = rule.route.strip_prefix.as_ref().is_none_or(|prefix| begins(&rule.route.when, prefix));
            if !fits {
                rule.shut(
                    &origin,
                    "it cuts off the beginning of paths, and the route's path is an expression",
                    "Write a route with that prefix as `path`, and `strip_prefix`",
                );
            }
            server.rules.push(rule);
        }
    }
}

const TARGET: &str = "Name a fixed address as `upstream` of the route";
const FILES: &str = "frontgate serves no files, so the route answers 404: let a server of files be its `upstream`";

/// Puts the way in to a rule, which may have one of its own.
fn guard(rule: &mut ImportRule, way: &super::guards::Way, guards: &NginxGuards) {
    let route = &mut rule.route;
    let mut clash = false;
    match (route.auth.asks(), way.auth.asks()) {
        (true, true) => clash = route.auth != way.auth,
        (true, false) => {}
        (false, _) => route.auth = way.auth.clone(),
    }
    for (own, more) in [(&mut route.allow, &way.allow), (&mut route.deny, &way.deny)] {
        if own.is_empty() {
            own.clone_from(more);
        } else if !more.is_empty() && own != more {
            clash = true;
        }
    }
    if let (true, Some(said)) = (clash, guards.said.first()) {
        let origin = said.origin.clone();
        rule.shut(&origin, "two locations guard these requests, each in its own way", WRITE);
    }
}

/// What is cut from the path on the way to the target; an error where it becomes another path.
fn strip(state: &NginxState<'_>, target: &NginxTarget) -> Result<Option<String>, ()> {
    let cut = |path: &str, becomes: &str| match path.strip_suffix(becomes) {
        Some("") => Ok(None),
        Some(prefix) if prefix.starts_with('/') && !prefix.ends_with('/') && becomes.starts_with('/') => {
            Ok(Some(prefix.to_owned()))
        }
        _ => Err(()),
    };
    match (&state.path, target.uri.as_deref(), &state.pattern) {
        (NginxPath::Original, None, _) => Ok(None),
        (NginxPath::Original, Some(uri), Some(NginxPattern::Prefix { text, .. } | NginxPattern::Exact(text))) => {
            cut(text, uri)
        }
        (NginxPath::Stripped(prefix), _, _) => Ok(Some(prefix.clone())),
        (NginxPath::Fixed(path), _, _) => {
            let all: Vec<&DraftMatch> = state.when.alternatives().iter().collect();
            match all.as_slice() {
                [DraftMatch { path: Some(DraftPath::Exact(own)), .. }] => cut(own, path),
                _ => Err(()),
            }
        }
        _ => Err(()),
    }
}

/// Whether each path of the route begins with the prefix.
fn begins(when: &DraftMatch, prefix: &str) -> bool {
    match &when.path {
        Some(DraftPath::Prefix(text) | DraftPath::Exact(text)) => {
            text.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        Some(DraftPath::Starts(text)) => text.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')),
        _ => false,
    }
}

/// Says what the old configuration should have said and did not.
fn missing(
    pass: &NginxDirective,
    scope: &super::scope::NginxScope<'_>,
    requests: &headers::NginxRequests,
    rule: &mut ImportRule,
) {
    let origin = pass.origin();
    let mut wrong = |text: &str| rule.say(&origin, Part::Remark(ImportVerdict::Wrong, text.to_owned()));
    if !requests.has_host {
        wrong(
            "Host is not set, so the gateway saw its own address and its check of the origin fails. frontgate forwards Host as it came",
        );
    }
    let version = scope.last("proxy_http_version").map_or("1.0", NginxDirective::first);
    if !requests.has_upgrade || version == "1.0" {
        wrong("WebSockets cannot open: Upgrade is not forwarded over HTTP/1.1. frontgate always forwards them");
    }
    if !requests.has_client {
        wrong(
            "the gateway is not told the client's address and takes every browser for a local one, which it pairs with admin rights. \
             frontgate always tells it",
        );
    }
    let own = scope.all("proxy_set_header");
    for lost in scope.everywhere("proxy_set_header") {
        if !own.iter().any(|other| std::ptr::eq(*other, lost)) {
            let text = "a location with a proxy_set_header of its own discards it".to_owned();
            rule.say(&lost.origin(), Part::Remark(ImportVerdict::NotNeeded, text));
        }
    }
}
