//! The configuration as YAML, every key with the value it has.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_yaml::{FlowMap, FlowSeq, SerializerOptions};

use super::Config;
use super::keys::{KeySection, KeySlot, Keys, YamlText};

/// Prints YAML that loads to the same configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = PrintedMapping(&shown(&mut self.clone()));
        serde_yaml::to_fmt_writer_with_options(f, &shown, options()).map_err(|_| fmt::Error)
    }
}

/// Prints the value on one line.
impl fmt::Display for YamlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_yaml::to_string_with_options(self, options()).map_err(|_| fmt::Error)?;
        f.write_str(text.trim_end())
    }
}

/// Words such as `off` are text to YAML 1.2, and are printed without quotes.
fn options() -> SerializerOptions {
    serde_yaml::ser_options! { yaml_12: true, no_lang_directive: true, prefer_block_scalars: false }
}

/// Lists and mappings are in flow style, so that each key is one line.
impl Serialize for YamlText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Word(word) => serializer.serialize_str(word),
            Self::List(items) => FlowSeq(items).serialize(serializer),
            Self::Map(parts) => FlowMap(PrintedMapping(parts)).serialize(serializer),
        }
    }
}

/// The value of a key, or the keys of a section.
enum PrintedSetting {
    Value(YamlText),
    Section(Vec<(&'static str, Self)>),
}

/// Whether the value is a mapping. Several mappings are printed below each other, each on a line.
fn is_map(written: &YamlText) -> bool {
    matches!(written, YamlText::Map(_))
}

impl Serialize for PrintedSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(YamlText::List(items)) if items.iter().any(is_map) => serializer.collect_seq(items),
            Self::Value(YamlText::Map(parts)) if parts.iter().any(|(_, part)| is_map(part)) => {
                PrintedMapping(parts).serialize(serializer)
            }
            Self::Value(written) => written.serialize(serializer),
            Self::Section(keys) => PrintedMapping(keys).serialize(serializer),
        }
    }
}

/// A mapping that is printed in this order.
struct PrintedMapping<'a, N, T>(&'a [(N, T)]);

impl<N: Serialize, T: Serialize> Serialize for PrintedMapping<'_, N, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

fn shown(section: &mut dyn KeySection) -> Vec<(&'static str, PrintedSetting)> {
    let mut printer = ConfigPrinter(Vec::new());
    section.keys(&mut printer);
    printer.0
}

struct ConfigPrinter(Vec<(&'static str, PrintedSetting)>);

impl Keys for ConfigPrinter {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn KeySlot) {
        self.0.push((name, PrintedSetting::Value(slot.write())));
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn KeySection) {
        self.0.push((name, PrintedSetting::Section(shown(section))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    #[test]
    fn a_word_is_quoted_only_when_yaml_would_misread_it() {
        let cases = [
            ("off", "off"),
            ("20s", "20s"),
            ("http://127.0.0.1:18789", "http://127.0.0.1:18789"),
            ("*.example.com", "\"*.example.com\""),
            ("1.2", "\"1.2\""),
            ("true", "\"true\""),
            ("null", "\"null\""),
            ("", "\"\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("it's", "it's"),
            ("a\nb", "\"a\\nb\""),
        ];
        for (word, expected) in cases {
            assert_eq!(YamlText::Word(word.to_owned()).to_string(), expected);
        }
    }

    #[test]
    fn whatever_a_word_holds_it_reads_the_same() {
        let words =
            ["[a]", "{a}", "a, b", "- a", "? a", "&a", "!a", "|", ">", "%a", "@a", "`a`", "'", "\"", "\\", "\t", "é"];
        for word in words
            .iter()
            .chain(&["a:", ":a", "#a", " a ", "a\r\nb", "\u{7f}", "\u{feff}", "\u{2028}", "~", "1e3", "---"])
        {
            let written = YamlText::List(vec![YamlText::parts([("a", YamlText::Word((*word).to_owned()))])]);
            let text = format!("key: {written}");
            let node = yaml::parse(&text, &mut Vec::new()).unwrap_or_else(|problem| panic!("{text}\n{problem:?}"));
            let read = &node.find("key[0].a").unwrap().value;
            assert_eq!(*read, crate::config::node::ConfigValue::Scalar((*word).to_owned()), "{text}");
        }
    }
}
