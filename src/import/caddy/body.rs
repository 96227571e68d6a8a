//! [`CaddyBody`]: what the directives of a site, or of a `handle` in it, do at which path.

use std::cmp::Reverse;

use super::Caddy;
use super::context::Context;
use super::known::{self, CaddyKnownDirective, size};
use super::matcher::{Matcher, More, named};
use crate::import::ImportPlace;
use crate::import::node::ImportNode;
use crate::import::old::DraftAuth;
use crate::import::paths::{ImportAccess, ImportSection, Rule, respond};

/// What is done, for all hosts or for some.
#[derive(Debug, Clone, Default)]
pub(super) struct CaddyBody {
    /// What is done at each path; of the rules that match, the first wins.
    pub(super) rules: Vec<(Vec<String>, Rule)>,
    /// What else holds, path by path.
    pub(super) sections: Vec<(Vec<String>, ImportSection)>,
    /// Rules for WebSockets only: the place and the line of the directive, the path, the upstream.
    pub(super) upgrades: Vec<(ImportPlace, String, String, String)>,
    /// Everything is sent to https, as this directive says.
    pub(super) to_https: Option<(ImportPlace, String)>,
    /// The folders from which files are served.
    pub(super) roots: Vec<(ImportPlace, String)>,
}

impl Caddy {
    /// The directives of one level. Caddy sorts them by their names, and those of one name by their paths; in `route`
    /// they stay as written.
    pub(super) fn body(&mut self, nodes: &[ImportNode], context: &Context, is_sorted: bool) -> CaddyBody {
        let mut context = context.clone();
        context.matchers.extend(named(nodes));
        let stripped = context.stripped(nodes);
        let mut body = CaddyBody::default();
        let mut order: Vec<(&ImportNode, Matcher, usize)> = Vec::new();
        for node in nodes {
            if node.name.starts_with('@') {
                self.matcher(node, &context.matchers[&node.name]);
                continue;
            }
            let is_before = BEFORE_URI.contains(&node.name.as_str());
            let (matcher, skip) = self.matcher_of(node, if is_before { &context } else { &stripped });
            order.push((node, matcher, skip));
        }
        if is_sorted {
            order.sort_by_key(|(node, matcher, _)| {
                let class = CLASSES.iter().position(|names| names.contains(&node.name.as_str())).unwrap_or_default();
                let longest = matcher.paths.iter().map(String::len).max().unwrap_or_default();
                (class, Reverse(usize::from(!matcher.is_all()) * (1 + longest)))
            });
        }
        for (node, matcher, skip) in order {
            let args = node.args.get(skip..).unwrap_or_default().to_vec();
            let node = ImportNode { args, ..node.clone() };
            let is_before = BEFORE_URI.contains(&node.name.as_str());
            self.directive(&node, &matcher, if is_before { &context } else { &stripped }, &mut body);
        }
        for (_, rule) in &mut body.rules {
            let outer = body.sections.iter().filter(|(hosts, _)| hosts.is_empty()).map(|(_, section)| section.clone());
            rule.sections = outer.chain(std::mem::take(&mut rule.sections)).collect();
        }
        for (hosts, section) in body.sections.iter().filter(|(hosts, _)| !hosts.is_empty()) {
            for (_, rule) in body.rules.iter_mut().filter(|(own, _)| own.iter().any(|host| hosts.contains(host))) {
                rule.sections.insert(0, section.clone());
            }
        }
        body
    }

    /// Says what becomes of a matcher's conditions.
    fn matcher(&mut self, node: &ImportNode, matcher: &Matcher) {
        let mut lines = vec![node];
        while let Some(line) = lines.pop() {
            let (place, shown) = (&line.place, &line.shown);
            if matcher.more != More::Nothing {
                self.report.dropped(
                    place,
                    shown,
                    "routes ask for a host and a path only: see what becomes of the directives with this matcher",
                );
            } else if matcher.is_upgrade {
                self.report.not_needed(place, shown, "frontgate always forwards WebSocket upgrades");
            } else {
                let about = if matcher.exact { "" } else { ", for a prefix that is not quite the same" };
                self.report.kept(place, shown, format!("the host and path of routes{about}"));
            }
            lines.extend(line.inner());
        }
    }

