//! [`AdminGuard`]: tells an operator's requests from those of a page in a browser that reaches the listener as well.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, ready};
use http::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};

use super::operator_answer::{OperatorAnswer, text};
use super::page;
use super::page::AFTER_A_WRONG_TOKEN;
use super::page_logins::{PageLogins, is_token};
use super::query::{AdminQuery, query};
use crate::config::Secret;
use crate::http::edge::host;
use crate::observe::log_rate_limit::LogRateLimit;

/// The conditions that a request must meet.
#[derive(Debug)]
pub(super) struct AdminGuard {
    /// The token that a request must carry; without one, every peer that reaches the listener is an operator.
    pub(super) token: Option<Secret>,
    /// The browsers that have shown it.
    pub(super) logins: PageLogins,
    /// Lines about wrong tokens.
    pub(super) lines: LogRateLimit,
}

/// The kind of listener that a request came in at.
#[derive(Debug, Clone, Copy)]
pub(super) enum AdminEntry {
    /// A TCP listener, with this local address.
    Tcp(IpAddr),
    /// A unix socket, which no web page reaches, and which has no host name.
    Unix,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdminRefusal {
    /// The request has more than one `Host`, or a target with another host (RFC 9112 §3.2).
    Malformed,
    /// The request names another host than this listener: a page's host name was made to resolve to this address.
    OtherHost,
    /// A page of another origin sent the request.
    Foreign,
    /// The request lacks the token.
    NoToken,
}

/// Lets the requests of operators through, and refuses all others.
#[derive(Debug, Clone)]
pub(super) struct GuardLayer {
    guard: Arc<AdminGuard>,
    entry: AdminEntry,
    peer: Option<IpAddr>,
}

/// The answer to a request that is refused, which may come late.
type RefusedRequest<E> = BoxFuture<'static, Result<OperatorAnswer, E>>;

/// What is behind a [`GuardLayer`].
#[derive(Debug, Clone)]
pub(super) struct Guarded<S> {
    layer: GuardLayer,
    inner: S,
}

impl GuardLayer {
    /// For requests of `peer` that came in at `entry`.
    pub(super) fn new(guard: Arc<AdminGuard>, entry: AdminEntry, peer: Option<IpAddr>) -> Self {
        Self { guard, entry, peer }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = OperatorAnswer>,
    S::Error: Send + 'static,
{
    type Response = OperatorAnswer;
    type Error = S::Error;
    type Future = Either<RefusedRequest<S::Error>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let GuardLayer { guard, entry, peer } = &self.layer;
        let (uri, headers) = (request.uri(), request.headers());
        // A load balancer asks at any name, and without a token.
        let asked = query(request.method(), uri);
        let checked =
            if asked == AdminQuery::Probe { one_host(headers).map(drop) } else { guard.check(*entry, uri, headers) };
        // All but the token was in order. A cookie stands for it where the page asks.
        let without_token = checked == Err(AdminRefusal::NoToken);
        let is_page = asked == AdminQuery::Page;
        let may_pass = match asked {
            AdminQuery::Login => true,
            AdminQuery::Page | AdminQuery::Events(_) | AdminQuery::PageClose { .. } | AdminQuery::PageDoctor => {
                let shown = |token| guard.logins.are_shown(headers, token, SystemTime::now());
                guard.token.as_ref().is_some_and(shown)
            }
            _ => false,
        };
        match checked {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(_) if without_token && may_pass => Either::Right(self.inner.call(request)),
            Err(_) if without_token && is_page => Either::Left(Box::pin(ready(Ok(page::login_page(false))))),
            Err(refused) if without_token && headers.contains_key(AUTHORIZATION) => {
                guard.tell_wrong_token(*peer);
                // Guessing takes its time.
                Either::Left(Box::pin(sleep(AFTER_A_WRONG_TOKEN).map(move |()| Ok(refusal(refused)))))
            }
            Err(refused) => Either::Left(Box::pin(ready(Ok(refusal(refused))))),
        }
    }
}

fn refusal(refused: AdminRefusal) -> OperatorAnswer {
    let mut response = text(refused.status(), refused.why());
    if refused == AdminRefusal::NoToken {
        let realm = HeaderValue::from_static("Bearer realm=\"frontgate admin\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    response
}

impl AdminGuard {
    /// Writes a line about a peer that has shown a wrong token.
    pub(super) fn tell_wrong_token(&self, peer: Option<IpAddr>) {
        if let Some(suppressed) = self.lines.pass("token", Instant::now()) {
            let client = peer.map(tracing::field::display);
            tracing::warn!(client, suppressed, "a request to the admin listener has shown a wrong token");
        }
    }

    /// Checks whether an operator sent the request.
    pub(super) fn check(&self, entry: AdminEntry, uri: &Uri, headers: &HeaderMap) -> Result<(), AdminRefusal> {
        let host = one_host(headers)?;
        if let AdminEntry::Tcp(own) = entry {
            let is_own = |host: &str| host::is_valid(host) && is_own(host::split(host).0, own);
            if uri.authority().is_some_and(|authority| !is_own(authority.as_str())) {
                return Err(AdminRefusal::Malformed);
            }
            if !host.is_some_and(is_own) {
                return Err(AdminRefusal::OtherHost);
            }
        }
        let same = |origin: &str| host.is_some_and(|host| origin.eq_ignore_ascii_case(&format!("http://{host}")));
        let foreign = headers.get_all(ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(same));
        let site = headers.get_all(SEC_FETCH_SITE).iter();
        // `same-site` is another port of the same host, which usually belongs to another program.
        if foreign || site.into_iter().any(|site| site != "same-origin" && site != "none") {
            return Err(AdminRefusal::Foreign);
        }
        let Some(token) = &self.token else { return Ok(()) };
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        match (shown.next(), shown.next()) {
            (Some(shown), None) if is_bearer(shown.as_bytes(), token) => Ok(()),
            _ => Err(AdminRefusal::NoToken),
        }
    }
}

impl AdminRefusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::OtherHost | Self::Foreign => StatusCode::FORBIDDEN,
            Self::NoToken => StatusCode::UNAUTHORIZED,
        }
    }

    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Malformed => "one Host, please, and a target at that one\n",
            Self::OtherHost => "Host must be localhost, a loopback address, or the address that this listener has\n",
            Self::Foreign => "not for pages of other origins\n",
            Self::NoToken => {
                "the token of `admin` in the configuration is missing or another (Authorization: Bearer)\n"
            }
        }
    }
}

