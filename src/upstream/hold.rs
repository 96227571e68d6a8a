//! [`Gate`]: where requests and WebSockets wait while the gateway restarts.
//!
//! **Who waits.** Whoever finds that nobody takes the connection (refused, no unix socket), or that a fresh connection is
//! closed without an answer to something that may be asked again. A gateway that was never up counts as one that restarts:
//! who starts both together wants just that. Nobody waits longer than `hold`, and no more than [`line::MOST`] at once.
//!
//! **Who looks.** The first in line and nobody else, every [`PROBE_EVERY`], with a connection that becomes its own; there is
//! no task behind it, and when nobody waits nobody looks. If the first goes away, the next looks. Once the gateway is up the
//! line moves on in order, [`line::TOGETHER`] at a time. A gateway that takes connections and hangs up is not up before it has
//! kept one for [`SETTLED`] or answered; those who look at it do so with growing pauses, since each look is a request.
//!
//! **A gateway that has been down for longer than `hold`** is probably off. A person who opens a page should then read so at
//! once, and the page asks again by itself; so requests are turned away without waiting. WebSockets still wait: nobody reads
//! the answer to those, and the Control UI comes back later and later (up to 15 s) after each refusal, while one that waits
//! is through the moment the gateway is up. What nobody has looked at for a minute counts as another outage.

mod line;

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use line::Asked;
use line::{Down, Line, Ticket, Turned};

use super::ConnectError;
use crate::drain::Drain;

/// Where requests and WebSockets wait while one gateway restarts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    hold: Option<Duration>,
    line: Mutex<Line<Arc<Notify>>>,
    drain: Drain,
}

/// One request's way through the gate, for as long as it has no answer. Dropped, it leaves the line.
#[derive(Debug)]
pub struct Wait<'a> {
    gate: &'a Gate,
    asked: Asked,
    ticket: Option<Ticket>,
    place: Option<Place>,
    since: Option<Instant>,
    /// How often a connection was closed without an answer.
    cuts: u32,
    last: Option<ConnectError>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    /// The gateway cannot be reached, for a reason that waiting does not help.
    #[error(transparent)]
    Failed(ConnectError),
    /// It did not come up in time.
    #[error("nobody has answered at the gateway's address for {0:?}")]
    HeldInVain(Duration),
    /// It has been down for so long that nobody waits for a page.
    #[error("nobody has answered at the gateway's address for longer than `hold`")]
    LongDown,
    /// As many wait already as may.
    #[error("{} requests wait for the gateway already", line::MOST)]
    Full,
    /// Frontgate is shutting down.
    #[error("shutting down")]
    Draining,
}

#[derive(Debug)]
struct Place {
    gate: Gate,
    ticket: Ticket,
    turn: Arc<Notify>,
}

impl Gate {
    /// A gate at which nobody waits longer than `hold`, or beyond the beginning of `drain`; `None` holds nobody.
    pub fn new(hold: Option<Duration>, drain: Drain) -> Self {
        Self(Arc::new(Shared { hold, line: Mutex::new(Line::new()), drain }))
    }

    /// Begins one request's way.
    pub fn enter(&self, asked: Asked) -> Wait<'_> {
        Wait { gate: self, asked, ticket: None, place: None, since: None, cuts: 0, last: None }
    }

    fn line(&self) -> MutexGuard<'_, Line<Arc<Notify>>> {
        // Every method of the line leaves it whole.
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn down(&self, down: Down) {
        if self.line().down(down, Instant::now()) {
            tracing::warn!("the gateway is down; requests wait for it");
        }
    }

    fn up(&self) {
        let news = self.line().up(Instant::now());
        if let Some((down, waiting)) = news {
            let down_ms = u64::try_from(down.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(down_ms, waiting, "the gateway is up again");
        }
        self.call();
    }

    fn call(&self) {
        let due = self.line().due();
        for turn in due {
            turn.notify_one();
        }
    }
}

