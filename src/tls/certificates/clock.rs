//! The earliest plausible time: a machine without a clock battery starts in 1970.

use time::OffsetDateTime;
use time::macros::datetime;

/// This program did not exist before.
pub(in crate::tls) const EARLIEST: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

/// `now`, or the earliest plausible time if `now` lies before it. A certificate that is made with a clock in 1970 would
/// have expired long before the clock is set.
pub(in crate::tls) fn believable(now: OffsetDateTime) -> OffsetDateTime {
    now.max(EARLIEST)
}
