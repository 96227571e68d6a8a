//! Which endpoint is tried next, and for how long an endpoint that failed is left alone. Reads no clock.

use std::cmp::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::stable_hash::{mix, stable_hash};

/// The number by which an endpoint is known in cookies and hashes: the same for the same address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EndpointId(u64);

impl EndpointId {
    /// The endpoint of this name.
    pub(crate) fn of(name: &str) -> Self {
        Self(stable_hash(name.as_bytes()))
    }

    /// Its number.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl From<u64> for EndpointId {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

/// The state of an endpoint when one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndpointState {
    pub(super) id: EndpointId,
    /// Requests and WebSockets under way.
    pub(super) busy: usize,
    /// Its share of the work, in thousandths of the weight 1.
    pub(super) share: u32,
    /// Its tier: the lowest in which one is up gets the work.
    pub(super) tier: u16,
    /// Set after a failure: the endpoint is left alone until then.
    pub(super) ejected_until: Option<Instant>,
    /// Whether it has said that it is not well, or not said that it is.
    pub(super) is_out: bool,
    /// Whether an operator has taken it out.
    pub(super) is_draining: bool,
}

/// What decides among the endpoints that are up.
#[derive(Debug, Clone, Copy)]
pub(super) enum Preference<'a> {
    /// The turns that they have had.
    Turns(&'a Turns),
    /// The fewest requests under way; endpoints that are alike take turns.
    LeastBusy { turn: usize },
    /// The better of two that these numbers draw, then as for [`Preference::LeastBusy`].
    RandomTwo([u64; 2]),
    /// What the client is known by.
    Client(u64),
}

/// The endpoints in the order in which to try them: first the one that the client was at, then those that are up, tier by tier, as
/// `preference` says, then the others, beginning with the one whose time is over first. Those that an operator has taken out are not
/// there.
pub(super) fn order(
    preference: Preference<'_>,
    was_at: Option<EndpointId>,
    endpoint_states: &[EndpointState],
    now: Instant,
) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..endpoint_states.len()).filter(|index| !endpoint_states[*index].is_draining).collect();
    let state = |index: &usize| &endpoint_states[*index];
    match preference {
        Preference::Turns(turns) => {
            order.sort_by_key(|index| std::cmp::Reverse(turns.claim(*index, state(index).share)));
        }
        Preference::LeastBusy { turn } => {
            let first = turn.checked_rem(order.len()).unwrap_or_default();
            order.rotate_left(first);
            // Stable: among equals the endpoints take turns.
            order.sort_by(|one, other| by_load(state(one), state(other)));
        }
        Preference::RandomTwo(numbers) => {
            order.sort_by(|one, other| by_load(state(one), state(other)));
            prefer_better_of_two(&mut order, numbers, endpoint_states, now);
        }
        Preference::Client(key) => {
            order.sort_by(|one, other| score(state(other), key).total_cmp(&score(state(one), key)));
        }
    }
    order.sort_by_key(|index| {
        let EndpointState { is_out, ejected_until, tier, .. } = *state(index);
        (is_out, ejected_until.filter(|until| *until > now), tier)
    });
    let tier = usable_tier(endpoint_states, now);
    let was_here = |state: &EndpointState| Some(state.id) == was_at && state.is_up(now) && Some(state.tier) == tier;
    if let Some(at) = order.iter().position(|index| was_here(state(index))) {
        order[..=at].rotate_right(1);
    }
    order
}

impl EndpointState {
    /// Whether it gets work as it should.
    pub(super) fn is_up(&self, now: Instant) -> bool {
        !self.is_out && !self.is_draining && self.ejected_until.is_none_or(|until| until <= now)
    }
}

/// The tier whose endpoints get the work: the lowest in which one is up.
pub(super) fn usable_tier(endpoint_states: &[EndpointState], now: Instant) -> Option<u16> {
    endpoint_states.iter().filter(|state| state.is_up(now)).map(|state| state.tier).min()
}

