//! [`PasswordTurns`]: decides which password is looked at next: pure.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::AttemptClient;
use super::failures::LoginFailures;

/// Decides which password is looked at next, where only a few are at once. Each client has a line of its own and one
/// turn at a time. Clients that have failed less come first, and of equals the one that came last: under an attack from
/// many networks the clients that have waited longest are its first wave, and a user that comes behind it is not to
/// wait for all of it.
#[derive(Debug)]
pub(super) struct PasswordTurns {
    /// How many turns can be taken.
    free: usize,
    lines: HashMap<AttemptClient, ClientQueue>,
    waiting: usize,
    arrivals: u64,
}

#[derive(Debug, Default)]
struct ClientQueue {
    /// The request of the client that has a turn.
    busy: Option<TurnTicket>,
    waiting: VecDeque<TurnTicket>,
}

/// A request that waits, or has a turn. Later ones are greater.
pub(super) type TurnTicket = u64;

/// There is no room in the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TurnsFull;

impl PasswordTurns {
    /// Turns, of which `free` can be taken at once.
    pub(super) fn new(free: usize) -> Self {
        Self { free, lines: HashMap::new(), waiting: 0, arrivals: 0 }
    }

    /// Puts a request of `client` in line. If too many wait in all, a request of the client that has failed most loses
    /// its position: its ticket is returned as well.
    ///
    /// # Errors
    /// If `client` itself has too many in line, or too many wait in all and no other client has failed more.
    pub(super) fn enter(
        &mut self,
        client: AttemptClient,
        failures: &LoginFailures,
        now: Instant,
    ) -> Result<(TurnTicket, Option<TurnTicket>), TurnsFull> {
        if self.lines.get(&client).is_some_and(|line| line.waiting.len() >= MOST_OF_ONE) {
            return Err(TurnsFull);
        }
        let displaced = if self.waiting < MOST_WAITING { None } else { Some(self.displace(client, failures, now)?) };
        self.arrivals += 1;
        self.waiting += 1;
        self.lines.entry(client).or_default().waiting.push_back(self.arrivals);
        Ok((self.arrivals, displaced))
    }

    /// The next turn, if one is free. [`PasswordTurns::end`] gives it back.
    pub(super) fn next(&mut self, failures: &LoginFailures, now: Instant) -> Option<(AttemptClient, TurnTicket)> {
        if self.free == 0 {
            return None;
        }
        let lines = self.lines.iter().filter(|(_, line)| line.busy.is_none());
        let fronts = lines.filter_map(|(client, line)| Some((*client, *line.waiting.front()?)));
        let (client, ticket) = fronts.min_by_key(|(client, ticket)| (failures.of(*client, now), Reverse(*ticket)))?;
        let line = self.lines.get_mut(&client)?;
        line.waiting.pop_front();
        line.busy = Some(ticket);
        self.waiting -= 1;
        self.free -= 1;
        Some((client, ticket))
    }

    /// Ends the turn of `ticket`, or its wait for one. Does nothing if it has neither.
    pub(super) fn end(&mut self, client: AttemptClient, ticket: TurnTicket) {
        let Some(line) = self.lines.get_mut(&client) else { return };
        if line.busy == Some(ticket) {
            line.busy = None;
            self.free += 1;
        } else if let Some(at) = line.waiting.iter().position(|waiting| *waiting == ticket) {
            line.waiting.remove(at);
            self.waiting -= 1;
        }
        if line.busy.is_none() && line.waiting.is_empty() {
            self.lines.remove(&client);
        }
    }

    fn displace(
        &mut self,
        client: AttemptClient,
        failures: &LoginFailures,
        now: Instant,
    ) -> Result<TurnTicket, TurnsFull> {
        let own = failures.of(client, now);
        let others = self.lines.iter().filter_map(|(client, line)| Some((*client, *line.waiting.back()?)));
        let worst = others.map(|(client, ticket)| (failures.of(client, now), Reverse(ticket), client)).max();
        match worst {
            Some((failed, Reverse(ticket), client)) if failed > own => {
                self.end(client, ticket);
                Ok(ticket)
            }
            _ => Err(TurnsFull),
        }
    }
}

