//! What a route looks at besides host and path, and what it does besides forwarding.

use http::Request;

use super::{called, get, upgrade};
use crate::harness::{empty, gateway, proxy};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, SWITCHED};

/// A request with this method, target and fields.
fn ask(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: gw.example.com\r\n{fields}\r\n")
}

#[tokio::test]
async fn a_route_takes_what_all_its_matchers_hold_for() {
    let gateway = called("gateway").await;
    let routes = "
routes:
  - { path: { exact: /exact }, respond: { status: 200, body: exact } }
  - { path: { regex: '^/re(/|$)' }, respond: { status: 200, body: regex } }
  - { path: { prefix: /edge, edge: any }, respond: { status: 200, body: edge } }
  - { path: /case, ignore_case: true, respond: { status: 200, body: case } }
  - { path: /m, methods: [GET, PUT], respond: { status: 200, body: methods } }
  - { path: /f, from: [127.0.0.0/8], respond: { status: 200, body: from } }
  - { path: /g, from: [192.0.2.0/24], respond: { status: 200, body: from } }
  - { path: /h, headers: { X-Team: blue, X-Any: { present: true } }, respond: { status: 200, body: headers } }
  - { path: /q, query: { a: b, c: { regex: '^[0-9]+$' } }, respond: { status: 200, body: query } }
  - { path: /c, cookies: { theme: dark }, respond: { status: 200, body: cookies } }
  - { path: /n, not: [{ methods: [POST] }, { query: { a: b } }], respond: { status: 200, body: not } }
  - {}
";
    let proxy = proxy().upstream(&gateway).routes(routes).plain().start().await;
    for (method, target, fields, expected) in [
        ("GET", "/exact", "", "exact"),
        ("GET", "/x/../exact?a", "", "exact"),
        ("GET", "/exact/", "", "gateway"),
        ("GET", "/re/x", "", "regex"),
        ("GET", "/rex", "", "gateway"),
        ("GET", "/edged/x", "", "edge"),
        ("GET", "/CaSe/x", "", "case"),
        ("GET", "/m", "", "methods"),
        ("PUT", "/m", "Content-Length: 0\r\n", "methods"),
        ("POST", "/m", "Content-Length: 0\r\n", "gateway"),
        ("GET", "/f", "", "from"),
        ("GET", "/g", "", "gateway"),
        ("GET", "/h", "X-Team: blue\r\nX-Any: x\r\n", "headers"),
        ("GET", "/h", "X-Team: blue\r\n", "gateway"),
        ("GET", "/h", "X-Team: blue\r\nX-Team: red\r\nX-Any: x\r\n", "gateway"),
        ("GET", "/q?c=12&a=b", "", "query"),
        ("GET", "/q?c=12&%61=%62", "", "query"),
        ("GET", "/q?c=x&a=b", "", "gateway"),
        ("GET", "/q?c=12&a=b&a=c", "", "gateway"),
        ("GET", "/c", "Cookie: a=b; theme=dark\r\n", "cookies"),
        ("GET", "/c", "Cookie: theme=light\r\n", "gateway"),
        ("GET", "/n", "", "not"),
        ("POST", "/n", "Content-Length: 0\r\n", "gateway"),
        ("GET", "/n?a=b", "", "gateway"),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(ask(method, target, fields)).await;
        assert_eq!(client.response().await.body_text(), expected, "{method} {target} {fields}");
    }
    let mut http2 = proxy.http2().await;
    for (target, expected) in
        [("/exact", "exact"), ("/re", "regex"), ("/m", "methods"), ("/q?a=b&c=1", "query"), ("/", "gateway")]
    {
        assert_eq!(&http2.get(&format!("https://localhost{target}")).await.body[..], expected.as_bytes(), "{target}");
    }
    let pieces = Request::get("https://localhost/c").header("cookie", "a=b").header("cookie", "theme=dark");
    assert_eq!(&http2.ask(pieces.body(empty()).unwrap()).await.body[..], b"cookies");
}

