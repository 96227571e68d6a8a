//! Tokens of services, several proofs of one route, what a 401 asks for, what needs no login, and caps of scopes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{called, upgrade};
use crate::harness::{Gateway, binary, empty, gateway, proxy};
use crate::websocket::peer::SWITCHED;

const TOKEN: &str = "dGhlIHRva2VuIG9mIGEgc2VydmljZQ";
const ENDED: &str = "YW5vdGhlciB0b2tlbg";

pub(super) fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn routes() -> String {
    let ann = bcrypt::hash_with_salt("hush", 4, [7; 16]).expect("a hash").to_string();
    let (token, ended) = (sha256(TOKEN), sha256(ENDED));
    format!(
        "
routes:
  - path: /token
    auth:
      token: {{ robot: {{ sha256: {token} }}, old: {{ sha256: {ended}, expires: 2020-01-01 }} }}
      user_header: X-Forwarded-User
      scopes: {{ robot: [operator.read, operator.write] }}
      exempt: openclaw
  - path: /both
    auth:
      basic: {{ ann: '{ann}' }}
      token: {{ robot: {{ sha256: {token} }} }}
      user_header: [X-Forwarded-User, X-User]
      scopes: {{ robot: [operator.read] }}
  - host: gw
    auth: {{ basic: {{ ann: '{ann}' }}, user_header: X-Forwarded-User, exempt: [openclaw, {{ exact: /hook, methods: [POST] }}] }}
  - {{}}
"
    )
}

fn ask(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

#[tokio::test]
async fn a_token_lets_its_bearer_in_until_it_expires() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let mut client = proxy.plain_client().await;
    for fields in [
        String::new(),
        bearer(ENDED),
        bearer("other"),
        bearer(TOKEN) + &bearer(TOKEN),
        basic("ann:hush"),
        format!("X-Authorization: Bearer {TOKEN}\r\n"),
    ] {
        client.send(ask("/token", &fields)).await;
        let answer = client.response().await;
        let challenge = answer.field("www-authenticate");
        assert_eq!((answer.status(), challenge.as_deref()), (401, Some("Bearer realm=\"frontgate\"")), "{fields}");
        assert_eq!(gateway.unexpected(), None, "{fields}");
    }
    client
        .send(ask("/token", &(bearer(TOKEN) + "x_openclaw_scopes: operator.admin\r\nX-Forwarded-User: root\r\n")))
        .await;
    assert_eq!(client.response().await.status(), 200);
    let request = gateway.request().await;
    assert_eq!(request.field("x-forwarded-user").as_deref(), Some("robot"));
    assert_eq!(request.field("x-openclaw-scopes").as_deref(), Some("operator.read,operator.write"));
    assert_eq!((request.field("authorization"), request.field("x_openclaw_scopes")), (None, None));
}

#[tokio::test]
async fn any_proof_of_a_route_lets_in_and_no_page_of_a_browser_prompts_for_a_fetch() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let mut client = proxy.plain_client().await;
    let both = "Basic realm=\"frontgate\", charset=\"UTF-8\", Bearer realm=\"frontgate\"";
    for (fields, challenge) in [
        ("", both),
        ("Sec-Fetch-Mode: navigate\r\n", both),
        ("Accept: text/html\r\n", both),
        ("Sec-Fetch-Mode: cors\r\nAccept: text/html\r\n", "Bearer realm=\"frontgate\""),
        ("Sec-Fetch-Mode: no-cors\r\n", "Bearer realm=\"frontgate\""),
    ] {
        client.send(ask("/both", fields)).await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.field("www-authenticate").as_deref()), (401, Some(challenge)), "{fields}");
    }
    for (fields, user, scopes) in [(basic("ann:hush"), "ann", ""), (bearer(TOKEN), "robot", "operator.read")] {
        client.send(ask("/both", &fields)).await;
        assert_eq!(client.response().await.status(), 200);
        let request = gateway.request().await;
        assert_eq!(request.field("x-forwarded-user").as_deref(), Some(user));
        assert_eq!(request.field("x-user").as_deref(), Some(user));
        assert_eq!(request.field("x-openclaw-scopes").as_deref(), Some(scopes), "an empty field is no scope at all");
    }
    let mut h2 = proxy.http2().await;
    let request = |token: &str| {
        let request = http::Request::get("https://localhost/both").header("authorization", format!("Bearer {token}"));
        request.body(empty()).expect("a request")
    };
    assert_eq!((h2.ask(request(ENDED)).await.status, h2.ask(request(TOKEN)).await.status), (401, 200));
}

