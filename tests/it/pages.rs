//! What a client gets when there is no answer to pass on.

use std::time::Duration;

use frontgate::config::{BindAddr, Config, UpstreamAddress};
use http::Request;
use serde_json::Value;

use crate::harness::{Message, Reserved, Wire, empty, gateway, proxy};
use crate::websocket::peer::UPGRADE;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

async fn ask(client: &mut Wire, request: impl AsRef<[u8]>) -> Message {
    client.send(request).await;
    client.response().await
}

/// The page's code, as text has it.
fn code(page: &Message) -> String {
    let body = page.body_text();
    body.lines().find_map(|line| line.strip_prefix("code: ")).unwrap_or_else(|| panic!("{}", page.text())).to_owned()
}

#[tokio::test]
async fn a_gateway_that_is_not_running_is_said_in_the_form_that_is_read() {
    // A port at which no program listens, and a socket that is not there.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let http = UpstreamAddress::Http { host: "127.0.0.1".into(), port: free };
    for upstream in [http, UpstreamAddress::Unix(folder.path().join("none.sock"))] {
        let proxy = proxy().config(|config| (config.upstream, config.hold) = (upstream, None)).start().await;
        let mut client = proxy.client().await;
        let mut get =
            async |accept: &str| ask(&mut client, format!("GET / HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n")).await;
        let html = get("Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n").await;
        assert_eq!(html.status(), 502);
        assert_eq!(html.field("content-type").as_deref(), Some("text/html; charset=utf-8"));
        let id = html.field("x-request-id").unwrap();
        let page = html.body_text();
        assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"), "{page}");
        assert!(page.contains("The gateway is not running") && page.contains(&id), "{page}");

        let json = get("Accept: application/json\r\n").await;
        assert_eq!(json.field("content-type").as_deref(), Some("application/json"));
        let body: Value = serde_json::from_slice(&json.body).unwrap();
        assert_eq!(body["error"]["code"], "gateway_not_running");
        assert_eq!(body["error"]["request_id"].as_str(), json.field("x-request-id").as_deref());

        let text = get("").await;
        assert_eq!(text.field("content-type").as_deref(), Some("text/plain; charset=utf-8"));
        assert!(text.body_text().contains(&format!("request: {}\n", text.field("x-request-id").unwrap())));
        for page in [html, json, text] {
            assert_eq!(page.field("cache-control").as_deref(), Some("no-store"));
            assert!(!page.text().contains(&free.to_string()), "where the gateway is concerns the log: {}", page.text());
        }
        client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(client.response_to_head().await.status(), 502);
        assert_eq!(proxy.http2().await.get("https://localhost/").await.status, 502);
    }
}

#[tokio::test]
async fn what_the_gateway_should_not_have_said_is_a_502() {
    let rows = [
        ("nothing", "", "gateway_closed"),
        ("half a head", "HTTP/1.1 200 OK\r\nX: ", "gateway_closed"),
        ("another protocol", "SSH-2.0-OpenSSH_9\r\n\r\n", "gateway_nonsense"),
        ("TLS", "\x15\x03\x01\0\x02\x02\x46", "gateway_nonsense"),
        ("HTTP/0.9", "<html>hello</html>\r\n\r\n", "gateway_nonsense"),
        ("a field that is none", "HTTP/1.1 200 OK\r\nX-A\r\n\r\n", "gateway_nonsense"),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "gateway_nonsense"),
        ("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", "gateway_nonsense"),
        (
            "a 101 without an upgrade",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "gateway_unasked_upgrade",
        ),
    ];
    for (name, answer, expected) in rows {
        let gateway = gateway()
            .playing(move |mut connection| async move {
                connection.request().await;
                connection.send(answer).await;
            })
            .await;
        let proxy = proxy().upstream(&gateway).config(|config| config.hold = None).start().await;
        let mut client = proxy.client().await;
        let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!((page.status(), code(&page).as_str()), (502, expected), "{name}");
    }
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_a_504() {
    let gateway = gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.rest().await;
        })
        .await;
    let short = |config: &mut Config| config.timeouts.read = Some(Duration::from_millis(100));
    let proxy = proxy().upstream(&gateway).config(short).start().await;
    let mut client = proxy.client().await;
    let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((page.status(), code(&page).as_str()), (504, "gateway_read_timeout"));
    assert_eq!(proxy.http2().await.get("https://localhost/").await.status, 504);
}

