//! [`RewriteRule`]: one rule of `mod_rewrite` with its conditions.

mod condition;

pub(super) use condition::RewriteCondition;

use super::access::origin_of;
use super::pattern::ApachePattern;
use super::proxy::PassTarget;
use super::redirect::{RedirectAnswer, RedirectPlace, meant, status};
use super::sayable::Sayable;
use super::subject::{Facts, Subject};
use crate::import::condition::Condition;
use crate::import::matching::Unsayable;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// A rule with its conditions.
#[derive(Debug, Clone)]
pub(super) struct RewriteRule {
    pub(super) origin: Origin,
    pub(super) conditions: Vec<RewriteCondition>,
    /// The expression, without the `!` before it.
    pub(super) expression: String,
    pub(super) negated: bool,
    /// What takes the place of the URL; `-` for nothing.
    pub(super) target: String,
    /// The flags by their short names, in lower case, with what they are given.
    flags: Vec<(String, String)>,
}

/// What a rule does with a request that it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RewriteAction {
    /// It answers with this status.
    Status(u16),
    /// It answers with a redirect.
    Redirect(RedirectAnswer),
    /// The request goes to this URL.
    Forward,
    /// The path becomes one of Apache's own.
    Local,
    /// Nothing but where the rules go on.
    Nothing,
    /// The path becomes another one, and everything is looked at anew.
    Restart,
}

/// Where the rules go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RewriteNext {
    /// With the rule behind this number of rules.
    Skip(usize),
    /// With no rule.
    End,
}

impl RewriteRule {
    /// A rule with the conditions before it.
    pub(super) fn of(node: &ImportNode, conditions: &[ImportNode]) -> Self {
        let text = node.arg(0);
        let (negated, text) = text.strip_prefix('!').map_or((false, text), |text| (true, text));
        let conditions: Vec<_> = conditions.iter().map(RewriteCondition::of).collect();
        // `%1` is the path as it came, where the last condition takes the line of the request apart.
        let as_it_came = conditions.last().is_some_and(RewriteCondition::is_request_line);
        let target = node.arg(1);
        let target = target
            .strip_suffix("/%1")
            .filter(|_| as_it_came)
            .map_or(target.to_owned(), |host| format!("{host}%{{REQUEST_URI}}"));
        Self {
            origin: origin_of(node),
            conditions,
            expression: text.to_owned(),
            negated,
            target,
            flags: flags(node.arg(2)),
        }
    }

