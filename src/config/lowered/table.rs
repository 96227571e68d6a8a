//! [`GuardTable`]: the routes of a configuration as far as they guard, and what a request meets there.

use std::collections::BTreeSet;

use http::HeaderName;

use super::Lowered;
use super::sample_request::{SampleRequest, Side};
use crate::config::{
    Auth, ClientAccess, Config, Exemption, FieldMatcher, PathMatcher, RegexPattern, RequestMatchers, RouteConfig,
    contains,
};

/// The guard that a request meets before it gets to a gateway, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GuardLevel {
    Nothing,
    /// The request needs a login.
    Auth,
    /// The request is answered with a status of 400 or more.
    Refusal,
}

/// The guard that a request meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MetGuard {
    /// The index in the table of the route that guards; `None` where no route is for the request at all.
    pub(super) place: Option<usize>,
    pub(super) level: GuardLevel,
    /// The key that guards.
    pub(super) guard: &'static str,
}

/// A matcher of which no value has been assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unknown(pub(super) usize);

/// The matchers of which no request can be made up: each may hold or not, whatever the others do.
#[derive(Debug, Default)]
pub(super) struct Values {
    known: Vec<OpaqueMatcher>,
    assumed: Vec<Option<bool>>,
}

#[derive(Debug, PartialEq, Eq)]
enum OpaqueMatcher {
    Path(RegexPattern),
    Header(HeaderName, FieldMatcher),
    Query(String, FieldMatcher),
    Cookie(String, FieldMatcher),
}

impl Values {
    /// Assumes a value of a matcher.
    pub(super) fn set(&mut self, matcher: usize, value: Option<bool>) {
        self.assumed[matcher] = value;
    }

    fn get(&self, matcher: usize) -> Result<bool, Unknown> {
        self.assumed[matcher].ok_or(Unknown(matcher))
    }

    fn number(&mut self, matcher: OpaqueMatcher) -> usize {
        let known = self.known.iter().position(|known| *known == matcher);
        known.unwrap_or_else(|| {
            self.known.push(matcher);
            self.assumed.push(None);
            self.known.len() - 1
        })
    }

    fn of(&mut self, matchers: &RequestMatchers) -> Vec<usize> {
        let RequestMatchers { host: _, path, ignore_case: _, methods: _, from: _, headers, query, cookies } = matchers;
        let path = match path {
            Some(PathMatcher::Regex(regex)) => Some(OpaqueMatcher::Path(regex.clone())),
            _ => None,
        };
        let headers = headers.iter().cloned().map(|(name, matcher)| OpaqueMatcher::Header(name, matcher));
        let query = query.iter().cloned().map(|(name, matcher)| OpaqueMatcher::Query(name, matcher));
        let cookies = cookies.iter().cloned().map(|(name, matcher)| OpaqueMatcher::Cookie(name, matcher));
        path.into_iter().chain(headers).chain(query).chain(cookies).map(|matcher| self.number(matcher)).collect()
    }
}

/// The routes in the order in which they are tried.
pub(super) struct GuardTable {
    routes: Vec<GuardedRoute>,
    side: Side,
}

/// The parts of a route that matter for guards.
#[derive(Debug)]
struct GuardedRoute {
    /// The route's index in the file.
    index: usize,
    name: String,
    listener: Vec<String>,
    takes: MatcherSet,
    not: Vec<MatcherSet>,
    access: ClientAccess,
    guard: GuardLevel,
    /// What needs no login.
    exempt: Vec<Exemption>,
}

/// Matchers, and the numbers of those of which no request can be made up.
#[derive(Debug)]
struct MatcherSet {
    matchers: RequestMatchers,
    opaque: Vec<usize>,
}

impl GuardTable {
    pub(super) fn of(config: &Config, side: Side, values: &mut Values) -> Self {
        let mut routes: Vec<_> = config.all_routes().into_iter().enumerate().collect();
        routes.sort_by_key(|(_, route)| route.rank());
        let routes = routes.into_iter().map(|(index, route)| GuardedRoute::of(config, index, route, values)).collect();
        Self { routes, side }
    }

    pub(super) fn len(&self) -> usize {
        self.routes.len()
    }

