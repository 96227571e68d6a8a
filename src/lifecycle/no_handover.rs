//! The names of the handover and of the service manager on systems that have neither: no process takes over from another, and no
//! message is sent. Both stand on what Linux alone has.

use std::io;

use super::InUse;
use crate::listener::{InheritedSockets, OfferedListener};

/// The process that this one takes over from: there is none.
#[derive(Debug)]
pub(crate) enum Predecessor {}

impl Predecessor {
    /// None, on every start.
    pub(crate) fn find() -> io::Result<Option<(Self, InheritedSockets)>> {
        Ok(None)
    }

    pub(crate) fn in_use(&mut self) -> io::Result<Option<InUse>> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "on Linux it waits for the other process")]
    pub(crate) async fn take_over(self) -> io::Result<()> {
        match self {}
    }
}

/// The process that is to take over from this one: there cannot be one.
#[derive(Debug)]
pub(crate) enum Successor {}

/// Why there is no successor; this process goes on serving.
#[derive(Debug, thiserror::Error)]
#[error(
    "only on Linux can a new process take the listening sockets over; end this one (`frontgate drain` lets clients finish) and \
     start the new one"
)]
pub(crate) struct HandoverError;

impl Successor {
    /// # Errors
    /// Always.
    pub(crate) fn start(_: &[OfferedListener]) -> Result<Self, HandoverError> {
        Err(HandoverError)
    }

    #[expect(clippy::unused_async, reason = "on Linux it waits for the other process")]
    pub(crate) async fn ready(&mut self, _: Option<&InUse>) -> Result<u32, HandoverError> {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "on Linux it writes to the other process")]
    pub(crate) async fn release(self) {
        match self {}
    }

    pub(crate) fn dismiss(&self) {
        match *self {}
    }
}

/// Messages to the service manager, which is systemd's protocol: none is sent.
#[expect(clippy::unused_async, reason = "on Linux they are sent")]
pub(crate) mod notify {
    use std::convert::Infallible;

    pub(crate) async fn ready() {}

    pub(crate) async fn reloading() {}

    pub(crate) async fn stopping() {}

    pub(crate) async fn main_pid(_: u32) {}

    /// There is no watchdog.
    pub(crate) async fn watchdog() -> Infallible {
        std::future::pending().await
    }
}
