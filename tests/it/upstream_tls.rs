//! Gateways over https: which certificates are accepted, and what is said of one that is not.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use frontgate::tls::Fingerprint;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Gateway, gateway, proxy};
use crate::websocket::peer::{SWITCHED, UPGRADE};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway's certificate and key, signed by itself. `ca`: as `openssl req -x509` makes one, which is how OpenClaw
/// does it.
pub(crate) struct Made {
    pub(crate) cert: CertificateDer<'static>,
    pem: String,
    key: PrivateKeyDer<'static>,
}

pub(crate) fn made(names: &[&str], ca: bool, days: (i64, i64)) -> Made {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "openclaw-gateway");
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now + time::Duration::days(days.0), now + time::Duration::days(days.1));
    if ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let cert = params.self_signed(&key).unwrap();
    let key_der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Made { cert: cert.der().clone(), pem: cert.pem(), key: key_der }
}

impl Made {
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let server = ServerConfig::builder_with_provider(frontgate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.cert.clone()], self.key.clone_key())
            .unwrap();
        TlsAcceptor::from(Arc::new(server))
    }

    async fn gateway(&self) -> Gateway {
        gateway().over_tls_by(self.acceptor()).answering(OK).await
    }
}

/// `routes` and `upstreams` that lead there.
fn written(gateway: &Gateway, tls: &str) -> String {
    format!(
        "routes: [{{ upstream: gw }}]\nupstreams: {{ gw: {{ endpoints: [\"{}\"], tls: {tls} }} }}\n",
        gateway.upstream
    )
}

/// The status, and the page.
async fn asked(gateway: &Gateway, tls: &str) -> (u16, String) {
    let proxy = Box::pin(proxy().routes(&written(gateway, tls)).start()).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let page = client.response().await;
    let over_h2 = Box::pin(async { proxy.http2().await.get("https://localhost/").await }).await;
    assert_eq!(over_h2.status, page.status());
    (page.status(), page.body_text())
}

const NOW: (i64, i64) = (-10, 100);

#[tokio::test]
async fn a_pinned_gateway_is_the_upstream_whatever_its_certificate_says() {
    for (names, ca, days) in
        [(&["127.0.0.1"][..], false, NOW), (&[], true, NOW), (&["other"], true, NOW), (&[], true, (-100, -10))]
    {
        let made = made(names, ca, days);
        let gateway = made.gateway().await;
        let pin = Fingerprint::of(&made.cert).to_string();
        for pin in [pin.clone(), pin.replace(':', "").to_ascii_lowercase()] {
            assert_eq!(
                asked(&gateway, &format!("{{ pin: \"{pin}\" }}")).await,
                (200, "ok".to_owned()),
                "{names:?} {ca}"
            );
        }
        let other = Fingerprint::of(b"another").to_string();
        let (status, page) = asked(&gateway, &format!("{{ pin: \"{other}\" }}")).await;
        assert_eq!(status, 502);
        assert!(page.contains("another certificate than the one that frontgate's config pins"), "{page}");
    }
}

#[tokio::test]
async fn a_websocket_opens_over_a_pinned_connection() {
    let made = made(&[], true, NOW);
    let script = |mut connection: crate::harness::Connection| async move {
        if connection.request().await.is_some() {
            connection.send(SWITCHED).await;
            // The connection stays until the test has seen it.
            let _ = connection.request().await;
        }
    };
    let gateway = gateway().over_tls_by(made.acceptor()).playing(script).await;
    let tls = format!("{{ pin: \"{}\" }}", Fingerprint::of(&made.cert));
    let proxy = proxy().routes(&written(&gateway, &tls)).start().await;
    let mut client = proxy.client().await;
    client.send(UPGRADE).await;
    assert_eq!(client.response().await.status(), 101);
}

#[tokio::test]
async fn a_file_of_trusted_certificates_and_a_name_do_as_well() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    for (names, name, status) in [
        (&["127.0.0.1"][..], "", 200),
        (&["gw.internal"], "", 502),
        (&["gw.internal"], ", server_name: gw.internal", 200),
        (&["127.0.0.1"], ", server_name: gw.internal", 502),
    ] {
        for ca in [true, false] {
            let made = made(names, ca, NOW);
            fs::write(&file, &made.pem).unwrap();
            let gateway = made.gateway().await;
            let (got, page) = asked(&gateway, &format!("{{ ca: \"{}\"{name} }}", file.display())).await;
            assert_eq!(got, status, "{names:?} {name} {ca}: {page}");
            assert!(status == 200 || page.contains("is for another name"), "{page}");
        }
    }
}

/// The CA that signs what frontgate shows.
struct Signer(Issuer<'static, KeyPair>, CertificateDer<'static>);

impl Signer {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().clone();
        Self(Issuer::new(params, key), root)
    }

    /// A certificate and its key, written to these files.
    fn sign(&self, cert: &Path, key: &Path) -> CertificateDer<'static> {
        let own = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec!["frontgate".to_owned()]).unwrap().signed_by(&own, &self.0).unwrap();
        fs::write(cert, made.pem()).unwrap();
        fs::write(key, own.serialize_pem()).unwrap();
        made.der().clone()
    }

    /// A gateway's side, which asks for a certificate of this signer's.
    fn asking(&self, made: &Made, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(self.1.clone()).unwrap();
        let provider = frontgate::tls::provider();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![made.cert.clone()], made.key.clone_key())
            .unwrap();
        TlsAcceptor::from(Arc::new(server))
    }
}

