//! Gateways over https: which certificates are accepted, and what is said of one that is not.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use frontgate::tls::Fingerprint;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Gateway, gateway, proxy};
use crate::websocket::peer::{SWITCHED, UPGRADE};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway's certificate and key, signed by itself. `ca`: as `openssl req -x509` makes one, which is how OpenClaw does it.
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
    let proxy = proxy().routes(&written(gateway, tls)).start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let page = client.response().await;
    let over_h2 = proxy.http2().await.get("https://localhost/").await;
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
            // Until the test has seen it.
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

#[tokio::test]
async fn a_gateway_that_asks_who_it_is_gets_the_certificate_of_the_config() {
    let folder = TempDir::new().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["frontgate".to_owned()]).unwrap().signed_by(&own, &issuer).unwrap();
    assert!(!own.der_bytes().is_empty());
    let write = |name: &str, text: String| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (cert, key) = (write("cert.pem", cert.pem()), write("key.pem", own.serialize_pem()));

    let made = made(&["127.0.0.1"], true, NOW);
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let provider = frontgate::tls::provider();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider));
        let server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(vec![made.cert.clone()], made.key.clone_key())
            .unwrap();
        let gateway = gateway().over_tls_by(TlsAcceptor::from(Arc::new(server))).answering(OK).await;
        let pin = Fingerprint::of(&made.cert);
        let shown = format!("{{ pin: \"{pin}\", client_cert: {{ cert: \"{cert}\", key: \"{key}\" }} }}");
        assert_eq!(asked(&gateway, &shown).await.0, 200);
        let (status, page) = asked(&gateway, &format!("{{ pin: \"{pin}\" }}")).await;
        assert_eq!(status, 502);
        assert!(page.contains("wants a certificate of frontgate's"), "{page}");
    }
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
    // It speaks no TLS.
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
