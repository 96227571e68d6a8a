//! [`Redis`]: a real one.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

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
        let secret = "0123456789abcdef0123456789abcdef";
        format!("cluster: {{ redis: \"redis://{}\", name: test, secret: {secret} }}", self.address)
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

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
