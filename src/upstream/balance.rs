//! Which endpoint is tried next, and for how long an endpoint that failed is left alone. Reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Balance;

/// The state of an endpoint when one is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndpointState {
    /// Requests and WebSockets under way.
    pub(super) busy: usize,
    /// Set after a failure: the endpoint is left alone until then.
    pub(super) ejected_until: Option<Instant>,
}

/// The endpoints in the order in which to try them: first the endpoints that are not left alone, then the others,
/// beginning with the one whose time is over first. `turn` counts up with every choice.
pub(super) fn order(balance: Balance, turn: usize, endpoint_states: &[EndpointState], now: Instant) -> Vec<usize> {
    let count = endpoint_states.len();
    let mut order: Vec<usize> = (0..count).map(|step| (turn % count + step) % count).collect();
    // Both sorts are stable: among equals the endpoints take turns.
    if balance == Balance::LeastConnections {
        order.sort_by_key(|&index| endpoint_states[index].busy);
    }
    order.sort_by_key(|&index| endpoint_states[index].ejected_until.filter(|until| *until > now));
    order
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
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other_or_the_least_busy_and_those_left_alone_last() {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let endpoint_state = |busy, until: Option<u32>| EndpointState {
            busy,
            ejected_until: until.map(|seconds| now + second * seconds),
        };
        let (robin, least) = (Balance::RoundRobin, Balance::LeastConnections);
        let idle = [endpoint_state(0, None); 3];
        let busy = [endpoint_state(5, None), endpoint_state(2, None), endpoint_state(2, None)];
        let one_down = [endpoint_state(0, Some(5)), endpoint_state(9, None), endpoint_state(3, None)];
        let all_down = [endpoint_state(0, Some(5)), endpoint_state(9, Some(1)), endpoint_state(3, Some(3))];
        let back = [endpoint_state(0, Some(0)), endpoint_state(9, None), endpoint_state(3, None)];
        for (balance, turn, endpoint_states, expected) in [
            (robin, 0, idle, [0, 1, 2]),
            (robin, 1, idle, [1, 2, 0]),
            (robin, 5, idle, [2, 0, 1]),
            (robin, usize::MAX, idle, [0, 1, 2]),
            (robin, 0, busy, [0, 1, 2]),
            (robin, 0, one_down, [1, 2, 0]),
            (robin, 0, all_down, [1, 2, 0]),
            (robin, 0, back, [0, 1, 2]),
            (least, 0, idle, [0, 1, 2]),
            (least, 1, idle, [1, 2, 0]),
            (least, 0, busy, [1, 2, 0]),
            (least, 2, busy, [2, 1, 0]),
            (least, 0, one_down, [2, 1, 0]),
            (least, 0, all_down, [1, 2, 0]),
            (least, 0, back, [0, 2, 1]),
        ] {
            assert_eq!(order(balance, turn, &endpoint_states, now), expected, "{balance:?} {turn} {endpoint_states:?}");
        }
    }

    #[test]
    fn an_endpoint_that_fails_again_is_left_alone_for_longer_and_one_that_works_is_forgiven() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let mut record = OutlierState::default();
        let mut now = began;
        for (pause, news) in [(2, true), (4, false), (8, false), (16, false), (30, false), (30, false)] {
            assert_eq!(record.failed(now), news);
            assert_eq!(record.ejected_until(), Some(now + second * pause));
            // A failure of a request that was under way at that time says nothing more.
            record.failed(now + second);
            assert_eq!(record.ejected_until(), Some(now + second * pause));
            now += second * pause;
        }
        assert!(record.worked() && !record.worked(), "said once");
        assert_eq!(record.ejected_until(), None);
        record.failed(now);
        assert_eq!(record.ejected_until(), Some(now + second * 2));
    }
}
