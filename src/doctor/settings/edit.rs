//! [`apply`]: a change of the gateway's configuration that keeps everything else as it is.

use std::fmt;

use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::{Value, json};

use super::UnreadableSettings;
use super::read::parse;

/// What to add to a list of the gateway's configuration, or to switch on or off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingEdit {
    /// The names from the root to the setting.
    pub(crate) path: &'static [&'static str],
    /// Whether entries are added to a list, or a switch is set.
    pub(crate) change: SettingChange,
}

/// How a setting changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingChange {
    /// These entries are added to the list.
    Add(Vec<String>),
    /// The setting becomes this value.
    Set(SettingValue),
}

/// The value of a setting that is no list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SettingValue {
    Switch(bool),
    Text(String),
    Number(u16),
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableSettings),
    /// The setting, or what holds it, is not what it should be.
    #[error("{0} is not written there as it should be, or comes from elsewhere ($include, a variable, a name twice)")]
    Shape(String),
}

/// The text with all of `edits` in it. Comments, order and spaces stay; whatever else the text says, it still says.
///
/// # Errors
/// The edits cannot be made without touching anything else.
pub(crate) fn apply(text: &str, edits: &[SettingEdit]) -> Result<String, EditError> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let root = parse(body)?;
    let mut expected = root.to_serde_value().unwrap_or(Value::Null);
    for edit in edits {
        let shape = || EditError::Shape(edit.path.join("."));
        write(&root, edit).ok_or_else(shape)?;
        imagine(&mut expected, edit).ok_or_else(shape)?;
    }
    let edited = root.to_string();
    // A library builds the tree, and the file may be the only copy that there is: the edited text is read again and
    // compared.
    let read = parse(&edited)?.to_serde_value();
    let rest = || edits.iter().map(|edit| edit.path.join(".")).collect::<Vec<_>>().join(", ");
    if read == Some(expected) { Ok(format!("{mark}{edited}")) } else { Err(EditError::Shape(rest())) }
}

impl SettingEdit {
    /// The setting's name, with dots.
    pub(crate) fn key(&self) -> String {
        self.path.join(".")
    }

    /// The value that the setting has afterwards, if it was `before`.
    pub(in crate::doctor) fn value(&self, before: &[String]) -> Value {
        match &self.change {
            SettingChange::Set(value) => value.json(),
            SettingChange::Add(values) => {
                let fresh = values.iter().filter(|value| !before.contains(value));
                json!(before.iter().chain(fresh).collect::<Vec<_>>())
            }
        }
    }
}

/// What the edit does, for a question to the user.
impl fmt::Display for SettingEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            SettingChange::Add(values) => write!(f, "{}: add {}", self.key(), values.join(", ")),
            SettingChange::Set(value) => write!(f, "{}: {}", self.key(), value.json()),
        }
    }
}

