//! `routes`: which requests go to which gateway, and the settings of each route.

mod access;
mod answer;
mod check;
mod clash;
mod field_matcher;
mod headers;
mod host;
mod matchers;
mod path;
mod redirect;
mod regex_pattern;
mod strip;
mod template;

use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::auth::{Auth, AuthOf};
use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{Cidr, DurationValue, Keyed, List, NoValue, OneOrMany, Optional, is_given_name};
use super::listen::LISTENER_NAME;
use super::problem::ValueError;
use super::timeouts::Timeouts;
use super::upstream::{UpstreamAddress, UpstreamUrl};
use answer::RespondValue;
use headers::{RequestHeaders, ResponseHeaders};
use redirect::RedirectValue;
use strip::StripValue;

pub(super) use access::everyone;
pub(crate) use access::{ClientAccess, contains};
pub(crate) use answer::RouteAnswer;
pub(super) use check::all as check;
pub(super) use clash::{certificates, cookies};
pub(crate) use field_matcher::{FieldMatcher, FieldRule};
pub(crate) use headers::HeaderRules;
pub(super) use headers::{StrippedName, identity_field};
pub(crate) use host::HostPattern;
pub(super) use matchers::MethodName;
pub use matchers::RequestMatchers;
pub(super) use path::PathText;
pub(crate) use path::{LetterCase, PathMatcher, folded};
pub(crate) use redirect::RouteRedirect;
pub(crate) use regex_pattern::RegexPattern;
pub(crate) use template::TemplateValues;

/// One of `routes`: the requests it takes, and their settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::option_option, reason = "`None` leaves what the whole configuration says, which may be `off`")]
pub struct RouteConfig {
    /// The names of the listeners that have it; empty for those without a name.
    pub(crate) listener: Vec<String>,
    /// What a request must have.
    pub matchers: RequestMatchers,
    /// What a request must not have: none of these may hold.
    pub(crate) not: Vec<RequestMatchers>,
    /// The networks of the clients that may pass; `None` for the top level's.
    pub(crate) allow: Option<Vec<IpNet>>,
    /// The networks of clients that may not pass, besides the top level's.
    pub(crate) deny: Vec<IpNet>,
    /// Where its requests go; `None` for the top-level `upstream`.
    pub(crate) upstream: Option<RouteTarget>,
    /// What is cut from the front of the path on the way to the gateway.
    pub(crate) strip_prefix: Option<String>,
    /// Where its requests are sent instead of forwarding.
    pub(crate) redirect: Option<RouteRedirect>,
    /// The answer that is given instead of forwarding.
    pub respond: Option<RouteAnswer>,
    /// The login that its requests need; `None` for the top level's.
    pub(crate) auth: Option<Auth>,
    /// The changes to requests on their way to the gateway.
    pub(crate) request_headers: HeaderRules,
    /// The changes to responses on their way to the client.
    pub(crate) response_headers: HeaderRules,
    /// The timeouts of its steps, where they differ from the top level.
    pub(crate) timeouts: RouteTimeouts,
    /// How long its requests wait for a gateway that is restarting; `None` for the top level's.
    pub(crate) hold: Option<Option<Duration>>,
}

/// Where a route's requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RouteTarget {
    /// To one gateway.
    Url(UpstreamAddress),
    /// To one of `upstreams`.
    Named(String),
}

/// The changes of a route to `timeouts`; `None` leaves the top level's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::option_option, reason = "`None` leaves what the whole configuration says, which may be `off`")]
pub(crate) struct RouteTimeouts {
    /// See [`Timeouts::connect`].
    pub(crate) connect: Option<Option<Duration>>,
    /// See [`Timeouts::read`].
    pub(crate) read: Option<Option<Duration>>,
    /// See [`Timeouts::send`].
    pub(crate) send: Option<Option<Duration>>,
    /// See [`Timeouts::progress`].
    pub(crate) progress: Option<Option<Duration>>,
}

impl RouteTimeouts {
    /// `timeouts` with these changes.
    #[must_use]
    pub(crate) fn over(&self, timeouts: &Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.unwrap_or(timeouts.connect),
            read: self.read.unwrap_or(timeouts.read),
            send: self.send.unwrap_or(timeouts.send),
            progress: self.progress.unwrap_or(timeouts.progress),
            ..*timeouts
        }
    }
}

