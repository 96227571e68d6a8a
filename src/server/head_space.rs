//! [`HeadSpace`]: how much memory the heads of requests may take that are only partly here.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::listener::{Network, NetworkShare};
use crate::observe::Metrics;
use crate::observe::log_rate_limit::LogRateLimit;

/// How much memory the heads of requests over HTTP/1.1 may take that are only partly here: a client may send nearly all of one
/// and then nothing for `timeouts.request_head`, on as many connections as it may have. Each client network has its [`NetworkShare`].
/// Cheap to clone; the same under every configuration.
#[derive(Debug, Clone)]
pub(crate) struct HeadSpace(Arc<HeadSpaceShared>);

#[derive(Debug)]
struct HeadSpaceShared {
    most: usize,
    used: Mutex<NetworkShare<Option<Network>>>,
    lines: LogRateLimit,
    metrics: Arc<Metrics>,
}

/// What a part of one head takes. Dropped, it takes nothing.
#[derive(Debug)]
pub(super) struct HeadSpacePermit {
    space: HeadSpace,
    client: Option<Network>,
    bytes: usize,
}

/// There is no room for more of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoHeadRoom;

impl HeadSpace {
    /// Room for `most` bytes of heads of which only a part has come.
    pub(crate) fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(HeadSpaceShared { most, used: Mutex::default(), lines: LogRateLimit::default(), metrics }))
    }

    /// The rest of `client`'s head is waited for, of which `bytes` are here; `place` is what it had before.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn hold(
        &self,
        place: Option<HeadSpacePermit>,
        client: Option<IpAddr>,
        bytes: usize,
    ) -> Result<HeadSpacePermit, NoHeadRoom> {
        let mut place =
            place.unwrap_or_else(|| HeadSpacePermit { space: self.clone(), client: client.map(Network::of), bytes: 0 });
        // Its memory grows by doubling.
        let bytes = bytes.checked_next_power_of_two().unwrap_or(bytes);
        let Some(more @ 1..) = bytes.checked_sub(place.bytes) else { return Ok(place) };
        let mut used = self.used();
        if !used.grants(place.client, more, self.0.most) {
            drop(used);
            self.refused(client);
            return Err(NoHeadRoom);
        }
        used.add(place.client, more);
        drop(used);
        place.bytes = bytes;
        Ok(place)
    }

    fn refused(&self, client: Option<IpAddr>) {
        self.0.metrics.requests.refused.inc();
        if let Some(kept_back) = self.0.lines.pass("heads", Instant::now()) {
            let client = client.map(tracing::field::display);
            tracing::warn!(client, kept_back, "too many heads of requests are only partly here; more of them get 503");
        }
    }

    fn used(&self) -> MutexGuard<'_, NetworkShare<Option<Network>>> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeadSpacePermit {
    fn drop(&mut self) {
        self.space.used().sub(self.client, self.bytes);
    }
}

/// A part of a head of so many bytes takes no place: a connection is counted with so much.
pub(super) const FREE_HEAD: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what is asked for may be none")]
    fn client(number: u8) -> Option<IpAddr> {
        Some([192, 0, 2, number].into())
    }

    /// As many heads as `client` may send all of but their end.
    fn fill(space: &HeadSpace, client: Option<IpAddr>, bytes: usize) -> Vec<HeadSpacePermit> {
        let mut permits = Vec::new();
        while let Ok(Some(place)) =
            (8192..=bytes).step_by(8192).try_fold(None, |place, part| space.hold(place, client, part).map(Some))
        {
            permits.push(place);
        }
        permits
    }

    #[test]
    fn one_network_leaves_room_for_the_next_and_all_is_given_back() {
        let metrics = Arc::<Metrics>::default();
        let space = HeadSpace::new(6 << 20, Arc::clone(&metrics));
        let mut all = Vec::new();
        for number in 0..30 {
            all.extend(fill(&space, client(number), 60_000));
        }
        assert!((60..=96).contains(&all.len()), "{}", all.len());
        assert!(metrics.requests.refused.get() >= 30);
        for number in 100..110 {
            let one = space.hold(None, client(number), 16_000);
            assert!(one.is_ok(), "{number}");
        }
        assert!(space.used().used() <= 6 << 20);
        drop(all);
        assert!(space.used().is_empty());
    }
}
