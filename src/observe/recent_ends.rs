//! [`RecentEnds`]: the WebSockets that ended last, for an operator who looks.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

/// The WebSockets that ended last.
#[derive(Debug, Default)]
pub(crate) struct RecentEnds(Mutex<VecDeque<RecentEnd>>);

/// A WebSocket that has ended.
#[derive(Debug, Clone)]
pub(crate) struct RecentEnd {
    /// When it ended.
    pub(crate) at: OffsetDateTime,
    /// The id of the request that opened it.
    pub(crate) id: Box<str>,
    /// The client's address; `None` for a unix socket.
    pub(crate) client: Option<IpAddr>,
    /// The user that logged in.
    pub(crate) user: Option<Arc<str>>,
    /// What ended it: a name of the table "How a WebSocket ends".
    pub(crate) ended: &'static str,
    /// Whether each side was sent a Close or went by itself, and no frame was cut.
    pub(crate) clean: bool,
    /// The Close codes of the client's side and of the gateway's, 1006 where there was none.
    pub(crate) codes: [u16; 2],
    /// How long it was open.
    pub(crate) lasted: Duration,
}

impl RecentEnds {
    /// Adds one, in place of the oldest if there are many.
    pub(super) fn add(&self, end: RecentEnd) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() == KEPT {
            ends.pop_back();
        }
        ends.push_front(end);
    }

    /// All that are kept, the last one first.
    pub(crate) fn all(&self) -> Vec<RecentEnd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

const KEPT: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept() {
        let ends = RecentEnds::default();
        for number in 0..30 {
            ends.add(RecentEnd {
                at: OffsetDateTime::UNIX_EPOCH,
                id: number.to_string().into(),
                client: None,
                user: None,
                ended: "client_closed",
                clean: true,
                codes: [1000, 1000],
                lasted: Duration::ZERO,
            });
        }
        let kept: Vec<_> = ends.all().into_iter().map(|end| end.id).collect();
        assert_eq!(kept, (10..30).rev().map(|number: u32| number.to_string().into_boxed_str()).collect::<Vec<_>>());
    }
}
