//! `upstreams.NAME.health`: how gateways are asked whether they are well.

use std::time::Duration;

use http::uri::PathAndQuery;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{DurationValue, Number, Quoted};
use crate::config::problem::ValueError;

/// How gateways are asked whether they are well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    /// What is asked for.
    pub(crate) path: PathAndQuery,
    /// The time from one question to the next.
    pub(crate) every: Duration,
    /// How long an answer may take, connecting included.
    pub(crate) timeout: Duration,
    /// So many failures in a row take an endpoint out.
    pub(crate) fails: u32,
    /// So many good answers in a row bring it back.
    pub(crate) passes: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: PathAndQuery::from_static("/readyz"),
            every: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fails: 2,
            passes: 1,
        }
    }
}

impl KeySection for Health {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "path",
            ProbePath,
            &mut self.path,
            "What each endpoint is asked for, with GET and without forwarding headers. 200 to 399 is a good answer.",
        );
        let often = DurationValue { at_least: SOONEST, at_most: LATEST };
        keys.key("every", often, &mut self.every, "The time from one question to the next, a little of it at random.");
        let quick = DurationValue { at_least: Duration::from_millis(1), at_most: LATEST };
        keys.key("timeout", quick, &mut self.timeout, "How long an answer may take, connecting included.");
        keys.key(
            "fails",
            Number::from_one(),
            &mut self.fails,
            "So many failures in a row take an endpoint out, after fails × every at most. When all are out, all are tried.",
        );
        keys.key(
            "passes",
            Number::from_one(),
            &mut self.passes,
            "So many good answers in a row bring it back; its share of the work then grows over half a minute.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.timeout > self.every {
            let fault = ValueError::new("`timeout` is longer than `every`");
            checks.report(&["timeout", "every"], fault.hint("an answer must be due before the next question"));
        }
        for (key, count) in [("fails", self.fails), ("passes", self.passes)] {
            if count > MOST_IN_A_ROW {
                checks.report(&[key], ValueError::new(format!("{count} is too many; the most is {MOST_IN_A_ROW}")));
            }
        }
    }
}

/// The target of a question.
struct ProbePath;

impl KeyKind for ProbePath {
    type Value = PathAndQuery;

    fn name(&self) -> String {
        "path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<PathAndQuery, ValueError> {
        let is_plain = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        match PathAndQuery::try_from(text) {
            Ok(path) if is_plain => Ok(path),
            _ => Err(ValueError::new(format!("{} is not a path", Quoted(text))).hint("such as /readyz")),
        }
    }

    fn write(&self, value: &PathAndQuery) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^/[^#\\s]*$" })
    }
}

/// More often is a load of its own.
const SOONEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_hours(1);
/// An endpoint that needs more is never out, or never back.
const MOST_IN_A_ROW: u32 = 100;
