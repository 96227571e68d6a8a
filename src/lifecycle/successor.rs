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

use super::handover::{ASK, GO, InUse, TELLS, VARIABLE, read_ready, send_sockets, told};
use crate::listener::OfferedListener;

/// The process that is to take over from this one. It is killed when dropped before it was [released](Self::release).
#[derive(Debug)]
pub struct Successor {
    child: Option<Child>,
    channel: UnixStream,
}

/// Why there is no successor; this process goes on.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// A container ends with its first process.
    #[error("as process 1 it cannot be replaced: the container would end with it; replace the container")]
    First,
    /// The program.
    #[error("cannot start {}: {source}", .program.display())]
    Program {
        /// What was started.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The way of the sockets.
    #[error("cannot hand over the listening sockets: {0}")]
    Sockets(#[from] io::Error),
    /// It ended.
    #[error("the new process ended before it served ({0}){hint}", hint = hint(*.0))]
    Ended(ExitStatus),
    /// It is there and says nothing of use.
    #[error("the new process does not answer; is it frontgate?")]
    Mute,
    /// It takes too long.
    #[error("the new process did not serve within {0:?}")]
    Late(Duration),
}

impl Successor {
    /// Starts this process's program once more, as it was started: the file may be another by now. It gets the listening
    /// sockets.
    ///
    /// # Errors
    /// There is nothing to start, or no way to hand over the sockets.
    pub fn start(offered: &[OfferedListener]) -> Result<Self, HandoverError> {
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
        // These are for this process: with another's id in them they would be ignored, the watchdog's included.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(name);
        }
        let child = command.spawn().map_err(|source| HandoverError::Program { program, source })?;
        // It holds the other end of the channel, which must be the child's alone: its end is the child's.
        drop(command);
        here.set_nonblocking(true)?;
        let successor = Self { child: Some(child), channel: UnixStream::from_std(here.try_clone()?)? };
        // A few lines always fit; a child that has ended already is noticed by its silence.
        match send_sockets(&here, &sockets) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(successor),
        }
    }

    /// Waits until it serves; tells it the configuration in use if it asks. Returns its process id, which is not the child's if
    /// that is a script.
    ///
    /// # Errors
    /// It will not.
    pub async fn ready(&mut self, in_use: Option<&InUse>) -> Result<u32, HandoverError> {
        let mut text = String::new();
        let mut chunk = [0; 32];
        let said = timeout(PATIENCE, async {
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
            return Err(HandoverError::Late(PATIENCE));
        }
        match read_ready(&text) {
            Some(pid) => Ok(pid),
            None => Err(self.end().await),
        }
    }

    /// Lets it go on without this process.
    pub async fn release(mut self) {
        // Whether it hears this or not, it serves.
        let _ = self.channel.write_all(GO.as_bytes()).await;
        self.child = None;
    }

    /// Asks it to stop: it may have clients already. It is killed when dropped all the same.
    pub fn dismiss(&self) {
        let pid = self.child.as_ref().and_then(|child| Pid::from_raw(child.id().cast_signed()));
        if let Some(pid) = pid {
            // Nobody has waited for it, so the id is still its own.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Why it has closed its channel without a word. A process that ends closes its files a moment before.
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
            // Both fail only for one that has been waited for.
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

/// A start takes a fraction of a second. An operator waits for this, and clients are served meanwhile.
const PATIENCE: Duration = Duration::from_secs(15);