    /// The rules, and before those that forward only some of the paths as they are the same for just these.
    pub(super) fn with_meant(all: &[Self]) -> Vec<Self> {
        // Where rules are counted, none is added.
        if all.iter().any(|rule| rule.has("s") || rule.has("c")) {
            return all.to_vec();
        }
        let mut rules = Vec::new();
        for rule in all {
            let target = |expression: &str| PassTarget::of_rule(Some(expression), &rule.target);
            if rule.has("p") && !rule.negated && matches!(target(&rule.expression), PassTarget::Nowhere(..)) {
                let meant = meant(&rule.expression).filter(|text| matches!(target(text), PassTarget::Gateway { .. }));
                rules.extend(meant.map(|expression| Self { expression, ..rule.clone() }));
            }
            rules.push(rule.clone());
        }
        rules
    }

    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|(name, _)| name == flag)
    }

    pub(super) fn ignores_case(&self) -> bool {
        self.has("nc")
    }

    fn value(&self, flag: &str) -> Option<&str> {
        self.flags.iter().find(|(name, _)| name == flag).map(|(_, value)| value.as_str())
    }

    /// Whether it does nothing but set variables; of these, the one that is the user, if one is.
    pub(super) fn user_variable(&self) -> (bool, Option<String>) {
        let only = self.target == "-" && self.flags.iter().all(|(name, _)| matches!(name.as_str(), "e" | "ns" | "nc"));
        let user = self.flags.iter().filter(|(name, value)| name == "e" && value.contains("REMOTE_USER}"));
        (only, user.filter_map(|(_, value)| value.split_once(':')).map(|(name, _)| name.to_owned()).next())
    }

    /// The variables that it sets.
    pub(super) fn variables(&self) -> Vec<String> {
        let set = self.flags.iter().filter(|(name, _)| name == "e").map(|(_, value)| value);
        set.map(|value| value.trim_start_matches('!').split(':').next().unwrap_or_default().to_owned()).collect()
    }

    /// What it does. Where the target is made of other parts of the request than routes can say, [`Unsayable`].
    pub(super) fn action(&self, facts: &Facts) -> Result<RewriteAction, Unsayable> {
        if self.flags.iter().any(|(name, _)| !KNOWN.contains(&name.as_str())) {
            return Err(Unsayable);
        }
        if self.has("f") {
            return Ok(RewriteAction::Status(403));
        }
        if self.has("g") {
            return Ok(RewriteAction::Status(410));
        }
        if let Some(code) = self.value("r") {
            let code = if code.is_empty() { 302 } else { status(code).ok_or(Unsayable)? };
            if (300..400).contains(&code) {
                return if self.target == "-" { Ok(RewriteAction::Nothing) } else { self.redirect(code, facts) };
            }
            return Ok(RewriteAction::Status(code));
        }
        if self.has("n") || self.has("pt") && self.target != "-" {
            return Ok(RewriteAction::Restart);
        }
        if self.has("p") {
            return Ok(RewriteAction::Forward);
        }
        let target = self.target.to_ascii_lowercase();
        match target.as_str() {
            "-" => Ok(RewriteAction::Nothing),
            _ if ["http://", "https://"].iter().any(|scheme| target.starts_with(scheme)) => self.redirect(302, facts),
            _ if target.contains("://") || target.starts_with("unix:") => Err(Unsayable),
            _ => Ok(RewriteAction::Local),
        }
    }

    fn redirect(&self, code: u16, facts: &Facts) -> Result<RewriteAction, Unsayable> {
        let variable = |name: &str| match Subject::of(name, facts)? {
            Subject::Query | Subject::Address | Subject::Method => Err(Unsayable),
            subject => Ok(subject),
        };
        let target = if self.has("qsd") { format!("{}?", self.target) } else { self.target.clone() };
        let expression = (!self.negated).then_some((self.expression.as_str(), self.ignores_case()));
        let place = RedirectPlace::of(expression, &target, self.has("qsa"), facts, &variable)?;
        Ok(RewriteAction::Redirect(place.answer(code)?))
    }

    /// Where the rules go on once this one has matched.
    pub(super) fn next(&self) -> RewriteNext {
        if self.has("l") || self.has("end") {
            return RewriteNext::End;
        }
        RewriteNext::Skip(self.value("s").and_then(|number| number.parse().ok()).unwrap_or(0))
    }

    /// The requests whose path its expression matches.
    pub(super) fn own_paths(&self) -> Condition {
        let path = ApachePattern::of(&self.expression, self.ignores_case()).and_then(|pattern| pattern.paths());
        path.unwrap_or_else(|Unsayable| Condition::never())
    }

    /// The requests that it matches: those that are among each of these.
    pub(super) fn matches(&self, facts: &Facts) -> RewriteMatch {
        let path = ApachePattern::of(&self.expression, self.ignores_case()).and_then(|pattern| pattern.paths());
        let path = path.and_then(|path| if self.negated { path.not() } else { Ok(path) });
        let (first, exact) = match path {
            Ok(path) => (path, true),
            Err(Unsayable) if self.negated => (Condition::always(), false),
            Err(Unsayable) => (ApachePattern::beginning(&self.expression), false),
        };
        let mut all = RewriteMatch { factors: vec![first], exact };
        // Conditions with [OR] belong to the one behind them.
        for group in self.conditions.split_inclusive(|condition| !condition.or) {
            // Behind an [OR] of the last condition Apache finds none that is false.
            let is_open = group.last().is_some_and(|last| last.or);
            let mut any = Ok(Sayable::exactly(if is_open { Condition::always() } else { Condition::never() }));
            for condition in group {
                any = any.and_then(|any: Sayable| {
                    let one = condition.requests(facts)?;
                    Ok(Sayable { condition: any.condition.or(one.condition)?, exact: any.exact && one.exact })
                });
            }
            match any {
                Ok(any) => all.and(any),
                Err(Unsayable) => all.exact = false,
            }
        }
        all
    }
}

/// Requests that are among each of several.
#[derive(Debug, Clone)]
pub(super) struct RewriteMatch {
    /// What routes can say in one piece, each.
    pub(super) factors: Vec<Condition>,
    /// Whether these are exactly the requests.
    pub(super) exact: bool,
}

impl RewriteMatch {
    fn and(&mut self, other: Sayable) {
        self.exact &= other.exact;
        let last = self.factors.len() - 1;
        match self.factors[last].and(&other.condition) {
            Ok(both) if !both.joins_paths(&self.factors[last], &other.condition) => self.factors[last] = both,
            _ => self.factors.push(other.condition),
        }
    }
}

