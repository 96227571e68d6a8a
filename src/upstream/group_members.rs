//! [`GroupMembers`]: the gateways that stand in for each other at one moment.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::balance::{EndpointId, EndpointState, Preference, Turns, order, usable_tier};
use super::endpoint::Endpoint;
use super::health::{EndpointHealth, WHOLE, slow_start};
use crate::config::Balance;

/// One of the gateways that stand in for each other.
#[derive(Clone)]
pub(crate) struct GroupMember {
    /// The gateway.
    pub(crate) endpoint: Arc<Endpoint>,
    /// Its share of the work beside those of the others, in thousandths of the weight 1.
    pub(crate) share: u32,
    /// Its tier: the lowest in which one is up gets the work.
    pub(crate) tier: u16,
    /// What it answers when it is asked whether it is well; `None` where it is not asked.
    pub(crate) health: Option<Arc<EndpointHealth>>,
    /// When it came, if others were there already: its share rises from then on.
    pub(crate) came: Option<Instant>,
    /// Its address, where the DNS has said it.
    pub(crate) ip: Option<IpAddr>,
}

/// The gateways that stand in for each other at one moment, and whose turn it is.
pub(super) struct GroupMembers {
    pub(super) all: Vec<GroupMember>,
    turn: AtomicUsize,
    turns: Mutex<Turns>,
}

/// What ties a request to one of the gateways.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct EndpointTie {
    /// The endpoint that the client was at.
    pub(crate) was_at: Option<EndpointId>,
    /// What the client is known by, where that decides.
    pub(crate) client: Option<u64>,
}

impl From<Arc<Endpoint>> for GroupMember {
    /// A member with the weight 1, from the beginning.
    fn from(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint, share: WHOLE, tier: 0, health: None, came: None, ip: None }
    }
}

impl GroupMember {
    /// The same with this weight, and asked in this way whether it is well.
    #[must_use]
    pub(crate) fn weighing(self, weight: u32, health: Option<Arc<EndpointHealth>>) -> Self {
        Self { share: weight.saturating_mul(WHOLE), health, ..self }
    }

    /// Whether it is up.
    pub(super) fn is_up(&self, now: Instant) -> bool {
        self.state(now).is_up(now)
    }

    fn state(&self, now: Instant) -> EndpointState {
        let of_health = self.health.as_ref().map_or(WHOLE, |health| health.share(now));
        let rising = of_health.min(self.came.map_or(WHOLE, |came| slow_start(came, now)));
        let share = u64::from(self.share) * u64::from(rising) / u64::from(WHOLE);
        EndpointState {
            id: self.endpoint.id(),
            busy: self.endpoint.busy(),
            share: u32::try_from(share).unwrap_or(u32::MAX).max(1),
            tier: self.tier,
            ejected_until: self.endpoint.ejected_until(),
            is_out: self.health.as_ref().is_some_and(|health| health.is_out()),
            is_draining: self.endpoint.is_draining(),
        }
    }
}

impl GroupMembers {
    pub(super) fn new(all: Vec<GroupMember>) -> Self {
        Self { all, turn: AtomicUsize::new(0), turns: Mutex::default() }
    }

    /// The order in which to try them.
    pub(super) fn order(&self, balance: &Balance, tie: EndpointTie) -> Vec<usize> {
        let now = Instant::now();
        let states = self.states(now);
        let random = || [fastrand::u64(..), fastrand::u64(..)];
        let turn = self.turn.load(Ordering::Relaxed);
        let by = |preference: Preference<'_>| order(preference, tie.was_at, &states, now);
        match (balance, tie.client) {
            (Balance::LeastConnections, _) => by(Preference::LeastBusy { turn }),
            (Balance::RandomTwo, _) => by(Preference::RandomTwo(random())),
            (Balance::Hash(_), Some(client)) => by(Preference::Client(client)),
            (Balance::RoundRobin | Balance::Hash(_), _) => by(Preference::Turns(&self.turns())),
        }
    }

    /// Notes that a request goes to this one.
    pub(super) fn took(&self, balance: &Balance, index: usize) {
        match balance {
            Balance::LeastConnections => _ = self.turn.fetch_add(1, Ordering::Relaxed),
            Balance::RandomTwo => {}
            Balance::RoundRobin | Balance::Hash(_) => {
                let now = Instant::now();
                let states = self.states(now);
                let tier = usable_tier(&states, now);
                let has_turn = |state: &EndpointState| state.is_up(now) && Some(state.tier) == tier;
                let shares: Vec<u32> =
                    states.iter().map(|state| if has_turn(state) { state.share } else { 0 }).collect();
                self.turns().take(index, &shares);
            }
        }
    }

    fn states(&self, now: Instant) -> Vec<EndpointState> {
        self.all.iter().map(|member| member.state(now)).collect()
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
