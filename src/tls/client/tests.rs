use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::config::{CertPin, ClientCert};

/// A self-signed certificate; with `ca`, as `openssl req -x509` makes them.
fn made(names: &[&str], ca: bool, years: (i32, i32)) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    (params.self_signed(&key).unwrap().der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// Both sides of a handshake, until one of them fails or both are done.
fn shake(
    client: &ClientTls,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    host: &str,
) -> Result<(), TlsFault> {
    let server = ServerConfig::builder_with_provider(crypto::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut client = ClientConnection::new(client_config(client).unwrap(), client.server_name(host).unwrap()).unwrap();
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        wire.clear();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut sent = wire.as_slice();
        while !sent.is_empty() {
            server.read_tls(&mut sent).unwrap();
            server.process_new_packets().unwrap();
        }
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut sent = wire.as_slice();
        while !sent.is_empty() {
            client.read_tls(&mut sent).unwrap();
            client.process_new_packets().map_err(|error| TlsFault::of(&io::Error::other(error)))?;
        }
    }
    Ok(())
}

fn pinned(der: &[u8]) -> ClientTls {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let pin = CertPin(digest.as_ref().try_into().unwrap());
    ClientTls::open(&UpstreamTls { pin: Some(pin), ..UpstreamTls::default() }).unwrap()
}

#[test]
fn a_pin_alone_decides() {
    let now = (2020, 2040);
    for (names, ca, years) in [
        (&["gw"][..], true, now),
        (&["gw"], false, now),
        // As the gateway's own certificate: no name at all.
        (&[], true, now),
        (&["other"], false, now),
        (&["gw"], true, (2010, 2012)),
        (&["gw"], true, (2050, 2060)),
    ] {
        let (leaf, key) = made(names, ca, years);
        assert_eq!(
            shake(&pinned(&leaf), vec![leaf.clone()], key.clone_key(), "gw"),
            Ok(()),
            "{names:?} {ca} {years:?}"
        );
        let (other, _) = made(names, ca, years);
        let chain = vec![leaf, other.clone()];
        assert_eq!(
            shake(&pinned(&other), chain, key, "gw"),
            Err(TlsFault::OtherThanPinned),
            "{names:?} {ca} {years:?}"
        );
    }
}

#[test]
fn a_pinned_certificate_without_its_key_is_refused() {
    // A server that shows the certificate of another. rustls lets no server do that, so the handshake's signature is
    // made here.
    let (leaf, _) = made(&["gw"], true, (2020, 2040));
    let verifier = Pinned::new(Fingerprint::of(&leaf), &crypto::provider());
    let name = ServerName::try_from("gw").unwrap();
    assert!(verifier.verify_server_cert(&leaf, &[], &name, &[], rustls::pki_types::UnixTime::now()).is_ok());
    let schemes = verifier.supported_verify_schemes();
    assert!(!schemes.is_empty());
    let (_, key) = made(&["gw"], true, (2020, 2040));
    let stolen = Lying { chain: vec![leaf.clone()], key };
    assert!(shake_lying(&pinned(&leaf), stolen).is_err());
}

struct Lying {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// A handshake with a server that signs with a key that is not its certificate's.
fn shake_lying(client: &ClientTls, lying: Lying) -> Result<(), rustls::Error> {
    let signing = crypto::provider().key_provider.load_private_key(lying.key).unwrap();
    let certified = Arc::new(rustls::sign::CertifiedKey::new(lying.chain, signing));
    let server = ServerConfig::builder_with_provider(crypto::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let mut client = ClientConnection::new(client_config(client).unwrap(), client.server_name("gw").unwrap()).unwrap();
    let mut wire = Vec::new();
    client.write_tls(&mut wire).unwrap();
    server.read_tls(&mut wire.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    let mut wire = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut wire).unwrap();
    }
    let mut sent = wire.as_slice();
    while !sent.is_empty() {
        client.read_tls(&mut sent).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

#[test]
fn extra_roots_may_be_a_ca_or_the_servers_own_certificate() {
    let now = (2020, 2040);
    // Its own certificate, with or without `CA:TRUE`, for its name and its time.
    for (names, ca, years, host, expected) in [
        (&["gw"][..], true, now, "gw", Ok(())),
        (&["gw"], false, now, "gw", Ok(())),
        (&["127.0.0.1"], true, now, "127.0.0.1", Ok(())),
        (&["*.lan"], true, now, "gw.lan", Ok(())),
        (&["other"], true, now, "gw", Err(TlsFault::WrongName)),
        (&[], true, now, "gw", Err(TlsFault::WrongName)),
        (&["gw"], true, (2010, 2012), "gw", Err(TlsFault::Expired)),
        (&["gw"], true, (2050, 2060), "gw", Err(TlsFault::NotYetValid)),
    ] {
        let (leaf, key) = made(names, ca, years);
        let client = ClientTls::by([leaf.clone()]);
        assert_eq!(
            shake(&client, vec![leaf.clone()], key.clone_key(), host),
            expected,
            "{names:?} {ca} {years:?} {host}"
        );
        // Trust in another self-signed certificate of that name does not help.
        let other = ClientTls::by([made(&["gw"], true, now).0]);
        let refused = shake(&other, vec![leaf], key, host).unwrap_err();
        assert!(refused.is_about_certificate(), "{refused:?}");
    }
    // A certificate that a CA of the list has signed.
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["gw".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let client = ClientTls::by([issuer.der().clone()]);
    assert_eq!(shake(&client, vec![leaf.der().clone()], key.clone_key(), "gw"), Ok(()));
    assert_eq!(shake(&client, vec![leaf.der().clone()], key.clone_key(), "other"), Err(TlsFault::WrongName));
    assert_eq!(shake(&ClientTls::by([]), vec![leaf.der().clone()], key, "gw"), Err(TlsFault::UnknownIssuer));
}

#[test]
fn a_self_signed_ca_is_named_as_what_it_is() {
    let (leaf, key) = made(&["gw"], true, (2020, 2040));
    assert_eq!(shake(&ClientTls::by([]), vec![leaf], key, "gw"), Err(TlsFault::SelfSignedCa));
}

#[test]
fn files_that_cannot_be_used_are_named_and_those_that_hold_the_same_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["frontgate".to_owned()]).unwrap().self_signed(&key).unwrap();
    let (cert, key) = (write("cert.pem", &cert.pem()), write("key.pem", &key.serialize_pem()));
    let copy = write("copy.pem", &std::fs::read_to_string(&cert).unwrap());
    let empty = write("empty.pem", "");
    let with = |ca: Option<&PathBuf>, client: Option<(&PathBuf, &PathBuf)>| UpstreamTls {
        ca: ca.cloned(),
        client_cert: ClientCert { cert: client.map(|(cert, _)| cert.clone()), key: client.map(|(_, key)| key.clone()) },
        ..UpstreamTls::default()
    };
    let good = with(Some(&cert), Some((&cert, &key)));
    let opened = ClientTls::open(&good).unwrap();
    assert!(client_config(&opened).is_ok());
    assert!(opened == ClientTls::open(&with(Some(&copy), Some((&copy, &key)))).unwrap());
    assert!(opened != ClientTls::open(&with(None, Some((&cert, &key)))).unwrap());
    assert!(!format!("{opened:?}").contains("PRIVATE"));
    let none = folder.path().join("none.pem");
    for (tls, setting) in [
        (with(Some(&empty), None), "ca"),
        (with(Some(&key), None), "ca"),
        (with(Some(&none), None), "ca"),
        (with(None, Some((&none, &key))), "client_cert.cert"),
        (with(None, Some((&cert, &none))), "client_cert.key"),
        (with(None, Some((&cert, &empty))), "client_cert.key"),
        (with(None, Some((&key, &key))), "client_cert.cert"),
    ] {
        let error = ClientTls::open(&tls).unwrap_err();
        assert_eq!(error.setting(&tls), setting, "{error}");
    }
}
