//! [`LibraryWarnings`]: what libraries warn of, each once a minute.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use super::once_a_minute::OnceAMinute;

/// Lets what libraries warn of into the log once a minute each, and counts all of it: a peer can cause some of it as often as
/// it likes, such as resets that hyper's HTTP/2 has an opinion on. Lines of our own pass. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct LibraryWarnings(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    lines: OnceAMinute,
    total: AtomicU64,
}

impl LibraryWarnings {
    /// How often libraries have warned so far.
    pub(super) fn total(&self) -> u64 {
        self.0.total.load(Ordering::Relaxed)
    }
}

impl<S> Filter<S> for LibraryWarnings {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, callsite: &'static Metadata<'static>) -> Interest {
        if is_ours(callsite) { Interest::always() } else { Interest::sometimes() }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let callsite = event.metadata();
        if is_ours(callsite) {
            return true;
        }
        self.0.total.fetch_add(1, Ordering::Relaxed);
        // The name says where in the source it is. How many were kept back is in the total.
        self.0.lines.pass(callsite.name(), Instant::now()).is_some()
    }
}

/// Whether a line is of our own, an access line included.
fn is_ours(callsite: &Metadata<'_>) -> bool {
    let rest = callsite.target().strip_prefix(env!("CARGO_CRATE_NAME"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
