//! Log lines, as the real program prints them.

use frontgate::config::Config;
use http::Request;
use serde_json::{Value, json};

use crate::harness::{Frame2, binary, empty, gateway, proxy};
use crate::websocket::peer::{UPGRADE, switched};
use crate::websocket::scene::{EVERY, scene_of_binary};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The fields of `line` that `expected` has.
fn has(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
}

#[tokio::test]
async fn every_request_is_one_line() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).start().await;
    let mut one = proxy.client().await;
    one.send("POST /a?b=1 HTTP/1.1\r\nHost: localhost:1\r\nUser-Agent: me\r\nContent-Length: 3\r\n\r\nabc").await;
    let id = one.response().await.field("x-request-id").unwrap();
    let line = proxy.access().await;
    has(
        &line,
        &json!({
            "level": "INFO", "message": "request", "id": id, "client": "127.0.0.1", "method": "POST", "host": "localhost:1",
            "target": "/a?b=1", "protocol": "h1", "tls": "1.3", "status": 200, "bytes_in": 3, "bytes_out": 2, "ended": "done",
            "from": "gateway", "user_agent": "me"
        }),
    );
    assert!(
        line["duration_ms"].is_number() && line["upstream_ms"].is_number() && line["timestamp"].is_string(),
        "{line}"
    );

    let answer = proxy.http2().await.get("https://localhost/h2").await;
    let expected = json!({
        "id": answer.headers["x-request-id"].to_str().unwrap(), "method": "GET", "host": "localhost", "target": "/h2",
        "protocol": "h2", "status": 200, "ended": "done"
    });
    has(&proxy.access().await, &expected);

    // Nothing else is a request's line.
    drop(one);
    assert!(proxy.terminate().await.success());
    let requests = proxy.printed.iter().filter(|line| line.contains(r#""message":"request""#)).count();
    assert_eq!(requests, 2, "{:#?}", proxy.printed);
}

#[tokio::test]
async fn the_id_on_the_page_is_the_one_in_the_field_and_in_the_line() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut proxy = binary().config(&format!("upstream: http://127.0.0.1:{port}")).config("hold: off").start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n").await;
    let page = client.response().await;
    let id = page.field("x-request-id").unwrap();
    let body: Value = serde_json::from_slice(&page.body).unwrap();
    assert_eq!(body["error"]["request_id"], id);
    // The operator is told the address, the client is not.
    let warning = proxy.line(|line| line["level"] == "WARN").await;
    has(&warning, &json!({ "id": id, "failure": "gateway_not_running" }));
    assert!(warning["cause"].as_str().is_some_and(|cause| cause.contains(&port.to_string())), "{warning}");
    let expected = json!({
        "id": id, "status": 502, "failure": "gateway_not_running", "from": "frontgate", "ended": "done",
        "bytes_out": page.body.len()
    });
    has(&proxy.access().await, &expected);
}

#[tokio::test]
async fn a_request_that_could_not_be_read_has_a_line_too() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).config("timeouts: { request_head: 100ms }").start().await;
    for (bytes, status, failure) in [
        ("nonsense\r\n\r\n", 400, "bad_head"),
        ("GET / HTTP/1.1\r\nHo", 408, "request_timeout"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "two_hosts"),
    ] {
        let mut client = proxy.client().await;
        client.send(bytes).await;
        let page = client.response().await;
        let id = page.field("x-request-id").unwrap();
        assert!(page.body_text().contains(&format!("request: {id}\n")), "{}", page.text());
        has(&proxy.access().await, &json!({ "id": id, "status": status, "failure": failure, "from": "frontgate" }));
    }
}

