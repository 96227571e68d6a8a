//! `auth.oidc.client_secret`: what frontgate proves its name at an issuer with.

use std::io;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use crate::config::Secret;
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{FilePath, Keyed, NoValue, Optional};
use crate::config::named_file::contents;
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::{MASK, SettingReader};

/// A client's secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientSecret {
    /// Written in the configuration itself.
    Text(Secret),
    /// The contents of this file, without the end of its line.
    File(PathBuf),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum ClientSecretError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file at this path does not hold one line of text.
    #[error("{0} holds no secret; expected one line of text")]
    NoSecret(PathBuf),
}

impl ClientSecret {
    /// How long it is, if that is known without a file. One that was masked when it was printed is long enough.
    pub(in crate::config) fn length(&self) -> Option<usize> {
        match self {
            Self::Text(secret) if secret.expose() != MASK.as_bytes() => Some(secret.expose().len()),
            _ => None,
        }
    }

    /// The secret's text, if it is not one that was masked when it was printed.
    ///
    /// # Errors
    /// It was, or there is none.
    pub(crate) fn known(&self) -> Result<Secret, ClientSecretError> {
        match self {
            Self::Text(secret) if secret.expose() == MASK.as_bytes() => {
                Err(ClientSecretError::NoSecret(PathBuf::from(MASK)))
            }
            known => known.read(),
        }
    }

    /// The secret's text.
    ///
    /// # Errors
    /// The secret's file cannot be read, or is not one line of text.
    pub(crate) fn read(&self) -> Result<Secret, ClientSecretError> {
        let path = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::File(path) => path,
        };
        let bytes = contents(path).map_err(|source| ClientSecretError::Unreadable { path: path.clone(), source })?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if is_secret(text) { Ok(Secret::new(text.to_owned())) } else { Err(ClientSecretError::NoSecret(path.clone())) }
    }
}

/// RFC 6749 §A.2: visible ASCII.
fn is_secret(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// The kind of a secret: text, or the file that holds it.
pub(in crate::config) struct ClientSecretOf;

const FILE: Keyed<SecretFile> = Keyed::NEW;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct SecretFile {
    file: Option<PathBuf>,
}

impl KeySection for SecretFile {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("file", Optional(NoValue::Null, FilePath), &mut self.file, "The file that holds the secret.");
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.file.is_none() {
            checks.report(&["file"], ValueError::new("`file` is missing").hint("{ file: FILE }"));
        }
    }
}

impl KeyKind for ClientSecretOf {
    type Value = ClientSecret;

    fn name(&self) -> String {
        "text or { file: FILE }".to_owned()
    }

    fn parse(&self, text: &str) -> Result<ClientSecret, ValueError> {
        if text == MASK {
            return Err(ValueError::new("the secret was masked when it was printed").hint("write the secret itself"));
        }
        if !is_secret(text.as_bytes()) {
            return Err(ValueError::new("not a secret").hint("one line of text, as the issuer shows it"));
        }
        Ok(ClientSecret::Text(Secret::new(text.as_bytes().to_owned())))
    }

    fn write(&self, value: &ClientSecret) -> YamlText {
        match value {
            ClientSecret::Text(_) => YamlText::Word(MASK.to_owned()),
            ClientSecret::File(path) => YamlText::parts([("file", FilePath.write(path))]),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "type": "string", "minLength": 1 }, FILE.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<ClientSecret> {
        if at.is_masked(&node.value) {
            return Some(ClientSecret::Text(Secret::new(MASK.into())));
        }
        let read = match &node.value {
            ConfigValue::Map(_) => return FILE.read(node, at)?.file.map(ClientSecret::File),
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (text, expected) in [
            ("abc", Some("abc")),
            ("a b/c+=\n", Some("a b/c+=")),
            ("abc\r\n", Some("abc")),
            ("", None),
            ("\n", None),
            ("a\nb\n", None),
            ("ä\n", None),
        ] {
            std::fs::write(&path, text).unwrap();
            let read = ClientSecret::File(path.clone()).read().ok();
            assert_eq!(read.as_ref().map(Secret::expose), expected.map(str::as_bytes), "{text:?}");
        }
        let error = ClientSecret::File("/nowhere".into()).read().unwrap_err().to_string();
        assert!(error.starts_with("cannot read /nowhere: "), "{error}");
    }
}
