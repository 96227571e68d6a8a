//! YAML for people: blocks where there is much to see, one line where there is little, comments above what they are
//! about.

use std::fmt::Write;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum YamlValue {
    /// Text, quoted where it must be.
    Word(String),
    /// A list.
    List(Vec<Item>),
    /// A mapping, in this order.
    Map(Vec<YamlEntry>),
}

/// One item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) comment: Vec<String>,
    pub(super) value: YamlValue,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct YamlEntry {
    pub(super) comment: Vec<String>,
    pub(super) key: String,
    pub(super) value: YamlValue,
}

/// The width of a line, in columns, up to which a value stands on one line.
const WIDTH: usize = 110;

impl YamlValue {
    /// One word.
    pub(super) fn word<T: ToString + ?Sized>(text: &T) -> Self {
        Self::Word(text.to_string())
    }

    /// A list of words.
    pub(super) fn words<T: ToString>(words: impl IntoIterator<Item = T>) -> Self {
        Self::items(words.into_iter().map(|word| Self::word(&word)))
    }

    /// A list without comments.
    pub(super) fn items(values: impl IntoIterator<Item = Self>) -> Self {
        Self::List(values.into_iter().map(|value| Item { comment: Vec::new(), value }).collect())
    }

    /// A mapping without comments.
    pub(super) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entry = |(key, value): (K, Self)| YamlEntry { comment: Vec::new(), key: key.into(), value };
        Self::Map(entries.into_iter().map(entry).collect())
    }

    /// The value on one line.
    pub(super) fn flow(&self) -> String {
        match self {
            Self::Word(word) => quoted(word),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| item.value.flow()).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let entry = |entry: &YamlEntry| format!("{}: {}", quoted(&entry.key), entry.value.flow());
                format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn has_comments(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::List(items) => items.iter().any(|item| !item.comment.is_empty() || item.value.has_comments()),
            Self::Map(entries) => entries.iter().any(|entry| !entry.comment.is_empty() || entry.value.has_comments()),
        }
    }

    /// Whether the value fits on one line, behind `before` columns.
    fn is_short(&self, before: usize) -> bool {
        let nested = match self {
            Self::Word(_) => return true,
            Self::List(items) => items.iter().any(|item| matches!(item.value, Self::Map(_))),
            Self::Map(_) => false,
        };
        !nested && !self.has_comments() && before + self.flow().chars().count() <= WIDTH
    }
}

/// The whole file.
pub(super) fn document(heading: &[String], entries: &[YamlEntry]) -> String {
    let mut text = String::new();
    comments(&mut text, heading, 0);
    for entry in entries {
        if !entry.comment.is_empty() && !text.is_empty() {
            text.push('\n');
        }
        comments(&mut text, &entry.comment, 0);
        // A section of the file is a block, however short.
        match &entry.value {
            YamlValue::Map(parts) if !parts.is_empty() => {
                let _ = writeln!(text, "{}:", entry.key);
                map(&mut text, parts, 2);
            }
            _ => key(&mut text, entry, 0),
        }
    }
    text
}

fn map(text: &mut String, entries: &[YamlEntry], indent: usize) {
    for entry in entries {
        comments(text, &entry.comment, indent);
        let _ = write!(text, "{:indent$}", "");
        key(text, entry, indent);
    }
}

/// Writes the key at the current position, then its value.
fn key(text: &mut String, entry: &YamlEntry, indent: usize) {
    let name = quoted(&entry.key);
    if entry.value.is_short(indent + name.len() + 2) {
        let _ = writeln!(text, "{name}: {}", entry.value.flow());
        return;
    }
    let _ = writeln!(text, "{name}:");
    match &entry.value {
        YamlValue::Word(_) => {}
        YamlValue::Map(entries) => map(text, entries, indent + 2),
        YamlValue::List(items) => list(text, items, indent + 2),
    }
}

fn list(text: &mut String, items: &[Item], indent: usize) {
    for item in items {
        comments(text, &item.comment, indent);
        let _ = write!(text, "{:indent$}- ", "");
        match &item.value {
            YamlValue::Map(entries) if !item.value.is_short(indent + 2) => {
                for (number, entry) in entries.iter().enumerate() {
                    if number > 0 {
                        let _ = write!(text, "{:1$}", "", indent + 2);
                    }
                    key(text, entry, indent + 2);
                }
            }
            value => {
                let _ = writeln!(text, "{}", value.flow());
            }
        }
    }
}

