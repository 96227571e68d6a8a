//! [`OpenWebSockets`]: the WebSockets that are open, and the totals of all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::kept_out::KeptOut;
use crate::observe::redact::Redactor;
use crate::observe::tunnel::TunnelOpening;
use crate::websocket::relay_stats::{LegSnapshot, RelayStats};

/// The WebSockets that are open, and the totals of all since the start; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenWebSockets {
    state: Arc<Mutex<OpenWebSocketsState>>,
    /// The clients that may open none for a while.
    pub(crate) kept_out: KeptOut,
}

#[derive(Debug, Default)]
struct OpenWebSocketsState {
    /// In the order in which they were opened.
    open: BTreeMap<u64, Arc<OpenWebSocket>>,
    opened: u64,
    /// The totals of WebSockets that have ended.
    ended: WebSocketTotals,
    /// Hides secrets where targets are shown.
    redactor: Arc<Redactor>,
}

/// A WebSocket that is open.
#[derive(Debug)]
pub(crate) struct OpenWebSocket {
    /// The client that opened it, and where.
    pub(crate) opening: Arc<TunnelOpening>,
    /// When it was opened.
    pub(crate) since: Instant,
    /// The counters of its relay.
    pub(crate) relay_stats: Arc<RelayStats>,
}

/// Keeps a WebSocket among the open ones until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenWebSocketGuard {
    state: Arc<Mutex<OpenWebSocketsState>>,
    number: u64,
}

/// The totals of WebSockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WebSocketTotals {
    /// The side of the clients: what came from them, and frontgate's pings to them.
    pub(crate) client: SideTotals,
    /// The side of the gateways: what came from them, and frontgate's pings to them.
    pub(crate) gateway: SideTotals,
}

/// One side of [`WebSocketTotals`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SideTotals {
    /// Frames, control frames included.
    pub(crate) frames: u64,
    /// Messages that have begun.
    pub(crate) messages: u64,
    /// Bytes, frame headers included.
    pub(crate) bytes: u64,
    /// Pings that frontgate sent.
    pub(crate) pings: u64,
    /// How many round trips were measured.
    pub(crate) round_trips: u64,
    /// The sum of the measured round trips.
    pub(crate) took: Duration,
}

impl OpenWebSockets {
    /// Adds a WebSocket to the open ones, until the guard is dropped.
    #[must_use]
    pub(crate) fn enter(&self, opening: Arc<TunnelOpening>, relay_stats: Arc<RelayStats>) -> OpenWebSocketGuard {
        let mut state = self.state();
        let number = state.opened;
        state.opened += 1;
        state.open.insert(number, Arc::new(OpenWebSocket { opening, since: Instant::now(), relay_stats }));
        OpenWebSocketGuard { state: Arc::clone(&self.state), number }
    }

    /// Hides in targets that are shown what `redactor` hides.
    pub(crate) fn hide(&self, redactor: Redactor) {
        self.state().redactor = Arc::new(redactor);
    }

    /// What hides secrets in targets.
    pub(crate) fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.state().redactor)
    }

    /// How many WebSockets are open.
    pub(crate) fn count(&self) -> usize {
        self.state().open.len()
    }

    /// How many WebSockets were opened since the start.
    pub(crate) fn opened(&self) -> u64 {
        self.state().opened
    }

    /// The WebSockets that are open, in the order in which they were opened.
    pub(crate) fn all(&self) -> Vec<Arc<OpenWebSocket>> {
        self.state().open.values().cloned().collect()
    }

    /// The open WebSocket that the request with this id opened.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<OpenWebSocket>> {
        self.state().open.values().find(|open| &*open.opening.id == id).cloned()
    }

    /// The totals of all WebSockets, open ones included.
    pub(crate) fn totals(&self) -> WebSocketTotals {
        // Only the list is made under the lock: a WebSocket that is opened or ends meanwhile does not wait.
        let (mut totals, open): (_, Vec<_>) = {
            let state = self.state();
            (state.ended, state.open.values().cloned().collect())
        };
        for open in &open {
            totals.add(&open.relay_stats);
        }
        totals
    }

    /// Tells of each open WebSocket how long ago its last byte passed.
    pub(crate) fn idle_times(&self, mut each: impl FnMut(Duration)) {
        for open in self.all() {
            let last = open.relay_stats.client().passed.max(open.relay_stats.gateway().passed);
            each(open.since.elapsed().saturating_sub(last));
        }
    }

    fn state(&self) -> MutexGuard<'_, OpenWebSocketsState> {
        locked(&self.state)
    }
}

fn locked(state: &Mutex<OpenWebSocketsState>) -> MutexGuard<'_, OpenWebSocketsState> {
    // Sums and a map: nothing is half done after a panic.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for OpenWebSocketGuard {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        if let Some(open) = state.open.remove(&self.number) {
            state.ended.add(&open.relay_stats);
        }
    }
}

impl WebSocketTotals {
    fn add(&mut self, relay_stats: &RelayStats) {
        self.client.add(&relay_stats.client());
        self.gateway.add(&relay_stats.gateway());
    }
}

impl SideTotals {
    fn add(&mut self, seen: &LegSnapshot) {
        self.frames += seen.sent.frames;
        self.messages += seen.sent.messages;
        self.bytes += seen.sent.bytes;
        self.pings += seen.pings.sent();
        let (round_trips, took) = seen.pings.measured();
        self.round_trips += u64::from(round_trips);
        self.took += took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tunnel::tests::opening;

    fn entered(all: &OpenWebSockets, id: &str) -> OpenWebSocketGuard {
        all.enter(Arc::new(TunnelOpening { id: id.into(), ..opening() }), Arc::default())
    }

    #[test]
    fn all_are_listed_and_found_by_id() {
        let all = OpenWebSockets::default();
        let mut entered: Vec<_> = ["a", "b", "c"].iter().map(|id| entered(&all, id)).collect();
        let ids = all.all().iter().map(|open| open.opening.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids, ["a", "b", "c"]);
        entered.remove(1);
        assert!(all.find("b").is_none() && all.find("c").is_some());
        assert_eq!((all.count(), all.opened()), (2, 3));
    }

    #[test]
    fn what_they_did_counts_while_they_are_open_and_afterwards() {
        let all = OpenWebSockets::default();
        let (one, two) = (entered(&all, "a"), entered(&all, "b"));
        let seen = |bytes| {
            let sent = crate::websocket::direction::Counters { frames: 2, messages: 1, bytes };
            LegSnapshot { sent, ..LegSnapshot::default() }
        };
        all.find("a").unwrap().relay_stats.record(seen(10), seen(100));
        all.find("b").unwrap().relay_stats.record(seen(1), LegSnapshot::default());
        let bytes = || (all.totals().client.bytes, all.totals().gateway.bytes);
        assert_eq!(bytes(), (11, 100));
        drop(one);
        assert_eq!(bytes(), (11, 100));
        drop(two);
        assert_eq!((bytes(), all.totals().client.frames), ((11, 100), 4));
    }
}
