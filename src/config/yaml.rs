//! [`parse`]: YAML into [`ConfigNode`]s, by serde.
//!
//! A value that YAML takes for a number, a truth value or null arrives without its text: `1.10` as 1.1. The settings
//! decide what such words mean, not YAML, so their text is copied from the file, at the span that the parser gives.

use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Options, Spanned, Tagged};

use super::node::{ConfigEntry, ConfigNode, ConfigValue, join};
use super::problem::{Problem, SettingPosition, ValueError};
use super::raw::{RawScalar, ScalarShape};

/// Reads one YAML document. Mistakes that leave the rest readable go to `problems`; any other is returned.
pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Result<ConfigNode, Problem> {
    let documents: Vec<RawScalar> = serde_yaml::from_multiple_with_options(text, options())
        .map_err(|error| Problem::new(&error.location().map_or(SettingPosition::Whole, place), "", fault(&error)))?;
    let mut documents = documents.into_iter();
    let root = documents.next();
    if let Some(second) = documents.next() {
        let fault =
            ValueError::new("a second YAML document").hint("one file holds one configuration: remove the `---`");
        return Err(Problem::new(&place(second.0.referenced), "", fault));
    }
    root.map_or_else(|| Ok(ConfigNode::empty()), |root| YamlBuilder { text, problems }.node(root, ""))
}

/// No setting lies deeper than this; YAML that is nested deeper is refused.
const DEEPEST: usize = 16;

/// The most keys of one mapping. No section has anywhere near as many; it bounds the search for duplicates and near
/// names.
const MOST_KEYS: usize = 256;

/// Room for the longest list of networks that a file of 1 MiB can hold.
const MOST_VALUES: usize = 1 << 17;

/// Aliases are replayed only to report their positions.
const MOST_REPLAYED: usize = 1 << 10;

/// No text of the file may appear in a message, so snippets are off. Faults that would end the reading at the first
/// mistake (a key given twice, `.inf`) or change the document (`<<`) are let through, to be reported with all the
/// others.
fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_nodes: MOST_VALUES,
        },
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    }
}

struct YamlBuilder<'a> {
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl YamlBuilder<'_> {
    fn node(&mut self, raw: RawScalar, path: &str) -> Result<ConfigNode, Problem> {
        let Spanned { value: Tagged(shape, tag), referenced, defined } = raw.0;
        let place = place(referenced);
        if referenced != defined {
            self.problems.push(Problem::new(&place, path, alias()));
            return Ok(ConfigNode { value: ConfigValue::Null, place });
        }
        if tag.is_some() {
            self.problems.push(Problem::new(&place, path, tagged()));
        }
        let value = match shape {
            ScalarShape::Null => ConfigValue::Null,
            ScalarShape::Text(text) => ConfigValue::Scalar(text),
            ScalarShape::Word => ConfigValue::Scalar(self.word(referenced)),
            ScalarShape::List(items) => ConfigValue::List(self.list(items, path)?),
            ScalarShape::Map(entries) => ConfigValue::Map(self.map(entries, path)?),
        };
        Ok(ConfigNode { value, place })
    }

    fn list(&mut self, items: Vec<RawScalar>, path: &str) -> Result<Vec<ConfigNode>, Problem> {
        items.into_iter().enumerate().map(|(index, item)| self.node(item, &format!("{path}[{index}]"))).collect()
    }

    fn map(&mut self, raw: Vec<(RawScalar, RawScalar)>, path: &str) -> Result<Vec<ConfigEntry>, Problem> {
        let mut entries: Vec<ConfigEntry> = Vec::new();
        for (key, value) in raw {
            let (at, key) = (key.0.referenced, self.key(key, path)?);
            if entries.len() == MOST_KEYS {
                return Err(Problem::new(&place(at), path, ValueError::new(format!("more than {MOST_KEYS} keys"))));
            }
            let inner = join(path, key.as_deref().unwrap_or_default());
            let node = self.node(value, &inner)?;
            let Some(key) = key else { continue };
            let first = entries.iter().find(|entry| entry.key == key);
            if let Some(ConfigEntry { place: SettingPosition::File { line, .. }, .. }) = first {
                let fault = ValueError::new("given twice").hint(format!("it is already set on line {line}"));
                self.problems.push(Problem::new(&place(at), inner, fault));
            } else {
                entries.push(ConfigEntry { key, place: place(at), node });
            }
        }
        Ok(entries)
    }

    /// A key as text; `None` and a problem when the key is not text.
    fn key(&mut self, raw: RawScalar, path: &str) -> Result<Option<String>, Problem> {
        let at = raw.0.referenced;
        let empty = matches!(raw.0.value, Tagged(ScalarShape::Null, _));
        match self.node(raw, path)?.value {
            ConfigValue::Scalar(text) => Ok(Some(text)),
            ConfigValue::Null if empty => Ok(Some(self.word(at))),
            _ => {
                self.problems.push(Problem::new(&place(at), path, ValueError::new("a key must be a plain word")));
                Ok(None)
            }
        }
    }

    /// The text that is written at a position, in one piece and without quotes.
    fn word(&self, at: Location) -> String {
        let (start, length) = (at.span().byte_offset(), at.span().byte_len());
        let range = start.zip(length).and_then(|(start, length)| {
            Some(usize::try_from(start).ok()?..usize::try_from(start.checked_add(length)?).ok()?)
        });
        range.and_then(|range| self.text.get(range)).unwrap_or_default().to_owned()
    }
}

