//! [`EventFields`]: what an event says, by name.

use std::fmt::Debug;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};

use super::clean::{LONGEST, clean};

/// What an event or a span says, by name; texts are cleaned.
#[derive(Debug, Default)]
pub(super) struct EventFields(pub(super) Map<String, Value>);

impl Visit for EventFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), clean(value.as_bytes(), LONGEST).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
