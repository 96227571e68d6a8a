//! [`Matches`]: the requests that a route takes, and [`RoutedRequest`], what is looked at to know.

use std::net::IpAddr;

use http::header::HOST;
use http::{HeaderMap, Method};

use super::field_readings;
use super::field_values::FieldValues;
use super::protected::{ProtectedFields, RequestSender};
use super::truth::{ReadingRange, Truth};
use crate::config::{LetterCase, PathMatcher, RequestMatchers, RouteConfig, contains};

/// Which requests a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matches {
    /// What a request must have.
    pub takes: RequestMatchers,
    /// What a request must not have: none of these may hold.
    pub not: Vec<RequestMatchers>,
    /// What the path must begin with, as it came, because that is cut off.
    pub strip_prefix: Option<String>,
    /// Set if the route does not let every request pass to the gateway, which no spelling of a path may get round.
    /// Routes that let the same requests pass have the same number.
    pub guard: Option<usize>,
    /// Whether the route answers by itself: a request that takes it reaches no gateway.
    pub answers: bool,
    /// Whether the route asks for a name and a password.
    pub takes_basic: bool,
}

impl Matches {
    /// Matches the requests of a route that has no guard.
    pub fn of(route: &RouteConfig) -> Self {
        Self {
            takes: route.matchers.clone(),
            not: route.not.clone(),
            strip_prefix: route.strip_prefix.clone(),
            guard: None,
            answers: route.answers(),
            takes_basic: false,
        }
    }

    /// Matches every request.
    pub fn all() -> Self {
        Self::of(&RouteConfig::default())
    }
}

/// The part of a request that routes look at.
#[derive(Debug, Clone, Copy)]
pub struct RoutedRequest<'a> {
    /// The host, as [`host::bare`](crate::http::edge::host::bare) has it.
    pub host: &'a str,
    /// The path as it came.
    pub path: &'a str,
    /// The query as it came.
    pub query: Option<&'a str>,
    /// The method.
    pub method: &'a Method,
    /// The header fields as they came.
    pub headers: Option<&'a HeaderMap>,
    /// The client's address, if it is known.
    pub client: Option<IpAddr>,
    /// Whether the fields of a proxy are believed.
    pub trusted: bool,
}

impl<'a> RoutedRequest<'a> {
    /// A GET without any field.
    pub fn get(host: &'a str, path: &'a str) -> Self {
        Self { host, path, query: None, method: &Method::GET, headers: None, client: None, trusted: false }
    }
}

/// A set of matchers, all of which must hold.
#[derive(Debug)]
pub(super) struct MatcherSet {
    pub(super) matchers: RequestMatchers,
    /// For each of `headers`, whether it is one that only a proxy may send.
    from_proxy: Vec<bool>,
    /// Whether more is looked at than host and path.
    pub(super) has_conditions: bool,
    /// The set's own number.
    number: usize,
}

/// What was found out about the sets that do not depend on the path; nothing is kept where it has no room.
#[derive(Debug, Default)]
pub(super) struct KnownConditions(Vec<Option<Truth>>);

impl KnownConditions {
    /// Room for so many sets.
    pub(super) fn with_room(sets: usize) -> Self {
        Self(vec![None; sets])
    }
}

impl MatcherSet {
    pub(super) fn new(matchers: RequestMatchers, protected: &ProtectedFields, number: usize) -> Self {
        let proxys = |name| !protected.pass(name, RequestSender::Client);
        let from_proxy = matchers.headers.iter().map(|(name, _)| proxys(name)).collect();
        Self { has_conditions: matchers.has_conditions(), matchers, from_proxy, number }
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        self.matchers.host.as_ref().is_none_or(|pattern| pattern.matches(host))
    }

    /// Whether the set holds for a request whose path is read as `path`; the host fits.
    pub(super) fn holds(
        &self,
        request: &RoutedRequest<'_>,
        path: &[u8],
        range: ReadingRange,
        known: &mut KnownConditions,
    ) -> Truth {
        let place = self.path_holds(path, range);
        if place == Truth::No || !self.has_conditions {
            return place;
        }
        let conditions = match known.0.get(self.number).copied().flatten() {
            Some(truth) => truth,
            None => self.conditions_hold(request, range),
        };
        if let Some(kept) = known.0.get_mut(self.number) {
            *kept = Some(conditions);
        }
        place.min(conditions)
    }

