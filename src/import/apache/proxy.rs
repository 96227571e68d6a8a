//! `ProxyPass` and what belongs to it: gateways, balancers, timeouts.

use std::time::Duration;

use super::directive::{CHALLENGE, is_challenge};
use super::known::seconds;
use super::scope::{ApacheScope, Here, Upgrade};
use super::{Apache, ApachePattern, ApacheTarget};
use crate::import::draft::DraftTimeouts;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::Rule;

impl Apache<'_, '_> {
    pub(super) fn proxy(&mut self, node: &ImportNode, scope: &mut ApacheScope, here: &mut Here) {
        let (place, shown) = (&node.place, &node.shown);
        let on = node.arg(0).eq_ignore_ascii_case("on");
        match node.name.as_str() {
            "proxypass" => self.pass(node, scope, here, false),
            "proxypassmatch" => self.pass(node, scope, here, true),
            "proxypreservehost" => {
                scope.keeps_host = Some(on);
                if on {
                    self.report.not_needed(place, shown, "Host goes on as it came");
                }
                // That the host is not kept is reported where something is forwarded, and here for the directive's own
                // sake.
                if !on {
                    self.report.wrong(
                        place,
                        shown,
                        "the gateway compares Host with the page's origin. frontgate forwards Host as it came",
                    );
                }
            }
            "proxyaddheaders" if on => {
                self.report.not_needed(place, shown, "frontgate always sends the client's address");
            }
            "proxyaddheaders" => self.report.wrong(place, shown, NO_ATTRIBUTION),
            "proxyrequests" if on => {
                self.report.wrong(
                    place,
                    shown,
                    "with it Apache forwards any client anywhere. frontgate forwards to its gateways only",
                );
            }
            "proxyrequests" => self.report.not_needed(place, shown, "frontgate forwards to its gateways only"),
            "timeout" | "proxytimeout" => match seconds(node.arg(0)) {
                Some(time) => {
                    let read = self.long_enough(node, time);
                    here.section.timeouts.read = read.or(here.section.timeouts.read);
                }
                None => self.report.dropped(place, shown, "it is no time: set timeouts.read"),
            },
            "proxyset" => {
                let settings = node.args.clone();
                let timeouts = self.settings(node, &settings);
                here.section.timeouts.connect = timeouts.connect.or(here.section.timeouts.connect);
                here.section.timeouts.read = timeouts.read.or(here.section.timeouts.read);
            }
            "balancermember" => {
                self.report.dropped(place, shown, "it belongs into <Proxy balancer://…>: list it under `upstreams`");
            }
            // The others rewrite what a gateway says of itself.
            _ => self.report.not_needed(
                place,
                shown,
                "the gateway knows the host and the path that the client asked for, and says them itself",
            ),
        }
    }

    /// The time without a byte after which a WebSocket was cut, unless it is too short to be taken over.
    fn long_enough(&mut self, node: &ImportNode, time: Duration) -> Option<Duration> {
        let (place, shown) = (&node.place, &node.shown);
        if time < Duration::from_hours(1) {
            let text = format!(
                "it ends a WebSocket after {} s without a byte, which clients see as 1006. frontgate waits for timeouts.read, 24 h, \
                 and finds peers that are gone by pings",
                time.as_secs()
            );
            self.report.wrong(place, shown, text);
            return None;
        }
        self.report.kept(place, shown, "timeouts: read");
        Some(time)
    }

