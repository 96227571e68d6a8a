//! [`DraftPath`]: the paths that a route is for.

use super::common::common;
use super::{DraftMatch, Unsayable, expression};

/// The paths that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DraftPath {
    /// What begins with this, up to the end of a segment.
    Prefix(String),
    /// What begins with this, wherever it ends.
    Starts(String),
    /// This path only.
    Exact(String),
    /// Paths in which this regular expression is found.
    Regex(String),
}

impl DraftPath {
    /// Whether every path is meant.
    pub(in crate::import) fn is_any(&self) -> bool {
        matches!(self, Self::Prefix(text) | Self::Starts(text) if text == "/")
    }

    /// Whether the path `text` is meant; `ignore_case` as in [`DraftMatch`].
    pub(in crate::import) fn takes(&self, text: &str, ignore_case: bool) -> Result<bool, Unsayable> {
        let (own, other) = match self {
            // Most expressions are told apart by their first letters, and compiling each for each path takes minutes.
            Self::Regex(regex) if literal_start(regex).is_some_and(|literal| !text.starts_with(&literal)) => {
                return Ok(false);
            }
            Self::Regex(regex) => return Ok(expression(regex)?.is_match(text.as_bytes())),
            Self::Prefix(own) | Self::Starts(own) | Self::Exact(own) if ignore_case => {
                (own.to_ascii_lowercase(), text.to_ascii_lowercase())
            }
            Self::Prefix(own) | Self::Starts(own) | Self::Exact(own) => (own.clone(), text.to_owned()),
        };
        Ok(match self {
            Self::Exact(_) => own == other,
            Self::Starts(_) => other.starts_with(&own),
            _ => other
                .strip_prefix(&own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || own.ends_with('/')),
        })
    }

    /// Whether all that begins with `text` is meant.
    fn takes_below(&self, text: &str, ignore_case: bool) -> bool {
        match self {
            // Behind a `text` that does not go beyond the prefix, another segment could go on.
            Self::Prefix(own) if own.len() == text.len() && !own.ends_with('/') => false,
            Self::Prefix(_) | Self::Starts(_) => self.takes(text, ignore_case) == Ok(true),
            Self::Exact(_) | Self::Regex(_) => false,
        }
    }

    /// The paths in which the expression is found, as something simpler if that is the same.
    pub(in crate::import) fn of_expression(regex: &str) -> Self {
        let simple = || {
            let body = regex.strip_prefix('^')?;
            for end in ["(/|$)", "(?:/|$)", "(/.*)?$", "(?:/.*)?$"] {
                if let Some(rest) = body.strip_suffix(end) {
                    return Some(Self::Prefix(literal(rest)?)).filter(|path| !path.text().ends_with('/'));
                }
            }
            if let Some(rest) = body.strip_suffix("(/.*)$").or_else(|| body.strip_suffix("(/.*)")) {
                return Some(Self::Prefix(literal(rest)? + "/"));
            }
            let ends = ["(.*)$", "(.*)", ".*$", ".*"];
            let rest = ends.iter().find_map(|end| body.strip_suffix(end));
            if let (None, Some(rest)) = (rest, body.strip_suffix('$')) {
                return Some(Self::Exact(literal(rest)?));
            }
            let text = literal(rest.unwrap_or(body))?;
            Some(if text.ends_with('/') { Self::Prefix(text) } else { Self::Starts(text) })
        };
        let has_path = |path: &Self| path.text().starts_with('/');
        simple().filter(has_path).unwrap_or_else(|| Self::Regex(regex.to_owned()))
    }

    fn text(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Starts(text) | Self::Exact(text) | Self::Regex(text) => text,
        }
    }
}

/// The path of what both take, and whether it ignores the case of letters; `None` when no path is in both.
pub(super) fn both(own: &DraftMatch, other: &DraftMatch) -> Result<Option<(Option<DraftPath>, bool)>, Unsayable> {
    let (a, b) = match (&own.path, &other.path) {
        (Some(a), Some(b)) => (a, b),
        (Some(a), None) => return Ok(Some((Some(a.clone()), own.ignore_case))),
        (None, b) => return Ok(Some((b.clone(), other.ignore_case))),
    };
    if covers(own, other) {
        return Ok(Some((Some(b.clone()), other.ignore_case)));
    }
    if covers(other, own) {
        return Ok(Some((Some(a.clone()), own.ignore_case)));
    }
    match (a, b) {
        (DraftPath::Regex(regex), path) => Ok(common(regex, path, other.ignore_case)?.map(|path| (Some(path), false))),
        (path, DraftPath::Regex(regex)) => Ok(common(regex, path, own.ignore_case)?.map(|path| (Some(path), false))),
        _ if own.ignore_case == other.ignore_case => Ok(None),
        // With and without the case of letters the two may overlap in part.
        _ if !a.text().eq_ignore_ascii_case(b.text())
            && !lower(a).starts_with(&lower(b))
            && !lower(b).starts_with(&lower(a)) =>
        {
            Ok(None)
        }
        _ => Err(Unsayable),
    }
}

fn lower(path: &DraftPath) -> String {
    path.text().to_ascii_lowercase()
}

