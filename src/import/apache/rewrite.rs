//! `mod_rewrite` and `mod_alias`: the recipes that people use with a gateway. A rule that is none of them is reported.

use super::directive::{CHALLENGE, is_challenge};
use super::scope::{Here, Noted, Scope, Upgrade};
use super::{Apache, Pattern, Target};
use crate::import::draft::{Answer, Respond};
use crate::import::node::Node;
use crate::import::paths::{Rule, respond};

/// What a `RewriteCond` asks, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// Whether it is a WebSocket's handshake.
    Upgrade,
    /// Whether it is none.
    NoUpgrade,
    /// Whether it came without TLS.
    Plain,
    /// Whether it came with TLS.
    Secure,
    /// Which host it is for.
    Host,
    /// Whether it is a certificate authority's challenge, or none.
    Challenge,
    /// Whether its path matches.
    Path(Pattern),
    /// Something else.
    Other,
}

impl Apache<'_, '_> {
    pub(super) fn rewrite(&mut self, node: &Node, scope: &mut Scope, here: &mut Here) {
        match node.name.as_str() {
            "rewriteengine" => {
                scope.rewrites = node.arg(0).eq_ignore_ascii_case("on");
                self.report.not_needed(&node.place, &node.shown, "what the rules do is said at each of them");
            }
            "rewritecond" => scope.conditions.push(node.clone()),
            "rewriterule" => {
                let conditions = std::mem::take(&mut scope.conditions);
                if scope.rewrites {
                    self.rule(node, &conditions, scope, here);
                } else {
                    for one in conditions.iter().chain([node]) {
                        self.report.not_needed(&one.place, &one.shown, "without RewriteEngine on it did nothing");
                    }
                }
            }
            _ => self.redirect(node, scope, here),
        }
    }

    /// At the end of a server.
    pub(super) fn conditions_without_rule(&mut self, scope: &mut Scope) {
        for one in std::mem::take(&mut scope.conditions) {
            self.report.not_needed(&one.place, &one.shown, "no rule follows it");
        }
    }

