//! `mod_rewrite`: the recipes that people use with a gateway. A rule that is none of them is reported.

use super::condition::Condition;
use super::directive::{CHALLENGE, is_challenge};
use super::redirect::status;
use super::requirements::ApacheNoted;
use super::scope::{ApacheScope, Here, Upgrade};
use super::{Apache, ApachePattern, ApacheTarget};
use crate::import::draft::DraftRespond;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{Rule, respond};

impl Apache<'_, '_> {
    /// `RewriteEngine`, `RewriteCond` and `RewriteRule`.
    pub(super) fn rewrite(&mut self, node: &ImportNode, scope: &mut ApacheScope, here: &mut Here) {
        match node.name.as_str() {
            "rewriteengine" => {
                scope.rewrites = node.arg(0).eq_ignore_ascii_case("on");
                self.report.not_needed(&node.place, &node.shown, "what the rules do is said at each of them");
            }
            "rewritecond" => scope.conditions.push(node.clone()),
            _ => {
                let conditions = std::mem::take(&mut scope.conditions);
                if scope.rewrites {
                    self.rule(node, &conditions, scope, here);
                } else {
                    for one in conditions.iter().chain([node]) {
                        self.report.not_needed(&one.place, &one.shown, "without RewriteEngine on it did nothing");
                    }
                }
            }
        }
    }

    /// Reports the conditions that no rule followed, at the end of a server.
    pub(super) fn conditions_without_rule(&mut self, scope: &mut ApacheScope) {
        for one in std::mem::take(&mut scope.conditions) {
            self.report.not_needed(&one.place, &one.shown, "no rule follows it");
        }
    }

    fn rule(&mut self, node: &ImportNode, conditions: &[ImportNode], scope: &mut ApacheScope, here: &Here) {
        let (expression, target) = (node.arg(0), node.arg(1));
        let flags = flags(node.arg(2));
        let has = |flag: &str| flags.iter().any(|one| one == flag || one.starts_with(&format!("{flag}=")));
        let asked: Vec<Condition> = conditions.iter().map(Condition::of).collect();
        let noted: Vec<ApacheNoted> =
            conditions.iter().chain([node]).map(|one| (one.place.clone(), one.shown.clone())).collect();
        let in_section = !here.paths.is_empty() && here.paths != ["/"];
        let pattern = if in_section && matches!(expression, ".*" | "(.*)" | "^(.*)$" | "^" | "^(.*)") {
            Some(ApachePattern { prefixes: here.paths.clone(), exact: true, ends: false, template: "/$1".into() })
        } else {
            ApachePattern::of(expression)
        };
        let pattern = asked.iter().fold(pattern, |pattern, condition| match (condition, pattern) {
            (Condition::Path(path), Some(all)) if all.prefixes == ["/"] => {
                Some(ApachePattern { template: all.template, ..path.clone() })
            }
            (Condition::Path(_), _) => None,
            (_, pattern) => pattern,
        });
        let only =
            |allowed: &[Condition]| asked.iter().all(|one| allowed.contains(one) || matches!(one, Condition::Path(_)));
        let web = [Condition::Upgrade, Condition::Host];
        let plain = [Condition::Plain, Condition::Host, Condition::Challenge, Condition::NoUpgrade];
        let to_https = target.to_ascii_lowercase().starts_with("https://") && keeps_path(target);
        if to_https && only(&plain) && pattern.as_ref().is_some_and(|pattern| pattern.prefixes == ["/"]) {
            let secure = scope.tls == Some(true);
            for (place, shown) in &noted {
                if secure {
                    self.report.not_needed(place, shown, "what comes in at listen.https has TLS");
                } else {
                    self.report.kept(place, shown, "listen.http, which redirects everything to https");
                }
            }
            if !secure {
                scope.to_https = noted.into_iter().next_back();
            }
            return;
        }
        if asked.contains(&Condition::Other) || pattern.is_none() {
            let challenge = is_challenge(expression) || asked.contains(&Condition::Challenge);
            self.drop_rule(&noted, if challenge { CHALLENGE } else { RULE });
            self.keep_shut(&noted, &flags, expression, scope);
            return;
        }
        let Some(pattern) = pattern else { return };
        if has("p") {
            let target_url = target.replace("%{REQUEST_URI}", &pattern.template);
            match ApacheTarget::of(&target_url) {
                Err(why) => self.drop_rule(&noted, &why),
                Ok(target) if only(&web) => self.forward_rule(node, &noted, &asked, &pattern, &target, scope),
                Ok(target) if only(&[Condition::NoUpgrade, Condition::Host, Condition::Secure]) => {
                    self.forward_rule(node, &noted, &[], &pattern, &target, scope);
                }
                Ok(_) => self.drop_rule(&noted, RULE),
            }
            return;
        }
        let answer = if has("f") {
            Some(respond(403))
        } else if has("g") {
            Some(respond(410))
        } else {
            Self::redirection(target, &flags)
        };
        match answer {
            Some(answer) if only(&[Condition::Host, Condition::Secure]) => {
                let about = if pattern.exact { "" } else { ", for a prefix that is not quite the same" };
                for (place, shown) in &noted {
                    self.report.kept(
                        place,
                        shown,
                        format!("a route for {} that answers{about}", pattern.prefixes.join(", ")),
                    );
                }
                let is_exact = pattern.ends;
                let rules = pattern.prefixes.into_iter().map(|path| Rule {
                    path,
                    is_exact,
                    answer: answer.clone(),
                    ..Rule::default()
                });
                scope.rewritten.extend(rules);
            }
            _ if target == "-" && !has("r") => {
                for (place, shown) in &noted {
                    self.report.not_needed(place, shown, "it only ends the rules for such paths");
                }
            }
            _ => self.drop_rule(&noted, RULE),
        }
    }

