use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::tls::certificates::cert_store::*;
use crate::tls::provider;

/// A certificate for `names`; the first of them tells it from others.
pub(crate) fn certificate(names: &[&str]) -> Arc<CertifiedKey> {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let der = CertificateParams::new(names).unwrap().self_signed(&key).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Arc::new(CertifiedKey::new(vec![der], provider().key_provider.load_private_key(key).unwrap()))
}

fn shown(names: &[&str]) -> Arc<ServedCert> {
    ServedCert::new(certificate(names), Issued::Elsewhere)
}

fn name(text: &str) -> Name {
    text.parse().map_or_else(|_| Name::Dns(text.to_owned()), Name::Ip)
}

fn first(shown: &ServedCert) -> String {
    shown.names()[0].to_string()
}

#[test]
fn the_exact_name_comes_before_the_wildcard_and_the_unknown_gets_the_first() {
    let cert_store = CertStore::new(
        shown(&["first.example", "localhost"]),
        &[shown(&["*.example.com", "example.com"]), shown(&["GW.example.com"]), shown(&["gw.example.com", "second"])],
    );
    for (asked, expected) in [
        ("first.example", "first.example"),
        ("localhost", "first.example"),
        ("gw.example.com", "gw.example.com"),
        ("a.example.com", "*.example.com"),
        ("example.com", "*.example.com"),
        ("a.b.example.com", "first.example"),
        ("second", "gw.example.com"),
        ("com", "first.example"),
        ("", "first.example"),
        ("unknown", "first.example"),
    ] {
        assert_eq!(first(cert_store.by_name(asked)), expected, "{asked}");
    }
    assert_eq!(cert_store.by_name("gw.example.com").names(), [name("gw.example.com")], "of two the first in the list");
}

#[test]
fn a_public_certificate_is_shown_instead_of_our_own_until_it_is_taken_away() {
    let own = CertStore::new(shown(&["own", "gw.example.com", "*.example.com", "192.0.2.1"]), &[]);
    let cert_store = own
        .with_public(&name("GW.example.com"), Some(&shown(&["public"])))
        .with_public(&name("*.example.org"), Some(&shown(&["wild"])))
        .with_public(&name("192.0.2.1"), Some(&shown(&["ip"])));
    let at = |cert_store: &CertStore, address: &str| match cert_store.by_address(Some(address.parse().unwrap())) {
        AddressedCert::Shown(shown) => first(&shown),
        AddressedCert::Missing => "none".to_owned(),
    };
    assert_eq!(first(cert_store.by_name("gw.example.com")), "public");
    assert_eq!(first(cert_store.by_name("a.example.com")), "own");
    assert_eq!(first(cert_store.by_name("a.example.org")), "wild");
    assert_eq!(at(&cert_store, "192.0.2.1"), "ip");
    let swapped = cert_store.with_own(shown(&["new", "gw.example.com"]), &[]);
    assert_eq!(first(swapped.by_name("gw.example.com")), "public");
    assert_eq!(first(swapped.by_name("a.example.com")), "new");
    let cert_store = cert_store.with_public(&name("gw.example.com"), None).with_public(&name("192.0.2.1"), None);
    assert_eq!(first(cert_store.by_name("gw.example.com")), "own");
    assert_eq!(at(&cert_store, "192.0.2.1"), "own");
}

#[test]
fn a_client_without_a_name_gets_the_certificate_for_the_address_it_reached() {
    let local = CertStore::new(shown(&["own", "127.0.0.1", "::1", "203.0.113.7"]), &[])
        .with_address("192.168.1.5".parse().unwrap(), &shown(&["lan"]));
    let public = local.with_public(&name("203.0.113.7"), Some(&shown(&["public"])));
    for (address, of_local, of_public) in [
        (Some("127.0.0.1"), "own", "own"),
        (Some("::1"), "own", "own"),
        (Some("203.0.113.7"), "own", "public"),
        (Some("203.0.113.8"), "none", "none"),
        (Some("127.0.0.5"), "none", "none"),
        // The public address of a rented server is often its router's.
        (Some("10.0.0.5"), "none", "public"),
        (Some("100.64.0.1"), "none", "public"),
        (Some("192.168.1.5"), "lan", "public"),
        (Some("fd00::1"), "none", "none"),
        // A client dialled the proxy in front of us, not this address.
        (None, "own", "public"),
    ] {
        for (cert_store, expected) in [(&local, of_local), (&public, of_public)] {
            let found = match cert_store.by_address(address.map(|address| address.parse().unwrap())) {
                AddressedCert::Shown(shown) => first(&shown),
                AddressedCert::Missing => "none".to_owned(),
            };
            assert_eq!(found, expected, "{address:?}");
        }
    }
}

#[test]
fn only_a_certificate_of_another_issuer_can_be_trusted() {
    for (issued, expected) in [(Issued::Here, false), (Issued::Elsewhere, true)] {
        let shown = ServedCert::new(certificate(&["gw"]), issued);
        assert!(!shown.is_trusted(), "not before it is known");
        shown.judge(true);
        assert_eq!(shown.is_trusted(), expected);
    }
}
