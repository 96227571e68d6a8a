//! [`Gate`]: where requests and WebSockets wait while the gateway restarts.
//!
//! **Who waits.** Whoever finds that nobody can take the connection (refused, no unix socket, no such host, no name for it
//! yet), or that a fresh connection is closed without an answer to something that may be asked again. A gateway that was
//! never up counts as one that restarts: who starts both together wants just that. Nobody waits longer than `hold`, and no
//! more than [`line::MOST`] at once.
//!
//! **Who looks.** The first in line and nobody else, every [`LOOK_EVERY`]; there is no task behind it, and when nobody waits
//! nobody looks. If the first goes away, the next looks. To look is to ask the gateway whether it is ready
//! ([`readiness`](super::readiness)): one that takes connections may still turn WebSockets away. Once it is ready the line
//! moves on in order, [`line::TOGETHER`] at a time.
//!
//! **A gateway that takes connections but never gets ready** is believed for [`line::BELIEVED`]; then the first in line goes
//! through anyway. If it hangs up on that one, it is asked again with growing pauses, and the others wait until it has kept
//! a connection for [`SETTLED`] or answered.
//!
//! **A gateway that announces a restart** to a WebSocket may be listening again before anybody finds it down. So whoever
//! comes after [`Gate::doubt`] looks first.
//!
//! **A gateway that has been down for longer than `hold`** is probably off. A person who opens a page should then read so at
//! once, and the page asks again by itself; so requests are turned away after one look. WebSockets still wait: nobody reads
//! the answer to those, and the Control UI comes back later and later (up to 15 s) after each refusal, while one that waits
//! is through the moment the gateway is up. What nobody has looked at for a minute counts as another outage.

mod line;

use std::fmt::Display;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use line::Asked;
use line::{Down, Joined, Line, Ticket, Turn, Turned};

use super::ConnectError;
use crate::drain::Drain;
use crate::observe::Metrics;

/// The gateway behind a gate.
pub trait Gateway: Sync {
    /// A connection to it.
    type Connection: Send;
    /// Makes a fresh connection.
    fn dial(&self) -> impl Future<Output = Result<Self::Connection, ConnectError>> + Send;
    /// Asks, over a connection of its own, whether it is ready.
    fn readiness(&self) -> impl Future<Output = Result<Readiness, ConnectError>> + Send;
}

/// What a gateway that takes connections says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It is ready, or does not know what it is asked.
    Ready,
    /// It is not ready yet.
    Starting,
    /// It hung up.
    Cut,
}

/// Where requests and WebSockets wait while one gateway restarts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    hold: Option<Duration>,
    line: Mutex<Line<Arc<Notify>>>,
    drain: Drain,
    metrics: Arc<Metrics>,
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
    /// One look must do.
    one_look: bool,
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

/// What the one whose turn it is has found.
enum Found<C> {
    Connection(C),
    Starting,
    Cut,
    Error(ConnectError),
    /// In the time there was.
    Nothing,
}

