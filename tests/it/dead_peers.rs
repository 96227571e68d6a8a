//! Peers that are gone without a goodbye, one or ten thousand.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures, and why a test did not run, are for people")]

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::harness::{Binary, Connection, Wire, binary, dial, gateway, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{SWITCHED, UPGRADE};

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;

/// How many connections end abruptly.
const MANY: usize = 10_000;

/// Where a connection is when its client goes.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Connected, nothing said.
    Connected,
    /// In the middle of a `ClientHello`.
    Hello,
    /// The server's part of the TLS handshake is there, the client's is not.
    Handshake,
    /// In the middle of a request's head.
    Head,
    /// In the middle of a request's body.
    Body,
    /// In the middle of a WebSocket's frame.
    Frame,
    /// In the middle of a WebSocket's frame, over TLS.
    TlsFrame,
}

const STAGES: [Stage; 7] =
    [Stage::Connected, Stage::Hello, Stage::Handshake, Stage::Head, Stage::Body, Stage::Frame, Stage::TlsFrame];

/// What the program has of the machine.
#[derive(Debug, Clone, Copy)]
struct Held {
    files: usize,
    threads: usize,
    resident: u64,
}

fn held(proxy: &Binary) -> Held {
    let count = |what: &str| std::fs::read_dir(format!("/proc/{}/{what}", proxy.pid())).unwrap().count();
    Held { files: count("fd"), threads: count("task"), resident: proxy.resident_memory() }
}

#[tokio::test]
async fn ten_thousand_abrupt_ends_leave_nothing_behind() {
    let gateway = gateway().playing(grants).await;
    let settings = "limits: { connections_per_client: off }";
    let proxy = Arc::new(binary().upstream(&gateway).config(LISTEN).config(settings).start().await);
    let at_rest = held(&proxy);
    // What is made once is made: buffers, the allocator's arenas, threads.
    end_abruptly(&proxy, MANY / 5).await;
    let before = settled(&proxy, at_rest.files).await;
    let began = Instant::now();
    end_abruptly(&proxy, MANY).await;
    let took = began.elapsed();
    let after = settled(&proxy, at_rest.files).await;
    println!("{MANY} abrupt ends in {took:?}: at rest {at_rest:?}, before {before:?}, after {after:?}");
    assert!(after.threads <= before.threads);
    let grown = after.resident.saturating_sub(before.resident);
    // Not half a KiB each; the allocator goes up and down by as much.
    assert!(grown < 4096, "{grown} KiB more than before");
    // And it works.
    let mut client = proxy.plain_client().await;
    client.send(UPGRADE).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
}

/// Grants WebSockets, and reads whatever comes until it ends.
async fn grants(mut connection: Connection) {
    if connection.head().await.contains("\r\nUpgrade: websocket\r\n") {
        let _ = connection.try_send(SWITCHED).await;
    }
    connection.rest().await;
}

async fn end_abruptly(proxy: &Arc<Binary>, count: usize) {
    let places = Arc::new(Semaphore::new(32));
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let proxy = Arc::clone(proxy);
        tasks.spawn(async move {
            abrupt(&proxy, STAGES[number % STAGES.len()], number % 2 == 0).await;
            drop(place);
        });
        while tasks.try_join_next().is_some_and(|ended| ended.map(|()| true).unwrap()) {}
    }
    tasks.join_all().await;
}

