use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use rcgen::{CertificateParams, Issuer, KeyPair, PublicKeyData};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{LeafRequest, LocalCa};
use crate::config::Name;
use crate::tls::state_dir::StateDir;

const START: OffsetDateTime = datetime!(2026-11-20 12:34:56.789 UTC);

fn dns(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| Name::Dns((*name).to_owned())).collect()
}

fn open(dir: &Path, names: &[&str], now: OffsetDateTime) -> Result<LocalCa, String> {
    open_on("box", dir, names, now)
}

fn open_on(host: &str, dir: &Path, names: &[&str], now: OffsetDateTime) -> Result<LocalCa, String> {
    let dir = StateDir::open(dir).unwrap();
    LocalCa::open(Some(&dir), LeafRequest { names: &dns(names), host: Some(host) }, None, now)
        .map_err(|error| error.to_string())
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn names_of(local: &LocalCa) -> Vec<String> {
    local.leaf.facts.names.iter().map(Name::to_string).collect()
}

#[test]
fn a_clock_that_cannot_be_right_makes_certificates_that_last_once_it_is_set() {
    let temp = tempfile::tempdir().unwrap();
    let lost = open(temp.path(), &["gw.example"], datetime!(1970-01-01 0:01 UTC)).unwrap();
    assert_eq!(lost.leaf.facts.not_before, datetime!(2025-12-31 0:00 UTC));
    let set = open(temp.path(), &["gw.example"], datetime!(2026-03-01 0:00 UTC)).unwrap();
    assert_eq!(set.leaf.certificate, lost.leaf.certificate, "nothing has to be made again");
}

#[test]
fn the_first_start_makes_four_files_that_only_we_can_write() {
    let temp = tempfile::tempdir().unwrap();
    let local = open(temp.path(), &["gw.example", "*.team.example"], START).unwrap();
    assert_eq!(names_of(&local), ["gw.example", "*.team.example", "localhost", "127.0.0.1", "::1", "box"]);
    assert_eq!(local.ca_path.as_deref(), Some(temp.path().join("ca.pem").as_path()));
    for (name, mode) in
        [("ca.key", 0o600), ("ca.pem", 0o644), ("leaf.key", 0o600), ("leaf.pem", 0o644), ("lock", 0o600)]
    {
        let metadata = fs::metadata(temp.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{name}");
    }
    assert_eq!(files(temp.path()).len(), 5);
}

#[test]
fn certificates_say_what_they_are_for() {
    use x509_parser::prelude::{FromDer, X509Certificate};
    let temp = tempfile::tempdir().unwrap();
    let local = open_on("a-machine-with-a-name-of-fifty-letters-and-some-more", temp.path(), &["a"], START).unwrap();
    let (_, ca) = X509Certificate::from_der(&local.authority.certificate).unwrap();
    let (_, leaf) = X509Certificate::from_der(&local.leaf.certificate).unwrap();

    assert_eq!(ca.subject().to_string(), "CN=frontgate local CA (a-machine-with-a-name-of-fifty-, 2026-11-20)");
    assert!(ca.subject().to_string().len() <= 64 + "CN=".len());
    let constraints = ca.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    assert_eq!(ca.key_usage().unwrap().unwrap().value.to_string(), "Key Cert Sign, CRL Sign");
    assert_eq!(ca.validity().not_before.to_string(), "Nov 19 12:34:56 2026 +00:00");
    assert_eq!(ca.validity().not_after.to_string(), "Nov 19 12:34:55 2036 +00:00");

    assert_eq!(leaf.issuer(), ca.subject());
    assert_eq!(leaf.key_usage().unwrap().unwrap().value.to_string(), "Digital Signature");
    let usage = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
    assert!(!leaf.is_ca());
    assert_eq!(leaf.validity().not_before.to_string(), "Nov 19 12:34:56 2026 +00:00");
    assert_eq!(leaf.validity().not_after.to_string(), "Dec 21 12:34:55 2027 +00:00");
    assert_ne!(leaf.raw_serial(), ca.raw_serial());
    assert_eq!(leaf.raw_serial().len(), 16);
}

#[test]
fn a_restart_changes_no_byte() {
    let temp = tempfile::tempdir().unwrap();
    open(temp.path(), &["a", "b"], START).unwrap();
    let before = files(temp.path());
    for (names, host, days) in
        [(&["a", "b"][..], "box", 0), (&["a"], "box", 1), (&["b", "a"], "other", 100), (&["a"], "box", 263)]
    {
        let local = open_on(host, temp.path(), names, START + Duration::days(days)).unwrap();
        assert_eq!(files(temp.path()), before, "{names:?} on {host} after {days} days");
        assert!(local.ca_path.is_some());
    }
}

#[test]
fn an_added_name_renews_with_the_same_key_and_keeps_the_names_it_had() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path(), &["a"], START).unwrap();
    let second = open(temp.path(), &["b.lan"], START + Duration::days(1)).unwrap();
    assert_eq!(names_of(&second), ["b.lan", "localhost", "127.0.0.1", "::1", "box", "a"]);
    assert_ne!(first.leaf.certificate, second.leaf.certificate);
    assert_eq!(first.leaf.facts.public_key, second.leaf.facts.public_key);
    assert_eq!(first.authority.certificate, second.authority.certificate);
    // Firefox refuses two certificates of one issuer with one serial number.
    assert_ne!(serial(&first), serial(&second));
    let third = open(temp.path(), &["a"], START + Duration::days(1)).unwrap();
    assert_eq!(second.leaf.certificate, third.leaf.certificate);
}

