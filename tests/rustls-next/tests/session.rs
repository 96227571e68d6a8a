//! A session on the next rustls, and a client of today's at the other end.

use std::io;
use std::sync::Arc;

use frontgate_rustls_next::session::{Session, accept};
use rustls::crypto::Identity;
use rustls::enums::ProtocolVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};

type Client = TlsStream<DuplexStream>;
type Server = Session<DuplexStream>;

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// Both sides' settings, for handshakes with one certificate.
struct Settings {
    server: Arc<rustls::ServerConfig>,
    client: Arc<ClientConfig>,
}

fn settings(version: &'static SupportedProtocolVersion) -> Settings {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = Identity::from_cert_chain(vec![made.cert.der().clone()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut server = rustls::ServerConfig::builder(Arc::new(rustls_aws_lc_rs::DEFAULT_PROVIDER))
        .with_no_client_auth()
        .with_single_cert(Arc::new(chain), key.into())
        .unwrap();
    server.alpn_protocols = vec![b"h2".as_slice().into(), b"http/1.1".as_slice().into()];
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    Settings { server: Arc::new(server), client: Arc::new(client) }
}

/// A client and a session that have shaken hands over a wire that takes `room` bytes ahead.
async fn open(settings: &Settings, room: usize) -> (Client, Server) {
    let (near, far) = duplex(room);
    let serve = async {
        let mut session = accept(near, Arc::clone(&settings.server)).await?;
        // The client waits for the last word of TLS 1.2, and reads that of TLS 1.3 only later.
        if session.agreed().protocol_version() == Some(ProtocolVersion::TLSv1_2) {
            session.flush().await?;
        }
        Ok::<_, io::Error>(session)
    };
    let connect = TlsConnector::from(Arc::clone(&settings.client)).connect("localhost".try_into().unwrap(), far);
    let (session, client) = tokio::join!(serve, connect);
    (client.unwrap(), session.unwrap())
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn both_versions_agree_on_a_protocol() {
    for version in VERSIONS {
        let (client, session) = open(&settings(version), 1 << 20).await;
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        assert_eq!(session.agreed().alpn_protocol(), Some(&b"h2".as_slice().into()));
        let expected = u16::from(client.get_ref().1.protocol_version().unwrap());
        assert_eq!(session.agreed().protocol_version().map(|version| version.0), Some(expected));
    }
}

#[tokio::test]
async fn text_comes_back_whatever_the_sizes() {
    for version in VERSIONS {
        let settings = settings(version);
        // The wire, the text, and what its reader asks for at once.
        for (room, length, at_once) in
            [(1 << 20, 3, 1), (1 << 20, 300_000, 70_000), (1 << 20, 300_000, 1000), (700, 50_000, 20_000), (1, 400, 7)]
        {
            let (client, session) = open(&settings, room).await;
            let echo = async {
                let (mut session, mut piece) = (session, vec![0; at_once]);
                while let read @ 1.. = session.read(&mut piece).await.unwrap() {
                    session.write_all(&piece[..read]).await.unwrap();
                    session.flush().await.unwrap();
                }
                session.shutdown().await.unwrap();
            };
            let (mut reads, mut writes) = tokio::io::split(client);
            let send = async {
                writes.write_all(&text(length)).await.unwrap();
                writes.shutdown().await.unwrap();
            };
            let mut back = Vec::new();
            let ((), (), read) = tokio::join!(echo, send, reads.read_to_end(&mut back));
            read.unwrap();
            assert!(back == text(length), "{version:?}: {length} bytes, {at_once} at once, over {room}");
        }
    }
}

#[tokio::test]
async fn a_session_is_resumed() {
    for version in VERSIONS {
        let settings = settings(version);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let (mut client, mut session) = open(&settings, 1 << 20).await;
            session.write_all(b"!").await.unwrap();
            session.flush().await.unwrap();
            // The tickets come before the byte.
            client.read_u8().await.unwrap();
            assert_eq!(client.get_ref().1.handshake_kind(), Some(expected), "{version:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_changed_when_the_client_asks() {
    let (mut client, mut session) = open(&settings(&TLS13), 1 << 20).await;
    let mut piece = [0; 5];
    for _ in 0..3 {
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(b"first").await.unwrap();
        client.flush().await.unwrap();
        session.read_exact(&mut piece).await.unwrap();
        session.write_all(b"other").await.unwrap();
        session.flush().await.unwrap();
        client.read_exact(&mut piece).await.unwrap();
        assert_eq!(&piece, b"other");
    }
}

#[tokio::test]
async fn an_end_that_was_not_announced_is_an_error() {
    for version in VERSIONS {
        let settings = settings(version);
        let (client, mut session) = open(&settings, 1 << 20).await;
        drop(client);
        assert_eq!(session.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        let (mut client, mut session) = open(&settings, 1 << 20).await;
        session.write_all(b"last words").await.unwrap();
        session.shutdown().await.unwrap();
        let mut said = Vec::new();
        client.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, b"last words");
    }
}

#[tokio::test]
async fn a_record_that_does_not_decrypt_is_answered_with_an_alert() {
    for version in VERSIONS {
        let (mut client, mut session) = open(&settings(version), 1 << 20).await;
        let forged = [&[23, 3, 3, 0, 40][..], &[0; 40]].concat();
        client.get_mut().0.write_all(&forged).await.unwrap();
        assert_eq!(session.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        let told = client.read(&mut [0]).await.unwrap_err().to_string();
        assert!(told.contains("BadRecordMac"), "{told}");
    }
}