impl SettingValue {
    /// The value as JSON.
    pub(in crate::doctor) fn json(&self) -> Value {
        match self {
            Self::Switch(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::Number(value) => json!(value),
        }
    }

    fn cst(&self) -> CstInputValue {
        match self {
            Self::Switch(value) => CstInputValue::Bool(*value),
            Self::Text(value) => CstInputValue::String(value.clone()),
            Self::Number(value) => CstInputValue::Number(value.to_string()),
        }
    }

    /// Whether it may stand in the place of `before`: a value of its kind that is written there, and not in a variable.
    fn replaces(&self, before: &Value) -> bool {
        match self {
            Self::Switch(_) => before.is_boolean(),
            Self::Text(_) => before.as_str().is_some_and(|text| !text.contains("${")),
            Self::Number(_) => before.is_number(),
        }
    }
}

/// Changes the tree.
fn write(root: &CstRootNode, edit: &SettingEdit) -> Option<()> {
    let (leaf, parents) = edit.path.split_last()?;
    let mut object = root.object_value()?;
    for name in parents {
        unique(&object, name)?;
        object = object.object_value_or_create(name)?;
        if object.get("$include").is_some() {
            return None;
        }
    }
    unique(&object, leaf)?;
    match &edit.change {
        SettingChange::Set(value) => match object.get(leaf) {
            Some(property) => {
                let before = property.value()?.to_serde_value()?;
                value.replaces(&before).then(|| property.set_value(value.cst()))?;
            }
            None => drop(object.append(leaf, value.cst())),
        },
        SettingChange::Add(values) => {
            let list = object.array_value_or_create(leaf)?;
            let before: Vec<_> = list.elements().iter().filter_map(CstNode::to_serde_value).collect();
            for value in values.iter().filter(|value| !before.contains(&json!(value))) {
                list.append(CstInputValue::String(value.clone()));
            }
        }
    }
    Some(())
}

/// Of a name that stands twice the gateway takes the last one, and the tree the first.
fn unique(object: &CstObject, name: &str) -> Option<()> {
    let same = object.properties().iter().filter(|one| one.decoded_name().as_deref() == Some(name)).count();
    (same <= 1).then_some(())
}

/// Changes the parsed value in the same way, to compare the edited text with.
fn imagine(value: &mut Value, edit: &SettingEdit) -> Option<()> {
    let (leaf, parents) = edit.path.split_last()?;
    let mut object = value.as_object_mut()?;
    for name in parents {
        object = object.entry(*name).or_insert_with(|| json!({})).as_object_mut()?;
    }
    match &edit.change {
        SettingChange::Set(value) => drop(object.insert((*leaf).to_owned(), value.json())),
        SettingChange::Add(values) => {
            let list = object.entry(*leaf).or_insert_with(|| json!([])).as_array_mut()?;
            for value in values.iter().map(|value| json!(value)) {
                if !list.contains(&value) {
                    list.push(value);
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIES: &[&str] = &["gateway", "trustedProxies"];
    const ORIGINS: &[&str] = &["gateway", "controlUi", "allowedOrigins"];

    fn both() -> Vec<SettingEdit> {
        let add = |value: &str| SettingChange::Add(vec![value.to_owned()]);
        vec![
            SettingEdit { path: PROXIES, change: add("127.0.0.1") },
            SettingEdit { path: ORIGINS, change: add("https://gw.example:8443") },
        ]
    }

    #[test]
    fn everything_else_stays_to_the_byte() {
        let rows = [
            (
                // Plain JSON, indented by one.
                "{\n \"zeta\": 1.50,\n \"gateway\": {\n  \"port\": 18789,\n  \"auth\": {\n   \"token\": \"t\"\n  }\n },\n \"alpha\": [1,2]\n}\n",
                "{\n \"zeta\": 1.50,\n \"gateway\": {\n  \"port\": 18789,\n  \"auth\": {\n   \"token\": \"t\"\n  },\n  \"trustedProxies\": [\"127.0.0.1\"],\n  \"controlUi\": {\n   \"allowedOrigins\": [\"https://gw.example:8443\"]\n  }\n },\n \"alpha\": [1,2]\n}\n",
            ),
            (
                // JSON5 with everything that people write by hand.
                "// mine\n{\n  gateway: { // here\n    trustedProxies: ['10.0.0.1', /* nginx */], // two\n    controlUi: {\n      allowedOrigins: [\n        \"https://old.example\", // gone soon\n      ],\n    },\n  },\n}\n",
                "// mine\n{\n  gateway: { // here\n    trustedProxies: ['10.0.0.1', \"127.0.0.1\" /* nginx */], // two\n    controlUi: {\n      allowedOrigins: [\n        \"https://old.example\", // gone soon\n        \"https://gw.example:8443\",\n      ],\n    },\n  },\n}\n",
            ),
        ];
        for (before, after) in rows {
            let edited = apply(before, &both()).unwrap();
            assert_eq!(edited, after, "\n{edited}");
            assert_eq!(apply(&edited, &both()).unwrap(), edited, "a second time changes nothing");
        }
    }

    #[test]
    fn an_empty_object_gets_both() {
        let edited = apply("{}", &both()).unwrap();
        let value = parse(&edited).unwrap().to_serde_value().unwrap();
        let expected = json!({"gateway": {"trustedProxies": ["127.0.0.1"], "controlUi": {"allowedOrigins": ["https://gw.example:8443"]}}});
        assert_eq!(value, expected, "{edited}");
    }

    #[test]
    fn a_switch_is_set() {
        let edit = SettingEdit {
            path: &["gateway", "auth", "trustedProxy", "allowLoopback"],
            change: SettingChange::Set(SettingValue::Switch(true)),
        };
        for (before, after) in [
            (
                r#"{"gateway":{"auth":{"mode":"trusted-proxy","trustedProxy":{"userHeader":"x"}}}}"#,
                json!({"gateway": {"auth": {"mode": "trusted-proxy", "trustedProxy": {"userHeader": "x", "allowLoopback": true}}}}),
            ),
            (
                r"{gateway:{auth:{trustedProxy:{allowLoopback:false/*!*/}}}}",
                json!({"gateway": {"auth": {"trustedProxy": {"allowLoopback": true}}}}),
            ),
        ] {
            let edited = apply(before, std::slice::from_ref(&edit)).unwrap();
            assert_eq!(parse(&edited).unwrap().to_serde_value(), Some(after), "{edited}");
        }
    }

    #[test]
    fn texts_and_numbers_are_set_where_they_are_written() {
        let text =
            |path, text: &str| SettingEdit { path, change: SettingChange::Set(SettingValue::Text(text.to_owned())) };
        let edits = [
            text(&["gateway", "publicOrigin"], "https://gw"),
            text(&["gateway", "portals", "ingress", "domain"], "p.gw"),
            SettingEdit {
                path: &["gateway", "portals", "ingress", "port"],
                change: SettingChange::Set(SettingValue::Number(18890)),
            },
        ];
        let after = json!({"gateway": {"publicOrigin": "https://gw", "portals": {"ingress": {"domain": "p.gw", "port": 18890}}}});
        for before in ["{}", r"{gateway:{publicOrigin:'https://old',portals:{ingress:{domain:'old',port:1}}}}"] {
            let edited = apply(before, &edits).unwrap();
            assert_eq!(parse(&edited).unwrap().to_serde_value(), Some(after.clone()), "{edited}");
        }
        for before in [
            r#"{gateway:{publicOrigin:"${ORIGIN}"}}"#,
            r#"{gateway:{publicOrigin:{"$include":"o.json5"}}}"#,
            r#"{gateway:{portals:{ingress:{port:"18890"}}}}"#,
        ] {
            assert!(apply(before, &edits).is_err(), "{before}");
        }
    }

    #[test]
    fn what_is_not_safe_to_change_is_left_alone() {
        for (text, fault) in [
            ("[]", "is not written there"),
            ("", "is not written there"),
            (r#"{"gateway": "x"}"#, "is not written there"),
            (r#"{"gateway": {"trustedProxies": "127.0.0.1"}}"#, "is not written there"),
            (r#"{"gateway": {"trustedProxies": {"$include": "p.json5"}}}"#, "is not written there"),
            (r#"{"gateway": {"$include": "g.json5"}}"#, "is not written there"),
            (r#"{"gateway": {}, "gateway": {}}"#, "is not written there"),
            (r#"{"gateway": {"trustedProxies": [], "trustedProxies": []}}"#, "is not written there"),
            ("{ gateway: { ", "not JSON5"),
        ] {
            let said = apply(text, &both()).unwrap_err().to_string();
            assert!(said.contains(fault), "{text}: {said}");
        }
    }
}