#[tokio::test]
async fn a_token_of_ours_reaches_no_gateway_and_every_other_credential_does() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let mut client = proxy.plain_client().await;
    for (fields, passes) in [
        (bearer(TOKEN), false),
        (bearer(ENDED), false),
        (format!("AUTHORIZATION: bearer  {TOKEN}\r\n"), false),
        (bearer("the-gateway's"), true),
        ("Authorization: Digest x\r\n".to_owned(), true),
    ] {
        for (host, target) in [("other", "/x"), ("gw", "/share/x")] {
            client.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")).await;
            assert_eq!(client.response().await.status(), 200, "{host} {fields}");
            assert_eq!(gateway.request().await.field("authorization").is_some(), passes, "{host} {fields}");
        }
    }
    // The cookies that frontgate sets are its own, in whatever field they come.
    let cookies = "Cookie: a=1; __Host-frontgate-session=x; b=2\r\nCookie: __host-FRONTGATE=y\r\n";
    client.send(ask("/x", cookies)).await;
    assert_eq!(client.response().await.status(), 200);
    let request = gateway.request().await;
    assert_eq!(
        request.fields().filter(|(name, _)| name == "cookie").collect::<Vec<_>>(),
        [("cookie".into(), "a=1; b=2".into())]
    );
    let mut h2 = proxy.http2().await;
    let request =
        http::Request::get("https://localhost/x").header("cookie", "__Host-frontgate=1").header("cookie", "c=3");
    assert_eq!(h2.ask(request.body(empty()).expect("a request")).await.status, 200);
    assert_eq!(gateway.request().await.field("cookie").as_deref(), Some("c=3"));
}

/// A gateway that grants every WebSocket and answers every other request.
async fn granting() -> Gateway {
    gateway()
        .playing(|mut connection| async move {
            while let Some(request) = connection.request().await {
                if request.field("upgrade").is_some() {
                    connection.send(SWITCHED).await;
                    connection.closed().await;
                    return;
                }
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        })
        .await
}

#[tokio::test]
async fn what_the_gateway_serves_without_a_login_is_exempt_and_nothing_beside_it() {
    let mut gateway = granting().await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    for (method, target, expected) in [
        ("GET", "/share/session?token=x", 200),
        ("HEAD", "/share/card.png", 200),
        ("POST", "/share/x", 401),
        ("GET", "/share/", 401),
        ("GET", "/share", 401),
        ("GET", "/share/../config", 401),
        ("GET", "/share/%2e%2e/config", 401),
        ("GET", "/share/%2e%2e%2fconfig", 401),
        ("GET", "/share/..%5cconfig", 401),
        ("GET", "//share/x", 401),
        ("GET", "/share//x", 401),
        ("GET", "/share/..;/config", 401),
        ("GET", "/SHARE/x", 401),
        ("GET", "/x/../share/x", 401),
        ("GET", "/j/abc", 200),
        ("POST", "/j/abc", 200),
        ("GET", "/healthz", 200),
        ("GET", "/healthz/x", 401),
        ("GET", "/readyz", 200),
        ("POST", "/hook", 200),
        ("GET", "/hook", 401),
        ("GET", "/__openclaw__/worker", 401),
        ("GET", "/", 401),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: gw\r\nX-Forwarded-User: root\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{method} {target}: {head}");
        if expected == 200 {
            assert_eq!(gateway.request().await.field("x-forwarded-user"), None, "{target}");
        }
        assert_eq!(gateway.unexpected(), None, "{method} {target}");
    }
    // Any path takes an upgrade to the gateway's own socket, so only the socket of workers is exempt.
    for (target, expected) in [("/__openclaw__/worker", 101), ("/share/x", 401), ("/healthz", 401), ("/j/abc", 401)] {
        let mut client = proxy.plain_client().await;
        client.send(upgrade("gw", target, "")).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{target}: {head}");
    }
}

#[tokio::test]
async fn the_log_names_the_service_and_a_failed_login_never_the_token() {
    let gateway = called("one").await;
    let mut binary = binary()
        .upstream(&gateway)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config(&routes())
        .start()
        .await;
    let mut client = binary.plain_client().await;
    client.send(ask("/token", &bearer(TOKEN))).await;
    assert_eq!(client.response().await.status(), 200);
    assert_eq!(binary.access().await["user"], "robot");
    client.send(ask("/token", &bearer(ENDED))).await;
    assert_eq!(client.response().await.status(), 401);
    let failed = binary.line(|line| line["message"] == "login failed").await;
    assert_eq!((&failed["client"], &failed["user"]), (&"127.0.0.1".into(), &"old".into()), "{failed}");
    let said = binary.printed();
    assert!(!said.contains(TOKEN) && !said.contains(ENDED), "{said}");
}
