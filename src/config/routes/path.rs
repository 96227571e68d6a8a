//! [`PathMatcher`]: the paths that a route is for.

use std::fmt;

use serde_json::{Value as Json, json};

use super::regex_pattern::{RegexPattern, RegexValue};
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, NoValue, Optional, Quoted, WordOf};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// The paths that a route is for. A path is compared decoded, without dot segments and without a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathMatcher {
    /// Paths that begin so.
    Prefix(PathPrefix),
    /// This path.
    Exact(String),
    /// Paths that the expression matches.
    Regex(RegexPattern),
}

/// The beginning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPrefix {
    text: String,
    edge: PrefixEdge,
}

/// Where the beginning of a path may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum PrefixEdge {
    /// With a segment: `/claw` is for `/claw/x`, not for `/clawed`.
    #[default]
    Segment,
    /// Anywhere.
    Any,
}

/// Whether letters that differ in case only are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterCase {
    /// They are not.
    Minded,
    /// They are.
    Ignored,
}

impl LetterCase {
    /// Whether `own` and `other` are the same text.
    fn same(self, own: &[u8], other: &[u8]) -> bool {
        match self {
            Self::Minded => own == other,
            Self::Ignored => own.eq_ignore_ascii_case(other) || (!own.is_ascii() && folded(own) == folded(other)),
        }
    }
}

/// Every letter replaced by one that stands for all letters that differ in case only. ASCII letters may be the other
/// case of one that is not.
pub(crate) fn folded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend_from_slice(chunk.valid().to_uppercase().to_lowercase().as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}

impl PathMatcher {
    /// What a path begins with that it matches, as far as that is known; for an expression, `/`.
    pub(crate) fn example(&self) -> &str {
        match self {
            Self::Prefix(prefix) => &prefix.text,
            Self::Exact(path) => path,
            Self::Regex(_) => "/",
        }
    }

    /// Whether every path matches.
    pub(crate) fn is_everything(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix.text == "/")
    }

    /// Whether `path` matches; it is decoded, and has neither dot segments nor a query.
    pub(crate) fn matches(&self, path: &[u8], case: LetterCase) -> bool {
        match (self, case) {
            (Self::Prefix(prefix), _) => prefix.matches(path, case),
            (Self::Exact(exact), _) => case.same(exact.as_bytes(), path),
            (Self::Regex(regex), LetterCase::Minded) => regex.matches(path),
            (Self::Regex(regex), LetterCase::Ignored) => regex.matches_in_any_case(path),
        }
    }

    /// Whether every path that `other` matches matches here, as far as that can be told.
    pub(super) fn covers(&self, case: LetterCase, other: &Self, other_case: LetterCase) -> bool {
        if self.is_everything() {
            return true;
        }
        let case_fits = case == LetterCase::Ignored || other_case == LetterCase::Minded;
        match (self, other) {
            (Self::Prefix(own), Self::Prefix(other)) => {
                let whole = own.matches(other.text.as_bytes(), case);
                // What goes on from there without a slash is for the other, too.
                let edge = own.edge == PrefixEdge::Any
                    || other.edge == PrefixEdge::Segment
                    || other.text.len() > own.text.trim_end_matches('/').len();
                case_fits && whole && edge
            }
            (Self::Regex(own), Self::Regex(other)) => own == other,
            (Self::Regex(own), Self::Exact(path)) => other_case == LetterCase::Minded && own.matches(path.as_bytes()),
            (_, Self::Exact(path)) => case_fits && self.matches(path.as_bytes(), case),
            (Self::Exact(_), _) | (_, Self::Regex(_)) | (Self::Regex(_), Self::Prefix(_)) => false,
        }
    }
}

impl PathPrefix {
    /// Whether `path` begins so.
    fn matches(&self, path: &[u8], case: LetterCase) -> bool {
        let own = self.text.as_bytes();
        // Letters of another case may take more bytes or fewer.
        if case == LetterCase::Ignored && !own.is_ascii() {
            let folded = Self { text: String::from_utf8_lossy(&folded(own)).into_owned(), edge: self.edge };
            return folded.matches(&self::folded(path), LetterCase::Minded);
        }
        let Some((front, rest)) = path.split_at_checked(own.len()) else { return false };
        let ends = rest.is_empty() || rest[0] == b'/' || self.edge == PrefixEdge::Any || own.ends_with(b"/");
        ends && case.same(own, front)
    }
}

/// As the log and the list of connections name it.
impl fmt::Display for PathMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(PathPrefix { text, edge: PrefixEdge::Segment }) => f.write_str(text),
            Self::Prefix(PathPrefix { text, edge: PrefixEdge::Any }) => write!(f, "{text}*"),
            Self::Exact(path) => write!(f, "={path}"),
            Self::Regex(regex) => write!(f, "~{}", regex.as_str()),
        }
    }
}

/// The kind of `path`: a prefix, or the long form.
pub(super) struct PathValue;

const LONG: Keyed<PathLong> = Keyed::NEW;

impl KeyKind for PathValue {
    type Value = PathMatcher;

