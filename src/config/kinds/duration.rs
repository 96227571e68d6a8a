//! [`DurationValue`]: durations such as `250ms`, `20s`, `24h`.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A duration with a unit: `ms`, `s`, `m`, `h` or `d`.
pub(in crate::config) struct DurationValue {
    /// The shortest duration that is accepted.
    pub(in crate::config) at_least: Duration,
    /// The longest duration that is accepted.
    pub(in crate::config) at_most: Duration,
}

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A year: a longer time is a slip, and far from the limit of timers.
pub(crate) const LONGEST_TIME: Duration = Duration::from_hours(365 * 24);

impl DurationValue {
    /// Any duration but zero.
    pub(in crate::config) const ANY: Self = Self { at_least: Duration::from_millis(1), at_most: LONGEST_TIME };
}

/// A time that `text` says, for which something is spread; or why it says none, in words.
pub(crate) fn spread_time(text: &str) -> Result<Duration, String> {
    let kind = DurationValue { at_least: Duration::ZERO, at_most: LONGEST_SPREAD };
    kind.parse(text).map_err(ValueError::in_words)
}

/// Longer than the time of any maintenance is a slip.
const LONGEST_SPREAD: Duration = Duration::from_hours(24);

impl KeyKind for DurationValue {
    type Value = Duration;

    fn name(&self) -> String {
        "duration".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Duration, ValueError> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        if !number.is_empty() && unit.is_empty() {
            let fault = ValueError::new(format!("{} has no unit", Quoted(text)));
            // What is too long in seconds may be meant in milliseconds.
            let meant =
                ["s", "ms"].map(|unit| format!("{number}{unit}")).into_iter().find(|text| self.parse(text).is_ok());
            return Err(fault.hint(match meant {
                Some(meant) => format!("write `{meant}`; the units are ms, s, m, h and d"),
                None => format!(
                    "from {} to {}; the units are ms, s, m, h and d",
                    written(self.at_least),
                    written(self.at_most)
                ),
            }));
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).filter(|_| digits > 0) else {
            let fault = ValueError::new(format!("{} is not a duration", Quoted(text)));
            return Err(fault.hint("one number and one unit, such as 250ms, 20s, 5m, 24h or 1d"));
        };
        let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*millis)).map(Duration::from_millis);
        match time {
            Some(time) if time < self.at_least => {
                Err(ValueError::new(format!("{} is too short; the least is {}", Quoted(text), written(self.at_least))))
            }
            Some(time) if time <= self.at_most => Ok(time),
            _ => Err(ValueError::new(format!("{} is too long; the most is {}", Quoted(text), written(self.at_most)))),
        }
    }

    fn write(&self, value: &Duration) -> YamlText {
        YamlText::Word(written(*value))
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$" })
    }
}

/// Writes a duration in the largest unit that loses nothing. Hours are the largest unit, because configurations say
/// `24h`.
fn written(time: Duration) -> String {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) =
        UNITS[1..].iter().find(|(_, size)| millis > 0 && millis.is_multiple_of(*size)).unwrap_or(&UNITS[3]);
    format!("{}{unit}", millis / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let ms = Duration::from_millis;
        let good = [
            ("250ms", ms(250)),
            ("20s", ms(20_000)),
            ("5m", ms(300_000)),
            ("24h", ms(86_400_000)),
            ("1d", ms(86_400_000)),
            ("1 s", ms(1000)),
        ];
        for (text, expected) in good {
            assert_eq!(DurationValue::ANY.parse(text), Ok(expected), "{text}");
        }
        for (text, fault) in [
            ("", "is not a duration"),
            ("s", "is not a duration"),
            ("20", "has no unit"),
            ("1h30m", "is not a duration"),
            ("1.5s", "is not a duration"),
            ("-1s", "is not a duration"),
            ("0s", "is too short"),
            ("20 sec", "is not a duration"),
            ("20S", "is not a duration"),
            ("366d", "is too long"),
            ("99999999999999999999s", "is too long"),
            ("18446744073709551615d", "is too long"),
            ("off", "is not a duration"),
        ] {
            let message = DurationValue::ANY.parse(text).unwrap_err().message;
            assert!(message.contains(fault), "{text}: {message}");
        }
    }

    #[test]
    fn durations_are_written_in_the_largest_unit_that_loses_nothing() {
        for text in ["1ms", "250ms", "20s", "75s", "2m", "90m", "24h", "48h", "1500ms", "61s"] {
            let time = DurationValue::ANY.parse(text).unwrap();
            assert_eq!(written(time), text);
        }
        assert_eq!(written(Duration::ZERO), "0s");
        assert_eq!(written(Duration::from_mins(2)), "2m");
    }
}