#[test]
fn a_name_outside_of_the_constraints_makes_a_new_ca_at_first_and_is_left_out_later() {
    let outside = ["gw.example.com"];
    for (hours, same_ca) in [(1, false), (25, true)] {
        let temp = tempfile::tempdir().unwrap();
        let first = open(temp.path(), &["nas.lan"], START).unwrap();
        let now = START + Duration::hours(hours);
        let second = open(temp.path(), &outside, now).unwrap();
        assert_eq!(first.authority.certificate == second.authority.certificate, same_ca, "{hours} hours");
        assert_eq!(names_of(&second).contains(&outside[0].to_owned()), !same_ca, "{hours} hours");
        // Clients that know the CA accept what it signed, and a second start changes nothing.
        assert!(second.authority.signed(&second.leaf.certificate, &second.leaf.facts));
        assert!(names_of(&second).contains(&"nas.lan".to_owned()));
        for names in [&["nas.lan"][..], &outside] {
            let third = open(temp.path(), names, now).unwrap();
            assert_eq!(third.leaf.certificate, second.leaf.certificate, "{hours} hours, {names:?}");
        }
    }
}

#[test]
fn a_leaked_key_is_no_good_for_other_names() {
    let temp = tempfile::tempdir().unwrap();
    let local = open(temp.path(), &["gw.example.com"], START).unwrap();
    // As an attacker with the key would sign.
    let stolen = fs::read_to_string(temp.path().join("ca.key")).unwrap();
    let stolen = Issuer::from_ca_cert_der(&local.authority.certificate, KeyPair::from_pem(&stolen).unwrap()).unwrap();
    for (name, good) in [("gw.example.com", true), ("box.lan", true), ("bank.com", false), ("*.com", false)] {
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), name.to_owned()]).unwrap();
        params.not_before = START;
        let forged = params.signed_by(&*local.key, &stolen).unwrap();
        let facts = super::Leaf::read(forged.der().clone()).unwrap().facts;
        assert_eq!(local.authority.signed(forged.der(), &facts), good, "{name}");
    }
}

#[test]
fn an_old_certificate_is_renewed_with_the_same_key_for_the_names_of_today() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path(), &["a", "gone"], START).unwrap();
    let second = open(temp.path(), &["a"], START + Duration::days(264)).unwrap();
    assert_ne!(first.leaf.certificate, second.leaf.certificate);
    assert_eq!(first.leaf.facts.public_key, second.leaf.facts.public_key);
    assert_eq!(first.authority.certificate, second.authority.certificate);
    assert_eq!(names_of(&second), ["a", "localhost", "127.0.0.1", "::1", "box"]);
}

