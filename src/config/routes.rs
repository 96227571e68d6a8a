//! `routes`: which requests go to which gateway, and the settings of each route.

mod answer;
mod headers;
mod host;
mod path;

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::auth::{Auth, AuthOf};
use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{DurationValue, NoValue, Optional, Quoted};
use super::names::nearest;
use super::problem::ValueError;
use super::timeouts::Timeouts;
use super::upstream::{UpstreamAddress, UpstreamUrl};
use super::upstreams::{UpstreamGroup, is_name};
use answer::RespondValue;
use headers::{RequestHeaders, ResponseHeaders};
use host::Host;
use path::PrefixValue;

pub(crate) use answer::RouteAnswer;
pub(crate) use headers::HeaderRules;
pub(super) use headers::{StrippedName, identity_field};
pub(crate) use host::HostPattern;
pub use path::PathPrefix;

/// One of `routes`: the requests it takes, and their settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::option_option, reason = "`None` leaves what the whole configuration says, which may be `off`")]
pub struct RouteConfig {
    /// The hosts it is for; `None` for all.
    pub host: Option<HostPattern>,
    /// The paths it is for; `None` for all.
    pub path: Option<PathPrefix>,
    /// Where its requests go; `None` for the top-level `upstream`.
    pub(crate) upstream: Option<RouteTarget>,
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
        match &self.host {
            Some(HostPattern::Exact(_)) => 0,
            Some(HostPattern::Below(_)) => 1,
            None => 2,
        }
    }

    /// Whether this route takes every request of `later`, which is tried after it.
    fn covers(&self, later: &Self) -> bool {
        let host = match (&self.host, &later.host) {
            (None, None) => true,
            (Some(own), Some(other)) => own.covers(other),
            _ => false,
        };
        let path = match (&self.path, &later.path) {
            (None, _) => true,
            (Some(own), Some(other)) => own.matches(other.as_str().as_bytes()),
            (Some(own), None) => own.as_str() == "/",
        };
        host && path && self.rank() == later.rank()
    }
}

const TIME: Optional<Optional<DurationValue>> = Optional(NoValue::Null, Optional(NoValue::Off, DurationValue::ANY));

impl KeySection for RouteConfig {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "host",
            Optional(NoValue::Null, Host),
            &mut self.host,
            "The host it is for: a name, or *.example.com for every name below that one.",
        );
        keys.key(
            "path",
            Optional(NoValue::Null, PrefixValue),
            &mut self.path,
            "What the path begins with: /claw is for /claw and /claw/x, not for /clawed; /claw/ needs the slash.",
        );
        keys.key(
            "upstream",
            Optional(NoValue::Null, UpstreamOrName),
            &mut self.upstream,
            "The gateway: a URL, or a name of `upstreams`; otherwise the top-level `upstream`.",
        );
        keys.key(
            "respond",
            Optional(NoValue::Null, RespondValue),
            &mut self.respond,
            "What is answered, without a gateway: a status such as 404, or { status: 302, location: /openclaw/, body: text }.",
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
        if self.respond.is_none() {
            return;
        }
        let elsewhere = [
            ("upstream", self.upstream.is_some()),
            ("hold", self.hold.is_some()),
            ("timeouts", self.timeouts != RouteTimeouts::default()),
            ("request_headers", self.request_headers != HeaderRules::default()),
        ];
        for (key, _) in elsewhere.into_iter().filter(|(_, given)| *given) {
            let fault = ValueError::new("this route answers by itself and asks no gateway");
            checks.report(&[key, "respond"], fault.hint(format!("remove `{key}` or `respond`")));
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

/// Reports routes that contradict each other or name an unknown upstream.
pub(super) fn check(routes: &[RouteConfig], upstreams: &[(String, UpstreamGroup)], checks: &mut SectionChecks<'_>) {
    for (index, route) in routes.iter().enumerate() {
        if let Some(first) = routes[..index].iter().position(|earlier| earlier.covers(route)) {
            let fault = ValueError::new(format!("no request gets here: routes[{first}] takes them all"));
            let own = format!("routes[{index}]");
            checks.report(&[&own], fault.hint("the first route that matches wins; put the narrower one first"));
        }
        if let Some(RouteTarget::Named(name)) = &route.upstream
            && !upstreams.iter().any(|(known, _)| known == name)
        {
            let known = upstreams.iter().map(|(known, _)| known.as_str());
            checks.report(&[&format!("routes[{index}].upstream"), "upstreams"], unknown_upstream(name, known));
        }
    }
}

/// The fault of a name that is none of `upstreams`.
fn unknown_upstream<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> ValueError {
    let fault = ValueError::new(format!("{} is not in `upstreams`", Quoted(name)));
    match nearest(name, known) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint(format!("a URL such as http://{name}:18789, or a name that stands in `upstreams`")),
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
        if is_name(text) {
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
