//! [`Backoff`]: how long to leave the authority alone after a failure.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// When a name's certificate was obtained, and which failures came since. Kept on disk: a restart is no reason to try
/// again sooner, and a program that restarts in a loop must not burden the authority.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Backoff {
    /// How many attempts in a row have failed.
    #[serde(default)]
    failures: u32,
    /// When the last of them failed, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed_at: Option<i64>,
    /// Before this the next one is not made, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<i64>,
    /// Why the last attempt failed, in words for an operator that reads the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When the last attempt that did not fail ended, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obtained_at: Option<i64>,
}

/// The facts of a failed attempt.
#[derive(Debug, Clone)]
pub(super) struct FailedAttempt {
    pub(super) at: OffsetDateTime,
    /// How long the authority asked to be left alone (`Retry-After`).
    pub(super) told: Option<std::time::Duration>,
    /// When the certificate that should have been renewed expires.
    pub(super) expires: Option<OffsetDateTime>,
    pub(super) reason: String,
}

impl Backoff {
    /// Counts a failure. `chance`, from 0 to 1, lengthens the pause by up to a tenth.
    pub(super) fn fail(&mut self, failed: FailedAttempt, chance: f64) {
        let step = STEPS.get(self.failures as usize).copied().unwrap_or(LONGEST);
        // A pause of a day would be too long when the certificate is about to expire.
        let left = failed.expires.map_or(Duration::MAX, |end| (end - failed.at) / 4_i32);
        let pause = step.min(left.clamp(Duration::HOUR, LONGEST));
        let pause = pause + pause / 10_i32 * chance;
        let told = failed.told.and_then(|told| Duration::try_from(told).ok()).unwrap_or(Duration::ZERO);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(failed.at.unix_timestamp());
        self.not_before = Some((failed.at + pause.max(told.min(LONGEST_TOLD))).unix_timestamp());
        self.reason = Some(failed.reason);
    }

    /// Resets the count after a success at `at`.
    pub(super) fn succeed(&mut self, at: OffsetDateTime) {
        *self = Self { obtained_at: Some(at.unix_timestamp()), ..Self::default() };
    }

    /// When the certificate was obtained, if that is known.
    pub(super) fn obtained(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.obtained_at?).ok()
    }

    /// How many attempts in a row have failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Why the last attempt failed.
    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Before this the next attempt is not made. A clock that was wrong when the failure was written down must not put
    /// it off for ever.
    pub(super) fn until(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let until = OffsetDateTime::from_unix_timestamp(self.not_before?).ok()?;
        (until <= now + LONGEST_TOLD).then_some(until)
    }
}

/// How long to leave a directory alone that does not answer at all, after `failures` tries in a row. No peer is
/// troubled by another try, and networks come up after programs do, so the pauses stay short.
pub(super) fn outage(failures: u32, told: Option<std::time::Duration>, chance: f64) -> Duration {
    let pause = OUTAGE_FIRST * 2_i32.saturating_pow(failures.saturating_sub(1).min(10));
    let pause = pause.min(OUTAGE_LONGEST) * (1.0 + chance / 10.0);
    let told = told.and_then(|told| Duration::try_from(told).ok()).unwrap_or(Duration::ZERO);
    pause.max(told.min(LONGEST))
}

const OUTAGE_FIRST: Duration = Duration::seconds(5);
const OUTAGE_LONGEST: Duration = Duration::HOUR;
/// The pauses after the first failures. The second leaves time for a firewall or a DNS record to be put right; together
/// they stay below the five failed validations an hour that Let's Encrypt allows.
const STEPS: [Duration; 4] = [Duration::MINUTE, Duration::minutes(15), Duration::HOUR, Duration::hours(6)];
/// The pause after every later failure.
const LONGEST: Duration = Duration::DAY;
/// An authority's rate limits reach back a week.
const LONGEST_TOLD: Duration = Duration::WEEK;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    fn failed(at: OffsetDateTime) -> FailedAttempt {
        FailedAttempt { at, told: None, expires: None, reason: "port 443 is closed".into() }
    }

    #[test]
    fn pauses_grow_from_a_minute_to_a_day() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.until(NOW), None);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            backoff.fail(failed(NOW), 0.0);
            pauses.push((backoff.until(NOW).unwrap() - NOW).whole_minutes());
        }
        assert_eq!(pauses, [1, 15, 60, 360, 1440, 1440, 1440]);
        backoff.fail(failed(NOW), 1.0);
        assert_eq!((backoff.until(NOW).unwrap() - NOW).whole_minutes(), 1584);
        assert_eq!((backoff.failures(), backoff.reason()), (8, Some("port 443 is closed")));
    }

    #[test]
    fn the_authority_may_lengthen_a_pause_but_not_shorten_it() {
        let seconds = std::time::Duration::from_secs;
        for (told, minutes) in [(1, 1), (59, 1), (600, 10), (86_400 * 3, 4320), (86_400 * 30, 10_080), (u64::MAX, 1)] {
            let mut backoff = Backoff::default();
            backoff.fail(FailedAttempt { told: Some(seconds(told)), ..failed(NOW) }, 0.0);
            assert_eq!((backoff.until(NOW).unwrap() - NOW).whole_minutes(), minutes, "{told} s");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_tried_for_more_often() {
        for (hours_left, minutes) in [(24 * 30, 1440), (24, 360), (8, 120), (1, 60), (-5, 60)] {
            let mut backoff = Backoff { failures: 9, ..Backoff::default() };
            backoff.fail(FailedAttempt { expires: Some(NOW + Duration::hours(hours_left)), ..failed(NOW) }, 0.0);
            assert_eq!((backoff.until(NOW).unwrap() - NOW).whole_minutes(), minutes, "{hours_left} h");
        }
    }

    #[test]
    fn a_directory_that_is_down_is_tried_again_soon_and_then_hourly() {
        let pauses: Vec<_> = (1..13).map(|failures| outage(failures, None, 0.0).whole_seconds()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(outage(1, Some(std::time::Duration::from_mins(2)), 1.0).whole_seconds(), 120);
        assert_eq!(outage(u32::MAX, Some(std::time::Duration::MAX), 0.0), Duration::HOUR);
    }

    #[test]
    fn it_survives_on_disk_and_a_wrong_clock_does_not_put_off_for_ever() {
        let mut backoff = Backoff::default();
        backoff.fail(failed(NOW), 0.0);
        let text = serde_json::to_string(&backoff).unwrap();
        assert_eq!(serde_json::from_str::<Backoff>(&text).unwrap(), backoff);
        assert_eq!(serde_json::from_str::<Backoff>("{}").unwrap(), Backoff::default());
        backoff.fail(failed(NOW + Duration::days(4000)), 0.0);
        assert_eq!(backoff.until(NOW), None);
        backoff.succeed(NOW);
        assert_eq!((backoff.failures(), backoff.obtained()), (0, Some(NOW)));
    }
}