#[cfg(test)]
impl PasswordTurns {
    /// Whether no request waits or has a turn.
    pub(super) fn is_idle(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The most requests of one client that wait: the requests of a page that it loads with a password that was not checked
/// yet.
const MOST_OF_ONE: usize = 64;
/// The most requests that wait in all.
const MOST_WAITING: usize = 512;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::listener::Network;

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(number: u32) -> AttemptClient {
        Some(Network::of(std::net::Ipv4Addr::from_bits(number).into()))
    }

    /// Lets a client have failed so often.
    fn failed(failures: &mut LoginFailures, number: u32, times: u32, now: Instant) {
        (0..times).for_each(|_| failures.add(client(number), [0; 32], now));
    }

    #[test]
    fn one_of_each_client_at_a_time_those_that_failed_less_first_and_of_equals_the_last_that_came() {
        let (mut turns, mut failures, now) = (PasswordTurns::new(2), LoginFailures::default(), Instant::now());
        failed(&mut failures, 7, 3, now);
        failed(&mut failures, 8, 1, now);
        for number in [7, 7, 8, 1, 1, 2] {
            turns.enter(client(number), &failures, now).unwrap();
        }
        let mut order = Vec::new();
        while let Some(first) = turns.next(&failures, now) {
            let second = turns.next(&failures, now);
            assert!(turns.next(&failures, now).is_none(), "two at once");
            assert_ne!(Some(first.0), second.map(|(client, _)| client), "one of each");
            for (client, ticket) in [Some(first), second].into_iter().flatten() {
                order.push(ticket);
                turns.end(client, ticket);
            }
        }
        assert_eq!(order, [6, 4, 5, 3, 1, 2]);
        assert!(turns.lines.is_empty() && turns.waiting == 0 && turns.free == 2, "nothing is left behind");
    }

    #[test]
    fn a_user_that_comes_last_waits_for_one_turn_whatever_came_before() {
        let (mut turns, mut failures, mut now) = (PasswordTurns::new(2), LoginFailures::default(), Instant::now());
        // 300 networks, 3 passwords each; then each network goes on as fast as it is answered.
        for round in 0..3 {
            for number in 1..=if round == 0 { 300 } else { 100 } {
                turns.enter(client(number), &failures, now).unwrap();
            }
        }
        let mut under_way: VecDeque<_> = (0..2).map(|_| turns.next(&failures, now).unwrap()).collect();
        let mut honest = 1000;
        for step in 0..2000 {
            now += Duration::from_millis(25);
            let (over, ticket) = under_way.pop_front().unwrap();
            failures.add(over, [0; 32], now);
            turns.end(over, ticket);
            if failures.pause(over, now).is_none() {
                let _ = turns.enter(over, &failures, now);
            }
            if step % 100 == 50 {
                honest += 1;
                turns.enter(client(honest), &failures, now).unwrap();
                let (next, ticket) = turns.next(&failures, now).unwrap();
                assert_eq!(next, client(honest), "at {step}");
                turns.end(next, ticket);
            }
            under_way.push_back(turns.next(&failures, now).unwrap());
        }
    }

    #[test]
    fn lines_are_bounded_and_full_ones_make_room_at_the_cost_of_clients_that_failed_most() {
        let (mut turns, mut failures, now) = (PasswordTurns::new(0), LoginFailures::default(), Instant::now());
        for _ in 0..MOST_OF_ONE {
            turns.enter(client(0), &failures, now).unwrap();
        }
        assert_eq!(turns.enter(client(0), &failures, now), Err(TurnsFull));
        for number in 0..MOST_WAITING - MOST_OF_ONE {
            turns.enter(client(1 + u32::try_from(number).unwrap()), &failures, now).unwrap();
        }
        let last = turns.arrivals;
        assert_eq!(turns.enter(client(9999), &failures, now), Err(TurnsFull), "no client has failed more");
        failed(&mut failures, 5, 1, now);
        failed(&mut failures, 0, 2, now);
        failed(&mut failures, 9998, 2, now);
        assert_eq!(turns.enter(client(9998), &failures, now), Err(TurnsFull));
        assert_eq!(turns.enter(client(9999), &failures, now), Ok((last + 1, Some(MOST_OF_ONE as u64))));
        assert_eq!(turns.waiting, MOST_WAITING);
        turns.end(client(9999), last + 1);
        turns.end(client(9999), last + 1);
        assert_eq!(turns.waiting, MOST_WAITING - 1);
        assert!(!turns.lines.contains_key(&client(9999)));
    }
}
