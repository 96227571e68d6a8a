//! [`SiteWalk`]: what a site does with requests, as rules of which the first that matches decides.
//!
//! Caddy hands a request from directive to directive. Each changes it, answers it, or lets it pass, and is asked only
//! when the one before let the request pass. The walk follows all requests at once: where a directive is for some of
//! them, it goes on twice, first for these and then for the rest. What it has come to when one answers is a rule.

use super::answer::CannotSay;
use super::block::CaddyStep;
use super::bounds::MatchBounds;
use super::matcher::{HostClass, MatcherView};
use super::on_the_way::OnTheWay;
use super::path::{self, CaddyPath};
use super::proxy::CaddyUpstreams;
use super::{access, answer, headers, known, proxy};
use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::matching::DraftPath;
use crate::import::report::ImportVerdict;
use crate::import::table::DirectiveClass;
use crate::import::tree::{ImportRule, Origin, Part};

/// The requests of one host, on their way through a site.
pub(super) struct SiteWalk<'a> {
    pub(super) host: &'a HostClass,
    pub(super) tls: bool,
    /// Whether there are proxies in front whose words are believed.
    pub(super) behind_proxies: bool,
    pub(super) upstreams: &'a mut CaddyUpstreams,
    /// The rules so far.
    pub(super) rules: Vec<ImportRule>,
    /// How many steps are left.
    pub(super) budget: &'a mut usize,
}

/// A place in a block, and those where it goes on behind it.
#[derive(Clone, Copy)]
pub(super) struct Place<'f> {
    pub(super) steps: &'f [CaddyStep<'f>],
    pub(super) outer: Option<&'f Place<'f>>,
    /// Whether a `handle` of this block has taken the requests, so that no other does.
    pub(super) handled: bool,
    /// The same of `rewrite`.
    pub(super) rewritten: bool,
}

impl<'f> Place<'f> {
    /// The beginning of a block.
    pub(super) fn start(steps: &'f [CaddyStep<'f>], outer: Option<&'f Place<'f>>) -> Self {
        Self { steps, outer, handled: false, rewritten: false }
    }
}

/// How many steps all walks may take together; a Caddyfile that people write takes some thousand.
pub(super) const MOST_STEPS: usize = 100_000;

/// How many steps the walk through a site of so many directives may take; most sites need two for each.
pub(super) fn most_steps(directives: usize) -> usize {
    500 + 8 * directives
}

/// How often the walk may go on twice, one within the other.
const DEEPEST: usize = 16;

