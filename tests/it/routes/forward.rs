//! A login service that is asked about each request.

use super::{called, upgrade};
use crate::harness::{Gateway, Message, binary, empty, gateway, proxy};
use crate::websocket::peer::SWITCHED;

/// A login service that knows the cookie `login=ann`, sends others to its page, and answers what a path asks for.
async fn service() -> Gateway {
    gateway()
        .playing(|mut connection| async move {
            while let Some(request) = connection.request().await {
                let answer = verdict(&request);
                connection.send(answer).await;
            }
        })
        .await
}

fn verdict(request: &Message) -> String {
    let target = request.field("x-forwarded-uri").unwrap_or_default();
    let empty = "Content-Length: 0\r\n\r\n";
    if let Some(status) = target.strip_prefix("/status/") {
        return format!("HTTP/1.1 {status} Status\r\nRemote-User: mallory\r\n{empty}");
    }
    if request.field("cookie").is_some_and(|cookie| cookie.contains("login=ann")) {
        return format!(
            "HTTP/1.1 200 OK\r\nRemote-User: ann@example.com\r\nRemote-Groups: a\r\nRemote-Groups: b\r\n\
             X-Other: not copied\r\nSet-Cookie: login=ann; Path=/\r\n{empty}"
        );
    }
    if request.field("accept").is_some_and(|accept| accept.contains("json")) {
        return "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".to_owned();
    }
    format!(
        "HTTP/1.1 302 Found\r\nLocation: https://id.example.com/?rd=x\r\nSet-Cookie: state=1\r\nKeep-Alive: x\r\n{empty}"
    )
}

fn routes(service: &Gateway, more: &str) -> String {
    format!(
        "
routes:
  - path: /
    auth:
      forward: {{ url: \"{}/api/authz?a=b\", answer_headers: [Remote-User, Remote-Groups]{more} }}
      user_header: X-Forwarded-User
",
        service.upstream
    )
}

fn ask(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gw.example.com\r\n{fields}\r\n")
}

const ANN: &str = "Cookie: a=1; login=ann\r\n";

#[tokio::test]
async fn the_service_is_asked_without_the_body_and_its_user_goes_to_the_gateway() {
    let (mut gateway, mut service) = (called("one").await, service().await);
    let proxy = proxy().upstream(&gateway).routes(&routes(&service, "")).plain().start().await;
    let mut client = proxy.plain_client().await;
    let forged = "Remote-User: root\r\nremote_groups: admin\r\nX-Forwarded-User: root\r\nX-Forwarded-Uri: /public\r\n\
                  X-Original-URL: https://other/\r\nX-Forwarded-For: 10.0.0.1\r\nIf-None-Match: x\r\n";
    client
        .send(format!("POST /a/../b?c=%2F HTTP/1.1\r\nHost: gw.example.com:8443\r\n{ANN}{forged}Content-Type: text/x\r\nContent-Length: 4\r\n\r\nbody"))
        .await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.field("set-cookie").as_deref()), (200, Some("login=ann; Path=/")));
    let asked = service.request().await;
    assert_eq!(asked.first_line(), b"GET /api/authz?a=b HTTP/1.1");
    for (name, value) in [
        ("x-forwarded-method", Some("POST")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-host", Some("gw.example.com:8443")),
        ("x-forwarded-uri", Some("/a/../b?c=%2F")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("x-original-method", Some("POST")),
        ("x-original-url", Some("http://gw.example.com:8443/a/../b?c=%2F")),
        ("cookie", Some("a=1; login=ann")),
        ("remote-user", None),
        ("remote_groups", None),
        ("content-type", None),
        ("content-length", None),
        ("if-none-match", None),
    ] {
        assert_eq!(asked.field(name).as_deref(), value, "{name}: {}", asked.text());
    }
    assert_eq!(
        Some(asked.field("host").unwrap_or_default()),
        service.upstream.to_string().strip_prefix("http://").map(str::to_owned)
    );
    let names: Vec<_> = asked.fields().map(|(name, _)| name).collect();
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{name} twice: {}", asked.text());
    }
    let request = gateway.request().await;
    assert_eq!(request.first_line(), b"POST /a/../b?c=%2F HTTP/1.1");
    assert_eq!(request.body, b"body");
    assert_eq!(request.field("x-forwarded-user").as_deref(), Some("ann@example.com"));
    assert_eq!(request.field("remote-user").as_deref(), Some("ann@example.com"));
    let groups: Vec<_> = request.fields().filter(|(name, _)| name == "remote-groups").map(|(_, value)| value).collect();
    assert_eq!(groups, ["a", "b"]);
    assert_eq!((request.field("x-other"), request.field("remote_groups")), (None, None));
}

#[tokio::test]
async fn its_refusals_go_to_the_client_and_an_upgrade_gets_a_401() {
    let (mut gateway, service) = (called("one").await, service().await);
    let proxy = proxy().upstream(&gateway).routes(&routes(&service, "")).plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send(ask("/", "")).await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.field("location").as_deref(), Some("https://id.example.com/?rd=x"));
    assert_eq!((answer.field("set-cookie").as_deref(), answer.field("keep-alive")), (Some("state=1"), None));
    client.send(ask("/", "Accept: application/json\r\n")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.body_text()), (401, "{}".into()));
    for (status, expected) in [(403, 403), (404, 404), (307, 307)] {
        client.send(ask(&format!("/status/{status}"), ANN)).await;
        assert_eq!(client.response().await.status(), expected);
    }
    client.send(upgrade("gw", "/", "")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.field("www-authenticate").is_some()), (401, true));
    assert_eq!((gateway.connections(), gateway.unexpected()), (0, None));
    let mut h2 = proxy.http2().await;
    let refused = h2.get("https://localhost/x").await;
    assert_eq!(
        (refused.status, refused.headers["location"].to_str().ok()),
        (302, Some("https://id.example.com/?rd=x"))
    );
    let request = http::Request::get("https://localhost/x").header("cookie", "login=ann").body(empty());
    assert_eq!(h2.ask(request.expect("a request")).await.status, 200);
}

