use std::sync::Arc;

use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion,
};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::{Tls, TlsVersion};
use crate::tls::{Certificates, CheckedCert, ClientTls, TicketKeys, client_config, provider, server_config};

struct Server {
    source: CheckedCert,
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
}

/// The parameters that both sides agreed on.
#[derive(Debug, PartialEq)]
struct Agreed {
    version: ProtocolVersion,
    alpn: Option<&'static str>,
    group: Option<NamedGroup>,
    kind: HandshakeKind,
    /// The certificate that the server showed; empty on a resumption with TLS 1.3.
    certificate: CertificateDer<'static>,
}

fn server(min_version: TlsVersion) -> Server {
    let tls = Tls { min_version, ..Tls::default() };
    let source = CheckedCert::open(&tls, None, OffsetDateTime::now_utc()).unwrap();
    let certificates = Arc::new(Certificates::of(&source));
    let config = server_config(&tls, Arc::clone(&certificates), TicketKeys::fresh().unwrap(), None);
    Server { source, certificates, config }
}

fn client(source: &CheckedCert, versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(source.ca().unwrap().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(client)
}

async fn handshake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>, name: &str) -> Result<Agreed, String> {
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let serve = async {
        let mut stream = TlsAcceptor::from(Arc::clone(server)).accept(near).await?;
        stream.write_all(b"!").await?;
        stream.flush().await?;
        Ok::<_, std::io::Error>(stream)
    };
    let connect = async {
        let mut stream = TlsConnector::from(Arc::clone(client)).connect(name, far).await?;
        // The tickets come before the byte.
        stream.read_u8().await?;
        Ok::<_, std::io::Error>(stream)
    };
    let (served, connected) = tokio::join!(serve, connect);
    let (connected, _served) =
        (connected.map_err(|error| error.to_string())?, served.map_err(|error| error.to_string())?);
    let session = connected.get_ref().1;
    Ok(Agreed {
        version: session.protocol_version().unwrap(),
        alpn: session.alpn_protocol().map(|name| if name == b"h2" { "h2" } else { "http/1.1" }),
        group: session.negotiated_key_exchange_group().map(SupportedKxGroup::name),
        kind: session.handshake_kind().unwrap(),
        certificate: session.peer_certificates().unwrap()[0].clone(),
    })
}

#[tokio::test]
async fn both_versions_agree_on_protocol_and_group() {
    let server = server(TlsVersion::V1_2);
    for (versions, alpn, version, chosen) in [
        (&[&TLS13][..], &["h2", "http/1.1"][..], ProtocolVersion::TLSv1_3, Some("h2")),
        (&[&TLS13], &["http/1.1", "h2"], ProtocolVersion::TLSv1_3, Some("h2")),
        (&[&TLS13], &["http/1.1"], ProtocolVersion::TLSv1_3, Some("http/1.1")),
        (&[&TLS13], &[], ProtocolVersion::TLSv1_3, None),
        (&[&TLS13, &TLS12], &["h2"], ProtocolVersion::TLSv1_3, Some("h2")),
        (&[&TLS12], &["h2", "http/1.1"], ProtocolVersion::TLSv1_2, Some("h2")),
        (&[&TLS12], &["http/1.1"], ProtocolVersion::TLSv1_2, Some("http/1.1")),
    ] {
        let client = client(&server.source, versions, alpn);
        let agreed = handshake(&server.config, &client, "localhost").await.unwrap();
        let post_quantum = version == ProtocolVersion::TLSv1_3;
        let group = if post_quantum { NamedGroup::X25519MLKEM768 } else { NamedGroup::X25519 };
        let expected = Agreed {
            version,
            alpn: chosen,
            group: Some(group),
            kind: HandshakeKind::Full,
            certificate: server.source.chain()[0].clone(),
        };
        assert_eq!(agreed, expected, "{versions:?} {alpn:?}");
    }
}

