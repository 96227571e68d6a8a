use crate::http::route::headers::*;
use crate::http::route::protected::Login;

fn map(lines: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

fn head(version: Version, fields: &[&str]) -> request::Parts {
    let (mut head, ()) = http::Request::new(()).into_parts();
    head.version = version;
    head.headers = map(fields);
    head
}

/// The fields as the gateway gets them, line by line.
fn passed(head: &request::Parts, host: &'static str, connection: ConnectionEffect) -> Vec<String> {
    passed_with(head, host, connection, None, false)
}

fn passed_with(
    head: &request::Parts,
    host: &'static str,
    connection: ConnectionEffect,
    rules: Option<&HeaderRules>,
    basic_is_ours: bool,
) -> Vec<String> {
    let (forwarding, protected) = (untold(), ProtectedFields::new([].into_iter(), &[], Login::Elsewhere));
    let passing = FieldFilter { forwarding: &forwarding, protected: &protected, basic_is_ours, rules };
    let mut passed = Vec::new();
    to_gateway(head, &HeaderValue::from_static(host), passing, connection, |name, value| {
        passed.push(format!("{name}: {}", value.to_str().unwrap()));
    });
    passed
}

fn untold() -> Forwarding {
    Forwarding { client: None, trusted: false, fields: Vec::new() }
}

#[test]
fn hop_by_hop_fields_stay_on_their_hop_and_the_rest_keeps_its_order() {
    let rows: &[(&[&str], &[&str])] = &[
        (&["host: gw", "accept: */*", "x-b: 1", "x-a: 2"], &["host: gw", "accept: */*", "x-b: 1", "x-a: 2"]),
        (&["host: gw", "connection: keep-alive", "keep-alive: timeout=5"], &["host: gw"]),
        (&["host: gw", "connection: x-secret, close", "x-secret: 1", "x-b: 1"], &["host: gw", "x-b: 1"]),
        (&["host: gw", "connection: host"], &["host: gw"]),
        (&["host: gw", "proxy-connection: keep-alive", "proxy-authorization: Basic x"], &["host: gw"]),
        (&["host: gw", "te: gzip"], &["host: gw"]),
        (&["host: gw", "te: gzip, trailers;q=0.5, trailers"], &["host: gw", "te: trailers"]),
        (&["host: gw", "transfer-encoding: chunked", "trailer: x-sum"], &["host: gw", "trailer: x-sum"]),
        (&["host: gw", "trailer: x-sum"], &["host: gw", "trailer: x-sum"]),
        (&["host: gw", "upgrade: h2c", "connection: upgrade, http2-settings", "http2-settings: AAA"], &["host: gw"]),
        (&["host: gw", "x-forwarded-for: 1.1.1.1", "x-real-ip: 1.1.1.1", "via: x"], &["host: gw"]),
        (&["host: gw", "cookie: a=1", "cookie: b=2"], &["host: gw", "cookie: a=1", "cookie: b=2"]),
    ];
    for (came, expected) in rows {
        assert_eq!(passed(&head(Version::HTTP_11, came), "gw", ConnectionEffect::Stays), *expected, "{came:?}");
    }
}

#[test]
fn what_may_not_stand_in_the_head_is_not_announced_for_behind_the_body() {
    let rules = HeaderRules { set: Vec::new(), remove: vec![HeaderName::from_static("x-debug")] };
    let rows: &[(&str, &[&str])] = &[
        ("x-sum", &["trailer: x-sum"]),
        ("x-sum, x-other", &["trailer: x-sum, x-other"]),
        ("x-sum, X-Client-Cert-Subject", &["trailer: x-sum"]),
        ("x_openclaw_scopes,x-sum ,x_real_ip", &["trailer: x-sum"]),
        ("x-auth-request-user", &[]),
        ("authorization, connection, te", &[]),
        ("x-debug, x_debug", &[]),
        ("x-named", &[]),
        ("not a name, x-sum", &["trailer: x-sum"]),
    ];
    for (announced, expected) in rows {
        let field = format!("trailer: {announced}");
        let head = head(Version::HTTP_11, &["host: gw", "connection: x-named", &field]);
        let passed = passed_with(&head, "gw", ConnectionEffect::Stays, Some(&rules), false);
        assert_eq!(passed[1..], **expected, "{announced}");
    }
}

#[test]
fn a_password_for_us_stays_and_what_else_authorizes_passes() {
    let rows = [
        ("Basic YTpi", false),
        ("basic YTpi", false),
        ("BASIC  YTpi", false),
        ("Basic", false),
        ("Bearer t, Basic YTpi", false),
        ("Bearer t", true),
        ("BasicX YTpi", true),
        ("Digest realm=\"basic x\", qop=auth", true),
        ("Negotiate YTpi", true),
    ];
    for (value, passes) in rows {
        let field = format!("authorization: {value}");
        let head = head(Version::HTTP_11, &["host: gw", &field, "authorization: Bearer kept"]);
        let ours = passed_with(&head, "gw", ConnectionEffect::Stays, None, true);
        assert_eq!(ours.len(), if passes { 3 } else { 2 }, "{value}: {ours:?}");
        assert_eq!(passed(&head, "gw", ConnectionEffect::Stays).len(), 3, "{value}, where no route takes passwords");
    }
}

#[test]
fn a_request_over_h2_gets_its_host_first_and_one_cookie() {
    let head = head(Version::HTTP_2, &["accept: */*", "cookie: a=1", "x-b: 1", "cookie: b=2", "cookie: c=3"]);
    assert_eq!(
        passed(&head, "gw:8443", ConnectionEffect::Stays),
        ["host: gw:8443", "accept: */*", "cookie: a=1; b=2; c=3", "x-b: 1"]
    );
}

#[test]
fn an_upgrade_is_written_anew_and_its_own_fields_pass() {
    let came = ["host: gw", "connection: keep-alive, UPGRADE", "upgrade: WebSocket", "sec-websocket-key: k"];
    let passed = passed(&head(Version::HTTP_11, &came), "gw", ConnectionEffect::Upgrade);
    assert_eq!(passed, ["host: gw", "sec-websocket-key: k", "connection: Upgrade", "upgrade: websocket"]);
}

#[test]
fn an_answer_loses_only_what_belongs_to_the_gateways_connection() {
    let rows: &[(&[&str], ConnectionEffect, &[&str])] = &[
        (&["a: 1", "connection: close", "b: 2"], ConnectionEffect::Stays, &["a: 1", "b: 2"]),
        (&["a: 1", "transfer-encoding: chunked", "trailer: x"], ConnectionEffect::Stays, &["a: 1", "trailer: x"]),
        (
            &["connection: x-h", "x-h: 1", "set-cookie: a", "set-cookie: b"],
            ConnectionEffect::Stays,
            &["set-cookie: a", "set-cookie: b"],
        ),
        (
            &["upgrade: websocket", "connection: Upgrade", "sec-websocket-accept: x"],
            ConnectionEffect::Upgrade,
            &["sec-websocket-accept: x", "connection: Upgrade", "upgrade: websocket"],
        ),
        (&["a: 1"], ConnectionEffect::Stays, &["a: 1"]),
    ];
    for (came, connection, expected) in rows {
        let mut headers = map(came);
        to_client(&mut headers, *connection);
        assert_eq!(lines(&headers), *expected, "{came:?}");
    }
}
