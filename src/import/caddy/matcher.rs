//! [`CaddyMatcher`]: the requests that a directive is for.
//!
//! What a matcher comes to depends on where it is asked: a path is what is left of it, and a host is known by then. So
//! a matcher keeps its words, and [`CaddyMatcher::bounds`] says which requests it takes for sure, and which perhaps.

use ipnet::IpNet;

use super::bounds::MatchBounds;
use super::path::{CaddyPath, paths, regexp};
use super::regexp;
use crate::config::is_label;
use crate::import::condition::{Condition, FieldKind};
use crate::import::matching::{DraftMatch, DraftText};
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// The requests that a directive is for: all of the tests hold.
#[derive(Debug, Clone, Default)]
pub(super) struct CaddyMatcher {
    tests: Vec<MatcherTest>,
    /// The lines of it, for the report.
    pub(super) origins: Vec<Origin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MatcherTest {
    /// Any of these paths, with Caddy's `*`.
    Path(Vec<String>),
    /// The name of its groups, and the expression.
    PathRegexp(String, String),
    Host(Vec<String>),
    Method(Vec<String>),
    Protocol(String),
    /// The key has any of these values; `*` is any.
    Query(String, Vec<String>),
    /// The field has any of these values, with Caddy's `*`; none of them: the field is not there.
    Header(String, Vec<String>),
    HeaderRegexp(String, String),
    /// The address of the client, as it connects.
    Remote(Vec<String>),
    /// The address of the client that proxies in front tell.
    Client(Vec<String>),
    Not(CaddyMatcherSet),
    /// Nothing that a route can ask for, and why.
    Unknown(String),
}

type CaddyMatcherSet = Vec<MatcherTest>;

/// What is known of a request where a matcher is asked.
#[derive(Debug, Clone)]
pub(super) struct MatcherView<'a> {
    /// The host.
    pub(super) host: &'a HostClass,
    /// Whether it came over TLS.
    pub(super) tls: bool,
    /// What has become of the path.
    pub(super) path: &'a CaddyPath,
    /// The fields that are not as the client sent them, in lower case.
    pub(super) changed: &'a [String],
    /// Whether there are proxies in front whose words are believed.
    pub(super) behind_proxies: bool,
}

/// A host, or hosts that are treated alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HostClass {
    /// This name.
    Exact(String),
    /// The names one label below this one that are none of the exact ones.
    Below(String),
    /// All others.
    Rest,
}

impl HostClass {
    /// The class of the names that a pattern of Caddy's stands for, if they are one.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let is_host = |name: &str| name.parse::<std::net::IpAddr>().is_ok() || name.split('.').all(is_label);
        match pattern.strip_prefix("*.") {
            Some(parent) if is_host(parent) => Some(Self::Below(parent.to_owned())),
            _ if pattern.is_empty() => Some(Self::Rest),
            _ if is_host(pattern) => Some(Self::Exact(pattern.to_owned())),
            _ => None,
        }
    }

    /// Whether the names of this class have the pattern; `None` where some may.
    pub(super) fn has(&self, pattern: &str) -> Option<bool> {
        let class = Self::of(pattern)?;
        Some(match (self, &class) {
            (_, Self::Rest) => true,
            (Self::Exact(name), Self::Below(parent)) => name.split_once('.').is_some_and(|(_, rest)| rest == parent),
            (own, other) => own == other,
        })
    }
}

impl CaddyMatcher {
    /// The matcher of a path behind a directive's name.
    pub(super) fn path(pattern: &str) -> Self {
        Self { tests: vec![MatcherTest::Path(vec![pattern.to_owned()])], origins: Vec::new() }
    }

    /// A matcher that no route can have.
    pub(super) fn unknown(why: &str) -> Self {
        Self { tests: vec![MatcherTest::Unknown(why.to_owned())], origins: Vec::new() }
    }

    /// Reads `@name` with a block, or with its only test behind it.
    pub(super) fn named(node: &ImportNode) -> Self {
        let mut origins = vec![Origin::of(&node.place, &node.shown)];
        lines(node, &mut origins);
        let mut tests = set(node);
        for test in &mut tests {
            // Groups without a name of their own have the matcher's.
            if let MatcherTest::PathRegexp(name, _) = test
                && name.is_empty()
            {
                node.name.trim_start_matches('@').clone_into(name);
            }
        }
        Self { tests, origins }
    }

    /// The path, if the matcher asks for one.
    pub(super) fn single_path(&self) -> Option<&str> {
        self.tests.iter().find_map(|test| match test {
            MatcherTest::Path(paths) => match paths.as_slice() {
                [one] => Some(one.as_str()),
                _ => None,
            },
            _ => None,
        })
    }

