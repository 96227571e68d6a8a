//! [`BodyDiscard`]: how much of a request's body is still read behind an answer that did not wait for it, and for how
//! long.
//!
//! A client that is still sending finds its connection reset, and loses the answer, if the rest of its body is refused
//! at once. So a small body is taken in whole before the answer is given, and of a larger one what still comes is
//! thrown away while the answer is out, over HTTP/1.1 and HTTP/2 alike.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::upstream::TransferProgress;

/// A body of at most so many bytes is taken in whole before an answer that does not need it.
pub(crate) const SMALL_BODY: usize = 64 * 1024;
/// How long frontgate waits for such a body.
pub(crate) const SMALL_BODY_TIME: Duration = Duration::from_secs(5);
/// The most bytes that are thrown away behind an answer.
pub(crate) const DISCARD_BYTES: u64 = 64 * 1024 * 1024;
/// How long bytes are thrown away behind an answer.
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(30);
/// How long that goes on without a byte.
pub(crate) const DISCARD_SILENCE: Duration = Duration::from_secs(5);

/// How much more of a body is thrown away behind an answer that did not wait for it, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyDiscard {
    left: u64,
    until: Instant,
    progress: TransferProgress,
}

impl BodyDiscard {
    /// The bounds for an answer that is out `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            left: DISCARD_BYTES,
            until: now + DISCARD_TIME,
            progress: TransferProgress::new(Some(DISCARD_SILENCE), now),
        }
    }

    /// Counts bytes that came and were thrown away. Returns whether more may come.
    pub(crate) fn took(&mut self, bytes: usize, now: Instant) -> bool {
        if bytes > 0 {
            self.progress.moved(now);
        }
        self.left = self.left.saturating_sub(bytes as u64);
        self.left > 0 && now < self.deadline()
    }

    /// When the body is given up, unless a byte comes before.
    pub(crate) fn deadline(&self) -> Instant {
        self.progress.deadline().map_or(self.until, |at| at.min(self.until))
    }
}

/// Whether an answer says that the request did not come in time: what is missing of it is waited for no longer, and the connection
/// ends (RFC 9110 §15.5.9).
pub(crate) fn is_too_late(answer: StatusCode) -> bool {
    answer == StatusCode::REQUEST_TIMEOUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_discard_ends_by_bytes_by_time_and_by_silence() {
        let begin = Instant::now();
        let mut discard = BodyDiscard::new(begin);
        assert_eq!(discard.deadline(), begin + DISCARD_SILENCE);
        assert!(discard.took(1, begin + Duration::from_secs(4)));
        assert_eq!(discard.deadline(), begin + Duration::from_secs(9), "a byte is progress");
        assert!(discard.took(0, begin + Duration::from_secs(8)));
        assert!(!discard.took(0, begin + Duration::from_secs(9)), "nothing for too long");

        let mut dripping = BodyDiscard::new(begin);
        let seconds = (1..=60).find(|second| !dripping.took(1, begin + Duration::from_secs(*second)));
        assert_eq!(seconds, Some(DISCARD_TIME.as_secs()));

        let mut fast = BodyDiscard::new(begin);
        let megabytes = (1..=100).find(|_| !fast.took(1 << 20, begin));
        assert_eq!(megabytes, Some(64));
    }
}
