//! [`Notes`]: what the report says of rules, made of the routes that they became.

use std::collections::{HashMap, HashSet};

use crate::import::draft::{DraftAnswer, DraftAuth, DraftOidc, DraftRoute};
use crate::import::report::{ImportReport, ImportVerdict};
use crate::import::tree::{HostName, ImportRule, ImportServer, Origin, Part, Shut};
use crate::import::write;

/// What became of the rules so far.
#[derive(Default)]
pub(super) struct Notes {
    /// What is said at once, in this order.
    said: Vec<(Origin, ImportVerdict, String)>,
    /// Directives of which something is in the file.
    landed: HashSet<Origin>,
    /// What is said of directives of which nothing is in the file.
    unreached: Vec<(Origin, String)>,
    /// The routes that each guard shuts.
    shut: Vec<(Shut, Vec<String>)>,
    /// Which names each server's routes are for, and whether the rest is answered 404.
    servers: HashMap<Origin, (Vec<String>, bool)>,
}

impl Notes {
    /// Notes that a server's routes for a name are in the file.
    pub(super) fn server(&mut self, origin: &Origin, host: Option<&HostName>) -> Origin {
        let name = match host {
            None => "every other host".to_owned(),
            Some(HostName::Exact(name)) => name.clone(),
            Some(HostName::Below(name)) => format!("*.{name}"),
            Some(HostName::Regex(regex)) => format!("hosts like {regex}"),
        };
        let (names, _) = self.servers.entry(origin.clone()).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
        origin.clone()
    }

    /// Notes that what no rule of the server takes is answered 404.
    pub(super) fn rest(&mut self, server: Origin) {
        self.servers.entry(server).or_default().1 = true;
    }

    /// Notes that the rule has become this route.
    pub(super) fn landed(&mut self, rule: &ImportRule, route: &DraftRoute, is_shut: bool) {
        for shut in &rule.shut {
            self.landed.insert(shut.origin.clone());
            if !is_shut {
                let text = format!("{} answers {} anyway", subject(route), answer(route));
                self.say(&shut.origin, ImportVerdict::NotNeeded, text);
                continue;
            }
            match self.shut.iter_mut().find(|(known, _)| known == shut) {
                Some((_, routes)) => routes.push(subject(route)),
                None => self.shut.push((shut.clone(), vec![subject(route)])),
            }
        }
        for said in &rule.said {
            self.landed.insert(said.origin.clone());
            if rule.shut.iter().any(|shut| shut.origin == said.origin) {
                continue;
            }
            let (verdict, text) = if is_shut {
                let why = rule.shut.first().map(|shut| shut.origin.place.to_string()).unwrap_or_default();
                (ImportVerdict::Dropped, format!("{} answers 403 because of {why}", subject(route)))
            } else {
                became(&said.part, route)
            };
            self.say(&said.origin, verdict, text);
        }
    }

    /// Notes that no request reaches the rule, because of an earlier route.
    pub(super) fn unreached(&mut self, rule: &ImportRule, earlier: &DraftRoute) {
        let text = format!("not reached: {} takes its requests and gives {}", subject(earlier), answer(earlier));
        let origins = rule.said.iter().map(|said| &said.origin).chain(rule.shut.iter().map(|shut| &shut.origin));
        self.unreached.extend(origins.map(|origin| (origin.clone(), text.clone())));
    }

    /// Notes that the rule is not for the hosts of a server that has it.
    pub(super) fn never(&mut self, rule: &ImportRule) {
        let origins = rule.said.iter().map(|said| &said.origin).chain(rule.shut.iter().map(|shut| &shut.origin));
        let text = "not reached: other servers answer for the host that it is for".to_owned();
        self.unreached.extend(origins.map(|origin| (origin.clone(), text.clone())));
    }

    fn say(&mut self, origin: &Origin, verdict: ImportVerdict, text: String) {
        self.said.push((origin.clone(), verdict, text));
    }

    /// Says everything.
    pub(super) fn report(self, servers: &[ImportServer], report: &mut ImportReport) {
        for (shut, routes) in self.shut {
            let (more, first) = (routes.len() - 1, &routes[0]);
            let also = if more > 0 { format!(", as do {more} more") } else { String::new() };
            let Shut { origin, why, write } = shut;
            let text = format!("{why}; so that nothing is open that was shut, {first} answers 403{also}. {write}");
            report.dropped(&origin.place, &origin.shown, text);
        }
        for (origin, verdict, text) in self.said {
            report.say(&origin.place, &origin.shown, verdict, text);
        }
        for (origin, text) in self.unreached {
            if !self.landed.contains(&origin) {
                report.not_needed(&origin.place, &origin.shown, text);
            }
        }
        for server in servers {
            let (place, shown) = (&server.origin.place, &server.origin.shown);
            match self.servers.get(&server.origin) {
                Some((names, rest)) => {
                    let end = if *rest { "; what no route takes is answered 404" } else { "" };
                    report.kept(place, shown, format!("routes for {}{end}", names.join(", ")));
                }
                None if report.mentions(place) => {}
                None => {
                    report.dropped(place, shown, "not reached: other servers answer for its names at its addresses");
                }
            }
        }
    }
}

