//! [`Readiness`]: whether clients should come here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether clients should come here: from when every listener serves until a drain begins. Load balancers and
/// orchestrators ask for it at `/readyz`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<Mutex<ReadinessState>>);

#[derive(Debug, Default)]
struct ReadinessState {
    ready: bool,
    asked: Option<Instant>,
}

impl Readiness {
    /// Clients should not come yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Sets whether clients should come from here on.
    pub(crate) fn set(&self, ready: bool) {
        self.state().ready = ready;
    }

    /// Whether clients should come; notes `now` as the time of a probe that may come again.
    pub(crate) fn ask(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.asked = Some(now);
        state.ready
    }

    /// Whether clients should come, without noting a probe.
    pub(crate) fn is_ready(&self) -> bool {
        self.state().ready
    }

    /// How long ago the last probe asked.
    pub(crate) fn asked(&self, now: Instant) -> Option<Duration> {
        self.state().asked.map(|at| now.saturating_duration_since(at))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ReadinessState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
