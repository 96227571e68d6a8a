//! Answers of the proxy's own: `redir`, `respond`, `error` and `abort`.

use super::Caddy;
use super::body::{CaddyBody, MATCHER};
use super::matcher::{Matcher, More};
use crate::import::draft::DraftRespond;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{Rule, respond};

impl Caddy {
    pub(super) fn redir(&mut self, node: &ImportNode, matcher: &Matcher, hosts: &[String], body: &mut CaddyBody) {
        let (place, shown) = (&node.place, &node.shown);
        let to = node.arg(0);
        let code = match node.arg(1) {
            "permanent" => 301,
            code => code.parse().unwrap_or(302),
        };
        let keeps_path = to.ends_with("{uri}") || to.ends_with("{http.request.uri}") || to.ends_with("{path}");
        if matcher.more != More::Nothing {
            self.report.dropped(place, shown, MATCHER);
            return;
        }
        if to.starts_with("https://") && keeps_path && matcher.is_all() {
            body.to_https = Some((place.clone(), shown.clone()));
        }
        let bare = to.trim_end_matches("{uri}").trim_end_matches("{http.request.uri}").trim_end_matches("{path}");
        if bare.contains('{') && body.to_https.is_none() {
            self.report.dropped(place, shown, "`respond` has one location, the same for every request: write a route for it, or let the gateway redirect");
            return;
        }
        if matcher.paths == ["/"] && !bare.contains("://") {
            self.report.dropped(
                place,
                shown,
                "from / to a path would go round in circles: routes know prefixes, and / is everything",
            );
            return;
        }
        let location = if keeps_path && bare.matches('/').count() == 2 { format!("{bare}/") } else { bare.to_owned() };
        if body.to_https.is_none() || !bare.contains('{') {
            let lost = if keeps_path { ", without the path" } else { "" };
            let about = if matcher.exact { "" } else { ", for a prefix that is not quite the same" };
            self.report.kept(place, shown, format!("a route that answers {code}{lost}{about}"));
        }
        let answer = DraftAnswer::Respond(DraftRespond { status: code, location: Some(location), body: None });
        Self::rules(matcher, hosts, &Rule { answer, ..Rule::default() }, body);
    }

    pub(super) fn respond(&mut self, node: &ImportNode, matcher: &Matcher, hosts: &[String], body: &mut CaddyBody) {
        let (place, shown) = (&node.place, &node.shown);
        let is_code = |word: &str| word.len() == 3 && word.chars().all(|c| c.is_ascii_digit());
        let (mut text, code) = match (node.arg(0), node.arg(1)) {
            ("", _) => ("", if node.name == "abort" { 403 } else { 200 }),
            (code, "") if is_code(code) => ("", code.parse().unwrap_or(200)),
            (text, code) => (text, code.parse().unwrap_or(if node.name == "error" { 500 } else { 200 })),
        };
        for inner in node.inner() {
            if inner.name == "body" {
                text = inner.arg(0);
                self.report.kept(&inner.place, &inner.shown, "respond: body");
            } else {
                self.report.not_needed(&inner.place, &inner.shown, "frontgate keeps the connection");
            }
        }
        let shuts = code >= 400;
        if matcher.more != More::Nothing && !(shuts && matcher.more == More::Barrier) {
            self.report.dropped(place, shown, MATCHER);
            return;
        }
        let mut rule = Rule { answer: respond(code), ..Rule::default() };
        if let DraftAnswer::Respond(answer) = &mut rule.answer {
            answer.body = (!text.is_empty() && node.name != "error").then(|| text.to_owned());
            if text.contains('{') && text.contains('}') {
                self.report.dropped(place, shown, "`respond` has one body, the same for every request");
            }
        }
        if matcher.more == More::Nothing {
            let about = if matcher.exact { "" } else { ", for a prefix that is not quite the same" };
            self.report.kept(place, shown, format!("a route that answers {code}{about}"));
        } else {
            self.report.dropped(place, shown, FOR_ALL);
            rule.comment = vec![format!("`{shown}` ({place}) held for some clients only.")];
        }
        Self::rules(matcher, hosts, &rule, body);
    }
}

const FOR_ALL: &str = "routes ask for a host and a path only; so that nothing is open that was not, it holds for every client: let a firewall \
                       choose which clients to let in, and remove `respond`";
