//! [`Cidr`]: a network, or one address.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// `10.0.0.0/8`, `fd00::/8`, or an address, which is a network of one.
pub(in crate::config) struct Cidr;

impl KeyKind for Cidr {
    type Value = IpNet;

    fn name(&self) -> String {
        "network".to_owned()
    }

    fn parse(&self, text: &str) -> Result<IpNet, ValueError> {
        let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        let Some(net) = parsed else {
            let fault = ValueError::new(format!("{} is not a network", Quoted(text)));
            return Err(fault.hint("an address or a network, such as 192.0.2.7, 10.0.0.0/8 or fd00::/8"));
        };
        if net.trunc() != net {
            let fault = ValueError::new(format!("{} has address bits behind its prefix", Quoted(text)));
            return Err(fault.hint(format!("the network is {}, the address alone {}", net.trunc(), net.addr())));
        }
        Ok(net)
    }

    fn write(&self, value: &IpNet) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_prefix_or_one_address() {
        let good = [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ];
        for (text, expected) in good {
            assert_eq!(Cidr.parse(text).unwrap().to_string(), expected);
        }
        for (text, fault) in [
            ("", "is not a network"),
            ("10.0.0.1/8", "has address bits behind its prefix"),
            ("10.0.0.0/33", "is not a network"),
            ("10.0.0", "is not a network"),
            ("localhost", "is not a network"),
            ("::1/129", "is not a network"),
            ("[::1]", "is not a network"),
            ("10.0.0.0/", "is not a network"),
        ] {
            let message = Cidr.parse(text).unwrap_err().message;
            assert!(message.ends_with(fault), "{text}: {message}");
        }
    }
}
