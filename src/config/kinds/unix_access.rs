//! The permissions of a unix socket.

use serde_json::{Value as Json, json};

use super::{NoValue, Optional, Quoted};
use crate::config::keys::{KeyKind, Keys, SectionChecks, YamlText};
use crate::config::problem::ValueError;

/// The permissions of a unix socket; `None` leaves the system's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UnixAccess {
    /// The mode of the socket's file.
    pub(crate) mode: Option<u32>,
    /// The group of the socket's file, by name or number.
    pub(crate) group: Option<String>,
}

/// Lists the keys of a listener for the permissions of a unix socket.
pub(in crate::config) fn keys(access: &mut UnixAccess, keys: &mut dyn Keys) {
    keys.key(
        "mode",
        Optional(NoValue::Null, SocketMode),
        &mut access.mode,
        "The permissions of a unix socket, as chmod has them; otherwise \"0660\".",
    );
    keys.key(
        "group",
        Optional(NoValue::Null, SocketGroup),
        &mut access.group,
        "The group that a unix socket is given to, by name or number; otherwise frontgate's own.",
    );
}

/// Reports these keys on a TCP listener, where they have no effect.
pub(in crate::config) fn check_tcp(access: &UnixAccess, checks: &mut SectionChecks<'_>) {
    for (key, given) in [("mode", access.mode.is_some()), ("group", access.group.is_some())] {
        if given {
            let fault = ValueError::new("only the file of a unix socket has this");
            checks.report(&[key], fault.hint(format!("remove `{key}`, or listen at unix:/path")));
        }
    }
}

/// Permissions in octal.
struct SocketMode;

impl KeyKind for SocketMode {
    type Value = u32;

    fn name(&self) -> String {
        "mode".to_owned()
    }

    fn parse(&self, text: &str) -> Result<u32, ValueError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let octal = (3..=4).contains(&digits.len()) && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| octal && *mode <= 0o777);
        mode.ok_or_else(|| ValueError::new(format!("{} is not a mode", Quoted(text))).hint("such as \"0660\""))
    }

    fn write(&self, value: &u32) -> YamlText {
        YamlText::Word(format!("{value:04o}"))
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(0o)?0?[0-7]{3}$" })
    }
}

struct SocketGroup;

impl KeyKind for SocketGroup {
    type Value = String;

    fn name(&self) -> String {
        "group".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if text.is_empty() || text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control()) {
            return Err(ValueError::new(format!("{} is not a group", Quoted(text))).hint("such as www-data"));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_what_chmod_takes_in_octal() {
        for (text, mode) in [("0660", 0o660), ("660", 0o660), ("0o600", 0o600), ("0777", 0o777), ("000", 0)] {
            assert_eq!(SocketMode.parse(text), Ok(mode), "{text}");
        }
        for text in ["", "66", "0888", "1777", "rw-rw----", "00660", "-660", "+660"] {
            let message = SocketMode.parse(text).unwrap_err().message;
            assert!(message.ends_with("is not a mode"), "{text}: {message}");
        }
    }
}
