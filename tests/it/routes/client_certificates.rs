//! Certificates of clients that one route asks for.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::called;
use crate::harness::{Doors, Gateway, Http2, Proxy, Wire, binary, dial, handshake, proxy};

struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    fn new(file: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, file.display().to_string());
        let key = KeyPair::generate().expect("a key");
        std::fs::write(file, params.self_signed(&key).expect("a certificate").pem()).expect("a file");
        Self(Issuer::new(params, key))
    }

    fn client(&self, name: &str, address: Option<&str>) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(address) = address {
            params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().expect("an address"))];
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

type Shown = Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>;

fn speaking(proxy: &Doors, shown: Shown, alpn: &str) -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(proxy.trust().ca).expect("a root");
    let client = ClientConfig::builder_with_provider(frontgate::tls::provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut client = match shown {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => client.with_client_auth_cert(vec![certificate], key).expect("a certificate"),
    };
    client.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    Arc::new(client)
}

async fn dialled(
    proxy: &Doors,
    name: &str,
    shown: Shown,
    alpn: &str,
) -> tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    let stream = dial(proxy.https.expect("a listener")).await;
    handshake(stream, speaking(proxy, shown, alpn), name).await.expect("a handshake")
}

/// A proxy with a route for `team.lan` that takes certificates of the first CA, and one for `other.lan` of the second.
async fn scene(gateway: &Gateway, folder: &Path) -> (Proxy, Authority, Authority) {
    let (first, second) = (folder.join("first.pem"), folder.join("second.pem"));
    let authorities = (Authority::new(&first), Authority::new(&second));
    let routes = format!(
        "
routes:
  - {{ host: team.lan, path: /, auth: {{ mtls: {{ ca: {} }}, user_header: X-Forwarded-User }} }}
  - {{ host: other.lan, auth: {{ mtls: {{ ca: {} }} }} }}
  - {{}}
",
        first.display(),
        second.display()
    );
    let names = |config: &mut frontgate::config::Config| {
        let named = |name: &str| frontgate::config::Name::Dns(name.to_owned());
        config.tls.names = ["team.lan", "other.lan", "open.lan"].map(named).to_vec();
    };
    let proxy = proxy().upstream(gateway).config(names).routes(&routes).plain().start().await;
    (proxy, authorities.0, authorities.1)
}

fn get(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Client-Cert-Subject: CN=root\r\n\r\n")
}

#[tokio::test]
async fn a_certificate_of_the_routes_own_ca_lets_in_and_no_other() {
    let mut gateway = called("one").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (proxy, first, second) = Box::pin(scene(&gateway, folder.path())).await;
    for (shown, status, user) in [
        (Some(first.client("ann", Some("ann@example.com"))), 200, Some("ann@example.com")),
        (Some(first.client("robot", None)), 200, Some("robot")),
        (Some(second.client("ann", Some("ann@example.com"))), 401, None),
        (None, 401, None),
    ] {
        let mut client = Wire::new(dialled(&proxy, "team.lan", shown, "http/1.1").await);
        client.send(get("team.lan")).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), status, "{user:?}");
        if let Some(user) = user {
            let request = gateway.request().await;
            assert_eq!(request.field("x-forwarded-user").as_deref(), Some(user));
            assert!(request.field("x-client-cert-subject").is_some_and(|subject| subject != "CN=root"));
            assert!(request.field("x-client-cert-fingerprint").is_some());
        } else {
            assert_eq!(answer.field("www-authenticate").as_deref(), Some("Bearer realm=\"frontgate\""));
            assert_eq!(gateway.unexpected(), None);
        }
    }
    // Without TLS there is no certificate.
    let mut plain = proxy.plain_client().await;
    plain.send(get("team.lan")).await;
    assert_eq!(plain.response().await.status(), 401);
}

#[tokio::test]
async fn where_no_route_asks_for_a_certificate_none_is_told_and_another_name_needs_another_connection() {
    let mut gateway = called("one").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (proxy, first, _) = Box::pin(scene(&gateway, folder.path())).await;
    // The client of one route is a stranger on the others, whatever connection brings it.
    let shown = first.client("ann", None);
    let stream = dialled(&proxy, "team.lan", Some(shown), "h2").await;
    let mut h2 = Http2::over(stream).await;
    assert_eq!(h2.get("https://team.lan/").await.status, 200);
    assert!(gateway.request().await.field("x-client-cert-fingerprint").is_some());
    assert_eq!(h2.get("https://other.lan/").await.status, 401);
    assert_eq!(h2.get("https://open.lan/").await.status, 200);
    assert_eq!(gateway.request().await.field("x-client-cert-fingerprint"), None);
    // A connection whose client was not asked says so, and the browser opens another.
    let stream = dialled(&proxy, "open.lan", None, "h2").await;
    let mut h2 = Http2::over(stream).await;
    assert_eq!(h2.get("https://open.lan/").await.status, 200);
    gateway.request().await;
    assert_eq!(h2.get("https://team.lan/").await.status, 421);
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn a_certificate_of_a_strange_ca_is_a_line_and_not_one_each_time() {
    let gateway = called("one").await;
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("own.pem");
    let (first, stranger) = (Authority::new(&own), Authority::new(&folder.path().join("strange.pem")));
    let mut proxy = binary()
        .upstream(&gateway)
        .config("tls: { names: [localhost] }")
        .config(&format!("auth: {{ mtls: {{ ca: {} }} }}", own.display()))
        .start()
        .await;
    for _ in 0..3 {
        let shown = stranger.client("eve", None);
        // In TLS 1.3 the client is done before its certificate is looked at.
        let mut client = Wire::new(dialled(&proxy, "localhost", Some(shown), "http/1.1").await);
        let _ = client.try_send(get("localhost")).await;
        assert!(client.rest().await.0.is_empty());
    }
    let mut client = Wire::new(dialled(&proxy, "localhost", Some(first.client("ann", None)), "http/1.1").await);
    client.send(get("localhost")).await;
    assert_eq!(client.response().await.status(), 200);
    proxy.terminate().await;
    let lines: Vec<_> = proxy.printed.iter().filter(|line| line.contains("certificate of a client")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("auth.mtls.ca") && lines[0].contains("\"client\":\"127.0.0.1"), "{}", lines[0]);
}
