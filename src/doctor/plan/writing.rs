//! [`RouteNotation`]: where in frontgate's own configuration something about a gateway is written.

use super::PlannedGateway;
use crate::config::{Config, UpstreamAddress};

/// Where in frontgate's own configuration something about a gateway is written. The short form, `upstream: URL`, has no
/// room for more than the URL; the long form gives the gateway a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct RouteNotation {
    /// The gateway's name among `upstreams`, and the URL there.
    group: Option<String>,
    url: String,
    /// A name that no entry of `upstreams` has yet.
    free: String,
    /// Whether the configuration has routes.
    routes: bool,
}

impl RouteNotation {
    /// How `config` names the gateway of `backend`.
    pub(in crate::doctor) fn of(backend: &PlannedGateway, config: &Config) -> Self {
        let taken = |name: &str| config.upstreams.iter().any(|(taken, _)| taken == name);
        let numbered = (2..).map(|number| format!("gateway-{number}"));
        let free = std::iter::once("gateway".to_owned()).chain(numbered).find(|name| !taken(name));
        Self {
            group: backend.group.clone(),
            url: backend.upstream.to_string(),
            free: free.unwrap_or_default(),
            routes: !config.routes.is_empty(),
        }
    }

    /// The lines that give it `tls`, and the URL `upstream`.
    pub(in crate::doctor) fn tls(&self, tls: &str, upstream: &UpstreamAddress) -> Vec<String> {
        let new = upstream.to_string();
        if let Some(name) = &self.group {
            let mut lines = vec![format!("Under `upstreams`, in `{name}`:"), format!("  tls: {tls}")];
            if new != self.url {
                lines.insert(1, format!("  endpoints: [\"{new}\"]"));
            }
            return lines;
        }
        let name = &self.free;
        let named = format!("  upstreams: {{ {name}: {{ endpoints: [\"{new}\"], tls: {tls} }} }}");
        if self.routes {
            vec![named, format!("and `upstream: {name}` in each route that leads to {}", self.url)]
        } else {
            let instead = format!("In place of `upstream: {}`, or of --upstream:", self.url);
            vec![instead, named, format!("  routes: [{{ upstream: {name} }}]")]
        }
    }
}
