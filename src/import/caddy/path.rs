//! [`CaddyPath`]: what has become of a request's path, and which requests a pattern takes then.

use super::regexp::expression;
use crate::import::condition::Condition;
use crate::import::matching::{DraftMatch, DraftPath};

/// What has become of the path of a request on its way through the directives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CaddyPath {
    /// It is as the client sent it.
    Whole,
    /// This prefix, with which it began, has been cut off.
    Cut(String),
    /// It may be anything.
    Changed,
}

impl CaddyPath {
    /// The prefix that has been cut off.
    fn prefix(&self) -> Option<&str> {
        match self {
            Self::Whole => Some(""),
            Self::Cut(prefix) => Some(prefix),
            Self::Changed => None,
        }
    }
}

/// The requests with any of these paths; `None` where that cannot be said.
pub(super) fn paths(patterns: &[String], view: &CaddyPath) -> Option<Condition> {
    let prefix = view.prefix();
    patterns.iter().try_fold(Condition::never(), |mut any, pattern| {
        if pattern == "*" {
            return Some(Condition::always());
        }
        for path in pattern_paths(pattern, prefix?)? {
            let ignore_case = !matches!(path, DraftPath::Regex(_));
            let one = if path.is_any() {
                Condition::always()
            } else {
                Condition::of(DraftMatch { ignore_case, ..DraftMatch::path(path) })
            };
            any = any.or(one).ok()?;
        }
        Some(any)
    })
}

/// The paths that a pattern stands for, where `cut` has been cut off: a `*` at its end is a prefix, one at its
/// beginning an ending, one at both a part, and elsewhere a `*` is for one segment.
fn pattern_paths(pattern: &str, cut: &str) -> Option<Vec<DraftPath>> {
    if pattern.contains(['{', '%', '[', '\\']) || pattern.contains("//") {
        return None;
    }
    let begin = if cut.is_empty() { String::new() } else { format!("^{}.*", regex::escape(cut)) };
    let regex = |body: String| Some(vec![DraftPath::Regex(format!("(?is){body}"))]);
    let stars = pattern.matches('*').count();
    let (first, last) = (pattern.starts_with('*'), pattern.ends_with('*'));
    let plain = pattern.is_ascii();
    match stars {
        2 if first && last => regex(format!("{begin}{}", regex::escape(&pattern[1..pattern.len() - 1]))),
        1 if first => regex(format!("{begin}{}$", regex::escape(&pattern[1..]))),
        1 if last && plain => Some(starts(cut, &pattern[..pattern.len() - 1])),
        0 if !pattern.contains('?') && plain => Some(exact(cut, pattern)),
        _ => {
            let mut body = String::new();
            for letter in pattern.chars() {
                match letter {
                    '*' => body.push_str("[^/]*"),
                    '?' => body.push_str("[^/]"),
                    letter => body.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4]))),
                }
            }
            // With a `*` at its end and no other, letters are themselves.
            if stars == 1 && last { None } else { regex(format!("^{}{body}$", regex::escape(cut))) }
        }
    }
}

fn starts(cut: &str, text: &str) -> Vec<DraftPath> {
    match text {
        "/" if !cut.is_empty() => vec![DraftPath::Prefix(cut.to_owned())],
        text if text.starts_with('/') => vec![DraftPath::Starts(format!("{cut}{text}"))],
        _ => Vec::new(),
    }
}

fn exact(cut: &str, text: &str) -> Vec<DraftPath> {
    match text {
        // Where nothing is left of it, a path is `/`.
        "/" if !cut.is_empty() => vec![DraftPath::Exact(cut.to_owned()), DraftPath::Exact(format!("{cut}/"))],
        text if text.starts_with('/') => vec![DraftPath::Exact(format!("{cut}{text}"))],
        _ => Vec::new(),
    }
}

/// The requests whose path begins so.
pub(super) fn starts_with(prefix: &str) -> Condition {
    Condition::of(DraftMatch { ignore_case: true, ..DraftMatch::path(DraftPath::Starts(prefix.to_owned())) })
}

/// The requests in whose path the regular expression is found; `None` where that cannot be said.
pub(super) fn regexp(pattern: &str, view: &CaddyPath) -> Option<Condition> {
    let regex = expression(pattern).filter(|_| !pattern.contains("{$"))?;
    let whole = match view.prefix()? {
        "" => regex,
        cut => {
            let rest = regex.strip_prefix('^').filter(|rest| !rest.contains('|'))?;
            format!("^(?i:{}){rest}", regex::escape(cut))
        }
    };
    Some(Condition::of(DraftMatch::path(DraftPath::Regex(whole))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of a pattern; `*` behind `^` for a beginning.
    fn shape(pattern: &str, cut: &str) -> Option<Vec<String>> {
        let one = |path: DraftPath| match path {
            DraftPath::Prefix(text) | DraftPath::Regex(text) => text,
            DraftPath::Starts(text) => format!("{text}*"),
            DraftPath::Exact(text) => format!("={text}"),
        };
        pattern_paths(pattern, cut).map(|paths| paths.into_iter().map(one).collect())
    }

    #[test]
    fn patterns_are_caddys() {
        for (pattern, cut, expected) in [
            ("/a", "", vec!["=/a"]),
            ("/a*", "", vec!["/a*"]),
            ("/a/*", "", vec!["/a/*"]),
            ("/*", "", vec!["/*"]),
            ("a", "", vec![]),
            ("*.env", "", vec![r"(?is)\.env$"]),
            ("*/.git/*", "", vec![r"(?is)/\.git/"]),
            ("/a/*/b", "", vec!["(?is)^/a/[^/]*/b$"]),
            ("/a?", "", vec!["(?is)^/a[^/]$"]),
            ("/x*", "/app", vec!["/app/x*"]),
            ("/*", "/app", vec!["/app"]),
            ("/", "/app", vec!["=/app", "=/app/"]),
            ("*.env", "/app", vec![r"(?is)^/app.*\.env$"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(shape(pattern, cut), Some(expected), "{pattern} {cut}");
        }
        for pattern in ["/{path}", "/a%2Fb", "/a//b", "/[ab]"] {
            assert_eq!(shape(pattern, ""), None, "{pattern}");
        }
    }
}
