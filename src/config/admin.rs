//! `admin`: where `/livez` and `/readyz` are answered.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::keys::{Kind, Written};
use super::kinds::{Addr, absolute_unix_path};
use super::problem::Fault;

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
        Written::Word(match value {
            Admin::Off => "off".to_owned(),
            Admin::Tcp(addr) => addr.to_string(),
            Admin::Unix(path) => format!("unix:{}", path.display()),
        })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [Addr.schema(), { "type": "string", "pattern": "^unix:/" }, { "const": "off" }] })
    }
}
