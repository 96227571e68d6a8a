//! [`RegexPattern`]: a regular expression of a matcher.

use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::{ExtractKind, Extractor};
use regex_syntax::hir::{Hir, Look};
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A regular expression over bytes, which takes linear time (crate `regex`). It is anchored only where it says so.
/// Classes such as `\d`, and `(?i)`, are about ASCII, as with nginx, Apache and Caddy.
#[derive(Clone)]
pub(crate) struct RegexPattern(Arc<CompiledRegex>);

struct CompiledRegex {
    text: String,
    regex: Regex,
    /// The same, to which letters of either case are equal.
    any_case: Regex,
    /// What every match begins with, at the start of the text; empty where that is not known.
    start: Vec<u8>,
}

impl RegexPattern {
    /// The expression as it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it matches somewhere in `text`.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        text.starts_with(&self.0.start) && self.0.regex.is_match(text)
    }

    /// The same, if letters are equal in either case.
    pub(crate) fn matches_in_any_case(&self, text: &[u8]) -> bool {
        let start = &self.0.start;
        text.len() >= start.len() && text[..start.len()].eq_ignore_ascii_case(start) && self.0.any_case.is_match(text)
    }

    /// The expression itself, for its captures.
    pub(crate) fn regex(&self) -> &Regex {
        &self.0.regex
    }
}

impl PartialEq for RegexPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for RegexPattern {}

/// Without the text: it may be a secret.
impl fmt::Debug for RegexPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegexPattern")
    }
}

/// The kind of a regular expression.
pub(super) struct RegexValue;

impl KeyKind for RegexValue {
    type Value = RegexPattern;

    fn name(&self) -> String {
        "regular expression".to_owned()
    }

    fn parse(&self, text: &str) -> Result<RegexPattern, ValueError> {
        // The expression is not repeated in the message: it may be a secret.
        if text.is_empty() {
            return Err(ValueError::new("an empty expression, which matches everything").hint("such as '^/admin(/|$)'"));
        }
        if text.len() > LONGEST {
            return Err(ValueError::new(format!("an expression of more than {LONGEST} bytes")));
        }
        let build = |any_case: bool| {
            let mut builder = RegexBuilder::new(text);
            builder.unicode(false).case_insensitive(any_case).size_limit(MOST_COMPILED).dfa_size_limit(MOST_CACHED);
            builder.build().map_err(|error| explain(&error))
        };
        let (regex, any_case) = (build(false)?, build(true)?);
        Ok(RegexPattern(Arc::new(CompiledRegex { text: text.to_owned(), regex, any_case, start: start(text) })))
    }

    fn write(&self, value: &RegexPattern) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1, "maxLength": LONGEST })
    }
}

/// What every match begins with. Most expressions about paths are anchored and begin with some letters: comparing those
/// first makes a long list of routes cheap.
fn start(text: &str) -> Vec<u8> {
    let parsed = ParserBuilder::new().utf8(false).unicode(false).build().parse(text);
    parsed.map(|hir| anchored_start(&hir)).unwrap_or_default()
}

fn anchored_start(hir: &Hir) -> Vec<u8> {
    if !hir.properties().look_set_prefix().contains(Look::Start) {
        return Vec::new();
    }
    let mut extractor = Extractor::new();
    let literals = extractor.kind(ExtractKind::Prefix).extract(hir);
    literals.longest_common_prefix().map(<[u8]>::to_vec).unwrap_or_default()
}

fn explain(error: &regex::Error) -> ValueError {
    let text = match error {
        regex::Error::CompiledTooBig(_) => {
            let fault = ValueError::new("the expression needs too much memory");
            return fault.hint("fewer or smaller repetitions, such as x{1,20} instead of x{1,2000}");
        }
        error => error.to_string(),
    };
    let why = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let fault = ValueError::new(format!("not a regular expression: {why}"));
    if why.contains("look-around") {
        fault.hint("what must not match goes into `not`")
    } else if why.contains("backreferences") {
        fault.hint("write the alternatives: (aa|bb)")
    } else if why.contains("Unicode") {
        fault.hint("letters that are not ASCII stand in no class: (é|à) instead of [éà]")
    } else {
        fault.hint("in YAML, put it in single quotes: '^/admin(/|$)'")
    }
}

/// Bytes of an expression.
const LONGEST: usize = 4096;
/// Bytes that an expression may take once it is compiled.
const MOST_COMPILED: usize = 256 * 1024;
/// Bytes of what matching keeps for the next time, on each thread; texts that clients choose fill it.
const MOST_CACHED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(text: &str) -> RegexPattern {
        RegexValue.parse(text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
    }

    #[test]
    fn it_is_anchored_only_where_it_says_so_and_looks_at_bytes() {
        for (pattern, text, plain, any_case) in [
            ("^/admin(/|$)", &b"/admin"[..], true, true),
            ("^/admin(/|$)", b"/admin/x", true, true),
            ("^/admin(/|$)", b"/administer", false, false),
            ("^/admin(/|$)", b"/Admin", false, true),
            ("^/admin(/|$)", b"/x/admin", false, false),
            ("admin", b"/x/admin", true, true),
            ("(?i)^/admin", b"/ADMIN", true, true),
            (r"\.php$", b"/x.php", true, true),
            (r"\.php$", b"/x.PHP/y", false, false),
            ("^/(a|b)x", b"/bx", true, true),
            ("^/a|/b", b"/x/b", true, true),
            ("^/.*$", b"/\xff\xfe", true, true),
            ("^/.$", "/é".as_bytes(), false, false),
            ("^/é$", "/é".as_bytes(), true, true),
            (r"^/\d$", "/٣".as_bytes(), false, false),
            ("^/[^a]$", b"/A", true, false),
            ("^$", b"", true, true),
        ] {
            let shown = (pattern, String::from_utf8_lossy(text));
            assert_eq!(regex(pattern).matches(text), plain, "{shown:?}");
            assert_eq!(regex(pattern).matches_in_any_case(text), any_case, "{shown:?}");
        }
    }

    #[test]
    fn the_start_of_an_anchored_expression_is_known() {
        for (pattern, start) in [
            ("^/admin(/|$)", "/admin"),
            ("^/a(b|c)", "/a"),
            ("^/(?:admin|ads)", "/ad"),
            ("/admin", ""),
            ("^/a|/b", ""),
            ("(?i)^/9x", "/9"),
            ("(?m)^/x", ""),
            ("^", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&regex(pattern).0.start), start, "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_matched_in_linear_time_is_refused_with_a_hint() {
        for (text, said, hint) in [
            ("", "empty", "such as"),
            ("^/(?!x)", "look-around", "`not`"),
            (r"^/(a)\1", "backreferences", "alternatives"),
            ("[éà]", "Unicode", "(é|à)"),
            ("(a", "unclosed group", "single quotes"),
            ("(a{1,500}){1,500}", "too much memory", "smaller"),
        ] {
            let fault = RegexValue.parse(text).unwrap_err();
            assert!(fault.message.contains(said), "{text}: {}", fault.message);
            assert!(fault.hint.as_deref().unwrap().contains(hint), "{text}: {fault:?}");
        }
    }
}