    /// The name of the groups of its expression for paths, if it has one; empty where it has no name of its own.
    pub(super) fn regexp_name(&self) -> Option<&str> {
        self.tests.iter().find_map(|test| match test {
            MatcherTest::PathRegexp(name, _) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The hosts that it names.
    pub(super) fn hosts(&self) -> Vec<&str> {
        hosts(&self.tests)
    }

    /// What a route cannot ask for.
    pub(super) fn unknowns(&self) -> Vec<&str> {
        unknowns(&self.tests)
    }

    /// The requests that the matcher takes.
    pub(super) fn bounds(&self, view: &MatcherView<'_>) -> MatchBounds {
        all(&self.tests, view)
    }
}

fn hosts(tests: &[MatcherTest]) -> Vec<&str> {
    let mut found = Vec::new();
    for test in tests {
        match test {
            MatcherTest::Host(list) => found.extend(list.iter().map(String::as_str)),
            MatcherTest::Not(inner) => found.extend(hosts(inner)),
            _ => {}
        }
    }
    found
}

fn unknowns(tests: &[MatcherTest]) -> Vec<&str> {
    let mut found = Vec::new();
    for test in tests {
        match test {
            MatcherTest::Unknown(why) => found.push(why.as_str()),
            MatcherTest::Not(inner) => found.extend(unknowns(inner)),
            _ => {}
        }
    }
    found
}

fn lines(node: &ImportNode, origins: &mut Vec<Origin>) {
    for inner in node.inner() {
        origins.push(Origin::of(&inner.place, &inner.shown));
        lines(inner, origins);
    }
}

/// The tests of `@name` or `not`.
fn set(node: &ImportNode) -> CaddyMatcherSet {
    let mut tests = Vec::new();
    if !node.arg(0).is_empty() {
        read(node.arg(0), &node.args[1..], node, &mut tests);
    }
    for inner in node.inner().iter().filter(|_| node.args.is_empty()) {
        read(&inner.name, &inner.args, inner, &mut tests);
    }
    tests
}

/// Adds a line of a matcher; lines of one kind are joined as Caddy joins them.
fn read(name: &str, args: &[String], node: &ImportNode, tests: &mut Vec<MatcherTest>) {
    use MatcherTest::{
        Client, Header, HeaderRegexp, Host, Method, Not, Path, PathRegexp, Protocol, Query, Remote, Unknown,
    };
    let arg = |index: usize| args.get(index).cloned().unwrap_or_default();
    let list = || args.to_vec();
    let new = match name {
        "path" => Path(list()),
        // With a name for its captures before it, or without.
        "path_regexp" => {
            PathRegexp(if args.len() > 1 { arg(0) } else { String::new() }, args.last().cloned().unwrap_or_default())
        }
        "host" => Host(args.iter().map(|host| host.to_ascii_lowercase()).collect()),
        "method" => Method(args.iter().map(|method| method.to_ascii_uppercase()).collect()),
        "protocol" => Protocol(arg(0)),
        "query" if args.iter().all(|pair| pair.contains('=')) && !args.is_empty() => {
            for pair in args {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                join(tests, Query(key.to_owned(), vec![value.to_owned()]));
            }
            return;
        }
        "header" => match arg(0).strip_prefix('!') {
            Some(field) => Header(field.to_ascii_lowercase(), Vec::new()),
            None => Header(arg(0).to_ascii_lowercase(), vec![arg(1)]),
        },
        "header_regexp" => HeaderRegexp(
            args[args.len().saturating_sub(2)..].first().cloned().unwrap_or_default().to_ascii_lowercase(),
            args.last().cloned().unwrap_or_default(),
        ),
        "remote_ip" => Remote(list()),
        "client_ip" => Client(list()),
        "not" => {
            // Behind `not` on its line stands one matcher.
            let inner = ImportNode { args: args.to_vec(), ..node.clone() };
            tests.push(Not(set(&inner)));
            return;
        }
        _ => Unknown(format!("`{name}` is nothing that a route can ask for")),
    };
    join(tests, new);
}

fn join(tests: &mut Vec<MatcherTest>, new: MatcherTest) {
    use MatcherTest::{Client, Header, Host, Method, Path, Query, Remote};
    for old in tests.iter_mut() {
        match (old, &new) {
            (Path(old), Path(more))
            | (Host(old), Host(more))
            | (Method(old), Method(more))
            | (Remote(old), Remote(more))
            | (Client(old), Client(more)) => {
                return old.extend(more.iter().cloned());
            }
            (Query(key, old), Query(same, more)) | (Header(key, old), Header(same, more))
                if key == same && !old.is_empty() && !more.is_empty() =>
            {
                return old.extend(more.iter().cloned());
            }
            _ => {}
        }
    }
    tests.push(new);
}

fn all(tests: &[MatcherTest], view: &MatcherView<'_>) -> MatchBounds {
    tests.iter().fold(MatchBounds::always(), |both, test| both.and(&one(test, view)))
}

/// The requests that one test takes.
fn one(test: &MatcherTest, view: &MatcherView<'_>) -> MatchBounds {
    let fixed = |values: &[String]| values.iter().all(|value| !value.contains('{'));
    let found = match test {
        MatcherTest::Path(patterns) => paths(patterns, view.path),
        MatcherTest::PathRegexp(_, pattern) => regexp(pattern, view.path),
        MatcherTest::Host(patterns) => {
            let known: Vec<_> = patterns.iter().map(|pattern| view.host.has(pattern)).collect();
            match () {
                () if known.contains(&Some(true)) => Some(Condition::always()),
                () if known.contains(&None) => None,
                () => Some(Condition::never()),
            }
        }
        MatcherTest::Method(list) => Some(Condition::of(DraftMatch { methods: list.clone(), ..DraftMatch::default() })),
        MatcherTest::Protocol(name) => match name.as_str() {
            "https" => Some(if view.tls { Condition::always() } else { Condition::never() }),
            "http" => Some(if view.tls { Condition::never() } else { Condition::always() }),
            "grpc" => Condition::matches(FieldKind::Header, "Content-Type", "^application/grpc").ok(),
            _ => None,
        },
        MatcherTest::Query(key, values) if fixed(values) && !key.contains('{') => any(values, |value| match value {
            "*" => Some(Condition::present(FieldKind::Query, key)),
            value => Some(text(FieldKind::Query, key, DraftText::Is(value.to_owned()))),
        }),
        MatcherTest::Header(field, values) if !view.changed.contains(field) && !is_a_proxys(field) => {
            if values.is_empty() {
                Condition::present(FieldKind::Header, field).not().ok()
            } else if fixed(values) {
                any(values, |value| Some(header(field, value)))
            } else {
                None
            }
        }
        MatcherTest::HeaderRegexp(field, pattern)
            if !view.changed.contains(field) && !is_a_proxys(field) && !pattern.contains("{$") =>
        {
            regexp::expression(pattern).map(|regex| text(FieldKind::Header, field, DraftText::Regex(regex)))
        }
        MatcherTest::Remote(list) if !view.behind_proxies => networks(list),
        MatcherTest::Client(list) => networks(list),
        MatcherTest::Not(inner) => return all(inner, view).not(),
        _ => None,
    };
    found.map_or_else(MatchBounds::unknown, MatchBounds::exactly)
}

/// Any of the conditions.
fn any(values: &[String], one: impl Fn(&str) -> Option<Condition>) -> Option<Condition> {
    values.iter().try_fold(Condition::never(), |any, value| any.or(one(value)?).ok())
}

/// The value of a field that is there.
fn text(kind: FieldKind, name: &str, value: DraftText) -> Condition {
    let mut one = DraftMatch::default();
    let fields = if kind == FieldKind::Query { &mut one.query } else { &mut one.headers };
    fields.push((name.to_owned(), value));
    Condition::of(one)
}

/// A field has a value, which may begin or end with a `*`.
fn header(field: &str, value: &str) -> Condition {
    let value = match (value.strip_prefix('*'), value.strip_suffix('*')) {
        _ if value == "*" => DraftText::Present,
        (Some(_), Some(_)) => DraftText::Regex(regex::escape(&value[1..value.len() - 1])),
        (Some(end), None) => DraftText::Regex(format!("{}$", regex::escape(end))),
        (None, Some(begin)) => DraftText::Regex(format!("^{}", regex::escape(begin))),
        (None, None) => DraftText::Is(value.to_owned()),
    };
    text(FieldKind::Header, field, value)
}

/// Whether frontgate takes no field of this name from clients, so that a condition sees none.
fn is_a_proxys(field: &str) -> bool {
    let begins = ["x-forwarded-", "remote-", "x-auth-request-", "x-webauth-", "cf-access-", "x-client-cert-"];
    let names = [
        "forwarded",
        "via",
        "x-real-ip",
        "x-client-ip",
        "client-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "x-openclaw-scopes",
    ];
    begins.iter().any(|begin| field.starts_with(begin)) || names.contains(&field)
}

/// A client has an address in any of the networks.
fn networks(words: &[String]) -> Option<Condition> {
    let mut nets: Vec<IpNet> = Vec::new();
    for word in words {
        match word.as_str() {
            "private_ranges" => nets.extend(PRIVATE.iter().filter_map(|net| net.parse::<IpNet>().ok())),
            word => nets.push(network(word)?),
        }
    }
    Some(Condition::of(DraftMatch { from: nets, ..DraftMatch::default() }))
}

/// A network, or one address.
pub(super) fn network(word: &str) -> Option<IpNet> {
    word.parse().or_else(|_| word.parse::<std::net::IpAddr>().map(IpNet::from)).ok().map(|net: IpNet| net.trunc())
}

/// The networks that Caddy calls private.
pub(super) const PRIVATE: [&str; 6] =
    ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "::1/128"];
