//! `admin`: the listener for operators, and the token that they must show.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{FilePath, Keyed, NoValue, Optional, Quoted, unix_access};
use super::listen::BindValue;
use super::named_file::contents;
use super::node::{ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::{MASK, SettingReader};
use super::upstream::UpstreamAddress;
use super::{BindAddr, Secret, UnixAccess};

/// The admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The address it listens at; `None` turns it off.
    pub(crate) address: Option<BindAddr>,
    /// The permissions of its unix socket.
    pub(crate) access: UnixAccess,
    /// The token that every request must carry; with `None` no token is asked for.
    pub(crate) token: Option<AdminToken>,
}

/// The token of the admin listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AdminToken {
    /// Written in the configuration itself.
    Text(Secret),
    /// The contents of this file, without the end of its line.
    File(PathBuf),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file at this path does not hold one token.
    #[error("{0} holds no token; expected one line of letters, digits and -._~+/=")]
    NoToken(PathBuf),
}

impl Default for Admin {
    fn default() -> Self {
        Self::at(BindAddr::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9180))))
    }
}

impl Admin {
    /// The settings without an admin listener.
    pub fn off() -> Self {
        Self { address: None, ..Self::default() }
    }

    /// A listener at this address that asks for no token.
    pub fn at(address: BindAddr) -> Self {
        Self { address: Some(address), access: UnixAccess::default(), token: None }
    }

    /// Whether peers on other machines can reach a listener at `address`.
    pub(crate) fn is_wide(address: SocketAddr) -> bool {
        !address.ip().to_canonical().is_loopback()
    }

    /// The address to dial for a frontgate with this listener; `None` if it has no listener. A listener at every
    /// address is dialled at loopback.
    pub(crate) fn to_dial(&self) -> Option<UpstreamAddress> {
        match self.address.as_ref()? {
            BindAddr::Tcp(at) => {
                let host = match at.ip() {
                    ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
                    ip if ip.is_unspecified() => "localhost".to_owned(),
                    ip => ip.to_string(),
                };
                Some(UpstreamAddress::Http { host, port: at.port() })
            }
            BindAddr::Unix(path) => Some(UpstreamAddress::Unix(path.clone())),
        }
    }
}

impl AdminToken {
    /// The token's bytes.
    ///
    /// # Errors
    /// The token's file cannot be read, or holds no token.
    pub(crate) fn read(&self) -> Result<Secret, TokenError> {
        let path = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::File(path) => path,
        };
        let bytes = contents(path).map_err(|source| TokenError::Unreadable { path: path.clone(), source })?;
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if is_token(text) { Ok(Secret::new(text.to_owned())) } else { Err(TokenError::NoToken(path.clone())) }
    }
}

impl fmt::Display for Admin {
    /// The address, as the configuration writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            None => f.write_str(OFF),
            Some(address) => address.fmt(f),
        }
    }
}

/// Whether `text` is an address, or `off`.
pub(super) fn is_address(text: &str) -> bool {
    AdminOf.parse(text).is_ok()
}

/// Whether `text` has the syntax of a bearer token (RFC 6750 §2.1).
fn is_token(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    !text.is_empty() && text.iter().all(letter)
}

/// A listener's address, `off`, or the long form.
pub(super) struct AdminOf;

const OFF: &str = "off";
const LONG: Keyed<AdminLong> = Keyed::NEW;

impl KeyKind for AdminOf {
    type Value = Admin;

    fn name(&self) -> String {
        format!("address, unix:/path, off or {}", LONG.name())
    }

    fn parse(&self, text: &str) -> Result<Admin, ValueError> {
        if text == OFF { Ok(Admin::off()) } else { AdminAddress.parse(text).map(Admin::at) }
    }

    fn write(&self, value: &Admin) -> YamlText {
        let Admin { address, access, token } = value.clone();
        if access == UnixAccess::default() && token.is_none() {
            return YamlText::Word(value.to_string());
        }
        LONG.write(&AdminLong { address: Some(address), access, token })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [BindValue.schema(), { "const": OFF }, LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Admin> {
        if let ConfigValue::Map(_) = node.value {
            let AdminLong { address, access, token } = LONG.read(node, at)?;
            return Some(Admin { address: address.unwrap_or(Admin::default().address), access, token });
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    fn parts(&self) -> &'static [&'static str] {
        &["address", "token", "mode", "group"]
    }
}

/// A listener's address, with another hint for a port alone: at every address it would need a token.
struct AdminAddress;

impl KeyKind for AdminAddress {
    type Value = BindAddr;

    fn name(&self) -> String {
        BindValue.name()
    }

    fn parse(&self, text: &str) -> Result<BindAddr, ValueError> {
        BindValue.parse(text).map_err(|fault| match text.parse::<u16>() {
            Ok(port) => fault.hint(format!("write 127.0.0.1:{port}")),
            Err(_) => fault,
        })
    }

    fn write(&self, value: &BindAddr) -> YamlText {
        BindValue.write(value)
    }

    fn schema(&self) -> Json {
        BindValue.schema()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::option_option, reason = "not given, off, or an address")]
struct AdminLong {
    address: Option<Option<BindAddr>>,
    access: UnixAccess,
    token: Option<AdminToken>,
}

impl KeySection for AdminLong {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "address",
            Optional(NoValue::Null, Optional(NoValue::Off, AdminAddress)),
            &mut self.address,
            "The address, or unix:/path.",
        );
        keys.key("token", Optional(NoValue::Null, TokenOf), &mut self.token, "What operators must show.");
        unix_access::keys(&mut self.access, keys);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if !matches!(self.address, Some(Some(BindAddr::Unix(_)))) {
            unix_access::check_tcp(&self.access, checks);
        }
    }
}

/// A token, or the file that holds it.
struct TokenOf;

impl KeyKind for TokenOf {
    type Value = AdminToken;

