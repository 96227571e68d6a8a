//! From SIGTERM or SIGINT to the end of the real program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Binary, binary, not_run, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::Peer;
use crate::websocket::scene::{Scene, Via, connect, scene_of_binary};

const ADMIN: &str = "admin: 127.0.0.1:0";

#[tokio::test]
async fn a_drain_tells_every_peer_and_lets_what_is_under_way_finish() {
    const LINKS: usize = 1000;
    for (signal, name, links) in [(Signal::TERM, "SIGTERM", LINKS), (Signal::INT, "SIGINT", 3)] {
        // Opening all of them takes a while.
        let limits = "limits: { connections_per_client: off }\nwebsocket: { ping_interval: off }";
        let mut scene = scene_of_binary(&[ADMIN, "timeouts: { drain: 20s }", limits]).await;
        let mut peers = Vec::new();
        for number in 0..links {
            peers.push(scene.open(if number % 2 == 0 { Via::Tls } else { Via::Plain }).await);
        }
        assert_eq!((ask(&scene, "/livez").await, ask(&scene, "/readyz").await), (200, 200));
        // A request under way, of which the answer has begun, and one of which it has not.
        let (mut begun, mut begun_gateway) = request(&scene).await;
        begun_gateway.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345").await;
        assert!(begun.head().await.starts_with("HTTP/1.1 200 "));
        let (mut waiting, mut waiting_gateway) = request(&scene).await;
        let mut idle = scene.connect(Via::Tls).await;
        let (https, plain) = (scene.proxy.https.unwrap(), scene.proxy.plain.unwrap());

        scene.proxy.signal(signal);
        let line = scene.proxy.line(|line| line["message"] == "stopping; a second signal stops at once").await;
        assert_eq!(line["signal"], name);
        let began = Instant::now();

        // Every link is told, both ways, and answers.
        let mut told = JoinSet::new();
        for (client, gateway) in peers {
            told.spawn(async move {
                closes(client, &Frame::close(1012, "service restart")).await;
                began.elapsed()
            });
            told.spawn(async move {
                closes(gateway, &Frame::close(1001, "proxy restart")).await;
                began.elapsed()
            });
        }
        // A load balancer has asked whether frontgate is ready and has time to ask again. Then no new client comes in,
        // and a client that has asked for nothing is sent away.
        scene.proxy.line(|line| line["message"] == "closing the listeners").await;
        refused(https).await;
        refused(plain).await;
        assert_eq!(idle.rest().await, b"");
        drop(idle);
        assert_eq!((ask(&scene, "/livez").await, ask(&scene, "/readyz").await), (200, 503));
        let times = told.join_all().await;
        let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        println!("{name}: {links} links were told between {first:?} and {last:?} after it");

        begun_gateway.write("67890").await;
        begun.expect("1234567890").await;
        waiting_gateway.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert!(waiting.head().await.starts_with("HTTP/1.1 200 "));
        waiting.expect("ok").await;
        drop((begun, waiting));

        let status = scene.proxy.ended().await;
        assert_eq!(status.code(), Some(0));
        let lines = lines(&scene.proxy);
        assert_eq!(lines.last().unwrap()["message"], "stopped");
        let ends: Vec<_> = lines.iter().filter(|line| line["message"] == "websocket").collect();
        assert_eq!(ends.len(), links);
        for line in &ends {
            assert_eq!((&line["ended"], &line["clean"]), (&json!("draining"), &json!(true)), "{line}");
        }
        // Spread over time: no two seconds' worth of them in one moment. Milliseconds as logged by the program itself.
        let moments: HashSet<_> =
            ends.iter().map(|line| line["timestamp"].as_str().unwrap()[..22].to_owned()).collect();
        assert!(moments.len() > links / 8, "{links} links ended in {} hundredths of a second", moments.len());
    }
}

