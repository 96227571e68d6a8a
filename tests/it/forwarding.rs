//! What reaches the gateway: raw requests, and the exact bytes that it must see (rules 1 to 5).

use frontgate::config::{Config, LocalClients};
use http::Request;

use crate::harness::{Gateway, Wire, empty, full, gateway, in_lower_case, proxy};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Sends `request` and returns what the gateway saw of it.
async fn seen(client: &mut Wire, gateway: &mut Gateway, request: impl AsRef<[u8]>) -> String {
    client.send(request).await;
    let response = client.response().await;
    assert_eq!(response.status(), 200, "{}", response.text());
    gateway.request().await.text()
}

/// What rule 4 adds for a client from 127.0.0.1 over TLS.
fn told(host: &str, port: &str) -> String {
    format!(
        "x-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: {host}\r\n\
         x-forwarded-port: {port}\r\n"
    )
}

#[tokio::test]
async fn what_passes_keeps_its_bytes_and_its_order() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let rows: &[(&str, &str, &str)] = &[
        (
            "fields keep their order, and their names have no case",
            "GET / HTTP/1.1\r\nHOST: localhost\r\nzeta: 1\r\nX-ALPHA: 2\r\nx-Mixed-CASE: 3\r\nAccept: */*\r\n\r\n",
            "GET / HTTP/1.1\r\nHOST: localhost\r\nzeta: 1\r\nX-ALPHA: 2\r\nx-Mixed-CASE: 3\r\nAccept: */*\r\n\r\n",
        ),
        (
            "Host stays where it was",
            "GET / HTTP/1.1\r\nA: 1\r\nHost: localhost\r\nB: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nA: 1\r\nHost: localhost\r\nB: 2\r\n\r\n",
        ),
        (
            "Host is not normalised",
            "GET / HTTP/1.1\r\nHost: LocalHost:8443\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: LocalHost:8443\r\n\r\n",
        ),
        (
            "a repeated field stays repeated, each value as it came",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-A:  two words \r\nX-A:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-A: two words\r\nX-A:\r\n\r\n",
        ),
        (
            "the values of one name come together (RFC 9110 §5.3 cares for their order only)",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nB: 2\r\nx-a: 3\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nx-a: 3\r\nB: 2\r\n\r\n",
        ),
        (
            "what is for the connection to us stays here, and what Connection names",
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n\
             Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\
             X-Kept: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-Kept: 1\r\n\r\n",
        ),
        (
            "trailers are asked for, other codings are not",
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: TE\r\nTE: gzip;q=0.5, trailers\r\nX: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX: 1\r\nTE: trailers\r\n\r\n",
        ),
        (
            "no client can make us drop Host",
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Host\r\nX: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n\r\n",
        ),
        (
            "credentials are the gateway's business",
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nCookie: a=1; b=2\r\nOrigin: https://x\r\nX-Request-Id: q\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\nCookie: a=1; b=2\r\nOrigin: https://x\r\nX-Request-Id: q\r\n\r\n",
        ),
        (
            "no gateway sees what a browser shows the admin listener",
            "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=1; frontgate_admin=9.ab; b=2\r\nX: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a=1; b=2\r\nX: 1\r\n\r\n",
        ),
        (
            "a body with a length",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Type: x\r\n\r\nhello",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Type: x\r\n\r\nhello",
        ),
        (
            "an empty body that is announced",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            "a body in chunks",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n",
            "POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "an unknown method",
            "FROB /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "FROB /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        (
            "absolute-form becomes origin-form",
            "GET https://localhost/a?b HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET /a?b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ),
        (
            "values are bytes, not text",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-Name: gr\u{fc}n \u{2603}\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: localhost\r\nX-Name: gr\u{fc}n \u{2603}\r\n\r\n",
        ),
    ];
    for (name, sent, expected) in rows {
        let mut client = proxy.client().await;
        assert_eq!(seen(&mut client, &mut gateway, sent).await, in_lower_case(expected), "{name}");
    }
}

#[tokio::test]
async fn a_client_that_is_not_local_is_named_and_what_it_forged_is_gone() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let forged = [
        "Forwarded: for=10.0.0.1",
        "X-Forwarded-For: 10.0.0.1",
        "X-FORWARDED-FOR: 10.0.0.2",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: evil",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /x",
        "X-Forwarded-User: root",
        "X-Forwarded: 1",
        "X-Real-IP: 10.0.0.1",
        "X-Client-IP: 10.0.0.1",
        "True-Client-IP: 10.0.0.1",
        "CF-Connecting-IP: 10.0.0.1",
        "Via: 1.1 x",
        "X-OpenClaw-Scopes: operator.admin",
    ];
    for (host, port) in [("gw.example.com", "443"), ("gw.example.com:8443", "8443"), ("192.0.2.7:1", "1")] {
        let mut client = proxy.client().await;
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\nX-Kept: 1\r\n\r\n", forged.join("\r\n"));
        let expected = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Kept: 1\r\n{}\r\n", told(host, port));
        assert_eq!(seen(&mut client, &mut gateway, request).await, in_lower_case(&expected));
    }
}