    /// Translates a rule with `[P]`.
    fn forward_rule(
        &mut self,
        node: &ImportNode,
        noted: &[ApacheNoted],
        asked: &[Condition],
        pattern: &ApachePattern,
        target: &ApacheTarget,
        scope: &mut ApacheScope,
    ) {
        for path in &pattern.prefixes {
            self.same_path(node, path, Some(&pattern.template), target.path());
        }
        let upstream = match target {
            ApacheTarget::Server { upstream, .. } => upstream.clone(),
            ApacheTarget::Balancer { name, .. } => {
                self.used.insert(name.clone());
                name.clone()
            }
        };
        let is_websocket = matches!(target, ApacheTarget::Server { is_websocket: true, .. });
        if is_websocket || asked.contains(&Condition::Upgrade) {
            for path in &pattern.prefixes {
                scope.upgrades.push(Upgrade { from: noted.to_vec(), path: path.clone(), upstream: upstream.clone() });
            }
            return;
        }
        scope.proxies.get_or_insert_with(|| (node.place.clone(), node.shown.clone()));
        for (place, shown) in noted {
            self.report.kept(place, shown, format!("a route for {}", pattern.prefixes.join(", ")));
        }
        let answer = DraftAnswer::Upstream(upstream);
        let rules = pattern.prefixes.iter().map(|path| Rule {
            path: path.clone(),
            is_exact: pattern.ends,
            answer: answer.clone(),
            ..Rule::default()
        });
        scope.rewritten.extend(rules);
    }

    fn drop_rule(&mut self, noted: &[ApacheNoted], remedy: &str) {
        for (place, shown) in noted {
            self.report.dropped(place, shown, remedy);
        }
    }

    /// A rule that refused something and cannot be translated shuts what begins alike.
    fn keep_shut(&mut self, noted: &[ApacheNoted], flags: &[String], expression: &str, scope: &mut ApacheScope) {
        if !flags.iter().any(|flag| flag == "f" || flag == "r=401" || flag == "r=403") {
            return;
        }
        let beginning = ApachePattern::beginning(expression);
        if let Some((place, shown)) = noted.last()
            && beginning.len() > 1
        {
            self.report.dropped(
                place,
                shown,
                format!("so that nothing is open that was not, everything below {beginning} answers 403"),
            );
            let comment = vec![format!("`{shown}` ({place}) cannot be translated.")];
            scope.rewritten.insert(0, Rule { path: beginning, answer: respond(403), comment, ..Rule::default() });
        }
    }

    /// The answer of a rule with `[R]`, if it is the same for every request.
    fn redirection(target: &str, flags: &[String]) -> Option<DraftAnswer> {
        let flag = flags.iter().find(|flag| *flag == "r" || flag.starts_with("r=")).map(String::as_str);
        let absolute = target.contains("://");
        let code = match flag {
            Some(flag) => status(flag.strip_prefix("r=").unwrap_or("302"))?,
            None if absolute => 302,
            None => return None,
        };
        if target == "-" || !(300..400).contains(&code) {
            return Some(respond(code));
        }
        let fixed = !target.contains(['$', '%']);
        fixed
            .then(|| DraftAnswer::Respond(DraftRespond { status: code, location: Some(target.to_owned()), body: None }))
    }
}

const RULE: &str = "frontgate rewrites nothing and knows no conditions: if the gateway needs it, write a route with the path and an \
                    `upstream` or a `respond`";

/// The flags of a rule, in lower case and with their short names.
fn flags(text: &str) -> Vec<String> {
    let inner = text.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let short = |flag: &str| {
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let name = match name {
            "proxy" => "p",
            "redirect" => "r",
            "forbidden" => "f",
            "gone" => "g",
            "last" => "l",
            name => name,
        };
        value.map_or(name.to_owned(), |value| format!("{name}={value}"))
    };
    inner.split(',').map(str::trim).filter(|flag| !flag.is_empty()).map(short).collect()
}

/// Whether a target to https keeps the host and the path.
fn keeps_path(target: &str) -> bool {
    let rest = &target["https://".len()..];
    rest.ends_with("%{REQUEST_URI}")
        || rest.ends_with("/$1")
        || rest.ends_with("$1")
        || rest.ends_with("/$0")
        || rest.ends_with("%{REQUEST_URI}?%{QUERY_STRING}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_short_names() {
        assert_eq!(flags("[NC,Redirect=permanent, proxy]"), ["nc", "r=permanent", "p"]);
        assert!(flags("").is_empty());
    }
}
