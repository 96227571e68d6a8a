//! [`Failure`]: every way in which frontgate itself answers. The only place where failures become statuses.

use std::error::Error;
use std::io;

use http::StatusCode;

/// What went wrong underneath. It goes to the log and never to a client: it may name the gateway's address.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A request that frontgate answers itself, because it cannot or must not pass it on, or got no answer for it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody listens at the gateway's address.
    #[error("the gateway is not running")]
    GatewayNotRunning(#[source] Cause),
    /// Nobody has listened at the gateway's address for as long as the request could wait.
    #[error("the gateway is restarting")]
    GatewayStarting(#[source] Cause),
    /// The gateway's address cannot be reached.
    #[error("the gateway cannot be reached")]
    GatewayUnreachable(#[source] Cause),
    /// The gateway's name has no address.
    #[error("the gateway's name cannot be resolved")]
    GatewayNotFound(#[source] Cause),
    /// The TLS handshake with the gateway failed.
    #[error("the TLS handshake with the gateway failed")]
    GatewayTls(#[source] Cause),
    /// The connection ended before the head of an answer.
    #[error("the gateway closed the connection without an answer")]
    GatewayClosed(#[source] Cause),
    /// What came back is not HTTP.
    #[error("the gateway's answer is not HTTP")]
    GatewayNonsense(#[source] Cause),
    /// A 101 to a request that asked for none.
    #[error("the gateway switched protocols unasked")]
    UnaskedUpgrade,
    /// A 101 whose `Sec-WebSocket-Accept` does not belong to the key that was sent (RFC 6455 §4.1).
    #[error("the gateway's WebSocket handshake is wrong")]
    WrongAccept,
    /// A success where a 101 was needed: an h2 client would take it for an open WebSocket (RFC 8441 §5).
    #[error("the gateway did not open a WebSocket")]
    NoUpgrade,
    /// No connection to the gateway in time.
    #[error("connecting to the gateway took too long")]
    ConnectTimeout,
    /// No answer from the gateway in time.
    #[error("the gateway did not answer in time")]
    ReadTimeout,
    /// The request is malformed, or cannot be passed on exactly.
    #[error("bad request: {}", .0.as_str())]
    BadRequest(Flaw),
    /// The request did not arrive in time.
    #[error("the request took too long to arrive")]
    RequestTimeout,
    /// More body than `limits.request_body`.
    #[error("the request's body is too large")]
    BodyTooLarge,
    /// More target than can be passed on.
    #[error("the request's target is too long")]
    TargetTooLong,
    /// More head than `limits.request_head`.
    #[error("the request's head is too large")]
    HeadTooLarge,
    /// The request is for a host that this connection's certificate is not for (RFC 9110 §15.5.20).
    #[error("this connection is not for that host")]
    Misdirected,
    /// `websocket.allowed_origins` does not have the page's origin.
    #[error("the page's origin may not open a WebSocket")]
    OriginNotAllowed,
    /// The route asks who it is, and nobody who may pass has said so (RFC 7235 §3.1).
    #[error("nobody who may pass")]
    LoginRequired,
    /// Too many passwords are being checked.
    #[error("too many logins at once")]
    TooManyLogins,
    /// None of `routes` is for it.
    #[error("no route is for this request")]
    NoRoute,
    /// CONNECT: this is not a forward proxy.
    #[error("CONNECT is not served")]
    Connect,
    /// All of `limits.connections` are in use, or all of this client's.
    #[error("too many connections")]
    TooManyConnections,
    /// Frontgate has no socket or memory left to reach the gateway.
    #[error("no resources left to reach the gateway")]
    Exhausted(#[source] Cause),
    /// Frontgate is shutting down.
    #[error("shutting down")]
    Draining,
    /// A bug.
    #[error("internal error")]
    Internal,
}

/// What is wrong with a request that gets a 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    MissingHost,
    /// More than one `Host`.
    TwoHosts,
    /// A `Host` that is no host and port, or not the one in the target.
    BadHost,
    /// A target that cannot be passed on byte for byte.
    BadTarget,
    /// A path that leads to one route as we read it, and to a guarded one as the gateway may.
    AmbiguousPath,
    /// A `#` in the target: a fragment never leaves a browser.
    FragmentInTarget,
    /// A head that is not HTTP.
    BadHead,
    /// `Content-Length` and `Transfer-Encoding` that contradict themselves or each other (RFC 9112 §6.3).
    BadFraming,
    /// The connection ended before the body did.
    BodyCutShort,
    /// A WebSocket handshake without a key, or with a body.
    BadUpgrade,
}

/// Who must change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The one who asked.
    Client,
    /// The gateway, or whoever runs it.
    Gateway,
    /// Frontgate, or whoever runs it.
    Frontgate,
}

/// How a failure looks from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Face {
    /// The status.
    pub status: StatusCode,
    /// A stable name for programs.
    pub code: &'static str,
    /// A headline.
    pub title: &'static str,
    /// What happened.
    pub message: &'static str,
    /// What to do about it.
    pub hint: &'static str,
    /// Who must do it.
    pub fault: Fault,
}

impl Failure {
    /// Sorts an error of connecting to the gateway.
    pub fn connecting(error: io::Error) -> Self {
        match error.kind() {
            // A unix socket that is not there is a gateway that is not there.
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Self::GatewayNotRunning(error.into()),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::GatewayClosed(error.into()),
            io::ErrorKind::TimedOut => Self::ConnectTimeout,
            io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory | io::ErrorKind::AddrInUse => {
                Self::Exhausted(error.into())
            }
            // EMFILE and ENFILE have no kind.
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => Self::Exhausted(error.into()),
            _ => Self::GatewayUnreachable(error.into()),
        }
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.face().status
    }

    /// Its stable name, in `snake_case`.
    pub fn code(&self) -> &'static str {
        self.face().code
    }

    /// Who must change something.
    pub fn fault(&self) -> Fault {
        self.face().fault
    }

    /// Whether the same request may succeed over another connection. For [`Failure::GatewayClosed`] the gateway may have
    /// acted on the request: only an idempotent one, or one sent on a reused connection, can be repeated.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::GatewayNotRunning(_) | Self::GatewayUnreachable(_) | Self::GatewayClosed(_) | Self::ConnectTimeout
        )
    }

    /// Seconds for `Retry-After`, where waiting helps.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooManyConnections | Self::Exhausted(_) => Some(5),
            Self::Draining | Self::GatewayStarting(_) | Self::TooManyLogins => Some(2),
            _ => None,
        }
    }

    /// How it looks from outside.
    #[expect(clippy::too_many_lines, reason = "one table: a row per failure")]
    pub fn face(&self) -> Face {
        use Fault::{Client, Frontgate, Gateway};
        let (status, code, fault, title, message, hint) = match self {
            Self::GatewayNotRunning(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_not_running",
                Gateway,
                "The gateway is not running",
                "frontgate works, but nobody answers at the gateway's address.",
                "Start it with `openclaw gateway`. If it runs elsewhere, set `upstream` in frontgate's config; \
                 the default is `http://127.0.0.1:18789`.",
            ),
            Self::GatewayStarting(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "gateway_starting",
                Gateway,
                "The gateway is restarting",
                "frontgate works, and passes everything on as soon as the gateway answers at its address.",
                "If that takes long, start it with `openclaw gateway`. If it runs elsewhere, set `upstream` in frontgate's \
                 config; the default is `http://127.0.0.1:18789`.",
            ),
            Self::GatewayUnreachable(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_unreachable",
                Gateway,
                "The gateway cannot be reached",
                "There is no way from frontgate to the gateway's address.",
                "Check `upstream` in frontgate's config, the network and the firewall between the two; \
                 frontgate's log has the error.",
            ),
            Self::GatewayNotFound(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_not_found",
                Gateway,
                "The gateway's name is unknown",
                "The host name in `upstream` has no address.",
                "Correct the name in frontgate's config, or write an address, like `http://127.0.0.1:18789`.",
            ),
            Self::GatewayTls(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_tls_failed",
                Gateway,
                "No trusted connection to the gateway",
                "The TLS handshake between frontgate and the gateway failed.",
                "If the gateway speaks plain http, write `upstream: http://...`; otherwise its certificate must be valid \
                 for the name in `upstream`. frontgate's log has the error.",
            ),
            Self::GatewayClosed(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_closed",
                Gateway,
                "The gateway hung up",
                "It closed the connection without an answer; it may be restarting.",
                "Try again in a few seconds. If it stays, look into the gateway's log: `openclaw logs`.",
            ),
            Self::GatewayNonsense(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_nonsense",
                Gateway,
                "That was not the gateway",
                "What came back from the gateway's address is not HTTP.",
                "Check the port in `upstream`, and whether the gateway speaks https there.",
            ),
            Self::UnaskedUpgrade => (
                StatusCode::BAD_GATEWAY,
                "gateway_unasked_upgrade",
                Gateway,
                "The gateway switched protocols unasked",
                "It answered 101 to a request that did not ask for a WebSocket.",
                "Check that `upstream` is the gateway's address.",
            ),
            Self::WrongAccept => (
                StatusCode::BAD_GATEWAY,
                "gateway_wrong_accept",
                Gateway,
                "The gateway's WebSocket handshake is wrong",
                "Its Sec-WebSocket-Accept does not belong to this connection; something between may have answered from a cache.",
                "Let `upstream` be the gateway's own address, without another proxy between.",
            ),
            Self::NoUpgrade => (
                StatusCode::BAD_GATEWAY,
                "gateway_did_not_upgrade",
                Gateway,
                "The gateway did not open a WebSocket",
                "It answered the WebSocket handshake like an ordinary request.",
                "Check that `upstream` is the gateway's own address, without another proxy between.",
            ),
            Self::ConnectTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "gateway_connect_timeout",
                Gateway,
                "The gateway cannot be reached",
                "Connecting to it took longer than `timeouts.connect`.",
                "Check `upstream` in frontgate's config, and the firewall between the two.",
            ),
            Self::ReadTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "gateway_read_timeout",
                Gateway,
                "The gateway does not answer",
                "It took the request and sent nothing for `timeouts.read`.",
                "Look into the gateway's log: `openclaw logs`. If the answer needs longer, raise `timeouts.read`.",
            ),
            Self::BadRequest(flaw) => (
                StatusCode::BAD_REQUEST,
                flaw.as_str(),
                Client,
                "frontgate cannot pass this request on",
                flaw.message(),
                "This is for whoever wrote the client: correct the request.",
            ),
            Self::RequestTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                Client,
                "The request took too long",
                "It did not arrive in full within `timeouts.request_head`.",
                "Try again; on a slow network, raise `timeouts.request_head`.",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                Client,
                "The upload is too large",
                "The request's body is larger than frontgate's `limits.request_body`.",
                "Send less, or raise `limits.request_body`.",
            ),
            Self::TargetTooLong => (
                StatusCode::URI_TOO_LONG,
                "target_too_long",
                Client,
                "The address is too long",
                "The request's target is longer than frontgate can pass on.",
                "Use a shorter address, or send the data in the body.",
            ),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                Client,
                "The request's headers are too large",
                "They are larger than frontgate's `limits.request_head`.",
                "Delete this site's cookies and try again, or raise `limits.request_head`.",
            ),
            Self::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                Client,
                "This connection is for another name",
                "The request is for a host that this connection's certificate does not name.",
                "Try again over a connection of its own, or add the name to `tls.names`.",
            ),
            Self::OriginNotAllowed => (
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                Client,
                "This page may not open a WebSocket here",
                "Its origin is not in frontgate's `websocket.allowed_origins`.",
                "If it is your page, add its origin to `websocket.allowed_origins`, like `https://gw.example.com:8443`.",
            ),
            Self::LoginRequired => (
                StatusCode::UNAUTHORIZED,
                "login_required",
                Client,
                "Who is there?",
                "This needs a user's name and password, and they were missing or wrong.",
                "Load the page again and log in. Who may is listed under `auth` in frontgate's config.",
            ),
            Self::TooManyLogins => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_logins",
                Frontgate,
                "Too many logins at once",
                "frontgate checks a few passwords at a time, and many wait already.",
                "Try again in a few seconds. If it stays, somebody may be guessing passwords; see the access log.",
            ),
            Self::NoRoute => (
                StatusCode::NOT_FOUND,
                "no_route",
                Client,
                "There is nothing here",
                "None of frontgate's `routes` is for this host and path.",
                "Check the address. If it should lead somewhere, add a route for it to frontgate's config.",
            ),
            Self::Connect => (
                StatusCode::METHOD_NOT_ALLOWED,
                "connect_not_served",
                Client,
                "This is not a forward proxy",
                "frontgate passes requests to one gateway and opens no connections to other hosts.",
                "Ask for the gateway's pages directly; do not configure this address as a proxy.",
            ),
            Self::TooManyConnections => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_connections",
                Frontgate,
                "Too many connections",
                "All connections that frontgate may hold are in use.",
                "Close tabs that are not needed, or raise `limits.connections` or `limits.connections_per_client`.",
            ),
            Self::Exhausted(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "exhausted",
                Frontgate,
                "frontgate has no socket left",
                "The system gives frontgate no further connection to the gateway.",
                "Raise the open-file limit (`ulimit -n`, `LimitNOFILE=`) or lower `limits.connections`; \
                 frontgate's log has the error.",
            ),
            Self::Draining => (
                StatusCode::SERVICE_UNAVAILABLE,
                "draining",
                Frontgate,
                "frontgate is restarting",
                "It finishes what is under way and takes nothing further.",
                "Try again in a few seconds.",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                Frontgate,
                "frontgate made a mistake",
                "This is a bug in frontgate.",
                "Please report it with the request id and the lines of frontgate's log around it.",
            ),
        };
        Face { status, code, title, message, hint, fault }
    }
}

impl Flaw {
    /// Its stable name, in `snake_case`.
    pub const fn as_str(self) -> &'static str {
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
            Self::BadUpgrade => "bad_upgrade",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::MissingHost => "It has no Host header, which HTTP/1.1 demands.",
            Self::TwoHosts => "It has more than one Host header.",
            Self::BadHost => "Its Host header is not a host and port.",
            Self::BadTarget => "Its target holds bytes that cannot be passed on as they are.",
            Self::AmbiguousPath => "Its path can be understood in two ways, and one of them is not for everybody.",
            Self::FragmentInTarget => {
                "Its target holds a `#`. A fragment is for the browser only; write `%23` for the character."
            }
            Self::BadHead => "Its head is not HTTP.",
            Self::BadFraming => "Its Content-Length and Transfer-Encoding do not say where it ends.",
            Self::BodyCutShort => "The connection ended before its body did.",
            Self::BadUpgrade => "It is not a complete WebSocket handshake.",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