impl SiteWalk<'_> {
    /// Follows the requests to their answers.
    pub(super) fn follow(&mut self, place: Place<'_>, requests: OnTheWay) {
        self.go(place, requests, 0);
    }

    fn go(&mut self, mut place: Place<'_>, mut requests: OnTheWay, depth: usize) {
        loop {
            let Some((step, rest)) = place.steps.split_first() else {
                match place.outer {
                    Some(outer) => place = *outer,
                    // What no directive takes, Caddy answers with nothing.
                    None => return self.end(requests, DraftAnswer::status(200)),
                }
                continue;
            };
            let here = place;
            place.steps = rest;
            let name = step.node.name.as_str();
            let is_handle = name == "handle" || name == "handle_path";
            if is_handle && here.handled || name == "rewrite" && here.rewritten || known::is_needless(name) {
                continue;
            }
            *self.budget = self.budget.saturating_sub(1);
            if *self.budget == 0 || depth > DEEPEST {
                return self.shut(requests, &step.origin, CannotSay::new(TOO_MANY, "Write the routes by hand"));
            }
            if self.step(step, here, place, &mut requests, depth) == Rest::Nothing {
                return;
            }
        }
    }

    /// Asks one directive; the requests that it is not for are left to go on.
    fn step(
        &mut self,
        step: &CaddyStep<'_>,
        here: Place<'_>,
        next: Place<'_>,
        requests: &mut OnTheWay,
        depth: usize,
    ) -> Rest {
        let view = MatcherView {
            host: self.host,
            tls: self.tls,
            path: &requests.path,
            changed: &requests.fields,
            behind_proxies: self.behind_proxies,
        };
        let bounds = step.matcher.as_ref().map_or_else(MatchBounds::always, |matcher| matcher.bounds(&view));
        let scope = Condition::of(requests.rule.route.when.clone());
        let sure = scope.and(&bounds.surely);
        let known = sure.is_ok() && bounds.is_exact();
        let sure = sure.unwrap_or_else(|_| Condition::never());
        if !known && step.node.name == "header" {
            let text = "it is for some answers only, and no route can have its condition here";
            requests.rule.say(&step.origin, Part::Remark(ImportVerdict::Dropped, text.to_owned()));
            return Rest::All;
        }
        for when in sure.alternatives() {
            let mut some = requests.clone();
            some.rule.route.when = when.clone();
            if let Some(matcher) = &step.matcher {
                matcher.origins.iter().for_each(|origin| some.rule.say(origin, Part::When));
            }
            self.apply(step, here, next, some, depth + 1);
        }
        let covers = |condition: &Condition| condition.alternatives().contains(&requests.rule.route.when);
        if covers(&sure) {
            return Rest::Nothing;
        }
        if known {
            return Rest::All;
        }
        // No route can tell which of the others the directive is for, so all that it may be for stay shut.
        let perhaps = scope.and(&bounds.maybe).unwrap_or(scope);
        let unknowns = step.matcher.as_ref().map(|matcher| matcher.unknowns().join("; ")).unwrap_or_default();
        let (origin, cannot) = match requests.changed.first() {
            Some((origin, why)) if requests.path == CaddyPath::Changed => {
                (origin.clone(), CannotSay::new(why.clone(), WRITE_PATH))
            }
            _ if unknowns.is_empty() => (step.origin.clone(), CannotSay::new(NO_CONDITION, WRITE_CONDITION)),
            _ => (step.origin.clone(), CannotSay::new(unknowns, WRITE_CONDITION)),
        };
        for when in perhaps.alternatives() {
            let mut some = requests.clone();
            some.rule.route.when = when.clone();
            // What is said of the directive is that the route is shut because of the other.
            some.rule.say(&step.origin, Part::When);
            self.shut(some, &origin, cannot.clone());
        }
        if covers(&perhaps) { Rest::Nothing } else { Rest::All }
    }

    /// What the directive does with requests that it is for.
    fn apply(&mut self, step: &CaddyStep<'_>, here: Place<'_>, next: Place<'_>, mut requests: OnTheWay, depth: usize) {
        let origin = &step.origin;
        match step.node.name.as_str() {
            "handle" | "handle_path" | "route" | "invoke" => {
                requests.rule.say(origin, Part::When);
                let is_handle = step.node.name.starts_with("handle");
                let after = Place { handled: here.handled || is_handle, ..next };
                let inner = Place::start(&step.block, Some(&after));
                if step.node.name == "handle_path" {
                    return self.cut(step, &handled_prefix(step), inner, requests, depth);
                }
                if step.node.name == "invoke" && step.block.is_empty() {
                    let cannot =
                        CannotSay::new("no route of this name is known", "Write the route where it is invoked");
                    return self.shut(requests, origin, cannot);
                }
                self.go(inner, requests, depth);
            }
            "uri" if step.arg(0) == "strip_prefix" => {
                let prefix = format!("/{}", step.arg(1).trim_start_matches('/'));
                if prefix.ends_with('/') && prefix.len() > 1 {
                    let why = "what is left of a path begins without a slash, and a route cuts whole segments";
                    return self.shut(requests, origin, CannotSay::new(why, WRITE_PATH));
                }
                self.cut(step, &prefix, next, requests, depth);
            }
            "rewrite" | "uri" | "try_files" | "method" => {
                let what = if step.node.name == "method" { "another method" } else { "another path or query" };
                requests
                    .changed
                    .push((origin.clone(), format!("the gateway would get {what} than the client asked for")));
                if step.node.name != "method" {
                    requests.path = CaddyPath::Changed;
                }
                let next = Place { rewritten: next.rewritten || step.node.name == "rewrite", ..next };
                self.go(next, requests, depth);
            }
            "header" => {
                headers::response(step, &mut requests.rule);
                self.go(next, requests, depth);
            }
            "request_header" => match headers::request(step, &mut requests) {
                Ok(()) => self.go(next, requests, depth),
                Err(cannot) => self.shut(requests, origin, cannot),
            },
            "basic_auth" | "basicauth" => match access::basic_auth(step, &requests.rule.route.auth) {
                Ok(auth) => {
                    requests.rule.route.auth = auth;
                    access::say(step, &mut requests.rule);
                    self.go(next, requests, depth);
                }
                Err(cannot) => self.shut(requests, origin, cannot),
            },
            "forward_auth" => match access::forward_auth(step, &requests) {
                Ok(auth) => {
                    requests.rule.route.auth = auth;
                    access::say_forward(step, &mut requests.rule);
                    self.go(next, requests, depth);
                }
                Err(cannot) => self.shut(requests, origin, cannot),
            },
            "reverse_proxy" => self.proxy(step, requests),
            "respond" | "error" | "abort" | "redir" | "file_server" | "php_fastcgi" | "metrics" | "acme_server" => {
                match answer::answer(step, &mut requests) {
                    Ok(Some(answer)) => {
                        requests.rule.say(origin, Part::Answer);
                        self.end(requests, answer);
                    }
                    Ok(None) => self.go(next, requests, depth),
                    Err(cannot) => self.shut(requests, origin, cannot),
                }
            }
            name => match known::directive(name) {
                DirectiveClass::Guarding(write) => {
                    let cannot = CannotSay::new(known::why_guarding(name), write);
                    self.shut(requests, origin, cannot);
                }
                _ => self.go(next, requests, depth),
            },
        }
    }

    /// A prefix is cut off the paths that begin with it.
    fn cut(&mut self, step: &CaddyStep<'_>, prefix: &str, next: Place<'_>, requests: OnTheWay, depth: usize) {
        let prefix = prefix.trim_end_matches('/').to_owned();
        if prefix.is_empty() {
            return self.go(next, requests, depth);
        }
        if requests.path != CaddyPath::Whole
            || prefix.contains(['{', '%', '*'])
            || prefix.contains("//")
            || !prefix.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return self.shut(
                requests,
                &step.origin,
                CannotSay::new("a route cuts one fixed prefix off the path", WRITE_PATH),
            );
        }
        let Ok(within) = Condition::of(requests.rule.route.when.clone()).and(&path::starts_with(&prefix)) else {
            return self.shut(requests, &step.origin, CannotSay::new(NO_CONDITION, WRITE_CONDITION));
        };
        for when in within.alternatives() {
            let mut some = requests.clone();
            some.rule.route.when = when.clone();
            some.rule.route.strip_prefix = Some(prefix.clone());
            some.rule.say(&step.origin, Part::Strip);
            let text = format!("a path that spells {prefix} with other letters is refused with 400");
            some.rule.say(&step.origin, Part::Remark(ImportVerdict::Kept, text));
            some.path = CaddyPath::Cut(prefix.clone());
            self.go(next, some, depth);
        }
        if !within.alternatives().contains(&requests.rule.route.when) {
            self.go(next, requests, depth);
        }
    }

    fn proxy(&mut self, step: &CaddyStep<'_>, mut requests: OnTheWay) {
        if let Some((origin, why)) = requests.changed.first().cloned() {
            requests.rule.say(&step.origin, Part::Answer);
            return self.shut(requests, &origin, CannotSay::new(why, WRITE_PATH));
        }
        let by_regex = matches!(requests.rule.route.when.path, Some(DraftPath::Regex(_)));
        match proxy::upstream(step, &mut requests.rule, self.upstreams) {
            Ok(name) => {
                requests.rule.say(&step.origin, Part::Answer);
                if requests.rule.route.strip_prefix.is_some() && by_regex {
                    let why = "a prefix is cut off paths of a regular expression";
                    return self.shut(requests, &step.origin, CannotSay::new(why, WRITE_PATH));
                }
                self.end(requests, DraftAnswer::Upstream(name));
            }
            Err((origin, cannot)) => {
                requests.rule.say(&step.origin, Part::Answer);
                self.shut(requests, &origin, cannot);
            }
        }
    }

    /// The requests are refused, because the directive cannot be said.
    fn shut(&mut self, mut requests: OnTheWay, origin: &Origin, cannot: CannotSay) {
        requests.rule.shut(origin, cannot.why, cannot.write);
        self.end(requests, DraftAnswer::Default);
    }

    fn end(&mut self, requests: OnTheWay, answer: DraftAnswer) {
        let mut rule = requests.rule;
        rule.route.answer = answer;
        for (origin, _) in requests.changed {
            let text = "frontgate answers such requests itself, whatever their path".to_owned();
            rule.say(&origin, Part::Remark(ImportVerdict::NotNeeded, text));
        }
        self.rules.push(rule);
    }
}

/// What goes on behind a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Requests that the directive is not for.
    All,
    /// No request: the directive, or what follows it, has taken each.
    Nothing,
}

/// What `handle_path` cuts off.
fn handled_prefix(step: &CaddyStep<'_>) -> String {
    let path = step.matcher.as_ref().and_then(|matcher| matcher.single_path()).unwrap_or_default();
    path.trim_end_matches('*').to_owned()
}

const TOO_MANY: &str = "there are too many directives with conditions one behind the other";
const NO_CONDITION: &str = "no route can have its condition here";
const WRITE_CONDITION: &str = "Write a route with the condition that is meant";
const WRITE_PATH: &str =
    "Let the gateway take the path as it came: set gateway.controlUi.basePath where a page needs a prefix";
