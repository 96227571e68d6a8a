use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::{CertFileError, CertKeyPair, check, misplaced, uncovered};
use crate::config::{CertificateFiles, Name};
use crate::tls::certificates::watched_cert_files::WatchedCertFiles;
use crate::tls::x509::cert_info::CertInfo;

const TODAY: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

/// A chain of three, and the keys of its leaf and its issuer.
struct Made {
    leaf: String,
    intermediate: String,
    root: String,
    key: String,
    intermediate_key: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = TODAY - Duration::days(10);
    params.not_after = TODAY + Duration::days(10);
    params
}

fn ca(name: &str) -> CertificateParams {
    let mut ca = params(name);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca
}

fn made() -> Made {
    made_with(&KeyPair::generate().unwrap())
}

fn made_with(key: &KeyPair) -> Made {
    let (root_key, intermediate_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = ca("root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(ca("root"), root_key);
    let intermediate = ca("intermediate").signed_by(&intermediate_key, &root_issuer).unwrap();
    let intermediate_key_text = intermediate_key.serialize_pem();
    let issuer = Issuer::new(ca("intermediate"), intermediate_key);
    Made {
        leaf: params("gw.example").signed_by(key, &issuer).unwrap().pem(),
        intermediate: intermediate.pem(),
        root: root.pem(),
        key: key.serialize_pem(),
        intermediate_key: intermediate_key_text,
    }
}

fn try_at(cert: &str, key: &str, now: OffsetDateTime) -> Result<CertKeyPair, CertFileError> {
    check(Path::new("c.pem"), cert.as_bytes(), Path::new("k.pem"), key.as_bytes(), now)
}

#[test]
fn a_chain_with_its_key_is_accepted() {
    for algorithm in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256]
    {
        let made = made_with(&KeyPair::generate_for(algorithm).unwrap());
        let chain = format!("a comment\n{}{}{}", made.leaf, made.intermediate, made.root);
        let pair = try_at(&chain, &made.key, TODAY).unwrap();
        assert_eq!(pair.certified.cert.len(), 3);
        assert_eq!(pair.facts.not_after, TODAY + Duration::days(10));
        assert_eq!(misplaced(&pair), None);
        // Both in one file, as HAProxy has it.
        let both = made.key + &chain;
        assert!(try_at(&both, &both, TODAY).is_ok());
    }
}

#[test]
fn what_cannot_be_used_is_named_with_the_fix() {
    let made = made();
    let other = KeyPair::generate().unwrap().serialize_pem();
    let Made { leaf, intermediate, key, intermediate_key, .. } = &made;
    let cut = leaf.split_at(leaf.len() / 2).0;
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old_encrypted = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    for (cert, key, message) in [
        (
            "",
            key.as_str(),
            "c.pem holds no certificate; `cert` takes a PEM file with `BEGIN CERTIFICATE`, the server's own first",
        ),
        (
            key,
            leaf,
            "c.pem holds no certificate; `cert` takes a PEM file with `BEGIN CERTIFICATE`, the server's own first (it holds a private key: are `cert` and `key` swapped?)",
        ),
        (cut, key, "c.pem is not valid PEM: a section has no END line; copy the file anew, whole"),
        (broken, key, "certificate 1 in c.pem cannot be read; copy the file anew, whole"),
        (&(leaf.clone() + broken), key, "certificate 2 in c.pem cannot be read; copy the file anew, whole"),
        (&leaf.replace('M', "?"), key, "c.pem is not valid PEM: a section is not base64; copy the file anew, whole"),
        (leaf, "", "k.pem holds no private key; `key` takes a PEM file with `BEGIN PRIVATE KEY`"),
        (
            leaf,
            leaf,
            "k.pem holds no private key; `key` takes a PEM file with `BEGIN PRIVATE KEY` (it holds a certificate",
        ),
        (leaf, encrypted, "the private key in k.pem is encrypted; decrypt it with `openssl pkey"),
        (leaf, old_encrypted, "the private key in k.pem is encrypted; decrypt it with `openssl pkey"),
        (leaf, no_key, "the private key in k.pem cannot be used: "),
        (
            leaf,
            key.split_at(key.len() / 2).0,
            "k.pem is not valid PEM: a section has no END line; copy the file anew, whole",
        ),
        (
            leaf,
            &other,
            "the key in k.pem belongs to another certificate than the one in c.pem; name two files that were made together",
        ),
        (&(leaf.clone() + intermediate), &other, "the key in k.pem belongs to another certificate"),
        (
            &(intermediate.clone() + leaf),
            key,
            "c.pem is in the wrong order: certificate 2 is the server's own (its key is in k.pem), but it must come first",
        ),
        (&(leaf.clone() + intermediate), intermediate_key, "c.pem is in the wrong order: certificate 2"),
    ] {
        let error = try_at(cert, key, TODAY).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}\nexpected {message}");
        assert!(!error.contains("AAAA"), "{error}");
    }
}

#[test]
fn dates_are_checked_to_the_second() {
    let made = made();
    for (offset, message) in [
        (Duration::days(10), None),
        (
            Duration::days(10) + Duration::SECOND,
            Some(
                "the certificate in c.pem expired on 2026-11-30 (today is 2026-11-30); renew it, or correct the system clock",
            ),
        ),
        (
            Duration::days(400),
            Some(
                "the certificate in c.pem expired on 2026-11-30 (today is 2027-12-25); renew it, or correct the system clock",
            ),
        ),
        (-Duration::days(10), None),
        (
            -Duration::days(11),
            Some(
                "the certificate in c.pem is not valid before 2026-11-10 (today is 2026-11-09); correct the system clock, or wait",
            ),
        ),
    ] {
        let error = try_at(&made.leaf, &made.key, TODAY + offset).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), message);
    }
}

#[test]
fn files_that_cannot_be_read_are_named_with_the_fix() {
    let temp = tempfile::tempdir().unwrap();
    let cert = temp.path().join("cert.pem");
    fs::write(&cert, made().leaf).unwrap();
    for (path, fix) in [
        (temp.path().join("none.pem"), "check the setting that names it"),
        (temp.path().to_owned(), "check the setting that names it"),
    ] {
        for (cert, key) in [(&path, &path), (&cert, &path)] {
            let files = CertificateFiles { cert: cert.clone(), key: key.clone(), ocsp: None };
            let error = WatchedCertFiles::open(&files, TODAY).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot read {}: ", path.display())), "{error}");
            assert!(error.ends_with(fix), "{error}");
        }
    }
}

#[test]
fn names_and_order_of_issuers_are_worth_a_warning() {
    let made = made();
    let pair = try_at(&(made.leaf + &made.root + &made.intermediate), &made.key, TODAY).unwrap();
    assert_eq!(misplaced(&pair), Some(2));
    let names = ["gw.example", "other.example"].map(|name| Name::Dns(name.to_owned()));
    assert_eq!(uncovered(&[&pair.facts], &names).collect::<Vec<_>>(), [&names[1]]);
    let other = CertInfo { names: vec![names[1].clone()], ..pair.facts.clone() };
    assert_eq!(uncovered(&[&pair.facts, &other], &names).count(), 0);
}
