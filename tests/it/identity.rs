//! What a stranger may make a gateway believe: which user it is (rules 3 and 9), and which path it asks for (rule 10).
//! On the wire, over both protocols, in heads and behind bodies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use frontgate::config::Config;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};

use crate::harness::{Gateway, Message, empty, gateway, proxy};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A login on `/team` for `ann` with `hush`, and everything else without one.
fn routes() -> String {
    let ann = bcrypt::hash_with_salt("hush", 4, [7; 16]).expect("a hash").to_string();
    format!(
        "
routes:
  - {{ path: /open, auth: none }}
  - {{ path: /team, auth: {{ basic: {{ ann: '{ann}' }}, user_header: X-Team-User }} }}
  - {{ host: other, path: /team }}
  - {{ path: /private, respond: 404 }}
  - {{ request_headers: {{ remove: [X-Debug] }} }}
"
    )
}

fn stripping(config: &mut Config) {
    config.forwarded.strip = vec![HeaderName::from_static("x-webhook-owner")];
}

/// Fields that no stranger may send, in some of the spellings that some programs take for the same.
const FORGED: &[&str] = &[
    "x-team-user",
    "x_team_user",
    "x-team_user",
    "x-client-cert-subject",
    "x_client_cert_fingerprint",
    "x-client-cert-verify",
    "x-openclaw-scopes",
    "x_openclaw_scopes",
    "x-auth-request-user",
    "x_auth_request_email",
    "remote-user",
    "remote_user",
    "remote-groups",
    "remote-email",
    "remote-name",
    "x-webauth-user",
    "x_webauth_user",
    "cf-access-jwt-assertion",
    "cf_access_authenticated_user_email",
    "x-webhook-owner",
    "x_webhook_owner",
    "forwarded",
    "x-forwarded-for",
    "x_forwarded_for",
    "x-forwarded-user",
    "x_forwarded_prefix",
    "x-real-ip",
    "x_real_ip",
    "x-client-ip",
    "client-ip",
    "client_ip",
    "x-cluster-client-ip",
    "x_cluster_client_ip",
    "true-client-ip",
    "cf-connecting-ip",
    "via",
];

const FORGERY: &str = "owner@example.com";

fn ann() -> String {
    format!("Basic {}", STANDARD.encode("ann:hush"))
}

/// Nothing of the forgery is in it, in the head or behind the body.
fn assert_honest(seen: &Message, name: &str) {
    assert!(!seen.text().contains(FORGERY), "{name}: {}", seen.text());
    assert!(seen.text().contains("x-kept: "), "{name}: the rest passes: {}", seen.text());
}

#[tokio::test]
async fn no_client_says_in_a_head_which_user_it_is() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).config(stripping).routes(&routes()).plain().start().await;
    let (mut h1, mut h2) = (proxy.plain_client().await, proxy.http2().await);
    for name in FORGED {
        for (target, login) in [("/", None), ("/open/x", None), ("/team", Some(ann()))] {
            let login = login.as_ref().map_or_else(String::new, |ann| format!("authorization: {ann}\r\n"));
            // Whether Connection names the field changes nothing.
            for connection in ["keep-alive".to_owned(), format!("keep-alive, {name}")] {
                h1.send(format!(
                    "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: {connection}\r\n{login}{name}: {FORGERY}\r\n\
                     X-Kept: 1\r\n{}: {FORGERY}\r\n\r\n",
                    name.to_ascii_uppercase()
                ))
                .await;
                assert_eq!(h1.response().await.status(), 200, "{name} {target}");
                assert_honest(&gateway.request().await, name);
            }
        }
        let request = Request::get("https://localhost/open").header(*name, FORGERY).header("x-kept", "1");
        assert_eq!(h2.ask(request.body(empty()).unwrap()).await.status, 200, "{name} over h2");
        assert_honest(&gateway.request().await, name);
    }
}

#[tokio::test]
async fn no_client_says_behind_a_body_which_user_it_is() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).config(stripping).routes(&routes()).plain().start().await;
    let (mut h1, mut h2) = (proxy.plain_client().await, proxy.http2().await);
    let others = ["authorization", "x-debug", "x_debug", "content-length", "content_length", "host", "sec-fetch-site"];
    for name in FORGED.iter().chain(&others) {
        h1.send(format!(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTrailer: x-kept, {name}\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\n{name}: {FORGERY}\r\nx-kept: 1\r\n{name}: {FORGERY}\r\n\r\n"
        ))
        .await;
        match h1.response().await.status() {
            200 => assert_honest(&gateway.request().await, name),
            // The request may also be refused.
            status => {
                assert_eq!((status, gateway.unexpected()), (400, None), "{name}");
                h1 = proxy.plain_client().await;
            }
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("x-kept", HeaderValue::from_static("1"));
        trailers.insert(HeaderName::from_static(name), HeaderValue::from_static(FORGERY));
        let frames = [Ok(Frame::data(Bytes::from("hi"))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures_util::stream::iter(frames)).boxed();
        let request = Request::post("https://localhost/x").header("trailer", format!("x-kept, {name}"));
        match h2.send(request.body(body).unwrap()).await {
            Ok(answer) if answer.status() == 200 => assert_honest(&gateway.request().await, name),
            other => {
                assert!(gateway.unexpected().is_none(), "{name} over h2: {other:?}");
                h2 = proxy.http2().await;
            }
        }
    }
}

#[tokio::test]
async fn a_trusted_proxy_names_the_user_where_frontgate_does_not_ask() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).config(stripping).routes(&routes()).unix().start().await;
    let mut client = proxy.unix_client().await;
    for (name, open, asking) in [
        ("x-auth-request-user", true, false),
        ("remote-user", true, false),
        ("x-openclaw-scopes", true, false),
        ("x-webhook-owner", true, false),
        ("x_webhook_owner", true, false),
        ("cf-access-jwt-assertion", true, false),
        ("x-forwarded-prefix", true, true),
        ("via", true, true),
        ("x-team-user", false, false),
        ("x_team_user", false, false),
        ("x-client-cert-subject", false, false),
        ("x_real_ip", false, false),
    ] {
        for (target, login, passes) in [("/open", String::new(), open), ("/team", ann(), asking)] {
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: gw\r\nAuthorization: {login}\r\n{name}: {FORGERY}\r\nX-Kept: 1\r\n\r\n"
            );
            client.send(request).await;
            assert_eq!(client.response().await.status(), 200, "{name} {target}");
            let seen = gateway.request().await;
            assert_eq!(seen.text().contains(FORGERY), passes, "{name} {target}: {}", seen.text());
        }
    }
}

