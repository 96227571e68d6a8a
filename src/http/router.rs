//! Which route a request takes.

use std::sync::Arc;

use http::Response;

use super::body::Body;
use super::error::{Failure, Flaw};
use super::exchange::Exchange;
use super::handle::Handle;
use super::stack::RouteStack;
use super::{host, reading};
use crate::config::{HostPattern, PathPrefix};
use crate::observe::access::Access;

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// Those for this host; `None` is every host.
    pub host: Option<HostPattern>,
    /// Those whose path begins so; `None` is every path.
    pub path: Option<PathPrefix>,
    /// It does not let everybody pass to the gateway, and nobody may get round that by spelling a path in an odd way. Routes that
    /// let the same pass have the same number.
    pub guard: Option<usize>,
}

/// What comes behind the edge: the route that a request takes, and no other.
pub struct Router {
    table: Table,
    stacks: Vec<RouteStack>,
    /// What the log calls them, where there are several.
    names: Vec<Arc<str>>,
}

impl Router {
    /// The way to these routes.
    pub fn new(routes: Vec<(Matches, RouteStack)>) -> Self {
        let (matches, stacks): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
        let names = if matches.len() > 1 { matches.iter().map(Matches::name).collect() } else { Vec::new() };
        Self { table: Table::new(matches), stacks, names }
    }
}

impl Handle for Router {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        let index = self.table.choose(exchange)?;
        access.route = self.names.get(index).map(Arc::clone);
        self.stacks[index].handle(exchange, access).await
    }
}

impl Matches {
    /// Every request.
    pub fn all() -> Self {
        Self { host: None, path: None, guard: None }
    }

    fn name(&self) -> Arc<str> {
        let host = self.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = self.path.as_ref().map_or("", PathPrefix::as_str);
        if host.is_empty() && path.is_empty() { "*".into() } else { format!("{host}{path}").into() }
    }

    fn takes(&self, host: &str, path: &[u8]) -> bool {
        self.host.as_ref().is_none_or(|pattern| pattern.matches(host))
            && self.path.as_ref().is_none_or(|prefix| prefix.matches(path))
    }
}

/// The routes in the order in which they are tried.
#[derive(Debug)]
pub struct Table {
    /// With their place in the configuration's order.
    tried: Vec<(usize, Matches)>,
    /// The one that takes every request, if that is the only one.
    only: bool,
    guards: bool,
}

impl Table {
    /// These routes, in the configuration's order.
    pub fn new(matches: Vec<Matches>) -> Self {
        let only = matches.len() == 1 && matches[0].host.is_none() && matches[0].path.is_none();
        let guards = matches.iter().any(|one| one.guard.is_some());
        let mut tried: Vec<_> = matches.into_iter().enumerate().collect();
        tried.sort_by_key(|(_, one)| match &one.host {
            Some(HostPattern::Exact(_)) => 0,
            Some(HostPattern::Below(_)) => 1,
            None => 2,
        });
        Self { tried, only, guards }
    }

    fn choose(&self, exchange: &Exchange) -> Result<usize, Failure> {
        if self.only {
            return Ok(0);
        }
        self.find(&host::bare(exchange.host.to_str().unwrap_or_default()), exchange.target.path())
    }

    /// The place of the route that a request for `path` at `host` takes; the host as [`host::bare`] has it.
    ///
    /// # Errors
    /// There is none, or the path could be understood in two ways and that matters.
    pub fn find(&self, host: &str, path: &str) -> Result<usize, Failure> {
        let chosen = self.first(host, &reading::proper(path));
        // The gateway reads the path as it came, and not always as we do.
        let own = chosen.and_then(|(_, one)| one.guard);
        let is_elsewhere = |(_, other): (usize, &Matches)| other.guard.is_some() && other.guard != own;
        if self.guards && reading::others(path).filter_map(|other| self.first(host, &other)).any(is_elsewhere) {
            return Err(Failure::BadRequest(Flaw::AmbiguousPath));
        }
        chosen.map(|(index, _)| index).ok_or(Failure::NoRoute)
    }

    fn first(&self, host: &str, path: &[u8]) -> Option<(usize, &Matches)> {
        self.tried.iter().find(|(_, one)| one.takes(host, path)).map(|(index, one)| (*index, one))
    }
}

#[cfg(test)]
mod tests;
