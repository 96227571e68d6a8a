//! Another configuration for the real program while clients are connected.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

mod crowded;
mod guards;
mod sessions;
mod together;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use rustls::HandshakeKind;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::{JoinSet, spawn_blocking};

use crate::cli::{Ran, frontgate_in};
use crate::harness::{Binary, Gateway, Identity, Wire, binary, dial, gateway, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::Peer;
use crate::websocket::scene::{Via, connect, scene_of_binary};

const ADMIN: &str = "admin: 127.0.0.1:0";
const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
const ASK: &str = "GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n";

#[tokio::test]
async fn a_signal_a_changed_file_and_a_command_reload_and_a_broken_file_changes_nothing() {
    let (one, two) = (answering("one").await, answering("two").await);
    let mut binary = binary().upstream(&one).config(LISTEN).config(ADMIN).start().await;
    let admin = binary.admin.unwrap().to_string();
    let mut client = binary.client().await;
    let mut body = async |expected: &str| {
        client.send(ASK).await;
        assert_eq!(client.response().await.body_text(), expected);
    };
    body("one").await;

    // The file is replaced as editors do it.
    replace(&binary, &with(&two, &[]));
    reloaded(&mut binary, "file").await;
    body("two").await;

    // The file is the same, so nothing would be noticed by itself.
    binary.signal(Signal::HUP);
    reloaded(&mut binary, "SIGHUP").await;

    // A command finds the change before the file is looked at.
    replace(&binary, &with(&one, &[]));
    let ran = command(&binary, &["reload", "--admin", &admin]).await;
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "reloaded\n", ""));
    body("one").await;

    let broken = with(&two, &["timeouts: { drain: soon }", "nonsense: 1"]);
    replace(&binary, &broken);
    let refused = binary.line(|line| line["message"] == "configuration refused; the one in use stays").await;
    let checked = command(&binary, &["check", "-c", binary.config_file().to_str().unwrap()]).await;
    let why = refused["error"].as_str().unwrap().to_owned();
    assert_eq!((checked.code, checked.stderr), (2, why.clone() + "\n"));
    for name in ["timeouts.drain", "nonsense"] {
        assert!(why.contains(name), "{why}");
    }
    let ran = command(&binary, &["reload", "--admin", &admin]).await;
    assert_eq!((ran.code, ran.stdout, ran.stderr), (1, String::new(), format!("error: {why}\n")));
    body("one").await;
    let status = status(&binary).await;
    assert_eq!(status["reloads"]["last"]["error"], why);
    assert_eq!(status["reloads"]["last"]["trigger"], "admin");
    assert_eq!((&status["reloads"]["done"], &status["config"]), (&3.into(), &binary.config_file().to_str().into()));

    // A certificate that is not there, and an address that is taken, are found before anything changes.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    for (line, expected) in [
        ("tls: { certificate: { cert: no.pem, key: no.key } }".to_owned(), "tls.certificate.cert: "),
        (format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"127.0.0.1:0\", \"{at}\"] }}"), "cannot listen on "),
    ] {
        replace(&binary, &with(&two, &[&line]));
        let (status, text) = post(&binary, "/reload").await;
        assert!(status == 400 && text.contains(expected), "{text}");
        body("one").await;
    }
}