#[tokio::test]
async fn a_gateway_that_accepts_and_never_shakes_hands_is_a_504() {
    // The gateway listens and says nothing: TLS is a part of connecting.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let proxy = proxy()
        .config(|config| {
            config.upstream = UpstreamAddress::Https { host: "127.0.0.1".into(), port };
            config.timeouts.connect = Some(Duration::from_millis(100));
        })
        .start()
        .await;
    let mut client = proxy.client().await;
    let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((page.status(), code(&page).as_str()), (504, "gateway_connect_timeout"));
}

#[tokio::test]
async fn a_gateway_whose_certificate_is_not_trusted_is_a_502() {
    let gateway = gateway().over_tls().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((page.status(), code(&page).as_str()), (502, "gateway_tls_failed"));
}

#[tokio::test]
async fn a_gateway_with_an_unknown_name_is_a_502() {
    // No resolver is asked about a label of more than 63 letters (RFC 1035 §2.3.4).
    let nowhere = UpstreamAddress::Http { host: "a".repeat(64), port: 1 };
    let proxy = proxy().config(|config| config.upstream = nowhere).start().await;
    let mut client = proxy.client().await;
    let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((page.status(), code(&page).as_str()), (502, "gateway_not_found"));
    let said = page.body_text();
    assert!(said.contains("no DNS server answers") && said.contains("getent hosts"), "{said}");
}

/// All that wait are told why, and not only the one that has looked.
#[tokio::test]
async fn every_request_that_waits_for_a_name_is_told_that_it_has_no_address() {
    let nowhere = UpstreamAddress::Http { host: "a".repeat(64), port: 1 };
    let short = |config: &mut Config| {
        (config.upstream, config.hold) = (nowhere, Some(Duration::from_millis(300)));
    };
    let proxy = proxy().config(short).start().await;
    let asked = (0..5).map(async |_| {
        let mut client = proxy.client().await;
        let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        code(&page)
    });
    let codes = futures_util::future::join_all(asked).await;
    assert_eq!(codes, ["gateway_not_found"; 5]);
}

