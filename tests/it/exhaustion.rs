//! Something runs out: it is said once, what there is goes on, and all is well when there is enough again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures, and why a test did not run, are for people")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use frontgate::config::Tls;
use frontgate::tls::Source;
use http::Request;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::harness::{Binary, Connection, Wire, binary, dial, empty, gateway, within};
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
async fn without_a_file_left_it_serves_whom_it_has_and_recovers() {
    const FILES: usize = 300;
    let gateway = gateway().playing(plays).await;
    let builder = binary().upstream(&gateway).config(LISTEN).config("admin: 127.0.0.1:0");
    let mut proxy = builder.limit(&format!("-n {FILES}")).start().await;
    let mut websocket = proxy.plain_client().await;
    websocket.send(UPGRADE).await;
    assert!(websocket.head().await.starts_with("HTTP/1.1 101 "));
    echo(&mut websocket).await;

    // Few clients with many requests: each needs a file of its own towards the gateway.
    let mut hogs = Vec::new();
    let mut hanging = JoinSet::new();
    for _ in 0..4 {
        let mut hog = proxy.http2().await;
        for _ in 0..80 {
            hanging.spawn(hog.begin(Request::get("https://localhost/hang").body(empty()).unwrap()));
        }
        hogs.push(hog);
    }
    let refused = within("a request without a file", hanging.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.headers()["retry-after"], "5");

    // Nobody can be let in, nor the operator; it is said, once, and costs no time.
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
    assert_eq!(outside.response().await.status(), 200);
    assert_eq!(operator.response().await.status(), 200);
    println!("those who waited were served {:?} after files were free", freed.elapsed());
    echo(&mut websocket).await;
    drop((websocket, outside));
    proxy.terminate().await;
    for said in ["cannot accept connections", "no resources left to reach the gateway"] {
        let count = proxy.printed.iter().filter(|line| line.contains(said)).count();
        assert_eq!(count, 1, "{said}: {:#?}", proxy.printed);
    }
}

/// A disk with room for the keys and certificates, and little else.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, and a loud word, where nothing can be mounted.
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(folder.path()).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        eprintln!("SKIPPED: this needs root, to mount a small disk");
        None
    }

    fn fill(&self) {
        // As much as goes in.
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

/// Ends it; how often it said that the certificate is not kept.
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
    let old = Source::open(&Tls::default(), Some(&state), long_ago).unwrap();
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