#[tokio::test]
async fn the_next_request_of_a_connection_that_lives_sees_each_change() {
    let (one, two) = (answering("one").await, answering("two").await);
    let mut binary = binary().upstream(&one).config(LISTEN).config(ADMIN).start().await;
    let (mut client, mut http2) = (binary.client().await, binary.http2().await);
    let upgrade = "GET / HTTP/1.1\r\nHost: gw.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Origin: https://elsewhere.example\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let big = "POST / HTTP/1.1\r\nHost: gw.example.com\r\nContent-Length: 9\r\n\r\n123456789";
    client.send(ASK).await;
    assert_eq!(client.response().await.body_text(), "one");
    assert_eq!(http2.get("https://localhost/").await.status, 200);

    reload(&mut binary, &with(&two, &["tls: { hsts: 5m }"])).await;
    client.send(ASK).await;
    let answer = client.response().await;
    assert_eq!(
        (answer.body_text(), answer.field("strict-transport-security")),
        ("two".into(), Some("max-age=300".into()))
    );
    let answer = http2.get("https://localhost/").await;
    assert_eq!(answer.headers["strict-transport-security"], "max-age=300");

    reload(&mut binary, &with(&two, &["limits: { request_body: 1B }", "websocket: { allowed_origins: same-host }"]))
        .await;
    client.send(ASK).await;
    assert_eq!(client.response().await.field("strict-transport-security"), None);
    client.send(upgrade).await;
    assert_eq!(client.response().await.status(), 403);
    client.send(big).await;
    assert_eq!(client.response().await.status(), 413);

    // A limit of clients counts those that are there.
    reload(&mut binary, &with(&two, &["limits: { connections_per_client: 1 }"])).await;
    assert_eq!(binary.plain_client().await.rest().await.0, b"");
    reload(&mut binary, &with(&two, &[])).await;
    binary.plain_client().await.send(ASK).await;

    // The log: level and access lines.
    replace(&binary, &with(&two, &["log: { level: error }"]));
    assert_eq!(post(&binary, "/reload").await.0, 200);
    client = binary.client().await;
    client.send(ASK).await;
    client.response().await;
    replace(&binary, &with(&two, &["log: { access: off }"]));
    assert_eq!(post(&binary, "/reload").await.0, 200);
    client.send("GET /unlogged HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
    client.response().await;
    replace(&binary, &with(&two, &[]));
    assert_eq!(post(&binary, "/reload").await.0, 200);
    client.send("GET /logged HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
    client.response().await;
    let before = binary.printed.len();
    binary.line(|line| line["target"] == "/logged").await;
    assert!(!binary.printed[before..].iter().any(|line| line.contains("/unlogged")));

    // A setting that needs a restart is named, and the rest is taken over.
    replace(&binary, &with(&one, &["state_dir: elsewhere"]).replace("state_dir: state\n", ""));
    assert_eq!(post(&binary, "/reload").await.0, 200);
    binary.line(|line| line["level"] == "WARN" && line["setting"] == "state_dir").await;
    client.send(ASK).await;
    assert_eq!(client.response().await.body_text(), "one");
}

#[tokio::test]
async fn certificates_change_for_the_next_handshake_only() {
    let gateway = answering("ok").await;
    let folder = TempDir::new().unwrap();
    let mut binary = binary().upstream(&gateway).config(LISTEN).config(ADMIN).start().await;
    let mut before = binary.client().await;
    let local = fingerprint(&binary).await;
    let mut seen = vec![local.clone()];
    for number in 0..2 {
        let tls = certificate(folder.path(), number);
        reload(&mut binary, &with(&gateway, &[&tls])).await;
        seen.push(fingerprint(&binary).await);
    }
    reload(&mut binary, &with(&gateway, &["tls: { names: [localhost, gw.example.com] }"])).await;
    seen.push(fingerprint(&binary).await);
    reload(&mut binary, &with(&gateway, &[])).await;
    let mut different = seen.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 4, "{seen:?}");
    before.send(ASK).await;
    assert_eq!(before.response().await.status(), 200);

    // Sessions are resumed as if nothing had been.
    let client = binary.trust().offering(&["http/1.1"]);
    for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
        let stream = binary.tls(Arc::clone(&client)).await;
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
        let mut client = Wire::new(stream);
        client.send(ASK).await;
        client.response().await;
        reload(&mut binary, &with(&gateway, &["timeouts: { connect: 3s }"])).await;
        reload(&mut binary, &with(&gateway, &[])).await;
    }

    // A client that has shown no certificate may not go on where one is asked for.
    let file = clients(folder.path());
    fs::write(&file, "").unwrap();
    let line = format!("tls: {{ client_ca: \"{}\" }}", file.display());
    replace(&binary, &with(&gateway, &[&line]));
    let (status, text) = post(&binary, "/reload").await;
    assert!(status == 400 && text.contains("tls.client_ca: "), "{text}");
    before.send(ASK).await;
    assert_eq!(before.response().await.status(), 200);
    clients(folder.path());
    // The file counts as part of the configuration.
    reloaded(&mut binary, "file").await;
    assert_eq!(before.rest().await.0, b"");
}

