//! [`SizeValue`]: amounts of memory such as `64KiB`, `25MiB`.

use std::marker::PhantomData;

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// Bytes with a unit: `B`, `KiB`, `MiB`, `GiB`.
pub(in crate::config) struct SizeValue<T> {
    at_least: u64,
    at_most: u64,
    held: PhantomData<T>,
}

const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl<T> SizeValue<T> {
    /// From `at_least` to `at_most` bytes.
    pub(in crate::config) const fn between(at_least: u64, at_most: u64) -> Self {
        Self { at_least, at_most, held: PhantomData }
    }
}

impl<T: Copy + TryFrom<u64> + TryInto<u64>> KeyKind for SizeValue<T> {
    type Value = T;

    fn name(&self) -> String {
        "size".to_owned()
    }

    fn parse(&self, text: &str) -> Result<T, ValueError> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit).filter(|_| digits > 0) else {
            let kind = if digits > 0 && unit.is_empty() { "has no unit" } else { "is not a size" };
            let fault = ValueError::new(format!("{} {kind}", Quoted(text)));
            // `64K`, `64kb`, `64k` are all taken for 64KiB in the hint.
            let meant = UNITS.iter().find(|(name, _)| {
                unit.bytes().next().is_some_and(|first| first.eq_ignore_ascii_case(&name.as_bytes()[0])) && digits > 0
            });
            return Err(match meant {
                Some((name, _)) => fault.hint(format!("write `{number}{name}`; the units are B, KiB, MiB and GiB")),
                None if digits > 0 => {
                    fault.hint(format!("write `{number}B` or `{number}KiB`; the units are B, KiB, MiB and GiB"))
                }
                None => fault.hint("a number and a unit, such as 512B, 64KiB, 25MiB or 1GiB"),
            });
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*size));
        match bytes {
            Some(bytes) if bytes < self.at_least => {
                Err(ValueError::new(format!("{} is too little; the least is {}", Quoted(text), written(self.at_least))))
            }
            Some(bytes) if bytes <= self.at_most => T::try_from(bytes).map_err(|_| self.too_much(text)),
            _ => Err(self.too_much(text)),
        }
    }

    fn write(&self, value: &T) -> YamlText {
        YamlText::Word(written((*value).try_into().unwrap_or(u64::MAX)))
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB)$" })
    }
}

impl<T> SizeValue<T> {
    fn too_much(&self, text: &str) -> ValueError {
        ValueError::new(format!("{} is too much; the most is {}", Quoted(text), written(self.at_most)))
    }
}

/// Writes a size in the largest unit that loses nothing.
fn written(bytes: u64) -> String {
    let (unit, size) = UNITS.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size)).unwrap_or(&UNITS[3]);
    format!("{}{unit}", bytes / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_number_and_a_binary_unit() {
        let kind = SizeValue::<u64>::between(1, 1 << 40);
        let good = [("512B", 512), ("64KiB", 65_536), ("25MiB", 26_214_400), ("1GiB", 1 << 30), ("1 KiB", 1024)];
        for (text, expected) in good {
            assert_eq!(kind.parse(text), Ok(expected), "{text}");
        }
        for (text, fault) in [
            ("", "is not a size"),
            ("64", "has no unit"),
            ("64K", "is not a size"),
            ("64KB", "is not a size"),
            ("64kib", "is not a size"),
            ("0B", "is too little"),
            ("KiB", "is not a size"),
            ("1.5MiB", "is not a size"),
            ("-1B", "is not a size"),
            ("1025GiB", "is too much"),
            ("99999999999999999999B", "is too much"),
            ("17179869184GiB", "is too much"),
        ] {
            let message = kind.parse(text).unwrap_err().message;
            assert!(message.contains(fault), "{text}: {message}");
        }
    }

    #[test]
    fn a_decimal_unit_gets_the_binary_one_as_a_hint() {
        let hint = |text| SizeValue::<u64>::between(1, 1 << 40).parse(text).unwrap_err().hint.unwrap();
        assert!(hint("64K").starts_with("write `64KiB`"));
        assert!(hint("64kb").starts_with("write `64KiB`"));
        assert!(hint("25M").starts_with("write `25MiB`"));
        assert!(hint("64").starts_with("write `64B` or `64KiB`"));
    }
}