    /// `ProxyPass` in a server, with a path, or in a section, without.
    fn pass(&mut self, node: &ImportNode, scope: &mut ApacheScope, here: &Here, is_match: bool) {
        let (place, shown) = (&node.place, &node.shown);
        let own_path = !here.paths.is_empty() && here.paths != ["/"]
            || node.args.len() == 1
            || ApacheTarget::of(node.arg(0)).is_ok();
        let (path, rest) = match node.args.split_first() {
            Some((path, rest)) if !own_path => (Some(path.as_str()), rest),
            _ => (None, node.args.as_slice()),
        };
        let Some((url, settings)) = rest.split_first() else {
            self.report.dropped(place, shown, "it has no URL: write the gateway's as `upstream`");
            return;
        };
        let mut is_exact = path.is_none() && here.is_exact;
        let (paths, template, about) = match path {
            None => (here.paths.clone(), None, ""),
            Some(expression) if is_match => {
                if let Some(pattern) = ApachePattern::of(expression) {
                    let about = if pattern.exact { "" } else { ", for a prefix that is not quite the same" };
                    is_exact = pattern.ends;
                    (pattern.prefixes, Some(pattern.template), about)
                } else {
                    let remedy =
                        "routes know prefixes, not regular expressions: write a route with the path that is meant";
                    self.report.dropped(place, shown, remedy);
                    return;
                }
            }
            Some(path) => (vec![path.to_owned()], None, ""),
        };
        let in_section = path.is_none();
        if url == "!" {
            self.excluded(node, &paths, in_section, scope);
            return;
        }
        // The words behind `$1` are the path's; the host is fixed.
        let target = match ApacheTarget::of(url) {
            Ok(target) => target,
            Err(why) => {
                self.report.dropped(place, shown, format!("{why}; the route answers 404"));
                let rules = paths.iter().map(|path| Self::not_forwarded(path));
                if in_section {
                    scope.located.extend(rules);
                } else {
                    scope.passed.extend(rules);
                }
                return;
            }
        };
        for path in &paths {
            self.same_path(node, path, template.as_deref(), target.path());
        }
        scope.keeps_paths.0 |= settings.iter().any(|setting| setting.eq_ignore_ascii_case("nocanon"));
        scope.opens_websockets |= settings.iter().any(|setting| setting.to_ascii_lowercase().starts_with("upgrade="));
        let timeouts = self.settings(node, settings);
        let rule = Rule { is_exact, timeouts, ..Rule::default() };
        self.forward(node, scope, paths, &target, &rule, in_section, about);
    }

    #[expect(clippy::too_many_arguments, reason = "what one directive says")]
    fn forward(
        &mut self,
        node: &ImportNode,
        scope: &mut ApacheScope,
        paths: Vec<String>,
        target: &ApacheTarget,
        rule: &Rule,
        in_section: bool,
        about: &str,
    ) {
        let noted = (node.place.clone(), node.shown.clone());
        let upstream = match target {
            ApacheTarget::Server { upstream, is_websocket: true, .. } => {
                for path in paths {
                    scope.upgrades.push(Upgrade { from: vec![noted.clone()], path, upstream: upstream.clone() });
                }
                return;
            }
            ApacheTarget::Server { upstream, .. } => upstream.clone(),
            ApacheTarget::Balancer { name, .. } => {
                self.used.insert(name.clone());
                name.clone()
            }
        };
        scope.proxies.get_or_insert_with(|| noted.clone());
        let whole = paths == ["/"];
        let routes = if whole { String::new() } else { format!("a route for {}{about}, to ", paths.join(", ")) };
        self.report.kept(&noted.0, &noted.1, format!("{routes}upstream: {upstream}"));
        for path in paths {
            let rule = Rule { path, answer: DraftAnswer::Upstream(upstream.clone()), ..rule.clone() };
            if in_section { scope.located.push(rule) } else { scope.passed.push(rule) }
        }
    }

    /// `ProxyPass /path !`
    fn excluded(&mut self, node: &ImportNode, paths: &[String], in_section: bool, scope: &mut ApacheScope) {
        if paths.iter().all(|path| is_challenge(path)) {
            self.report.dropped(&node.place, &node.shown, CHALLENGE);
            return;
        }
        self.report.kept(
            &node.place,
            &node.shown,
            "respond: 404; files that were served there need a web server and a route to it",
        );
        let rules = paths.iter().map(|path| Self::not_forwarded(path));
        if in_section { scope.located.extend(rules) } else { scope.passed.extend(rules) }
    }

    /// Says so where the gateway saw another path than the client asked for.
    pub(super) fn same_path(&mut self, node: &ImportNode, path: &str, template: Option<&str>, target: &str) {
        let same = match template {
            Some(template) => target == template || target == "%{REQUEST_URI}",
            None => target == path || path == "/" && target == "/",
        };
        if same {
            return;
        }
        let (place, shown) = (&node.place, &node.shown);
        let slash = target.is_empty() && path == "/"
            || target.strip_suffix('/') == Some(path)
            || path.strip_suffix('/') == Some(target);
        if template.is_none() && slash {
            let text = format!(
                "the path `{path}` and the URL do not end alike, so Apache put paths together wrongly, with a slash too many or too few. \
                 frontgate forwards the path as it came"
            );
            self.report.wrong(place, shown, text);
            return;
        }
        let base = path.trim_end_matches('/');
        let shown_target = if target.is_empty() { "/" } else { target };
        let text = format!(
            "it rewrites the path {path} to {shown_target}, so links and the WebSocket of the page miss the prefix. frontgate forwards \
             the path as it came: set gateway.controlUi.basePath to \"{base}\""
        );
        self.report.wrong(place, shown, text);
    }