#[tokio::test]
async fn a_public_certificate_is_looked_after_from_when_it_is_asked_for_until_it_is_not() {
    let gateway = answering("ok").await;
    let mut binary = binary().upstream(&gateway).config(LISTEN).config(ADMIN).start().await;
    let acme = |mail: &str| {
        let directory = "https://127.0.0.9:1/directory";
        format!(
            "tls: {{ names: [gw.example.com], certificate: acme, acme: {{ directory: \"{directory}\", email: {mail} }} }}"
        )
    };
    for mail in ["ann@example.com", "ben@example.com"] {
        reload(&mut binary, &with(&gateway, &[&acme(mail)])).await;
        binary.line(|line| line["level"] == "WARN" && line["message"].as_str().unwrap().contains("certificate")).await;
    }
    reload(&mut binary, &with(&gateway, &[])).await;
    let mut client = binary.client().await;
    client.send(ASK).await;
    assert_eq!(client.response().await.status(), 200);
    drop(client);
    assert_eq!(binary.terminate().await.code(), Some(0));
    // Each gives the account up before the next takes it.
    let other = binary.printed.iter().find(|line| line.contains("another frontgate"));
    assert_eq!(other, None);
}

#[tokio::test]
async fn listeners_come_and_go_and_the_one_that_stays_refuses_no_client() {
    let reloads = number("FRONTGATE_RELOADS", 100);
    let gateway = answering("ok").await;
    let mut binary = binary().upstream(&gateway).config(LISTEN).config(ADMIN).start().await;
    let (plain, free) = (binary.plain.unwrap(), free_address());
    let over = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let mut load = JoinSet::new();
    for _ in 0..4 {
        let (over, asked) = (Arc::clone(&over), Arc::clone(&asked));
        load.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let mut client = Peer::new(connect(plain).await.unwrap());
                client.write(ASK).await;
                assert!(client.head().await.starts_with("HTTP/1.1 200 "));
                asked.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let more = format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{free}\", \"127.0.0.1:0\"] }}");
    for number in 0..reloads {
        let listen = if number % 2 == 0 { &more } else { LISTEN };
        replace(&binary, &with(&gateway, &[listen]));
        assert_eq!(post(&binary, "/reload").await.0, 200);
        if number % 2 == 0 {
            let mut stays = Peer::new(dial(free).await);
            stays.write(ASK).await;
            assert!(stays.answer().await.starts_with("HTTP/1.1 200 "));
            if number == 0 {
                let overlapping = format!("listen: {{ plain: [\"0.0.0.0:{}\"], https: [] }}", free.port());
                replace(&binary, &with(&gateway, &[&overlapping]));
                let (status, text) = post(&binary, "/reload").await;
                assert!(status == 400 && text.contains("takes a restart"), "{text}");
                // The connection would never see another configuration: it ends with its listener.
                replace(&binary, &with(&gateway, &[LISTEN]));
                assert_eq!(post(&binary, "/reload").await.0, 200);
                assert_eq!(stays.rest().await, b"");
            }
        } else {
            assert!(connect(free).await.is_err(), "no process listens there any more");
        }
    }
    over.store(true, Ordering::Relaxed);
    within("the load to end", load.join_all()).await;
    println!("{reloads} reloads, {} connections meanwhile, none refused", asked.load(Ordering::Relaxed));
    let status = status(&binary).await;
    assert_eq!(status["listeners"].as_array().unwrap().len(), 3 + reloads % 2);
    assert_eq!(binary.terminate().await.code(), Some(0));
}

