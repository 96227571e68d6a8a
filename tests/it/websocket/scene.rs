//! [`Scene`]: frontgate between a client and a gateway, both of which are bytes.

use std::net::SocketAddr;
use std::ops::Deref;

use frontgate::config::{Config, UpstreamAddress};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket};

use super::over_http2::OverHttp2;
use super::peer::{Peer, UPGRADE};
use crate::harness::{Binary, Doors, Proxy, READY, binary, proxy, within};

/// How a client reaches the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    Tls,
    Plain,
    /// Over TLS and HTTP/2: see [`OverHttp2`].
    Http2,
}

/// Those that speak HTTP/1.1.
pub(crate) const OVER_HTTP1: [Via; 2] = [Via::Tls, Via::Plain];

/// All of them, for what must not differ.
pub(crate) const EVERY: [Via; 3] = [Via::Tls, Via::Plain, Via::Http2];

/// A running frontgate, in this process or in its own, with a gateway of ours behind it.
pub(crate) struct Scene<P> {
    pub(crate) proxy: P,
    gateway: TcpListener,
}

/// A scene with the default settings but no pings: what a test does not ask for must not get in its way.
pub(crate) async fn scene() -> Scene<Proxy> {
    scene_with(|_| {}).await
}

/// A scene with what `change` makes of these settings.
pub(crate) async fn scene_with(change: impl FnOnce(&mut Config)) -> Scene<Proxy> {
    scene_on(1, change).await
}

/// A scene on as many threads.
pub(crate) async fn scene_on(workers: usize, change: impl FnOnce(&mut Config)) -> Scene<Proxy> {
    let gateway = listen().await;
    let port = gateway.local_addr().unwrap().port();
    let proxy = proxy()
        .config(|config| {
            config.upstream = UpstreamAddress::Http { host: "127.0.0.1".to_owned(), port };
            config.websocket.ping_interval = None;
        })
        .workers(workers)
        .plain()
        .config(change);
    Scene { proxy: proxy.start().await, gateway }
}

/// A scene with the real program, and these lines in its configuration.
pub(crate) async fn scene_of_binary(lines: &[&str]) -> Scene<Binary> {
    scene_listening(r#"https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"]"#, lines).await
}

/// The same that listens so.
pub(crate) async fn scene_listening(at: &str, lines: &[&str]) -> Scene<Binary> {
    let gateway = listen().await;
    let upstream = format!("upstream: http://{}", gateway.local_addr().unwrap());
    let listen = format!("listen: {{ {at} }}");
    let builder = lines.iter().fold(binary().config(&listen).config(&upstream), |builder, line| builder.config(line));
    Scene { proxy: builder.start().await, gateway }
}

impl<P: Deref<Target = Doors>> Scene<P> {
    /// A client that has said nothing yet.
    pub(crate) async fn connect(&self, via: Via) -> Peer {
        match via {
            Via::Tls => Peer::new(self.proxy.tls(self.proxy.trust().offering(&["http/1.1"])).await),
            Via::Http2 => Peer::new(OverHttp2::new(self.proxy.tls(self.proxy.trust().offering(&["h2"])).await)),
            Via::Plain => Peer::new(connect(self.proxy.plain.expect("a plain listener")).await.unwrap()),
        }
    }

    /// The proxy's next connection to the gateway, other than those that ask whether it is ready: it is.
    pub(crate) async fn accept(&self) -> Peer {
        within("the proxy to connect", async {
            loop {
                let (mut stream, _) = self.gateway.accept().await.unwrap();
                let mut first = [0; 13];
                while stream.peek(&mut first).await.is_ok_and(|length| (1..first.len()).contains(&length)) {
                    tokio::task::yield_now().await;
                }
                if &first != b"GET /startupz" {
                    return Peer::new(stream);
                }
                stream.write_all(READY.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    /// The proxy's next connection to the gateway, or `None` if it turns `client` away instead.
    pub(crate) async fn accept_or_end_of(&self, client: &mut Peer) -> Option<Peer> {
        tokio::select! {
            gateway = self.accept() => Some(gateway),
            rest = client.rest() => {
                assert_eq!(rest, b"");
                None
            }
        }
    }

    /// Both ends of a WebSocket.
    pub(crate) async fn open(&self, via: Via) -> (Peer, Peer) {
        self.open_with(via, UPGRADE).await
    }

    /// Both ends of a WebSocket that this handshake asks for.
    pub(crate) async fn open_with(&self, via: Via, upgrade: &str) -> (Peer, Peer) {
        let mut client = self.connect(via).await;
        client.write(upgrade).await;
        let mut gateway = self.accept().await;
        gateway.grant().await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (client, gateway)
    }

    /// A request of another client, there and back: whatever the proxy had to do before is done.
    pub(crate) async fn round_trip(&self) {
        let mut client = self.connect(Via::Plain).await;
        client.write("GET /other HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
        let mut gateway = self.accept().await;
        assert!(gateway.head().await.starts_with("GET /other "));
        gateway.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 204 "));
    }
}

/// A TCP connection, if a program listens.
pub(crate) async fn connect(address: SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
    within("a connection", TcpSocket::new_v4().unwrap().connect(address)).await
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}
