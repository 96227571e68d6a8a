//! [`Pause`]: when a collector that failed is asked again. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// When a collector that failed is asked again: after a second, then twice as long each time, up to half a minute.
#[derive(Debug, Default)]
pub(super) struct Pause {
    failures: u32,
    until: Option<Instant>,
}

impl Pause {
    /// Whether the collector is to be left alone.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Notes that it answered.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// Notes that it failed; `asked` is how long it asks to be left alone.
    pub(super) fn begin(&mut self, now: Instant, asked: Option<Duration>) {
        let own = FIRST * 2_u32.pow(self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + asked.unwrap_or(own).min(LONGEST));
    }
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_and_end_with_an_answer() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        let lasts = |pause: &Pause, seconds: u64| {
            pause.is_on(now + Duration::from_millis(seconds * 1000 - 1))
                && !pause.is_on(now + Duration::from_secs(seconds))
        };
        assert!(!pause.is_on(now));
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            pause.begin(now, None);
            assert!(lasts(&pause, seconds), "{pause:?}");
        }
        for (asked, seconds) in [(5, 5), (3600, 30)] {
            pause.begin(now, Some(Duration::from_secs(asked)));
            assert!(lasts(&pause, seconds), "{pause:?}");
        }
        pause.end();
        assert!(!pause.is_on(now));
        pause.begin(now, None);
        assert!(lasts(&pause, 1));
    }
}
