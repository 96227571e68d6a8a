//! [`EndpointDrains`]: the endpoints that an operator has taken out.

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

/// The names of the endpoints that an operator has taken out: they get no new requests and no new WebSockets. Cheap to clone, and
/// cheap to ask for each request.
#[derive(Debug, Clone, Default)]
pub(crate) struct EndpointDrains(Arc<ArcSwap<BTreeSet<Arc<str>>>>);

impl EndpointDrains {
    /// Whether the endpoint of this name is taken out.
    pub(crate) fn has(&self, name: &str) -> bool {
        let names = self.0.load();
        !names.is_empty() && names.contains(name)
    }

    /// Takes these endpoints out, and no others.
    pub(crate) fn set(&self, names: impl Iterator<Item = Arc<str>>) {
        self.0.store(Arc::new(names.collect()));
    }
}
