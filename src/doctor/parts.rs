//! [`PlannedPart`]: what a gateway has besides its sockets, to be asked for through frontgate as browsers come to it.

use super::settings::GatewaySettings;
use crate::http::edge::host::split;

/// A page that a gateway's setting promises to browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlannedPart {
    pub(super) kind: PartKind,
    /// The name to ask for.
    pub(super) name: String,
    /// The path to ask for.
    pub(super) path: &'static str,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartKind {
    /// The root of a Control UI whose pages are below this path.
    BasePath(String),
    /// The listener for MCP Apps, at this port.
    Apps(u16),
    /// The listener for portals below this name, at this port.
    Portals(String, u16),
}

impl PlannedPart {
    /// What the settings promise. `sites` are the names whose pages lead to the gateway.
    pub(super) fn of(settings: &GatewaySettings, sites: impl Iterator<Item = String>) -> Vec<Self> {
        let mut parts = Vec::new();
        if let Some(below) = &settings.base_path {
            parts.extend(sites.take(MOST_SITES).map(|name| Self {
                kind: PartKind::BasePath(below.clone()),
                name,
                path: "/",
            }));
        }
        let apps = &settings.apps;
        if let Some(name) = apps.origin.as_deref().and_then(host).filter(|_| apps.enabled) {
            parts.push(Self { kind: PartKind::Apps(apps.port), name: name.to_owned(), path: "/mcp-app-sandbox" });
        }
        if let Some((below, port)) = settings.portals.as_ref().and_then(|one| Some((one.domain.clone()?, one.port))) {
            // No portal has that name, and its listener says so.
            parts.push(Self {
                name: format!("frontgate-doctor.{below}"),
                kind: PartKind::Portals(below, port),
                path: "/",
            });
        }
        parts
    }
}

/// The host of an origin.
pub(super) fn host(origin: &str) -> Option<&str> {
    let (_, rest) = origin.split_once("://")?;
    let (host, _) = split(rest.split(['/', '?', '#']).next()?);
    Some(host).filter(|host| !host.is_empty())
}

/// Names of one gateway beyond that are as the first ones.
const MOST_SITES: usize = 4;