/// The route as the subject of a sentence.
fn subject(route: &DraftRoute) -> String {
    let mut words = Vec::new();
    words.extend(route.host.as_ref().map(|host| format!("host {host}")));
    if !route.listeners.is_empty() {
        words.push(format!("listener {}", route.listeners.join(" and ")));
    }
    let when = write::conditions(&route.when);
    words.push(if when.is_empty() { "every path".to_owned() } else { when });
    format!("the route for {}", words.join(", "))
}

/// The answer of a route, in words.
fn answer(route: &DraftRoute) -> String {
    match &route.answer {
        DraftAnswer::Default => "the gateway's answer".to_owned(),
        DraftAnswer::Upstream(name) => format!("the answer of {name}"),
        DraftAnswer::Respond(answer) if answer.status == 444 => "none, but closes the connection".to_owned(),
        DraftAnswer::Respond(answer) => answer.status.to_string(),
        DraftAnswer::Redirect { to, status } => format!("{status} to {to}"),
        DraftAnswer::Https(status) => format!("{status} to https"),
    }
}

/// What a part of a rule is in the route.
fn became(part: &Part, route: &DraftRoute) -> (ImportVerdict, String) {
    let kept = |text: String| (ImportVerdict::Kept, text);
    let needless = || (ImportVerdict::NotNeeded, format!("{} gives {} by itself", subject(route), answer(route)));
    let named = |list: &[String], name: &str| list.iter().any(|known| known.eq_ignore_ascii_case(name));
    let sets = |list: &[(String, String)], name: &str| list.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    match part {
        Part::When => kept(subject(route)),
        Part::Auth => match &route.auth {
            DraftAuth::Basic { users, .. } => {
                kept(format!("auth: basic, {} users, in {}", users.len(), subject(route)))
            }
            DraftAuth::Oidc(oidc) => kept(format!("auth: oidc, {}, in {}", oidc.issuer, subject(route))),
            DraftAuth::Forward { url, .. } => kept(format!("auth: forward, {url}, in {}", subject(route))),
            _ => kept(format!("no password is asked for in {}", subject(route))),
        },
        Part::Addresses => {
            let lists = [("allow", &route.allow), ("deny", &route.deny), ("from", &route.when.from)];
            let lists = lists.iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                format!("{key}: [{}]", list.join(", "))
            });
            let words: Vec<String> = lists.collect();
            match (words.is_empty(), &route.answer) {
                (false, _) => kept(format!("{}, in {}", words.join(", "), subject(route))),
                (true, DraftAnswer::Respond(_)) => kept(format!("{} answers {}", subject(route), answer(route))),
                (true, _) => kept(format!("{} is for clients of all networks", subject(route))),
            }
        }
        Part::Answer => match &route.answer {
            DraftAnswer::Default | DraftAnswer::Upstream(_) => {
                kept(format!("upstream, in {}: {}", subject(route), answer(route)))
            }
            _ => kept(format!("{} gives {}", subject(route), answer(route))),
        },
        Part::Strip => match &route.strip_prefix {
            Some(prefix) => kept(format!("strip_prefix: {prefix}, in {}", subject(route))),
            None => needless(),
        },
        Part::UserHeader(name) => match &route.auth {
            DraftAuth::Basic { user_headers, .. } | DraftAuth::Oidc(DraftOidc { user_headers, .. })
                if named(user_headers, name) =>
            {
                kept(format!("auth.user_header: {name}, in {}", subject(route)))
            }
            _ if named(&route.request_headers.remove, name) => {
                kept(format!("no user gives a password in {}, so {name} is removed there", subject(route)))
            }
            _ if route.answer.forwards() => (
                ImportVerdict::NotNeeded,
                format!("no user gives a password in {}, and no {name} of a client passes", subject(route)),
            ),
            _ => needless(),
        },
        Part::RequestHeader(name) if sets(&route.request_headers.set, name) => {
            kept(format!("request_headers: set {name}"))
        }
        Part::RequestHeader(name) if named(&route.request_headers.remove, name) => {
            kept(format!("request_headers: remove {name}"))
        }
        Part::ResponseHeader(name) if sets(&route.response_headers.set, name) => {
            kept(format!("response_headers: set {name}"))
        }
        Part::ResponseHeader(name) if named(&route.response_headers.remove, name) => {
            kept(format!("response_headers: remove {name}"))
        }
        Part::Timeouts if route.answer.forwards() => kept("timeouts".to_owned()),
        Part::RequestHeader(_) | Part::ResponseHeader(_) | Part::Timeouts => needless(),
        Part::Remark(verdict, text) => (*verdict, text.clone()),
    }
}
