//! [`Predecessor`]: the process that this one takes over from.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{env, io, process};

use rustix::net::sockopt::socket_peercred;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::InUse;
use super::handover::{ASK, GO, TELLS, VARIABLE, ready, receive_sockets, receive_told};
use crate::listener::InheritedSockets;

/// The process that this one takes over from, until it stops serving.
#[derive(Debug)]
pub(crate) struct Predecessor(UnixStream);

impl Predecessor {
    /// The process that started this one to be its successor, if there is one, and its listening sockets. Afterwards
    /// standard input is empty.
    ///
    /// # Errors
    /// The predecessor did not send the sockets.
    pub(crate) fn find() -> io::Result<Option<(Self, InheritedSockets)>> {
        let (name, value) = VARIABLE;
        if env::var(name).ok().as_deref() != Some(value) {
            return Ok(None);
        }
        let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        channel.set_read_timeout(Some(LONGEST_WAIT))?;
        let inherited = receive_sockets(&channel)?;
        Ok(Some((Self(channel), inherited)))
    }

    /// The configuration that the predecessor runs on; `None` if its version does not tell.
    ///
    /// # Errors
    /// The predecessor has ended or does not answer.
    pub(crate) fn in_use(&mut self) -> io::Result<Option<InUse>> {
        let process = socket_peercred(&self.0)?.pid.as_raw_nonzero().to_string();
        if env::var(TELLS).ok() != Some(process) {
            return Ok(None);
        }
        self.0.write_all(ASK.as_bytes())?;
        receive_told(&self.0).map(Some)
    }

    /// Says that this process serves, and waits until the predecessor stops serving: from then on this process is the
    /// service.
    ///
    /// # Errors
    /// The predecessor has ended or says nothing. No other process serves then, so this one is the service all the
    /// same.
    pub(crate) async fn take_over(self) -> io::Result<()> {
        self.0.set_nonblocking(true)?;
        let mut channel = tokio::net::UnixStream::from_std(self.0)?;
        channel.write_all(ready(process::id()).as_bytes()).await?;
        let mut said = [0; GO.len()];
        timeout(LONGEST_WAIT, channel.read_exact(&mut said)).await??;
        Ok(())
    }
}

/// A running process answers at once.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
