//! [`LookupPace`]: when a name is asked for again: pure.

use std::time::Duration;

/// When a name is asked for again.
#[derive(Debug, Default)]
pub(super) struct LookupPace {
    failures: u32,
}

impl LookupPace {
    /// The time until the next lookup, after an answer that may be kept for `ttl`. `random` is between 0 and 1.
    pub(super) fn answered(&mut self, ttl: Duration, random: f64) -> Duration {
        self.failures = 0;
        later(ttl.clamp(SHORTEST, LONGEST), random)
    }

    /// The time until the next lookup, after one without an answer: twice as long with each that follows.
    pub(super) fn failed(&mut self, random: f64) -> Duration {
        let pause = SHORTEST.saturating_mul(2u32.saturating_pow(self.failures)).min(LONGEST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        later(pause, random)
    }
}

/// A little later, never sooner: a server that keeps answers gives the same one again before its end.
fn later(pause: Duration, random: f64) -> Duration {
    pause.mul_f64(1.0 + SPREAD * random.clamp(0.0, 1.0))
}

/// A TTL of 0 is meant for the moment alone, and a server is not to be asked in a loop.
const SHORTEST: Duration = Duration::from_secs(1);
/// A mistake in a zone with a TTL of a day should not last for a day.
const LONGEST: Duration = Duration::from_mins(5);
/// A gateway's name may come with its first start; a server that is down is down for all replicas at once.
const LONGEST_BACKOFF: Duration = Duration::from_secs(15);
/// So that replicas do not ask in one moment.
const SPREAD: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_again_when_its_ttl_ends_within_bounds() {
        let mut pace = LookupPace::default();
        for (ttl, at_first, at_last) in
            [(0, 1000, 1100), (1, 1000, 1100), (30, 30_000, 33_000), (86_400, 300_000, 330_000)]
        {
            for (random, expected) in [(0.0, at_first), (1.0, at_last)] {
                let pause = pace.answered(Duration::from_secs(ttl), random);
                assert_eq!(pause, Duration::from_millis(expected), "{ttl} {random}");
            }
        }
    }

    #[test]
    fn without_an_answer_pauses_grow_and_an_answer_ends_that() {
        let mut pace = LookupPace::default();
        for _ in 0..2 {
            let pauses: Vec<u64> = (0..7).map(|_| pace.failed(0.0).as_secs()).collect();
            assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
            assert_eq!(pace.failed(1.0), Duration::from_millis(16_500));
            pace.answered(Duration::ZERO, 0.0);
        }
    }
}