    /// `timeout=600` and the like behind a URL.
    pub(super) fn settings(&mut self, node: &ImportNode, settings: &[String]) -> DraftTimeouts {
        let mut timeouts = DraftTimeouts::default();
        for setting in settings {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let (place, shown) = (&node.place, part(node, setting));
            match key.to_ascii_lowercase().as_str() {
                "timeout" => {
                    let named = ImportNode { shown, ..node.clone() };
                    timeouts.read = seconds(value).and_then(|time| self.long_enough(&named, time));
                }
                "connectiontimeout" => {
                    timeouts.connect = seconds(value).filter(|time| !time.is_zero());
                    match timeouts.connect {
                        Some(_) => self.report.kept(place, &shown, "timeouts: connect"),
                        None => self.report.not_needed(place, &shown, "timeouts.connect holds"),
                    }
                }
                "upgrade" => self.report.not_needed(place, &shown, "frontgate always forwards WebSocket upgrades"),
                "nocanon" | "noquery" | "mapping" => {
                    self.report.not_needed(place, &shown, "frontgate forwards the path byte for byte");
                }
                "interpolate" => self.report.dropped(place, &shown, "frontgate forwards to fixed gateways only"),
                "secret" => {
                    self.report.dropped(place, &part(node, "secret=…"), "it is AJP's, and frontgate forwards HTTP");
                }
                _ if CONNECTIONS.contains(&key.to_ascii_lowercase().as_str()) => {
                    self.report.not_needed(
                        place,
                        &shown,
                        "frontgate keeps and checks connections to the gateway by itself",
                    );
                }
                _ => self.report.dropped(
                    place,
                    &shown,
                    "this setting is not known here: see whether frontgate has to do it",
                ),
            }
        }
        timeouts
    }

    /// WebSockets with a rule of their own: where requests for the path go to the same gateway, that is what frontgate
    /// does.
    pub(super) fn upgrades(&mut self, scope: &mut ApacheScope) {
        let mut upgrades = std::mem::take(&mut scope.upgrades);
        scope.opens_websockets |= !upgrades.is_empty();
        upgrades.sort_by_key(|upgrade| std::cmp::Reverse(upgrade.path.len()));
        for upgrade in upgrades {
            let answer = scope.paths().at(&upgrade.path).map(|rule| rule.answer.clone());
            for (place, shown) in &upgrade.from {
                match &answer {
                    Some(DraftAnswer::Upstream(same)) if *same == upgrade.upstream => {
                        self.report.not_needed(
                            place,
                            shown,
                            "frontgate always forwards WebSocket upgrades, like any request of their path",
                        );
                    }
                    None => {
                        self.report.kept(
                            place,
                            shown,
                            format!("a route for {}, for requests as for WebSockets", upgrade.path),
                        );
                    }
                    Some(_) if upgrade.path != "/" => {
                        self.report.kept(
                            place,
                            shown,
                            format!("a route for {}, for requests as for WebSockets", upgrade.path),
                        );
                    }
                    Some(_) => {
                        let remedy = format!(
                            "WebSockets went to {} and requests elsewhere, and frontgate sends both to one gateway: give the WebSockets \
                             a path and a route",
                            upgrade.upstream
                        );
                        self.report.dropped(place, shown, remedy);
                    }
                }
            }
            match answer {
                None => scope.adopt(&upgrade),
                Some(DraftAnswer::Upstream(same)) if same == upgrade.upstream => {}
                Some(_) if upgrade.path != "/" => {
                    let answer = DraftAnswer::Upstream(upgrade.upstream.clone());
                    scope.rewritten.insert(0, Rule { path: upgrade.path.clone(), answer, ..Rule::default() });
                }
                Some(_) => {}
            }
        }
    }
}

/// One setting of a directive, as the report shows it.
pub(super) fn part(node: &ImportNode, setting: &str) -> String {
    let name = node.shown.split(' ').next().unwrap_or_default();
    format!("{name} … {setting}")
}

const NO_ATTRIBUTION: &str = "without forwarding headers the gateway takes every browser for a local one and pairs it with admin rights. \
                              frontgate always sends the client's address: set gateway.trustedProxies";

/// Settings of a worker that concern its connections.
const CONNECTIONS: [&str; 20] = [
    "retry",
    "keepalive",
    "disablereuse",
    "enablereuse",
    "flushpackets",
    "flushwait",
    "max",
    "min",
    "smax",
    "acquire",
    "ttl",
    "ping",
    "iobuffersize",
    "responsefieldsize",
    "receivebuffersize",
    "address_ttl",
    "addressttl",
    "failonstatus",
    "failontimeout",
    "maxattempts",
];
