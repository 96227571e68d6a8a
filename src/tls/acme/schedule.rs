//! When to renew a certificate, when to ask the authority about it, and when to remind the operator that it was not
//! renewed.

use time::{Duration, OffsetDateTime};

/// The validity of a certificate, and when it was obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    /// When it was obtained.
    pub(super) obtained: OffsetDateTime,
}

/// When the authority would like it to be renewed (RFC 9773 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RenewalWindow {
    pub(super) start: OffsetDateTime,
    pub(super) end: OffsetDateTime,
}

/// The moment to renew. `chance`, from 0 to 1, is drawn when a certificate begins to be shown: it spreads the load of
/// many clients, and does not move the moment of one of them about.
///
/// In the authority's window if there is one, else when a third of the life is left, or up to a thirtieth of it
/// earlier. In no case so soon after the last time that an authority that always says "at once" makes a loop of it.
pub(super) fn renewal(life: &Life, window: Option<&RenewalWindow>, chance: f64) -> OffsetDateTime {
    let whole = life.whole();
    let moment = match window.filter(|window| window.start < window.end) {
        // A window that lies behind the certificate's end would be an outage.
        Some(window) => (window.start + (window.end - window.start) * chance).min(life.not_after - whole / 10_i32),
        None => life.not_after - whole / 3_i32 - whole / 30_i32 * chance,
    };
    moment.max(life.obtained + (whole / 6_i32).min(LEAST_BETWEEN_ORDERS))
}

/// When to ask about the window again: what the authority said, within sensible limits (RFC 9773 §4.3.2).
pub(super) fn next_look(now: OffsetDateTime, told: Option<std::time::Duration>) -> OffsetDateTime {
    let told = told.and_then(|told| Duration::try_from(told).ok()).unwrap_or(UNTOLD_LOOK);
    now + told.clamp(LEAST_LOOK, MOST_LOOK)
}

/// When to remind the operator that a certificate which is due has not been renewed; `last` is the last reminder.
/// Daily, and hourly in the certificate's last day.
pub(super) fn next_reminder(not_after: OffsetDateTime, last: OffsetDateTime) -> OffsetDateTime {
    let last_day = not_after - Duration::DAY;
    if last >= last_day {
        last + Duration::HOUR
    } else {
        (last + Duration::DAY).min(last_day.max(last + Duration::HOUR))
    }
}

impl Life {
    fn whole(&self) -> Duration {
        (self.not_after - self.not_before).max(Duration::ZERO)
    }
}

/// An authority may move its window to the past at any time, to have certificates replaced that it must revoke; once a
/// day is enough for that.
const LEAST_BETWEEN_ORDERS: Duration = Duration::DAY;
const LEAST_LOOK: Duration = Duration::MINUTE;
const MOST_LOOK: Duration = Duration::DAY;
const UNTOLD_LOOK: Duration = Duration::hours(6);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const MADE: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    fn life(whole: Duration) -> Life {
        Life { not_before: MADE, not_after: MADE + whole, obtained: MADE }
    }

    fn window(start: Duration, end: Duration) -> RenewalWindow {
        RenewalWindow { start: MADE + start, end: MADE + end }
    }

    #[test]
    fn without_a_window_a_third_of_the_life_is_left_for_renewal() {
        for (whole, chance, expected) in [
            (Duration::days(90), 0.0, Duration::days(60)),
            (Duration::days(90), 1.0, Duration::days(57)),
            (Duration::days(90), 0.5, Duration::days(58) + Duration::hours(12)),
            (Duration::hours(150), 0.0, Duration::hours(100)),
            (Duration::seconds(30), 0.0, Duration::seconds(20)),
            // A certificate without any validity, which no authority should issue.
            (Duration::ZERO, 0.5, Duration::ZERO),
            (Duration::days(-3), 0.5, Duration::ZERO),
        ] {
            assert_eq!(renewal(&life(whole), None, chance) - MADE, expected, "{whole}, {chance}");
        }
    }

    #[test]
    fn the_authority_says_when_but_never_too_often_or_too_late() {
        let days = Duration::days;
        for (start, end, chance, expected) in [
            (days(50), days(52), 0.0, days(50)),
            (days(50), days(52), 0.5, days(51)),
            (days(20), days(21), 0.0, days(20)),
            // At once, which is not before a day has passed.
            (days(-2), days(-1), 0.3, days(1)),
            (days(0), days(0) + Duration::SECOND, 0.0, days(1)),
            // Behind its end.
            (days(100), days(110), 0.0, days(81)),
            // No window at all.
            (days(52), days(50), 0.0, days(60)),
            (days(52), days(52), 0.0, days(60)),
        ] {
            let moment = renewal(&life(days(90)), Some(&window(start, end)), chance);
            assert_eq!(moment - MADE, expected, "{start} to {end}");
        }
    }

    #[test]
    fn a_certificate_that_came_late_is_not_replaced_at_once() {
        let late = Life { obtained: MADE + Duration::days(80), ..life(Duration::days(90)) };
        assert_eq!(renewal(&late, None, 0.0) - MADE, Duration::days(81));
    }

    #[test]
    fn the_window_is_looked_at_as_often_as_told_within_limits() {
        let seconds = std::time::Duration::from_secs;
        for (told, expected) in [
            (None, Duration::hours(6)),
            (Some(0), Duration::MINUTE),
            (Some(90), Duration::seconds(90)),
            (Some(3600 * 6), Duration::hours(6)),
            (Some(3600 * 24 * 30), Duration::DAY),
            (Some(u64::MAX), Duration::hours(6)),
        ] {
            assert_eq!(next_look(MADE, told.map(seconds)) - MADE, expected, "{told:?}");
        }
    }

    #[test]
    fn people_are_reminded_daily_and_hourly_in_the_last_day() {
        let ends = MADE + Duration::days(3);
        let mut heard = vec![Duration::ZERO];
        let mut last = MADE;
        while last < ends {
            last = next_reminder(ends, last);
            heard.push(last - MADE);
        }
        assert_eq!(heard[..4], [Duration::ZERO, Duration::DAY, Duration::days(2), Duration::hours(49)]);
        assert_eq!(heard.len(), 27);
    }
}