    /// Every set of matchers, those of `not` too.
    pub(super) fn sets(&self) -> impl Iterator<Item = &RequestMatchers> {
        self.routes.iter().flat_map(|route| std::iter::once(&route.takes).chain(&route.not)).map(|set| &set.matchers)
    }

    /// The clients that each route lets pass.
    pub(super) fn accesses(&self) -> impl Iterator<Item = &ClientAccess> {
        self.routes.iter().map(|route| &route.access)
    }

    /// Whether both tables are equal entry by entry, so that every request meets the same guard.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let alike = |(a, b): (&GuardedRoute, &GuardedRoute)| {
            a.is_for_the_same(b) && a.guard == b.guard && a.access == b.access && a.exempt == b.exempt
        };
        self.routes.len() == other.routes.len() && self.routes.iter().zip(&other.routes).all(alike)
    }

    /// Whether no request meets a guard.
    pub(super) fn guards_nothing(&self) -> bool {
        let open = |route: &GuardedRoute| {
            route.guard == GuardLevel::Nothing
                && route.access.is_open()
                && route.listener.is_empty()
                && route.not.is_empty()
                && !route.takes.matchers.has_conditions()
        };
        self.routes.iter().all(open)
    }

    /// Whether this is the other table with more refusals and higher guards, and nothing else.
    pub(super) fn only_tightens(&self, other: &Self) -> bool {
        let mut before = other.routes.iter().peekable();
        let kept = self.routes.iter().all(|route| {
            let goes_on = |old: &&GuardedRoute| {
                route.is_for_the_same(old)
                    && route.guard >= old.guard
                    && route.access.is_within(&old.access)
                    && (old.guard == GuardLevel::Nothing || route.exempts_no_more(old))
            };
            before.next_if(|old| goes_on(old)).is_some() || route.guard == GuardLevel::Refusal
        });
        kept && before.peek().is_none()
    }

    /// The routes that guard, with what guards there.
    pub(super) fn guarded(&self) -> BTreeSet<(usize, &'static str)> {
        let guards = |(place, route): (usize, &GuardedRoute)| {
            let guard = match (route.guard, route.access.is_open()) {
                (GuardLevel::Refusal, _) => "respond",
                (GuardLevel::Auth, _) => "auth",
                (GuardLevel::Nothing, false) => "allow",
                (GuardLevel::Nothing, true) if route.takes.matchers.has_conditions() => "the matchers",
                (GuardLevel::Nothing, true) => return None,
            };
            Some((place, guard))
        };
        self.routes.iter().enumerate().filter_map(guards).collect()
    }

    /// What a request meets.
    pub(super) fn meets(&self, request: &SampleRequest<'_>, values: &Values) -> Result<MetGuard, Unknown> {
        let listener = request.listener(self.side);
        for (place, route) in self.routes.iter().enumerate() {
            if route.is_at(listener) && route.takes(request, values)? {
                return Ok(route.met(place, request));
            }
        }
        // No route takes it, though one would if it came in another way: that it does not is a guard.
        for (place, route) in self.routes.iter().enumerate() {
            if route.takes.is_for_the_place(request, values)? {
                let guard = route.kept_out(request, listener);
                return Ok(MetGuard { place: Some(place), level: GuardLevel::Refusal, guard });
            }
        }
        Ok(MetGuard { place: None, level: GuardLevel::Refusal, guard: "" })
    }

    /// Whether the route at `place` needs a login where that of another table does not.
    pub(super) fn asks_more(&self, place: usize, other: &Self, there: Option<usize>) -> bool {
        there.is_some_and(|there| !other.routes[there].exempts_no_more(&self.routes[place]))
    }

    /// The loss of a guard on one of the routes.
    pub(super) fn lost(&self, place: usize, guard: &'static str) -> Lowered {
        let route = &self.routes[place];
        Lowered { guard, of: format!("routes[{}] ({})", route.index, route.name) }
    }
}

