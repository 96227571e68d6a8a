//! [`ClientCaFile`]: the CA that client certificates must come from.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::{FilePath, WordOf};
use crate::config::keys::{KeyKind, YamlText};
use crate::config::names::unknown_key;
use crate::config::node::{ConfigEntry, ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// The verification of client certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCa {
    /// Path of the CA certificates in PEM that sign the certificates of clients; one or several.
    pub file: PathBuf,
    /// Whether every client must show a certificate.
    pub mode: ClientMode,
}

/// Which clients must show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientMode {
    /// All clients must.
    Required,
    /// No client must; but a certificate that is shown must be valid.
    Optional,
}

/// A file, or `{ file, mode }`.
pub(in crate::config) struct ClientCaFile;

const PARTS: &[&str] = &["file", "mode"];
const MODES: WordOf<ClientMode> = WordOf(&[("required", ClientMode::Required), ("optional", ClientMode::Optional)]);

impl KeyKind for ClientCaFile {
    type Value = ClientCa;

    fn name(&self) -> String {
        "path or { file: FILE, mode: required or optional }".to_owned()
    }

    fn parse(&self, text: &str) -> Result<ClientCa, ValueError> {
        FilePath.parse(text).map(|file| ClientCa { file, mode: ClientMode::Required })
    }

    fn write(&self, value: &ClientCa) -> YamlText {
        let file = FilePath.write(&value.file);
        match value.mode {
            ClientMode::Required => file,
            ClientMode::Optional => YamlText::parts([("file", file), ("mode", MODES.write(&value.mode))]),
        }
    }

    fn schema(&self) -> Json {
        let long = json!({
            "type": "object",
            "properties": { "file": FilePath.schema(), "mode": MODES.schema() },
            "required": ["file"],
            "additionalProperties": false,
        });
        json!({ "anyOf": [FilePath.schema(), long] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<ClientCa> {
        let ConfigValue::Map(entries) = &node.value else {
            return FilePath.read(node, at).map(|file| ClientCa { file, mode: ClientMode::Required });
        };
        let known: Vec<String> = PARTS.iter().copied().map(str::to_owned).collect();
        for entry in entries.iter().filter(|entry| !PARTS.contains(&entry.key.as_str())) {
            at.report(&entry.place, unknown_key("", &entry.key, &known));
        }
        let mode = match given(entries, "mode") {
            None => Some(ClientMode::Required),
            Some(mode) => MODES.read(mode, &mut at.part("mode")),
        };
        let Some(file) = given(entries, "file") else {
            at.report(&node.place, ValueError::new("`file` is missing").hint("a PEM file with the CA's certificate"));
            return None;
        };
        Some(ClientCa { file: FilePath.read(file, &mut at.part("file"))?, mode: mode? })
    }

    fn parts(&self) -> &'static [&'static str] {
        PARTS
    }
}

fn given<'a>(entries: &'a [ConfigEntry], part: &str) -> Option<&'a ConfigNode> {
    let entry = entries.iter().find(|entry| entry.key == part)?;
    (entry.node.value != ConfigValue::Null).then_some(&entry.node)
}