impl Gate {
    /// A gate at which nobody waits longer than `hold`, or beyond the beginning of `drain`; `None` holds nobody.
    pub fn new(hold: Option<Duration>, drain: Drain, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { hold, line: Mutex::new(Line::new()), drain, metrics }))
    }

    /// Begins one request's way.
    pub fn enter(&self, asked: Asked) -> Wait<'_> {
        Wait { gate: self, asked, ticket: None, place: None, since: None, cuts: 0, one_look: false, last: None }
    }

    fn line(&self) -> MutexGuard<'_, Line<Arc<Notify>>> {
        // Every method of the line leaves it whole.
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gateway has said that it restarts: whoever comes next looks before it goes through.
    pub fn doubt(&self) {
        if self.0.hold.is_some() {
            self.line().doubt(Instant::now());
        }
    }

    /// A fresh connection to `gateway`; failures count.
    async fn dial<G: Gateway>(&self, gateway: &G) -> Result<G::Connection, ConnectError> {
        let dialled = gateway.dial().await;
        self.count(dialled)
    }

    /// Asks whether it is ready, and goes through if it is: before the others hear of it.
    async fn look<G: Gateway>(&self, gateway: &G) -> Found<G::Connection> {
        match self.count(gateway.readiness().await) {
            Ok(Readiness::Starting) => Found::Starting,
            Ok(Readiness::Cut) => Found::Cut,
            Ok(Readiness::Ready) => self.go(gateway).await,
            Err(error) => Found::Error(error),
        }
    }

    async fn go<G: Gateway>(&self, gateway: &G) -> Found<G::Connection> {
        self.dial(gateway).await.map_or_else(Found::Error, Found::Connection)
    }

    fn count<T>(&self, reached: Result<T, ConnectError>) -> Result<T, ConnectError> {
        if let Err(error) = &reached {
            self.0.metrics.upstream.failed(error.as_str());
        }
        reached
    }

    fn down(&self, down: Down, why: &dyn Display) {
        if self.line().down(down, Instant::now()) {
            tracing::warn!(%why, "the gateway is down; requests wait for it");
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
    /// A fresh connection; at once if the gateway is up and nobody was here before.
    ///
    /// # Errors
    /// There is none, and waiting longer does not help or is not wanted.
    pub async fn connection<G: Gateway>(&mut self, gateway: &G) -> Result<G::Connection, NoConnection> {
        let Some(hold) = self.gate.0.hold else { return self.gate.dial(gateway).await.map_err(NoConnection::Failed) };
        if self.cuts == 0 && self.gate.line().is_clear() {
            match self.gate.dial(gateway).await {
                Ok(connection) => {
                    self.connected();
                    return Ok(connection);
                }
                Err(error) => match found_down(&error) {
                    Some(down) => self.gate.down(down, &error),
                    None => return Err(NoConnection::Failed(error)),
                },
            }
        }
        let waited = self.wait(gateway, hold).await;
        match &waited {
            Ok(_) => self.gate.0.metrics.upstream.passed.inc(),
            Err(NoConnection::Draining) => return waited,
            Err(_) => self.gate.0.metrics.upstream.gave_up.inc(),
        };
        waited
    }

    async fn wait<G: Gateway>(&mut self, gateway: &G, hold: Duration) -> Result<G::Connection, NoConnection> {
        self.join(hold)?;
        let until = *self.since.get_or_insert_with(Instant::now) + hold;
        let connection = tokio::select! {
            biased;
            () = self.gate.0.drain.soft() => return Err(NoConnection::Draining),
            connection = timeout_at(until, self.in_line(gateway)) => connection,
        };
        match connection {
            Ok(Ok(Some(connection))) => {
                self.connected();
                Ok(connection)
            }
            Ok(Ok(None)) => Err(self.in_vain(NoConnection::LongDown)),
            Ok(Err(error)) => Err(NoConnection::Failed(error)),
            Err(_) => Err(self.in_vain(NoConnection::HeldInVain(hold))),
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
            self.gate.down(Down::Cut, &HUNG_UP);
            self.cuts += 1;
        }
        self.cuts > 0
    }

    fn join(&mut self, hold: Duration) -> Result<(), NoConnection> {
        if self.place.is_none() {
            let turn = Arc::new(Notify::new());
            let joined = self.gate.line().join(self.ticket, self.asked, Arc::clone(&turn), hold, Instant::now());
            let Joined { ticket, one_look } = joined.map_err(|turned| match turned {
                Turned::Full => NoConnection::Full,
                Turned::LongDown => NoConnection::LongDown,
            })?;
            (self.ticket, self.one_look) = (Some(ticket), one_look);
            self.place = Some(Place { gate: self.gate.clone(), ticket, turn });
            self.gate.0.metrics.upstream.waiting.inc();
            self.gate.call();
        }
        Ok(())
    }

    /// Looks and dials when it is our turn, until it succeeds; `None` if one look must do and was in vain. While the gateway
    /// is down, any failure may be a part of that.
    async fn in_line<G: Gateway>(&mut self, gateway: &G) -> Result<Option<G::Connection>, ConnectError> {
        let Some(place) = &self.place else { return pending().await };
        if self.cuts > 1 {
            sleep((LOOK_EVERY * 2u32.saturating_pow(self.cuts)).min(LONGEST_PAUSE)).await;
        }
        loop {
            let (turn, is_down) = {
                let line = self.gate.line();
                (line.turn(place.ticket, Instant::now()), line.outage().is_some())
            };
            let found = match turn {
                Turn::Wait => {
                    place.turn.notified().await;
                    continue;
                }
                Turn::Look => timeout(LOOK_LIMIT, self.gate.look(gateway)).await.unwrap_or(Found::Nothing),
                Turn::Go if is_down => timeout(LOOK_LIMIT, self.gate.go(gateway)).await.unwrap_or(Found::Nothing),
                Turn::Go => self.gate.go(gateway).await,
            };
            let mut pause = LOOK_EVERY;
            match found {
                Found::Connection(connection) => {
                    if turn == Turn::Look {
                        self.gate.up();
                    }
                    return Ok(Some(connection));
                }
                Found::Starting => self.gate.down(Down::Starting, &"it is not ready yet"),
                Found::Cut => self.gate.down(Down::Cut, &HUNG_UP),
                // It has taken the connection, or its machine swallows what is sent there.
                Found::Nothing => self.gate.down(Down::Starting, &"it does not answer"),
                Found::Error(error) => {
                    match found_down(&error) {
                        Some(down) => self.gate.down(down, &error),
                        None if is_down => self.gate.down(Down::Refused, &error),
                        None => return Err(error),
                    }
                    if matches!(error, ConnectError::Resolve { .. }) {
                        pause = NAME_EVERY;
                    }
                    self.last = Some(error);
                }
            }
            if self.one_look {
                return Ok(None);
            }
            sleep(pause).await;
        }
    }

    /// Why there is no connection after all: what is known better than that the gateway is down.
    fn in_vain(&mut self, otherwise: NoConnection) -> NoConnection {
        match self.last.take() {
            None | Some(ConnectError::Refused) => otherwise,
            Some(error) if found_down(&error) == Some(Down::Cut) => otherwise,
            Some(error) => NoConnection::Failed(error),
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
        self.gate.0.metrics.upstream.waiting.dec();
        self.gate.line().leave(self.ticket);
        self.gate.call();
    }
}

/// Whether this is how a gateway that restarts looks, or its machine, or the network in front of that. A container has no
/// name before it is up.
fn found_down(error: &ConnectError) -> Option<Down> {
    match error {
        ConnectError::Refused | ConnectError::Resolve { .. } | ConnectError::TimedOut(_) => Some(Down::Refused),
        ConnectError::Tls(error) | ConnectError::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Some(Down::Cut),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::TimedOut => {
                Some(Down::Refused)
            }
            _ => None,
        },
    }
}

const HUNG_UP: &str = "it hung up without an answer";

/// Half of the 100 ms within which a gateway that is back is noticed. On the machine itself it costs 20 refused connections
/// a second, while somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The same for a name without an address: to ask for it may be work for servers of others.
const NAME_EVERY: Duration = Duration::from_millis(500);

/// A machine that restarts swallows the first packet of a connection, and the kernel's next try comes later each time.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// The longest pause before a request is sent once more to a gateway that hung up on it: it may have begun to answer.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// What takes a connection for a gateway that is down finds out within a round trip on the same machine.
const SETTLED: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests;