/// `FRONTGATE_LINKS=1000 FRONTGATE_RELOADS=1000` for the whole.
#[tokio::test]
async fn websockets_notice_no_reload() {
    let (links, reloads) = (number("FRONTGATE_LINKS", 200), number("FRONTGATE_RELOADS", 100));
    let folder = TempDir::new().unwrap();
    let mut scene = scene_of_binary(&[ADMIN, "limits: { connections_per_client: off }"]).await;
    let first = text(&scene.proxy);
    let other = answering("other").await;
    let over = Arc::new(AtomicBool::new(false));
    let mut traffic = JoinSet::new();
    for link in 0..links {
        let (client, gateway) = scene.open(if link % 2 == 0 { Via::Tls } else { Via::Plain }).await;
        let over = Arc::clone(&over);
        traffic.spawn(echo(gateway));
        traffic.spawn(count(client, over, Duration::from_micros(200) * u32::try_from(links).unwrap()));
    }
    // A client has its 101 a moment before its WebSocket is counted.
    within("all links to be open", async { while status(&scene.proxy).await["websockets"] != links {} }).await;
    let extra = free_address();
    let mut figures = Vec::new();
    let (began, mut refused, mut certificates) = (Instant::now(), 0, 0);
    for number in 0..reloads {
        let line = match number % 10 {
            0 => "nonsense: 1".to_owned(),
            1 => format!("upstream: \"{}\"", other.upstream),
            2 => "limits: { connections: 5000, connections_per_client: 4000 }".to_owned(),
            3 => "timeouts: { request_head: 1s, keep_alive: 1s, read: 1s, send: 1s, drain: 1s }".to_owned(),
            4 => "websocket: { ping_interval: 1s, pong_timeout: 1s, max_frame: 1KiB, allowed_origins: same-host }"
                .to_owned(),
            5 => "forwarded: { trusted_proxies: [127.0.0.0/8] }".to_owned(),
            6 if number % 20 == 6 => certificate(folder.path(), number),
            7 => format!("listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{extra}\"] }}"),
            8 => "tls: { names: [localhost, gw.example.com], min_version: \"1.3\", hsts: 1m }".to_owned(),
            9 => format!("tls: {{ client_ca: \"{}\" }}", clients(folder.path()).display()),
            _ => String::new(),
        };
        certificates += usize::from(line.contains("cert:"));
        replace(&scene.proxy, &overlaid(&first, &line));
        let (code, text) = post(&scene.proxy, "/reload").await;
        assert_eq!(code, if number % 10 == 0 { 400 } else { 200 }, "{line}: {text}");
        refused += usize::from(code == 400);
        if (number + 1) % (reloads / 4).max(1) == 0 {
            let tasks = status(&scene.proxy).await["tasks"].as_u64().unwrap();
            figures.push((number + 1, files(&scene.proxy), scene.proxy.resident_memory(), tasks));
        }
    }
    let took = began.elapsed();
    let report = status(&scene.proxy).await;
    assert_eq!(report["websockets"], links);
    over.store(true, Ordering::Relaxed);
    let echoed: usize = within("all links to end", traffic.join_all()).await.into_iter().sum();
    println!(
        "{links} WebSockets, {reloads} reloads ({refused} broken, {certificates} certificates) in {took:?}: 0 closed, {echoed} \
         messages echoed in order; (reload, files, KiB, tasks): {figures:?}"
    );
    let (early, late) = (figures[0], figures[figures.len() - 1]);
    assert!(late.1 <= early.1 + 8, "files: {figures:?}");
    assert!(late.3 <= early.3 + 8, "tasks: {figures:?}");
    assert!(late.2 <= early.2 + 16 * 1024, "memory: {figures:?}");
    scene.proxy.signal(Signal::TERM);
    assert_eq!(scene.proxy.ended().await.code(), Some(0));
    let ends: Vec<Value> = scene.proxy.printed.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ends: Vec<_> = ends.iter().filter(|line| line["message"] == "websocket").collect();
    assert_eq!(ends.len(), links);
    assert!(ends.iter().all(|line| line["ended"] == "client_closed"), "{ends:?}");
}