impl Wait<'_> {
    /// A fresh connection, made by `dial`; at once if the gateway is up and nobody was here before.
    ///
    /// # Errors
    /// There is none, and waiting longer does not help or is not wanted.
    pub async fn connection<T, D>(&mut self, dial: impl Fn() -> D) -> Result<T, NoConnection>
    where
        D: Future<Output = Result<T, ConnectError>>,
    {
        let Some(hold) = self.gate.0.hold else { return dial().await.map_err(NoConnection::Failed) };
        if self.cuts == 0 && self.gate.line().is_empty() {
            match dial().await {
                Ok(connection) => {
                    self.connected();
                    return Ok(connection);
                }
                Err(error) => match found_down(&error) {
                    Some(down) => self.gate.down(down),
                    None => return Err(NoConnection::Failed(error)),
                },
            }
        }
        self.join(hold)?;
        let until = *self.since.get_or_insert_with(Instant::now) + hold;
        let connection = tokio::select! {
            biased;
            () = self.gate.0.drain.soft() => return Err(NoConnection::Draining),
            connection = timeout_at(until, self.in_line(dial)) => connection,
        };
        match connection {
            Ok(Ok(connection)) => {
                self.connected();
                Ok(connection)
            }
            Ok(Err(error)) => Err(NoConnection::Failed(error)),
            Err(_) => Err(match self.last.take() {
                Some(error) if found_down(&error).is_none() => NoConnection::Failed(error),
                _ => NoConnection::HeldInVain(hold),
            }),
        }
    }

    /// How long it has waited, if it had to.
    pub fn held(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Waits for what the gateway says over a fresh connection. The line moves on when it has said something, or kept the
    /// connection for a moment.
    pub async fn answer<A>(&mut self, answer: impl Future<Output = A>) -> A {
        let mut answer = pin!(answer);
        if self.place.is_none() {
            return answer.await;
        }
        tokio::select! {
            answer = &mut answer => return answer,
            () = sleep(SETTLED) => self.up(),
        }
        answer.await
    }

    /// There is an answer.
    pub fn up(&mut self) {
        self.gate.up();
        self.place = None;
    }

    /// The fresh connection was closed without an answer. Whether to ask again, with the next [`Wait::connection`].
    pub fn cut(&mut self) -> bool {
        if self.gate.0.hold.is_some() {
            self.gate.down(Down::Cut);
            self.cuts += 1;
        }
        self.cuts > 0
    }

    fn join(&mut self, hold: Duration) -> Result<(), NoConnection> {
        if self.place.is_none() {
            let turn = Arc::new(Notify::new());
            let joined = self.gate.line().join(self.ticket, self.asked, Arc::clone(&turn), hold, Instant::now());
            let ticket = joined.map_err(|turned| match turned {
                Turned::Full => NoConnection::Full,
                Turned::LongDown => NoConnection::LongDown,
            })?;
            self.ticket = Some(ticket);
            self.place = Some(Place { gate: self.gate.clone(), ticket, turn });
            self.gate.call();
        }
        Ok(())
    }

    /// Dials when it is our turn, until it succeeds. While the gateway is down, any failure may be a part of that.
    async fn in_line<T, D>(&mut self, dial: impl Fn() -> D) -> Result<T, ConnectError>
    where
        D: Future<Output = Result<T, ConnectError>>,
    {
        let Some(place) = &self.place else { return pending().await };
        if self.cuts > 0 {
            sleep((PROBE_EVERY * 2u32.saturating_pow(self.cuts)).min(PROBE_CUT)).await;
        }
        loop {
            let (has_turn, is_down) = {
                let line = self.gate.line();
                (line.has_turn(place.ticket), line.outage().is_some())
            };
            if !has_turn {
                place.turn.notified().await;
                continue;
            }
            let dialled = if is_down { timeout(PROBE_LIMIT, dial()).await.ok() } else { Some(dial().await) };
            match dialled {
                Some(Ok(connection)) => return Ok(connection),
                Some(Err(error)) => {
                    match found_down(&error) {
                        Some(down) => self.gate.down(down),
                        None if is_down => self.gate.down(Down::Refused),
                        None => return Err(error),
                    }
                    self.last = Some(error);
                }
                None => {}
            }
            sleep(PROBE_EVERY).await;
        }
    }

    /// A connection alone says that the gateway is up, unless it was known to hang up.
    fn connected(&mut self) {
        if self.gate.line().outage() != Some(Down::Cut) {
            self.gate.up();
            self.place = None;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.line().leave(self.ticket);
        self.gate.call();
    }
}

/// Whether this is how a gateway that restarts looks.
fn found_down(error: &ConnectError) -> Option<Down> {
    match error {
        ConnectError::Refused => Some(Down::Refused),
        ConnectError::Tls(error) | ConnectError::Io(error)
            if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
        {
            Some(Down::Cut)
        }
        _ => None,
    }
}

/// Half of the 100 ms within which a gateway that is back is noticed. On the machine itself it costs 20 refused connections
/// a second, while somebody waits.
const PROBE_EVERY: Duration = Duration::from_millis(50);

/// A machine that restarts swallows the first packet of a connection, and the kernel's next try comes later each time.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// The longest pause between two looks at a gateway that hangs up: each is a request that it may have begun to answer.
const PROBE_CUT: Duration = Duration::from_millis(800);

/// What takes a connection for a gateway that is down finds out within a round trip on the same machine.
const SETTLED: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
