//! [`RouteTable`]: the routes of a listener, and which of them a request takes.

use std::borrow::Cow;

use super::matches::{KnownConditions, MatcherSet, Matches, RoutedRequest};
use super::protected::ProtectedFields;
use super::reading;
use super::reading::{PathReadings, TooManyReadings};
use super::truth::{ReadingRange, Truth};
use crate::config::{HostPattern, PathMatcher};
use crate::http::error::{BadRequest, RequestFailure};

/// The routes in the order in which they are tried.
#[derive(Debug)]
pub struct RouteTable {
    tried: Vec<TriedRoute>,
    /// Whether there is only one route, which takes every request.
    only: bool,
    /// Whether it matters for the guard which route a request takes.
    differ: bool,
    /// How many sets of matchers there are; 0 where all look at nothing but host and path.
    sets: usize,
    /// Whether an expression looks at targets.
    has_regex: bool,
}

/// A route, and its index in the configuration.
#[derive(Debug)]
struct TriedRoute {
    index: usize,
    takes: MatcherSet,
    not: Vec<MatcherSet>,
    strip_prefix: Option<String>,
    guard: Option<usize>,
    answers: bool,
    takes_basic: bool,
}

impl RouteTable {
    /// A table of these routes, in the configuration's order. Header fields that are `protected` count only from
    /// senders that may send them.
    pub fn new(matches: Vec<Matches>, protected: &ProtectedFields) -> Self {
        let mut sets = 0;
        let mut tried: Vec<_> =
            matches.into_iter().enumerate().map(|one| TriedRoute::new(one, protected, &mut sets)).collect();
        let only = tried.len() == 1 && tried[0].takes_everything() && tried[0].takes.matchers.host.is_none();
        let only = only && tried[0].strip_prefix.is_none();
        let conditions = tried.iter().any(TriedRoute::has_conditions);
        // To be taken by no route is a guard, too, if it depends on more than host and path.
        let differ = tried.iter().any(|one| one.guard != tried[0].guard) || conditions;
        let has_regex = tried.iter().any(TriedRoute::has_regex);
        tried.sort_by_key(|one| match &one.takes.matchers.host {
            Some(HostPattern::Exact(_)) => 0,
            Some(HostPattern::Below(_)) => 1,
            None => 2,
        });
        Self { tried, only, differ, sets: if conditions { sets } else { 0 }, has_regex }
    }

    /// Whether every request takes the one route that there is, whatever it has.
    pub(super) fn is_only(&self) -> bool {
        self.only
    }

    /// The index of the route that a request takes.
    ///
    /// # Errors
    /// If there is none, or the target could be understood in two ways and that matters.
    pub fn find(&self, request: &RoutedRequest<'_>) -> Result<usize, RequestFailure> {
        if self.has_regex && request.path.len() + request.query.map_or(0, str::len) > LONGEST_FOR_REGEX {
            return Err(RequestFailure::TargetTooLong);
        }
        let proper = reading::proper(request.path);
        let found = self.first(request, &proper);
        let chosen = found.map(|place| &self.tried[place]);
        let ambiguous = Err(RequestFailure::BadRequest(BadRequest::AmbiguousPath));
        let stripped = match chosen.and_then(|one| one.strip_prefix.as_deref().map(|prefix| (one, prefix))) {
            None => None,
            Some((one, prefix)) => match one.stripped(request.path, prefix) {
                Some(rest) => Some((prefix, rest)),
                None => return ambiguous,
            },
        };
        if self.differ && !chosen.is_some_and(|one| one.answers) {
            // The gateway reads the target as it came, and not always as frontgate does.
            let elsewhere = match &proper {
                Cow::Borrowed(plain) => {
                    let own = OwnGuard::of(chosen);
                    Ok(self.leads_elsewhere(request, plain, own, found, &mut KnownConditions::default()))
                }
                Cow::Owned(_) => self.is_ambiguous(request, found, stripped),
            };
            if elsewhere.unwrap_or(true) {
                return ambiguous;
            }
        }
        chosen.map(|one| one.index).ok_or(RequestFailure::NoRoute)
    }

