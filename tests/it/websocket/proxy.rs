//! [`Proxy`]: frontgate in this process, between a client and a gateway that are bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use frontgate::app::App;
use frontgate::config::{Admin, BindAddr, Config, Name, Upstream};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use super::peer::{Gateway, NAME, UPGRADE, Wire};

/// How a client reaches the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Tls,
    Plain,
}

/// Both of them, for what must not differ.
pub(crate) const BOTH: [Via; 2] = [Via::Tls, Via::Plain];

/// A running frontgate with a gateway of ours behind it.
pub(crate) struct Proxy {
    pub(crate) app: App,
    pub(crate) gateway: Gateway,
    trust: Arc<ClientConfig>,
    _state: TempDir,
}

impl Proxy {
    /// With the defaults, but no pings: what a test does not ask for must not get in its way.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With what `change` makes of these settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (state, gateway) = (TempDir::new().unwrap(), Gateway::bind().await);
        let mut config = Config::default();
        config.listen.https = vec![anywhere()];
        config.listen.plain = vec![BindAddr::Tcp(anywhere())];
        config.tls.names = vec![Name::Dns(NAME.to_owned())];
        config.state_dir = Some(state.path().to_owned());
        config.upstream = Upstream::Http { host: "127.0.0.1".to_owned(), port: gateway.port() };
        config.websocket.ping_interval = None;
        config.admin = Admin::Off;
        change(&mut config);
        let app = App::start(config).await.unwrap();
        let trust = trusting(app.certificate.as_ref().unwrap().ca.as_deref().unwrap());
        Self { app, gateway, trust, _state: state }
    }

    /// A client that has said nothing yet.
    pub(crate) async fn connect(&self, via: Via) -> Wire {
        match via {
            Via::Tls => Wire::connect(self.app.https[0], Some(Arc::clone(&self.trust))).await,
            Via::Plain => Wire::connect(self.app.plain[0], None).await,
        }
    }

    /// Both ends of a WebSocket.
    pub(crate) async fn open(&self, via: Via) -> (Wire, Wire) {
        let mut client = self.connect(via).await;
        client.write(UPGRADE).await;
        let mut gateway = self.gateway.accept().await;
        gateway.grant().await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        (client, gateway)
    }

    /// A request of somebody else, there and back: whatever the proxy had to do before is done.
    pub(crate) async fn round_trip(&self) {
        let mut client = self.connect(Via::Plain).await;
        client.write(format!("GET /other HTTP/1.1\r\nHost: {NAME}\r\n\r\n")).await;
        let mut gateway = self.gateway.accept().await;
        gateway.head().await;
        gateway.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 204 "));
    }
}

/// Any port of this machine.
pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A client's TLS settings that trust the CA in `file` and nothing else.
pub(crate) fn trusting(file: &std::path::Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(frontgate::tls::provider()).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
