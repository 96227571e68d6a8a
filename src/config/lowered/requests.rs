//! Which requests lose the guard of their route.

use std::collections::BTreeSet;

use super::Lowered;
use crate::config::{Auth, Config, HostPattern, PathPrefix, RouteConfig};

/// The guard that a request meets before it gets to a gateway, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GuardLevel {
    Nothing,
    /// The request needs a login.
    Auth,
    /// The request is answered with a status of 400 or more.
    Refusal,
}

/// The parts of a route that matter for guards.
#[derive(Debug, PartialEq, Eq)]
struct GuardedRoute {
    /// The route's index in the file.
    index: usize,
    host: Option<HostPattern>,
    path: Option<PathPrefix>,
    guard: GuardLevel,
}

/// The guards that some request loses; each route is listed once.
pub(super) fn lowered(before: &Config, after: &Config) -> Vec<Lowered> {
    let (before, after) = (GuardTable::of(before), GuardTable::of(after));
    if before.same_as(&after) || before.0.iter().all(|route| route.guard == GuardLevel::Nothing) {
        return Vec::new();
    }
    let (hosts, paths) = (hosts(&[&before, &after]), paths(&[&before, &after]));
    let routes = before.0.len() + after.0.len();
    let mut losing: BTreeSet<usize> = BTreeSet::new();
    if hosts.len().saturating_mul(paths.len()).saturating_mul(routes) > MOST_WORK {
        let guarded = before.0.iter().enumerate().filter(|(_, route)| route.guard > GuardLevel::Nothing);
        losing.extend(guarded.map(|(place, _)| place));
    } else {
        for host in &hosts {
            for path in &paths {
                let Some(place) = before.find(host, path) else { continue };
                // A request that no route takes is answered 404.
                let stays = after.find(host, path).is_none_or(|now| after.0[now].guard >= before.0[place].guard);
                if !stays {
                    losing.insert(place);
                }
            }
        }
    }
    losing.into_iter().map(|place| before.0[place].lost()).collect()
}

/// The routes in the order in which they are tried.
struct GuardTable(Vec<GuardedRoute>);

impl GuardTable {
    fn of(config: &Config) -> Self {
        let mut routes: Vec<_> = config.all_routes().into_iter().enumerate().collect();
        routes.sort_by_key(|(_, route)| route.rank());
        Self(routes.into_iter().map(|(index, route)| GuardedRoute::of(config, index, route)).collect())
    }

    /// Whether both tables are equal entry by entry, so that every request meets the same guard.
    fn same_as(&self, other: &Self) -> bool {
        let alike = |(a, b): (&GuardedRoute, &GuardedRoute)| (&a.host, &a.path, a.guard) == (&b.host, &b.path, b.guard);
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(alike)
    }

    /// The index in this table of the route that takes the request.
    fn find(&self, host: &str, path: &str) -> Option<usize> {
        let takes = |route: &GuardedRoute| {
            route.host.as_ref().is_none_or(|pattern| pattern.matches(host))
                && route.path.as_ref().is_none_or(|prefix| prefix.matches(path.as_bytes()))
        };
        self.0.iter().position(takes)
    }
}

impl GuardedRoute {
    fn of(config: &Config, index: usize, route: RouteConfig) -> Self {
        // The pattern names every key, so that adding a key forces the decision whether it chooses requests, or guards.
        let RouteConfig {
            host,
            path,
            respond,
            auth,
            upstream: _,
            request_headers: _,
            response_headers: _,
            timeouts: _,
            hold: _,
        } = route;
        let guard = match (respond, auth.as_ref().unwrap_or(&config.auth)) {
            (Some(answer), _) if answer.status.as_u16() >= 400 => GuardLevel::Refusal,
            (_, Auth::Basic(_)) => GuardLevel::Auth,
            (_, Auth::None) => GuardLevel::Nothing,
        };
        Self { index, host, path, guard }
    }

    fn lost(&self) -> Lowered {
        let guard = match self.guard {
            GuardLevel::Refusal => "respond",
            GuardLevel::Auth | GuardLevel::Nothing => "auth",
        };
        let host = self.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = self.path.as_ref().map_or("", PathPrefix::as_str);
        let requests = if host.is_empty() && path.is_empty() { "*".to_owned() } else { format!("{host}{path}") };
        Lowered { guard, of: format!("routes[{}] ({requests})", self.index) }
    }
}

/// A host of every kind that the patterns distinguish.
fn hosts(tables: &[&GuardTable]) -> BTreeSet<String> {
    let patterns = tables.iter().flat_map(|table| &table.0).filter_map(|route| route.host.as_ref());
    let one = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(name) => name.clone(),
        HostPattern::Below(parent) => format!("{NO_NAME}.{parent}"),
    };
    patterns.map(one).chain([NO_NAME.to_owned()]).collect()
}

/// A path of every kind that the prefixes distinguish.
fn paths(tables: &[&GuardTable]) -> BTreeSet<String> {
    let prefixes = tables.iter().flat_map(|table| &table.0).filter_map(|route| route.path.as_ref());
    let mut all: BTreeSet<String> = ["/".to_owned(), format!("/{NO_NAME}")].into();
    for prefix in prefixes {
        let bare = prefix.as_str().trim_end_matches('/');
        all.extend([bare.to_owned(), format!("{bare}/"), format!("{bare}/{NO_NAME}")]);
    }
    all.retain(|path| !path.is_empty());
    all
}

/// A name that no pattern contains: hosts and paths have no control characters.
const NO_NAME: &str = "\u{1}";
/// The most comparisons of a request with a route; they take some tenths of a second.
const MOST_WORK: usize = 20_000_000;