    fn directive(&mut self, node: &ImportNode, matcher: &Matcher, context: &Context, body: &mut CaddyBody) {
        let (place, shown) = (&node.place, &node.shown);
        if matcher.paths.is_empty() {
            if matcher.more != More::Nothing {
                self.report.dropped(place, shown, MATCHER);
            }
            self.part_of(node);
            return;
        }
        let hosts = if matcher.hosts.is_empty() { context.hosts.clone() } else { matcher.hosts.clone() };
        let sections = |change: ImportSection| -> Vec<(Vec<String>, ImportSection)> {
            let paths = matcher.paths.iter();
            paths
                .map(|path| {
                    (
                        hosts.clone(),
                        ImportSection { path: path.clone(), is_exact: matcher.only.contains(path), ..change.clone() },
                    )
                })
                .collect()
        };
        match node.name.as_str() {
            "reverse_proxy" => self.reverse_proxy(node, matcher, &hosts, body),
            "handle" | "handle_path" | "route" => self.handle(node, matcher, &hosts, context, body),
            "header" | "request_header" => {
                let is_request = node.name == "request_header";
                let mut change = ImportSection::default();
                self.headers(node, is_request, &mut change);
                if matcher.more == More::Nothing {
                    body.sections.extend(sections(change));
                } else {
                    self.report.dropped(place, shown, MATCHER);
                }
            }
            "basic_auth" | "basicauth" => {
                let change = self.basic_auth(node);
                if matcher.more != More::Nothing {
                    self.report.dropped(
                        place,
                        shown,
                        "routes ask for a host and a path only: every client needs the password there",
                    );
                }
                body.sections.extend(sections(change));
                let open = |path: &String| ImportSection {
                    path: path.clone(),
                    is_exact: matcher.only.contains(path),
                    auth: DraftAuth::None,
                    gate: ImportAccess::Open,
                    ..ImportSection::default()
                };
                body.sections.extend(matcher.except.iter().map(|path| (hosts.clone(), open(path))));
            }
            "forward_auth" | "authorize" | "authenticate" => {
                self.report.dropped(place, shown, "frontgate asks no other program which users may pass; so that nothing is open that was not, the route answers 403: replace its `respond` by an `auth` or by nothing");
                self.part_of(node);
                let why = format!("`{shown}` ({place}) cannot be translated.");
                body.sections
                    .extend(sections(ImportSection { gate: ImportAccess::Shut(why), ..ImportSection::default() }));
            }
            "redir" => self.redir(node, matcher, &hosts, body),
            "respond" | "error" | "abort" => self.respond(node, matcher, &hosts, body),
            "root" => body.roots.push((place.clone(), shown.clone())),
            "file_server" | "php_fastcgi" | "cgi" | "webdav" => {
                let remedy = "frontgate serves no files and runs no programs; the route answers 404: keep a web server for them, and give it a route with an upstream of its own";
                self.report.dropped(place, shown, remedy);
                self.part_of(node);
                if matcher.more == More::Nothing {
                    let comment = vec!["Not forwarded: served by the old proxy itself.".to_owned()];
                    Self::rules(matcher, &hosts, &Rule { answer: respond(404), comment, ..Rule::default() }, body);
                }
            }
            "request_body" => self.request_body(node),
            "log" => self.log(node),
            "bind" => self.report.kept(place, shown, "listen"),
            "tls" => {}
            "uri" if node.arg(0) == "strip_prefix" => self.report.wrong(place, shown, strips(node.arg(1))),
            _ => self.unknown(node, known::directive(&node.name)),
        }
    }

    pub(super) fn unknown(&mut self, node: &ImportNode, known: Option<CaddyKnownDirective>) {
        let (place, shown) = (&node.place, &node.shown);
        match known {
            Some(CaddyKnownDirective::NotNeeded(why)) => self.report.not_needed(place, shown, why),
            Some(CaddyKnownDirective::Dropped(remedy)) => self.report.dropped(place, shown, remedy),
            None => self.report.dropped(
                place,
                shown,
                "this is not known here: see what it does, and whether frontgate has to do it",
            ),
        }
        self.part_of(node);
    }

    /// A rule at each path of the matcher.
    pub(super) fn rules(matcher: &Matcher, hosts: &[String], rule: &Rule, body: &mut CaddyBody) {
        for path in &matcher.paths {
            body.rules.push((
                hosts.to_vec(),
                Rule {
                    path: path.clone(),
                    is_exact: matcher.only.contains(path),
                    except: matcher.except.clone(),
                    ..rule.clone()
                },
            ));
        }
    }

    fn request_body(&mut self, node: &ImportNode) {
        self.report.kept(&node.place, &node.shown, "limits, as far as its block says");
        for inner in node.inner() {
            let (place, shown) = (&inner.place, &inner.shown);
            match (inner.name.as_str(), size(inner.arg(0))) {
                ("max_size", Some(bytes)) => {
                    self.draft.limits.request_body = self.draft.limits.request_body.max(Some(bytes));
                    self.report.kept(place, shown, "limits.request_body, for all routes");
                }
                _ => self.report.dropped(place, shown, "limits.request_body and timeouts.read are what frontgate has"),
            }
        }
    }
}

/// Directives that see the path before `uri` changes it.
const BEFORE_URI: &[&str] =
    &["map", "vars", "root", "log", "header", "request_body", "redir", "method", "rewrite", "uri"];

/// The order in which Caddy asks its directives; it asks all others before these.
const CLASSES: &[&[&str]] = &[
    &[],
    &["redir"],
    &["handle", "handle_path"],
    &["route"],
    &["abort"],
    &["error"],
    &["respond"],
    &["reverse_proxy"],
    &["php_fastcgi"],
    &["file_server"],
];

pub(super) const MATCHER: &str =
    "routes ask for a host and a path only: write a route for what is meant, if the gateway needs it";

pub(super) fn strips(prefix: &str) -> String {
    format!(
        "it takes {prefix} off the path, so links and the WebSocket of the page miss it. frontgate forwards the path as it came: set \
         gateway.controlUi.basePath to \"{prefix}\""
    )
}