#[tokio::test]
async fn a_gateway_that_asks_for_a_certificate_gets_the_one_of_the_config() {
    let folder = TempDir::new().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let signer = Signer::new();
    signer.sign(&cert, &key);
    let made = made(&["127.0.0.1"], true, NOW);
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let gateway = gateway().over_tls_by(signer.asking(&made, versions)).answering(OK).await;
        let pin = Fingerprint::of(&made.cert);
        let (cert, key) = (cert.display(), key.display());
        let shown = format!("{{ pin: \"{pin}\", client_cert: {{ cert: \"{cert}\", key: \"{key}\" }} }}");
        assert_eq!(asked(&gateway, &shown).await.0, 200);
        let (status, page) = asked(&gateway, &format!("{{ pin: \"{pin}\" }}")).await;
        assert_eq!(status, 502);
        assert!(page.contains("wants a certificate of frontgate's"), "{page}");
    }
}

/// A gateway whose CA was renewed first: it takes the new certificate as soon as the files have it.
#[tokio::test]
async fn files_that_are_renewed_are_in_use_without_a_reload() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (old, new) = (Signer::new(), Signer::new());
    old.sign(&file("cert.pem"), &file("key.pem"));
    let (other, own) = (made(&["127.0.0.1"], true, NOW), made(&["127.0.0.1"], true, NOW));
    fs::write(file("ca.pem"), &other.pem).unwrap();
    // With TLS 1.2 the handshake itself fails.
    let gateway = gateway().over_tls_by(new.asking(&own, &[&rustls::version::TLS12])).answering(OK).await;
    let path = |name: &str| file(name).display().to_string();
    let tls = format!(
        "{{ ca: \"{}\", client_cert: {{ cert: \"{}\", key: \"{}\" }} }}",
        path("ca.pem"),
        path("cert.pem"),
        path("key.pem")
    );
    let mut binary = crate::harness::binary();
    for line in written(&gateway, &tls).lines() {
        binary = binary.config(line);
    }
    let mut binary = binary.start().await;
    let reloaded = async |binary: &mut crate::harness::Binary| {
        let line = binary.line(|line| line["message"] == "configuration reloaded").await;
        assert_eq!(line["trigger"], "file");
    };
    let ask = async |binary: &crate::harness::Binary| {
        let mut client = binary.client().await;
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let page = client.response().await;
        (page.status(), page.body_text())
    };
    let (status, page) = ask(&binary).await;
    assert!(status == 502 && page.contains("CA:TRUE"), "{page}");
    fs::write(file("ca.pem"), &own.pem).unwrap();
    reloaded(&mut binary).await;
    let (status, page) = ask(&binary).await;
    assert!(status == 502 && !page.contains("CA:TRUE"), "{page}");
    // As programs that renew certificates do: beside the old ones, and then in their place.
    new.sign(&file("cert.new"), &file("key.new"));
    for name in ["cert", "key"] {
        fs::rename(file(&format!("{name}.new")), file(&format!("{name}.pem"))).unwrap();
    }
    reloaded(&mut binary).await;
    assert_eq!(ask(&binary).await, (200, "ok".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_with_the_handshake_is_on_the_page() {
    for (names, ca, days, words) in [
        (&["127.0.0.1"][..], true, NOW, "self-signed, with CA:TRUE"),
        (&["127.0.0.1"], false, NOW, "signed by nothing"),
    ] {
        let gateway = made(names, ca, days).gateway().await;
        let (status, page) = asked(&gateway, "{}").await;
        assert_eq!(status, 502);
        assert!(page.contains(words) && page.contains("code: gateway_tls_failed"), "{page}");
    }
    // The server speaks no TLS.
    let plain = crate::doctor::server(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let https = format!("https://{plain}");
    let proxy = proxy().routes(&format!("routes: [{{ upstream: \"{https}\" }}]\n")).start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let page = client.response().await.body_text();
    assert!(page.contains("answers in plain text") && page.contains("http://..."), "{page}");
}

#[tokio::test]
async fn a_reload_takes_another_file_under_the_same_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    let (one, two) = (made(&["127.0.0.1"], true, NOW), made(&["127.0.0.1"], true, NOW));
    let gateway = one.gateway().await;
    let tls = format!("{{ ca: \"{}\" }}", file.display());
    let binary = crate::harness::binary();
    fs::write(&file, &two.pem).unwrap();
    let lines = written(&gateway, &tls);
    let admin = format!("admin: \"unix:{}\"", folder.path().join("admin.sock").display());
    let mut binary = binary.config(&admin);
    for line in lines.lines() {
        binary = binary.config(line);
    }
    let binary = binary.start().await;
    let ask = async || {
        let mut client = binary.client().await;
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        client.response().await.status()
    };
    assert_eq!(ask().await, 502);
    fs::write(&file, &one.pem).unwrap();
    let reload =
        |folder: &Path| crate::cli::frontgate_in(folder, &["reload", "--admin", &admin[8..admin.len() - 1]], &[]).code;
    assert_eq!(reload(folder.path()), 0);
    assert_eq!(ask().await, 200);
}
