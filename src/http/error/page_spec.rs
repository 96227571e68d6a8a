//! [`ErrorPageSpec`]: how each failure looks from outside, its status and its words.

use http::StatusCode;

use super::{BadRequest, Blame, RequestFailure};
use crate::tls::TlsFault;

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
    /// How the failure looks from outside.
    #[expect(clippy::too_many_lines, reason = "one table: a row per failure")]
    pub(crate) fn page_spec(&self) -> ErrorPageSpec {
        use Blame::{Client, Frontgate, Gateway};
        let (status, code, fault, title, message, hint) = match self {
            Self::GatewayNotRunning(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_not_running",
                Gateway,
                "The gateway is not running",
                "frontgate works, but no process answers at the gateway's address.",
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
            Self::GatewayIsFrontgate(_) => (
                StatusCode::LOOP_DETECTED,
                "gateway_is_frontgate",
                Frontgate,
                "frontgate would ask itself",
                "The address in `upstream` leads back to frontgate.",
                "Let `upstream` be where the gateway itself listens, as a rule `http://127.0.0.1:18789`.",
            ),
            Self::GatewayTls(fault, _) => (
                StatusCode::BAD_GATEWAY,
                "gateway_tls_failed",
                Gateway,
                "No trusted connection to the gateway",
                tls_message(*fault),
                tls_hint(*fault),
            ),
            Self::GatewayClosed(_) => (
                StatusCode::BAD_GATEWAY,
                "gateway_closed",
                Gateway,
                "The gateway hung up",
                "It closed the connection without an answer; it may be restarting.",
                "Try again in a few seconds. If it stays, look into the gateway's log: `openclaw logs`.",
            ),
            Self::InvalidResponse(_) => (
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
            Self::SendTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "gateway_send_timeout",
                Gateway,
                "The gateway does not take the request",
                "It read nothing of the request for `timeouts.send`.",
                "Look into the gateway's log: `openclaw logs`.",
            ),
            Self::BadRequest(bad_request) => (
                StatusCode::BAD_REQUEST,
                bad_request.as_str(),
                Client,
                "frontgate cannot pass this request on",
                bad_request.message(),
                "This is for the client's author: correct the request.",
            ),
            Self::RequestTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "request_timeout",
                Client,
                "The request took too long",
                "Its head was not there within `timeouts.request_head`, or nothing came of its body for `timeouts.progress`.",
                "Try again; on a slow network, raise `timeouts.request_head` or `timeouts.progress`.",
            ),
            Self::TooManyWaiting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_waiting",
                Frontgate,
                "Too many requests wait",
                "This connection's requests wait for the gateway, and their headers together are too large to keep more.",
                "Try again in a few seconds, or ask for less at once.",
            ),
            Self::TooManyHeads => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_heads",
                Frontgate,
                "Too many requests are only partly here",
                "The heads of so many requests arrive slowly that there is no memory to wait for the rest of this one.",
                "Try again in a few seconds.",
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
            Self::ClientNotAllowed => (
                StatusCode::FORBIDDEN,
                "client_not_allowed",
                Client,
                "Not from this address",
                "Clients of this address may not pass: `allow` or `deny` in frontgate's config says so.",
                "Use another network, or add this one to `allow`. If a proxy is in front of frontgate, it belongs into \
                 `forwarded.trusted_proxies`.",
            ),
            Self::OriginNotAllowed => (
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                Client,
                "This page may not open a WebSocket here",
                "Its origin is not in frontgate's `websocket.allowed_origins`.",
                "If it is your page, add its origin to `websocket.allowed_origins`, like `https://gw.example.com:8443`.",
            ),
            Self::LoginRequired(_) => (
                StatusCode::UNAUTHORIZED,
                "login_required",
                Client,
                "A login is needed",
                "This needs a login that is valid here, and the request had none.",
                "Load the page again and log in. The users that may are listed under `auth` in frontgate's config.",
            ),
            Self::LoginServiceUnavailable(_) => (
                StatusCode::BAD_GATEWAY,
                "login_service_unavailable",
                Gateway,
                "The login service cannot be reached",
                "frontgate works, but the service at which users log in does not answer.",
                "Try again in a moment. If it stays, check that it runs, and `auth.forward.url` or `auth.oidc.issuer` in frontgate's config; frontgate's log has the error.",
            ),
            Self::LoginInvalid(_) => (
                StatusCode::BAD_GATEWAY,
                "login_invalid",
                Gateway,
                "The login did not succeed",
                "The login service's answer makes no login here.",
                "Load the page that you wanted and log in again. If it stays, compare the client's settings there with `auth.oidc` in \
                 frontgate's config; frontgate's log has the error.",
            ),
            Self::LoginUnfinished => (
                StatusCode::BAD_REQUEST,
                "login_unfinished",
                Client,
                "The login cannot be finished",
                "It took too long, began in another browser, or this browser keeps no cookies.",
                "Let the browser keep cookies for this site, then load the page that you wanted and log in again.",
            ),
            Self::LoginNotAllowed => (
                StatusCode::FORBIDDEN,
                "login_not_allowed",
                Client,
                "This user may not pass",
                "You are logged in at the login service, but as a user that may not use this.",
                "Log in there as another user. The users that may are listed under `auth.oidc.allow` in frontgate's config; \
                 addresses count that the service has verified.",
            ),
            Self::LoginRefused => (
                StatusCode::FORBIDDEN,
                "login_refused",
                Client,
                "The login service said no",
                "It did not let you in, or the login there was cancelled.",
                "Load the page that you wanted and log in again. If it stays, frontgate's log has the service's reason.",
            ),
            Self::LogoutTokenInvalid => (
                StatusCode::BAD_REQUEST,
                "logout_token_invalid",
                Client,
                "This is no logout",
                "It holds no logout token that the login service has signed a moment ago.",
                "This is for the login service's operator: send its logouts for this client here.",
            ),
            Self::TooManyLogins { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_logins",
                Client,
                "Too many wrong passwords",
                "Passwords from your network were wrong too often, so frontgate looks at no other for a moment.",
                "Try again in a few seconds. If it stays, a program there may have an old password, or be guessing; \
                 frontgate's log has its address.",
            ),
            Self::AttributionRequired => (
                StatusCode::FORBIDDEN,
                "proxy_attribution_required",
                Client,
                "The gateway does not trust frontgate yet",
                "frontgate works and the gateway answers, but it refuses what comes by a proxy that its own config does not name.",
                "On the gateway's machine run `frontgate doctor --fix`, which adds what is missing. By hand: in the gateway's \
                 openclaw.json, `gateway.trustedProxies` needs the address that frontgate connects from, and \
                 `gateway.controlUi.allowedOrigins` this page's origin; frontgate's log has both lines.",
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
            Self::UnknownProtocol => (
                StatusCode::NOT_IMPLEMENTED,
                "unknown_protocol",
                Client,
                "No such protocol is served",
                "The client asked to connect with a protocol that is not WebSocket.",
                "Connect with `websocket` (RFC 8441).",
            ),
            Self::Http1Required => (
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "http1_required",
                Client,
                "This WebSocket needs HTTP/1.1",
                "It was asked for over HTTP/2, which `websocket.http2` does not allow or this client does not know well.",
                "Ask for it over HTTP/1.1.",
            ),
            Self::TooManyRequests => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                Client,
                "Too many requests at once",
                "As many requests of this network are under way as frontgate takes, or as many of all.",
                "Try again in a few seconds. If many share this address, raise `limits.requests_per_client` in frontgate's \
                 config, and name the proxy in front of it in `forwarded.trusted_proxies`, if there is one.",
            ),
            Self::TooManyWebSockets { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_websockets",
                Client,
                "Too many WebSockets from this network",
                "This network has as many WebSockets as it may have, or has opened as many in this minute as it may.",
                "Close one, or wait. If many share this address, raise `limits.websockets_per_client` or \
                 `limits.new_per_minute_per_client` in frontgate's config, and name the proxy in front of it in \
                 `forwarded.trusted_proxies`, if there is one.",
            ),
            Self::KeptOut { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "kept_out",
                Client,
                "Not now",
                "The operator of this server has ended your WebSockets and takes no new ones of yours for a while.",
                "Try again later, or ask the operator.",
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
        ErrorPageSpec { status, code, title, message, hint, blame: fault }
    }
}

