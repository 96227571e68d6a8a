//! [`Attributes`]: what is said of a span, a series or the process, in the messages of OTLP.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// A list of attributes. One without a value is left out.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub(super) fn text(&mut self, key: &str, text: Option<&str>) {
        self.add(key, text.map(|text| Value::StringValue(text.to_owned())));
    }

    pub(super) fn number(&mut self, key: &str, number: Option<u64>) {
        self.add(key, number.map(|number| Value::IntValue(i64::try_from(number).unwrap_or(i64::MAX))));
    }

    pub(super) fn flag(&mut self, key: &str, flag: bool) {
        self.add(key, Some(Value::BoolValue(flag)));
    }

    pub(super) fn millis(&mut self, key: &str, time: Option<Duration>) {
        self.add(key, time.map(|time| Value::DoubleValue(time.as_secs_f64() * 1000.0)));
    }

    pub(super) fn into_list(self) -> Vec<KeyValue> {
        self.0
    }

    fn add(&mut self, key: &str, value: Option<Value>) {
        if let Some(value) = value {
            let value = Some(AnyValue { value: Some(value) });
            self.0.push(KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
        }
    }
}

/// What sends: this process, by the name `service`, and a number that tells it from others.
pub(super) fn resource(instance: u128) -> Resource {
    let mut attributes = Attributes::default();
    attributes.text("service.name", Some("frontgate"));
    attributes.text("service.version", Some(env!("CARGO_PKG_VERSION")));
    attributes.text("service.instance.id", Some(&format!("{instance:032x}")));
    attributes.number("process.pid", Some(u64::from(std::process::id())));
    Resource { attributes: attributes.into_list(), ..Resource::default() }
}

/// What made spans and metrics.
pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "frontgate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

/// A moment, in nanoseconds since 1970.
pub(super) fn unix_nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
