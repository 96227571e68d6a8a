//! [`HstsPolicy`]: when browsers are told to use nothing but https.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::DurationValue;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;

/// When browsers are told to use nothing but https (RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hsts {
    /// When the certificate is publicly trusted, for a year.
    #[default]
    Auto,
    /// Never send the header.
    Off,
    /// Always send it, with this `max-age`.
    For(Duration),
}

/// `auto`, `off` or a duration.
pub(in crate::config) struct HstsPolicy;

/// The preload lists of browsers ask for a year or two; a longer time is a slip.
pub(crate) const LONGEST_HSTS: Duration = Duration::from_hours(2 * 365 * 24);

/// `0s` makes browsers forget the policy.
const LIFE: DurationValue = DurationValue { at_least: Duration::ZERO, at_most: LONGEST_HSTS };

impl KeyKind for HstsPolicy {
    type Value = Hsts;

    fn name(&self) -> String {
        "auto, off or duration".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Hsts, ValueError> {
        match text {
            "auto" => Ok(Hsts::Auto),
            "off" => Ok(Hsts::Off),
            _ => LIFE.parse(text).map(Hsts::For).map_err(|fault| {
                let hint = fault.hint.as_deref().map(|hint| format!("{hint}; or auto, or off"));
                fault.hint(hint.unwrap_or_else(|| "a duration such as 365d, auto, or off".to_owned()))
            }),
        }
    }

    fn write(&self, value: &Hsts) -> YamlText {
        match value {
            Hsts::Auto => YamlText::Word("auto".to_owned()),
            Hsts::Off => YamlText::Word("off".to_owned()),
            Hsts::For(life) => LIFE.write(life),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "enum": ["auto", "off"] }, LIFE.schema()] })
    }
}
