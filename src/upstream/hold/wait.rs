//! [`HoldWait`]: one request's way through the hold queue.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::space::HoldPermit;
use super::wait_list::{DownReason, Joined, LongDown, WaitTicket, WaitTurn};
use super::{GatewayReadiness, HeldGateway, HoldQueue, HoldRequest, NoConnection, ProbeOutcome};
use crate::upstream::ConnectError;

/// One request's way through the hold queue, for as long as it has no answer. Dropped, it leaves the line.
#[derive(Debug)]
pub(crate) struct HoldWait<'a> {
    hold_queue: &'a HoldQueue,
    entry: HoldRequest,
    ticket: Option<WaitTicket>,
    place: Option<WaitState>,
    /// Since when the request waits, if it has to.
    since: Option<Instant>,
    /// Since when the request has had its latest connection.
    connected: Option<Instant>,
    /// A gateway took the request, kept it, and went away: the hold was counted anew from there, which happens once.
    renewed: bool,
    /// How often a connection was closed without an answer.
    cuts: u32,
    /// Whether the request may look once only.
    one_look: bool,
    last: Option<ConnectError>,
}

#[derive(Debug)]
struct WaitState {
    hold_queue: HoldQueue,
    ticket: WaitTicket,
    turn: Arc<Notify>,
    _held: HoldPermit,
}

impl<'a> HoldWait<'a> {
    /// The wait of a request that has not begun.
    pub(super) fn new(hold_queue: &'a HoldQueue, entry: HoldRequest) -> Self {
        Self {
            hold_queue,
            entry,
            ticket: None,
            place: None,
            since: None,
            connected: None,
            renewed: false,
            cuts: 0,
            one_look: false,
            last: None,
        }
    }
}

