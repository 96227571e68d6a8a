//! [`ApachePattern`]: a regular expression of PCRE, as Apache compiles it, in the words of routes.
//!
//! Routes have no look-ahead: behind plain letters from the beginning, where people write it, it becomes a second
//! expression that must match, too, or must not. What has no counterpart at all is [`Unsayable`].

mod translator;

use translator::Translator;

use crate::import::condition::{Condition, FieldKind};
use crate::import::matching::{DraftMatch, DraftPath, Unsayable, expression, literal_start};

/// A regular expression, translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApachePattern {
    /// The expression for routes, without a prefix for the case of letters.
    regex: String,
    /// Whether letters of either case are the same.
    ignore_case: bool,
    /// Other expressions, and whether each must match or must not.
    beside: Vec<(bool, String)>,
}

impl ApachePattern {
    /// Translates `text`.
    pub(super) fn of(text: &str, ignore_case: bool) -> Result<Self, Unsayable> {
        let mut translator = Translator::new(text);
        translator.alternatives(0)?;
        if translator.at < translator.letters.len() {
            return Err(Unsayable);
        }
        let Translator { regex, beside, splits, .. } = translator;
        if splits && !beside.is_empty() {
            return Err(Unsayable);
        }
        let pattern = Self { regex, ignore_case, beside };
        expression(&pattern.whole(&pattern.regex))?;
        Ok(pattern)
    }

    /// The expression for routes, for its captures. Look-ahead is not in it.
    pub(super) fn regex(&self) -> String {
        self.whole(&self.regex)
    }

    /// Whether the text matches.
    pub(super) fn matches(&self, text: &str) -> Result<bool, Unsayable> {
        let found = |regex: &str| expression(&self.whole(regex)).map(|regex| regex.is_match(text.as_bytes()));
        let mut all = found(&self.regex)?;
        for (must, regex) in &self.beside {
            all &= found(regex)? == *must;
        }
        Ok(all)
    }

    /// The requests whose path matches.
    pub(super) fn paths(&self) -> Result<Condition, Unsayable> {
        self.all(|regex| Ok(path(regex, self.ignore_case)))
    }

    /// The requests whose path matches, those of each alternative by themselves.
    pub(super) fn spread_paths(&self) -> Result<Condition, Unsayable> {
        let spread = spread(&self.regex).filter(|_| self.beside.is_empty());
        let Some(all) = spread else { return self.paths() };
        all.iter().try_fold(Condition::never(), |any, one| any.or(path(one, self.ignore_case)))
    }

    /// Requests among which all are whose path matches: what begins as every match does.
    pub(super) fn beginning(text: &str) -> Condition {
        let literal = literal_start(text).unwrap_or_default();
        let literal = literal.trim_end_matches('\\');
        if literal.len() < 2 { Condition::always() } else { Condition::path(DraftPath::Starts(literal.to_owned())) }
    }

    /// The requests that have such a field.
    pub(super) fn field(&self, kind: FieldKind, name: &str) -> Result<Condition, Unsayable> {
        self.all(|regex| Condition::matches(kind, name, &self.whole(regex)))
    }

    /// The requests whose host, without its port and in lower case, matches.
    pub(super) fn hosts(&self) -> Result<Condition, Unsayable> {
        self.all(Condition::host)
    }

    fn all(&self, one: impl Fn(&str) -> Result<Condition, Unsayable>) -> Result<Condition, Unsayable> {
        let mut all = one(&self.regex)?;
        for (must, regex) in &self.beside {
            let more = one(regex)?;
            all = all.and(&if *must { more } else { more.not()? })?;
        }
        Ok(all)
    }

    fn whole(&self, regex: &str) -> String {
        let case = if self.ignore_case { "(?i)" } else { "" };
        format!("{case}{regex}")
    }
}

/// The paths in which an expression is found, in the plainest way that says it.
fn path(regex: &str, ignore_case: bool) -> Condition {
    // Every path begins with a slash.
    let body = regex.strip_prefix("^/?").map_or(regex.to_owned(), |rest| format!("^/{rest}"));
    let mut body = body.as_str();
    while let Some(rest) = ANYTHING.iter().find_map(|tail| body.strip_suffix(tail)) {
        if rest.ends_with('\\') {
            break;
        }
        body = rest;
    }
    let any = ["", "^", "/", "^/"].contains(&body);
    if any {
        return Condition::always();
    }
    let plain = |text: &str| -> Option<String> {
        let literal = literal_start(text)?;
        let same = text[1..] == literal || text[1..] == regex::escape(&literal);
        (same && is_path(&literal)).then_some(literal)
    };
    let segment = ["(/|$)", "(?:/|$)", "($|/)", "(?:$|/)", "(/(?s:.)*)?$", "(?:/(?s:.)*)?$"];
    let found = if let Some(text) = plain(body) {
        Some(if text.ends_with('/') { DraftPath::Prefix(text) } else { DraftPath::Starts(text) })
    } else if let Some(text) = segment.iter().find_map(|tail| plain(body.strip_suffix(tail)?)) {
        Some(DraftPath::Prefix(text))
    } else {
        body.strip_suffix('$').and_then(plain).map(DraftPath::Exact)
    };
    if let Some(path) = found {
        return Condition::of(DraftMatch { ignore_case, ..DraftMatch::path(path) });
    }
    let case = if ignore_case { "(?i)" } else { "" };
    Condition::path(DraftPath::Regex(format!("{case}{body}")))
}

