//! [`RequestFailure`]: every way in which frontgate itself answers. Failures become statuses here, in
//! [`ErrorPageSpec`], and nowhere else.

mod page_spec;
mod page_words;

use std::error::Error;
use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::platform::error_codes::lacks_files;
use crate::tls::TlsFault;

/// The error underneath a failure. It goes to the log and never to a client: it may name the gateway's address.
pub(crate) type FailureCause = Box<dyn Error + Send + Sync>;

/// A request that frontgate answers itself, because it cannot or must not pass it on, or got no answer for it.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailure {
    /// No process listens at the gateway's address.
    #[error("the gateway is not running")]
    GatewayNotRunning(#[source] FailureCause),
    /// No process has listened at the gateway's address for as long as the request could wait.
    #[error("the gateway is restarting")]
    GatewayStarting(#[source] FailureCause),
    /// The gateway's address cannot be reached.
    #[error("the gateway cannot be reached")]
    GatewayUnreachable(#[source] FailureCause),
    /// An operator has taken the gateway out, and each that stands in for it.
    #[error("the gateway is taken out of service")]
    GatewayTakenOut(#[source] FailureCause),
    /// The gateway's name has no address.
    #[error("the gateway's name cannot be resolved")]
    GatewayNotFound(#[source] FailureCause),
    /// The gateway's address leads back here (RFC 9110 §7.6.3 has loops in mind).
    #[error("the gateway's address is frontgate's own")]
    GatewayIsFrontgate(#[source] FailureCause),
    /// The TLS handshake with the gateway failed.
    #[error("the TLS handshake with the gateway failed: {}", .0.as_str())]
    GatewayTls(TlsFault, #[source] FailureCause),
    /// The connection ended before the head of an answer.
    #[error("the gateway closed the connection without an answer")]
    GatewayClosed(#[source] FailureCause),
    /// The gateway's answer is not HTTP.
    #[error("the gateway's answer is not HTTP")]
    InvalidResponse(#[source] FailureCause),
    /// A 101 to a request that asked for none.
    #[error("the gateway switched protocols unasked")]
    UnaskedUpgrade,
    /// A 101 whose `Sec-WebSocket-Accept` does not belong to the key that was sent (RFC 6455 §4.1).
    #[error("the gateway's WebSocket handshake is wrong")]
    WrongAccept,
    /// A success where a 101 was needed: an h2 client would take it for an open WebSocket (RFC 8441 §5).
    #[error("the gateway did not open a WebSocket")]
    NoUpgrade,
    /// There was no connection to the gateway in time.
    #[error("connecting to the gateway took too long")]
    ConnectTimeout,
    /// The gateway did not answer in time.
    #[error("the gateway did not answer in time")]
    ReadTimeout,
    /// The gateway did not take the request in time.
    #[error("the gateway did not take the request in time")]
    SendTimeout,
    /// The request is malformed, or cannot be passed on exactly.
    #[error("bad request: {}", .0.as_str())]
    BadRequest(BadRequest),
    /// The request did not arrive in time.
    #[error("the request took too long to arrive")]
    RequestTimeout,
    /// So many bytes of this connection's other requests wait that the head of this one has no room.
    #[error("too much of this connection's requests waits")]
    TooManyWaiting,
    /// So much waits of the heads of other requests, in all or of this client's network, that this one is not waited for.
    #[error("too many requests are only partly here")]
    TooManyHeads,
    /// The body is larger than `limits.request_body`.
    #[error("the request's body is too large")]
    BodyTooLarge,
    /// The target is longer than can be passed on.
    #[error("the request's target is too long")]
    TargetTooLong,
    /// The head is larger than `limits.request_head`.
    #[error("the request's head is too large")]
    HeadTooLarge,
    /// The request is for a host that this connection's certificate is not for (RFC 9110 §15.5.20).
    #[error("this connection is not for that host")]
    Misdirected,
    /// `websocket.allowed_origins` does not have the page's origin.
    #[error("the page's origin may not open a WebSocket")]
    OriginNotAllowed,
    /// `allow` does not have the client's address, or `deny` has it.
    #[error("the client's address may not pass")]
    ClientNotAllowed,
    /// The route asks for a login, and the request has none that may pass (RFC 7235 §3.1).
    #[error("no user that may pass")]
    LoginRequired(LoginChallenge),
    /// The login service did not say whether the request may pass.
    #[error("the login service gives no answer")]
    LoginServiceUnavailable(#[source] FailureCause),
    /// The client's network has given too many wrong passwords, or too many requests wait for theirs to be checked.
    #[error("too many logins from this network")]
    TooManyLogins {
        /// How long the client must wait before it may try again.
        retry_after: Duration,
    },
    /// What the login service says is not valid, or makes no login.
    #[error("the login service's answer makes no login")]
    LoginInvalid(#[source] FailureCause),
    /// A login that is too old, was begun in another browser, or is no login at all.
    #[error("the login cannot be finished")]
    LoginUnfinished,
    /// The login service has let the user in, and `allow` does not.
    #[error("the user may not pass")]
    LoginNotAllowed(AnotherLogin),
    /// The login service has not let the user in.
    #[error("the login service has refused the login")]
    LoginRefused(AnotherLogin),
    /// An issuer's word that a login has ended, which is not its own, too old or none at all.
    #[error("no valid logout token")]
    LogoutTokenInvalid,
    /// The gateway refuses what comes by a proxy that it was not told about, and a person asked.
    #[error("the gateway does not trust this proxy")]
    AttributionRequired,
    /// The gateway takes no client of its own machine from a proxy, and a person there asked by another name than localhost.
    #[error("the gateway refuses a client of its own machine")]
    LocalByName,
    /// None of `routes` takes the request.
    #[error("no route is for this request")]
    NoRoute,
    /// The method is CONNECT, and frontgate is not a forward proxy.
    #[error("CONNECT is not served")]
    Connect,
    /// A CONNECT for a protocol other than WebSocket (RFC 9220 §3).
    #[error("no such protocol is served")]
    UnknownProtocol,
    /// A WebSocket over HTTP/2, where it is served over HTTP/1.1 only. The client is told by a code of HTTP/2 (RFC 9113 §7).
    #[error("a WebSocket needs HTTP/1.1 here")]
    Http1Required,
    /// As many requests are under way as may be, in all or of this client's network (RFC 6585 §4).
    #[error("too many requests")]
    TooManyRequests,
    /// The client's network has as many WebSockets as it may have, or has asked for as many of late (RFC 6585 §4).
    #[error("too many WebSockets from this network")]
    TooManyWebSockets {
        /// How long the client must wait before it may try again.
        retry_after: Duration,
    },
    /// The operator has ended the client's WebSockets, and wants no new ones for a while.
    #[error("the operator keeps this client out")]
    KeptOut {
        /// How long the client must wait before it may try again.
        retry_after: Duration,
    },
    /// Frontgate has no socket or memory left to reach the gateway.
    #[error("no resources left to reach the gateway")]
    Exhausted(#[source] FailureCause),
    /// Frontgate is shutting down.
    #[error("shutting down")]
    Draining,
    /// A bug in frontgate.
    #[error("internal error")]
    Internal,
}

/// The way to a login as another user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnotherLogin {
    /// A path of frontgate's own on the request's host.
    pub(crate) path: String,
    /// The user who is logged in, where that is known.
    pub(crate) user: Option<String>,
}

/// The schemes of `Authorization` that a 401 asks for (RFC 9110 §11.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginChallenge {
    /// A name and a password; a browser asks its user for them.
    Basic,
    /// A token.
    Bearer,
    /// One of both.
    BasicOrBearer,
}

impl LoginChallenge {
    /// The value of `WWW-Authenticate`.
    pub(crate) const fn as_str(self) -> &'static str {
        // RFC 7617 §2.1: without the charset some browsers send names and passwords in Latin-1.
        match self {
            Self::Basic => "Basic realm=\"frontgate\", charset=\"UTF-8\"",
            Self::Bearer => "Bearer realm=\"frontgate\"",
            Self::BasicOrBearer => "Basic realm=\"frontgate\", charset=\"UTF-8\", Bearer realm=\"frontgate\"",
        }
    }
}

/// What is wrong with a request that gets a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRequest {
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    MissingHost,
    /// More than one `Host`.
    TwoHosts,
    /// A `Host` that is no host and port, or not the one in the target.
    BadHost,
    /// A target that cannot be passed on byte for byte.
    BadTarget,
    /// A path that leads to one route as frontgate reads it, and to a guarded one as the gateway may.
    AmbiguousPath,
    /// A `#` in the target: a fragment never leaves a browser.
    FragmentInTarget,
    /// A head that is not HTTP.
    BadHead,
    /// `Content-Length` and `Transfer-Encoding` that contradict themselves or each other (RFC 9112 §6.3).
    BadFraming,
    /// The connection ended before the body did.
    BodyCutShort,
    /// A CONNECT for a WebSocket with a body, or whose client has ended its side (RFC 9110 §9.3.6).
    ConnectWithBody,
}

/// The side that must change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The client that sent the request.
    Client,
    /// The gateway, or its operator.
    Gateway,
    /// Frontgate, or its operator.
    Frontgate,
}

/// How a failure looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ErrorPageSpec {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// A stable name for programs, in `snake_case`.
    pub(crate) code: &'static str,
    /// The headline of the page.
    pub(crate) title: &'static str,
    /// A sentence that says what happened.
    pub(crate) message: &'static str,
    /// A sentence that says what to do about it.
    pub(crate) hint: &'static str,
    /// The side that must do it.
    pub(crate) blame: Blame,
}

impl RequestFailure {
    /// The status and the code of every failure.
    pub(crate) const NAMES: [(u16, &'static str); 54] = [
        (502, "login_service_unavailable"),
        (502, "gateway_not_running"),
        (503, "gateway_starting"),
        (503, "gateway_taken_out"),
        (502, "gateway_unreachable"),
        (502, "gateway_not_found"),
        (508, "gateway_is_frontgate"),
        (502, "gateway_tls_failed"),
        (502, "gateway_closed"),
        (502, "gateway_nonsense"),
        (503, "exhausted"),
        (502, "login_invalid"),
        (400, "missing_host"),
        (400, "two_hosts"),
        (400, "bad_host"),
        (400, "bad_target"),
        (400, "ambiguous_path"),
        (400, "fragment_in_target"),
        (400, "bad_head"),
        (400, "bad_framing"),
        (400, "body_cut_short"),
        (400, "connect_with_body"),
        (502, "gateway_unasked_upgrade"),
        (502, "gateway_wrong_accept"),
        (502, "gateway_did_not_upgrade"),
        (504, "gateway_connect_timeout"),
        (504, "gateway_read_timeout"),
        (504, "gateway_send_timeout"),
        (408, "request_timeout"),
        (503, "too_many_waiting"),
        (503, "too_many_heads"),
        (413, "body_too_large"),
        (414, "target_too_long"),
        (431, "head_too_large"),
        (421, "misdirected"),
        (403, "origin_not_allowed"),
        (403, "client_not_allowed"),
        (401, "login_required"),
        (429, "too_many_logins"),
        (400, "login_unfinished"),
        (403, "login_not_allowed"),
        (403, "login_refused"),
        (400, "logout_token_invalid"),
        (403, "proxy_attribution_required"),
        (403, "local_client_by_name"),
        (404, "no_route"),
        (405, "connect_not_served"),
        (501, "unknown_protocol"),
        (505, "http1_required"),
        (429, "too_many_requests"),
        (429, "too_many_websockets"),
        (429, "kept_out"),
        (503, "draining"),
        (500, "internal_error"),
    ];

    /// The failure that an error of connecting to the gateway amounts to.
    pub(crate) fn connecting(error: io::Error) -> Self {
        match error.kind() {
            // A unix socket without a file is a gateway that is not running.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::GatewayNotRunning(error.into()),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::GatewayClosed(error.into()),
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory | io::ErrorKind::AddrInUse => {
                Self::Exhausted(error.into())
            }
            _ if lacks_files(&error) => Self::Exhausted(error.into()),
            _ => Self::GatewayUnreachable(error.into()),
        }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        self.page_spec().status
    }

    /// The failure's stable name, in `snake_case`.
    pub(crate) fn code(&self) -> &'static str {
        self.page_spec().code
    }

    /// The side that must change something.
    pub(crate) fn blame(&self) -> Blame {
        self.page_spec().blame
    }

    /// The way to a login as another user, where that helps.
    pub(crate) fn another_login(&self) -> Option<&AnotherLogin> {
        match self {
            Self::LoginNotAllowed(another) | Self::LoginRefused(another) => Some(another),
            _ => None,
        }
    }

    /// Seconds for `Retry-After`, where waiting helps.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyRequests | Self::Exhausted(_) => Some(5),
            Self::Draining | Self::GatewayStarting(_) | Self::TooManyWaiting | Self::TooManyHeads => Some(2),
            // Not a moment early.
            Self::TooManyLogins { retry_after }
            | Self::TooManyWebSockets { retry_after }
            | Self::KeptOut { retry_after } => {
                Some(u32::try_from(retry_after.as_millis().div_ceil(1000)).unwrap_or(u32::MAX))
            }
            _ => None,
        }
    }
}

impl BadRequest {
    /// The flaw's stable name, in `snake_case`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::MissingHost => "missing_host",
            Self::TwoHosts => "two_hosts",
            Self::BadHost => "bad_host",
            Self::BadTarget => "bad_target",
            Self::AmbiguousPath => "ambiguous_path",
            Self::FragmentInTarget => "fragment_in_target",
            Self::BadHead => "bad_head",
            Self::BadFraming => "bad_framing",
            Self::BodyCutShort => "body_cut_short",
            Self::ConnectWithBody => "connect_with_body",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