#[tokio::test]
async fn every_name_of_the_machine_is_accepted() {
    let server = server(TlsVersion::V1_2);
    let client = client(&server.source, &[&TLS13], &[]);
    for name in ["localhost", "127.0.0.1", "::1"] {
        handshake(&server.config, &client, name).await.unwrap();
    }
    let error = handshake(&server.config, &client, "other.example").await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn min_version_1_3_refuses_1_2() {
    let server = server(TlsVersion::V1_3);
    let new = client(&server.source, &[&TLS13, &TLS12], &["h2"]);
    assert_eq!(handshake(&server.config, &new, "localhost").await.unwrap().version, ProtocolVersion::TLSv1_3);
    let old = client(&server.source, &[&TLS12], &["h2"]);
    let error = handshake(&server.config, &old, "localhost").await.unwrap_err();
    assert!(error.contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn an_unknown_protocol_is_refused() {
    let server = server(TlsVersion::V1_2);
    let client = client(&server.source, &[&TLS13], &["h3"]);
    let error = handshake(&server.config, &client, "localhost").await.unwrap_err();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test]
async fn sessions_outlive_a_reload_that_keeps_the_ticketer() {
    for version in [&TLS12, &TLS13] {
        let server = server(TlsVersion::V1_2);
        let client = client(&server.source, &[version], &["h2"]);
        let kind = async |config: &Arc<ServerConfig>| handshake(config, &client, "localhost").await.unwrap().kind;
        assert_eq!(kind(&server.config).await, HandshakeKind::Full);
        assert_eq!(kind(&server.config).await, HandshakeKind::Resumed);
        let tickets = Arc::clone(&server.config.ticketer);
        let reloaded = server_config(&Tls::default(), Arc::clone(&server.certificates), tickets, None);
        assert_eq!(kind(&reloaded).await, HandshakeKind::Resumed, "{version:?}");
        let restarted =
            server_config(&Tls::default(), Arc::clone(&server.certificates), TicketKeys::fresh().unwrap(), None);
        assert_eq!(kind(&restarted).await, HandshakeKind::Full, "{version:?}");
    }
}

#[tokio::test]
async fn two_connections_at_once_can_resume() {
    let server = server(TlsVersion::V1_2);
    let client = client(&server.source, &[&TLS13], &["h2"]);
    handshake(&server.config, &client, "localhost").await.unwrap();
    let (one, two) =
        tokio::join!(handshake(&server.config, &client, "localhost"), handshake(&server.config, &client, "localhost"));
    assert_eq!([one.unwrap().kind, two.unwrap().kind], [HandshakeKind::Resumed; 2]);
}

#[tokio::test]
async fn a_swap_is_seen_by_the_next_handshake() {
    let server = server(TlsVersion::V1_2);
    let other = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    server.certificates.show(&other, OffsetDateTime::now_utc());
    let shown = handshake(&server.config, &client(&other, &[&TLS13], &[]), "localhost").await.unwrap().certificate;
    assert_eq!(shown, other.chain()[0]);
    assert_ne!(other.fingerprint(), server.source.fingerprint());
}

#[tokio::test]
async fn a_gateway_is_verified_and_spoken_to_in_http_1() {
    let server = server(TlsVersion::V1_2);
    let client = client_config(&ClientTls::by([server.source.ca().unwrap().clone()])).unwrap();
    let agreed = handshake(&server.config, &client, "localhost").await.unwrap();
    assert_eq!((agreed.alpn, agreed.group), (Some("http/1.1"), Some(NamedGroup::X25519MLKEM768)));

    let other = CheckedCert::open(&Tls::default(), None, OffsetDateTime::now_utc()).unwrap();
    let client = client_config(&ClientTls::by([other.ca().unwrap().clone()])).unwrap();
    let error = handshake(&server.config, &client, "localhost").await.unwrap_err();
    assert!(error.contains("UnknownIssuer") || error.contains("BadSignature"), "{error}");
}