    /// Whether `path` is one of the set's.
    pub(super) fn path_holds(&self, path: &[u8], range: ReadingRange) -> Truth {
        let Some(own) = &self.matchers.path else { return Truth::Yes };
        let found = match (range, own) {
            _ if self.matchers.ignore_case => own.matches(path, LetterCase::Ignored).into(),
            (ReadingRange::Own, _) => own.matches(path, LetterCase::Minded).into(),
            // What matches with its case matches without.
            (ReadingRange::Any, PathMatcher::Prefix(_) | PathMatcher::Exact(_)) => {
                if own.matches(path, LetterCase::Ignored) {
                    Truth::of_both(true, own.matches(path, LetterCase::Minded))
                } else {
                    Truth::No
                }
            }
            // An expression minds the case of letters that are not ASCII, whatever it says of others.
            (ReadingRange::Any, PathMatcher::Regex(regex)) if !regex.as_str().is_ascii() && !path.is_ascii() => {
                Truth::Maybe
            }
            (ReadingRange::Any, PathMatcher::Regex(regex)) => {
                Truth::of_both(regex.matches(path), regex.matches_in_any_case(path))
            }
        };
        // To many programs a slash at the end makes no difference (Express). A prefix takes what is below it anyway.
        let bare = || path.strip_suffix(b"/").filter(|bare| !bare.is_empty());
        let may_end_early = found == Truth::No && range == ReadingRange::Any && !matches!(own, PathMatcher::Prefix(_));
        if may_end_early && bare().is_some_and(|bare| own.matches(bare, LetterCase::Ignored)) {
            return Truth::Maybe;
        }
        found
    }

    /// Whether all that does not depend on the path holds.
    fn conditions_hold(&self, request: &RoutedRequest<'_>, range: ReadingRange) -> Truth {
        let RequestMatchers { host: _, path: _, ignore_case: _, methods, from, headers, query, cookies } =
            &self.matchers;
        let mut truth = Truth::Yes;
        if !methods.is_empty() {
            truth = truth.min(method_holds(methods, request.method, range));
        }
        if !from.is_empty() {
            truth = truth.min(match request.client {
                Some(client) => contains(from, client.to_canonical()).into(),
                // It may be any.
                None => Truth::Maybe,
            });
        }
        let nothing = HeaderMap::new();
        let fields = request.headers.unwrap_or(&nothing);
        for ((name, matcher), from_proxy) in headers.iter().zip(&self.from_proxy) {
            if truth == Truth::No {
                return truth;
            }
            if *name == HOST {
                truth = truth.min(FieldValues::of(request.host.as_bytes()).judge(&matcher.rule, range));
                continue;
            }
            // What does not pass from this client is not there.
            let seen = if *from_proxy && !request.trusted { &nothing } else { fields };
            truth = truth.min(field_readings::of_header(seen, name, range).judge(&matcher.rule, range));
        }
        for (key, matcher) in query {
            if truth == Truth::No {
                return truth;
            }
            let values = field_readings::of_query(request.query, request.path, key, range);
            truth = truth.min(values.judge(&matcher.rule, range));
        }
        for (name, matcher) in cookies {
            if truth == Truth::No {
                return truth;
            }
            truth = truth.min(field_readings::of_cookie(fields, name, range).judge(&matcher.rule, range));
        }
        truth
    }
}

/// Programs answer HEAD where they are asked for GET (RFC 9110 §9.3.2), and some do not mind the case of a method.
fn method_holds(methods: &[Method], asked: &Method, range: ReadingRange) -> Truth {
    if methods.contains(asked) {
        return Truth::Yes;
    }
    let may_be = |own: &Method| {
        (*asked == Method::HEAD && *own == Method::GET) || own.as_str().eq_ignore_ascii_case(asked.as_str())
    };
    if range == ReadingRange::Any && methods.iter().any(may_be) { Truth::Maybe } else { Truth::No }
}
