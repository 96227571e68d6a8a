//! [`HoldQueue`]: where requests and WebSockets wait while the gateway restarts.
//!
//! **Which requests wait.** A request waits if no process takes the connection (refused, no unix socket, no such host,
//! no name for it yet), or if a fresh connection is closed without an answer to a request that may be sent again, by a
//! gateway that then does not say that it is ready. A gateway that says so is up: then only the request that it hung up
//! on fails. A gateway that was never up counts as one that restarts: an operator that starts both together wants just
//! that. No request waits longer than `hold`, counted from its beginning, and no more requests wait than get a permit
//! from the [`HoldSpace`].
//!
//! **Which request looks.** The first in line and no other, every [`wait::LOOK_EVERY`]; there is no task behind it, and
//! when no request waits, none looks. If the first goes away, the next looks. To look is to ask the gateway whether it
//! is ready ([`readiness`](super::readiness)): a gateway that takes connections may still turn WebSockets away. Once it
//! is ready the line moves on in order, [`wait_list::TOGETHER`] at a time.
//!
//! **A gateway that takes connections but never gets ready** is believed for [`wait_list::BELIEVED`]; then the first in
//! line goes through anyway. If the gateway hangs up on that one, it is asked again with growing pauses, and the others
//! wait until it has kept a connection for [`wait::SETTLED`] or answered.
//!
//! **A gateway that announces a restart** to a WebSocket may be listening again before a request finds it down. So the
//! next request after [`HoldQueue::suspect`] looks first.
//!
//! **A gateway that has been down for longer than `hold`** is probably off. A user that opens a page should then read
//! so at once, and the page asks again by itself; so requests are turned away after one look. WebSockets still wait:
//! their users do not read the answer, and the Control UI comes back later and later (up to 15 s) after each refusal,
//! while a WebSocket that waits is through the moment the gateway is up. A gateway that no request has looked at for a
//! minute counts as being in another outage.

mod space;
mod wait;
mod wait_list;

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub(crate) use space::{HoldLimits, HoldSpace};
pub(crate) use wait::HoldWait;
pub(super) use wait::LOOK_LIMIT;
pub(crate) use wait_list::WaitPurpose;
use wait_list::{DownReason, WaitList};

use super::ConnectError;
use crate::drain::Drain;
use crate::listener::Network;
use crate::observe::Metrics;
use crate::observe::log_rate_limit::LogRateLimit;

/// The gateway behind a hold queue.
pub(crate) trait HeldGateway: Sync {
    /// A connection to the gateway.
    type Connection: Send;
    /// Makes a fresh connection.
    fn dial(&self) -> impl Future<Output = Result<Self::Connection, ConnectError>> + Send;
    /// Asks, over a connection of its own, whether it is ready.
    fn readiness(&self) -> impl Future<Output = Result<GatewayReadiness, ConnectError>> + Send;
}

/// What a gateway that takes connections says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GatewayReadiness {
    /// It is ready, or does not know the question.
    Ready,
    /// It is not ready yet.
    Starting,
    /// It hung up without an answer.
    Cut,
}

/// A request, as the hold queue sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HoldRequest {
    /// Whether it asks for an answer or a WebSocket.
    pub(crate) asked: WaitPurpose,
    /// Since when it has been under way: the hold is counted from here.
    pub(crate) began: Instant,
    /// The network it came from, if that is known.
    pub(crate) client: Option<Network>,
    /// Bytes of memory that it takes while it waits.
    pub(crate) bytes: usize,
}

/// Where requests and WebSockets wait while one gateway restarts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HoldQueue(Arc<HoldQueueShared>);

