//! [`ConnectionState`]: what a client's connection is doing, so that a silent one can be told from a busy one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What a client's connection is doing. The connection's reader, its requests and its timer share one.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionState(Arc<Mutex<ConnectionStateCell>>);

#[derive(Debug)]
struct ConnectionStateCell {
    phase: ConnectionPhase,
    since: Instant,
    /// How many requests are under way.
    busy: usize,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionPhase {
    /// No byte has come yet.
    Fresh,
    /// A request is under way.
    Busy,
    /// The connection is between two requests.
    Idle,
}

/// How long a connection may stay in a phase; `None` is for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionTimeouts {
    /// The limit for the first byte, and for a request's head.
    pub(crate) head: Option<Duration>,
    /// The limit for the pause between requests.
    pub(crate) idle: Option<Duration>,
}

/// Marks a request as under way as long as this lives.
#[derive(Debug)]
pub(crate) struct RequestUnderWay(ConnectionState);

impl ConnectionState {
    /// The state of a connection that has just begun.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(ConnectionStateCell {
            phase: ConnectionPhase::Fresh,
            since: Instant::now(),
            busy: 0,
        })))
    }

    /// Notes that a request has begun.
    pub(crate) fn begin(&self) -> RequestUnderWay {
        let mut state = self.state();
        state.phase = ConnectionPhase::Busy;
        state.busy += 1;
        drop(state);
        RequestUnderWay(self.clone())
    }

    /// When the current phase has lasted too long.
    pub(crate) fn deadline(&self, connection_timeouts: ConnectionTimeouts) -> Option<Instant> {
        let state = self.state();
        let limit = match state.phase {
            ConnectionPhase::Fresh => connection_timeouts.head,
            ConnectionPhase::Idle => connection_timeouts.idle,
            ConnectionPhase::Busy => None,
        };
        state.since.checked_add(limit?)
    }

    /// When to look at the deadline again. It is not moved with every request, and a new phase may have an earlier one:
    /// so a phase that takes too long is noticed at the latest after twice its time.
    pub(crate) fn look_again(&self, connection_timeouts: ConnectionTimeouts, now: Instant) -> Instant {
        let limits = [Some(LONGEST_LOOK), connection_timeouts.head, connection_timeouts.idle];
        let soon = now + limits.into_iter().flatten().min().unwrap_or(LONGEST_LOOK);
        self.deadline(connection_timeouts).map_or(soon, |at| at.min(soon))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ConnectionStateCell> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RequestUnderWay {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.busy -= 1;
        if state.busy == 0 {
            (state.phase, state.since) = (ConnectionPhase::Idle, Instant::now());
        }
    }
}

/// How often a connection that may wait for longer is looked at.
const LONGEST_LOOK: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_timeout() {
        let connection_timeouts =
            ConnectionTimeouts { head: Some(Duration::from_secs(15)), idle: Some(Duration::from_secs(75)) };
        let left = |connection_state: &ConnectionState| {
            connection_state.deadline(connection_timeouts).map(|at| at - Instant::now())
        };
        let phase = |connection_state: &ConnectionState| connection_state.state().phase;
        let connection_state = ConnectionState::new();
        assert_eq!(
            (phase(&connection_state), left(&connection_state)),
            (ConnectionPhase::Fresh, connection_timeouts.head)
        );
        let (one, two) = (connection_state.begin(), connection_state.begin());
        assert_eq!((phase(&connection_state), left(&connection_state)), (ConnectionPhase::Busy, None));
        drop(one);
        assert_eq!(phase(&connection_state), ConnectionPhase::Busy, "one request is still under way");
        drop(two);
        assert_eq!(
            (phase(&connection_state), left(&connection_state)),
            (ConnectionPhase::Idle, connection_timeouts.idle)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_phase_behind_a_long_one_is_not_overslept() {
        let seconds = Duration::from_secs;
        let rows = [
            (Some(seconds(15)), Some(seconds(75)), seconds(15)),
            (Some(seconds(2)), Some(seconds(75)), seconds(2)),
            (Some(seconds(15)), Some(seconds(5)), seconds(5)),
            (Some(seconds(60)), None, seconds(15)),
            (None, None, seconds(15)),
        ];
        for (head, idle, expected) in rows {
            let (connection_state, connection_timeouts) = (ConnectionState::new(), ConnectionTimeouts { head, idle });
            drop(connection_state.begin());
            assert_eq!(
                connection_state.look_again(connection_timeouts, Instant::now()) - Instant::now(),
                expected,
                "{connection_timeouts:?} idle"
            );
            let _busy = connection_state.begin();
            assert_eq!(
                connection_state.look_again(connection_timeouts, Instant::now()) - Instant::now(),
                expected,
                "{connection_timeouts:?} busy"
            );
        }
    }
}
