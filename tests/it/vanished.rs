//! Peers behind a cable that is cut or slow: two networks of the test's own, with frontgate in one of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures, and why a test did not run, are for people")]

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::harness::{Binary, binary, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{CLIENT, GATEWAY, Peer, SWITCHED, UPGRADE, answer_pings};
use crate::websocket::scene::connect;

/// With pings, which find a silent peer; and without, for what only the kernel finds.
const PINGED: &str = "websocket: { ping_interval: 1s, pong_timeout: 4s }";
const SILENT: &str = "websocket: { ping_interval: off }";

/// A vanished peer is found within this: five seconds by pings, and some ten by the kernel of this network.
const FOUND: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "takes root, ip, nft, tc and 30 s: cargo test --test it vanished::in_time -- --ignored --nocapture"]
async fn in_time_both_sides_of_a_vanished_peer_are_freed_and_a_slow_one_stays() {
    let Some(network) = Network::enter("t") else { return };
    // The kernel gives up data that no peer acknowledges after 6 s instead of 15 minutes.
    std::fs::write("/proc/sys/net/ipv4/tcp_retries2", "4").unwrap();
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = network.far_listener();
    let mut idle_client = network.proxy(&near, PINGED).await;
    let mut streaming = network.proxy(&near, SILENT).await;
    let mut idle_gateway = network.proxy(&far, PINGED).await;
    let mut uploading = network.proxy(&far, SILENT).await;

    // A client that does not read is alive for as long as its kernel answers: more than the patience above.
    let (mut reads_late, mut writes) = network.open_far(&streaming, &near).await;
    let text = Frame::binary(vec![1; 16 * 1024]).bare();
    let sent = writes.writer.write_until_stuck(&text.repeat(1024)).await;
    // And one behind a slow line answers its pings.
    let (mut slow, mut slow_gateway) = network.open_far(&idle_client, &near).await;
    network.slow();
    let message = Frame::binary(vec![2; 64 * 1024]).bare();
    slow_gateway.write(&message).await;
    let waited = async {
        let early = timeout(Duration::from_secs(15), answer_pings(&mut slow_gateway, GATEWAY)).await;
        assert!(early.is_err(), "{early:?}");
        slow_gateway.write(Frame::text("the end").bare()).await;
        answer_pings(&mut slow_gateway, GATEWAY).await
    };
    let heard = async {
        assert_eq!(answer_pings(&mut slow, CLIENT).await.payload.len(), 64 * 1024);
        assert_eq!(answer_pings(&mut slow, CLIENT).await, Frame::text("the end"));
        slow.write(Frame::text("thanks").masked()).await;
    };
    let (thanks, ()) = tokio::join!(waited, heard);
    assert_eq!(thanks.payload, b"thanks");
    drop((slow, slow_gateway));
    network.fast();
    reads_late.reader.take(sent).await;
    println!("a client that did not read for 15 s has read {sent} bytes");
    drop((reads_late, writes));
    for proxy in [&mut idle_client, &mut streaming] {
        proxy.line(|line| line["message"] == "websocket").await;
    }

    let idle = network.open_far(&idle_client, &near).await;
    let streams = network.open_far(&streaming, &near).await;
    let waits = network.open_near(&idle_gateway, &far).await;
    let uploads = network.open_near(&uploading, &far).await;
    network.cut();
    let cut = Instant::now();
    let mut left = JoinSet::new();
    left.spawn(until_told(idle.1, GATEWAY, 1001));
    left.spawn(until_told(waits.0, CLIENT, 1012));
    left.spawn(until_ended(streams.1, text));
    left.spawn(until_ended(uploads.0, Frame::binary(vec![1; 16 * 1024]).masked()));
    for (proxy, ended, client, gateway) in [
        (&mut idle_client, "client_silent", Some(1001), Some(1001)),
        (&mut idle_gateway, "gateway_silent", Some(1012), Some(1001)),
        (&mut streaming, "client_lost", None, Some(1001)),
        (&mut uploading, "gateway_lost", Some(1012), None),
    ] {
        let line = timeout(FOUND, proxy.line(|line| line["message"] == "websocket")).await.expect(ended);
        println!("{ended} {:?} after the cut", cut.elapsed());
        let codes = (line["client_close_sent"].as_u64(), line["gateway_close_sent"].as_u64());
        assert_eq!((line["ended"].as_str(), codes), (Some(ended), (client, gateway)), "{line}");
        proxy.terminate().await;
    }
    within("the sides that are left", left.join_all()).await;
}

#[tokio::test]
#[ignore = "takes root, ip, nft and 2 minutes: cargo test --test it vanished::by_the_kernel -- --ignored --nocapture"]
async fn by_the_kernel_alone_an_idle_client_that_vanished_is_found_in_two_minutes() {
    let Some(network) = Network::enter("k") else { return };
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut proxy = network.proxy(&near, SILENT).await;
    let _both = network.open_far(&proxy, &near).await;
    network.cut();
    let cut = Instant::now();
    let found = proxy.line(|line| line["message"] == "websocket");
    let line = timeout(Duration::from_mins(3), found).await.expect("it is found");
    println!("found after {:?}", cut.elapsed());
    assert_eq!(line["ended"], "client_lost", "{line}");
}