#[tokio::test]
async fn a_second_signal_stops_at_once() {
    for (first, second) in [(Signal::TERM, Signal::TERM), (Signal::INT, Signal::TERM), (Signal::TERM, Signal::INT)] {
        let mut scene = scene_of_binary(&["timeouts: { drain: 10m }"]).await;
        let (mut client, mut gateway) = scene.open(Via::Tls).await;
        // Neither would end by itself: a request that is never answered, a link in the middle of a frame in either
        // direction, so that the drain can tell neither peer.
        let (mut asking, mut asked) = request(&scene).await;
        let frame = Frame::text("half a frame");
        let (down, up) = (&frame.bare()[..5], &frame.masked()[..8]);
        gateway.write(down).await;
        client.expect(down).await;
        client.write(up).await;
        gateway.expect(up).await;

        scene.proxy.signal(first);
        scene.proxy.line(|line| line["message"] == "stopping; a second signal stops at once").await;
        scene.proxy.signal(second);
        let status = scene.proxy.ended().await;
        assert_eq!(status.code(), Some(0));
        let last = lines(&scene.proxy).pop().unwrap();
        assert_eq!((&last["level"], &last["message"]), (&json!("WARN"), &json!("stopped before everything had ended")));
        assert_eq!((client.rest().await, gateway.rest().await), (vec![], vec![]));
        assert_eq!((asking.rest().await, asked.rest().await), (vec![], vec![]));
    }
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline() {
    let mut scene = scene_of_binary(&["timeouts: { drain: 500ms }"]).await;
    let (mut asking, _asked) = request(&scene).await;
    let began = Instant::now();
    scene.proxy.signal(Signal::TERM);
    let status = scene.proxy.ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(began.elapsed() >= Duration::from_millis(500));
    assert_eq!(asking.rest().await, b"");
}

#[tokio::test]
async fn a_drain_waits_for_the_frame_that_is_passing() {
    let mut scene = scene_of_binary(&["timeouts: { drain: 20s }"]).await;
    let frame = Frame::text("a frame that is in the middle of its way");
    let (mut to_client, mut from_gateway) = scene.open(Via::Tls).await;
    let (mut from_client, mut to_gateway) = scene.open(Via::Tls).await;
    let (down, up) = (frame.bare(), frame.masked());
    from_gateway.write(&down[..20]).await;
    to_client.expect(&down[..20]).await;
    from_client.write(&up[..20]).await;
    to_gateway.expect(&up[..20]).await;

    scene.proxy.signal(Signal::TERM);
    // The other side of each link is between two frames, and is told at once; what is said is half of the proof that
    // the link has its turn.
    let said = from_gateway.frame().await;
    assert_eq!(said, Frame { mask: said.mask, ..Frame::close(1001, "proxy restart") });
    from_client.expect(Frame::close(1012, "service restart").bare()).await;

    from_gateway.write([&down[20..], &Frame::close(1001, "").bare()].concat()).await;
    to_client.expect(&down[20..]).await;
    to_client.expect(Frame::close(1012, "service restart").bare()).await;
    to_client.write(Frame::close(1012, "").masked()).await;

    from_client.write([&up[20..], &Frame::close(1012, "").masked()].concat()).await;
    to_gateway.expect(&up[20..]).await;
    let said = to_gateway.frame().await;
    assert_eq!(said, Frame { mask: said.mask, ..Frame::close(1001, "proxy restart") });
    to_gateway.write(Frame::close(1001, "").bare()).await;

    assert_eq!(scene.proxy.ended().await.code(), Some(0));
    let ends = lines(&scene.proxy).into_iter().filter(|line| line["message"] == "websocket");
    let ends: Vec<_> = ends.map(|line| (line["ended"].clone(), line["clean"].clone())).collect();
    assert_eq!(ends, vec![(json!("draining"), json!(true)); 2]);
}

/// Is told this Close, answers it, and sees the connection end.
pub(crate) async fn closes(mut peer: Peer, close: &Frame) {
    let said = peer.frame().await;
    assert_eq!(said, Frame { mask: said.mask, ..close.clone() });
    let mask = if said.mask.is_some() { None } else { Some([1, 2, 3, 4]) };
    peer.write(Frame::new(0x88, &said.payload[..2]).bytes(mask)).await;
    assert_eq!(peer.rest().await, b"");
}

/// A client that has asked, and the gateway that has read it.
async fn request(scene: &Scene<Binary>) -> (Peer, Peer) {
    let mut client = scene.connect(Via::Tls).await;
    client.write("GET /slow HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
    let mut gateway = scene.accept().await;
    gateway.head().await;
    (client, gateway)
}

/// The status that the admin listener answers with.
async fn ask(scene: &Scene<Binary>, path: &str) -> u16 {
    let mut peer = Peer::new(connect(scene.proxy.admin.unwrap()).await.unwrap());
    peer.write(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
    peer.head().await[9..12].parse().unwrap()
}

/// Waits until no program listens there.
async fn refused(address: std::net::SocketAddr) {
    while let Ok(stream) = connect(address).await {
        // The kernel lets clients in while the listener is still there; they are turned away.
        assert_eq!(Peer::new(stream).rest().await, b"");
    }
}

fn lines(binary: &Binary) -> Vec<Value> {
    binary.printed.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_resolver_that_does_not_answer_is_asked_once_and_keeps_nothing_from_the_end() {
    const CLIENTS: usize = 60;
    let Ok(resolver) = tokio::net::UdpSocket::bind("127.53.53.53:53").await else {
        not_run("this needs root, to be a resolver on port 53");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (script, settings) = (folder.path().join("frontgate"), folder.path().join("resolv.conf"));
    std::fs::write(&settings, "nameserver 127.53.53.53\noptions timeout:30 attempts:5\n").unwrap();
    // In a mount namespace of its own, so that nothing else asks this resolver.
    let program = env!("CARGO_BIN_EXE_frontgate");
    let mounts = format!("mount --bind {} /etc/resolv.conf && exec {program} \"$@\"", settings.display());
    let text = format!("#!/bin/sh\nexec unshare --mount /bin/sh -c '{mounts}' frontgate \"$@\"\n");
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    if !std::process::Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success()) {
        not_run("this needs root, to make a mount namespace");
        return;
    }
    let builder = binary().program(script).config("listen: { plain: [\"127.0.0.1:0\"], https: [\"127.0.0.1:0\"] }");
    let builder = builder.config("upstream: http://gateway.test:1").config("timeouts: { connect: off, drain: 1s }");
    let mut proxy = builder.start().await;
    let threads = |proxy: &Binary| std::fs::read_dir(format!("/proc/{}/task", proxy.pid())).unwrap().count();
    let before = threads(&proxy);
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = proxy.plain_client().await;
        client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        clients.push(client);
    }
    within("a question to the resolver", resolver.recv_from(&mut [0; 512])).await.unwrap();
    // A request that was answered: all before it were read.
    let mut other = proxy.plain_client().await;
    other.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(other.response().await.status(), 400);
    let during = threads(&proxy);
    println!("{before} threads before, {during} while {CLIENTS} requests wait for one name");
    assert!(during <= before + 4, "{before} {during}");
    let began = Instant::now();
    proxy.terminate().await;
    println!("ended {:?} after SIGTERM, with a drain of 1 s", began.elapsed());
    // A second more than the drain, on a machine that is busy; the resolver would have had 150 s.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