#[tokio::test]
async fn a_service_that_does_not_say_opens_nothing() {
    let (mut gateway, service) = (called("one").await, service().await);
    let proxy = proxy().upstream(&gateway).routes(&routes(&service, "")).plain().start().await;
    let mut client = proxy.plain_client().await;
    for status in ["500", "502", "503", "101", "600", "999"] {
        client.send(ask(&format!("/status/{status}"), ANN)).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), 502, "{status}");
        assert!(answer.body_text().contains("login_service_unavailable"), "{}", answer.text());
    }
    // It hangs, closes, answers what is no HTTP or too much, or is gone.
    let long = format!("HTTP/1.1 302 Found\r\nContent-Length: {}\r\n\r\n{}", 2 << 20, "x".repeat(2 << 20));
    for said in [None, Some(String::new()), Some("nonsense\r\n\r\n".to_owned()), Some(long)] {
        let service = crate::harness::gateway()
            .playing(move |mut connection| {
                let said = said.clone();
                async move {
                    connection.request().await;
                    match said {
                        Some(said) => {
                            let _ = connection.try_send(said).await;
                        }
                        None => drop(connection.closed().await),
                    }
                }
            })
            .await;
        let proxy = crate::harness::proxy()
            .upstream(&gateway)
            .routes(&routes(&service, ", timeout: 300ms"))
            .plain()
            .start()
            .await;
        let mut client = proxy.plain_client().await;
        for fields in [ANN, ""] {
            client.send(ask("/", fields)).await;
            assert_eq!(client.response().await.status(), 502);
        }
        client.send(upgrade("gw", "/", ANN)).await;
        assert_eq!(client.response().await.status(), 502);
    }
    assert_eq!((gateway.connections(), gateway.unexpected()), (0, None));
}

