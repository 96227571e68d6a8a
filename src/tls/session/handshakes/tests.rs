use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use time::OffsetDateTime;
use tokio::io::{AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;

use crate::config::{ClientCa, ClientMode, Tls};
use crate::io::BufferPool;
use crate::tls::certificates::cert_store::tests::certificate;
use crate::tls::session::handshakes::*;
use crate::tls::session::hello::PendingHello;
use crate::tls::{CheckedCert, ClientVerification, TicketKeys, provider, server_config};

/// The protocol and the certificate that a client which asks for `name` and offers `alpn` sees, and whether it is a
/// challenge.
async fn see(handshakes: &HandshakePolicy, name: &str, alpn: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>, bool), String> {
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    client.dangerous().set_certificate_verifier(crate::tls::tests::blind());
    let serve = async {
        let hello = PendingHello::read(near, Arc::new(BufferPool::new())).await.map_err(|error| error.to_string())?;
        let (config, challenge) = match handshakes.open(&hello.said(), None) {
            HandshakeStep::Serve(config, _) => (config, false),
            HandshakeStep::Challenge(config) => (config, true),
            HandshakeStep::Make(_) => panic!("there is no address"),
        };
        let mut session = hello.answer(config).await.map_err(|error| error.to_string())?;
        session.flush().await.map_err(|error| error.to_string())?;
        Ok::<_, String>((session, challenge))
    };
    let connect = TlsConnector::from(Arc::new(client)).connect(name, far);
    let (served, connected) = tokio::join!(serve, connect);
    let (_, challenge) = served?;
    let connected = connected.map_err(|error| error.to_string())?;
    let session = connected.get_ref().1;
    let protocol = session.alpn_protocol().unwrap_or_default().to_vec();
    Ok((protocol, session.peer_certificates().unwrap()[0].to_vec(), challenge))
}

#[tokio::test]
async fn a_challenge_is_answered_to_its_own_protocol_and_name_alone() {
    let source = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    let certificates = Arc::new(Certificates::of(&source));
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), crate::tls::x509::pem::encode(source.ca().unwrap())).unwrap();
    // The ACME server has no certificate of its own, whatever other clients must have.
    let clients =
        ClientVerification::open(&ClientCa { file: ca.path().to_owned(), mode: ClientMode::Optional }).unwrap();
    let config =
        server_config(&Tls::default(), Arc::clone(&certificates), TicketKeys::fresh().unwrap(), Some(&clients));
    let handshakes = HandshakePolicy::new(config, Arc::clone(&certificates), AskedClients::None);
    let (answer, public) = (certificate(&["gw.example"]), certificate(&["gw.example"]));
    let own = source.chain()[0].to_vec();
    certificates.set_challenge("GW.example", Some(Arc::clone(&answer)));
    certificates.set_public(&crate::config::Name::Dns("gw.example".into()), Some(Arc::clone(&public)));

    let (h2, acme) = (&b"h2"[..], ACME_TLS);
    for (name, alpn, expected) in [
        ("gw.example", &[acme][..], Some((acme, answer.cert[0].to_vec(), true))),
        ("GW.EXAMPLE", &[acme], Some((acme, answer.cert[0].to_vec(), true))),
        // No challenge of this name is pending.
        ("other.example", &[acme], None),
        ("gw.example", &[h2], Some((h2, public.cert[0].to_vec(), false))),
        ("gw.example", &[acme, h2], Some((h2, public.cert[0].to_vec(), false))),
        ("gw.example", &[], Some((b"", public.cert[0].to_vec(), false))),
        ("other.example", &[h2], Some((h2, own.clone(), false))),
    ] {
        let seen = see(&handshakes, name, alpn).await;
        let expected = expected.map(|(protocol, shown, challenge)| (protocol.to_vec(), shown, challenge));
        assert_eq!(seen.as_ref().ok(), expected.as_ref(), "{name}: {:?}", seen.as_ref().err());
    }
    certificates.set_challenge("gw.example", None);
    assert!(see(&handshakes, "gw.example", &[acme]).await.is_err());
}

#[tokio::test]
async fn a_challenge_for_an_address_asks_for_its_reverse_name() {
    let source = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    let certificates = Arc::new(Certificates::of(&source));
    let config = server_config(&Tls::default(), Arc::clone(&certificates), TicketKeys::fresh().unwrap(), None);
    let handshakes = HandshakePolicy::new(config, Arc::clone(&certificates), AskedClients::None);
    let answer = certificate(&["192.0.2.7"]);
    certificates.set_challenge("7.2.0.192.in-addr.arpa", Some(Arc::clone(&answer)));
    let (protocol, shown, challenge) = see(&handshakes, "7.2.0.192.in-addr.arpa", &[ACME_TLS]).await.unwrap();
    assert_eq!((protocol, shown, challenge), (ACME_TLS.to_vec(), answer.cert[0].to_vec(), true));
}