#[test]
fn a_ca_near_its_end_is_replaced_and_the_key_stays() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path(), &["a"], START).unwrap();
    let second = open(temp.path(), &["a"], START + Duration::days(3653 - 397)).unwrap();
    assert_ne!(first.authority.certificate, second.authority.certificate);
    assert_ne!(first.authority.facts.public_key, second.authority.facts.public_key);
    assert_eq!(first.leaf.facts.public_key, second.leaf.facts.public_key);
    assert!(second.authority.signed(&second.leaf.certificate, &second.leaf.facts));
    assert!(!first.authority.signed(&second.leaf.certificate, &second.leaf.facts));
}

#[test]
fn processes_that_start_at_once_make_one_ca() {
    for _ in 0..5 {
        let temp = tempfile::tempdir().unwrap();
        let shown: HashSet<_> = thread::scope(|scope| {
            let starts: Vec<_> = (0..6).map(|_| scope.spawn(|| open(temp.path(), &["a"], START).unwrap())).collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap())
                .map(|local| (local.authority.certificate.clone(), local.leaf.certificate))
                .collect()
        });
        assert_eq!(shown.len(), 1);
    }
}

#[test]
fn what_can_be_made_anew_is_set_aside_when_it_is_damaged() {
    let other = tempfile::tempdir().unwrap();
    open(other.path(), &["a"], START).unwrap();
    let other_leaf = fs::read_to_string(other.path().join("leaf.pem")).unwrap();
    for (file, damage, key_stays) in [
        ("leaf.pem", "", true),
        ("leaf.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", true),
        ("leaf.pem", "-----BEGIN CERTIFICATE-----\n", true),
        ("leaf.pem", other_leaf.as_str(), true),
        ("leaf.key", "", false),
        ("leaf.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", false),
    ] {
        let temp = tempfile::tempdir().unwrap();
        let before = open(temp.path(), &["a"], START).unwrap();
        fs::write(temp.path().join(file), damage).unwrap();
        let after = open(temp.path(), &["a"], START).unwrap();
        assert_eq!(fs::read_to_string(temp.path().join(format!("{file}.bad"))).unwrap(), damage, "{file}: {damage}");
        assert_eq!(before.authority.certificate, after.authority.certificate, "{file}: {damage}");
        assert_eq!(before.leaf.facts.public_key == after.leaf.facts.public_key, key_stays, "{file}: {damage}");
        assert_eq!(after.leaf.certificate, open(temp.path(), &["a"], START).unwrap().leaf.certificate);
    }
}

#[test]
fn a_ca_is_never_replaced_unasked() {
    let other = tempfile::tempdir().unwrap();
    open(other.path(), &["a"], START).unwrap();
    let [other_key, other_cert] = ["ca.key", "ca.pem"].map(|name| fs::read_to_string(other.path().join(name)).unwrap());
    let other_key = other_key.split_inclusive("-----END PRIVATE KEY-----\n").next().unwrap();
    let temp = tempfile::tempdir().unwrap();
    open(temp.path(), &["a"], START).unwrap();
    let [key, leaf] = ["leaf.key", "leaf.pem"].map(|name| fs::read_to_string(temp.path().join(name)).unwrap());
    for (text, what) in [
        (String::new(), "it holds no private key"),
        (other_cert.clone(), "it holds no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned(), "its private key cannot be read"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n".to_owned(), "it is not PEM"),
        (other_key.to_owned(), "it holds no certificate"),
        (key.clone() + &other_cert, "its certificate belongs to another key"),
        (key + &leaf, "its certificate is not a CA's"),
    ] {
        fs::write(temp.path().join("ca.key"), &text).unwrap();
        let before = files(temp.path());
        let error = open(temp.path(), &["a"], START).unwrap_err();
        let path = temp.path().join("ca.key");
        assert!(error.starts_with(&format!("{} is damaged: {what}; restore it", path.display())), "{error}");
        assert_eq!(files(temp.path()), before, "{what}");
    }

    fs::remove_file(temp.path().join("ca.key")).unwrap();
    let error = open(temp.path(), &["a"], START).unwrap_err();
    assert!(error.starts_with(&format!("{} is missing", temp.path().join("ca.key").display())), "{error}");
    assert!(error.contains("delete the certificate to begin with a new CA"), "{error}");
    // As the message says.
    fs::remove_file(temp.path().join("ca.pem")).unwrap();
    let local = open(temp.path(), &["a"], START).unwrap();
    assert!(local.authority.signed(&local.leaf.certificate, &local.leaf.facts));
}

