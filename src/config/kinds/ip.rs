//! [`SourceIp`]: an address that this machine dials from.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// An IP address without a port, of one machine.
pub(in crate::config) struct SourceIp;

impl KeyKind for SourceIp {
    type Value = IpAddr;

    fn name(&self) -> String {
        "IP address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<IpAddr, ValueError> {
        let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() else {
            let fault = ValueError::new(format!("{} is not an IP address", Quoted(text)));
            return Err(fault.hint("one of this machine's own, without a port, such as 127.0.0.2"));
        };
        let ip = ip.to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            let fault = ValueError::new(format!("no connection comes from {ip}"));
            return Err(fault.hint("an address of this machine's own, such as 127.0.0.2"));
        }
        Ok(ip)
    }

    fn write(&self, value: &IpAddr) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9a-fA-F:.]+$" })
    }
}