#[tokio::test]
async fn only_a_local_client_that_asks_for_a_local_name_is_passed_on_as_local() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    let rows = [
        ("localhost", "", true),
        ("localhost:8443", "", true),
        ("127.0.0.1:8443", "", true),
        ("127.1.2.3", "", true),
        ("[::1]:8443", "", true),
        ("gw.example.com", "", false),
        ("localhost.example.com", "", false),
        ("localhost.", "", false),
        ("127.0.0.1.example.com", "", false),
        ("localhost", "X-Forwarded-For: 127.0.0.1", false),
        ("localhost", "x-forwarded-nonsense: 1", false),
        ("localhost", "Forwarded: for=127.0.0.1", false),
        ("localhost", "X-Real-IP: 127.0.0.1", false),
        ("localhost", "Via: 1.1 a", false),
        ("localhost", "CF-Connecting-IP: 1.1.1.1", false),
        ("localhost", "True-Client-IP: 1.1.1.1", false),
        // The field claims something, but it is not one that proxies send.
        ("localhost", "X-OpenClaw-Scopes: a", true),
        // Connection names the field, so it is removed; it still came.
        ("localhost", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 127.0.0.1", false),
    ];
    for (host, field, local) in rows {
        let line = if field.is_empty() { String::new() } else { format!("{field}\r\n") };
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{line}\r\n");
        let port = host.rsplit_once(':').map_or("443", |(_, port)| port);
        let added = if local { String::new() } else { told(host, port) };
        let expected = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{added}\r\n");
        assert_eq!(seen(&mut client, &mut gateway, request).await, in_lower_case(&expected), "{host} {field}");
    }
}