impl HoldWait<'_> {
    /// A fresh connection; at once if the gateway is up and no request waits.
    ///
    /// # Errors
    /// If there is none, and waiting longer does not help or is not wanted.
    pub(crate) async fn connection<G: HeldGateway>(&mut self, gateway: &G) -> Result<G::Connection, NoConnection> {
        let Some(hold) = self.hold_queue.0.hold else {
            return self.hold_queue.dial(gateway).await.map_err(NoConnection::Failed);
        };
        if self.cuts == 0 && self.hold_queue.line().is_clear() {
            let dialled = timeout_at(self.entry.began + hold, self.hold_queue.dial(gateway)).await;
            match dialled.unwrap_or_else(|_| self.hold_queue.count(Err(ConnectError::TimedOut(hold)))) {
                Ok(connection) => {
                    self.connected();
                    return Ok(connection);
                }
                Err(error) => match found_down(&error) {
                    Some(down) => self.hold_queue.down(down, &error),
                    None => return Err(NoConnection::Failed(error)),
                },
            }
        }
        let waited = self.wait(gateway, hold).await;
        if let Some(held) = self.held() {
            self.hold_queue.0.metrics.upstream.wait.time(held);
        }
        match &waited {
            Ok(_) => self.hold_queue.0.metrics.upstream.passed.inc(),
            Err(NoConnection::Draining) => return waited,
            Err(_) => self.hold_queue.0.metrics.upstream.gave_up.inc(),
        };
        waited
    }

    async fn wait<G: HeldGateway>(&mut self, gateway: &G, hold: Duration) -> Result<G::Connection, NoConnection> {
        self.join(hold)?;
        self.since.get_or_insert_with(Instant::now);
        let until = self.entry.began + hold;
        let connection = tokio::select! {
            biased;
            () = self.hold_queue.0.drain.soft() => return Err(NoConnection::Draining),
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

    /// How long the request has waited, if it had to.
    pub(crate) fn held(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Waits for what the gateway sends over a fresh connection. The line moves on when the gateway has sent something,
    /// or kept the connection for `SETTLED` (250 ms).
    pub(crate) async fn answer<A>(&mut self, answer: impl Future<Output = A>) -> A {
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

    /// Notes that the gateway has answered, and leaves the line.
    pub(crate) fn up(&mut self) {
        self.hold_queue.up();
        self.place = None;
    }

    /// Notes that the fresh connection was closed without an answer. Returns whether to ask again, with the next
    /// [`HoldWait::connection`].
    ///
    /// `gateway` is asked whether it is ready: if it is, it hung up on this request alone, which would fare no better
    /// another time, and the other requests are not held up.
    pub(crate) async fn cut<G: HeldGateway>(&mut self, gateway: &G) -> bool {
        let Some(hold) = self.hold_queue.0.hold else { return false };
        let now = Instant::now();
        let kept = self.connected.take().is_some_and(|since| now.saturating_duration_since(since) >= SETTLED);
        if kept && !self.renewed {
            // The gateway was at work for a while. That time is not time that the client has waited for a gateway.
            (self.entry.began, self.renewed) = (now, true);
        }
        let until = (self.entry.began + hold).min(now + LOOK_LIMIT);
        match timeout_at(until, gateway.readiness()).await.map(|said| self.hold_queue.count(said)) {
            Ok(Ok(GatewayReadiness::Ready)) => {
                self.up();
                return false;
            }
            Ok(Ok(GatewayReadiness::Starting)) => self.hold_queue.down(DownReason::Starting, &"it is not ready yet"),
            Ok(Ok(GatewayReadiness::Cut)) => self.hold_queue.down(DownReason::Cut, &HUNG_UP),
            Ok(Err(error)) => match found_down(&error) {
                Some(down) => self.hold_queue.down(down, &error),
                None => return false,
            },
            Err(_) => self.hold_queue.down(DownReason::Starting, &"it does not answer"),
        }
        self.cuts += 1;
        true
    }

    fn join(&mut self, hold: Duration) -> Result<(), NoConnection> {
        if self.place.is_none() {
            let HoldRequest { asked, client, bytes, .. } = self.entry;
            let held = self.hold_queue.0.space.take(asked, client, bytes).ok_or(NoConnection::Full)?;
            let turn = Arc::new(Notify::new());
            let joined = self.hold_queue.line().join(self.ticket, asked, Arc::clone(&turn), hold, Instant::now());
            let Joined { ticket, one_look } = joined.map_err(|LongDown| self.in_vain(NoConnection::LongDown))?;
            (self.ticket, self.one_look) = (Some(ticket), one_look);
            self.place = Some(WaitState { hold_queue: self.hold_queue.clone(), ticket, turn, _held: held });
            self.hold_queue.0.metrics.upstream.waiting.inc();
            self.hold_queue.call();
        }
        Ok(())
    }

    /// Looks and dials when it is this request's turn, until it succeeds; `None` if it may look once only and that was
    /// in vain. While the gateway is down, any failure may be a part of that.
    async fn in_line<G: HeldGateway>(&mut self, gateway: &G) -> Result<Option<G::Connection>, ConnectError> {
        let Some(place) = &self.place else { return pending().await };
        if self.cuts > 1 {
            sleep((LOOK_EVERY * 2u32.saturating_pow(self.cuts)).min(LONGEST_PAUSE)).await;
        }
        loop {
            let (turn, is_down) = {
                let line = self.hold_queue.line();
                (line.turn(place.ticket, Instant::now()), line.outage().is_some())
            };
            let found = match turn {
                WaitTurn::Wait => {
                    place.turn.notified().await;
                    continue;
                }
                WaitTurn::Look => {
                    timeout(LOOK_LIMIT, self.hold_queue.look(gateway)).await.unwrap_or(ProbeOutcome::Nothing)
                }
                WaitTurn::Go if is_down => {
                    timeout(LOOK_LIMIT, self.hold_queue.go(gateway)).await.unwrap_or(ProbeOutcome::Nothing)
                }
                WaitTurn::Go => self.hold_queue.go(gateway).await,
            };
            let mut pause = LOOK_EVERY;
            match found {
                ProbeOutcome::Connection(connection) => {
                    if turn == WaitTurn::Look {
                        self.hold_queue.up();
                    }
                    return Ok(Some(connection));
                }
                ProbeOutcome::Starting => self.hold_queue.down(DownReason::Starting, &"it is not ready yet"),
                ProbeOutcome::Cut => self.hold_queue.down(DownReason::Cut, &HUNG_UP),
                // The gateway has taken the connection, or its machine swallows the packets that are sent there.
                ProbeOutcome::Nothing => self.hold_queue.down(DownReason::Starting, &"it does not answer"),
                ProbeOutcome::Error(error) => {
                    match found_down(&error) {
                        Some(down) => self.hold_queue.down(down, &error),
                        None if is_down => self.hold_queue.down(DownReason::Refused, &error),
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

    /// Why there is no connection after all: the last error, if it says more than that the gateway is down.
    fn in_vain(&mut self, otherwise: NoConnection) -> NoConnection {
        match self.last.take() {
            // Another request has looked.
            None => self.hold_queue.line().outage().and_then(NoConnection::of).unwrap_or(otherwise),
            Some(ConnectError::Refused) => otherwise,
            Some(error) if found_down(&error) == Some(DownReason::Cut) => otherwise,
            Some(error) => NoConnection::Failed(error),
        }
    }

    /// Notes a connection. It alone says that the gateway is up, unless the gateway was known to hang up.
    fn connected(&mut self) {
        self.connected = Some(Instant::now());
        if self.hold_queue.line().outage() != Some(DownReason::Cut) {
            self.hold_queue.up();
            self.place = None;
        }
    }
}

impl Drop for WaitState {
    fn drop(&mut self) {
        self.hold_queue.0.metrics.upstream.waiting.dec();
        self.hold_queue.line().leave(self.ticket);
        self.hold_queue.call();
    }
}

/// Whether a gateway that restarts looks like this, or its machine, or the network in front of that. A container has no
/// name before it is up.
fn found_down(error: &ConnectError) -> Option<DownReason> {
    match error {
        ConnectError::Refused | ConnectError::TimedOut(_) => Some(DownReason::Refused),
        ConnectError::Resolve { .. } | ConnectError::NoGateways(_) => Some(DownReason::Unnamed),
        ConnectError::Draining => Some(DownReason::TakenOut),
        ConnectError::Tls(error) | ConnectError::Io(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Some(DownReason::Cut),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::TimedOut => {
                Some(DownReason::Refused)
            }
            _ => None,
        },
        // A shortage on our side says nothing about the gateway.
        ConnectError::Exhausted { .. } | ConnectError::Itself(_) => None,
    }
}

const HUNG_UP: &str = "it hung up without an answer";

/// Half of the 100 ms within which a gateway that is back is noticed. On the machine itself it costs 20 refused
/// connections a second, while a request waits.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The same for a name without an address: each lookup may be work for the DNS servers of other operators.
const NAME_EVERY: Duration = Duration::from_millis(500);

/// The time for one look. A machine that restarts swallows the first packet of a connection, and the kernel's next try
/// comes later each time.
pub(in crate::upstream) const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// The longest pause before a request is sent once more to a gateway that hung up on it: it may have begun to answer.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// A connection that is kept for so long is believed. A proxy that takes connections for a gateway that is down finds
/// that out within a round trip on the same machine.
pub(super) const SETTLED: Duration = Duration::from_millis(250);
