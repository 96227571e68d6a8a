//! Something runs out: it is said once, what there is goes on, and all is well when there is enough again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use frontgate::config::Tls;
use frontgate::tls::CheckedCert;
use http::Request;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::harness::{Binary, Connection, Wire, binary, dial, empty, gateway, not_run, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{SWITCHED, UPGRADE};

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Lets `/hang` hang, echoes frames of 9 bytes, and answers the rest.
async fn plays(mut connection: Connection) {
    while let Some(request) = connection.request().await {
        if request.target() == b"/hang" {
            connection.rest().await;
            return;
        }
        if request.field("upgrade").is_none() {
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            continue;
        }
        connection.send(SWITCHED).await;
        while connection.try_exactly(ASK.len() + 6).await.is_some() {
            connection.send(Frame::text(ASK).bare()).await;
        }
    }
}

const ASK: &str = "hello";

async fn echo(websocket: &mut Wire) {
    websocket.send(Frame::text(ASK).masked()).await;
    let answer = Frame::text(ASK).bare();
    assert_eq!(websocket.exactly(answer.len()).await, answer);
}

/// The processor time that it has used, in ticks of 10 ms.
fn ticks(proxy: &Binary) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", proxy.pid())).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[tokio::test]
async fn without_a_file_left_it_serves_the_clients_it_has_and_recovers() {
    let gateway = gateway().playing(plays).await;
    let mut proxy = binary().upstream(&gateway).config(LISTEN).config("admin: 127.0.0.1:0").start().await;
    let mut websocket = proxy.plain_client().await;
    websocket.send(UPGRADE).await;
    assert!(websocket.head().await.starts_with("HTTP/1.1 101 "));
    echo(&mut websocket).await;

    let mut hogs = Vec::new();
    for _ in 0..4 {
        hogs.push(proxy.http2().await);
    }
    // frontgate never uses up what it has found at its start; another limit may still hit it, such as the machine's.
    let few = std::fs::read_dir(format!("/proc/{}/fd", proxy.pid())).unwrap().count() as u64 + 100;
    let pid = rustix::process::Pid::from_raw(proxy.pid().cast_signed());
    let limit = rustix::process::Rlimit { current: Some(few), maximum: Some(few) };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();

    // Few clients with many requests: each needs a file of its own towards the gateway.
    let mut hanging = JoinSet::new();
    for hog in &mut hogs {
        for _ in 0..60 {
            hanging.spawn(hog.begin(Request::get("https://localhost/hang").body(empty()).unwrap()));
        }
    }
    let refused = within("a request without a file", hanging.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");

    // No client can be let in, nor the operator; the log says so once, and waiting costs no processor time.
    let mut outside = Wire::new(dial(proxy.plain.unwrap()).await);
    outside.send(GET).await;
    let mut operator = Wire::new(dial(proxy.admin.unwrap()).await);
    operator.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let line = proxy.line(|line| line["message"] == "cannot accept connections; trying again").await;
    println!("{line}");
    let (began, before) = (Instant::now(), ticks(&proxy));
    while began.elapsed() < Duration::from_secs(2) {
        echo(&mut websocket).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let spent = Duration::from_millis((ticks(&proxy) - before) * 10);
    println!("{spent:?} of processor time in {:?} without a file", began.elapsed());
    assert!(spent < Duration::from_millis(500), "{spent:?}");
    assert!(!outside.has_more().await && !operator.has_more().await);

    let freed = Instant::now();
    drop((hogs, hanging));
    // The first file that is free may be the client's own, and the next ones not free yet.
    within("an answer of the gateway", async {
        while outside.response().await.status() != 200 {
            outside.send(GET).await;
        }
    })
    .await;
    assert_eq!(operator.response().await.status(), 200);
    println!("the clients that waited were served {:?} after files were free", freed.elapsed());
    echo(&mut websocket).await;
    drop((websocket, outside));
    proxy.terminate().await;
    for said in ["cannot accept connections", "no resources left to reach the gateway"] {
        let count = proxy.printed.iter().filter(|line| line.contains(said)).count();
        assert_eq!(count, 1, "{said}: {:#?}", proxy.printed);
    }
}

#[tokio::test]
async fn with_all_permits_taken_the_operator_is_answered_and_what_runs_gets_its_connection() {
    let gateway = gateway().playing(plays).await;
    // No silent client is sent away meanwhile.
    let patient = "timeouts: { request_head: 10m, tls_handshake: 10m }";
    let builder = binary().upstream(&gateway).config(LISTEN).config("admin: 127.0.0.1:0").config(patient);
    let mut proxy = builder.open_files(400).start().await;
    let mut operator = Wire::new(dial(proxy.admin.unwrap()).await);
    let mut websocket = proxy.plain_client().await;
    websocket.send(UPGRADE).await;
    assert!(websocket.head().await.starts_with("HTTP/1.1 101 "));
    let mut two = proxy.http2().await;
    assert_eq!(two.get("https://localhost/").await.status, 200);

    // More silent clients than there are permits, of both kinds, and one that would ask.
    let mut silent = Vec::new();
    for number in 0..300 {
        silent.push(if number % 2 == 0 { proxy.silent().await } else { dial(proxy.plain.unwrap()).await });
    }
    let mut outside = Wire::new(dial(proxy.plain.unwrap()).await);
    outside.send(GET).await;
    proxy.line(|line| line["message"] == "limits.connections is reached; new clients wait").await;

    // As many requests as there may be at once; each gets a file towards the gateway, and one more is refused by
    // number.
    let mut hanging = JoinSet::new();
    for _ in 0..120 {
        hanging.spawn(two.begin(Request::get("https://localhost/hang").body(empty()).unwrap()));
    }
    let refused = within("a request beyond the limit", hanging.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    let files = std::fs::read_dir(format!("/proc/{}/fd", proxy.pid())).unwrap().count();
    println!("{files} of 400 files with {} connections to the gateway", gateway.connections());
    within("a connection for each request", async {
        while gateway.connections() < 40 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    for question in ["/livez", "/readyz", "/status", "/metrics"] {
        for client in [&mut operator, &mut Wire::new(dial(proxy.admin.unwrap()).await)] {
            client.send(format!("GET {question} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            assert_eq!(client.response().await.status(), 200, "{question}");
        }
    }
    operator.send("POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    let answer = operator.response().await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    echo(&mut websocket).await;
    assert!(!outside.has_more().await);

    // The resets are read before whatever is asked next, so that the client outside finds the limit of requests free.
    hanging.shutdown().await;
    assert_eq!(two.get("https://elsewhere/").await.status, 421);
    drop(silent);
    assert_eq!(outside.response().await.status(), 200);
    drop((two, websocket, outside, operator));
    proxy.terminate().await;
    for said in ["cannot accept connections", "no resources left to reach the gateway"] {
        assert!(!proxy.printed.iter().any(|line| line.contains(said)), "{said}: {:#?}", proxy.printed);
    }
}

/// A disk with room for the keys and certificates, and little else.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// A small disk; `None`, and a loud line, where nothing can be mounted.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(folder.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        not_run("this needs root, to mount a small disk; what a full disk does is unchecked here");
        None
    }

    fn fill(&self) {
        // Fills the disk with as much as goes in.
        let _ = std::fs::write(self.0.path().join("filled"), vec![7; 64 * 1024]);
    }

    fn free(&self) {
        std::fs::remove_file(self.0.path().join("filled")).unwrap();
    }

    fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

async fn start(state: &Path) -> Binary {
    binary().config(&format!("state_dir: {}", state.display())).start().await
}

/// Ends frontgate; how often it said that the certificate is not kept.
async fn not_kept(mut proxy: Binary) -> usize {
    assert!(proxy.terminate().await.success());
    proxy.printed.iter().filter(|line| line.contains("kept in memory only")).count()
}

#[tokio::test]
async fn with_a_full_disk_it_serves_from_memory_and_says_so() {
    let Some(disk) = SmallDisk::mount() else { return };
    disk.fill();
    let proxy = start(&disk.state()).await;
    assert!(proxy.ca.is_none());
    assert_eq!(not_kept(proxy).await, 1);
    // Nothing half written is left, so that the next one does not stumble over it.
    disk.free();
    let proxy = start(&disk.state()).await;
    assert!(proxy.client().await.try_send(GET).await.is_ok());
    assert_eq!(not_kept(proxy).await, 0);
}

#[tokio::test]
async fn a_certificate_that_is_due_is_renewed_in_memory_while_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount() else { return };
    let state = disk.state();
    let long_ago = OffsetDateTime::now_utc() - time::Duration::days(390);
    let old = CheckedCert::open(&Tls::default(), Some(&state), long_ago).unwrap();
    disk.fill();
    let proxy = start(&state).await;
    // The CA is the one that clients trust, and the certificate is valid: both are checked by this handshake.
    proxy.client().await.send(GET).await;
    assert_eq!(proxy.ca.as_deref(), old.ca_path());
    assert_eq!(not_kept(proxy).await, 1);
    disk.free();
    let proxy = start(&state).await;
    proxy.client().await.send(GET).await;
    assert_eq!(not_kept(proxy).await, 0);
}