#[tokio::test]
async fn local_clients_can_be_treated_like_every_other() {
    let mut gateway = gateway().answering(OK).await;
    let always = |config: &mut Config| config.forwarded.local_clients = LocalClients::Forwarded;
    let proxy = proxy().upstream(&gateway).config(always).start().await;
    let mut client = proxy.client().await;
    let got = seen(&mut client, &mut gateway, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(got, format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", told("localhost", "443")));
}

#[tokio::test]
async fn a_trusted_proxy_names_the_client() {
    let mut gateway = gateway().answering(OK).await;
    let trusting = |config: &mut Config| {
        config.forwarded.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        config.forwarded.rfc7239 = true;
    };
    let proxy = proxy().upstream(&gateway).config(trusting).start().await;
    let mut client = proxy.client().await;
    // What it sends, then: client, proto, host, port.
    let rows = [
        ("X-Forwarded-For: 203.0.113.7", ["203.0.113.7", "https", "gw:8443", "8443"]),
        ("X-Forwarded-For: 1.1.1.1, 203.0.113.7, 10.0.0.9", ["203.0.113.7", "https", "gw:8443", "8443"]),
        ("X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: http", ["203.0.113.7", "http", "gw:8443", "8443"]),
        ("X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: a.example", ["203.0.113.7", "https", "a.example", "443"]),
        ("Forwarded: for=\"203.0.113.7:99\"", ["203.0.113.7", "https", "gw:8443", "8443"]),
        ("X-A: 1", ["127.0.0.1", "https", "gw:8443", "8443"]),
    ];
    for (fields, [ip, proto, host, port]) in rows {
        let request = format!("GET / HTTP/1.1\r\nHost: gw:8443\r\n{fields}\r\nVia: 1.1 front\r\n\r\n");
        let kept = if fields == "X-A: 1" { "X-A: 1\r\n" } else { "" };
        let expected = format!(
            "GET / HTTP/1.1\r\nHost: gw:8443\r\n{kept}Via: 1.1 front\r\nx-forwarded-for: {ip}\r\nx-real-ip: {ip}\r\n\
             x-forwarded-proto: {proto}\r\nx-forwarded-host: {host}\r\nx-forwarded-port: {port}\r\n\
             forwarded: for={ip};host=\"{host}\";proto={proto}\r\n\r\n"
        );
        assert_eq!(seen(&mut client, &mut gateway, request).await, in_lower_case(&expected), "{fields}");
    }
    // A proxy on this machine that forgot its headers must not make the world local.
    let got = seen(&mut client, &mut gateway, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(got.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"), "{got}");
}

#[tokio::test]
async fn a_proxy_header_names_the_client() {
    let mut gateway = gateway().answering(OK).await;
    let announced = |config: &mut Config| config.listen.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()];
    let proxy = proxy().upstream(&gateway).config(announced).plain().start().await;
    let v2 = |source: [u8; 4]| {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
        bytes.extend(source);
        bytes.extend([127, 0, 0, 1, 0x9c, 0x40, 0x20, 0xfb]);
        bytes
    };
    let unnamed = |command: u8, family: u8, body: &[u8]| {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        bytes.extend([command, family, 0, u8::try_from(body.len()).unwrap()]);
        bytes.extend(body);
        bytes
    };
    let loopback = [127, 0, 0, 1, 127, 0, 0, 1, 0x9c, 0x40, 0x20, 0xfb];
    let rows: &[(&str, Vec<u8>, &str)] = &[
        ("v1", b"PROXY TCP4 203.0.113.7 127.0.0.1 4000 8443\r\n".to_vec(), "203.0.113.7"),
        ("v1 over IPv6", b"PROXY TCP6 2001:db8::7 ::1 4000 8443\r\n".to_vec(), "2001:db8::7"),
        ("v2", v2([203, 0, 113, 7]), "203.0.113.7"),
        // Another machine's loopback is not ours.
        ("v1 loopback", b"PROXY TCP4 127.0.0.1 127.0.0.1 4000 8443\r\n".to_vec(), "127.0.0.1"),
        ("v2 loopback", v2([127, 0, 0, 1]), "127.0.0.1"),
        // A client that is announced without a name may be any client: what is known is the proxy, which is no browser
        // on this machine.
        ("v1 unknown", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        ("v1 unknown, addressed", b"PROXY UNKNOWN ::1 ::1 1 2\r\n".to_vec(), "127.0.0.1"),
        ("v2 local", unnamed(0x20, 0x00, &[]), "127.0.0.1"),
        ("v2 local, addressed", unnamed(0x20, 0x11, &loopback), "127.0.0.1"),
        ("v2 unspecified", unnamed(0x21, 0x00, &[]), "127.0.0.1"),
        ("v2 unspecified, addressed", unnamed(0x21, 0x00, &loopback), "127.0.0.1"),
        ("v2 unix", unnamed(0x21, 0x31, &[b'/'; 216]), "127.0.0.1"),
        ("v2 unix datagrams", unnamed(0x21, 0x32, &[0; 216]), "127.0.0.1"),
    ];
    let request = "GET / HTTP/1.1\r\nHost: localhost:8443\r\n\r\n";
    for tls in [true, false] {
        let proto = if tls { "https" } else { "http" };
        for (name, header, ip) in rows {
            let mut client = if tls {
                let mut stream = proxy.silent().await;
                tokio::io::AsyncWriteExt::write_all(&mut stream, header).await.unwrap();
                let config = proxy.trust().offering(&["http/1.1"]);
                Wire::new(crate::harness::handshake(stream, config, "localhost").await.unwrap())
            } else {
                let mut client = proxy.plain_client().await;
                client.send(header).await;
                client
            };
            let added = format!(
                "x-forwarded-for: {ip}\r\nx-real-ip: {ip}\r\nx-forwarded-proto: {proto}\r\n\
                 x-forwarded-host: localhost:8443\r\nx-forwarded-port: 8443\r\n"
            );
            let expected = format!("GET / HTTP/1.1\r\nHost: localhost:8443\r\n{added}\r\n");
            assert_eq!(seen(&mut client, &mut gateway, request).await, in_lower_case(&expected), "{name} {proto}");
        }
    }
    for (name, header, _) in &rows[5..] {
        let mut stream = proxy.silent().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, header).await.unwrap();
        let config = proxy.trust().offering(&["h2"]);
        let stream = crate::harness::handshake(stream, config, "localhost").await.unwrap();
        let mut client = crate::harness::Http2::over(stream).await;
        assert_eq!(client.get("https://localhost:8443/").await.status, 200, "{name}");
        let seen = gateway.request().await;
        assert_eq!(seen.field("x-forwarded-for").as_deref(), Some("127.0.0.1"), "{name} over h2: {}", seen.text());
    }
    // A family that does not exist, or addresses that are too short for theirs, are no header at all.
    for header in [unnamed(0x21, 0x41, &loopback), unnamed(0x21, 0x11, &[127, 0, 0, 1]), unnamed(0x21, 0x31, &[0; 8])] {
        let mut client = proxy.plain_client().await;
        client.send([header.as_slice(), request.as_bytes()].concat()).await;
        assert!(client.rest().await.0.is_empty(), "{header:?}");
    }
    // A peer from which a header is expected and that sends none is not served: its words could be a forged header's.
    let mut client = proxy.plain_client().await;
    client.send(request).await;
    assert!(client.rest().await.0.is_empty());
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn a_proxy_header_that_is_not_expected_is_no_http() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send("PROXY TCP4 203.0.113.7 127.0.0.1 4000 8443\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 400);
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn a_plain_listener_says_http() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).plain().start().await;
    let mut client = proxy.plain_client().await;
    let got = seen(&mut client, &mut gateway, "GET / HTTP/1.1\r\nHost: gw\r\n\r\n").await;
    assert_eq!(
        got,
        "GET / HTTP/1.1\r\nhost: gw\r\nx-forwarded-for: 127.0.0.1\r\nx-real-ip: 127.0.0.1\r\nx-forwarded-proto: http\r\n\
         x-forwarded-host: gw\r\nx-forwarded-port: 80\r\n\r\n"
    );
    let got = seen(&mut client, &mut gateway, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(got, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
}

#[tokio::test]
async fn a_client_of_a_unix_socket_is_unknown_unless_it_is_named() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).unix().start().await;
    let mut client = proxy.unix_client().await;
    for (field, ip, proto) in [
        ("", "unknown", "http"),
        ("X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n", "203.0.113.7", "https"),
    ] {
        let got =
            seen(&mut client, &mut gateway, format!("GET / HTTP/1.1\r\nHost: localhost:8443\r\n{field}\r\n")).await;
        assert_eq!(
            got,
            format!(
                "GET / HTTP/1.1\r\nhost: localhost:8443\r\nx-forwarded-for: {ip}\r\nx-real-ip: {ip}\r\n\
                 x-forwarded-proto: {proto}\r\nx-forwarded-host: localhost:8443\r\nx-forwarded-port: 8443\r\n\r\n"
            )
        );
    }
}

#[tokio::test]
async fn the_same_rules_hold_over_http2() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.http2().await;
    let rows = [
        (
            "a local client",
            Request::get("https://localhost:8443/a?b").header("x-a", "1").header("x-b", "2").body(empty()),
            "GET /a?b HTTP/1.1\r\nhost: localhost:8443\r\nx-a: 1\r\nx-b: 2\r\n\r\n".to_owned(),
        ),
        (
            "a name that is not local, with what it forged",
            Request::get("https://localhost.localdomain/")
                .header("x-forwarded-for", "1.1.1.1")
                .header("x-b", "2")
                .body(empty()),
            String::new(),
        ),
        (
            "cookies in several fields are one",
            Request::get("https://localhost/")
                .header("cookie", "a=1")
                .header("x", "1")
                .header("cookie", "b=2")
                .body(empty()),
            "GET / HTTP/1.1\r\nhost: localhost\r\ncookie: a=1; b=2\r\nx: 1\r\n\r\n".to_owned(),
        ),
        (
            "trailers are asked for",
            Request::get("https://localhost/").header("te", "trailers").body(empty()),
            "GET / HTTP/1.1\r\nhost: localhost\r\nte: trailers\r\n\r\n".to_owned(),
        ),
        (
            "a body with a length",
            Request::post("https://localhost/").header("content-length", "5").body(full("hello")),
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello".to_owned(),
        ),
    ];
    for (name, request, expected) in rows {
        let answer = client.ask(request.unwrap()).await;
        if expected.is_empty() {
            assert_eq!(answer.status, 421, "{name}: the certificate is not for that name");
        } else {
            assert_eq!(answer.status, 200, "{name}");
            assert_eq!(gateway.request().await.text(), expected, "{name}");
        }
    }
    let answer = client
        .ask(
            Request::get("https://127.0.0.1/")
                .header("x-forwarded-for", "1.1.1.1")
                .header("x-b", "2")
                .body(empty())
                .unwrap(),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        gateway.request().await.text(),
        format!("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-b: 2\r\n{}\r\n", told("127.0.0.1", "443"))
    );
}

#[tokio::test]
async fn what_another_host_in_the_target_says_is_not_passed_on() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let rows = [
        ("two Hosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        ("no Host", "GET / HTTP/1.1\r\n\r\n", 400),
        ("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("another Host in the target", "GET https://other/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        ("another scheme in the target", "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 421),
        ("an absolute target without Host", "GET https://localhost/ HTTP/1.1\r\n\r\n", 400),
        ("CONNECT", "CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n", 405),
    ];
    for (name, request, expected) in rows {
        let mut client = proxy.client().await;
        client.send(request).await;
        let response = client.response().await;
        assert_eq!(response.status(), expected, "{name}: {}", response.text());
        assert!(response.field("x-request-id").is_some(), "{name}: {}", response.text());
    }
    assert_eq!(gateway.unexpected(), None);
}