/// Whether every path of `other` is one of `own`.
pub(super) fn covers(own: &DraftMatch, other: &DraftMatch) -> bool {
    let (a, b) = match (&own.path, &other.path) {
        (None, _) => return true,
        (Some(a), _) if a.is_any() => return true,
        (_, None) => return false,
        (Some(a), Some(b)) => (a, b),
    };
    if a == b && (own.ignore_case || !other.ignore_case) {
        return true;
    }
    if other.ignore_case && !own.ignore_case {
        return false;
    }
    match b {
        DraftPath::Exact(text) => {
            // A regular expression knows no `ignore_case` from outside.
            let told = !other.ignore_case || !matches!(a, DraftPath::Regex(_));
            told && a.takes(text, own.ignore_case) == Ok(true)
        }
        DraftPath::Prefix(text) => {
            let below = if text.ends_with('/') { text.clone() } else { format!("{text}/") };
            a.takes_below(&below, own.ignore_case)
                && (text.ends_with('/') || a.takes(text, own.ignore_case) == Ok(true))
        }
        DraftPath::Starts(text) => a.takes_below(text, own.ignore_case),
        DraftPath::Regex(regex) => literal_start(regex).is_some_and(|literal| {
            a.takes_below(&literal, own.ignore_case)
                || (ends_segment(regex, &literal)
                    && a.takes(&literal, own.ignore_case) == Ok(true)
                    && a.takes_below(&format!("{literal}/"), own.ignore_case))
        }),
    }
}

/// The letters with which each text begins in which `regex` is found.
pub(in crate::import) fn literal_start(regex: &str) -> Option<String> {
    let body = regex.strip_prefix('^')?;
    let (mut literal, mut letters) = (String::new(), body.chars().peekable());
    while let Some(letter) = letters.next() {
        let next = match letter {
            '\\' => match letters.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => escaped,
                _ => break,
            },
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => break,
            letter => letter,
        };
        // What comes zero times need not be there.
        if matches!(letters.peek(), Some('*' | '?' | '{')) {
            break;
        }
        literal.push(next);
    }
    // An alternative without an anchor would begin anywhere.
    (!has_open_alternative(body)).then_some(literal)
}

/// The text that an expression stands for which has nothing but letters.
pub(in crate::import) fn literal(regex: &str) -> Option<String> {
    let (mut text, mut letters) = (String::new(), regex.chars());
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => letters.next().filter(|letter| !letter.is_ascii_alphanumeric())?,
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
            letter => letter,
        });
    }
    Some(text)
}

/// Whether there is a `|` outside of all parentheses.
fn has_open_alternative(regex: &str) -> bool {
    let (mut depth, mut class, mut letters) = (0_usize, false, regex.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth = depth.saturating_sub(1),
            '|' if !class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// Whether behind `literal`, with which `regex` begins, there is only the end or another segment.
fn ends_segment(regex: &str, literal: &str) -> bool {
    let rest =
        regex.get(1..).and_then(|body| body.strip_prefix(&regex::escape(literal)).or(body.strip_prefix(literal)));
    rest.is_some_and(|rest| ["$", "(/|$)", "(?:/|$)", "(/.*)?$", "(?:/.*)?$"].contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> DraftMatch {
        let (kind, rest) = text.split_at(1);
        let path = match kind {
            "=" => DraftPath::Exact(rest.into()),
            "~" => DraftPath::Regex(rest.into()),
            "*" => DraftPath::Starts(rest.into()),
            _ => DraftPath::Prefix(text.into()),
        };
        DraftMatch::path(path)
    }

    #[test]
    fn paths_that_lie_in_others() {
        for (own, other, expected) in [
            ("/", "~x", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("*/a", "/ab", true),
            ("/a", "*/a", false),
            ("/a/", "*/a/b", true),
            ("/a", "=/a", true),
            ("/a/", "/a", false),
            ("~^/a", "=/ab", true),
            ("*/a", "~^/ab(c|d)", true),
            ("/a", "~^/a(/|$)", true),
            ("/a", "~^/a", false),
            ("/a", "~^/a|b", false),
            ("/a", "~^/a/b?", true),
            ("/ab", "~^/ab?", false),
        ] {
            assert_eq!(covers(&read(own), &read(other)), expected, "{own} {other}");
        }
    }

    #[test]
    fn what_two_paths_have_in_common() {
        for (own, other, expected) in [
            ("/a", "/a/b", Ok(Some("/a/b"))),
            ("/a/b", "/a", Ok(Some("/a/b"))),
            ("/a", "/b", Ok(None)),
            ("/a", "*/ab", Ok(None)),
            ("=/a", "~b", Ok(None)),
            ("=/ab", "~b", Ok(Some("=/ab"))),
            ("/a/", "~^/a/x", Ok(Some("~^/a/x"))),
            ("/a/", "~^/b", Ok(None)),
            ("/a/", "~x$", Ok(Some("~^/a/(?s:.*)x$"))),
            ("~a", "~b", Err(Unsayable)),
        ] {
            let found = both(&read(own), &read(other)).map(|found| found.and_then(|(path, _)| path));
            assert_eq!(found, expected.map(|text| text.map(read).and_then(|one| one.path)), "{own} {other}");
        }
    }

    #[test]
    fn expressions_that_are_as_good_as_prefixes() {
        for (regex, expected) in [
            ("^/a", "*/a"),
            ("^/a/", "/a/"),
            ("^/a/(.*)$", "/a/"),
            ("^/a(/.*)$", "/a/"),
            ("^/a(/|$)", "/a"),
            ("^/a$", "=/a"),
            (r"^/a\.b$", "=/a.b"),
            ("^/a(b|c)", "~^/a(b|c)"),
            ("/a", "~/a"),
            ("(?i)^/a", "~(?i)^/a"),
            ("^", "~^"),
        ] {
            assert_eq!(Some(DraftPath::of_expression(regex)), read(expected).path, "{regex}");
        }
    }

    #[test]
    fn the_case_of_letters_is_minded() {
        let any = DraftMatch { ignore_case: true, ..read("/a") };
        assert!(covers(&any, &read("/a")) && covers(&any, &read("/A/b")) && !covers(&read("/a"), &any));
        assert_eq!(both(&any, &read("/b")), Ok(None));
    }
}