#[test]
fn the_certificate_to_hand_out_is_written_again_from_the_key_file() {
    let temp = tempfile::tempdir().unwrap();
    open(temp.path(), &["a"], START).unwrap();
    let before = files(temp.path());
    for damage in [None, Some("other")] {
        match damage {
            None => fs::remove_file(temp.path().join("ca.pem")).unwrap(),
            Some(text) => fs::write(temp.path().join("ca.pem"), text).unwrap(),
        }
        open(temp.path(), &["a"], START).unwrap();
        assert_eq!(files(temp.path()), before, "{damage:?}");
    }
}

#[test]
fn a_crash_between_two_files_is_completed_by_the_next_start() {
    let temp = tempfile::tempdir().unwrap();
    let first = open(temp.path(), &["a"], START).unwrap();
    for gone in [&["leaf.pem"][..], &["leaf.pem", "leaf.key"], &["leaf.pem", "leaf.key", "ca.pem"]] {
        for name in gone {
            fs::remove_file(temp.path().join(name)).unwrap();
        }
        let next = open(temp.path(), &["a"], START).unwrap();
        assert_eq!(next.authority.certificate, first.authority.certificate);
        assert_eq!(files(temp.path()).len(), 5);
    }
}

#[test]
fn what_cannot_be_kept_is_carried_on_while_the_process_lives() {
    let names = dns(&["a"]);
    let wanted = LeafRequest { names: &names, host: None };
    let first = LocalCa::open(None, wanted, None, START).unwrap();
    assert_eq!(first.ca_path, None);
    let second = LocalCa::open(None, wanted, Some(&first), START + Duration::days(1)).unwrap();
    assert_eq!(first.leaf.certificate, second.leaf.certificate);
    let third = LocalCa::open(None, wanted, Some(&second), START + Duration::days(300)).unwrap();
    assert_eq!(first.authority.certificate, third.authority.certificate);
    assert_ne!(first.leaf.certificate, third.leaf.certificate);

    // The folder becomes writable again.
    let temp = tempfile::tempdir().unwrap();
    let dir = StateDir::open(temp.path()).unwrap();
    let kept = LocalCa::open(Some(&dir), wanted, Some(&third), START + Duration::days(301)).unwrap();
    assert_eq!(kept.leaf.certificate, third.leaf.certificate);
    assert!(kept.ca_path.is_some());
    let restarted = open(temp.path(), &["a"], START + Duration::days(302)).unwrap();
    assert_eq!(restarted.leaf.certificate, third.leaf.certificate);
}

#[test]
fn another_ca_that_is_in_order_has_the_last_word() {
    let names = dns(&["a"]);
    let wanted = LeafRequest { names: &names, host: None };
    let in_memory = LocalCa::open(None, wanted, None, START).unwrap();
    let temp = tempfile::tempdir().unwrap();
    let kept = open(temp.path(), &["a"], START).unwrap();
    let dir = StateDir::open(temp.path()).unwrap();
    let next = LocalCa::open(Some(&dir), wanted, Some(&in_memory), START).unwrap();
    assert_eq!(next.leaf.certificate, kept.leaf.certificate);
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_can_only_be_read_is_no_reason_not_to_serve() {
    let dir = StateDir::open(Path::new("/proc/self")).unwrap();
    let local = LocalCa::open(Some(&dir), LeafRequest { names: &[], host: None }, None, START).unwrap();
    assert_eq!(local.ca_path, None);
}

fn serial(local: &LocalCa) -> Vec<u8> {
    use x509_parser::prelude::{FromDer, X509Certificate};
    X509Certificate::from_der(&local.leaf.certificate).unwrap().1.raw_serial().to_owned()
}

#[test]
fn the_key_on_disk_is_the_certificates() {
    let temp = tempfile::tempdir().unwrap();
    let local = open(temp.path(), &["a"], START).unwrap();
    let key = KeyPair::from_pem(&fs::read_to_string(temp.path().join("leaf.key")).unwrap()).unwrap();
    assert_eq!(key.subject_public_key_info(), local.leaf.facts.public_key);
}