#[tokio::test]
async fn a_gateway_whose_name_leads_back_is_a_508_and_no_loop() {
    let reserved = Reserved::new();
    let address = reserved.address;
    drop(reserved);
    let proxy = proxy()
        .config(|config| {
            config.upstream = UpstreamAddress::Http { host: "localhost".into(), port: address.port() };
            config.listen.plain = vec![BindAddr::Tcp(address).into()];
        })
        .start()
        .await;
    let mut client = proxy.client().await;
    let page = ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!((page.status(), code(&page).as_str()), (508, "gateway_is_frontgate"));
    let refused = ask(&mut client, UPGRADE).await;
    assert!(refused.status() == 508 && refused.body_text().contains("gateway_is_frontgate"), "{}", refused.text());
    assert_eq!(proxy.http2().await.get("https://localhost/").await.status, 508);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_413() {
    let mut gateway = gateway().answering(OK).await;
    let limited = |config: &mut Config| config.limits.request_body = Some(10);
    let proxy = proxy().upstream(&gateway).config(limited).start().await;
    let rows = [
        ("announced", "Content-Length: 11\r\n\r\n"),
        ("announced and sent", "Content-Length: 11\r\n\r\nhello world"),
        ("in one chunk", "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"),
        ("in two chunks", "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n"),
    ];
    for (name, rest) in rows {
        let mut client = proxy.client().await;
        let page = ask(&mut client, format!("POST / HTTP/1.1\r\nHost: localhost\r\n{rest}")).await;
        assert_eq!((page.status(), code(&page).as_str()), (413, "body_too_large"), "{name}");
        assert!(gateway.unexpected().is_none_or(|request| !request.complete), "{name}");
    }
    for rest in
        ["Content-Length: 10\r\n\r\nhello worl", "Transfer-Encoding: chunked\r\n\r\na\r\nhello worl\r\n0\r\n\r\n"]
    {
        let mut client = proxy.client().await;
        let answer = ask(&mut client, format!("POST / HTTP/1.1\r\nHost: localhost\r\n{rest}")).await;
        assert_eq!(answer.status(), 200, "{rest}: {}", answer.text());
    }
    let mut two = proxy.http2().await;
    let answer = two.ask(Request::post("https://localhost/").body(crate::harness::full("hello world")).unwrap()).await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_a_431_and_a_target_beyond_the_parsers_a_414() {
    let mut gateway = gateway().answering(OK).await;
    let roomy = |config: &mut Config| config.limits.request_head = 256 * 1024;
    let (normal, roomy) =
        (proxy().upstream(&gateway).start().await, proxy().upstream(&gateway).config(roomy).start().await);
    let get = |target: &str, fields: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let large = |size: usize| format!("X-A: {}\r\n", "a".repeat(size));
    let many = |count: usize| "X-A: 1\r\n".repeat(count);
    let rows = [
        ("60 KiB", &normal, get("/", &large(60 * 1024)), 200, ""),
        ("70 KiB", &normal, get("/", &large(70 * 1024)), 431, "head_too_large"),
        ("70 KiB where more is allowed", &roomy, get("/", &large(70 * 1024)), 200, ""),
        ("100 fields", &normal, get("/", &many(99)), 200, ""),
        ("5,000 fields", &normal, get("/", &many(5_000)), 200, ""),
        ("a target of 60 KiB", &normal, get(&format!("/{}", "a".repeat(60 * 1024)), ""), 200, ""),
        ("a target of 70 KiB", &roomy, get(&format!("/{}", "a".repeat(70 * 1024)), ""), 414, "target_too_long"),
    ];
    for (name, proxy, request, status, expected) in rows {
        let mut client = proxy.client().await;
        // The request of a client that is refused may not be read to the end.
        let _ = client.try_send(request).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), status, "{name}: {}", answer.head());
        if status == 200 {
            gateway.request().await;
        } else {
            assert_eq!(code(&answer), expected, "{name}");
            assert!(answer.field("x-request-id").is_some(), "{name}");
        }
    }
    assert_eq!(gateway.unexpected(), None);
    let mut two = normal.http2().await;
    let large = Request::get("https://localhost/").header("x-a", "a".repeat(70 * 1024)).body(empty()).unwrap();
    assert!(two.send(large).await.is_ok_and(|answer| answer.status() == 431));
}

#[tokio::test]
async fn an_http2_request_for_another_name_is_a_421() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.http2().await;
    let answer = client.get("https://other.example/").await;
    assert_eq!(answer.status, 421);
    assert!(String::from_utf8_lossy(&answer.body).contains("code: misdirected\n"));
    assert_eq!(gateway.unexpected(), None);
    for name in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8443"] {
        assert_eq!(client.get(&format!("https://{name}/")).await.status, 200, "{name} is in the certificate");
    }
}

#[tokio::test]
async fn connect_is_not_served() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    for target in ["localhost:443", "other.example:443", "127.0.0.1:1"] {
        let mut client = proxy.client().await;
        let page = ask(&mut client, format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")).await;
        assert_eq!((page.status(), code(&page).as_str()), (405, "connect_not_served"), "{target}");
        assert!(page.field("allow").is_some());
    }
    assert_eq!(gateway.connections(), 0);
}

#[tokio::test]
async fn a_page_leaves_the_connection_usable() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        let page = ask(&mut client, "GET /#a HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(page.status(), 400);
        assert_eq!(ask(&mut client, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status(), 200);
    }
}
