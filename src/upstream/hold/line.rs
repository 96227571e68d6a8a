//! [`Line`]: who waits for the gateway, whose turn it is, and how long the gateway has been down. Reads no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Who waits for one gateway, in order of arrival. `W` wakes one of them.
#[derive(Debug)]
pub(super) struct Line<W> {
    waiting: BTreeMap<Ticket, Waiter<W>>,
    next: u64,
    outage: Option<Outage>,
}

/// A place in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What somebody wants of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// An answer: a person may be looking at an empty page.
    Request,
    /// A WebSocket: a program waits, and comes back later and later each time it is turned away.
    Upgrade,
}

/// How the gateway was found to be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    /// Nobody took the connection.
    Refused,
    /// Somebody took it and hung up without an answer, as a container's port does while nobody listens behind it.
    Cut,
}

/// Why somebody may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turned {
    /// [`MOST`] wait already.
    Full,
    /// The gateway has been down for so long that waiting is not likely to help.
    LongDown,
}

#[derive(Debug)]
struct Waiter<W> {
    wake: W,
    told: bool,
}

#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Instant,
    seen: Instant,
    down: Down,
}

impl<W: Clone> Line<W> {
    /// Nobody waits, and nothing is known.
    pub(super) fn new() -> Self {
        Self { waiting: BTreeMap::new(), next: 0, outage: None }
    }

    /// Whether nobody waits, so that whoever comes may try at once without overtaking anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A new place at the end, or the old one again.
    pub(super) fn join(
        &mut self,
        old: Option<Ticket>,
        asked: Asked,
        wake: W,
        hold: Duration,
        now: Instant,
    ) -> Result<Ticket, Turned> {
        if self.waiting.len() >= MOST {
            return Err(Turned::Full);
        }
        let long_down = self.outage.is_some_and(|outage| now.saturating_duration_since(outage.since) > hold);
        if long_down && old.is_none() && asked == Asked::Request {
            return Err(Turned::LongDown);
        }
        let ticket = old.unwrap_or_else(|| {
            self.next += 1;
            Ticket(self.next)
        });
        self.waiting.insert(ticket, Waiter { wake, told: false });
        Ok(ticket)
    }

    /// Somebody waits no longer.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Whether this one may dial: while the gateway is down, only the first; then the first few.
    pub(super) fn has_turn(&self, ticket: Ticket) -> bool {
        self.waiting.keys().take(self.turns()).any(|&waiting| waiting == ticket)
    }

    /// Whoever has a turn and has not heard of it.
    pub(super) fn due(&mut self) -> Vec<W> {
        let turns = self.turns();
        let due = self.waiting.values_mut().take(turns).filter(|waiter| !waiter.told);
        due.map(|waiter| {
            waiter.told = true;
            waiter.wake.clone()
        })
        .collect()
    }

    /// The gateway is down. `true` if that is news.
    pub(super) fn down(&mut self, down: Down, now: Instant) -> bool {
        let known = self.outage.filter(|outage| now.saturating_duration_since(outage.seen) < FORGOTTEN);
        let since = known.map_or(now, |outage| outage.since);
        self.outage = Some(Outage { since, seen: now, down });
        // All but the first go back to waiting, and must be told again.
        self.waiting.values_mut().skip(1).for_each(|waiter| waiter.told = false);
        known.is_none()
    }

    /// How the gateway is down, as far as anybody knows.
    pub(super) fn outage(&self) -> Option<Down> {
        self.outage.map(|outage| outage.down)
    }

    /// The gateway is up. For how long it was down, and how many wait, if that is news and known.
    pub(super) fn up(&mut self, now: Instant) -> Option<(Duration, usize)> {
        let outage = self.outage.take().filter(|outage| now.saturating_duration_since(outage.seen) < FORGOTTEN)?;
        Some((now.saturating_duration_since(outage.since), self.waiting.len()))
    }

    fn turns(&self) -> usize {
        if self.outage.is_some() { 1 } else { TOGETHER }
    }
}

/// More than the tabs and programs of one gateway's users, and no more than some 40 MB of connections that wait with them.
pub(super) const MOST: usize = 1024;

/// Connections that are dialled at once when the gateway is back. It is busy then, and its backlog is 511 at best; on one
/// machine a connection takes less than a millisecond, so that a thousand are still through within a fraction of a second.
pub(super) const TOGETHER: usize = 16;

