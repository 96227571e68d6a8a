//! What a build without OTLP makes of `telemetry`: nothing, since its configuration cannot ask for anything.

use std::sync::Arc;

use super::error::StartError;
use crate::config::Config;
use crate::listener::NameResolver;
use crate::observe::Metrics;
use crate::observe::otlp::SpanQueue;

/// What sends traces and metrics to a collector: nothing.
pub(super) struct Telemetry;

#[expect(
    clippy::unused_async,
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    reason = "as where there is a collector"
)]
impl Telemetry {
    pub(super) async fn plan(_: &Config, _: &NameResolver, _: &Arc<Metrics>) -> Result<Self, StartError> {
        Ok(Self)
    }

    pub(super) fn spans(&self) -> Option<SpanQueue> {
        None
    }

    pub(super) fn start(&mut self, _scrape: impl Fn() -> String + Send + Sync + 'static) {}

    pub(super) async fn finish(&self) {}
}
