//! [`Successor`]: the process that is to take over from this one.

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::InUse;
use super::handover::{ASK, GO, TELLS, VARIABLE, read_ready, send_sockets, told};
use crate::listener::OfferedListener;

/// The process that is to take over from this one. It is killed when dropped before it was [released](Self::release).
#[derive(Debug)]
pub(crate) struct Successor {
    child: Option<Child>,
    channel: UnixStream,
}

/// Why there is no successor; this process goes on serving.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandoverError {
    /// This is process 1, and a container ends with its first process.
    #[error("as process 1 it cannot be replaced: the container would end with it; replace the container")]
    First,
    /// The program cannot be started.
    #[error("cannot start {}: {source}", .program.display())]
    Program {
        /// Path of the program that was started.
        program: PathBuf,
        /// The kernel's error.
        source: io::Error,
    },
    /// The listening sockets cannot be handed over.
    #[error("cannot hand over the listening sockets: {0}")]
    Sockets(#[from] io::Error),
    /// The successor ended before it served.
    #[error("the new process ended before it served ({0}){hint}", hint = hint(*.0))]
    Ended(ExitStatus),
    /// The successor runs and does not say `ready`.
    #[error("the new process does not answer; is it frontgate?")]
    Mute,
    /// The successor did not say `ready` within this time.
    #[error("the new process did not serve within {0:?}")]
    Late(Duration),
}

impl Successor {
    /// Starts this process's program once more, with the same arguments: the file may hold another version by now. The
    /// successor gets the listening sockets.
    ///
    /// # Errors
    /// This is process 1, the program cannot be started, or the sockets cannot be handed over.
    pub(crate) fn start(offered: &[OfferedListener]) -> Result<Self, HandoverError> {
        if process::id() == 1 {
            return Err(HandoverError::First);
        }
        let duplicates: io::Result<Vec<_>> = offered.iter().map(OfferedListener::duplicate).collect();
        let sockets: Vec<(String, OwnedFd)> = duplicates?.into_iter().flatten().collect();
        let (here, there) = StdUnixStream::pair()?;
        let mut words = env::args_os();
        let program = words.next().map(PathBuf::from).unwrap_or_default();
        let mut command = Command::new(&program);
        command
            .args(words)
            .env(VARIABLE.0, VARIABLE.1)
            .env(TELLS, process::id().to_string())
            .stdin(Stdio::from(OwnedFd::from(there)));
        // These variables are meant for this process: with its process id in them the successor would ignore them, the
        // watchdog's included.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(name);
        }
        let child = command.spawn().map_err(|source| HandoverError::Program { program, source })?;
        // `command` holds the child's end of the channel, which must be open in the child alone: then the channel
        // closes when the child ends.
        drop(command);
        here.set_nonblocking(true)?;
        let successor = Self { child: Some(child), channel: UnixStream::from_std(here.try_clone()?)? };
        // A few lines always fit into the socket's buffer; that the child has ended already is noticed when it says
        // nothing.
        match send_sockets(&here, &sockets) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(successor),
        }
    }

    /// Waits until the successor serves; tells it the configuration in use if it asks. Returns its process id, which is
    /// not the child's if the child is a script.
    ///
    /// # Errors
    /// Why the successor will not serve.
    pub(crate) async fn ready(&mut self, in_use: Option<&InUse>) -> Result<u32, HandoverError> {
        let mut text = String::new();
        let mut chunk = [0; 32];
        let said = timeout(LONGEST_WAIT, async {
            while !text.ends_with('\n') && text.len() < chunk.len() {
                let read = self.channel.read(&mut chunk).await.unwrap_or(0);
                if read == 0 {
                    break;
                }
                text.push_str(&String::from_utf8_lossy(&chunk[..read]));
                if text == ASK {
                    text.clear();
                    if self.channel.write_all(&told(in_use)).await.is_err() {
                        break;
                    }
                }
            }
        });
        if said.await.is_err() {
            return Err(HandoverError::Late(LONGEST_WAIT));
        }
        match read_ready(&text) {
            Some(pid) => Ok(pid),
            None => Err(self.end().await),
        }
    }

    /// Lets the successor serve without this process.
    pub(crate) async fn release(mut self) {
        // The successor serves whether it receives this or not.
        let _ = self.channel.write_all(GO.as_bytes()).await;
        self.child = None;
    }

    /// Asks the successor to stop: it may have clients already. It is killed when dropped all the same.
    pub(crate) fn dismiss(&self) {
        let pid = self.child.as_ref().and_then(|child| Pid::from_raw(child.id().cast_signed()));
        if let Some(pid) = pid {
            // The child has not been waited for, so the process id is still its own.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Why the successor has closed its channel without `ready`. A process that ends closes its files a moment before.
    async fn end(&mut self) -> HandoverError {
        for _ in 0..100 {
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return HandoverError::Ended(status);
            }
            sleep(Duration::from_millis(10)).await;
        }
        HandoverError::Mute
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail only for a child that has been waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn hint(status: ExitStatus) -> &'static str {
    match status.code() {
        Some(2) => "; its configuration is wrong: it says where on standard error, and so does `frontgate check`",
        Some(_) => "; it says why on standard error",
        None => "",
    }
}

/// A start takes a fraction of a second. An operator waits for the handover, and clients are served meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