#[tokio::test]
async fn no_spelling_of_a_path_or_query_gets_round_what_guards_it() {
    let mut gateway = called("gateway").await;
    let routes = "
routes:
  - { path: { regex: '^/admin(/|$)' }, respond: 403 }
  - { path: { exact: /setup }, from: [192.0.2.0/24] }
  - { path: /setup, respond: 403 }
  - { query: { debug: { present: true } }, respond: 403 }
  - { path: /m, methods: [GET], respond: 403 }
  - { path: /h, headers: { X-Debug: { present: true } }, respond: 403 }
  - {}
";
    let proxy = proxy().upstream(&gateway).routes(routes).plain().start().await;
    for (method, target, fields, expected) in [
        ("GET", "/admin", "", 403),
        ("GET", "/x/../admin/x", "", 403),
        ("GET", "/ADMIN/x", "", 400),
        ("GET", "/%2561dmin", "", 400),
        ("GET", "/admin;x", "", 400),
        ("GET", "//evil/admin", "", 400),
        ("GET", "/setup", "", 403),
        ("GET", "/setup/x", "", 403),
        ("GET", "/Setup", "", 400),
        ("GET", "/?debug", "", 403),
        ("GET", "/?d%65bug=1", "", 403),
        ("GET", "/?DEBUG=1", "", 400),
        ("GET", "/?debug[]=1", "", 400),
        ("GET", "/?a;debug", "", 400),
        ("GET", "/?a=b%26debug", "", 400),
        ("GET", "/%3fdebug", "", 400),
        ("GET", "/m", "", 403),
        ("HEAD", "/m", "", 400),
        ("get", "/m", "", 400),
        ("GET", "/h", "X-Debug: 1\r\n", 403),
        ("GET", "/h", "X_Debug: 1\r\n", 400),
        ("GET", "/h", "X-Debugs: 1\r\n", 200),
        ("GET", "/?debugger", "", 200),
        ("POST", "/m", "Content-Length: 0\r\n", 200),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(ask(method, target, fields)).await;
        let answer = if method == "HEAD" { client.response_to_head().await } else { client.response().await };
        assert_eq!(answer.status(), expected, "{method} {target} {fields}");
        if expected == 200 {
            assert_eq!(gateway.request().await.target(), target.as_bytes());
        }
    }
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw.example.com", "/ADMIN/ws", "")).await;
    assert_eq!(client.response().await.status(), 400, "for a WebSocket");
    let mut client = proxy.plain_client().await;
    client.send(get("gw.example.com", &format!("/{}", "x".repeat(9000)))).await;
    assert_eq!(client.response().await.status(), 414, "an expression looks at no more");
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn only_clients_that_are_allowed_pass() {
    let mut gateway = called("gateway").await;
    let routes = "
allow: [192.0.2.0/24]
deny: [192.0.2.9]
routes:
  - { path: /open, allow: [\"0.0.0.0/0\", \"::/0\"] }
  - { path: /here, allow: [127.0.0.1] }
  - { path: /not-here, allow: [\"0.0.0.0/0\"], deny: [127.0.0.0/8] }
  - { path: /said, respond: { status: 200, body: said } }
  - {}
";
    let trusting = |config: &mut frontgate::config::Config| {
        config.forwarded.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let proxy = proxy().upstream(&gateway).routes(routes).config(trusting).plain().start().await;
    for (target, client_address, expected) in [
        ("/", "", 403),
        ("/", "192.0.2.7", 200),
        ("/", "192.0.2.9", 403),
        ("/", "198.51.100.1", 403),
        ("/open", "", 200),
        ("/open", "198.51.100.1", 200),
        ("/open", "192.0.2.9", 403),
        ("/here", "", 200),
        ("/here", "192.0.2.7", 403),
        ("/not-here", "", 403),
        ("/not-here", "198.51.100.1", 200),
        ("/said", "198.51.100.1", 403),
        ("/here/../open", "", 400),
        ("/not-here;x", "192.0.2.7", 400),
    ] {
        let fields =
            if client_address.is_empty() { String::new() } else { format!("X-Forwarded-For: {client_address}\r\n") };
        let mut client = proxy.plain_client().await;
        client.send(ask("GET", target, &fields)).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), expected, "{target} {client_address}");
        if expected == 200 {
            gateway.request().await;
        } else if expected == 403 {
            assert!(answer.body_text().contains("client_not_allowed"), "{}", answer.text());
        }
    }
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw.example.com", "/", "")).await;
    assert_eq!(client.response().await.status(), 403, "for a WebSocket");
    assert_eq!(proxy.http2().await.get("https://localhost/").await.status, 403);
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn a_prefix_is_cut_from_the_target_and_the_rest_stays_as_it_is() {
    let mut gateway = gateway()
        .answering("HTTP/1.1 302 Found\r\nLocation: /app/x\r\nSet-Cookie: a=b; Path=/app\r\nContent-Length: 0\r\n\r\n")
        .await;
    let routes = "
routes:
  - { path: /app/admin, respond: 403 }
  - { path: /app, strip_prefix: /app }
";
    let proxy = proxy().upstream(&gateway).routes(routes).plain().start().await;
    for (target, expected) in [
        ("/app", "/"),
        ("/app/", "/"),
        ("/app?a=%2F", "/?a=%2F"),
        ("/app/x%20y/?a/b", "/x%20y/?a/b"),
        ("/app/app/x", "/app/x"),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(get("gw.example.com", target)).await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.field("location").as_deref()), (302, Some("/app/x")), "{target}");
        assert_eq!(answer.field("set-cookie").as_deref(), Some("a=b; Path=/app"));
        assert_eq!(gateway.request().await.target(), expected.as_bytes(), "{target}");
    }
    for (target, expected) in [
        ("/%61pp/x", 400),
        ("//app/x", 400),
        ("/x/../app/y", 400),
        ("/app/admin", 403),
        ("/app/x/../admin", 403),
        // What is left is `//evil/admin`, which some take for /admin.
        ("/app//evil/admin", 400),
        ("/application", 404),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(get("gw.example.com", target)).await;
        assert_eq!(client.response().await.status(), expected, "{target}");
    }
    assert_eq!(gateway.unexpected(), None);
}

#[tokio::test]
async fn a_websocket_behind_a_prefix_opens() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            let target = String::from_utf8_lossy(connection.request().await.unwrap().target()).into_owned();
            connection.send([SWITCHED.as_bytes(), &Frame::text(&target).bare()].concat()).await;
            connection.closed().await;
        })
        .await;
    let routes = "routes: [{ path: /claw, methods: [GET], from: [127.0.0.0/8], strip_prefix: /claw }]";
    let proxy = proxy().upstream(&gateway).routes(routes).plain().start().await;
    let mut client = Peer::new(crate::harness::dial(proxy.plain.expect("a plain listener")).await);
    client.write(upgrade("gw.example.com", "/claw/ws?token=x", "")).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    client.expect(Frame::text("/ws?token=x").bare()).await;
    client.vanish();
}