#[tokio::test]
async fn an_upgrade_is_asked_about_as_a_request_is() {
    let mut gateway = gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send(SWITCHED).await;
            connection.closed().await;
        })
        .await;
    let mut service = service().await;
    let proxy = proxy().upstream(&gateway).routes(&routes(&service, "")).plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw", "/ws?x=1", ANN)).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.to_ascii_lowercase().contains("set-cookie: login=ann"), "{head}");
    let asked = service.request().await;
    assert_eq!(asked.field("x-forwarded-uri").as_deref(), Some("/ws?x=1"));
    assert_eq!((asked.field("upgrade"), asked.field("sec-websocket-key")), (None, None));
    assert_eq!(gateway.request().await.field("x-forwarded-user").as_deref(), Some("ann@example.com"));
}

#[tokio::test]
async fn an_answer_counts_for_a_while_where_the_configuration_says_so() {
    for (cache, asked_again) in [("", true), (", cache: 60s", false)] {
        let service = gateway()
            .playing(|mut connection| async move {
                while let Some(request) = connection.request().await {
                    let known = request.field("cookie").is_some();
                    let status = if known { "200 OK\r\nRemote-User: ann" } else { "403 No" };
                    connection.send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
                }
            })
            .await;
        let (mut gateway, mut service) = (called("one").await, service);
        let proxy = proxy().upstream(&gateway).routes(&routes(&service, cache)).plain().start().await;
        let mut client = proxy.plain_client().await;
        for (number, (fields, status)) in
            [(ANN, 200), (ANN, 200), ("", 403), ("", 403), ("Cookie: b=1\r\n", 200)].into_iter().enumerate()
        {
            client.send(ask("/", fields)).await;
            assert_eq!(client.response().await.status(), status);
            if status == 200 {
                assert_eq!(gateway.request().await.field("remote-user").as_deref(), Some("ann"));
            }
            if number == 1 && !asked_again {
                assert_eq!(service.unexpected(), None);
            } else {
                service.request().await;
            }
        }
    }
}

#[tokio::test]
async fn beside_another_proof_the_service_is_asked_last() {
    let (mut gateway, mut service) = (called("one").await, service().await);
    let hash = super::proofs::sha256("robot-token");
    let routes = routes(&service, "")
        .replace("user_header", &format!("token: {{ robot: {{ sha256: {hash} }} }}\n      user_header"));
    let mut binary = binary()
        .upstream(&gateway)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config(&routes)
        .start()
        .await;
    let mut client = binary.plain_client().await;
    client.send(ask("/", "Authorization: Bearer robot-token\r\nRemote-User: root\r\n")).await;
    assert_eq!(client.response().await.status(), 200);
    let request = gateway.request().await;
    assert_eq!((request.field("x-forwarded-user").as_deref(), request.field("remote-user")), (Some("robot"), None));
    assert_eq!(service.unexpected(), None);
    assert_eq!(binary.access().await["user"], "robot");
    // What is for frontgate alone, the service does not get either.
    client
        .send(ask("/", &format!("Authorization: Bearer robot-token\r\nAuthorization: Bearer robot-token\r\n{ANN}")))
        .await;
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(service.request().await.field("authorization"), None);
    assert_eq!(gateway.request().await.field("x-forwarded-user").as_deref(), Some("ann@example.com"));
    assert_eq!(binary.access().await["user"], "ann@example.com");
    // A bearer that is the gateway's is no failed login where the service lets the request in, and one where it does not.
    client.send(ask("/", &format!("Authorization: Bearer of-the-gateway\r\n{ANN}"))).await;
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(binary.access().await["user"], "ann@example.com");
    assert!(!binary.printed().contains("login failed"), "{}", binary.printed());
    client.send(ask("/", "Authorization: Bearer guessed\r\n")).await;
    assert_eq!(client.response().await.status(), 302);
    let failed = binary.line(|line| line["message"] == "login failed").await;
    assert_eq!(failed["client"], "127.0.0.1", "{failed}");
}
