//! The demo's gateway from a client's side.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

struct Demo {
    addr: std::net::SocketAddr,
    drain: Drain,
}

impl Demo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, drain) = (listener.local_addr().unwrap(), Drain::new());
        drain.spawn(serve(listener, drain.clone()));
        Self { addr, drain }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the client")]
    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn ask(&self, line: &str) -> String {
        let mut stream = self.dial().await;
        stream.write_all(format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn open(&self) -> WebSocketStream<TcpStream> {
        let request = ClientRequestBuilder::new("ws://gw.example.com:8443/".parse().unwrap())
            .with_header("X-Forwarded-For", "203.0.113.5")
            .with_header("Cookie", "s3cret");
        client_async(request, self.dial().await).await.unwrap().0
    }
}

#[tokio::test]
async fn it_has_a_page_and_two_probes() {
    let demo = Demo::start().await;
    let page = demo.ask("GET /").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("</html>\n"), "{page}");
    for probe in ["GET /healthz", "GET /readyz"] {
        assert!(demo.ask(probe).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    assert!(demo.ask("GET /other").await.starts_with("HTTP/1.1 404 "));
    assert!(demo.ask("POST /").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn it_says_what_it_was_told_echoes_and_counts_pings() {
    let mut socket = Demo::start().await.open().await;
    let hello = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let hello: serde_json::Value = serde_json::from_str(&hello).unwrap();
    assert_eq!(
        hello,
        serde_json::json!({ "demo": "hello", "protocol": "HTTP/1.1", "headers": [
            ["host", "gw.example.com:8443"],
            ["x-forwarded-for", "203.0.113.5"],
        ] })
    );
    for message in [Message::text("hi"), Message::binary(vec![0, 255]), Message::binary(vec![7; 1 << 20])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    for count in 1..3 {
        socket.send(Message::Ping(Bytes::from_static(b"p"))).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(Bytes::from_static(b"p")));
        let expected = Message::text(format!("{{\"demo\":\"pings\",\"count\":{count}}}"));
        assert_eq!(socket.next().await.unwrap().unwrap(), expected);
    }
    socket.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    assert!(socket.next().await.is_none());
}

#[tokio::test]
async fn a_drain_closes_it_with_1012_and_then_ends() {
    let demo = Demo::start().await;
    let mut socket = demo.open().await;
    socket.next().await.unwrap().unwrap();
    demo.drain.soften();
    let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("no Close") };
    assert_eq!(close.code, CloseCode::Restart);
    assert!(socket.next().await.is_none());
    demo.drain.ended().await;
}

#[tokio::test]
async fn a_hard_stop_cuts_a_client_that_does_not_answer() {
    let demo = Demo::start().await;
    let mut socket = demo.open().await;
    socket.next().await.unwrap().unwrap();
    demo.drain.harden();
    demo.drain.ended().await;
}
