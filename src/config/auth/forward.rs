//! `auth.forward`: a login service that is asked about each request.

use std::time::Duration;

use http::HeaderName;

use super::service_url::{LoginServiceUrl, LoginServiceUrlValue};
use super::user_header::UserHeader;
use crate::config::keys::{KeySection, Keys, SectionChecks};
use crate::config::kinds::{DurationValue, List, NoValue, Optional, WordOf};
use crate::config::problem::ValueError;
use crate::config::upstream::UpstreamAddress;
use crate::config::upstream_tls::UpstreamTls;

/// A login service that is asked about each request, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ForwardAuth {
    /// Where it is asked.
    pub(crate) url: LoginServiceUrl,
    /// Which `Host` it gets.
    pub(crate) host: ServiceHost,
    /// How long one question may take, connecting included.
    pub(crate) timeout: Duration,
    /// The fields of its answer that the gateway gets; the first one is the user's name.
    pub(crate) answer_headers: Vec<HeaderName>,
    /// For how long an answer that let a request in counts for requests with the same credentials; `None` is not at all.
    pub(crate) cache: Option<Duration>,
    /// How a service over https is verified.
    pub(crate) tls: UpstreamTls,
}

/// Which `Host` a login service gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ServiceHost {
    /// Its own, from its URL.
    #[default]
    Service,
    /// The request's.
    Client,
}

const HOSTS: WordOf<ServiceHost> = WordOf(&[("service", ServiceHost::Service), ("client", ServiceHost::Client)]);

/// The keys of `auth.forward`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForwardKeys {
    url: Option<LoginServiceUrl>,
    host: ServiceHost,
    timeout: Duration,
    answer_headers: Vec<HeaderName>,
    cache: Option<Duration>,
    tls: UpstreamTls,
}

impl Default for ForwardKeys {
    fn default() -> Self {
        Self {
            url: None,
            host: ServiceHost::default(),
            timeout: TIMEOUT,
            answer_headers: Vec::new(),
            cache: None,
            tls: UpstreamTls::default(),
        }
    }
}

/// As long as connecting to a gateway may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer that counts for longer is a session, and the service has those.
const LONGEST_CACHE: Duration = Duration::from_mins(1);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

impl ForwardKeys {
    /// The service that these keys describe; one without a URL has been reported.
    pub(super) fn service(self) -> Option<ForwardAuth> {
        let Self { url, host, timeout, answer_headers, cache, tls } = self;
        Some(ForwardAuth { url: url?, host, timeout, answer_headers, cache, tls })
    }

    pub(super) fn of(service: &ForwardAuth) -> Self {
        let ForwardAuth { url, host, timeout, answer_headers, cache, tls } = service.clone();
        Self { url: Some(url), host, timeout, answer_headers, cache, tls }
    }
}

impl KeySection for ForwardKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "url",
            Optional(NoValue::Null, LoginServiceUrlValue),
            &mut self.url,
            "Where the service is asked, with a GET that has the request's fields and says in X-Forwarded-Method, -Proto, -Host, -Uri and \
             -For what is asked for. 2xx lets the request in, 3xx and 4xx go to the client with their cookies (an upgrade gets 401), \
             anything else is a 502.",
        );
        keys.key(
            "host",
            HOSTS,
            &mut self.host,
            "Which Host the service gets: its own, or the request's, by which services that serve several hosts know them.",
        );
        keys.key(
            "timeout",
            DurationValue { at_least: Duration::from_millis(1), at_most: LONGEST_TIMEOUT },
            &mut self.timeout,
            "How long one question may take, connecting included; then the request gets a 502.",
        );
        keys.key(
            "answer_headers",
            List(UserHeader),
            &mut self.answer_headers,
            "The fields of its answer that the gateway gets, in place of the client's; the first one is the user's name.",
        );
        keys.key(
            "cache",
            Optional(NoValue::Off, DurationValue { at_least: Duration::from_millis(1), at_most: LONGEST_CACHE }),
            &mut self.cache,
            "For how long an answer that let a request in counts for others with the same cookies and Authorization.",
        );
        keys.section("tls", "How a service over https is known, and what frontgate shows it.", &mut self.tls);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let Some(url) = &self.url else {
            let fault = ValueError::new("`url` is missing")
                .hint("forward: { url: \"http://127.0.0.1:9091/api/authz/auth-request\" }");
            return checks.report(&["url"], fault);
        };
        if self.tls != UpstreamTls::default() && !matches!(url.address, UpstreamAddress::Https { .. }) {
            let fault = ValueError::new(format!("{} speaks no TLS", url.address));
            checks.report(&["tls", "url"], fault.hint("write https://… for it, or remove `tls`"));
        }
    }
}
