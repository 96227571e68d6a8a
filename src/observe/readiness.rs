//! [`Readiness`]: whether clients should come here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether clients should come here: from when every listener serves until a drain begins. Load balancers and orchestrators
/// ask for it at `/readyz`.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Not yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on they should, or should not any more.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether they should.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