fn comments(text: &mut String, paragraphs: &[String], indent: usize) {
    for paragraph in paragraphs {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && indent + 2 + line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(text, "{:indent$}#{line}", "");
                line.clear();
            }
            line.push(' ');
            line.extend(word.chars().filter(|letter| !is_unreadable(*letter)));
        }
        let _ = writeln!(text, "{:indent$}#{line}", "");
    }
}

/// The word without quotes where YAML takes it for text, in a list or a mapping too, or for a word that settings read
/// as it was written (`off`, `30s`).
fn quoted(word: &str) -> String {
    let first = word.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '/');
    let inner = |letter: char| letter.is_ascii_alphanumeric() || "-_./+@:".contains(letter);
    let plain = first && word.chars().all(inner) && !word.ends_with(':') && !NOTHING.contains(&word);
    // A version or a time of day is no number to a reader.
    let number =
        word.contains(['.', ':']) && word.chars().all(|letter| letter.is_ascii_digit() || "._:".contains(letter));
    if plain && !number {
        return word.to_owned();
    }
    let mut text = String::new();
    for letter in serde_json::Value::from(word).to_string().chars() {
        if is_unreadable(letter) {
            let _ = write!(text, "\\u{:04x}", u32::from(letter));
        } else {
            text.push(letter);
        }
    }
    text
}

/// Whether YAML takes the character only by its number (YAML 1.2 §5.1). In all else YAML takes the strings of JSON,
/// which allows the character as it is.
fn is_unreadable(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}')
}

/// Words that YAML reads as no value at all.
const NOTHING: [&str; 3] = ["null", "Null", "NULL"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        let plain = ["off", "30s", "404", "http://127.0.0.1:18789", "/claw/", "gw.example.com", "X-Team", "a@b.c"];
        for word in plain {
            assert_eq!(quoted(word), word);
        }
        let cases = [
            ("1.2", "\"1.2\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("*.example.com", "\"*.example.com\""),
            ("[::]:443", "\"[::]:443\""),
            ("null", "\"null\""),
            ("$2y$05$x", "\"$2y$05$x\""),
            ("a\"b\\\n", "\"a\\\"b\\\\\\n\""),
            ("\u{1}\u{7f}\u{85}\u{9f}\u{ffff}é", "\"\\u0001\\u007f\\u0085\\u009f\\uffffé\""),
            ("unix:", "\"unix:\""),
            ("- a", "\"- a\""),
            ("a#b", "\"a#b\""),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn long_values_and_commented_ones_are_blocks() {
        let short = YamlValue::map([("set", YamlValue::map([("X-A", YamlValue::word("b c"))]))]);
        let mut routes = vec![Item { comment: vec!["One.".into()], value: short.clone() }];
        let long = YamlValue::map([
            ("host", YamlValue::word("a.b")),
            ("paths", YamlValue::words(["x".repeat(60), "y".repeat(60)])),
        ]);
        routes.push(Item { comment: Vec::new(), value: long });
        let entry = |comment: &[&str], key: &str, value| YamlEntry {
            comment: comment.iter().map(|&line| line.to_owned()).collect(),
            key: key.into(),
            value,
        };
        let listen = YamlValue::map([("https", YamlValue::words(["[::]:443"]))]);
        let text = document(
            &["Top.".into()],
            &[
                entry(&[], "listen", listen),
                entry(&["Why\nnot"], "hold", YamlValue::word("off")),
                entry(&[], "routes", YamlValue::List(routes)),
            ],
        );
        let (x, y) = ("x".repeat(60), "y".repeat(60));
        let expected = format!(
            "# Top.\nlisten:\n  https: [\"[::]:443\"]\n\n# Why not\nhold: off\nroutes:\n  # One.\n  - {{ set: {{ X-A: \"b c\" }} }}\n  \
             - host: a.b\n    paths:\n      - {x}\n      - {y}\n"
        );
        assert_eq!(text, expected);
    }
}
