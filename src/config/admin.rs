//! `admin`: where `/livez` and `/readyz` are answered.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{Kind, Written};
use super::kinds::{Addr, absolute_unix_path};
use super::problem::Fault;
use super::upstream::Upstream;

/// The admin listener's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    /// No admin listener.
    Off,
    /// A TCP address, loopback by default.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

impl Default for Admin {
    fn default() -> Self {
        Self::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9180)))
    }
}

impl Admin {
    /// Where a frontgate with this listener is asked; nothing if it has none. Who listens at every address is found at the nearest.
    pub fn to_dial(&self) -> Option<Upstream> {
        match self {
            Self::Off => None,
            Self::Tcp(at) => {
                let host = match at.ip() {
                    ip if ip.is_unspecified() && ip.is_ipv4() => "127.0.0.1".to_owned(),
                    ip if ip.is_unspecified() => "localhost".to_owned(),
                    ip => ip.to_string(),
                };
                Some(Upstream::Http { host, port: at.port() })
            }
            Self::Unix(path) => Some(Upstream::Unix(path.clone())),
        }
    }
}

impl fmt::Display for Admin {
    /// As the config has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Tcp(at) => at.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A listener's address, or `off`.
pub(super) struct AdminAddr;

impl Kind for AdminAddr {
    type Value = Admin;

    fn name(&self) -> String {
        "address, unix:/path or off".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Admin, Fault> {
        match (text, text.strip_prefix("unix:")) {
            ("off", _) => Ok(Admin::Off),
            (_, Some(path)) => absolute_unix_path(path).map(Admin::Unix),
            _ => Addr.parse(text).map(Admin::Tcp),
        }
    }

    fn write(&self, value: &Admin) -> Written {
        Written::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Addr.schema(), { "type": "string", "pattern": "^unix:/" }, { "const": "off" }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_at_every_address_is_dialled_at_the_nearest() {
        for (written, dialled) in [
            ("127.0.0.1:9180", Some("http://127.0.0.1:9180")),
            ("192.0.2.7:1", Some("http://192.0.2.7:1")),
            ("0.0.0.0:9180", Some("http://127.0.0.1:9180")),
            ("[::]:9180", Some("http://localhost:9180")),
            ("[::1]:9180", Some("http://[::1]:9180")),
            ("unix:/run/frontgate/admin.sock", Some("unix:/run/frontgate/admin.sock")),
            ("off", None),
        ] {
            let admin = AdminAddr.parse(written).expect(written);
            assert_eq!(admin.to_string(), written);
            assert_eq!(admin.to_dial().map(|upstream| upstream.to_string()).as_deref(), dialled, "{written}");
        }
    }
}
