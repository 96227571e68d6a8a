//! `telemetry`: where traces and metrics are sent.

mod collector_url;

use super::keys::{KeySection, Keys, SectionChecks};
use super::kinds::{NoValue, Optional};
use super::problem::ValueError;
use collector_url::CollectorUrlValue;

pub(crate) use collector_url::CollectorUrl;

/// Where traces and metrics are sent. By default they are not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Telemetry {
    /// The collector that gets both, by OTLP over HTTP.
    pub(crate) otlp: Option<CollectorUrl>,
}

impl KeySection for Telemetry {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "otlp",
            Optional(NoValue::Null, CollectorUrlValue),
            &mut self.otlp,
            "A collector of OpenTelemetry that gets traces and metrics (OTLP, http/protobuf), such as http://127.0.0.1:4318; /v1/traces and \
             /v1/metrics are appended. Packages and images of releases can do that; a build needs --features otlp.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.otlp.is_some()
            && let Some(fault) = missing(cfg!(feature = "otlp"))
        {
            checks.report(&["otlp"], fault);
        }
    }
}

/// What is wrong with the key in a program that was built with OTLP or without.
fn missing(has_otlp: bool) -> Option<ValueError> {
    let fault = || {
        ValueError::new("this frontgate was built without OTLP and cannot send traces or metrics").hint(
            "take a package or an image of a release, or build with `cargo build --release --features otlp`; without the key frontgate runs as it is",
        )
    };
    (!has_otlp).then(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_cannot_send_says_what_to_do() {
        assert_eq!(missing(true), None);
        let fault = missing(false).unwrap();
        assert!(fault.message.contains("built without OTLP"), "{fault:?}");
        assert!(fault.in_words().contains("--features otlp"));
    }
}