impl GuardedRoute {
    fn of(config: &Config, index: usize, route: RouteConfig, values: &mut Values) -> Self {
        let (name, access) = (route.name(), config.access(&route));
        // The pattern names every key, so that adding a key forces the decision whether it chooses requests, or guards.
        let RouteConfig {
            listener,
            matchers,
            not,
            allow: _,
            deny: _,
            respond,
            auth,
            // A redirect answers, and refuses nothing.
            redirect: _,
            strip_prefix: _,
            upstream: _,
            request_headers: _,
            response_headers: _,
            timeouts: _,
            hold: _,
        } = route;
        let guard = match (respond, auth.as_ref().unwrap_or(&config.auth)) {
            (Some(answer), _) if answer.refuses() => GuardLevel::Refusal,
            (_, Auth::Login(_)) => GuardLevel::Auth,
            (_, Auth::None) => GuardLevel::Nothing,
        };
        let rules = auth.as_ref().unwrap_or(&config.auth).rules().filter(|_| guard == GuardLevel::Auth);
        let exempt = rules.map(|rules| rules.exempt.clone()).unwrap_or_default();
        let mut set = |matchers: RequestMatchers| MatcherSet { opaque: values.of(&matchers), matchers };
        let (takes, not) = (set(matchers), not.into_iter().map(set).collect());
        Self { index, name, listener, takes, not, access, guard, exempt }
    }

    /// Whether what needs no login here needs none there either.
    fn exempts_no_more(&self, other: &Self) -> bool {
        self.exempt.iter().all(|exemption| other.exempt.contains(exemption))
    }

    fn is_for_the_same(&self, other: &Self) -> bool {
        let sets = |route: &Self| -> Vec<RequestMatchers> {
            std::iter::once(&route.takes).chain(&route.not).map(|set| set.matchers.clone()).collect()
        };
        self.listener == other.listener && sets(self) == sets(other)
    }

    fn is_at(&self, listener: Option<&str>) -> bool {
        match listener {
            None => self.listener.is_empty(),
            Some(name) => self.listener.iter().any(|own| own == name),
        }
    }

    fn takes(&self, request: &SampleRequest<'_>, values: &Values) -> Result<bool, Unknown> {
        if !self.takes.holds(request, values)? {
            return Ok(false);
        }
        for not in &self.not {
            if not.holds(request, values)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn met(&self, place: usize, request: &SampleRequest<'_>) -> MetGuard {
        let (level, guard) = match self.guard {
            GuardLevel::Refusal => (GuardLevel::Refusal, "respond"),
            _ if !self.access.admits(request.client) => (GuardLevel::Refusal, "allow"),
            level => (level, "auth"),
        };
        MetGuard { place: Some(place), level, guard }
    }

    /// The key that keeps the request from this route.
    fn kept_out(&self, request: &SampleRequest<'_>, listener: Option<&str>) -> &'static str {
        let own = &self.takes.matchers;
        if !self.is_at(listener) {
            "listener"
        } else if !own.methods.is_empty() && !own.methods.contains(request.method) {
            "methods"
        } else if !own.from.is_empty() && !request.client.is_some_and(|client| contains(&own.from, client)) {
            "from"
        } else if self.takes.opaque.is_empty() {
            "not"
        } else {
            "the matchers"
        }
    }
}

impl MatcherSet {
    /// Whether all matchers hold.
    fn holds(&self, request: &SampleRequest<'_>, values: &Values) -> Result<bool, Unknown> {
        let RequestMatchers { host, path, ignore_case: _, methods, from, headers: _, query: _, cookies: _ } =
            &self.matchers;
        let known = host.as_ref().is_none_or(|host| host.matches(request.host))
            && path.as_ref().is_none_or(|path| self.may_be(path, request))
            && (methods.is_empty() || methods.contains(request.method))
            && (from.is_empty() || request.client.is_some_and(|client| contains(from, client)));
        if !known {
            return Ok(false);
        }
        for matcher in &self.opaque {
            if !values.get(*matcher)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn may_be(&self, path: &PathMatcher, request: &SampleRequest<'_>) -> bool {
        matches!(path, PathMatcher::Regex(_)) || path.matches(request.path.as_bytes(), self.matchers.case())
    }

    /// Whether host and path fit.
    fn is_for_the_place(&self, request: &SampleRequest<'_>, values: &Values) -> Result<bool, Unknown> {
        let RequestMatchers { host, path, .. } = &self.matchers;
        let known = host.as_ref().is_none_or(|host| host.matches(request.host))
            && path.as_ref().is_none_or(|path| self.may_be(path, request));
        match (path, self.opaque.first()) {
            // The expression of the path is the first.
            (Some(PathMatcher::Regex(_)), Some(first)) if known => values.get(*first),
            _ => Ok(known),
        }
    }
}