#[tokio::test]
async fn drain_and_status_are_asked_for_by_command() {
    let mut scene = scene_of_binary(&[ADMIN, "timeouts: { drain: 20s }"]).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    let admin = scene.proxy.admin.unwrap().to_string();
    let ran = command(&scene.proxy, &["status", "--json", "--admin", &admin]).await;
    let status: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &status["websockets"], &status["draining"]), (0, &1.into(), &false.into()));
    assert_eq!((&status["pid"], &status["connections"]), (&scene.proxy.pid().into(), &1.into()));
    let ran = command(&scene.proxy, &["status", "--ready", "--admin", &admin]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "ready\n"));

    let (folder, address) = (TempDir::new().unwrap(), admin.clone());
    let waiting = spawn_blocking(move || frontgate_in(folder.path(), &["drain", "--wait", "--admin", &address], &[]));
    client.expect(Frame::close(1012, "service restart").bare()).await;
    let ran = command(&scene.proxy, &["status", "--ready", "--admin", &admin]).await;
    assert_eq!((ran.code, ran.stderr.as_str()), (1, "error: not ready\n"));
    client.write(Frame::close(1012, "").masked()).await;
    let said = gateway.frame().await;
    assert_eq!(said, Frame { mask: said.mask, ..Frame::close(1001, "proxy restart") });
    gateway.write(Frame::close(1001, "").bare()).await;
    assert_eq!(scene.proxy.ended().await.code(), Some(0));
    let ran = within("the command", waiting).await.unwrap();
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "drained\n", ""));

    for asked in ["status", "reload", "drain"] {
        let ran = command(&scene.proxy, &[asked, "--admin", &admin]).await;
        assert_eq!(
            (ran.code, ran.stderr),
            (1, format!("error: frontgate is not running: no process listens at {admin}\n"))
        );
    }
}

#[tokio::test]
async fn the_config_says_where_to_ask_even_when_it_is_wrong() {
    let (one, folder) = (answering("one").await, TempDir::new().unwrap());
    let line = format!("admin: \"unix:{}\"", folder.path().join("admin.sock").display());
    let binary = binary().upstream(&one).config(LISTEN).config(&line).start().await;
    let file = binary.config_file().to_str().unwrap().to_owned();
    let ran = command(&binary, &["reload", "-c", &file]).await;
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "reloaded\n", ""));
    for broken in ["nonsense: 1", "{"] {
        replace(&binary, &with(&one, &[&line, broken]));
        // A file that is no YAML at all names no address; then the command has to be told it.
        let told = line.trim_start_matches("admin: ").trim_matches('"');
        let args = if broken == "{" { ["--admin", told] } else { ["-c", file.as_str()] };
        let ran = command(&binary, &[&["reload"], &args[..]].concat()).await;
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.starts_with(&format!("error: {file}:")), "{}", ran.stderr);
        let ran = command(&binary, &[&["status", "--json"], &args[..]].concat()).await;
        let status: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(status["reloads"]["last"]["ok"], false);
    }
    let ran = command(&binary, &["status", "--admin", "off"]).await;
    assert_eq!(ran.code, 1);
}

/// Sends everything back until the client closes.
async fn echo(mut gateway: Peer) -> usize {
    loop {
        let frame = gateway.frame().await;
        gateway.write(Frame { mask: None, ..frame.clone() }.bare()).await;
        if frame.first & 0x0f == 8 {
            return 0;
        }
    }
}