impl RouteConfig {
    /// The order in which routes are tried: those for one host, for many, for all.
    pub(crate) fn rank(&self) -> u8 {
        match &self.matchers.host {
            Some(HostPattern::Exact(_)) => 0,
            Some(HostPattern::Below(_)) => 1,
            None => 2,
        }
    }

    /// Whether the route answers its requests without a gateway.
    pub fn answers(&self) -> bool {
        self.respond.is_some() || self.redirect.is_some()
    }

    /// Whether requests are looked at for more than their host and path.
    pub(crate) fn has_conditions(&self) -> bool {
        self.matchers.has_conditions() || !self.not.is_empty()
    }

    /// Whether a listener of this name has the route.
    pub(crate) fn is_at(&self, listener: Option<&str>) -> bool {
        match listener {
            None => self.listener.is_empty(),
            Some(name) => self.listener.iter().any(|own| own == name),
        }
    }

    /// Whether this route takes every request of `later`, which is tried after it.
    fn covers(&self, later: &Self) -> bool {
        self.rank() == later.rank() && self.takes_all_of(later)
    }

    /// The same, whatever the order in which they are tried.
    fn takes_all_of(&self, later: &Self) -> bool {
        let listeners = match (self.listener.as_slice(), later.listener.as_slice()) {
            ([], later) => later.is_empty(),
            (own, later) => !later.is_empty() && later.iter().all(|name| own.contains(name)),
        };
        listeners && self.matchers.covers(&later.matchers) && self.not.iter().all(|own| later.not.contains(own))
    }

    /// A few words that tell the route from others: its host and path.
    pub(crate) fn name(&self) -> String {
        let host = self.matchers.host.as_ref().map(ToString::to_string).unwrap_or_default();
        let path = self.matchers.path.as_ref().map(ToString::to_string).unwrap_or_default();
        if host.is_empty() && path.is_empty() { "*".to_owned() } else { format!("{host}{path}") }
    }
}

const TIME: Optional<Optional<DurationValue>> = Optional(NoValue::Null, Optional(NoValue::Off, DurationValue::ANY));

