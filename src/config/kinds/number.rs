//! [`Number`]: a count.

use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::Quoted;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// A whole number, 1 or more.
pub(in crate::config) struct Number<T>(PhantomData<T>);

impl<T> Number<T> {
    /// 1 or more.
    pub(in crate::config) const fn from_one() -> Self {
        Self(PhantomData)
    }
}

impl<T: Copy + Display + FromStr + From<u8> + PartialOrd + TryInto<u64>> KeyKind for Number<T> {
    type Value = T;

    fn name(&self) -> String {
        "number".to_owned()
    }

    fn parse(&self, text: &str) -> Result<T, ValueError> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<T>() {
            Ok(number) if plain && number >= T::from(1) => Ok(number),
            Ok(_) if plain => Err(ValueError::new(format!("{} is too few; the least is 1", Quoted(text)))),
            Err(_) if plain => Err(ValueError::new(format!("{} is too many", Quoted(text)))),
            _ => Err(ValueError::new(format!("{} is not a whole number", Quoted(text))).hint("such as 512")),
        }
    }

    fn write(&self, value: &T) -> YamlText {
        YamlText::Number((*value).try_into().unwrap_or(u64::MAX))
    }

    fn schema(&self) -> Json {
        json!({ "type": "integer", "minimum": 1 })
    }
}