#[derive(Debug)]
struct HoldQueueShared {
    hold: Option<Duration>,
    line: Mutex<WaitList<Arc<Notify>>>,
    space: HoldSpace,
    drain: Drain,
    metrics: Arc<Metrics>,
    /// A shortage comes with every request.
    lines: LogRateLimit,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoConnection {
    /// The gateway cannot be reached, for a reason that waiting does not help.
    #[error(transparent)]
    Failed(ConnectError),
    /// The gateway did not come up within `hold`.
    #[error("no process has answered at the gateway's address for {0:?}")]
    HeldInVain(Duration),
    /// The gateway has been down for longer than `hold`, so that a request does not wait for it.
    #[error("no process has answered at the gateway's address for longer than `hold`")]
    LongDown,
    /// Its name has no address, as another request has found that waits, too.
    #[error("the DNS has given no address for the gateway's name")]
    Unnamed,
    /// An operator has taken it out, as another request has found.
    #[error("an operator has taken it out, until `frontgate drain --resume`")]
    TakenOut,
    /// As many requests wait already as may, in all or of this client's network.
    #[error("too many requests wait for the gateway already")]
    Full,
    /// Frontgate is shutting down.
    #[error("shutting down")]
    Draining,
}

impl NoConnection {
    /// Why there is none while the gateway is down in this way, if that says more than that it is down.
    fn of(down: DownReason) -> Option<Self> {
        match down {
            DownReason::Unnamed => Some(Self::Unnamed),
            DownReason::TakenOut => Some(Self::TakenOut),
            DownReason::Refused | DownReason::Cut | DownReason::Starting | DownReason::Doubted => None,
        }
    }
}

/// What the request at the head of the line has found.
enum ProbeOutcome<C> {
    Connection(C),
    Starting,
    Cut,
    Error(ConnectError),
    /// No answer within the time for a look.
    Nothing,
}

impl HoldQueue {
    /// A queue in which no request waits longer than `hold`, without a permit from `space`, or beyond the beginning of
    /// `drain`. With a `hold` of `None` no request waits.
    pub(crate) fn new(hold: Option<Duration>, space: HoldSpace, drain: Drain, metrics: Arc<Metrics>) -> Self {
        let (line, lines) = (Mutex::new(WaitList::new()), LogRateLimit::default());
        Self(Arc::new(HoldQueueShared { hold, line, space, drain, metrics, lines }))
    }

    /// Begins the wait of one request.
    pub(crate) fn enter(&self, entry: HoldRequest) -> HoldWait<'_> {
        HoldWait::new(self, entry)
    }

    fn line(&self) -> MutexGuard<'_, WaitList<Arc<Notify>>> {
        // Every method of the list leaves it consistent, so a panic elsewhere has not broken it.
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the gateway has announced a restart: the next request looks before it goes through.
    pub(crate) fn suspect(&self) {
        if self.0.hold.is_some() {
            self.line().suspect(Instant::now());
        }
    }

    /// A fresh connection to `gateway`; failures are counted in the metrics.
    async fn dial<G: HeldGateway>(&self, gateway: &G) -> Result<G::Connection, ConnectError> {
        self.count(gateway.dial().await)
    }

    /// Asks the gateway whether it is ready, and connects if it is, before the other requests are woken.
    async fn look<G: HeldGateway>(&self, gateway: &G) -> ProbeOutcome<G::Connection> {
        match self.count(gateway.readiness().await) {
            Ok(GatewayReadiness::Starting) => ProbeOutcome::Starting,
            Ok(GatewayReadiness::Cut) => ProbeOutcome::Cut,
            Ok(GatewayReadiness::Ready) => self.go(gateway).await,
            Err(error) => ProbeOutcome::Error(error),
        }
    }

    async fn go<G: HeldGateway>(&self, gateway: &G) -> ProbeOutcome<G::Connection> {
        self.dial(gateway).await.map_or_else(ProbeOutcome::Error, ProbeOutcome::Connection)
    }

    fn count<T>(&self, reached: Result<T, ConnectError>) -> Result<T, ConnectError> {
        if let Err(error) = &reached {
            let why = error.as_str();
            self.0.metrics.upstream.failed(why);
            if matches!(error, ConnectError::Exhausted { .. })
                && let Some(before) = self.0.lines.pass(why, Instant::now())
            {
                let repeated = (before > 0).then_some(before);
                tracing::warn!(why, %error, repeated, "a connection to the gateway lacks what it takes");
            }
        }
        reached
    }

    fn down(&self, down: DownReason, why: &dyn Display) {
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

#[cfg(test)]
mod tests;
