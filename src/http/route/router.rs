//! [`Router`]: which route a request takes.

use std::borrow::Cow;
use std::sync::Arc;

use http::Response;
use http::header::AUTHORIZATION;

use super::reading;
use super::reading::{PathReadings, TooManyReadings};
use crate::config::{HostPattern, PathPrefix};
use crate::http::edge::exchange::RequestExchange;
use crate::http::edge::host;
use crate::http::edge::request_handler::RequestHandler;
use crate::http::error::{BadRequest, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::http::route::stack::RouteStack;
use crate::observe::access::AccessLine;

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// Requests for this host; `None` is every host.
    pub host: Option<HostPattern>,
    /// Requests whose path begins so; `None` is every path.
    pub path: Option<PathPrefix>,
    /// Set if the route does not let every request pass to the gateway, which no spelling of a path may get round.
    /// Routes that let the same requests pass have the same number.
    pub guard: Option<usize>,
    /// Whether the route answers by itself: a request that takes it reaches no gateway.
    pub answers: bool,
    /// Whether the route asks for a name and a password.
    pub takes_basic: bool,
}

/// The handler behind the edge: the route that a request takes, and no other.
pub(crate) struct Router {
    table: RouteTable,
    stacks: Vec<RouteStack>,
    /// The names of the routes in the log, where there are several.
    names: Vec<Arc<str>>,
}

impl Router {
    /// A router for these routes.
    pub(crate) fn new(routes: Vec<(Matches, RouteStack)>) -> Self {
        let (matches, stacks): (Vec<_>, Vec<_>) = routes.into_iter().unzip();
        let names = if matches.len() > 1 { matches.iter().map(Matches::name).collect() } else { Vec::new() };
        Self { table: RouteTable::new(matches), stacks, names }
    }
}

impl RequestHandler for Router {
    async fn handle(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Response<AnswerBody>, RequestFailure> {
        let index = self.table.choose(exchange)?;
        // A browser does not know which of a host's routes it has a password for: it sends the password to all.
        exchange.basic_is_ours = exchange.head.headers.contains_key(AUTHORIZATION)
            && self.table.takes_basic(&host::bare(exchange.host.to_str().unwrap_or_default()));
        access.route = self.names.get(index).map(Arc::clone);
        self.stacks[index].handle(exchange, access).await
    }
}

impl Matches {
    /// Matches every request.
    pub fn all() -> Self {
        Self { host: None, path: None, guard: None, answers: false, takes_basic: false }
    }

    fn name(&self) -> Arc<str> {
        let host = self.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = self.path.as_ref().map_or("", PathPrefix::as_str);
        if host.is_empty() && path.is_empty() { "*".into() } else { format!("{host}{path}").into() }
    }

    fn takes(&self, host: &str, path: &[u8]) -> bool {
        self.is_for(host) && self.path.as_ref().is_none_or(|prefix| prefix.matches(path))
    }

    fn is_for(&self, host: &str) -> bool {
        self.host.as_ref().is_none_or(|pattern| pattern.matches(host))
    }

    /// `path` as it would have to be spelt to take this route, where only the case of its letters keeps it from that.
    fn in_own_case(&self, path: &[u8]) -> Option<Vec<u8>> {
        let own = self.path.as_ref()?.as_str().as_bytes();
        let any_case = if own.is_ascii() { Cow::Borrowed(own) } else { Cow::Owned(reading::in_any_case(own)) };
        let (front, rest) = path.split_at_checked(any_case.len())?;
        let whole = rest.is_empty() || rest[0] == b'/' || own.ends_with(b"/");
        (whole && front.eq_ignore_ascii_case(&any_case) && front != own).then(|| [own, rest].concat())
    }
}

/// The routes in the order in which they are tried.
#[derive(Debug)]
pub struct RouteTable {
    /// The routes, with their index in the configuration.
    tried: Vec<(usize, Matches)>,
    /// Whether there is only one route, which takes every request.
    only: bool,
    /// Whether routes have different guards, so that it matters which of them a request takes.
    differ: bool,
}

impl RouteTable {
    /// A table of these routes, in the configuration's order.
    pub fn new(matches: Vec<Matches>) -> Self {
        let only = matches.len() == 1 && matches[0].host.is_none() && matches[0].path.is_none();
        let differ = matches.iter().any(|one| one.guard != matches[0].guard);
        let mut tried: Vec<_> = matches.into_iter().enumerate().collect();
        tried.sort_by_key(|(_, one)| match &one.host {
            Some(HostPattern::Exact(_)) => 0,
            Some(HostPattern::Below(_)) => 1,
            None => 2,
        });
        Self { tried, only, differ }
    }

