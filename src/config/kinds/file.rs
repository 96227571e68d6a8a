//! [`FilePath`]: a file or folder.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;
use crate::platform::HAS_UNIX_SOCKETS;

/// A path. In the configuration file a relative one begins at the file's folder.
pub(in crate::config) struct FilePath;

impl KeyKind for FilePath {
    type Value = PathBuf;

    fn name(&self) -> String {
        "path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<PathBuf, ValueError> {
        if text.is_empty() || text.contains('\0') {
            return Err(ValueError::new(format!("{} is not a path", Quoted(text))));
        }
        Ok(PathBuf::from(text))
    }

    fn write(&self, value: &PathBuf) -> YamlText {
        YamlText::Word(value.display().to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<PathBuf> {
        let ConfigValue::Scalar(text) = &node.value else {
            at.report(&node.place, ValueError::new("expected a path"));
            return None;
        };
        match self.parse(text) {
            Ok(_) => Some(at.absolute(&node.place, text)),
            Err(fault) => {
                at.report(&node.place, fault);
                None
            }
        }
    }
}

/// The path behind `unix:`. It must be absolute, as it names one place for two programs, and fit into a socket address
/// (`sun_path` in unix(7): 108 bytes with the closing zero).
pub(in crate::config) fn absolute_unix_path(path: &str) -> Result<PathBuf, ValueError> {
    if !HAS_UNIX_SOCKETS {
        return Err(ValueError::new("frontgate has no unix sockets on this system")
            .hint("an address of this machine, such as 127.0.0.1:9180; a gateway as http://127.0.0.1:18789"));
    }
    if !Path::new(path).is_absolute() || path.contains('\0') {
        return Err(ValueError::new("the path of a unix socket must be absolute")
            .hint("such as unix:/run/frontgate/gateway.sock"));
    }
    if path.len() > 107 {
        return Err(ValueError::new(format!(
            "the path of a unix socket has at most 107 bytes; this one has {}",
            path.len()
        )));
    }
    Ok(PathBuf::from(path))
}