    fn rule(&mut self, node: &Node, conditions: &[Node], scope: &mut Scope, here: &Here) {
        let (expression, target) = (node.arg(0), node.arg(1));
        let flags = flags(node.arg(2));
        let has = |flag: &str| flags.iter().any(|one| one == flag || one.starts_with(&format!("{flag}=")));
        let asked: Vec<Condition> = conditions.iter().map(condition).collect();
        let noted: Vec<Noted> =
            conditions.iter().chain([node]).map(|one| (one.place.clone(), one.shown.clone())).collect();
        let in_section = !here.paths.is_empty() && here.paths != ["/"];
        let pattern = if in_section && matches!(expression, ".*" | "(.*)" | "^(.*)$" | "^" | "^(.*)") {
            Some(Pattern { prefixes: here.paths.clone(), exact: true, ends: false, template: "/$1".into() })
        } else {
            Pattern::of(expression)
        };
        let pattern = asked.iter().fold(pattern, |pattern, condition| match (condition, pattern) {
            (Condition::Path(path), Some(all)) if all.prefixes == ["/"] => {
                Some(Pattern { template: all.template, ..path.clone() })
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
            match Target::of(&target_url) {
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

    /// A rule with `[P]`.
    fn forward_rule(
        &mut self,
        node: &Node,
        noted: &[Noted],
        asked: &[Condition],
        pattern: &Pattern,
        target: &Target,
        scope: &mut Scope,
    ) {
        for path in &pattern.prefixes {
            self.same_path(node, path, Some(&pattern.template), target.path());
        }
        let upstream = match target {
            Target::Server { upstream, .. } => upstream.clone(),
            Target::Balancer { name, .. } => {
                self.used.insert(name.clone());
                name.clone()
            }
        };
        let is_websocket = matches!(target, Target::Server { is_websocket: true, .. });
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
        let answer = Answer::Upstream(upstream);
        let rules = pattern.prefixes.iter().map(|path| Rule {
            path: path.clone(),
            is_exact: pattern.ends,
            answer: answer.clone(),
            ..Rule::default()
        });
        scope.rewritten.extend(rules);
    }

    fn drop_rule(&mut self, noted: &[Noted], remedy: &str) {
        for (place, shown) in noted {
            self.report.dropped(place, shown, remedy);
        }
    }

    /// A rule that refused something and cannot be translated shuts what begins alike.
    fn keep_shut(&mut self, noted: &[Noted], flags: &[String], expression: &str, scope: &mut Scope) {
        if !flags.iter().any(|flag| flag == "f" || flag == "r=401" || flag == "r=403") {
            return;
        }
        let beginning = Pattern::beginning(expression);
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
    fn redirection(target: &str, flags: &[String]) -> Option<Answer> {
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
        fixed.then(|| Answer::Respond(Respond { status: code, location: Some(target.to_owned()), body: None }))
    }

    /// `Redirect` and `RedirectMatch`.
    fn redirect(&mut self, node: &Node, scope: &mut Scope, here: &Here) {
        let (place, shown) = (&node.place, &node.shown);
        let mut words = node.args.as_slice();
        let mut code = match node.name.as_str() {
            "redirectpermanent" => 301,
            _ => 302,
        };
        if let Some((first, rest)) = words.split_first()
            && let Some(status) = status(first)
        {
            (code, words) = (status, rest);
        }
        let mut is_exact = false;
        let is_url = |word: &str| word.contains("://") || word.starts_with('/');
        let (paths, template, url) = match words {
            [url] if is_url(url) && !here.paths.is_empty() && here.paths != ["/"] => {
                (here.paths.clone(), None, Some(url))
            }
            [url] if url.contains("://") => (vec!["/".to_owned()], None, Some(url)),
            [path] | [path, _] => {
                if node.name == "redirectmatch" {
                    let Some(pattern) = Pattern::of(path) else {
                        let challenge = is_challenge(path);
                        let remedy = if challenge {
                            CHALLENGE
                        } else {
                            "routes know prefixes, not regular expressions: write a route with `respond`"
                        };
                        self.report.dropped(place, shown, remedy);
                        return;
                    };
                    is_exact = pattern.ends;
                    (pattern.prefixes, Some(pattern.template), words.get(1))
                } else {
                    (vec![path.clone()], None, words.get(1))
                }
            }
            _ => {
                self.report.dropped(place, shown, "it has no path and no URL: write a route with `respond`");
                return;
            }
        };
        let secure = scope.tls == Some(true);
        if let Some(url) = url
            && paths == ["/"]
            && !secure
            && url.to_ascii_lowercase().starts_with("https://")
        {
            scope.to_https = Some((place.clone(), shown.clone()));
            return;
        }
        let location = match url {
            Some(url) if (300..400).contains(&code) => Some(url.clone()),
            _ => None,
        };
        if location.as_ref().is_some_and(|location| location.contains(['$', '%'])) {
            self.report.dropped(place, shown, "`respond` has one location, the same for every request: write a route for it, or let the gateway redirect");
            return;
        }
        if let (["/"], Some(url)) = (paths.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &location)
            && url.starts_with('/')
        {
            self.report.dropped(
                place,
                shown,
                "from / to a path would go round in circles: routes know prefixes, and / is everything",
            );
            return;
        }
        let appended = if location.is_some() && template.is_none() { ", without what follows the path" } else { "" };
        self.report.kept(place, shown, format!("a route for {} that answers {code}{appended}", paths.join(", ")));
        let answer = Answer::Respond(Respond { status: code, location, body: None });
        scope.redirected.extend(paths.into_iter().map(|path| Rule {
            path,
            is_exact,
            answer: answer.clone(),
            ..Rule::default()
        }));
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

fn status(word: &str) -> Option<u16> {
    match word.to_ascii_lowercase().as_str() {
        "permanent" => Some(301),
        "temp" => Some(302),
        "seeother" => Some(303),
        "gone" => Some(410),
        word => word.parse().ok().filter(|code| (200..600).contains(code)),
    }
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

fn condition(node: &Node) -> Condition {
    let test = node.arg(0).to_ascii_lowercase();
    let asked = node.arg(1);
    let (negated, asked) = asked.strip_prefix('!').map_or((false, asked), |asked| (true, asked));
    let word = asked.to_ascii_lowercase();
    let bare = word.trim_start_matches(['=', '^']).trim_end_matches('$').to_owned();
    let either = |yes, no| if negated { no } else { yes };
    match test.as_str() {
        "%{http:upgrade}" if word.contains("websocket") => either(Condition::Upgrade, Condition::NoUpgrade),
        "%{http:connection}" if word.contains("upgrade") => either(Condition::Upgrade, Condition::NoUpgrade),
        "%{http:sec-websocket-key}" | "%{http:sec-websocket-version}" => {
            either(Condition::Upgrade, Condition::NoUpgrade)
        }
        "%{query_string}" if word.contains("transport=websocket") => either(Condition::Upgrade, Condition::NoUpgrade),
        "%{https}" if bare == "on" => either(Condition::Secure, Condition::Plain),
        "%{https}" if bare == "off" => either(Condition::Plain, Condition::Secure),
        "%{server_port}" if bare == "443" => either(Condition::Secure, Condition::Plain),
        "%{server_port}" if bare == "80" => either(Condition::Plain, Condition::Secure),
        "%{request_scheme}" | "%{http:x-forwarded-proto}" if bare == "https" => {
            either(Condition::Secure, Condition::Plain)
        }
        "%{request_scheme}" | "%{http:x-forwarded-proto}" if bare == "http" => {
            either(Condition::Plain, Condition::Secure)
        }
        "%{server_name}" | "%{http_host}" if !negated => Condition::Host,
        "%{request_uri}" if is_challenge(&word) || word.contains("well-known") => Condition::Challenge,
        "%{request_uri}" if !negated => Pattern::of(asked).map_or(Condition::Other, Condition::Path),
        _ => Condition::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_short_names() {
        assert_eq!(flags("[NC,Redirect=permanent, proxy]"), ["nc", "r=permanent", "p"]);
        assert!(flags("").is_empty());
    }

    #[test]
    fn statuses_have_names() {
        for (word, code) in [("permanent", Some(301)), ("Gone", Some(410)), ("307", Some(307)), ("/path", None)] {
            assert_eq!(status(word), code);
        }
    }
}