    fn choose(&self, exchange: &RequestExchange) -> Result<usize, RequestFailure> {
        if self.only {
            return Ok(0);
        }
        self.find(&host::bare(exchange.host.to_str().unwrap_or_default()), exchange.target.path())
    }

    /// The index of the route that a request for `path` at `host` takes; the host as [`host::bare`] has it.
    ///
    /// # Errors
    /// If there is none, or the path could be understood in two ways and that matters.
    pub fn find(&self, host: &str, path: &str) -> Result<usize, RequestFailure> {
        let proper = reading::proper(path);
        let chosen = self.first(host, &proper);
        if self.differ && !chosen.is_some_and(|(_, one)| one.answers) {
            let own = chosen.and_then(|(_, one)| one.guard);
            // The gateway reads the path as it came, and not always as frontgate does.
            let ambiguous = match &proper {
                Cow::Borrowed(plain) => Ok(self.guards(own).any(|one| self.is_in_other_case(one, host, plain, own))),
                Cow::Owned(_) => self.is_ambiguous(host, path, own),
            };
            if ambiguous.unwrap_or(true) {
                return Err(RequestFailure::BadRequest(BadRequest::AmbiguousPath));
            }
        }
        chosen.map(|(index, _)| index).ok_or(RequestFailure::NoRoute)
    }

    /// Whether another reading of `path` leads to another guard than `own`.
    fn is_ambiguous(&self, host: &str, path: &str, own: Option<usize>) -> Result<bool, TooManyReadings> {
        if !self.guards(own).any(|one| one.is_for(host)) {
            return Ok(false);
        }
        let mut readings = PathReadings::of(path);
        while let Some(reading) = readings.next()? {
            if self.leads_elsewhere(host, reading, own)
                || self.guards(own).any(|one| self.is_in_other_case(one, host, reading, own))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The routes that guard in another way than `own`.
    fn guards(&self, own: Option<usize>) -> impl Iterator<Item = &Matches> {
        self.tried.iter().map(|(_, one)| one).filter(move |one| one.guard.is_some() && one.guard != own)
    }

    fn leads_elsewhere(&self, host: &str, path: &[u8], own: Option<usize>) -> bool {
        self.first(host, path).is_some_and(|(_, other)| other.guard.is_some() && other.guard != own)
    }

    /// Whether a program to which letters are equal in either case would take `path` for one that `guarded` holds.
    fn is_in_other_case(&self, guarded: &Matches, host: &str, path: &[u8], own: Option<usize>) -> bool {
        let respelt = guarded.is_for(host).then(|| guarded.in_own_case(path)).flatten();
        respelt.is_some_and(|path| self.leads_elsewhere(host, &path, own))
    }

    /// Whether a route that requests for this host can take asks for a name and a password.
    fn takes_basic(&self, host: &str) -> bool {
        for (_, one) in self.tried.iter().filter(|(_, one)| one.is_for(host)) {
            if one.takes_basic || one.path.as_ref().is_none_or(|prefix| prefix.as_str() == "/") {
                // Behind a route that takes everything no other is reached.
                return one.takes_basic;
            }
        }
        false
    }

    fn first(&self, host: &str, path: &[u8]) -> Option<(usize, &Matches)> {
        self.tried.iter().find(|(_, one)| one.takes(host, path)).map(|(index, one)| (*index, one))
    }
}

#[cfg(test)]
mod tests;
