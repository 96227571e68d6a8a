//! A pipe of log lines that is not read, as the real program meets it.

#![expect(clippy::unwrap_used, reason = "what these helpers cannot do ends the test")]

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;

use crate::harness::{Gateway, Wire, dial, gateway, within};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// More than the pipe, the queue and the writer's buffer hold: some 2.7 MB of lines.
const REQUESTS: usize = 1200;

/// The real program, whose standard output and standard error are one pipe, which is read when the test says so.
struct Unread {
    child: Child,
    lines: BufReader<Receiver>,
    plain: SocketAddr,
    admin: SocketAddr,
    _folder: TempDir,
}

impl Unread {
    /// Reads the lines of the start, and no more.
    async fn start(gateway: &Gateway) -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("frontgate.yaml");
        let config = format!(
            "listen: {{ https: [], plain: [\"127.0.0.1:0\"] }}\nadmin: 127.0.0.1:0\nstate_dir: state\nupstream: \"{}\"\n",
            gateway.upstream
        );
        std::fs::write(&file, config).unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
        command.args(["serve", "-c"]).arg(&file).env_clear().stdin(Stdio::null());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        drop(command);
        let lines = BufReader::new(Receiver::from_owned_fd(OwnedFd::from(reader)).unwrap());
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut unread = Self { child, lines, plain: nowhere, admin: nowhere, _folder: folder };
        while unread.admin == nowhere || unread.plain == nowhere {
            let line = unread.line().await;
            match line["purpose"].as_str() {
                Some("plain http") => unread.plain = line["address"].as_str().unwrap().parse().unwrap(),
                Some("admin") => unread.admin = line["address"].as_str().unwrap().parse().unwrap(),
                _ => {}
            }
        }
        unread
    }

    async fn line(&mut self) -> Value {
        let mut line = String::new();
        within("a line", self.lines.read_line(&mut line)).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Makes requests `from` to `to`, each of which is a long line.
    async fn ask(&self, from: usize, to: usize) {
        let mut client = Wire::new(dial(self.plain).await);
        for number in from..to {
            let target = format!("/{number}?{}", "x".repeat(2000));
            client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            assert_eq!(client.response().await.status(), 200, "{number}");
        }
    }

    async fn admin(&self, request: &str) -> (u16, String) {
        let mut client = Wire::new(dial(self.admin).await);
        client.send(format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        let answer = client.response().await;
        (answer.status(), answer.body_text())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    async fn ended(&mut self) -> ExitStatus {
        within("the end of the process", async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                // There is nothing to wait for that would not block.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        })
        .await
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number in the target of a request's line.
fn number(line: &Value) -> Option<usize> {
    let target = line["target"].as_str()?;
    target[1..].split('?').next()?.parse().ok()
}

#[tokio::test]
async fn requests_the_operator_and_a_reload_go_on_and_the_reader_learns_what_it_missed() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = Unread::start(&gateway).await;
    proxy.ask(0, REQUESTS).await;
    assert_eq!(proxy.admin("GET /livez").await.0, 200);
    assert!((200..300).contains(&proxy.admin("POST /reload").await.0));
    let (_, metrics) = proxy.admin("GET /metrics").await;
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("frontgate_log_lines_dropped_total "));
    let dropped: usize = dropped.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap();
    assert!(dropped > 0 && dropped < REQUESTS, "{dropped}");

    let mut numbers = 0..;
    let gap = loop {
        let line = proxy.line().await;
        if let Some(number) = number(&line) {
            assert_eq!(Some(number), numbers.next(), "the lines before the gap are all there, in order");
        } else if line["message"].as_str().is_some_and(|message| message.starts_with("log lines dropped")) {
            break line;
        }
    };
    // The reload's line is among them.
    let missing = gap["lines"].as_u64().unwrap();
    assert!(missing >= (REQUESTS - numbers.start) as u64 && missing >= dropped as u64, "{gap} {dropped} {numbers:?}");
    proxy.ask(REQUESTS, REQUESTS + 3).await;
    for expected in REQUESTS..REQUESTS + 3 {
        let line = proxy.line().await;
        assert_eq!(number(&line), Some(expected), "{line}");
    }
    proxy.signal(Signal::TERM);
    while proxy.line().await["message"] != "stopped" {}
    assert!(proxy.ended().await.success());
}

#[tokio::test]
async fn a_signal_ends_the_process_all_the_same() {
    let gateway = gateway().answering(OK).await;
    for signals in [&[Signal::TERM][..], &[Signal::HUP, Signal::INT]] {
        let mut proxy = Unread::start(&gateway).await;
        proxy.ask(0, REQUESTS).await;
        for signal in signals {
            proxy.signal(*signal);
        }
        assert!(proxy.ended().await.success());
    }
}
