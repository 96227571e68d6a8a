//! [`PathPrefix`]: the paths that a route is for.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// The prefix that a path must have; whole segments only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrefix(String);

impl PathPrefix {
    /// The prefix as it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the prefix matches `path`, which is decoded, without dot segments and without a query.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        match path.strip_prefix(self.0.as_bytes()) {
            Some(rest) => rest.is_empty() || rest[0] == b'/' || self.0.ends_with('/'),
            None => false,
        }
    }
}

/// The kind of `path`.
pub(super) struct PrefixValue;

impl KeyKind for PrefixValue {
    type Value = PathPrefix;

    fn name(&self) -> String {
        "path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<PathPrefix, ValueError> {
        let fault = |what: &str| ValueError::new(format!("{} {what}", Quoted(text)));
        let Some(rest) = text.strip_prefix('/') else {
            let pattern = text.starts_with(['~', '^', '=']);
            let what =
                if pattern { "is a pattern, not the beginning of a path" } else { "does not begin with a slash" };
            return Err(fault(what).hint("such as /claw"));
        };
        if text.contains(['?', '#']) {
            return Err(fault("is more than a path").hint("a route looks at the path, not at the query"));
        }
        if text.contains(['%', '\\']) {
            let hint = "write the characters themselves; a path is decoded before it is compared";
            return Err(fault("is not a decoded path").hint(hint));
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(fault("has control characters"));
        }
        if text.contains('*') {
            return Err(
                fault("has a `*`").hint("the beginning of a path is enough: /claw takes everything below it, too")
            );
        }
        // The slash at the end makes an empty segment, and so does the path `/`.
        let mut segments = rest.strip_suffix('/').unwrap_or(rest).split('/');
        if !rest.is_empty() && segments.any(|segment| matches!(segment, "" | "." | "..")) {
            let hint = "paths are compared without dot segments and without double slashes";
            return Err(fault("could never match").hint(hint));
        }
        Ok(PathPrefix(text.to_owned()))
    }

    fn write(&self, value: &PathPrefix) -> YamlText {
        YamlText::Word(value.0.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^/[^?#%\\\\*]*$" })
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
            assert_eq!(PrefixValue.parse(prefix).unwrap().matches(path.as_bytes()), expected, "{prefix} {path}");
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for (text, hint) in [
            ("", "such as /claw"),
            ("claw", "such as /claw"),
            ("~ ^/claw", "such as /claw"),
            ("/claw?x", "the query"),
            ("/claw#x", "the query"),
            ("/cl%61w", "decoded"),
            ("/a\\b", "decoded"),
            ("/claw/*", "below it"),
            ("//", "double slashes"),
            ("/a//b", "double slashes"),
            ("/a/../b", "dot segments"),
            ("/a/.", "dot segments"),
            ("/./", "dot segments"),
        ] {
            let fault = PrefixValue.parse(text).unwrap_err();
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
        }
    }
}
