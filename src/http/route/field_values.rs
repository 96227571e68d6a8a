//! [`FieldValues`]: the values that a header field, query key or cookie may have in a request.

use super::truth::{ReadingRange, Truth};
use crate::config::FieldRule;

/// The values that a field may have. Programs take the first of several, the last, or all; decode or do not.
#[derive(Debug, Default)]
pub(super) struct FieldValues {
    values: Vec<Vec<u8>>,
    /// Whether every program sees the field.
    is_there: bool,
    /// Whether there are more values than are looked at.
    too_many: bool,
}

impl FieldValues {
    /// One value, which every program sees.
    pub(super) fn of(value: &[u8]) -> Self {
        let mut found = Self::default();
        found.add(value.to_vec());
        found
    }

    /// Adds a value that every program sees, as it is or in another form.
    pub(super) fn add(&mut self, value: Vec<u8>) {
        self.is_there = true;
        self.may_be(value);
    }

    /// Adds a value that some programs see.
    pub(super) fn may_be(&mut self, value: Vec<u8>) {
        if self.values.contains(&value) {
            return;
        }
        if self.values.len() == MOST_VALUES {
            self.too_many = true;
        } else {
            self.values.push(value);
        }
    }

    /// Whether the rule holds for all of the values.
    pub(super) fn judge(&self, rule: &FieldRule, range: ReadingRange) -> Truth {
        let text_is = |value: &[u8], own: &str| match range {
            ReadingRange::Own => Truth::from(value == own.as_bytes()),
            ReadingRange::Any => Truth::of_both(value == own.as_bytes(), value.eq_ignore_ascii_case(own.as_bytes())),
        };
        match rule {
            FieldRule::Present(wanted) => {
                let found = match (self.is_there, self.values.is_empty()) {
                    (true, _) => Truth::Yes,
                    (false, false) => Truth::Maybe,
                    (false, true) => Truth::No,
                };
                if *wanted { found } else { found.not() }
            }
            FieldRule::Equal(own) => self.all(|value| text_is(value, own)),
            FieldRule::Regex(regex) => self.all(|value| match range {
                ReadingRange::Own => regex.matches(value).into(),
                ReadingRange::Any => Truth::of_both(regex.matches(value), regex.matches_in_any_case(value)),
            }),
        }
    }

    fn all(&self, holds: impl Fn(&[u8]) -> Truth) -> Truth {
        if self.too_many {
            return Truth::Maybe;
        }
        let mut found = self.values.iter().map(|value| holds(value));
        let Some(first) = found.next() else { return Truth::No };
        let together = found.fold(first, |all, one| if all == one { all } else { Truth::Maybe });
        // To a program that does not see the field nothing holds.
        if together == Truth::Yes && !self.is_there { Truth::Maybe } else { together }
    }
}

/// How many values of a field are looked at.
const MOST_VALUES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_only_if_it_does_for_every_value() {
        let equal = FieldRule::Equal("a".to_owned());
        for (sure, unsure, own, any) in [
            (&[][..], &[][..], Truth::No, Truth::No),
            (&["a"], &[], Truth::Yes, Truth::Yes),
            (&["a", "a"], &[], Truth::Yes, Truth::Yes),
            (&["a", "b"], &[], Truth::Maybe, Truth::Maybe),
            (&["b", "a"], &[], Truth::Maybe, Truth::Maybe),
            (&["b", "c"], &[], Truth::No, Truth::No),
            (&[], &["a"], Truth::Maybe, Truth::Maybe),
            (&[], &["b"], Truth::No, Truth::No),
            (&["A"], &[], Truth::No, Truth::Maybe),
        ] {
            let mut values = FieldValues::default();
            for value in sure {
                values.add(value.as_bytes().to_vec());
            }
            for value in unsure {
                values.may_be(value.as_bytes().to_vec());
            }
            let found = [ReadingRange::Own, ReadingRange::Any].map(|range| values.judge(&equal, range));
            assert_eq!(found, [own, any], "{sure:?} {unsure:?}");
            let there = match (sure.is_empty(), unsure.is_empty()) {
                (false, _) => Truth::Yes,
                (true, false) => Truth::Maybe,
                (true, true) => Truth::No,
            };
            assert_eq!(values.judge(&FieldRule::Present(true), ReadingRange::Any), there, "{sure:?} {unsure:?}");
            assert_eq!(values.judge(&FieldRule::Present(false), ReadingRange::Any), there.not(), "{sure:?} {unsure:?}");
        }
    }

    #[test]
    fn more_values_than_are_looked_at_prove_nothing() {
        let mut values = FieldValues::default();
        (0..=MOST_VALUES).for_each(|number| values.add(number.to_string().into_bytes()));
        assert_eq!(values.judge(&FieldRule::Equal("x".to_owned()), ReadingRange::Own), Truth::Maybe);
    }
}
