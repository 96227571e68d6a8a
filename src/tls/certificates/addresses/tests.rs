use std::path::Path;

use time::Duration;
use time::macros::datetime;

use crate::config::Tls;
use crate::tls::certificates::addresses::*;
use crate::tls::{CertChoice, Certificates, CheckedCert};

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn certificates(dir: Option<&Path>) -> (CheckedCert, Certificates) {
    let source = CheckedCert::open(&Tls::default(), dir, NOW).unwrap();
    let certificates = Certificates::of(&source);
    (source, certificates)
}

/// The certificate that a client without a name is shown at `address`.
fn at(certificates: &Certificates, address: &str, now: OffsetDateTime) -> CertificateDer<'static> {
    let shown = match certificates.choose(None, Some(ip(address))) {
        CertChoice::Shown(shown) => shown,
        CertChoice::Make(address) => certificates.make(address, now),
    };
    shown.certified().cert[0].clone()
}

#[test]
fn an_address_gets_a_certificate_of_its_own_that_outlives_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let (source, first) = certificates(Some(temp.path()));
    assert_eq!(at(&first, "127.0.0.1", NOW), source.chain()[0], "the main certificate has it");
    let lan = at(&first, "192.168.1.5", NOW);
    let other = at(&first, "2001:db8::1", NOW);
    let facts = Leaf::read(lan.clone()).unwrap().facts;
    assert!(facts.covers(&Name::Ip(ip("192.168.1.5"))) && !facts.covers(&Name::Ip(ip("2001:db8::1"))));
    assert!(facts.covers(&Name::Dns("localhost".to_owned())), "a client may know us by another name");
    assert_eq!(at(&first, "192.168.1.5", NOW), lan);
    assert!(temp.path().join("address-2001_db8__1.pem").exists());

    let (restarted, second) = certificates(Some(temp.path()));
    assert_eq!(restarted.chain(), source.chain());
    assert_eq!(at(&second, "192.168.1.5", NOW + Duration::days(30)), lan);
    assert_eq!(at(&second, "2001:db8::1", NOW + Duration::days(30)), other);
}

#[test]
fn a_certificate_for_an_address_is_renewed_in_time() {
    let temp = tempfile::tempdir().unwrap();
    let dir = Some(temp.path());
    let (source, certificates) = certificates(dir);
    let lan = at(&certificates, "192.168.1.5", NOW);
    for (days, changed) in [(200, false), (300, true)] {
        let now = NOW + Duration::days(days);
        certificates.show(&source.renewed(&Tls::default(), dir, now).unwrap(), now);
        assert_eq!(at(&certificates, "192.168.1.5", now) != lan, changed, "day {days}");
    }
}

#[test]
fn a_name_that_the_ca_is_not_good_for_renews_nothing() {
    let temp = tempfile::tempdir().unwrap();
    certificates(Some(temp.path()));
    let tls = Tls { names: vec![Name::Dns("gw.example.com".to_owned())], ..Tls::default() };
    // By then a CA is trusted by people and stays as it is.
    let later = NOW + Duration::days(30);
    let [first, second] = [0, 1].map(|_| {
        let restarted = Certificates::of(&CheckedCert::open(&tls, Some(temp.path()), later).unwrap());
        at(&restarted, "192.168.1.5", later)
    });
    assert_eq!(first, second);
}

#[test]
fn it_is_kept_in_memory_where_there_is_no_disk() {
    let (_, certificates) = certificates(None);
    let lan = at(&certificates, "192.168.1.5", NOW);
    assert_eq!(at(&certificates, "192.168.1.5", NOW), lan);
    let later = NOW + Duration::days(1);
    certificates.show(&CheckedCert::open(&Tls::default(), None, NOW).unwrap(), later);
    assert_ne!(at(&certificates, "192.168.1.5", later), lan, "another CA signs anew");
}

#[test]
fn no_more_are_kept_than_a_machine_has_addresses() {
    let temp = tempfile::tempdir().unwrap();
    let (source, first) = certificates(Some(temp.path()));
    let files =
        || fs::read_dir(temp.path()).unwrap().flatten().filter_map(|e| address_of(e.file_name().to_str()?)).count();
    for host in 0..AddressCerts::MOST + 2 {
        let shown = at(&first, &format!("10.0.0.{host}"), NOW);
        assert_eq!(shown == source.chain()[0], host >= AddressCerts::MOST, "{host}");
    }
    assert_eq!(files(), AddressCerts::MOST);
    // Certificates of an earlier start make way.
    let (_, second) = certificates(Some(temp.path()));
    at(&second, "10.0.1.1", NOW);
    assert_eq!(files(), AddressCerts::MOST);
    assert!(temp.path().join("address-10.0.1.1.pem").exists());
}

#[test]
fn nothing_is_signed_for_a_client_that_dialled_no_address() {
    let (source, certificates) = certificates(None);
    for address in ["0.0.0.0", "::", "224.0.0.1"] {
        assert_eq!(at(&certificates, address, NOW), source.chain()[0], "{address}");
    }
}

#[test]
fn a_file_name_says_the_address() {
    for (address, file) in [("192.0.2.7", "address-192.0.2.7.pem"), ("fe80::1", "address-fe80__1.pem")] {
        assert_eq!(file_name(ip(address)), file);
        assert_eq!(address_of(file), Some(ip(address)));
    }
    assert_eq!(address_of("leaf.pem"), None);
}
