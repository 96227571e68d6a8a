//! [`ExpiryDate`]: the moment from which on something does not count.

use std::time::SystemTime;

use serde_json::{Value as Json, json};
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, Time};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// A day, which begins at midnight, or a moment of it: `2027-01-31` or `2027-01-31T18:00:00Z`, UTC.
pub(in crate::config) struct ExpiryDate;

impl KeyKind for ExpiryDate {
    type Value = SystemTime;

    fn name(&self) -> String {
        "date".to_owned()
    }

    fn parse(&self, text: &str) -> Result<SystemTime, ValueError> {
        moment(text).map(SystemTime::from).ok_or_else(|| {
            let fault = ValueError::new(format!("{} is not a date", Quoted(text)));
            fault.hint("2027-01-31, or a moment in UTC: 2027-01-31T18:00:00Z")
        })
    }

    fn write(&self, value: &SystemTime) -> YamlText {
        let moment = OffsetDateTime::from(*value);
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
        YamlText::Word(moment.format(form).unwrap_or_default())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$" })
    }
}

fn moment(text: &str) -> Option<OffsetDateTime> {
    let (day, time) = match text.split_once('T') {
        None => (text, "00:00:00"),
        Some((day, time)) => (day, time.strip_suffix('Z')?),
    };
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let byte = |number: u16| u8::try_from(number).ok();
    // Before 1970 there was nothing to end.
    let moment = date.with_time(Time::from_hms(byte(hour)?, byte(minute)?, byte(second)?).ok()?).assume_utc();
    (moment.unix_timestamp() >= 0).then_some(moment)
}

/// Three numbers of so many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[u16; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && part.bytes().all(|one| one.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        for (text, expected) in [
            ("2027-01-31", Some("2027-01-31T00:00:00Z")),
            ("2027-01-31T18:30:05Z", Some("2027-01-31T18:30:05Z")),
            ("2028-02-29", Some("2028-02-29T00:00:00Z")),
            ("1970-01-01", Some("1970-01-01T00:00:00Z")),
            ("2027-02-29", None),
            ("2027-13-01", None),
            ("2027-1-31", None),
            ("27-01-31", None),
            ("1969-12-31", None),
            ("2027-01-31T18:30:05", None),
            ("2027-01-31T18:30:05+01:00", None),
            ("2027-01-31T24:00:00Z", None),
            ("2027-01-31-01", None),
            ("+027-01-31", None),
            ("tomorrow", None),
            ("", None),
        ] {
            let read = ExpiryDate.parse(text).ok().map(|date| ExpiryDate.write(&date));
            assert_eq!(read, expected.map(|text| YamlText::Word(text.to_owned())), "{text}");
        }
    }
}
