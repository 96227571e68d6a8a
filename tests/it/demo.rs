//! `frontgate demo`: what each button of its page does, as a browser sees it through frontgate.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{Doors, Wire, within};

/// The running demo; it is killed when dropped.
struct Demo {
    doors: Doors,
    child: Child,
    lines: UnboundedReceiver<String>,
    folder: TempDir,
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

impl Demo {
    async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
        command.args(["demo", "--listen", "127.0.0.1:0"]).env_clear().env("XDG_STATE_HOME", folder.path());
        let mut child = command.stdout(Stdio::piped()).current_dir(folder.path()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut demo = Self { doors: Doors::default(), child, lines, folder };
        let open = demo.line("Open https://localhost:").await;
        let port = open.split("localhost:").nth(1).unwrap().split('/').next().unwrap();
        demo.doors.https = Some(([127, 0, 0, 1], port.parse().unwrap()).into());
        demo.doors.ca = Some(demo.folder.path().join("frontgate/ca.pem"));
        demo
    }

    /// The next line with `text` in it.
    async fn line(&mut self, text: &str) -> String {
        loop {
            let line = within("a line", self.lines.recv()).await.expect("it runs");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What the page's own address is called.
    fn host(&self) -> String {
        format!("localhost:{}", self.doors.https.unwrap().port())
    }

    async fn open(&self, path: &str) -> Socket {
        let stream = self.doors.tls(self.doors.trust().offering(&["http/1.1"])).await;
        let url = format!("wss://{}{path}", self.host());
        let (mut socket, _) = within("the upgrade", Box::pin(client_async(url, stream))).await.unwrap();
        let hello = told(&mut socket).await;
        assert_eq!(hello["demo"], "hello", "{hello}");
        socket
    }

    /// Presses a button, as the page does or as another one would.
    async fn press(&self, button: &str, fields: &str) -> u16 {
        let mut client: Wire = self.doors.client().await;
        let host = self.host();
        client.send(format!("POST /demo/{button} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: 0\r\n\r\n")).await;
        client.response().await.status()
    }

    fn own(&self) -> String {
        format!("Origin: https://{}\r\nSec-Fetch-Site: same-origin\r\n", self.host())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next text message.
async fn told(socket: &mut Socket) -> Value {
    loop {
        match within("a message", socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Code and reason of the Close that comes, or `None` for a connection that ends without one.
async fn closed(socket: &mut Socket) -> Option<(u16, String)> {
    loop {
        match within("the end", socket.next()).await {
            Some(Ok(Message::Close(close))) => {
                let close = close.expect("a code");
                return Some((close.code.into(), close.reason.to_string()));
            }
            Some(Ok(_)) => {}
            Some(Err(Error::Protocol(_) | Error::Io(_))) | None => return None,
            Some(Err(error)) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_restart_and_a_stop_are_1012_and_the_next_upgrade_waits_until_the_gateway_is_back() {
    async fn away(button: &str) {
        let demo = Demo::start().await;
        let mut socket = demo.open("/").await;
        assert_eq!(demo.press(button, &demo.own()).await, 202, "{button}");
        assert_eq!(closed(&mut socket).await, Some((1012, "service restart".to_owned())), "{button}");
        // `open` demands that the first attempt is let in.
        let mut socket = demo.open("/").await;
        socket.send(Message::text("{\"echo\":1}")).await.unwrap();
        assert_eq!(told(&mut socket).await, json!({ "echo": 1 }), "{button}");
    }
    tokio::join!(away("restart"), away("stop"));
}

#[tokio::test]
async fn a_network_that_drops_is_told_with_a_reason_and_a_cut_in_mid_frame_is_a_cut() {
    let mut demo = Demo::start().await;
    let mut socket = demo.open("/").await;
    assert_eq!(demo.press("drop", &demo.own()).await, 202);
    assert_eq!(closed(&mut socket).await, Some((1012, "gateway connection lost".to_owned())));
    drop(socket);
    demo.line("gateway_lost").await;
    let mut socket = demo.open("/").await;
    assert_eq!(demo.press("cut", &demo.own()).await, 202);
    assert_eq!(closed(&mut socket).await, None);
    let line = demo.line("gateway_lost").await;
    assert!(line.contains("clean=false"), "{line}");
    demo.open("/").await;
}

#[tokio::test]
async fn an_hour_of_silence_is_180_pings_and_no_end() {
    let demo = Demo::start().await;
    let mut socket = demo.open("/hour").await;
    let mut pings = 0;
    // To read is to answer pings; not a message goes out.
    let message = loop {
        match within("the hour", socket.next()).await.unwrap().unwrap() {
            Message::Ping(_) => pings += 1,
            message => break message,
        }
    };
    assert_eq!(message, Message::text("{\"demo\":\"hour\",\"pings\":180}"));
    assert!(pings > 100, "{pings} pings at the browser's side");
    socket.send(Message::text("{}")).await.unwrap();
    assert_eq!(told(&mut socket).await, json!({}));
}

#[tokio::test]
async fn only_the_page_itself_presses_buttons() {
    let demo = Demo::start().await;
    let mut socket = demo.open("/").await;
    let own = demo.own();
    let rows = [
        ("drop", "", 403),
        ("drop", "Origin: https://evil.example.com\r\n", 403),
        ("restart", "Origin: null\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("stop", "Origin: https://localhost\r\nSec-Fetch-Site: same-site\r\n", 403),
        ("nonsense", own.as_str(), 404),
    ];
    for (button, fields, status) in rows {
        assert_eq!(demo.press(button, fields).await, status, "{button} {fields}");
    }
    socket.send(Message::text("{\"echo\":1}")).await.unwrap();
    assert_eq!(told(&mut socket).await, json!({ "echo": 1 }));
    let mut client = demo.doors.client().await;
    client.send(format!("GET /demo/drop HTTP/1.1\r\nHost: {}\r\n{own}\r\n", demo.host())).await;
    assert_eq!(client.response().await.status(), 404);
}

#[tokio::test]
async fn it_ends_while_its_gateway_is_away() {
    let mut demo = Demo::start().await;
    assert_eq!(demo.press("stop", &demo.own()).await, 202);
    let pid = Pid::from_raw(demo.child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    while within("the last line", demo.lines.recv()).await.is_some() {}
    assert!(demo.child.wait().unwrap().success());
}