#[tokio::test]
async fn a_client_that_vanished_and_an_answer_that_broke_off_are_told_apart() {
    let mut gateway = gateway()
        .playing(|mut connection| async move {
            let request = connection.request().await.unwrap();
            if request.target() != b"/waiting" {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nstart").await;
            }
            if request.target() != b"/breaks" {
                connection.rest().await;
            }
        })
        .await;
    let mut proxy = binary().upstream(&gateway).start().await;
    for (target, expected) in [
        ("/waiting", json!({ "target": "/waiting", "ended": "client_gone", "status": null })),
        ("/answered", json!({ "target": "/answered", "ended": "client_gone", "status": 200, "bytes_out": 5 })),
        ("/breaks", json!({ "target": "/breaks", "ended": "upstream_failed", "status": 200 })),
    ] {
        let mut one = proxy.client().await;
        one.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        gateway.request().await;
        if target == "/answered" {
            one.until(b"start").await;
        }
        if target == "/breaks" {
            one.rest().await;
        }
        drop(one);
        has(&proxy.access().await, &expected);

        let mut two = proxy.http2().await;
        let asked = two.send(Request::get(format!("https://localhost{target}")).body(empty()).unwrap());
        if target == "/waiting" {
            tokio::select! {
                _ = asked => panic!("no process answers"),
                _ = gateway.request() => {}
            }
        } else {
            let mut answer = asked.await;
            gateway.request().await;
            if let (Ok(answer), "/answered") = (&mut answer, target) {
                http_body_util::BodyExt::frame(answer).await.unwrap().unwrap();
            }
        }
        drop(two);
        has(&proxy.access().await, &expected);
    }
}