/// One connection that comes as far as `stage` and ends there, with a RST or a bare FIN.
async fn abrupt(proxy: &Binary, stage: Stage, reset: bool) {
    let (https, plain) = (proxy.https.unwrap(), proxy.plain.unwrap());
    let partial = &Frame::text("never to be finished").masked()[..9];
    let mut stream = match stage {
        Stage::Connected | Stage::Hello | Stage::Handshake | Stage::TlsFrame => dial(https).await,
        Stage::Head | Stage::Body | Stage::Frame => dial(plain).await,
    };
    match stage {
        Stage::Connected => {}
        Stage::Hello | Stage::Handshake => {
            let mut hello = Vec::new();
            let name = ServerName::try_from("localhost").unwrap();
            let mut session = ClientConnection::new(proxy.trust().offering(&["http/1.1"]), name).unwrap();
            session.write_tls(&mut hello).unwrap();
            if matches!(stage, Stage::Hello) {
                stream.write_all(&hello[..100]).await.unwrap();
            } else {
                stream.write_all(&hello).await.unwrap();
                within("a ServerHello", stream.read_u8()).await.unwrap();
            }
        }
        Stage::Head => stream.write_all(&UPGRADE.as_bytes()[..60]).await.unwrap(),
        Stage::Body => {
            stream.write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello").await.unwrap();
        }
        Stage::Frame => {
            stream.write_all(UPGRADE.as_bytes()).await.unwrap();
            within("a 101", stream.read_u8()).await.unwrap();
            stream.write_all(partial).await.unwrap();
        }
        Stage::TlsFrame => {
            let config = proxy.trust().offering(&["http/1.1"]);
            let mut tls = crate::harness::handshake(stream, config, "localhost").await.unwrap();
            tls.write_all(UPGRADE.as_bytes()).await.unwrap();
            tls.flush().await.unwrap();
            within("a 101", tls.read_u8()).await.unwrap();
            tls.write_all(partial).await.unwrap();
            tls.flush().await.unwrap();
            stream = tls.into_inner().0;
        }
    }
    if reset {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// What the program has once its files are back to `files`.
async fn settled(proxy: &Binary, files: usize) -> Held {
    within("the files to be closed", async {
        loop {
            let held = held(proxy);
            if held.files <= files {
                return held;
            }
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

/// A network of its own, joined to this machine's by a cable that can be cut.
struct Namespace {
    name: String,
    /// Our end and theirs.
    ours: String,
    theirs: String,
}

impl Namespace {
    /// `None`, and a loud word, where that cannot be.
    fn new() -> Option<Self> {
        let id = std::process::id();
        let name = format!("frontgate-{id}");
        let (high, low) = (id >> 8 & 0xff, id & 0xff);
        let (ours, theirs) = (format!("10.{high}.{low}.1"), format!("10.{high}.{low}.2"));
        let namespace = Self { name: name.clone(), ours: ours.clone(), theirs: theirs.clone() };
        let (a, b) = (format!("fga{id}"), format!("fgb{id}"));
        let steps = [
            format!("ip netns add {name}"),
            format!("ip link add {a} type veth peer name {b} netns {name}"),
            format!("ip addr add {ours}/30 dev {a}"),
            format!("ip link set {a} up"),
            format!("ip -n {name} addr add {theirs}/30 dev {b}"),
            format!("ip -n {name} link set {b} up"),
            format!("ip netns exec {name} nft add table inet cut"),
        ];
        for step in steps {
            if !run(&step) {
                eprintln!("SKIPPED: this needs root, ip and nft; `{step}` failed");
                return None;
            }
        }
        Some(namespace)
    }

    /// Makes a socket that belongs to the other network.
    fn inside<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::scope(|scope| {
            // A thread of its own: it never comes back to this network.
            let made = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                make()
            });
            made.join().unwrap()
        })
    }

    /// From here on nothing passes, in silence.
    fn cut(&self) {
        for hook in ["input", "output"] {
            let chain = format!("add chain inet cut {hook} {{ type filter hook {hook} priority 0 ; policy drop ; }}");
            let done = Command::new("ip").args(["netns", "exec", &self.name, "nft", &chain]).status().unwrap();
            assert!(done.success());
        }
    }

    fn connect(&self, address: std::net::SocketAddr) -> TcpStream {
        let stream = self.inside(|| std::net::TcpStream::connect(address).unwrap());
        stream.set_nonblocking(true).unwrap();
        TcpStream::from_std(stream).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        run(&format!("ip netns del {}", self.name));
    }
}

fn run(command: &str) -> bool {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}

/// The longest that a dead peer may stay: five minutes, and the kernel's last try.
const DEAD: Duration = Duration::from_mins(8);

#[tokio::test]
#[ignore = "takes six minutes, root, ip and nft: cargo test --test it vanished -- --ignored --nocapture"]
async fn a_peer_that_vanished_is_found_and_both_sides_are_freed() {
    let Some(network) = Namespace::new() else { return };
    let listen = format!(r#"listen: {{ https: ["127.0.0.1:0"], plain: ["{}:0"] }}"#, network.ours);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = format!("upstream: http://{}", listener.local_addr().unwrap());
    let far = network.inside(|| std::net::TcpListener::bind((network.theirs.as_str(), 0)).unwrap());
    far.set_nonblocking(true).unwrap();
    let far = TcpListener::from_std(far).unwrap();
    let there = format!("upstream: http://{}", far.local_addr().unwrap());
    let start = async |upstream: &str, more: &str| {
        let builder = binary().config(&listen).config(upstream).config(more);
        builder.start().await
    };
    // With pings as they are, for what they do not find; and without, for what only the kernel finds.
    let (pinged, silent) = ("log: { level: debug }", "websocket: { ping_interval: off }");
    let mut streaming = start(&here, pinged).await;
    let mut idle = start(&here, silent).await;
    let mut upload = start(&there, pinged).await;

    let mut ends = JoinSet::new();
    let mut clients = Vec::new();
    let open = async |client: TcpStream, listener: &TcpListener| {
        let mut client = Wire::new(client);
        client.send(UPGRADE).await;
        let (gateway, _) = within("the proxy", listener.accept()).await.unwrap();
        let mut gateway = Wire::new(gateway);
        gateway.head().await;
        gateway.send(SWITCHED).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        (client, gateway)
    };
    let far_client = |proxy: &Binary| network.connect(proxy.plain.unwrap());
    let (client, gateway) = open(far_client(&streaming), &listener).await;
    clients.push(client);
    let near = TcpSocket::new_v4().unwrap().connect(upload.plain.unwrap()).await.unwrap();
    let (near, far_gateway) = open(near, &far).await;
    clients.push(far_gateway);
    let (client, quiet) = open(far_client(&idle), &listener).await;
    clients.push(client);

    network.cut();
    let cut = Instant::now();
    // The side that is left sends on, or waits, until it is told.
    for (name, wire, sends) in
        [("client, streaming", gateway, true), ("gateway, uploading", near, true), ("client, idle", quiet, false)]
    {
        let mask = name.starts_with("gateway");
        ends.spawn(async move {
            let freed = timeout(DEAD, until_told(wire, sends, mask)).await.is_ok();
            (name, freed, cut.elapsed())
        });
    }
    while let Some(ended) = ends.join_next().await {
        let (name, freed, after) = ended.unwrap();
        println!("vanished {name}: the other side was freed after {after:?}");
        assert!(freed, "{name}");
    }
    for (proxy, ended) in [(&mut streaming, "client_lost"), (&mut upload, "gateway_lost"), (&mut idle, "client_lost")] {
        let line = proxy.line(|line| line["message"] == "websocket").await;
        println!("{line}");
        assert_eq!(line["ended"], ended);
        let left = settled(proxy, 64).await;
        println!("{left:?}, {:?} after the cut", cut.elapsed());
        proxy.terminate().await;
    }
    drop(clients);
}

/// Sends frames, or nothing, until the proxy ends the connection.
async fn until_told(wire: Wire, sends: bool, mask: bool) {
    let (mut reader, mut writer) = tokio::io::split(wire.into_io());
    let frame = Frame::binary(vec![1; 16 * 1024]);
    let frame = if mask { frame.masked() } else { frame.bare() };
    let sending = async move {
        // Until the proxy takes no more; it goes on taking when it has found out.
        while sends && writer.write_all(&frame).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let told = async move {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest).await;
    };
    tokio::select! {
        () = sending => {}
        () = told => {}
    }
}
