//! [`Backoff`]: how long to wait before the next try. Pure.

use std::time::Duration;

/// How long to wait before the next try: twice as long each time, up to a limit, and never for all at the same moment.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// The next pause; `chance` is a number from 0 to 1.
    pub(super) fn next(&mut self, chance: f64) -> Duration {
        let pause = FIRST * 2u32.pow(self.0.min(6));
        self.0 = self.0.saturating_add(1);
        pause.min(LONGEST).mul_f64(0.5 + chance.clamp(0.0, 1.0))
    }
}

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        let mut backoff = Backoff::default();
        let millis: Vec<u128> = (0..8).map(|_| backoff.next(0.5).as_millis()).collect();
        assert_eq!(millis, [100, 200, 400, 800, 1600, 3000, 3000, 3000]);
        assert_eq!((backoff.next(0.0).as_millis(), backoff.next(1.0).as_millis()), (1500, 4500));
    }
}