    fn name(&self) -> String {
        "text or { file: FILE }".to_owned()
    }

    fn parse(&self, text: &str) -> Result<AdminToken, ValueError> {
        if text == MASK {
            return Err(ValueError::new("the token was masked when it was printed").hint("write the token itself"));
        }
        if !is_token(text.as_bytes()) {
            return Err(ValueError::new("not a token")
                .hint("letters, digits and -._~+/=, such as `openssl rand -hex 32` prints"));
        }
        Ok(AdminToken::Text(Secret::new(text.as_bytes().to_owned())))
    }

    fn write(&self, value: &AdminToken) -> YamlText {
        match value {
            AdminToken::Text(_) => YamlText::Word(MASK.to_owned()),
            AdminToken::File(path) => YamlText::parts([("file", FilePath.write(path))]),
        }
    }

    fn schema(&self) -> Json {
        let file = json!({
            "type": "object",
            "properties": { "file": FilePath.schema() },
            "required": ["file"],
            "additionalProperties": false,
        });
        json!({ "anyOf": [{ "type": "string", "pattern": "^[A-Za-z0-9._~+/=-]+$" }, file] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<AdminToken> {
        if at.is_masked(&node.value) {
            return Some(AdminToken::Text(Secret::new(MASK.into())));
        }
        let ConfigValue::Map(entries) = &node.value else {
            let read = match &node.value {
                ConfigValue::Scalar(text) => self.parse(text),
                _ => Err(ValueError::new(format!("expected {}", self.name()))),
            };
            return read.map_err(|fault| at.report(&node.place, fault)).ok();
        };
        match &entries[..] {
            [entry] if entry.key == "file" => FilePath.read(&entry.node, &mut at.part("file")).map(AdminToken::File),
            [entry, ..] => {
                at.report(
                    &entry.place,
                    ValueError::new(format!("{} is no key of a token", Quoted(&entry.key))).hint("{ file: FILE }"),
                );
                None
            }
            [] => {
                at.report(&node.place, ValueError::new(format!("nothing here; expected {}", self.name())));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_at_every_address_is_dialled_at_loopback() {
        for (written, dialled) in [
            ("127.0.0.1:9180", Some("http://127.0.0.1:9180")),
            ("192.0.2.7:1", Some("http://192.0.2.7:1")),
            ("0.0.0.0:9180", Some("http://127.0.0.1:9180")),
            ("[::]:9180", Some("http://localhost:9180")),
            ("[::1]:9180", Some("http://[::1]:9180")),
            ("unix:/run/frontgate/admin.sock", Some("unix:/run/frontgate/admin.sock")),
            ("off", None),
        ] {
            let admin = AdminOf.parse(written).expect(written);
            assert_eq!(admin.to_string(), written);
            assert_eq!(admin.to_dial().map(|upstream| upstream.to_string()).as_deref(), dialled, "{written}");
        }
    }

    #[test]
    fn the_hint_for_a_port_alone_is_an_address_that_needs_no_token() {
        let fault = AdminOf.parse("26180").expect_err("a port alone");
        assert_eq!(fault.hint.as_deref(), Some("write 127.0.0.1:26180"));
    }

    #[test]
    fn a_token_is_one_word_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, expected) in [
            ("abc", Some("abc")),
            ("abc\n", Some("abc")),
            ("abc\r\n", Some("abc")),
            ("", None),
            ("\n", None),
            ("two words\n", None),
            ("a\nb\n", None),
            ("ä\n", None),
        ] {
            std::fs::write(&path, text).unwrap();
            let read = AdminToken::File(path.clone()).read().ok();
            assert_eq!(read.as_ref().map(Secret::expose), expected.map(str::as_bytes), "{text:?}");
        }
        let error = AdminToken::File("/nowhere".into()).read().unwrap_err().to_string();
        assert!(error.starts_with("cannot read /nowhere: "), "{error}");
    }

    #[test]
    fn others_than_loopback_are_wide() {
        for (address, wide) in [
            ("127.0.0.1:1", false),
            ("127.9.9.9:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("10.0.0.1:1", true),
            ("[fe80::1]:1", true),
        ] {
            assert_eq!(Admin::is_wide(address.parse().unwrap()), wide, "{address}");
        }
    }
}
