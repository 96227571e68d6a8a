//! [`LogRateLimit`]: keeps a line that would come with every request from filling the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets a line about one subject pass once a minute, and counts the suppressed ones.
#[derive(Debug, Default)]
pub(crate) struct LogRateLimit(Mutex<HashMap<&'static str, LastLine>>);

#[derive(Debug)]
struct LastLine {
    at: Instant,
    kept_back: u64,
}

impl LogRateLimit {
    /// `Some` when a line about `what` is due, with the number of lines that were suppressed since the last one.
    pub(crate) fn pass(&self, what: &'static str, now: Instant) -> Option<u64> {
        // An entry has two plain fields: a panic cannot leave it half updated.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = lines.get_mut(what) else {
            lines.insert(what, LastLine { at: now, kept_back: 0 });
            return Some(0);
        };
        if now.saturating_duration_since(last.at) < MINUTE {
            last.kept_back += 1;
            return None;
        }
        last.at = now;
        Some(std::mem::take(&mut last.kept_back))
    }
}

const MINUTE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_said_once_a_minute_with_how_often_it_was_not() {
        let lines = LogRateLimit::default();
        let began = Instant::now();
        let rows = [
            ("a", 0, Some(0)),
            ("a", 1, None),
            ("b", 1, Some(0)),
            ("a", 59, None),
            ("a", 60, Some(2)),
            ("a", 61, None),
            ("a", 200, Some(1)),
        ];
        for (what, second, expected) in rows {
            assert_eq!(lines.pass(what, began + Duration::from_secs(second)), expected, "{what} at {second}");
        }
    }
}