/// The fault of a parser's error. Only the parser's own words are repeated: others may quote the file.
fn fault(error: &Error) -> ValueError {
    match error {
        Error::ExternalMessage { msg, .. } => ValueError::new(format!("not YAML: {msg}")),
        Error::Budget { .. } => ValueError::new("nested too deep, or too long, for a configuration"),
        Error::UnknownAnchor { .. }
        | Error::AliasError { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::RecursiveReferencesRequireWeakTypes { .. } => alias(),
        // Without a tag, every type of value is accepted.
        _ => tagged(),
    }
}

fn alias() -> ValueError {
    ValueError::new("YAML anchors and aliases are not supported").hint("write the value out")
}

fn tagged() -> ValueError {
    ValueError::new("YAML tags (`!…`) mean nothing here")
}

/// The position in the file; line and column count from 1.
fn place(at: Location) -> SettingPosition {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    SettingPosition::File { line: count(at.line()), column: count(at.column()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> ConfigValue {
        let node = parse(text, &mut Vec::new()).unwrap();
        node.find("ü").unwrap().value.clone()
    }

    #[test]
    fn a_scalar_is_what_was_written_whatever_yaml_takes_it_for() {
        let words = [
            "1",
            "1.10",
            "1.2",
            "0x10",
            "0o17",
            "007",
            "-1",
            "+1",
            "1_000",
            "1e3",
            "1e999",
            ".inf",
            "-.INF",
            ".NaN",
            "true",
            "False",
            "yes",
            "off",
            "No",
            "9999999999999999999999",
            "-9999999999999999999999",
            "12:30:45",
            "2026-01-01",
            "1.",
        ];
        for word in words {
            for text in [
                format!("ü: {word}"),
                format!("# é\n'ä': 1\nü:  {word}   # ö\n"),
                format!("\u{feff}ü: {word}\r\nb: 1\r\n"),
                format!("{{ ü: {word} , b: 1 }}"),
                format!("ü:\n  {word}\n"),
                format!("ü: '{word}'"),
                format!("ü: &anchor {word}"),
                format!("ü: |-\n  {word}\n"),
            ] {
                assert_eq!(scalar(&text), ConfigValue::Scalar(word.to_owned()), "{text}");
            }
        }
        for nothing in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(scalar(&format!("ü: {nothing}")), ConfigValue::Null, "{nothing}");
            assert_eq!(scalar(&format!("ü: '{nothing}'")), ConfigValue::Scalar(nothing.to_owned()), "{nothing}");
        }
    }

    #[test]
    fn a_key_is_what_was_written_too() {
        for key in ["1.10", "off", "~", "null", "0x10", "'a b'", "\"1\""] {
            let node = parse(&format!("{{ {key} : 1 }}"), &mut Vec::new()).unwrap();
            let ConfigValue::Map(entries) = node.value else { panic!("{key}") };
            assert_eq!(entries[0].key, key.trim_matches(['\'', '"']));
            assert_eq!(entries[0].place, SettingPosition::File { line: 1, column: 3 }, "{key}");
        }
    }

    #[test]
    fn what_ends_the_reading_says_where() {
        let deep = (0..40).map(|depth| format!("{:depth$}a:", "")).collect::<Vec<_>>().join("\n");
        let replayed = format!("a: &a [{}]\nb: [{}]", "1, ".repeat(99), "*a, ".repeat(99));
        let cases: [(&str, &str); 7] = [
            (&deep, "nested too deep, or too long, for a configuration"),
            (&replayed, "YAML anchors and aliases are not supported"),
            ("a: &a [*a]", "YAML anchors and aliases are not supported"),
            ("a: *b", "YAML anchors and aliases are not supported"),
            ("a: !!int b", "YAML tags (`!…`) mean nothing here"),
            ("a: !!binary b", "YAML tags (`!…`) mean nothing here"),
            ("a: !!map b", "YAML tags (`!…`) mean nothing here"),
        ];
        for (text, expected) in cases {
            let mut problems = Vec::new();
            let fatal = parse(text, &mut problems).err();
            let said = problems.iter().chain(&fatal).map(|problem| problem.message.as_str()).collect::<Vec<_>>();
            assert_eq!(said, [expected], "{text}");
            assert!(
                problems.iter().chain(&fatal).all(|problem| matches!(problem.place, SettingPosition::File { .. })),
                "{text}"
            );
        }
    }
}