/// Compares what each would have under way with one more, by its share.
fn by_load(one: &EndpointState, other: &EndpointState) -> Ordering {
    let load = |state: &EndpointState, of: &EndpointState| (state.busy as u128 + 1) * u128::from(of.share.max(1));
    load(one, other).cmp(&load(other, one))
}

/// Puts the less busy of two endpoints in front that are drawn from those that are up in the usable tier, each as often as its
/// share says.
fn prefer_better_of_two(order: &mut [usize], numbers: [u64; 2], endpoint_states: &[EndpointState], now: Instant) {
    let tier = usable_tier(endpoint_states, now);
    let up = |index: usize| endpoint_states[index].is_up(now) && Some(endpoint_states[index].tier) == tier;
    let mut drawn = numbers.iter().scan(None, |before: &mut Option<usize>, number| {
        let open = |index: usize| up(index) && Some(index) != *before;
        let all: u64 = order
            .iter()
            .filter(|index| open(**index))
            .map(|index| u64::from(endpoint_states[*index].share.max(1)))
            .sum();
        let mut left = number.checked_rem(all)?;
        let found = order.iter().copied().filter(|index| open(*index)).find(|index| {
            let share = u64::from(endpoint_states[*index].share.max(1));
            let is_it = left < share;
            left = left.saturating_sub(share);
            is_it
        });
        *before = found;
        found
    });
    let (Some(first), second) = (drawn.next(), drawn.next()) else { return };
    let is_better = |second: &usize| by_load(&endpoint_states[*second], &endpoint_states[first]) == Ordering::Less;
    let better = second.filter(is_better).unwrap_or(first);
    let place = order.iter().position(|index| *index == better).unwrap_or_default();
    order[..=place].rotate_right(1);
}

/// The weighted score of rendezvous hashing: the endpoint with the highest gets the client. When one comes or goes, only clients
/// move that it gets or had.
fn score(state: &EndpointState, key: u64) -> f64 {
    // Between 0 and 1, neither of them included.
    let drawn = ((mix(key ^ state.id.0) >> 12) as f64 + 0.5) / (1u64 << 52) as f64;
    -f64::from(state.share.max(1)) / drawn.ln()
}

/// The turns that endpoints have had (nginx calls it smooth weighted round robin): each earns its share with every turn, and the
/// one that has most takes it and pays what all have earned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Turns(Vec<i64>);

impl Turns {
    fn claim(&self, index: usize, share: u32) -> i64 {
        self.0.get(index).copied().unwrap_or_default() + i64::from(share)
    }

    /// Notes that `taken` has had its turn, where those with a share of 0 were not up.
    pub(super) fn take(&mut self, taken: usize, shares: &[u32]) {
        self.0.resize(shares.len(), 0);
        let mut all = 0;
        for (own, share) in self.0.iter_mut().zip(shares) {
            *own += i64::from(*share);
            all += i64::from(*share);
        }
        if let Some(own) = self.0.get_mut(taken) {
            *own -= all;
        }
    }
}

/// How often an endpoint has failed lately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct OutlierState {
    failures: u32,
    ejected_until: Option<Instant>,
}

impl OutlierState {
    /// Notes a failure. Returns whether it is the first.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        let news = self.failures == 0;
        // Requests that were under way together fail together, and count once.
        if self.ejected_until.is_none_or(|until| until <= now) {
            let pause = FIRST_EJECTION.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST);
            (self.failures, self.ejected_until) = (self.failures.saturating_add(1), Some(now + pause));
        }
        news
    }

    /// Notes an answer. Returns whether the endpoint had failed before.
    pub(super) fn worked(&mut self) -> bool {
        std::mem::take(self).failures > 0
    }

    /// Until when the endpoint is left alone.
    pub(super) fn ejected_until(&self) -> Option<Instant> {
        self.ejected_until
    }
}

/// How long an endpoint that failed is left alone, twice as long with each time that it fails again.
const FIRST_EJECTION: Duration = Duration::from_secs(2);
/// A gateway that is back should have work within half a minute.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