#[tokio::test]
async fn a_password_for_frontgate_never_reaches_a_gateway() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let (mut h1, mut h2) = (proxy.plain_client().await, proxy.http2().await);
    let eve = format!("BASIC {}", STANDARD.encode("eve:guess"));
    for (host, target, value, passes) in [
        ("gw", "/team", ann(), false),
        ("gw", "/open", ann(), false),
        ("gw", "/", ann(), false),
        ("gw", "/", eve, false),
        ("gw", "/", "basic".to_owned(), false),
        ("gw", "/open", "Bearer t".to_owned(), true),
        ("gw", "/", "Negotiate YWJj".to_owned(), true),
        // The routes without a host are for this one too.
        ("other", "/", ann(), false),
    ] {
        h1.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {value}\r\n\r\n")).await;
        assert_eq!(h1.response().await.status(), 200, "{host} {target} {value}");
        let expected = passes.then(|| value.clone());
        assert_eq!(gateway.request().await.field("authorization"), expected, "{host} {target} {value}");
        let request = Request::get(format!("https://localhost{target}")).header("authorization", &value);
        assert_eq!(h2.ask(request.body(empty()).unwrap()).await.status, 200, "{target} {value} over h2");
        assert_eq!(gateway.request().await.field("authorization"), expected, "{target} {value} over h2");
    }
}

#[tokio::test]
async fn a_password_for_a_gateway_reaches_it_where_frontgate_takes_none() {
    let mut gateway = gateway().answering(OK).await;
    let yaml = routes().replace("path: /team, auth", "host: gw, path: /team, auth");
    let proxy = proxy().upstream(&gateway).routes(&yaml).plain().start().await;
    let mut client = proxy.plain_client().await;
    for (host, passes) in [("gw", false), ("GW.:80", false), ("other", true), ("localhost", true)] {
        client.send(format!("GET /open HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\n\r\n", ann())).await;
        assert_eq!(client.response().await.status(), 200, "{host}");
        assert_eq!(gateway.request().await.field("authorization").is_some(), passes, "{host}");
    }
}

/// Paths that some program reads as one below `/private` or `/team`.
const GUARDED: &[&str] = &[
    "/private",
    "/PRIVATE",
    "/Private/x",
    "/%70rivate",
    "/%2570rivate",
    "//private",
    "///x/private",
    "////x/private",
    "/\\x/private",
    "/\\\\x/private",
    "//x\\private",
    "/private/%2e%2e/x",
    "/private/../x",
    "/private/..%2fx",
    "/private;a=b",
    "/x/..;/private",
    "/x%2f..%2fprivate",
    "/x%252f..%252fprivate",
    "/x/%252e%252e/private",
    "/private%00",
    "/private%3f",
    "/pri%09vate",
    "/team",
    "//x/team",
    "/TEAM",
    "/open/../team",
    "/team/../open",
];

fn untouched(gateway: &mut Gateway, path: &str) {
    assert_eq!(gateway.unexpected(), None, "{path} got through");
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_round_a_guard() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let (mut h1, mut h2) = (proxy.plain_client().await, proxy.http2().await);
    for path in GUARDED {
        for target in [(*path).to_owned(), format!("{path}?q=1"), format!("http://gw{path}")] {
            h1.send(format!("GET {target} HTTP/1.1\r\nHost: gw\r\n\r\n")).await;
            let status = h1.response().await.status();
            assert!([400, 401, 404].contains(&status), "{target}: {status}");
            untouched(&mut gateway, &target);
        }
        let status = h2.get(&format!("https://localhost{path}")).await.status;
        assert!([400, 401, 404].contains(&status), "{path} over h2: {status}");
        untouched(&mut gateway, path);
    }
    for path in ["/", "/privateer", "/a//b/%2e/c;d", "/__openclaw__/catalog-icon/https%3A%2F%2Fexample.com%2Fi.png"] {
        h1.send(format!("GET {path} HTTP/1.1\r\nHost: gw\r\n\r\n")).await;
        assert_eq!(h1.response().await.status(), 200, "{path}");
        assert_eq!(gateway.request().await.target(), path.as_bytes(), "it goes on as it came");
    }
}
