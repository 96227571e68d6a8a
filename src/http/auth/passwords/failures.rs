//! [`LoginFailures`]: how often each client has failed to log in lately: pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{AttemptClient, PasswordTag};

/// How often each client has failed to log in lately. Failures are forgotten one after the other, [`FORGET_ONE`] each.
#[derive(Debug, Default)]
pub(super) struct LoginFailures(HashMap<AttemptClient, FailureRecord>);

#[derive(Debug)]
struct FailureRecord {
    /// When the last failure is forgotten.
    forgotten_at: Instant,
    /// The latest passwords that were wrong, newest first.
    wrong: VecDeque<PasswordTag>,
}

impl LoginFailures {
    /// How many failures of `client` are not forgotten.
    pub(super) fn of(&self, client: AttemptClient, now: Instant) -> u32 {
        let left = self.left(client, now).as_nanos().div_ceil(FORGET_ONE.as_nanos());
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// How long `client` has to wait until another password of its own is looked at, if it has failed too often.
    pub(super) fn pause(&self, client: AttemptClient, now: Instant) -> Option<Duration> {
        Self::pause_after(self.left(client, now))
    }

    /// The same for a client whose failures are all forgotten after `left`.
    pub(super) fn pause_after(left: Duration) -> Option<Duration> {
        let pause = left.checked_sub(FORGET_ONE * (MOST - 1))?;
        (!pause.is_zero()).then_some(pause)
    }

    /// How long one failure counts.
    pub(super) const FORGET_ONE: Duration = FORGET_ONE;
    /// How long it takes at most until all are forgotten.
    pub(super) const FORGET_ALL: Duration = FORGET_ONE.saturating_mul(MOST);

    /// Whether this very password was wrong a moment ago. A page that goes on with an old password guesses nothing, and
    /// costs nothing.
    pub(super) fn is_known(&self, client: AttemptClient, tag: &PasswordTag) -> bool {
        self.0.get(&client).is_some_and(|record| record.wrong.contains(tag))
    }

    /// Notes that `client` has failed once more, with the password of `tag`.
    pub(super) fn add(&mut self, client: AttemptClient, tag: PasswordTag, now: Instant) {
        if !self.0.contains_key(&client) {
            self.make_room(now);
        }
        let record = self
            .0
            .entry(client)
            .or_insert_with(|| FailureRecord { forgotten_at: now, wrong: VecDeque::with_capacity(1) });
        record.forgotten_at = (record.forgotten_at.max(now) + FORGET_ONE).min(now + FORGET_ONE * MOST);
        record.wrong.truncate(REMEMBERED - 1);
        record.wrong.push_front(tag);
    }

    fn left(&self, client: AttemptClient, now: Instant) -> Duration {
        self.0.get(&client).map_or(Duration::ZERO, |record| record.forgotten_at.saturating_duration_since(now))
    }

    /// Forgets failures that are over, or else the client that has failed least: a client with many addresses cannot
    /// wash its worst ones clean.
    fn make_room(&mut self, now: Instant) {
        if self.0.len() < MOST_CLIENTS {
            return;
        }
        self.0.retain(|_, record| record.forgotten_at > now);
        if self.0.len() >= MOST_CLIENTS
            && let Some(least) = self.0.iter().min_by_key(|(_, record)| record.forgotten_at).map(|(client, _)| *client)
        {
            self.0.remove(&least);
        }
    }
}

/// The most failures before a client must wait: as many as the gateway itself allows in a minute.
const MOST: u32 = 10;
const FORGET_ONE: Duration = Duration::from_secs(6);
/// The wrong passwords of one client that are remembered.
const REMEMBERED: usize = 4;
/// The most clients whose failures are counted; some 250 bytes each.
const MOST_CLIENTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::Network;

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(number: u32) -> AttemptClient {
        Some(Network::of(std::net::Ipv4Addr::from_bits(number).into()))
    }

    #[test]
    fn a_client_that_fails_too_often_waits_until_one_failure_is_forgotten() {
        let (mut failures, began, seconds) = (LoginFailures::default(), Instant::now(), Duration::from_secs);
        for number in 1..=MOST {
            assert_eq!(failures.pause(client(1), began), None, "before failure {number}");
            failures.add(client(1), [0; 32], began);
            assert_eq!(failures.of(client(1), began), number);
        }
        for (at, pause, left) in [(0, Some(6), 10), (5, Some(1), 10), (6, None, 9), (59, None, 1), (60, None, 0)] {
            assert_eq!(failures.pause(client(1), began + seconds(at)), pause.map(seconds), "{at}");
            assert_eq!(failures.of(client(1), began + seconds(at)), left, "{at}");
        }
        assert_eq!((failures.of(client(2), began), failures.pause(client(2), began)), (0, None));
        // More of them at once, from requests that were under way, do not make it longer.
        (0..50).for_each(|_| failures.add(client(1), [0; 32], began));
        assert_eq!(failures.pause(client(1), began), Some(seconds(6)));
    }

    #[test]
    fn a_wrong_password_is_known_for_a_while() {
        let (mut failures, now) = (LoginFailures::default(), Instant::now());
        (1..=5).for_each(|number| failures.add(client(1), [number; 32], now));
        let known = |number| failures.is_known(client(1), &[number; 32]);
        assert_eq!([1, 2, 3, 4, 5, 6].map(known), [false, true, true, true, true, false]);
        assert!(!failures.is_known(client(2), &[5; 32]));
    }

    #[test]
    fn clients_are_bounded_and_those_that_failed_least_are_forgotten_first() {
        let (mut failures, now) = (LoginFailures::default(), Instant::now());
        (0..9).for_each(|_| failures.add(client(0), [0; 32], now));
        for number in 1..4500 {
            failures.add(client(number), [0; 32], now);
        }
        assert_eq!((failures.0.len(), failures.of(client(0), now)), (MOST_CLIENTS, 9));
        failures.add(client(9999), [0; 32], now + Duration::from_mins(1));
        assert_eq!(failures.0.len(), 1, "what is over is forgotten");
    }
}
