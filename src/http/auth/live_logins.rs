//! [`LiveLogins`]: the logins of WebSockets that are open and of answers that go on, looked at again while these live.
//!
//! All of them that one login has on one route are one session, which is looked at once for all. A session whose login has
//! ended is closed; an absent login service ends none.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::recheck::{LoginRecheck, LoginStanding, Look};
use super::user::{AuthenticatedUser, LoginEvidence, ProofKind, SessionKey};
use crate::drain::Drain;
use crate::observe::Metrics;
use crate::observe::metrics::CountedStanding;
use crate::websocket::relay_stats::RelayStats;

/// The logins of WebSockets that are open and of answers that go on; cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveLogins(Arc<LiveLoginsShared>);

struct LiveLoginsShared {
    state: Mutex<LiveLoginsState>,
    /// Changes when another configuration is taken over.
    rechecks: watch::Sender<RouteRechecks>,
    drain: Drain,
    metrics: Arc<Metrics>,
}

/// What looks at logins again, by the names of routes; `None` for a route that asks for none.
pub(crate) type RouteRechecks = Arc<BTreeMap<Arc<str>, Option<Arc<dyn LoginRecheck>>>>;

#[derive(Default)]
struct LiveLoginsState {
    sessions: HashMap<LiveSessionKey, LiveSession>,
    /// The number of the next link.
    next: u64,
}

/// A login on a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LiveSessionKey {
    proof: ProofKind,
    session: SessionKey,
    route: Arc<str>,
}

/// The links of one login on one route.
struct LiveSession {
    links: HashMap<u64, LiveLink>,
    /// Ends the task that looks at the login.
    over: CancellationToken,
}

/// What goes on with a login, and ends with it.
#[derive(Debug, Clone)]
pub(crate) enum LiveLink {
    /// A WebSocket.
    WebSocket(Arc<RelayStats>),
    /// An answer that is not complete.
    Answer(CancellationToken),
}

impl LiveLink {
    fn end(&self) {
        match self {
            Self::WebSocket(relay) => relay.end_session(),
            Self::Answer(ended) => ended.cancel(),
        }
    }
}

/// Keeps a link among those of its login until it is dropped.
pub(crate) struct LiveLoginGuard {
    all: LiveLogins,
    key: LiveSessionKey,
    number: u64,
}

impl fmt::Debug for LiveLoginGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveLoginGuard").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The login of a link that is about to open.
#[derive(Clone)]
pub(crate) struct OpeningLogin {
    /// The user.
    pub(crate) user: Arc<AuthenticatedUser>,
    /// What has let the user in.
    pub(crate) recheck: Arc<dyn LoginRecheck>,
}

impl fmt::Debug for OpeningLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpeningLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

impl LiveLogins {
    /// No logins; their tasks run on `drain`, and looks at them count in `metrics`.
    pub(crate) fn new(drain: &Drain, metrics: Arc<Metrics>) -> Self {
        let (rechecks, _) = watch::channel(RouteRechecks::default());
        Self(Arc::new(LiveLoginsShared { state: Mutex::default(), rechecks, drain: drain.clone(), metrics }))
    }

    /// How many logins something goes on with, each on each of its routes.
    pub(crate) fn count(&self) -> usize {
        self.state().sessions.len()
    }

    /// Adds a link to its login, until the guard is dropped.
    #[must_use]
    pub(crate) fn enter(&self, login: OpeningLogin, link: LiveLink) -> LiveLoginGuard {
        let OpeningLogin { user, recheck } = login;
        let key = LiveSessionKey { proof: user.proof, session: user.session, route: Arc::clone(recheck.route()) };
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let session = state.sessions.entry(key.clone()).or_insert_with(|| {
            let over = CancellationToken::new();
            let task = SessionTask { all: self.clone(), key: key.clone(), user, recheck };
            self.0.drain.spawn(task.run(self.0.rechecks.subscribe(), over.clone()));
            LiveSession { links: HashMap::new(), over }
        });
        session.links.insert(number, link);
        LiveLoginGuard { all: self.clone(), key, number }
    }

    /// Takes over what looks at logins again under another configuration, which looks at all of them.
    pub(crate) fn take_over(&self, rechecks: RouteRechecks) {
        self.0.rechecks.send_replace(rechecks);
    }

    /// Looks at all logins at once, but for those that a login service would have to be asked about.
    pub(crate) fn look_again(&self) {
        self.0.rechecks.send_modify(|_| {});
    }

    fn end(&self, key: &LiveSessionKey) {
        // A link that opens from here on begins another session, which is looked at anew.
        let Some(session) = self.state().sessions.remove(key) else { return };
        session.over.cancel();
        session.links.values().for_each(LiveLink::end);
    }

    fn state(&self) -> MutexGuard<'_, LiveLoginsState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LiveLoginGuard {
    fn drop(&mut self) {
        let mut state = self.all.state();
        let Some(session) = state.sessions.get_mut(&self.key) else { return };
        session.links.remove(&self.number);
        if session.links.is_empty() {
            session.over.cancel();
            state.sessions.remove(&self.key);
        }
    }
}