/// Counts aloud and hears each number once and in order, until it is `over`.
async fn count(mut client: Peer, over: Arc<AtomicBool>, pace: Duration) -> usize {
    let mut beat = tokio::time::interval(pace.max(Duration::from_millis(20)));
    for number in 0.. {
        beat.tick().await;
        if over.load(Ordering::Relaxed) {
            client.write(Frame::close(1000, "").masked()).await;
            client.expect(Frame::close(1000, "").bare()).await;
            return number;
        }
        let frame = Frame::text(&number.to_string());
        client.write(frame.masked()).await;
        client.expect(frame.bare()).await;
    }
    unreachable!()
}

async fn answering(body: &str) -> Gateway {
    gateway().answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await
}

/// A configuration like the harness's, with another gateway and other lines.
fn with(gateway: &Gateway, lines: &[&str]) -> String {
    let base = format!("state_dir: state\n{ADMIN}\n{LISTEN}\nupstream: \"{}\"\n", gateway.upstream);
    lines.iter().fold(base, |text, line| overlaid(&text, line))
}

/// `text` with `line` in the place of that for the same section.
fn overlaid(text: &str, line: &str) -> String {
    let section = line.split(':').next().unwrap();
    let others = text.lines().filter(|other| section.is_empty() || !other.starts_with(&format!("{section}:")));
    others.chain([line]).fold(String::new(), |text, line| text + line + "\n")
}

fn text(binary: &Binary) -> String {
    fs::read_to_string(binary.config_file()).unwrap()
}

fn replace(binary: &Binary, text: &str) {
    let draft = binary.config_file().with_extension("draft");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, binary.config_file()).unwrap();
}

async fn reload(binary: &mut Binary, text: &str) {
    replace(binary, text);
    let (status, said) = post(binary, "/reload").await;
    assert_eq!((status, said.as_str()), (200, "reloaded\n"), "{text}");
}

async fn reloaded(binary: &mut Binary, trigger: &str) {
    binary.line(|line| line["message"] == "configuration reloaded" && line["trigger"] == trigger).await;
}

async fn command(binary: &Binary, args: &[&str]) -> Ran {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let folder: PathBuf = binary.config_file().parent().unwrap().to_owned();
    let run = move || frontgate_in(&folder, &args.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    within("the command", spawn_blocking(run)).await.unwrap()
}

async fn post(binary: &Binary, path: &str) -> (u16, String) {
    ask(binary, "POST", path).await
}

async fn status(binary: &Binary) -> Value {
    serde_json::from_str(&ask(binary, "GET", "/status").await.1).unwrap()
}

async fn ask(binary: &Binary, method: &str, path: &str) -> (u16, String) {
    let mut admin = Wire::new(dial(binary.admin.unwrap()).await);
    admin.send(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
    let answer = admin.response().await;
    (answer.status(), answer.body_text())
}

/// The SHA-256 of the certificate that the next handshake shows.
async fn fingerprint(binary: &Binary) -> String {
    let address = binary.https.unwrap().to_string();
    let ran = command(binary, &["cert", "show", "--connect", &address]).await;
    let line = ran.stdout.lines().find(|line| line.to_lowercase().contains("sha")).map(str::to_owned);
    line.unwrap_or_else(|| panic!("{ran:?}"))
}

/// The setting of a certificate that was never there before.
fn certificate(folder: &Path, number: usize) -> String {
    let made = Identity::new();
    let [cert, key] = ["pem", "key"].map(|kind| folder.join(format!("{number}.{kind}")));
    fs::write(&cert, &made.pem).unwrap();
    fs::write(&key, &made.key_pem).unwrap();
    format!("tls: {{ certificate: {{ cert: \"{}\", key: \"{}\" }} }}", cert.display(), key.display())
}

/// The file of a CA of clients that was never there before.
fn clients(folder: &Path) -> PathBuf {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let file = folder.join("clients.pem");
    fs::write(&file, params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()).unwrap();
    file
}

fn files(binary: &Binary) -> usize {
    fs::read_dir(format!("/proc/{}/fd", binary.pid())).unwrap().count()
}

/// An address at which no program listens, and that no client has.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap()
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}
