//! [`Redis`]: a real one.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::{not_run, within};
use crate::websocket::scene::connect;

/// A Redis of this test's own; it is killed when dropped.
pub(super) struct Redis {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Redis {
    /// Starts one; `None` where it is not installed.
    pub(super) async fn start() -> Option<Self> {
        if Command::new("redis-server").arg("--version").output().is_err() {
            not_run("redis-server is not installed (Debian: redis-server); what replicas share is unchecked here");
            return None;
        }
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = TempDir::new().unwrap();
        Some(Self { child: Self::spawn(address, &folder), address, folder }.ready().await)
    }

    fn spawn(address: SocketAddr, folder: &TempDir) -> Child {
        let mut command = Command::new("redis-server");
        command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    async fn ready(self) -> Self {
        within("Redis", async { while connect(self.address).await.is_err() {} }).await;
        self
    }

    /// The line of a configuration that joins replicas by it.
    pub(super) fn line(&self) -> String {
        line(self.address)
    }

    /// The same by a way on which every answer takes a while.
    pub(super) async fn slow_line(&self) -> (String, SlowWay) {
        let way = SlowWay::to(self.address).await;
        (line(way.address), way)
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, at the same address, with nothing in it.
    pub(super) async fn restart(mut self) -> Self {
        self.kill();
        self.child = Self::spawn(self.address, &self.folder);
        self.ready().await
    }

    /// What it answers to a command.
    pub(super) fn ask(&self, command: &[&str]) -> String {
        let port = self.address.port().to_string();
        let ran = Command::new("redis-cli").args(["-p", &port]).args(command).output().unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }
}

fn line(address: SocketAddr) -> String {
    let secret = "0123456789abcdef0123456789abcdef";
    format!("cluster: {{ redis: \"redis://{address}\", name: test, secret: {secret} }}")
}

/// How a Redis may go away.
#[derive(Debug, Clone, Copy)]
pub(super) enum RedisFault {
    Killed,
    Stopped,
    Full,
    ReadOnly,
}

impl RedisFault {
    pub(super) const ALL: [Self; 4] = [Self::Killed, Self::Stopped, Self::Full, Self::ReadOnly];

    /// It happens.
    pub(super) fn begin(self, redis: &mut Redis) {
        match self {
            Self::Killed => redis.kill(),
            Self::Stopped => redis.signal(Signal::STOP),
            Self::Full => {
                redis.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
                redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
            }
            Self::ReadOnly => drop(redis.ask(&["REPLICAOF", "127.0.0.1", "1"])),
        }
    }

    /// It is over.
    pub(super) async fn end(self, mut redis: Redis) -> Redis {
        match self {
            Self::Killed => redis = redis.restart().await,
            Self::Stopped => redis.signal(Signal::CONT),
            Self::Full => drop(redis.ask(&["CONFIG", "SET", "maxmemory", "0"])),
            Self::ReadOnly => drop(redis.ask(&["REPLICAOF", "NO", "ONE"])),
        }
        redis
    }
}

/// A way to a Redis on which every answer takes a while, until it is fast.
pub(super) struct SlowWay {
    address: SocketAddr,
    is_slow: watch::Sender<bool>,
    _connections: JoinSet<()>,
}

impl SlowWay {
    async fn to(redis: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_slow, slow) = watch::channel(true);
        let mut connections = JoinSet::new();
        connections.spawn(async move {
            let mut all = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let slow = slow.clone();
                all.spawn(async move {
                    let Ok(server) = connect(redis).await else { return };
                    let ((mut asks, mut asked), (mut answers, mut answered)) =
                        (client.into_split(), server.into_split());
                    let back = async {
                        let mut bytes = vec![0; 16 * 1024];
                        while let Ok(length @ 1..) = answers.read(&mut bytes).await {
                            let delay = if *slow.borrow() { SLOW } else { Duration::ZERO };
                            tokio::time::sleep(delay).await;
                            if asked.write_all(&bytes[..length]).await.is_err() {
                                return;
                            }
                        }
                    };
                    tokio::select! {
                        _ = tokio::io::copy(&mut asks, &mut answered) => {}
                        () = back => {}
                    }
                });
            }
        });
        Self { address, is_slow, _connections: connections }
    }

    /// Nothing takes a while any more.
    pub(super) fn becomes_fast(&self) {
        self.is_slow.send_replace(false);
    }
}

/// Longer than an answer to a request may take.
const SLOW: Duration = Duration::from_millis(200);

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