/// An outage that nobody has looked at for so long may be over: the next one begins anew. Longer than the pauses of whoever
/// does look: the page asks every 5 s, the Control UI at least every 15 s.
pub(super) const FORGOTTEN: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(12);

    fn line_of(names: &[&'static str], now: Instant) -> (Line<&'static str>, Vec<Ticket>) {
        let mut line = Line::new();
        let tickets = names.iter().map(|name| line.join(None, Asked::Request, *name, HOLD, now).unwrap()).collect();
        (line, tickets)
    }

    #[test]
    fn one_dials_while_the_gateway_is_down_and_the_next_when_that_one_leaves() {
        let now = Instant::now();
        let (mut line, tickets) = line_of(&["a", "b", "c"], now);
        assert!(line.down(Down::Refused, now) && !line.down(Down::Refused, now), "said once");
        assert_eq!((line.due(), line.due()), (vec!["a"], vec![]));
        assert_eq!(tickets.iter().map(|&ticket| line.has_turn(ticket)).collect::<Vec<_>>(), [true, false, false]);
        line.leave(tickets[0]);
        assert_eq!(line.due(), ["b"]);
        assert!(line.has_turn(tickets[1]));
    }

    #[test]
    fn a_few_dial_at_once_in_order_when_it_is_up() {
        let now = Instant::now();
        let mut line = Line::new();
        line.down(Down::Refused, now);
        let tickets: Vec<_> = (0..40).map(|name| line.join(None, Asked::Upgrade, name, HOLD, now).unwrap()).collect();
        assert_eq!(line.due(), [0]);
        assert_eq!(line.up(now + HOLD), Some((HOLD, 40)));
        assert_eq!(line.up(now + HOLD), None, "said once");
        assert_eq!(line.outage(), None);
        assert_eq!(line.due(), (1..TOGETHER).collect::<Vec<_>>());
        line.leave(tickets[0]);
        line.leave(tickets[5]);
        assert_eq!(line.due(), [TOGETHER, TOGETHER + 1]);
        // Down again: all go back to waiting, in the order they had.
        line.down(Down::Refused, now);
        assert!(line.has_turn(tickets[1]) && !line.has_turn(tickets[2]));
        line.up(now);
        assert_eq!(line.due(), (2..TOGETHER + 2).filter(|name| *name != 5).collect::<Vec<_>>());
    }

    #[test]
    fn who_comes_again_has_the_place_of_before() {
        let now = Instant::now();
        let (mut line, tickets) = line_of(&["a", "b"], now);
        line.down(Down::Cut, now);
        line.leave(tickets[0]);
        assert_eq!(line.due(), ["b"]);
        line.join(Some(tickets[0]), Asked::Request, "a", HOLD, now + HOLD * 2).unwrap();
        assert_eq!(line.due(), ["a"]);
        assert!(!line.has_turn(tickets[1]));
    }

    #[test]
    fn no_more_wait_than_may() {
        let now = Instant::now();
        let mut line = Line::new();
        for _ in 0..MOST {
            line.join(None, Asked::Upgrade, (), HOLD, now).unwrap();
        }
        assert_eq!(line.join(None, Asked::Upgrade, (), HOLD, now), Err(Turned::Full));
    }

    #[test]
    fn requests_do_not_wait_for_a_gateway_that_has_been_down_for_long() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let long = Err(Turned::LongDown);
        // When it was seen down, when somebody comes, and whether requests and upgrades may wait.
        let rows: [(&[u32], u32, Result<(), Turned>); 5] = [
            (&[], 0, Ok(())),
            (&[0], 12, Ok(())),
            (&[0], 13, long),
            (&[0, 50, 100], 100, long),
            // Nobody looked for more than a minute: another outage.
            (&[0, 61], 61, Ok(())),
        ];
        for (seen, comes, expected) in rows {
            let mut line = Line::new();
            for &at in seen {
                line.down(Down::Refused, began + second * at);
            }
            let now = began + second * comes;
            assert_eq!(line.join(None, Asked::Request, (), HOLD, now).map(|_| ()), expected, "{seen:?}, {comes}");
            assert!(line.join(None, Asked::Upgrade, (), HOLD, now).is_ok(), "{seen:?}, {comes}");
        }
    }
}