#[tokio::test]
async fn a_redirect_is_made_of_the_request_and_leads_to_no_other_host() {
    let gateway = called("gateway").await;
    let routes = "
routes:
  - { path: { regex: '^/old/(.*)$' }, redirect: { to: \"/new/$1?{query}\", status: 301 } }
  - { path: { regex: '^/go(?P<rest>.*)$' }, redirect: \"https://other.example${rest}\" }
  - { path: /host, redirect: { to: \"{scheme}://www.{host}{uri}\", status: 308 } }
  - { path: { regex: '^/bare/(.*)$' }, redirect: \"/$1\" }
";
    let proxy = proxy().upstream(&gateway).routes(routes).plain().start().await;
    for (target, status, expected) in [
        ("/old/a%20b?c=d", 301, "/new/a%20b?c=d"),
        ("/go.evil.example", 302, "https://other.example/.evil.example"),
        ("/host/a?b", 308, "http://www.gw.example.com/host/a?b"),
        ("/bare/%5cevil.example", 302, "/evil.example"),
        ("/bare//evil.example", 302, "/evil.example"),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(get("gw.example.com:8443", target)).await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.field("location").as_deref()), (status, Some(expected)), "{target}");
        assert_eq!((answer.field("cache-control").as_deref(), answer.body.len()), (Some("no-store"), 0));
    }
    let answer = proxy.http2().await.get("https://localhost/host/x").await;
    assert_eq!(answer.headers["location"], "https://www.localhost/host/x");
}

#[tokio::test]
async fn a_444_closes_the_connection_without_a_byte() {
    let gateway = called("gateway").await;
    let proxy = proxy().upstream(&gateway).routes("routes: [{ path: /gone, respond: 444 }, {}]").plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send(get("gw.example.com", "/gone")).await;
    let (bytes, _) = client.rest().await;
    assert_eq!(bytes, b"");
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw.example.com", "/gone", "")).await;
    assert_eq!(client.rest().await.0, b"", "for a WebSocket");
    // Over HTTP/2 only the stream ends.
    let mut http2 = proxy.http2().await;
    let request = Request::get("https://localhost/gone").body(empty()).unwrap();
    assert!(http2.send(request).await.is_err());
    assert_eq!(http2.get("https://localhost/").await.status, 200);
}

#[tokio::test]
async fn a_named_listener_has_the_routes_that_name_it_and_no_others() {
    let gateway = called("gateway").await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("f.sock");
    let routes = format!(
        "
listen: {{ plain: [{{ address: \"unix:{}\", name: internal }}] }}
routes:
  - {{ path: /admin, listener: internal, respond: {{ status: 200, body: admin }} }}
  - {{ path: /both, respond: {{ status: 200, body: outside }} }}
  - {{ path: /both, listener: [internal], respond: {{ status: 200, body: inside }} }}
",
        socket.display()
    );
    let proxy = proxy().upstream(&gateway).routes(&routes).plain().start().await;
    for (inside, target, status, body) in [
        (true, "/admin", 200, "admin"),
        (true, "/both", 200, "inside"),
        (true, "/", 404, ""),
        (false, "/admin", 404, ""),
        (false, "/both", 200, "outside"),
    ] {
        let mut client = if inside { proxy.unix_client().await } else { proxy.plain_client().await };
        client.send(get("gw.example.com", target)).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), status, "{target}");
        assert!(body.is_empty() || answer.body_text() == body, "{target}: {}", answer.text());
    }
    assert_eq!(proxy.http2().await.get("https://localhost/admin").await.status, 404);
}