/// Wherever a secret travels, it is in no line: not of a request that is answered, refused, malformed or fails, at any
/// level.
#[tokio::test]
async fn no_secret_is_ever_printed() {
    const SECRET: &str = "s3cr3t";
    let gateway = gateway().answering(OK).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let fields = format!(
        "Authorization: Bearer {SECRET}\r\nCookie: token={SECRET}; a={SECRET}\r\nProxy-Authorization: Basic {SECRET}\r\n\
         Referer: https://localhost/?token={SECRET}#token={SECRET}\r\nSec-WebSocket-Protocol: x, {SECRET}\r\n\
         X-OpenClaw-Token: {SECRET}\r\n"
    );
    let targets = [
        format!("/?token={SECRET}"),
        format!("/chat?session=main&token={SECRET}&x=1"),
        format!("/?TOKEN={SECRET}"),
        format!("/?%74oken={SECRET}"),
        format!("/?bootstrapToken={SECRET}"),
        format!("/?access_token={SECRET}&password={SECRET}&code={SECRET}"),
        format!("/a;token={SECRET}/b"),
        format!("/?next=https%3A%2F%2Fx%2F%3Ftoken%3D{SECRET}"),
        format!("https://localhost/?token={SECRET}"),
    ];
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let down = format!("upstream: http://127.0.0.1:{free}");
    for (name, builder) in [("up", binary().upstream(&gateway)), ("down", binary().config(&down))] {
        let mut proxy = builder.config("log: { level: debug, format: json }").config("hold: 100ms").start().await;
        let mut sent = 0;
        for target in &targets {
            for extra in ["", upgrade, "X-Broken\r\n", "Host: twice\r\n"] {
                let mut one = proxy.client().await;
                one.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}{extra}\r\n")).await;
                one.response().await;
                sent += 1;
            }
            if target.starts_with('/') {
                let request = Request::get(format!("https://localhost{target}"))
                    .header("authorization", format!("Bearer {SECRET}"))
                    .header("cookie", format!("token={SECRET}"))
                    .header("referer", format!("https://localhost/?token={SECRET}"));
                proxy.http2().await.ask(request.body(empty()).unwrap()).await;
                sent += 1;
            }
        }
        // A fragment is refused; what was before it is logged.
        let mut one = proxy.client().await;
        one.send(format!("GET /#token={SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        assert_eq!(one.response().await.status(), 400);
        sent += 1;
        // A head that never ends, and one that is plain text on the TLS port.
        proxy.client().await.send(format!("GET /?token={SECRET} HT")).await;
        let mut plain = crate::harness::Wire::new(proxy.silent().await);
        plain.send(format!("GET /?token={SECRET} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
        assert_eq!(plain.response().await.status(), 308);
        sent += 1;

        drop((one, plain));
        proxy.terminate().await;
        let all = proxy.printed.join("\n");
        assert!(!all.contains(SECRET), "{name}: {:#?}", proxy.printed.iter().find(|line| line.contains(SECRET)));
        let requests = proxy.printed.iter().filter(|line| line.contains(r#""message":"request""#)).count();
        assert_eq!(requests, sent, "{name}: each has its line");
        assert!(all.contains("token=***"), "{name}: the name of what was hidden stays");
    }
}

#[tokio::test]
async fn access_lines_can_be_turned_off() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).config("log: { access: off }").start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 200);
    drop(client);
    proxy.terminate().await;
    assert!(!proxy.printed.iter().any(|line| line.contains("\"request\"")), "{:#?}", proxy.printed);
}

/// Rule 6: the answer passes as it is, and the operator reads what to change.
#[tokio::test]
async fn a_gateway_that_refuses_forwarded_clients_is_explained_to_its_operator() {
    let body = r#"{"ok":false,"error":{"code":"proxy_attribution_required"}}"#;
    let refusal = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let gateway = gateway().answering(refusal).await;
    let mut proxy = binary().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!((response.status(), response.body_text().as_str()), (403, body));
    }
    drop(client);
    proxy.terminate().await;
    let warnings: Vec<_> = proxy.printed.iter().filter(|line| line.contains("\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "one a minute: {warnings:#?}");
    assert!(warnings[0].contains("trustedProxies") && warnings[0].contains("127.0.0.1"), "{}", warnings[0]);
}

/// A person gets a page instead of the gateway's code for programs.
#[tokio::test]
async fn a_gateway_that_refuses_forwarded_clients_is_explained_to_a_person() {
    let refusal = r#"{"ok":false,"error":{"code":"proxy_attribution_required"}}"#;
    let other = r#"{"ok":false,"error":{"code":"forbidden"}}"#;
    let chunked = format!("transfer-encoding: chunked\r\n\r\n5\r\n{}\r\n{:x}\r\n", &refusal[..5], refusal.len() - 5);
    let unfinished = "content-length: 3000\r\n\r\n{\"ok\":".to_owned();
    let whole = |body: &str| format!("content-length: {}\r\n\r\n{body}", body.len());
    let person = "Sec-Fetch-Mode: navigate\r\nAccept: text/html,*/*;q=0.8\r\n";
    let rows = [
        (whole(refusal), person, None),
        (format!("{chunked}{}\r\n0\r\n\r\n", &refusal[5..]), person, None),
        (whole(refusal), "Accept: text/html\r\n", None),
        (whole(refusal), "Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n", Some(refusal)),
        (whole(refusal), "Accept: */*\r\n", Some(refusal)),
        (whole(other), person, Some(other)),
    ];
    let behind = |config: &mut Config| config.forwarded.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let far = "X-Forwarded-For: 192.0.2.9\r\n";
    for (answer, asks, expected) in rows {
        let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n{answer}");
        let gateway = gateway().answering(answer).await;
        let proxy = proxy().upstream(&gateway).config(behind).start().await;
        let mut client = proxy.client().await;
        client.send(format!("GET / HTTP/1.1\r\nHost: gw.example.com\r\n{far}{asks}\r\n")).await;
        let response = client.response().await;
        assert_eq!(response.status(), 403);
        let said = response.body_text();
        if let Some(expected) = expected {
            assert_eq!(said, expected, "{asks}");
        } else {
            assert!(said.contains("frontgate doctor --fix") && said.contains("trustedProxies"), "{asks}: {said}");
            assert!(!said.contains("127.0.0.1"), "where frontgate is concerns the log: {said}");
        }
    }
    // What the gateway does not finish is no page.
    let gateway =
        gateway().answering(format!("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n{unfinished}")).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send(format!("GET / HTTP/1.1\r\nHost: gw.example.com\r\n{person}\r\n")).await;
    let begun = client.until(b"{\"ok\":").await;
    assert!(begun.starts_with(b"HTTP/1.1 403"), "{}", begun.escape_ascii());
}

/// The gateway takes no client of its own machine from a proxy, so trust in frontgate would not help one that comes by a name.
#[tokio::test]
async fn a_person_on_the_gateways_machine_who_comes_by_a_name_is_told_to_open_localhost() {
    let refusal = r#"{"ok":false,"error":{"code":"proxy_attribution_required"}}"#;
    let length = refusal.len();
    let answer = format!(
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\ncontent-length: {length}\r\n\r\n{refusal}"
    );
    let gateway = gateway().answering(answer).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client
        .send("GET / HTTP/1.1\r\nHost: gw.example.com\r\nSec-Fetch-Mode: navigate\r\nAccept: text/html\r\n\r\n")
        .await;
    let response = client.response().await;
    let said = response.body_text();
    assert!(response.status() == 403 && said.contains("local_client_by_name"), "{said}");
    assert!(said.contains("<code>https://localhost</code>") && !said.contains("doctor --fix"), "{said}");
}

/// What a client can make a library warn of is one line a minute, which names the client.
#[tokio::test]
async fn what_a_library_warns_of_names_the_client() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).start().await;
    let mut client = proxy.raw_http2().await;
    for _ in 0..50 {
        client.unasked_pong().await;
    }
    client.ping().await;
    while client.frame().await != Frame2::Pong {}
    drop(client);
    proxy.terminate().await;
    let warnings: Vec<_> = proxy.printed.iter().filter(|line| line.contains("\"WARN\"")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let line: Value = serde_json::from_str(warnings[0]).unwrap();
    has(&line, &json!({ "client": "127.0.0.1", "level": "WARN" }));
    assert!(line["message"].as_str().unwrap().starts_with("recv PING ack that we never sent"), "{line}");
}

#[tokio::test]
async fn a_request_joins_the_trace_that_it_names_and_begins_one_if_it_is_to() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let valid = format!("traceparent: 00-{trace}-00f067aa0ba902b7-00\r\ntracestate: a=b\r\n");
    for (config, begins) in [("log: { trace: passed }", false), ("log: { trace: made }", true)] {
        let mut gateway = gateway().answering(OK).await;
        let mut proxy = binary().upstream(&gateway).config(config).start().await;
        let mut client = proxy.client().await;
        let mut ask = async |fields: &str| {
            client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
            assert_eq!(client.response().await.status(), 200);
            (gateway.request().await.text(), proxy.access().await["trace_id"].clone())
        };
        let (head, logged) = ask(&valid).await;
        assert!(head.contains(&valid), "{head}");
        assert_eq!(logged, trace);
        let (head, logged) = ask("traceparent: 00-nonsense\r\ntracestate: a=b\r\n").await;
        let begun = format!("traceparent: 00-{}-", logged.as_str().unwrap());
        assert!(head.contains(&begun) && !head.contains("nonsense") && !head.contains("tracestate"), "{head}");
        let (head, logged) = ask("").await;
        assert_eq!((head.contains("traceparent: 00-"), logged.is_string()), (begins, begins), "{head}");
    }
}

#[tokio::test]
async fn a_websocket_joins_the_trace_that_its_handshake_names() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for via in EVERY {
        let mut scene = scene_of_binary(&[]).await;
        let fields = format!("traceparent: 00-{trace}-00f067aa0ba902b7-00\r\nAccept:");
        let mut client = scene.connect(via).await;
        client.write(UPGRADE.replacen("Accept:", &fields, 1)).await;
        let mut gateway = scene.accept().await;
        let head = gateway.head().await;
        assert!(head.contains(&format!("traceparent: 00-{trace}-00f067aa0ba902b7-00\r\n")), "{head}");
        gateway.write(switched(&head)).await;
        assert!(client.head().await.starts_with("HTTP/1.1 101 "));
        drop(client);
        let line = scene.proxy.line(|line| line["message"] == "websocket").await;
        assert_eq!(line["trace_id"], trace);
        assert!(line["conn"].as_u64().is_some_and(|number| number > 0), "{line}");
    }
}
