//! [`EndpointHealth`]: what an endpoint has answered when it was asked whether it is well.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What an endpoint has answered when it was asked whether it is well.
#[derive(Debug)]
pub(crate) struct EndpointHealth {
    /// So many failures in a row take it out.
    fails: u32,
    /// So many good answers in a row bring it back.
    passes: u32,
    record: Mutex<HealthRecord>,
}

/// What the last answers were: pure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct HealthRecord {
    /// Whether the endpoint gets no work.
    is_out: bool,
    /// How many answers in a row said otherwise.
    against: u32,
    /// When it came back, if it was out.
    back_since: Option<Instant>,
}

/// What an answer has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HealthChange {
    /// The endpoint gets no more work.
    Out,
    /// The endpoint gets work again.
    Back,
}

impl EndpointHealth {
    /// Of an endpoint that was not asked yet, which counts as well.
    pub(crate) fn new(fails: u32, passes: u32) -> Self {
        Self { fails, passes, record: Mutex::default() }
    }

    /// Notes an answer, or that there was none in time.
    pub(crate) fn note(&self, is_well: bool, now: Instant) -> Option<HealthChange> {
        self.record().note(is_well, (self.fails, self.passes), now)
    }

    /// Whether the endpoint gets no work.
    pub(crate) fn is_out(&self) -> bool {
        self.record().is_out
    }

    /// The thousandths of its weight with which it counts at `now`.
    pub(super) fn share(&self, now: Instant) -> u32 {
        self.record().share(now)
    }

    fn record(&self) -> MutexGuard<'_, HealthRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HealthRecord {
    fn note(&mut self, is_well: bool, (fails, passes): (u32, u32), now: Instant) -> Option<HealthChange> {
        if is_well != self.is_out {
            self.against = 0;
            return None;
        }
        self.against = self.against.saturating_add(1);
        if self.against < if self.is_out { passes } else { fails } {
            return None;
        }
        let back_since = self.is_out.then_some(now);
        *self = Self { is_out: !self.is_out, against: 0, back_since };
        Some(if self.is_out { HealthChange::Out } else { HealthChange::Back })
    }

    fn share(&self, now: Instant) -> u32 {
        self.back_since.map_or(WHOLE, |since| slow_start(since, now))
    }
}

/// The thousandths of its weight with which an endpoint counts at `now` that gets work since then.
pub(super) fn slow_start(since: Instant, now: Instant) -> u32 {
    let passed = now.saturating_duration_since(since).as_millis();
    let risen = passed * u128::from(WHOLE) / SLOW_START.as_millis();
    u32::try_from(risen).unwrap_or(WHOLE).clamp(FIRST_SHARE, WHOLE)
}

/// The time between the beginnings of two questions, where `random` is between 0 and 1. So many failures in a row are found within
/// as many times `every`, also where each takes the whole `timeout`.
pub(super) fn pause(every: Duration, timeout: Duration, fails: u32, random: f64) -> Duration {
    let longest = every.saturating_sub(timeout / fails.max(1)).max(every / 2);
    longest.mul_f64(1.0 - SPREAD * random.clamp(0.0, 1.0))
}

/// Thousandths.
pub(super) const WHOLE: u32 = 1000;
/// A gateway that has just started has cold caches, and many clients that want to be back.
const FIRST_SHARE: u32 = 100;
const SLOW_START: Duration = Duration::from_secs(30);
/// The part of a pause that is random, so that many who ask do not ask in one moment.
const SPREAD: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn so_many_in_a_row_take_an_endpoint_out_and_bring_it_back() {
        type Answers = &'static [(bool, Option<HealthChange>)];
        const OUT: Option<HealthChange> = Some(HealthChange::Out);
        const BACK: Option<HealthChange> = Some(HealthChange::Back);
        let now = Instant::now();
        let rows: [(u32, u32, Answers); 3] = [
            (1, 1, &[(true, None), (false, OUT), (false, None), (true, BACK), (true, None)]),
            (
                2,
                1,
                &[(false, None), (true, None), (false, None), (false, OUT), (true, BACK), (false, None), (false, OUT)],
            ),
            (
                1,
                3,
                &[(false, OUT), (true, None), (true, None), (false, None), (true, None), (true, None), (true, BACK)],
            ),
        ];
        for (fails, passes, answers) in rows {
            let health = EndpointHealth::new(fails, passes);
            for (at, (is_well, change)) in answers.iter().enumerate() {
                assert_eq!(health.note(*is_well, now), *change, "{fails} {passes}: answer {at}");
            }
        }
    }

    #[test]
    fn the_share_of_one_that_is_back_rises() {
        let now = Instant::now();
        let health = EndpointHealth::new(1, 1);
        assert_eq!(health.share(now), 1000);
        health.note(false, now);
        assert!(health.is_out());
        health.note(true, now);
        for (seconds, share) in [(0, 100), (3, 100), (15, 500), (27, 900), (30, 1000), (3000, 1000)] {
            assert_eq!(health.share(now + SECOND * seconds), share, "{seconds}");
        }
        health.note(false, now);
        assert!(health.is_out());
    }

    #[test]
    fn failures_are_found_in_time() {
        for (every, timeout, fails) in [(5, 2, 2), (5, 5, 2), (10, 1, 1), (4, 4, 4), (60, 5, 2)] {
            let (every, timeout) = (SECOND * every, SECOND * timeout);
            for random in [0.0, 0.5, 1.0] {
                let pause = pause(every, timeout, fails, random);
                assert!(pause * fails + timeout <= every * fails, "{every:?} {timeout:?} {fails}: {pause:?}");
                assert!(pause >= every.mul_f64(0.4), "{pause:?}");
            }
        }
    }
}