impl KeySection for RouteConfig {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "listener",
            OneOrMany(LISTENER_NAME),
            &mut self.listener,
            "The name of the listener that has the route, or a list of names; otherwise all listeners without a name have it.",
        );
        self.matchers.keys(keys);
        keys.key(
            "not",
            OneOrMany(Keyed::NEW),
            &mut self.not,
            "Which requests it is not for: matchers such as those of the route, all of which must hold; or a list, none of which may.",
        );
        keys.key(
            "allow",
            Optional(NoValue::Null, List(Cidr)),
            &mut self.allow,
            "The clients that may pass, others get 403; otherwise as the top-level `allow` says.",
        );
        keys.key(
            "deny",
            List(Cidr),
            &mut self.deny,
            "The clients that get 403, whatever `allow` says; those of the top-level `deny` do anyway.",
        );
        keys.key(
            "upstream",
            Optional(NoValue::Null, UpstreamOrName),
            &mut self.upstream,
            "The gateway: a URL, or a name of `upstreams`; otherwise the top-level `upstream`.",
        );
        keys.key(
            "strip_prefix",
            Optional(NoValue::Null, StripValue),
            &mut self.strip_prefix,
            "What is cut from the front of the path on the way to the gateway, which `path` must begin with: with /app, /app/x becomes /x, \
             and /app alone /. Only a path that is spelt so itself is for the route: one in which the prefix is encoded, or that has it \
             only once dot segments are resolved, gets 400. The gateway's redirects and the paths of its cookies stay as they are.",
        );
        keys.key(
            "redirect",
            Optional(NoValue::Null, RedirectValue),
            &mut self.redirect,
            "Where requests are sent, without a gateway: a path or URL, or { to: \"/new/$1\", status: 301 }. $1 and ${name} are what a \
             group of the regex in `path` matched, encoded; $$ is a dollar; {uri} is path and query as they came, {path} and {query} are \
             one of them, {host} is without a port, {hostport} with it, {scheme} is http or https. What comes from a request is never \
             the host; a query is kept only by {query} or {uri}, and `?{query}` is nothing where there is none.",
        );
        keys.key(
            "respond",
            Optional(NoValue::Null, RespondValue),
            &mut self.respond,
            "What is answered, without a gateway: a status such as 404, or { status: 302, location: /openclaw/, body: text }. 444 closes \
             the connection without an answer.",
        );
        keys.key(
            "auth",
            Optional(NoValue::Null, AuthOf),
            &mut self.auth,
            "Which users may pass; otherwise as the top-level `auth` says.",
        );
        keys.section(
            "request_headers",
            "What changes in requests on their way to the gateway.",
            &mut RequestHeaders(&mut self.request_headers),
        );
        keys.section(
            "response_headers",
            "What changes in answers on their way to the client, in frontgate's own too.",
            &mut ResponseHeaders(&mut self.response_headers),
        );
        keys.section("timeouts", "How long its steps may take; otherwise as the top level says.", &mut self.timeouts);
        keys.key(
            "hold",
            TIME,
            &mut self.hold,
            "How long its requests wait for a gateway that is restarting; otherwise as the top level says.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        self.matchers.check(checks);
        if self.listener.is_empty() && checks.gives("listener") {
            let fault = ValueError::new("an empty list: no listener has the route");
            checks.report(&["listener"], fault.hint("name one, or remove `listener`"));
        }
        for (index, _) in self.not.iter().enumerate().filter(|(_, not)| **not == RequestMatchers::default()) {
            let fault = ValueError::new("without a matcher this excludes every request");
            checks.report_read(&[&format!("not[{index}]"), "not"], fault.hint("such as not: { from: [192.0.2.0/24] }"));
        }
        check::strip_prefix(self, checks);
        check::redirect(self, checks);
        let answer = match (&self.respond, &self.redirect) {
            (None, None) => return,
            (Some(_), Some(_)) => {
                let fault = ValueError::new("this route answers already");
                checks.report(&["redirect", "respond"], fault.hint("remove `redirect` or `respond`"));
                "respond"
            }
            (Some(_), None) => "respond",
            (None, Some(_)) => "redirect",
        };
        let elsewhere = [
            ("upstream", self.upstream.is_some()),
            ("strip_prefix", self.strip_prefix.is_some()),
            ("hold", self.hold.is_some()),
            ("timeouts", self.timeouts != RouteTimeouts::default()),
            ("request_headers", self.request_headers != HeaderRules::default()),
        ];
        for (key, _) in elsewhere.into_iter().filter(|(_, given)| *given) {
            let fault = ValueError::new("this route answers by itself and asks no gateway");
            checks.report(&[key, answer], fault.hint(format!("remove `{key}` or `{answer}`")));
        }
    }
}

impl KeySection for RouteTimeouts {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("connect", TIME, &mut self.connect, "See `timeouts.connect`.");
        keys.key("read", TIME, &mut self.read, "See `timeouts.read`.");
        keys.key("send", TIME, &mut self.send, "See `timeouts.send`.");
        keys.key("progress", TIME, &mut self.progress, "See `timeouts.progress`.");
    }
}

/// The kind of a route's `upstream`: a URL, or a name.
struct UpstreamOrName;

impl KeyKind for UpstreamOrName {
    type Value = RouteTarget;

    fn name(&self) -> String {
        "URL or name of `upstreams`".to_owned()
    }

    fn parse(&self, text: &str) -> Result<RouteTarget, ValueError> {
        if is_given_name(text) {
            return Ok(RouteTarget::Named(text.to_owned()));
        }
        UpstreamUrl.parse(text).map(RouteTarget::Url)
    }

    fn write(&self, value: &RouteTarget) -> YamlText {
        match value {
            RouteTarget::Url(upstream) => UpstreamUrl.write(upstream),
            RouteTarget::Named(name) => YamlText::Word(name.clone()),
        }
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(https?://[^/?#@]+/?|unix:/.+|[A-Za-z0-9_-]+)$" })
    }
}
