//! `tls.acme.dns`: how a record is put into the DNS, which proves that names are ours.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{DurationValue, FilePath, Keyed, List, NoValue, Optional, Quoted, TextValue};
use crate::config::problem::ValueError;

/// The `tls.acme.dns` section: one of the two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeDns {
    /// A program and its first arguments, which puts the record there and takes it away.
    pub(crate) exec: Vec<String>,
    /// The name server that takes updates.
    pub(crate) rfc2136: Option<DnsUpdates>,
    /// How long the record may take until all name servers of the zone have it.
    pub(crate) wait: Duration,
}

/// A name server that takes updates (RFC 2136).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DnsUpdates {
    pub(crate) server: Option<SocketAddr>,
    pub(crate) zone: Option<String>,
    pub(crate) key: DnsKey,
}

/// The key that updates are signed with (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DnsKey {
    pub(crate) file: Option<PathBuf>,
}

impl Default for AcmeDns {
    fn default() -> Self {
        Self { exec: Vec::new(), rfc2136: None, wait: Duration::from_secs(5) }
    }
}

impl KeySection for AcmeDns {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "exec",
            List(TextValue),
            &mut self.exec,
            "A program and its first arguments. It is called with `present` or `cleanup`, the record's name and its value behind them, as lego's \
             `exec` calls it, and returns 0 once that is done, within two minutes.",
        );
        keys.key(
            "rfc2136",
            Optional(NoValue::Null, Keyed::<DnsUpdates>::NEW),
            &mut self.rfc2136,
            "A name server that takes updates, such as BIND, Knot or PowerDNS.",
        );
        keys.key(
            "wait",
            DurationValue::ANY,
            &mut self.wait,
            "How long all name servers of the zone take to have the record, before the authority looks.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.exec.is_empty() == self.rfc2136.is_none() {
            let fault = ValueError::new("one of `exec` and `rfc2136` says how a record gets into the DNS");
            checks.report(&["exec", "rfc2136"], fault.hint("such as exec: [/usr/local/bin/dns-hook]"));
        }
    }
}

impl KeySection for DnsUpdates {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "server",
            Optional(NoValue::Null, DnsServer),
            &mut self.server,
            "The primary name server's address, with its port unless that is 53.",
        );
        keys.key(
            "zone",
            Optional(NoValue::Null, TextValue),
            &mut self.zone,
            "The zone that the records go to, such as example.com.",
        );
        keys.key(
            "key",
            Keyed::<DnsKey>::NEW,
            &mut self.key,
            "The key that updates are signed with: { file: FILE }, as `tsig-keygen` or `keymgr -t` write it, with hmac-sha256, hmac-sha384 or \
             hmac-sha512.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        for (key, is_there) in
            [("server", self.server.is_some()), ("zone", self.zone.is_some()), ("key", self.key.file.is_some())]
        {
            if !is_there {
                let hint = "rfc2136: { server: 192.0.2.53, zone: example.com, key: { file: acme.key } }";
                checks.report(&[key], ValueError::new(format!("`{key}` is missing")).hint(hint));
            }
        }
    }
}

impl KeySection for DnsKey {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("file", Optional(NoValue::Null, FilePath), &mut self.file, "The file that holds the key.");
    }
}

/// An address with the port of the DNS, unless another is written.
struct DnsServer;

impl KeyKind for DnsServer {
    type Value = SocketAddr;

    fn name(&self) -> String {
        "address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<SocketAddr, ValueError> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        match (text.parse(), bare.parse::<IpAddr>()) {
            (Ok(address), _) => Ok(address),
            (_, Ok(ip)) => Ok(SocketAddr::new(ip, PORT)),
            _ => Err(ValueError::new(format!("{} is not an address", Quoted(text)))
                .hint("such as 192.0.2.53 or [2001:db8::53]:53")),
        }
    }

    fn write(&self, value: &SocketAddr) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

const PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address() {
        for (text, expected) in [
            ("192.0.2.53", "192.0.2.53:53"),
            ("192.0.2.53:5353", "192.0.2.53:5353"),
            ("2001:db8::53", "[2001:db8::53]:53"),
            ("[2001:db8::53]", "[2001:db8::53]:53"),
            ("[2001:db8::53]:54", "[2001:db8::53]:54"),
        ] {
            assert_eq!(DnsServer.parse(text), Ok(expected.parse().unwrap()), "{text}");
        }
        assert!(DnsServer.parse("ns.example.com").is_err());
    }
}