    fn name(&self) -> String {
        format!("path or {}", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<PathMatcher, ValueError> {
        if text.contains('*') {
            let fault = ValueError::new(format!("{} has a `*`", Quoted(text)));
            return Err(fault.hint(
                "the beginning of a path is enough: /claw takes everything below it, too; { prefix: /claw, edge: any } takes /clawed as well",
            ));
        }
        let text = PathText.parse(text)?;
        Ok(PathMatcher::Prefix(PathPrefix { text, edge: PrefixEdge::Segment }))
    }

    fn write(&self, value: &PathMatcher) -> YamlText {
        let mut long = PathLong::default();
        match value.clone() {
            PathMatcher::Prefix(PathPrefix { text, edge: PrefixEdge::Segment }) if !text.contains('*') => {
                return YamlText::Word(text);
            }
            PathMatcher::Prefix(PathPrefix { text, edge }) => (long.prefix, long.edge) = (Some(text), edge),
            PathMatcher::Exact(path) => long.exact = Some(path),
            PathMatcher::Regex(regex) => long.regex = Some(regex),
        }
        LONG.write(&long)
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "type": "string", "pattern": "^/[^?#%\\\\*]*$" }, LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<PathMatcher> {
        if let ConfigValue::Map(_) = node.value {
            let PathLong { prefix, edge, exact, regex } = LONG.read(node, at)?;
            return prefix
                .map(|text| PathMatcher::Prefix(PathPrefix { text, edge }))
                .or(exact.map(PathMatcher::Exact))
                .or(regex.map(PathMatcher::Regex));
        }
        at.word(node, self)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct PathLong {
    prefix: Option<String>,
    edge: PrefixEdge,
    exact: Option<String>,
    regex: Option<RegexPattern>,
}

const EDGES: WordOf<PrefixEdge> = WordOf(&[("segment", PrefixEdge::Segment), ("any", PrefixEdge::Any)]);

impl KeySection for PathLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("prefix", Optional(NoValue::Null, PathText), &mut self.prefix, "What the path begins with.");
        keys.key("edge", EDGES, &mut self.edge, "Where the prefix may end: with a segment, or anywhere.");
        keys.key("exact", Optional(NoValue::Null, PathText), &mut self.exact, "The whole path.");
        keys.key("regex", Optional(NoValue::Null, RegexValue), &mut self.regex, "What the path matches.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let given = [self.prefix.is_some(), self.exact.is_some(), self.regex.is_some()];
        match given.into_iter().filter(|given| *given).count() {
            0 => {
                let fault = ValueError::new("no path");
                checks.report(&["prefix"], fault.hint("such as { exact: /setup } or { regex: '^/a(/|$)' }"));
            }
            1 if self.prefix.is_none() && self.edge != PrefixEdge::Segment => {
                checks.report(&["edge"], ValueError::new("only a prefix has an edge").hint("remove `edge`"));
            }
            1 => {}
            _ => {
                let fault = ValueError::new("more than one path");
                checks.report(&["exact", "regex"], fault.hint("one of prefix, exact and regex; a route for each"));
            }
        }
    }
}

/// A path, or the beginning of one, as routes compare it.
pub(in crate::config) struct PathText;

impl KeyKind for PathText {
    type Value = String;

    fn name(&self) -> String {
        "path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let fault = |what: &str| ValueError::new(format!("{} {what}", Quoted(text)));
        let Some(rest) = text.strip_prefix('/') else {
            let pattern = text.starts_with(['~', '^', '=']);
            let (what, hint) = if pattern {
                ("is a pattern, not the beginning of a path", "such as /claw, { exact: /claw } or { regex: '^/claw$' }")
            } else {
                ("does not begin with a slash", "such as /claw")
            };
            return Err(fault(what).hint(hint));
        };
        if text.contains(['?', '#']) {
            return Err(fault("is more than a path").hint("`path` is without the query, for which there is `query`"));
        }
        if text.contains(['%', '\\']) {
            let hint = "write the characters themselves; a path is decoded before it is compared";
            return Err(fault("is not a decoded path").hint(hint));
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(fault("has control characters"));
        }
        // The slash at the end makes an empty segment, and so does the path `/`.
        let mut segments = rest.strip_suffix('/').unwrap_or(rest).split('/');
        if !rest.is_empty() && segments.any(|segment| matches!(segment, "" | "." | "..")) {
            let hint = "paths are compared without dot segments and without double slashes";
            return Err(fault("could never match").hint(hint));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^/[^?#%\\\\]*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_whole_segments() {
        for (prefix, path, expected) in [
            ("/", "/", true),
            ("/", "/x", true),
            ("/claw", "/claw", true),
            ("/claw", "/claw/", true),
            ("/claw", "/claw/x", true),
            ("/claw", "/clawed", false),
            ("/claw", "/Claw", false),
            ("/claw", "/", false),
            ("/claw/", "/claw", false),
            ("/claw/", "/claw/", true),
            ("/claw/", "/claw/x", true),
            ("/a b", "/a b/c", true),
            ("/a.b", "/axb", false),
        ] {
            assert_eq!(
                PathValue.parse(prefix).unwrap().matches(path.as_bytes(), LetterCase::Minded),
                expected,
                "{prefix} {path}"
            );
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for (text, hint) in [
            ("", "such as /claw"),
            ("claw", "such as /claw"),
            ("~ ^/claw", "regex"),
            ("/claw?x", "`query`"),
            ("/claw#x", "`query`"),
            ("/cl%61w", "decoded"),
            ("/a\\b", "decoded"),
            ("/claw/*", "below it"),
            ("//", "double slashes"),
            ("/a//b", "double slashes"),
            ("/a/../b", "dot segments"),
            ("/a/.", "dot segments"),
            ("/./", "dot segments"),
        ] {
            let fault = PathValue.parse(text).unwrap_err();
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
        }
    }
}
