//! [`WaitList`]: which requests wait for the gateway, whose turn it is, and how long the gateway has been down. Reads
//! no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The requests that wait for one gateway, in the order in which they came. `W` wakes one of them.
#[derive(Debug)]
pub(super) struct WaitList<W> {
    waiting: BTreeMap<WaitTicket, WaitListEntry<W>>,
    next: u64,
    outage: Option<GatewayOutage>,
}

/// A position in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WaitTicket(u64);

/// What a request wants of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitPurpose {
    /// An answer: a user may be looking at an empty page.
    Request,
    /// A WebSocket: a program waits, and comes back later and later each time it is turned away.
    Upgrade,
}

/// How the gateway was found to be down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DownReason {
    /// No process took the connection.
    Refused,
    /// Its name has no address.
    Unnamed,
    /// An operator has taken it out.
    TakenOut,
    /// The connection was taken and closed without an answer, as a container's port does while no process listens
    /// behind it.
    Cut,
    /// The gateway says itself that it is not ready, or says nothing yet.
    Starting,
    /// The gateway announced its restart in the Close of a WebSocket. No request has looked.
    Doubted,
}

/// What a request in line is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitTurn {
    /// To wait until it is woken.
    Wait,
    /// To ask whether the gateway is ready.
    Look,
    /// To connect.
    Go,
}

/// A request's position in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) ticket: WaitTicket,
    /// Whether the gateway has been down for so long that the request may look once only.
    pub(super) one_look: bool,
}

/// Why a request may not wait: the gateway has been down for so long that waiting is not likely to help, and another
/// one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LongDown;

#[derive(Debug)]
struct WaitListEntry<W> {
    wake: W,
    told: bool,
}

#[derive(Debug, Clone, Copy)]
struct GatewayOutage {
    since: Instant,
    seen: Instant,
    down: DownReason,
    /// Since when the gateway has taken connections without being ready.
    taken: Option<Instant>,
}

impl<W: Clone> WaitList<W> {
    /// A list in which no request waits, of a gateway that is not known to be down.
    pub(super) fn new() -> Self {
        Self { waiting: BTreeMap::new(), next: 0, outage: None }
    }

    /// Whether no request waits and the gateway is not known to be down, so that the next request may go through
    /// without overtaking another.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty() && self.outage.is_none()
    }

    /// How many requests wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a request at the end, or puts it back where it was.
    pub(super) fn join(
        &mut self,
        old: Option<WaitTicket>,
        asked: WaitPurpose,
        wake: W,
        hold: Duration,
        now: Instant,
    ) -> Result<Joined, LongDown> {
        let long_down = self.known(now).is_some_and(|outage| now.saturating_duration_since(outage.since) > hold);
        let one_look = long_down && old.is_none() && asked == WaitPurpose::Request;
        if one_look && !self.waiting.is_empty() {
            return Err(LongDown);
        }
        let ticket = old.unwrap_or_else(|| {
            self.next += 1;
            WaitTicket(self.next)
        });
        self.waiting.insert(ticket, WaitListEntry { wake, told: false });
        Ok(Joined { ticket, one_look })
    }

    /// Takes a request out of the list.
    pub(super) fn leave(&mut self, ticket: WaitTicket) {
        self.waiting.remove(&ticket);
    }

    /// What this request is to do: while the gateway is down, only the first does anything; then the first few. A
    /// gateway that has not been ready for [`BELIEVED`], but takes connections, may have another idea of being ready.
    pub(super) fn turn(&self, ticket: WaitTicket, now: Instant) -> WaitTurn {
        if !self.waiting.keys().take(self.turns()).any(|&waiting| waiting == ticket) {
            return WaitTurn::Wait;
        }
        let looks =
            |outage: GatewayOutage| outage.taken.is_none_or(|taken| now.saturating_duration_since(taken) < BELIEVED);
        if self.outage.is_some_and(looks) { WaitTurn::Look } else { WaitTurn::Go }
    }

    /// The requests whose turn it is and that have not been woken for it.
    pub(super) fn due(&mut self) -> Vec<W> {
        let turns = self.turns();
        let due = self.waiting.values_mut().take(turns).filter(|waiter| !waiter.told);
        due.map(|waiter| {
            waiter.told = true;
            waiter.wake.clone()
        })
        .collect()
    }

    /// Notes that the gateway may be down: the next request is to look.
    pub(super) fn suspect(&mut self, now: Instant) {
        self.outage.get_or_insert(GatewayOutage { since: now, seen: now, down: DownReason::Doubted, taken: None });
    }

    /// Notes that the gateway is down. Returns whether that is news.
    pub(super) fn down(&mut self, down: DownReason, now: Instant) -> bool {
        let known = self.known(now);
        let since = known.map_or(now, |outage| outage.since);
        let taken = match down {
            DownReason::Refused | DownReason::Unnamed | DownReason::TakenOut | DownReason::Doubted => None,
            DownReason::Cut | DownReason::Starting => Some(known.and_then(|outage| outage.taken).unwrap_or(now)),
        };
        self.outage = Some(GatewayOutage { since, seen: now, down, taken });
        // All but the first go back to waiting, and must be woken again.
        self.waiting.values_mut().skip(1).for_each(|waiter| waiter.told = false);
        known.is_none()
    }

    /// How the gateway is down, as far as is known.
    pub(super) fn outage(&self) -> Option<DownReason> {
        self.outage.map(|outage| outage.down)
    }

    /// Notes that the gateway is up. Returns for how long it was down, and how many requests wait, if that is news and
    /// known.
    pub(super) fn up(&mut self, now: Instant) -> Option<(Duration, usize)> {
        let known = self.known(now);
        self.outage = None;
        Some((now.saturating_duration_since(known?.since), self.waiting()))
    }

    /// The outage, if a request has seen it, and not long ago.
    fn known(&self, now: Instant) -> Option<GatewayOutage> {
        let is_known = |outage: &GatewayOutage| {
            outage.down != DownReason::Doubted && now.saturating_duration_since(outage.seen) < FORGOTTEN
        };
        self.outage.filter(is_known)
    }

    fn turns(&self) -> usize {
        if self.outage.is_some() { 1 } else { TOGETHER }
    }
}

/// Connections that are dialled at once when the gateway is back. It is busy then, and its backlog is 511 at best; on
/// one machine a connection takes less than a millisecond, so that a thousand are still through within a fraction of a
/// second.
pub(super) const TOGETHER: usize = 16;

/// An outage that no request has looked at for so long may be over: the next one begins anew. This is longer than the
/// pauses of a client that does look: the page asks every 5 s, the Control UI at least every 15 s.
pub(super) const FORGOTTEN: Duration = Duration::from_mins(1);

/// How long it is believed that a gateway that takes connections is not ready. OpenClaw needs one to three seconds from
/// its first connection to its first WebSocket, several times that on a small machine; and one whose message channel is
/// broken may say for ever that it is not ready, while it serves its page.
pub(super) const BELIEVED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
