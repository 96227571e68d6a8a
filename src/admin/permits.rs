//! [`AdminPermits`]: the connections to the admin listener, and which of them has to leave for the next.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The connections to the admin listener. The next one always gets a place: where all are taken, the connection that has stood
/// still the longest leaves, one of the peer that has the most. A page that stalls keeps no operator from `frontgate status`.
#[derive(Debug, Clone)]
pub(super) struct AdminPermits {
    most: usize,
    taken: Arc<Mutex<Vec<Arc<AdminConnection>>>>,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(super) struct AdminPermit {
    connected: Arc<AdminConnection>,
    places: AdminPermits,
}

/// One connection.
#[derive(Debug)]
pub(super) struct AdminConnection {
    /// `None` for a process of this machine's, over a unix socket.
    peer: Option<IpAddr>,
    state: Mutex<AdminActivity>,
    leave: CancellationToken,
}

#[derive(Debug)]
struct AdminActivity {
    /// When a byte was read or written last, or a request was answered.
    moved: Instant,
    /// A request is being answered: it is not the client that is waited for.
    answering: bool,
}

/// While this is there, a request is being answered.
#[derive(Debug)]
pub(super) struct AnsweringGuard(Arc<AdminConnection>);

impl AdminPermits {
    /// So many, and none is taken.
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for a connection of `peer`.
    pub(super) fn enter(&self, peer: Option<IpAddr>) -> AdminPermit {
        let state = Mutex::new(AdminActivity { moved: Instant::now(), answering: false });
        let connected = Arc::new(AdminConnection { peer, state, leave: CancellationToken::new() });
        let mut taken = self.taken();
        if taken.len() >= self.most
            && let Some(index) = last(&taken)
        {
            taken.swap_remove(index).leave.cancel();
        }
        taken.push(Arc::clone(&connected));
        drop(taken);
        AdminPermit { connected, places: self.clone() }
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<AdminConnection>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of them leaves. What is being answered stays, if another can leave.
fn last(taken: &[Arc<AdminConnection>]) -> Option<usize> {
    let of = |peer: Option<IpAddr>| taken.iter().filter(|other| other.peer == peer).count();
    let most = taken.iter().map(|one| of(one.peer)).max()?;
    let crowd = taken.iter().enumerate().filter(|(_, one)| of(one.peer) == most);
    let (index, _) = crowd.min_by_key(|(_, one)| {
        let state = one.state();
        (state.answering, state.moved)
    })?;
    Some(index)
}

impl AdminPermit {
    /// The connection that has it.
    pub(super) fn connected(&self) -> &Arc<AdminConnection> {
        &self.connected
    }
}

impl Drop for AdminPermit {
    fn drop(&mut self) {
        self.places.taken().retain(|other| !Arc::ptr_eq(other, &self.connected));
    }
}

impl AdminConnection {
    /// A byte was read or written.
    pub(super) fn moved(&self) {
        self.state().moved = Instant::now();
    }

    /// A request is being answered, until what this returns is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> AnsweringGuard {
        self.state().answering = true;
        AnsweringGuard(Arc::clone(self))
    }

    /// When the client was waited for last; `None` while a request is being answered.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        (!state.answering).then_some(state.moved)
    }

    /// Resolves when it has to leave for another.
    pub(super) async fn must_leave(&self) {
        self.leave.cancelled().await;
    }

    fn state(&self) -> MutexGuard<'_, AdminActivity> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AnsweringGuard {
    fn drop(&mut self) {
        let mut state = self.0.state();
        (state.answering, state.moved) = (false, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_one_of_the_largest_crowd_that_stood_still_the_longest_leaves() {
        /// The connections, one a second; which have moved since; which are answered; and which leaves for the next.
        type Row = (&'static [u8], &'static [usize], &'static [usize], usize);
        let rows: &[Row] = &[
            (&[1, 1, 1], &[], &[], 0),
            (&[1, 1, 1], &[0], &[], 1),
            (&[1, 1, 1], &[0], &[1], 2),
            (&[1, 1, 1], &[0, 1], &[2, 0], 1),
            (&[1, 1, 1], &[], &[0, 1, 2], 0),
            (&[2, 1, 1], &[], &[], 1),
            (&[2, 1, 1], &[1], &[], 2),
            (&[0, 1, 1], &[], &[1], 2),
        ];
        for (peers, moved, answered, leaves) in rows {
            let places = AdminPermits::new(peers.len());
            let second = || tokio::time::advance(Duration::from_secs(1));
            let mut inside = Vec::new();
            for peer in *peers {
                inside.push(places.enter((*peer > 0).then(|| [127, 0, 0, *peer].into())));
                second().await;
            }
            for index in *moved {
                inside[*index].connected().moved();
                second().await;
            }
            let answering: Vec<_> = answered.iter().map(|index| inside[*index].connected().answering()).collect();
            let next = places.enter(Some([127, 0, 0, 1].into()));
            let left: Vec<_> =
                (0..inside.len()).filter(|index| inside[*index].connected().leave.is_cancelled()).collect();
            assert_eq!(left, [*leaves], "{peers:?} {moved:?} {answered:?}");
            assert!(!next.connected().leave.is_cancelled());
            drop((answering, next, inside));
            assert!(places.taken().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_answered_is_not_waited_for() {
        let place = AdminPermits::new(1).enter(None);
        let connected = place.connected();
        let answering = connected.answering();
        assert_eq!(connected.waits_since(), None);
        tokio::time::advance(Duration::from_secs(9)).await;
        drop(answering);
        assert_eq!(connected.waits_since(), Some(Instant::now()));
    }
}