/// The only `Host`, if there is one.
fn one_host(headers: &HeaderMap) -> Result<Option<&str>, AdminRefusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => host.to_str().map(Some).map_err(|_| AdminRefusal::Malformed),
        (Some(_), Some(_)) => Err(AdminRefusal::Malformed),
    }
}

/// Whether a host name, without its port, leads to a listener at `own` whatever a name server answers.
fn is_own(name: &str, own: IpAddr) -> bool {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    match bare.parse::<IpAddr>() {
        Ok(ip) => ip.to_canonical().is_loopback() || ip.to_canonical() == own.to_canonical(),
        Err(_) => name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost"),
    }
}

/// Whether `shown` is `Bearer` and the token (RFC 6750 §2.1).
fn is_bearer(shown: &[u8], token: &Secret) -> bool {
    let Some((scheme, rest)) = shown.split_at_checked(SCHEME.len()) else { return false };
    let equal = is_token(rest.trim_ascii(), token);
    equal && scheme.eq_ignore_ascii_case(SCHEME)
}

const SCHEME: &[u8] = b"Bearer ";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(token: Option<&str>, entry: AdminEntry, uri: &str, fields: &[(&str, &str)]) -> Result<(), AdminRefusal> {
        let token = token.map(|token| Secret::new(token.into()));
        let guard = AdminGuard { token, logins: PageLogins::fresh(), lines: LogRateLimit::default() };
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        guard.check(entry, &uri.parse().unwrap(), &headers)
    }

    #[test]
    fn a_host_is_loopback_or_the_listeners_own() {
        let own = AdminEntry::Tcp("192.0.2.7".parse().unwrap());
        for (host, expected) in [
            ("localhost", Ok(())),
            ("LocalHost.:9180", Ok(())),
            ("127.0.0.1:9180", Ok(())),
            ("127.8.8.8", Ok(())),
            ("[::1]:1", Ok(())),
            ("[::ffff:127.0.0.1]", Ok(())),
            ("192.0.2.7:9180", Ok(())),
            ("[::ffff:192.0.2.7]", Ok(())),
            ("192.0.2.8:9180", Err(AdminRefusal::OtherHost)),
            ("0.0.0.0:9180", Err(AdminRefusal::OtherHost)),
            ("[::]:9180", Err(AdminRefusal::OtherHost)),
            ("rebound.example:9180", Err(AdminRefusal::OtherHost)),
            ("localhost.example", Err(AdminRefusal::OtherHost)),
            ("127.0.0.1.example", Err(AdminRefusal::OtherHost)),
            ("127.1", Err(AdminRefusal::OtherHost)),
            ("2130706433", Err(AdminRefusal::OtherHost)),
            ("localhost@evil.example", Err(AdminRefusal::OtherHost)),
            ("evil.example@localhost", Err(AdminRefusal::OtherHost)),
            ("localhost, evil.example", Err(AdminRefusal::OtherHost)),
            ("localhost:80:80", Err(AdminRefusal::OtherHost)),
            ("::1", Err(AdminRefusal::OtherHost)),
            ("", Err(AdminRefusal::OtherHost)),
            ("loc\u{e4}lhost", Err(AdminRefusal::Malformed)),
        ] {
            assert_eq!(check(None, own, "/status", &[("host", host)]), expected, "{host}");
            let unix = if expected == Err(AdminRefusal::Malformed) { expected } else { Ok(()) };
            assert_eq!(check(None, AdminEntry::Unix, "/status", &[("host", host)]), unix, "unix {host}");
        }
        assert_eq!(check(None, own, "/status", &[]), Err(AdminRefusal::OtherHost));
        let two = [("host", "localhost"), ("host", "localhost")];
        for entry in [own, AdminEntry::Unix] {
            assert_eq!(check(None, entry, "/status", &two), Err(AdminRefusal::Malformed));
        }
        for (uri, expected) in [
            ("http://localhost:9180/status", Ok(())),
            ("http://192.0.2.7/status", Ok(())),
            ("http://evil.example/status", Err(AdminRefusal::Malformed)),
            ("http://evil.example@localhost/status", Err(AdminRefusal::Malformed)),
        ] {
            assert_eq!(check(None, own, uri, &[("host", "localhost")]), expected, "{uri}");
        }
        assert_eq!(check(None, own, "http://localhost/", &[("host", "evil.example")]), Err(AdminRefusal::OtherHost));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let own = AdminEntry::Tcp("127.0.0.1".parse().unwrap());
        for (fields, expected) in [
            (&[("origin", "http://localhost:9180")][..], Ok(())),
            (&[("origin", "http://localhost:3000")], Err(AdminRefusal::Foreign)),
            (&[("origin", "https://localhost:9180")], Err(AdminRefusal::Foreign)),
            (&[("origin", "https://elsewhere.example")], Err(AdminRefusal::Foreign)),
            (&[("origin", "null")], Err(AdminRefusal::Foreign)),
            (&[("origin", "")], Err(AdminRefusal::Foreign)),
            (
                &[("origin", "http://localhost:9180"), ("origin", "https://elsewhere.example")],
                Err(AdminRefusal::Foreign),
            ),
            (&[("sec-fetch-site", "none")], Ok(())),
            (&[("sec-fetch-site", "same-origin")], Ok(())),
            (&[("sec-fetch-site", "same-site")], Err(AdminRefusal::Foreign)),
            (&[("sec-fetch-site", "cross-site")], Err(AdminRefusal::Foreign)),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], Err(AdminRefusal::Foreign)),
        ] {
            let fields = [&[("host", "localhost:9180")], fields].concat();
            for entry in [own, AdminEntry::Unix] {
                assert_eq!(check(None, entry, "/status", &fields), expected, "{fields:?}");
            }
        }
    }

    #[test]
    fn a_token_is_asked_for_where_there_is_one() {
        let own = AdminEntry::Tcp("127.0.0.1".parse().unwrap());
        for (shown, expected) in [
            (&["Bearer s3cret"][..], Ok(())),
            (&["bearer  s3cret"], Ok(())),
            (&[], Err(AdminRefusal::NoToken)),
            (&["Bearer "], Err(AdminRefusal::NoToken)),
            (&["Bearer s3cre"], Err(AdminRefusal::NoToken)),
            (&["Bearer s3crets"], Err(AdminRefusal::NoToken)),
            (&["Bearers3cret"], Err(AdminRefusal::NoToken)),
            (&["Basic s3cret"], Err(AdminRefusal::NoToken)),
            (&["s3cret"], Err(AdminRefusal::NoToken)),
            (&["Bearer s3cret", "Bearer s3cret"], Err(AdminRefusal::NoToken)),
        ] {
            let shown = shown.iter().map(|shown| ("authorization", *shown));
            let fields: Vec<_> = [("host", "localhost")].into_iter().chain(shown).collect();
            for entry in [own, AdminEntry::Unix] {
                assert_eq!(check(Some("s3cret"), entry, "/status", &fields), expected, "{fields:?}");
                assert_eq!(check(None, entry, "/status", &fields), Ok(()));
            }
        }
    }
}
