//! [`CaConstraints`]: the names that the local CA may sign for.
//!
//! A device that trusts the local CA trusts its key on a gateway's disk. Should that key leak, it must not be good for
//! posing as a bank: so the CA's certificate lists the names it is good for (RFC 5280 §4.2.1.10), and clients refuse
//! the rest. OpenSSL, NSS, Go, webpki and Chromium hold a trusted root to that list; a client that does not is no worse
//! off than without.
//!
//! - **DNS names**: suffixes that no public CA may issue for, the machine's own name, and the names that were
//!   configured when the CA was made. They cannot be changed later without a new CA, which every device must trust
//!   anew: see [`makes_way`](super::plan::makes_way) for what happens to a name that comes later.
//! - **IP addresses**: all of them. A machine gets addresses that were unknown when the CA was made (another network,
//!   another IPv6 prefix from the provider), a browser goes to next to nothing by address that is worth posing as, and
//!   listing the kind explicitly helps clients that refuse kinds of names that the constraints do not mention (Windows
//!   did).
//!
//! The extension is not critical, against the letter of the RFC: a client that does not know it ignores it instead of
//! refusing the CA as a whole. The Baseline Requirements allowed public CAs the same for the same reason.

use rcgen::CustomExtension;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::Name;

/// The names that a CA's certificate permits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) struct CaConstraints {
    /// The permitted DNS names, each with everything below it; `None` when all are.
    dns: Option<Vec<String>>,
}

/// Suffixes that are not part of the public DNS, or, of Tailscale, that OpenClaw counts as private.
const PRIVATE: [&str; 13] = [
    // RFC 6761.
    "localhost",
    "test",
    "example",
    // RFC 6762, and the ones that its appendix G names as widespread.
    "local",
    "lan",
    "home",
    "corp",
    "internal",
    "intranet",
    "private",
    "localdomain",
    // RFC 8375.
    "home.arpa",
    "ts.net",
];

impl CaConstraints {
    /// The constraints of a new CA on the machine `host` for `names`.
    pub(in crate::tls) fn new(host: Option<&str>, names: &[Name]) -> Self {
        let configured = names.iter().filter_map(|name| match name {
            Name::Dns(name) => Some(name.strip_prefix("*.").unwrap_or(name)),
            Name::Ip(_) => None,
        });
        let mut dns: Vec<String> = Vec::new();
        for name in PRIVATE.into_iter().chain(configured).chain(host) {
            let name = name.to_ascii_lowercase();
            if name.is_ascii() && !name.is_empty() && !dns.iter().any(|outer| lies_in(&name, outer)) {
                dns.push(name);
            }
        }
        Self { dns: Some(dns) }
    }

    /// Reads the constraints in the certificate `der`. Unreadable ones permit everything here, as they do for clients
    /// that ignore them.
    pub(in crate::tls) fn read(der: &[u8]) -> Self {
        let permitted = X509Certificate::from_der(der).ok().and_then(|(_, certificate)| {
            certificate.name_constraints().ok().flatten()?.value.permitted_subtrees.clone().map(|trees| {
                trees
                    .iter()
                    .filter_map(|tree| match tree.base {
                        GeneralName::DNSName(name) => Some(name.trim_start_matches('.').to_ascii_lowercase()),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            })
        });
        // Kinds of names that are not mentioned are unconstrained.
        Self { dns: permitted.filter(|names| !names.is_empty()) }
    }

    /// Whether clients accept `name` from this CA.
    pub(in crate::tls) fn permit(&self, name: &Name) -> bool {
        match (&self.dns, name) {
            (None, _) | (_, Name::Ip(_)) => true,
            (Some(permitted), Name::Dns(name)) => {
                let name = name.strip_prefix("*.").unwrap_or(name);
                permitted.iter().any(|outer| lies_in(name, outer))
            }
        }
    }

    /// The constraints as a certificate's extension.
    pub(in crate::tls) fn extension(&self) -> CustomExtension {
        let names = self.dns.iter().flatten().map(|name| subtree(DNS_NAME, name.as_bytes()));
        // An address and a mask, all zero.
        let addresses = [8, 32].map(|length| subtree(IP_ADDRESS, &vec![0; length]));
        let permitted = names.chain(addresses).collect::<Vec<_>>().concat();
        CustomExtension::from_oid_content(&NAME_CONSTRAINTS, tlv(SEQUENCE, &tlv(PERMITTED, &permitted)))
    }
}

/// Whether `name` is `outer` or below it.
fn lies_in(name: &str, outer: &str) -> bool {
    name.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn subtree(tag: u8, base: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &tlv(tag, base))
}

/// One element of DER: tag, length, value (X.690 §8.1).
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let length = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut out = vec![tag];
    match (length, value.len()) {
        ([], _) => out.push(0),
        ([short], ..128) => out.push(*short),
        (long, _) => {
            // At most 8 bytes, so it fits into the seven bits.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(value);
    out
}

const NAME_CONSTRAINTS: [u64; 4] = [2, 5, 29, 30];
const SEQUENCE: u8 = 0x30;
/// `permittedSubtrees [0]`, `dNSName [2]`, `iPAddress [7]`.
const PERMITTED: u8 = 0xa0;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::{CaConstraints, Name, tlv};

    fn dns(name: &str) -> Name {
        Name::Dns(name.to_owned())
    }

    #[test]
    fn private_names_the_machines_and_the_configured_ones_are_permitted_and_every_address() {
        let made =
            CaConstraints::new(Some("Claw"), &[dns("gw.example.com"), dns("*.team.example.org"), dns("nas.lan")]);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.custom_extensions = vec![made.extension()];
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = CaConstraints::read(certificate.der());
        assert_eq!(read, made);
        for (name, permitted) in [
            ("localhost", true),
            ("openclaw.local", true),
            ("a.b.lan", true),
            ("box.tail1234.ts.net", true),
            ("claw", true),
            ("gw.example.com", true),
            ("deep.gw.example.com", true),
            ("x.team.example.org", true),
            ("*.team.example.org", true),
            ("example.com", false),
            ("xgw.example.com", false),
            ("team.example.com", false),
            ("bank.com", false),
            ("nas", false),
            ("notlan", false),
        ] {
            assert_eq!(read.permit(&dns(name)), permitted, "{name}");
        }
        for ip in ["127.0.0.1", "203.0.113.9", "2001:db8::1"] {
            assert!(read.permit(&Name::Ip(ip.parse().unwrap())), "{ip}");
        }
        let shown = made.dns.unwrap();
        assert!(!shown.contains(&"nas.lan".to_owned()), "it lies in `lan`: {shown:?}");
    }

    #[test]
    fn a_ca_without_constraints_permits_everything() {
        let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert!(CaConstraints::read(certificate.der()).permit(&dns("bank.com")));
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for (length, head) in [(0, &[1, 0][..]), (127, &[1, 127]), (128, &[1, 0x81, 128]), (300, &[1, 0x82, 1, 44])] {
            assert_eq!(tlv(1, &vec![7; length])[..head.len()], *head, "{length}");
        }
    }
}
