//! The configuration as YAML, every key with the value it has.

use std::fmt::{self, Write};

use super::Config;
use super::keys::{Keys, Section, Slot, Written};

/// YAML that loads to the same configuration.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { text: String::new(), indent: 0 };
        self.clone().keys(&mut printer);
        f.write_str(&printer.text)
    }
}

struct Printer {
    text: String,
    indent: usize,
}

impl Keys for Printer {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn Slot) {
        let _ = writeln!(self.text, "{:indent$}{name}: {}", "", slot.write(), indent = self.indent);
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn Section) {
        let _ = writeln!(self.text, "{:indent$}{name}:", "", indent = self.indent);
        self.indent += 2;
        section.keys(self);
        self.indent -= 2;
    }

    fn not_yet(&mut self, _name: &'static str, _idle: Option<&'static str>) {}
}

/// On one line, as YAML's flow style.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(number) => number.fmt(f),
            Self::Word(word) if is_plain(word) => f.write_str(word),
            // JSON's strings are YAML's double-quoted ones.
            Self::Word(word) => f.write_str(&serde_json::Value::from(word.as_str()).to_string()),
            Self::List(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index > 0 { ", " } else { "" })?;
                }
                f.write_char(']')
            }
            Self::Map(parts) => {
                f.write_str("{ ")?;
                for (index, (name, part)) in parts.iter().enumerate() {
                    write!(f, "{}{name}: {part}", if index > 0 { ", " } else { "" })?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Whether YAML takes the word as it stands, and as text.
fn is_plain(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte))
        && !word.ends_with(':')
        && word.parse::<f64>().is_err()
        && !["null", "true", "false"].contains(&word.to_ascii_lowercase().as_str())
}