/// The alternatives of the first group of an expression, if these are plain words.
fn spread(regex: &str) -> Option<Vec<String>> {
    let (front, rest) = regex.split_once('(')?;
    let (inner, behind) = rest.split_once(')')?;
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    let plain = |text: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_/".contains(letter))
    };
    let is_group = inner.contains('|') && inner.split('|').all(plain) && plain(front.strip_prefix('^')?);
    (is_group && !behind.starts_with(['*', '+', '?', '{']))
        .then(|| inner.split('|').map(|word| format!("{front}{word}{behind}")).collect())
}

/// Whether routes take the text for the beginning of a path.
pub(super) fn is_path(text: &str) -> bool {
    let inner = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    inner.is_some_and(|inner| inner.is_empty() || inner.split('/').all(|segment| !matches!(segment, "" | "." | "..")))
        && !text.contains(|c: char| c.is_control() || "?#%\\*".contains(c))
}

/// Ends of an expression that match whatever comes, so that it says the same without them.
const ANYTHING: [&str; 5] = ["(?s:.)*", "((?s:.)*)", "(?s:.)*$", "((?s:.)*)$", "(?:(?s:.)*)"];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match ApachePattern::of(text, false).and_then(|pattern| pattern.paths()) {
            Err(Unsayable) => "unsayable".to_owned(),
            Ok(condition) if condition.is_always() => "any".to_owned(),
            Ok(condition) => {
                let path = |one: &DraftMatch| match &one.path {
                    Some(DraftPath::Prefix(text)) => text.clone(),
                    Some(DraftPath::Starts(text)) => format!("{text}*"),
                    Some(DraftPath::Exact(text)) => format!("={text}"),
                    Some(DraftPath::Regex(text)) => format!("~{text}"),
                    None => String::new(),
                };
                let one = |one: &DraftMatch| {
                    let not: Vec<String> = one.not.iter().map(|set| format!(" !{}", path(set))).collect();
                    path(one) + &not.concat()
                };
                condition.alternatives().iter().map(one).collect::<Vec<_>>().join(" or ")
            }
        }
    }

    #[test]
    fn expressions_for_paths_are_said_in_the_plainest_way() {
        for (text, expected) in [
            ("", "any"),
            ("^/(.*)$", "any"),
            ("/(.*)", "any"),
            ("^/?(.*)", "any"),
            ("^/admin", "/admin*"),
            ("^/admin/", "/admin/"),
            ("^/admin/.*$", "/admin/"),
            ("^/admin(/|$)", "/admin"),
            ("^/admin(/.*)?$", "/admin"),
            ("^/ws$", "=/ws"),
            ("^/a\\.b$", "=/a.b"),
            ("\\.(git|svn)", "~\\.(git|svn)"),
            ("^/a.b", "~^/a(?s:.)b"),
            ("^/(?!pub/)", " !/pub/"),
            ("^/(?!api|login).*$", " !~^/(?:api|login)"),
            ("^/a(?=/b)", "/a/b*"),
            ("^/(.)\\1$", "unsayable"),
            ("(?<!x)y", "unsayable"),
            ("^/a++", "unsayable"),
            ("^/x|(?!y)z", "unsayable"),
            ("^/(?i:A)", "~^/(?i:A)"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_matches_here_matches_there() {
        for (text, yes, no) in [
            ("^/[\\w-]+$", "/a-b_1", "/ä"),
            ("^/\\d{1,2}$", "/12", "/123"),
            ("^/a{b", "/a{b", "/ab"),
            ("^/[[a]$", "/[", "/]"),
            ("^/[]a]$", "/]", "/["),
            ("^/[a&&b]$", "/&", "/c"),
            ("^/[^/]+/$", "/a/", "/a/b/"),
            ("^/.$", "/\n", "/"),
            ("^/[[:alpha:]]$", "/a", "/1"),
            ("^/(?!(a|b))(.)x", "/cx", "/ax"),
            ("\\bok\\b", "/ok/", "/book"),
        ] {
            let pattern = ApachePattern::of(text, false).unwrap();
            assert_eq!((pattern.matches(yes), pattern.matches(no)), (Ok(true), Ok(false)), "{text}");
        }
        assert_eq!(ApachePattern::of("^/A", true).unwrap().matches("/a"), Ok(true));
    }
}