/// Why a handshake with the gateway failed.
const fn tls_message(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer => "Its certificate is signed by nothing that frontgate's system trusts.",
        TlsFault::SelfSignedCa => {
            "Its certificate is a CA's own (self-signed, with CA:TRUE), and such a one is no server's unless it is pinned."
        }
        TlsFault::Expired => "Its certificate has expired.",
        TlsFault::NotYetValid => "Its certificate is not valid yet, or a clock is wrong.",
        TlsFault::WrongName => "Its certificate is for another name than the one in frontgate's config.",
        TlsFault::OtherThanPinned => "It shows another certificate than the one that frontgate's config pins.",
        TlsFault::BadCertificate => "Its certificate cannot be accepted.",
        TlsFault::ClientCertificate => "It wants a certificate of frontgate's, and did not get one that it accepts.",
        TlsFault::NoTls => "frontgate speaks TLS to it, and it answers in plain text.",
        TlsFault::HungUp => "It hung up in the middle of the TLS handshake.",
        TlsFault::NothingInCommon => "It and frontgate have no TLS version or cipher in common.",
        TlsFault::Other => "The TLS handshake between frontgate and the gateway failed.",
    }
}

const fn tls_hint(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::UnknownIssuer | TlsFault::SelfSignedCa | TlsFault::BadCertificate => {
            "Pin it: `frontgate doctor` shows its fingerprint and the lines for frontgate's config (`upstreams.NAME.tls.pin`), or \
             name its CA in `upstreams.NAME.tls.ca`."
        }
        TlsFault::Expired | TlsFault::NotYetValid => {
            "Renew it, or correct the clocks; or pin it: `frontgate doctor` shows the lines for frontgate's config."
        }
        TlsFault::WrongName => {
            "Write a name that the certificate has into the URL in frontgate's config, or into `upstreams.NAME.tls.server_name`."
        }
        TlsFault::OtherThanPinned => {
            "If the gateway has a new certificate, compare its fingerprint (`frontgate doctor` shows it) and write it into \
             `upstreams.NAME.tls.pin`. If it has not, something else answers in its place."
        }
        TlsFault::ClientCertificate => {
            "Name the certificate in `upstreams.NAME.tls.client_cert` in frontgate's config."
        }
        TlsFault::NoTls => "If the gateway speaks plain http, write `http://...` for it in frontgate's config.",
        TlsFault::HungUp | TlsFault::NothingInCommon | TlsFault::Other => {
            "Check that the gateway speaks https at its address; `frontgate doctor` tries it, and frontgate's log has the error."
        }
    }
}

impl BadRequest {
    const fn message(self) -> &'static str {
        match self {
            Self::MissingHost => "It has no Host header, which HTTP/1.1 demands.",
            Self::TwoHosts => "It has more than one Host header.",
            Self::BadHost => "Its Host header is not a host and port.",
            Self::BadTarget => "Its target holds bytes that cannot be passed on as they are.",
            Self::AmbiguousPath => {
                "Its path or query can be understood in two ways, and one of them is not open to every client."
            }
            Self::FragmentInTarget => {
                "Its target holds a `#`. A fragment is for the browser only; write `%23` for the character."
            }
            Self::BadHead => "Its head is not HTTP.",
            Self::BadFraming => "Its Content-Length and Transfer-Encoding do not say where it ends.",
            Self::BodyCutShort => "The connection ended before its body did.",
            Self::ConnectWithBody => "It asked for a WebSocket, and has a body or has ended its side.",
        }
    }
}
