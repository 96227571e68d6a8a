//! [`IssuerOutage`]: says once that an issuer cannot be asked, and once that it can be again, however often it is asked meanwhile.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::observe::log_rate_limit::LogRateLimit;

/// Whether an issuer answers one kind of questions.
#[derive(Default)]
pub(super) struct IssuerOutage {
    /// Since when it does not, and whether that was said.
    since: Mutex<Option<(Instant, bool)>>,
    /// One that comes and goes all the time is not said each time.
    lines: LogRateLimit,
}

impl IssuerOutage {
    /// Notes that it has not answered, and says so if that is news: `what` is the line.
    pub(super) fn failed(&self, issuer: &str, error: &str, what: &'static str) {
        if self.is_news(Instant::now()) {
            tracing::warn!(%issuer, error, "{what}");
        }
    }

    /// Notes that it has answered.
    pub(super) fn answered(&self, issuer: &str, what: &'static str) {
        if let Some(since) = self.over() {
            let down_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(%issuer, down_ms, "{what}");
        }
    }

    fn is_news(&self, now: Instant) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, told) = since.get_or_insert((now, false));
        let is_news = !*told && self.lines.pass("outage", now).is_some();
        *told |= is_news;
        is_news
    }

    /// Since when it has not answered, if that was said.
    fn over(&self) -> Option<Instant> {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).take();
        since.and_then(|(since, told)| told.then_some(since))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_outage_is_said_once_and_not_again_within_a_minute() {
        let (outage, began) = (IssuerOutage::default(), Instant::now());
        let at = |second| began + Duration::from_secs(second);
        assert_eq!(outage.over(), None, "nothing was said");
        assert!(outage.is_news(at(0)));
        assert!(!outage.is_news(at(1)) && !outage.is_news(at(3600)), "as long as it lasts");
        assert_eq!(outage.over(), Some(at(0)));
        assert_eq!(outage.over(), None);
        assert!(outage.is_news(at(3700)));
        assert_eq!(outage.over(), Some(at(3700)));
        assert!(!outage.is_news(at(3710)), "it comes and goes");
        assert!(outage.is_news(at(3770)), "it stays away");
        assert_eq!(outage.over(), Some(at(3710)));
    }
}