/// Looks at one login again and again.
struct SessionTask {
    all: LiveLogins,
    key: LiveSessionKey,
    user: Arc<AuthenticatedUser>,
    /// What has let the user in.
    recheck: Arc<dyn LoginRecheck>,
}

impl SessionTask {
    async fn run(self, mut rechecks: watch::Receiver<RouteRechecks>, over: CancellationToken) {
        let ended = async {
            let mut now = rechecks.borrow_and_update().clone();
            // The configuration may have changed while the gateway was asked.
            let admitted_by = |other: &Arc<dyn LoginRecheck>| Arc::ptr_eq(&self.recheck, other);
            if !self.of(&now).is_some_and(admitted_by) && self.look(&now, Look::AtHand).await == LoginStanding::Ended {
                return;
            }
            let mut until = self.user.until;
            loop {
                let every = self.of(&now).and_then(|recheck| recheck.every());
                tokio::select! {
                    () = reached(until) => match self.look_at_the_end(&now).await {
                        LoginStanding::Until(later) if later > SystemTime::now() => until = Some(later),
                        // Who could renew it does not say whether.
                        LoginStanding::Unknown => until = Some(SystemTime::now() + every.unwrap_or(LONGEST_WAIT)),
                        LoginStanding::Until(_) | LoginStanding::Stands | LoginStanding::Ended => return,
                    },
                    () = waited(every.map(jittered)) => match self.look(&now, Look::Asked).await {
                        LoginStanding::Ended => return,
                        LoginStanding::Until(later) => until = Some(later),
                        LoginStanding::Stands | LoginStanding::Unknown => {}
                    },
                    changed = rechecks.changed() => {
                        if changed.is_err() {
                            std::future::pending::<()>().await;
                        }
                        now = rechecks.borrow_and_update().clone();
                        if self.look(&now, Look::AtHand).await == LoginStanding::Ended {
                            return;
                        }
                    }
                }
            }
        };
        let mut over = pin!(over.cancelled_owned());
        tokio::select! {
            () = &mut over => {}
            () = ended => {
                tracing::debug!(user = %self.user.name, route = %self.key.route, "login ended under what goes on with it");
                self.all.end(&self.key);
            }
        }
    }

    /// What looks at the login under this configuration.
    fn of<'a>(&self, rechecks: &'a RouteRechecks) -> Option<&'a Arc<dyn LoginRecheck>> {
        rechecks.get(&self.key.route).and_then(Option::as_ref)
    }

    /// Looks at the login, and counts that.
    async fn looked(&self, recheck: &Arc<dyn LoginRecheck>, look: Look) -> LoginStanding {
        let standing = recheck.stands(&self.user, look).await;
        self.all.0.metrics.auth.looked(match standing {
            LoginStanding::Stands | LoginStanding::Until(_) => CountedStanding::Stands,
            LoginStanding::Ended => CountedStanding::Ended,
            LoginStanding::Unknown => CountedStanding::Unknown,
        });
        standing
    }

    /// Looks at a login whose time is over; one that nothing can renew has ended.
    async fn look_at_the_end(&self, rechecks: &RouteRechecks) -> LoginStanding {
        match self.user.evidence {
            LoginEvidence::Session(_, Some(_)) => self.look(rechecks, Look::Asked).await,
            _ => LoginStanding::Ended,
        }
    }

    /// Looks at the login. A login service is asked in its turn only.
    async fn look(&self, rechecks: &RouteRechecks, look: Look) -> LoginStanding {
        if look == Look::AtHand && matches!(self.user.evidence, LoginEvidence::Question(_)) {
            return LoginStanding::Unknown;
        }
        match rechecks.get(&self.key.route) {
            Some(None) => LoginStanding::Unknown,
            Some(Some(recheck)) => self.looked(recheck, look).await,
            // The route is gone, or has another name: the login counts wherever it does.
            None => {
                let others: Vec<_> = rechecks.values().flatten().cloned().collect();
                for other in &others {
                    let standing = self.looked(other, look).await;
                    if standing != LoginStanding::Ended {
                        return standing;
                    }
                }
                if others.is_empty() { LoginStanding::Unknown } else { LoginStanding::Ended }
            }
        }
    }
}

/// Resolves when this time has come.
async fn reached(until: Option<SystemTime>) {
    let Some(until) = until else { return std::future::pending().await };
    // A clock may be set while this waits.
    while let Ok(left) = until.duration_since(SystemTime::now()) {
        sleep_until(Instant::now() + left.clamp(SHORTEST_WAIT, LONGEST_WAIT)).await;
    }
}

async fn waited(due: Option<Instant>) {
    match due {
        None => std::future::pending().await,
        Some(due) => sleep_until(due).await,
    }
}

/// In between nine and ten tenths of the time, so that sessions that began together are not looked at together.
fn jittered(every: Duration) -> Instant {
    Instant::now() + every.mul_f64(1.0 - 0.1 * fastrand::f64())
}

const SHORTEST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