/// Flags whose effect is known; `e`, `co`, `t`, `h` change no way that a request goes.
const KNOWN: [&str; 27] = [
    "p",
    "r",
    "f",
    "g",
    "l",
    "nc",
    "end",
    "c",
    "s",
    "n",
    "pt",
    "e",
    "qsa",
    "qsd",
    "ne",
    "b",
    "bnp",
    "bctls",
    "bne",
    "ns",
    "dpi",
    "qsl",
    "co",
    "t",
    "h",
    "unsafeallow3f",
    "unsafeprefixstat",
];

/// The flags of a rule, in lower case and with their short names.
fn flags(text: &str) -> Vec<(String, String)> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let short = |flag: &str| {
        let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
        let lower = name.trim().to_ascii_lowercase();
        let name = match lower.as_str() {
            "proxy" => "p",
            "redirect" => "r",
            "forbidden" => "f",
            "gone" => "g",
            "last" => "l",
            "nocase" => "nc",
            "ornext" => "or",
            "chain" => "c",
            "skip" => "s",
            "next" => "n",
            "passthrough" => "pt",
            "env" => "e",
            "qsappend" => "qsa",
            "qsdiscard" => "qsd",
            "qslast" => "qsl",
            "noescape" => "ne",
            "nosubreq" => "ns",
            "discardpath" => "dpi",
            "cookie" => "co",
            "type" => "t",
            "handler" => "h",
            name => name,
        };
        (name.to_owned(), value.trim().to_owned())
    };
    inner.split(',').map(str::trim).filter(|flag| !flag.is_empty()).map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::super::syntax::tests::node;
    use super::*;

    fn rule(conditions: &[&str], rule: &str) -> RewriteRule {
        let conditions: Vec<ImportNode> = conditions.iter().map(|line| node(line)).collect();
        RewriteRule::of(&node(rule), &conditions)
    }

    #[test]
    fn flags_have_short_names() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(flags("[NC,Redirect=permanent, proxy]"), [pair("nc", ""), pair("r", "permanent"), pair("p", "")]);
        assert!(flags("").is_empty());
    }

    #[test]
    fn actions_follow_from_target_and_flags() {
        let action = |line: &str| rule(&[], line).action(&Facts::default());
        for (line, expected) in [
            ("RewriteRule ^/a - [F]", Ok(RewriteAction::Status(403))),
            ("RewriteRule ^/a - [G]", Ok(RewriteAction::Status(410))),
            ("RewriteRule ^/a - [R=404,L]", Ok(RewriteAction::Status(404))),
            ("RewriteRule ^/a - [R=301]", Ok(RewriteAction::Nothing)),
            ("RewriteRule ^/a - [L]", Ok(RewriteAction::Nothing)),
            ("RewriteRule ^/a /b", Ok(RewriteAction::Local)),
            ("RewriteRule ^/a /b [PT]", Ok(RewriteAction::Restart)),
            ("RewriteRule ^/a http://b/ [P]", Ok(RewriteAction::Forward)),
            ("RewriteRule ^/a fcgi://b/", Err(Unsayable)),
            ("RewriteRule ^/a - [F,unknown]", Err(Unsayable)),
        ] {
            assert_eq!(action(line), expected, "{line}");
        }
        let Ok(RewriteAction::Redirect(RedirectAnswer::To(place, 301))) =
            action("RewriteRule (.*) https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]")
        else {
            panic!("a redirect");
        };
        assert!(place.is_https);
    }

    #[test]
    fn conditions_are_joined_by_and_and_or() {
        let facts = Facts::default();
        let conditions =
            ["RewriteCond %{HTTP:X-A} =1 [OR]", "RewriteCond %{HTTP:X-B} =1", "RewriteCond %{REQUEST_METHOD} ^GET$"];
        let found = rule(&conditions, "RewriteRule ^ - [F]").matches(&facts);
        let [condition] = found.factors.as_slice() else { panic!("one piece") };
        assert!(found.exact);
        assert_eq!(condition.alternatives().len(), 2);
        assert!(condition.alternatives().iter().all(|one| one.methods == ["GET"] && one.headers.len() == 1));
        let unsaid = rule(&["RewriteCond %{THE_REQUEST} x"], "RewriteRule ^/a/ - [F]").matches(&facts);
        assert!(!unsaid.exact && !unsaid.factors[0].is_always());
        let two = rule(&["RewriteCond %{REQUEST_URI} x$"], "RewriteRule ^/a/ - [F]").matches(&facts);
        assert!(two.exact && two.factors.len() == 2);
        let key = |pattern: &str| {
            rule(&[&format!("RewriteCond %{{QUERY_STRING}} {pattern}")], "RewriteRule ^ - [F]").matches(&facts).exact
        };
        assert!(key("!(^|&)k=a(&|$)") && !key("(^|&)k=a(&|$)"));
    }
}
