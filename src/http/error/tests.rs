use std::collections::HashSet;

use super::*;

/// A way to a login as another user, with a user whose name is no HTML.
pub(crate) fn another() -> AnotherLogin {
    AnotherLogin { path: "/.frontgate/login?with=x&to=%2F".to_owned(), user: Some("<b>eve".to_owned()) }
}

/// One failure of each kind, with a cause that must never be shown.
pub(crate) fn every_failure() -> Vec<RequestFailure> {
    let cause = || FailureCause::from("10.1.2.3:18789");
    let with_cause: [fn(FailureCause) -> RequestFailure; 12] = [
        RequestFailure::LoginServiceUnavailable,
        RequestFailure::GatewayNotRunning,
        RequestFailure::GatewayStarting,
        RequestFailure::GatewayTakenOut,
        RequestFailure::GatewayUnreachable,
        RequestFailure::GatewayNotFound,
        RequestFailure::GatewayIsFrontgate,
        |cause| RequestFailure::GatewayTls(TlsFault::UnknownIssuer, cause),
        RequestFailure::GatewayClosed,
        RequestFailure::InvalidResponse,
        RequestFailure::Exhausted,
        RequestFailure::LoginInvalid,
    ];
    let flaws = [
        BadRequest::MissingHost,
        BadRequest::TwoHosts,
        BadRequest::BadHost,
        BadRequest::BadTarget,
        BadRequest::AmbiguousPath,
        BadRequest::FragmentInTarget,
        BadRequest::BadHead,
        BadRequest::BadFraming,
        BadRequest::BodyCutShort,
        BadRequest::ConnectWithBody,
    ];
    let plain = [
        RequestFailure::UnaskedUpgrade,
        RequestFailure::WrongAccept,
        RequestFailure::NoUpgrade,
        RequestFailure::ConnectTimeout,
        RequestFailure::ReadTimeout,
        RequestFailure::SendTimeout,
        RequestFailure::RequestTimeout,
        RequestFailure::TooManyWaiting,
        RequestFailure::TooManyHeads,
        RequestFailure::BodyTooLarge,
        RequestFailure::TargetTooLong,
        RequestFailure::HeadTooLarge,
        RequestFailure::Misdirected,
        RequestFailure::OriginNotAllowed,
        RequestFailure::ClientNotAllowed,
        RequestFailure::LoginRequired(LoginChallenge::Basic),
        RequestFailure::TooManyLogins { retry_after: std::time::Duration::from_millis(2500) },
        RequestFailure::LoginUnfinished,
        RequestFailure::LoginNotAllowed(another()),
        RequestFailure::LoginRefused(another()),
        RequestFailure::LogoutTokenInvalid,
        RequestFailure::AttributionRequired,
        RequestFailure::LocalByName,
        RequestFailure::NoRoute,
        RequestFailure::Connect,
        RequestFailure::UnknownProtocol,
        RequestFailure::Http1Required,
        RequestFailure::TooManyRequests,
        RequestFailure::TooManyWebSockets { retry_after: Duration::from_secs(1) },
        RequestFailure::KeptOut { retry_after: Duration::from_secs(1) },
        RequestFailure::Draining,
        RequestFailure::Internal,
    ];
    with_cause
        .map(|failure| failure(cause()))
        .into_iter()
        .chain(flaws.map(RequestFailure::BadRequest))
        .chain(plain)
        .collect()
}

#[test]
fn codes_are_stable_and_belong_to_one_failure_each() {
    let table: Vec<_> = every_failure().iter().map(|failure| (failure.status().as_u16(), failure.code())).collect();
    let expected = [
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
    assert_eq!(table, expected);
    assert_eq!(RequestFailure::NAMES, expected);
    assert_eq!(table.iter().map(|(_, code)| code).collect::<HashSet<_>>().len(), table.len());
}

#[test]
fn the_side_at_fault_matches_the_status() {
    for failure in every_failure() {
        let expected = match failure.status().as_u16() {
            // What it asks for is not served to it, whatever it sends.
            400..=499 | 501 | 505 => Blame::Client,
            502 | 504 => Blame::Gateway,
            503 if matches!(failure, RequestFailure::GatewayStarting(_)) => Blame::Gateway,
            _ => Blame::Frontgate,
        };
        assert_eq!(failure.blame(), expected, "{failure}");
    }
}

#[test]
fn every_page_says_what_happened_and_what_to_do() {
    for failure in every_failure() {
        let page_spec = failure.page_spec();
        assert!(
            page_spec.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
            "{}",
            page_spec.code
        );
        assert!(
            !page_spec.title.ends_with('.') && page_spec.message.ends_with('.') && page_spec.hint.ends_with('.'),
            "{failure}"
        );
        let shown = format!("{failure}{}{}{}", page_spec.title, page_spec.message, page_spec.hint);
        assert!(!shown.contains("10.1.2.3") && !shown.contains("  "), "{shown}");
    }
}

#[test]
fn the_cause_is_the_source() {
    let failure = RequestFailure::connecting(io::Error::other("10.1.2.3:18789: odd"));
    assert_eq!(failure.source().unwrap().to_string(), "10.1.2.3:18789: odd");
}

#[test]
fn errors_of_connecting_are_sorted() {
    let cases = [
        (io::ErrorKind::ConnectionRefused.into(), "gateway_not_running"),
        (io::ErrorKind::NotFound.into(), "gateway_not_running"),
        (io::ErrorKind::ConnectionReset.into(), "gateway_closed"),
        (io::ErrorKind::TimedOut.into(), "gateway_connect_timeout"),
        (io::ErrorKind::HostUnreachable.into(), "gateway_unreachable"),
        (io::ErrorKind::PermissionDenied.into(), "gateway_unreachable"),
        (io::ErrorKind::AddrNotAvailable.into(), "exhausted"),
        (io::Error::from_raw_os_error(24), "exhausted"),
    ];
    for (error, code) in cases {
        assert_eq!(RequestFailure::connecting(error).code(), code);
    }
}
