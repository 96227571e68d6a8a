//! [`DnsServer`]: the address of a server that is asked for names.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// An IP address, with a port where that is not 53.
pub(super) struct DnsServer;

impl KeyKind for DnsServer {
    type Value = SocketAddr;

    fn name(&self) -> String {
        "IP address, with or without a port".to_owned()
    }

    fn parse(&self, text: &str) -> Result<SocketAddr, ValueError> {
        let plain = || text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|ip| (ip, PORT).into());
        let fault = || ValueError::new(format!("{} is not the address of a DNS server", Quoted(text)));
        match text.parse::<SocketAddr>().ok().or_else(plain) {
            Some(address) if address.port() > 0 && !address.ip().is_unspecified() => Ok(address),
            _ => Err(fault().hint("an IP address, such as 10.96.0.10, 127.0.0.1:8600 or [fd00::10]:53")),
        }
    }

    fn write(&self, value: &SocketAddr) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9a-fA-F:.\\[\\]]+$" })
    }
}

/// RFC 1035 §4.2.
const PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_and_its_port_is_53_unless_said() {
        for (text, expected) in [
            ("10.96.0.10", Some("10.96.0.10:53")),
            ("127.0.0.1:8600", Some("127.0.0.1:8600")),
            ("fd00::10", Some("[fd00::10]:53")),
            ("[fd00::10]", Some("[fd00::10]:53")),
            ("[fd00::10]:5353", Some("[fd00::10]:5353")),
            ("dns.internal", None),
            ("0.0.0.0", None),
            ("10.0.0.1:0", None),
            ("", None),
        ] {
            let read = DnsServer.parse(text);
            assert_eq!(read.ok().map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }
}