/// Answers pings until the Close comes, which has this code.
async fn until_told(mut peer: Peer, mask: Option<[u8; 4]>, code: u16) {
    let close = answer_pings(&mut peer, mask).await;
    assert_eq!((close.first, &close.payload[..2]), (0x88, &code.to_be_bytes()[..]));
    peer.write(Frame::new(0x88, code.to_be_bytes()).bytes(mask)).await;
}

/// Writes this for ever, until the proxy ends the connection.
async fn until_ended(peer: Peer, bytes: Vec<u8>) {
    let (mut reader, mut writer) = tokio::io::split(peer.into_stream());
    let writing = async {
        while writer.write_all(&bytes).await.is_ok() {}
        // The proxy has closed; what it said is read still.
        std::future::pending::<()>().await;
    };
    let reading = async {
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest).await;
    };
    tokio::select! {
        () = writing => {}
        () = reading => {}
    }
}

/// Two networks that are joined by a cable which can be cut or made slow; this thread is in the near one.
struct Network {
    near: String,
    far: String,
}

const OURS: &str = "10.77.0.1";
const THEIRS: &str = "10.77.0.2";

impl Network {
    /// Enters the two networks; `None`, and a loud line, where that cannot be.
    fn enter(name: &str) -> Option<Self> {
        let id = std::process::id();
        let (near, far) = (format!("fg{name}{id}-near"), format!("fg{name}{id}-far"));
        let network = Self { near: near.clone(), far: far.clone() };
        let steps = [
            format!("ip netns add {near}"),
            format!("ip netns add {far}"),
            format!("ip -n {near} link set lo up"),
            format!("ip -n {near} link add cable type veth peer name cable netns {far}"),
            format!("ip -n {near} addr add {OURS}/30 dev cable"),
            format!("ip -n {far} addr add {THEIRS}/30 dev cable"),
            format!("ip -n {near} link set cable up"),
            format!("ip -n {far} link set cable up"),
            format!("ip netns exec {far} nft add table inet cut"),
        ];
        for step in steps {
            if !run(&step) {
                eprintln!("NOT RUN: this needs root, ip, nft and tc; `{step}` failed");
                return None;
            }
        }
        // The thread is this test's own and ends with it. What it starts is in the near network, too.
        go_to(&near);
        Some(network)
    }

    async fn proxy(&self, gateway: &TcpListener, settings: &str) -> Binary {
        let listen = format!(r#"listen: {{ https: ["127.0.0.1:0"], plain: ["{OURS}:0"] }}"#);
        let upstream = format!("upstream: http://{}", gateway.local_addr().unwrap());
        binary().config(&listen).config(&upstream).config(settings).start().await
    }

    /// A WebSocket of a far client.
    async fn open_far(&self, proxy: &Binary, gateway: &TcpListener) -> (Peer, Peer) {
        let address = proxy.plain.unwrap();
        let stream = self.there(move || std::net::TcpStream::connect(address).unwrap());
        stream.set_nonblocking(true).unwrap();
        open(Peer::new(TcpStream::from_std(stream).unwrap()), gateway).await
    }

    /// A WebSocket of a near client.
    async fn open_near(&self, proxy: &Binary, gateway: &TcpListener) -> (Peer, Peer) {
        open(Peer::new(connect(proxy.plain.unwrap()).await.unwrap()), gateway).await
    }

    fn far_listener(&self) -> TcpListener {
        let address: SocketAddr = format!("{THEIRS}:0").parse().unwrap();
        let listener = self.there(move || std::net::TcpListener::bind(address).unwrap());
        listener.set_nonblocking(true).unwrap();
        TcpListener::from_std(listener).unwrap()
    }

    /// Makes a socket that belongs to the far network, in a thread that never comes back.
    fn there<T: Send>(&self, make: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let made = scope.spawn(|| {
                go_to(&self.far);
                make()
            });
            made.join().unwrap()
        })
    }

    /// From here on nothing passes, in silence.
    fn cut(&self) {
        for hook in ["input", "output"] {
            let chain = format!("add chain inet cut {hook} {{ type filter hook {hook} priority 0 ; policy drop ; }}");
            let done = Command::new("ip").args(["netns", "exec", &self.far, "nft", &chain]).status().unwrap();
            assert!(done.success());
        }
    }

    /// From here on the cable carries 32 KB a second each way.
    fn slow(&self) {
        for end in [&self.near, &self.far] {
            let slow = "qdisc add dev cable root tbf rate 256kbit burst 8kb latency 2s";
            assert!(run(&format!("ip netns exec {end} tc {slow}")));
        }
    }

    fn fast(&self) {
        for end in [&self.near, &self.far] {
            assert!(run(&format!("ip netns exec {end} tc qdisc del dev cable root")));
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for network in [&self.near, &self.far] {
            run(&format!("ip netns del {network}"));
        }
    }
}

async fn open(mut client: Peer, gateway: &TcpListener) -> (Peer, Peer) {
    client.write(UPGRADE).await;
    let mut gateway = loop {
        let mut gateway = Peer::new(within("the proxy", gateway.accept()).await.unwrap().0);
        // Whether it is ready, after a client that took its gateway with it.
        if gateway.head().await.starts_with("GET / ") {
            break gateway;
        }
        gateway.write(crate::harness::READY).await;
    };
    gateway.write(SWITCHED).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    (client, gateway)
}

fn go_to(network: &str) {
    let file = File::open(format!("/run/netns/{network}")).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

fn run(command: &str) -> bool {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output();
    output.is_ok_and(|output| output.status.success())
}