    /// Whether another reading of the path leads to another guard than that of the route `found`. What is left of a path
    /// that is cut may be read in several ways, too.
    fn is_ambiguous(
        &self,
        request: &RoutedRequest<'_>,
        found: Option<usize>,
        stripped: Option<(&str, &str)>,
    ) -> Result<bool, TooManyReadings> {
        let own = OwnGuard::of(found.map(|place| &self.tried[place]));
        let guards = |one: &TriedRoute| own.differs_from(one) || (own.is_routed && one.has_conditions());
        if !self.tried.iter().any(|one| guards(one) && one.takes.is_for(request.host)) {
            return Ok(false);
        }
        let most = (MOST_LOOKS / self.tried.len().max(1)).clamp(FEW_READINGS, reading::MOST);
        let mut known = KnownConditions::with_room(self.sets);
        let mut readings = PathReadings::of(request.path).at_most(most);
        while let Some(reading) = readings.next()? {
            if self.leads_elsewhere(request, reading, own, None, &mut known) {
                return Ok(true);
            }
        }
        let Some((prefix, rest)) = stripped else { return Ok(false) };
        let mut readings = PathReadings::of(rest).at_most(most);
        while let Some(reading) = readings.next()? {
            if self.leads_elsewhere(request, &[prefix.as_bytes(), reading].concat(), own, None, &mut known) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a program that reads the path as `path` could take the request for one of another guard than `own`. The
    /// route `found` is the first that takes it to frontgate, with the same path.
    fn leads_elsewhere(
        &self,
        request: &RoutedRequest<'_>,
        path: &[u8],
        own: OwnGuard,
        found: Option<usize>,
        known: &mut KnownConditions,
    ) -> bool {
        let mut kept_out = false;
        for (place, one) in self.tried.iter().enumerate() {
            let differs = own.differs_from(one);
            // A route that does not take the request to frontgate does not take it to every program.
            if (!differs && found.is_some_and(|found| place < found)) || !one.takes.is_for(request.host) {
                continue;
            }
            match one.takes(request, path, ReadingRange::Any, known) {
                Truth::No => {
                    kept_out |= one.has_conditions() && one.takes.path_holds(path, ReadingRange::Any) != Truth::No;
                }
                _ if differs => return true,
                Truth::Maybe => {}
                Truth::Yes => return false,
            }
        }
        // No route takes it, because of something else than host and path.
        kept_out && found.is_none() && own.is_routed
    }

    /// Whether a route that requests for this host can take asks for a name and a password.
    pub(super) fn takes_basic(&self, host: &str) -> bool {
        for one in self.tried.iter().filter(|one| one.takes.is_for(host)) {
            if one.takes_basic || one.takes_everything() {
                // Behind a route that takes everything no other is reached.
                return one.takes_basic;
            }
        }
        false
    }

    /// The place of the first route that takes a request, in the order in which they are tried.
    fn first(&self, request: &RoutedRequest<'_>, path: &[u8]) -> Option<usize> {
        let known = &mut KnownConditions::default();
        self.tried.iter().position(|one| {
            one.takes.is_for(request.host) && one.takes(request, path, ReadingRange::Own, known) == Truth::Yes
        })
    }
}

/// The guard that a request meets as frontgate reads it.
#[derive(Debug, Clone, Copy)]
struct OwnGuard {
    guard: Option<usize>,
    /// Whether a route takes the request at all.
    is_routed: bool,
}

impl OwnGuard {
    fn of(chosen: Option<&TriedRoute>) -> Self {
        Self { guard: chosen.and_then(|one| one.guard), is_routed: chosen.is_some() }
    }

    /// Whether a route has a guard, and another one.
    fn differs_from(self, route: &TriedRoute) -> bool {
        route.guard.is_some() && route.guard != self.guard
    }
}

impl TriedRoute {
    fn new((index, matches): (usize, Matches), protected: &ProtectedFields, sets: &mut usize) -> Self {
        let Matches { takes, not, strip_prefix, guard, answers, takes_basic } = matches;
        let mut set = |matchers| {
            *sets += 1;
            MatcherSet::new(matchers, protected, *sets - 1)
        };
        let (takes, not) = (set(takes), not.into_iter().map(set).collect());
        Self { index, takes, not, strip_prefix, guard, answers, takes_basic }
    }

    fn has_conditions(&self) -> bool {
        self.takes.has_conditions || !self.not.is_empty()
    }

    fn has_regex(&self) -> bool {
        let regex = |set: &MatcherSet| {
            matches!(set.matchers.path, Some(PathMatcher::Regex(_))) || !set.matchers.query.is_empty()
        };
        regex(&self.takes) || self.not.iter().any(regex)
    }

    /// Whether every request for its host takes the route.
    fn takes_everything(&self) -> bool {
        !self.has_conditions() && self.takes.matchers.takes_every_path()
    }

    /// Whether a request whose path is read as `path` takes the route; the host fits.
    fn takes(
        &self,
        request: &RoutedRequest<'_>,
        path: &[u8],
        range: ReadingRange,
        known: &mut KnownConditions,
    ) -> Truth {
        let mut truth = self.takes.holds(request, path, range, known);
        for not in &self.not {
            if truth == Truth::No {
                break;
            }
            if not.is_for(request.host) {
                truth = truth.min(not.holds(request, path, range, known).not());
            }
        }
        truth
    }

    /// What is left of a path that begins with `prefix` as it came; `None` if it does not.
    fn stripped<'a>(&self, path: &'a str, prefix: &str) -> Option<&'a str> {
        let (front, rest) = path.split_at_checked(prefix.len())?;
        let same = if self.takes.matchers.ignore_case { front.eq_ignore_ascii_case(prefix) } else { front == prefix };
        same.then_some(rest)
    }
}

/// How many routes are compared with readings of one path, beyond the first few readings.
const MOST_LOOKS: usize = 12_800;
const FEW_READINGS: usize = 16;
/// Bytes of a target that expressions look at; each takes time for each byte.
const LONGEST_FOR_REGEX: usize = 8 * 1024;

#[cfg(test)]
mod tests;
