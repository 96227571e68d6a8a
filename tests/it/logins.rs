//! Logins at an OpenID Connect issuer, on the wire.

mod abuse;
mod another;
pub(crate) mod browser;
mod ends;
mod outage;
mod refresh;
mod revocation;

use browser::{Browser, leads_to, oidc};
use serde_json::json;

use crate::harness::{Gateway, Issuer, Proxy, Reserved, gateway, proxy};

const ALLOW_ANN: &str = "allow: { emails: [ann@example.com] }";
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A gateway, and frontgate in front of it with this configuration.
async fn guarded(config: &str) -> (Gateway, Proxy) {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).routes(config).plain().start().await;
    (gateway, proxy)
}

#[tokio::test]
async fn a_login_leads_back_to_the_page_and_tells_the_gateway_the_user() {
    let issuer = Issuer::start();
    let (mut gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    for target in ["/", "/chat/main?a=%2F&b=+%20&b", "/a/..//b;c?", "//evil.example/x", "/%5Cevil"] {
        let mut browser = Browser::default();
        assert_eq!(browser.log_in(&proxy, target).await, format!("http://gw{target}"));
        assert!(gateway.unexpected().is_none(), "nothing came through before");
        let answer = browser.page(&proxy, target).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let request = gateway.request().await;
        assert_eq!(request.target(), target.as_bytes());
        assert_eq!(request.field("x-user").as_deref(), Some("Ann@example.com"));
        assert!(!request.head().contains("__Host-frontgate"), "{}", request.head());
    }
}

#[tokio::test]
async fn only_pages_are_sent_to_the_login_and_the_rest_gets_401() {
    let issuer = Issuer::start();
    let (mut gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for (method, fields, expected) in [
        ("GET", "Sec-Fetch-Mode: navigate\r\n", 302),
        ("HEAD", "Sec-Fetch-Mode: navigate\r\n", 302),
        ("GET", "Accept: text/html\r\n", 302),
        ("POST", "Sec-Fetch-Mode: navigate\r\n", 401),
        ("GET", "Sec-Fetch-Mode: cors\r\nAccept: application/json\r\n", 401),
        ("GET", "Sec-Fetch-Mode: same-origin\r\nAccept: text/html\r\n", 401),
        ("GET", "", 401),
        ("GET", upgrade, 401),
        ("GET", &format!("{upgrade}Sec-Fetch-Mode: websocket\r\nCookie: __Host-frontgate_x_session_0=1.x\r\n"), 401),
    ] {
        let mut client = proxy.plain_client().await;
        client.send(format!("{method} /x HTTP/1.1\r\nHost: gw\r\n{fields}\r\n")).await;
        let answer = if method == "HEAD" { client.response_to_head().await } else { client.response().await };
        assert_eq!(answer.status(), expected, "{method} {fields}");
        if fields.contains("json") {
            let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert_eq!(body["error"]["code"], "login_required");
        }
    }
    // The Control UI asks so whether a login proxy is in its way, and takes nothing but a redirect for a yes.
    for (method, path, expected) in [
        ("HEAD", "/control-ui-config.json", 302),
        ("HEAD", "/openclaw/control-ui-config.json", 302),
        ("GET", "/control-ui-config.json", 401),
        ("HEAD", "/control-ui.json", 401),
    ] {
        let mut client = proxy.plain_client().await;
        let fields = "Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: gw\r\n{fields}\r\n")).await;
        let answer = if method == "HEAD" { client.response_to_head().await } else { client.response().await };
        assert_eq!(answer.status(), expected, "{method} {path}");
    }
    assert!(gateway.unexpected().is_none());
}

#[tokio::test]
async fn an_issuer_that_is_gone_shuts_the_route_and_opens_it_when_it_is_back() {
    let place = Reserved::new();
    let address = place.address.to_string();
    let config = format!(
        "auth: {{ oidc: {{ issuer: \"http://{address}\", client_id: gw, client_secret: hush, {ALLOW_ANN} }} }}"
    );
    let (mut gateway, proxy) = guarded(&config).await;
    let mut browser = Browser::default();
    let to = browser.page(&proxy, "/x").await.field("location").expect("the login page");
    let answer = browser.page(&proxy, &to).await;
    assert_eq!(answer.status(), 502);
    assert!(answer.body_text().contains("login_service_unavailable"), "{}", answer.text());
    assert!(!answer.text().contains(&address), "its address is for the log: {}", answer.text());
    assert_eq!(browser.ask(&proxy, "GET", "/x", "", "").await.status(), 401);
    assert!(gateway.unexpected().is_none());
    let issuer = Issuer::at(place);
    let login = loop {
        let answer = browser.page(&proxy, &to).await;
        if answer.status() == 200 {
            break leads_to(&answer);
        }
        assert_eq!(answer.status(), 502);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
    // A login goes on without the issuer.
    drop(issuer);
    assert_eq!(browser.page(&proxy, "/x").await.status(), 200);
}

#[tokio::test]
async fn new_keys_of_the_issuer_are_fetched_when_it_signs_with_them() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut first = Browser::default();
    first.log_in(&proxy, "/").await;
    issuer.rotate();
    // Keys are not asked for more often than each second: the login waits so long, and does not fail.
    let mut browser = Browser::default();
    let login = browser.begin(&proxy, "/").await;
    assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
    assert_eq!(first.page(&proxy, "/").await.status(), 200, "a login outlives the keys");
}

#[tokio::test]
async fn only_verified_addresses_and_the_users_of_a_list_pass() {
    let issuer = Issuer::start();
    for (allow, claims, info, expected) in [
        ("emails: [ann@example.com]", json!({}), json!({}), 200),
        ("domains: [example.com]", json!({}), json!({}), 200),
        ("domains: [example.org]", json!({}), json!({}), 403),
        ("emails: [ann@example.com]", json!({ "email_verified": false }), json!({}), 403),
        ("emails: [ann@example.com]", json!({ "email_verified": null }), json!({}), 403),
        (
            "emails: [ann@example.com]",
            json!({ "email": null }),
            json!({ "email": "ann@example.com", "email_verified": true }),
            200,
        ),
        ("emails: [ann@example.com]", json!({ "email": null }), json!({ "email": "ann@example.com" }), 403),
        (
            "emails: [ann@example.com]",
            json!({ "email": null }),
            json!({ "sub": "eve-1", "email": "ann@example.com", "email_verified": true }),
            502,
        ),
        ("groups: [staff]", json!({ "groups": ["staff"] }), json!({}), 200),
        ("groups: [staff]", json!({ "groups": ["Staff"] }), json!({}), 403),
        ("groups: [staff]", json!({}), json!({ "groups": ["staff"] }), 200),
        ("subjects: [ann-1]", json!({ "email_verified": false }), json!({}), 200),
        ("subjects: [bob-1]", json!({}), json!({}), 403),
        ("subjects: [\"*\"]", json!({ "email_verified": false }), json!({}), 200),
    ] {
        let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("allow: {{ {allow} }}"))).await;
        for (name, value) in
            [("email", json!("Ann@example.com")), ("email_verified", json!(true)), ("groups", json!(null))]
        {
            issuer.claim(name, claims.get(name).cloned().unwrap_or(value));
        }
        let mut says = json!({ "sub": "ann-1" });
        for (name, value) in info.as_object().expect("claims") {
            says[name] = value.clone();
        }
        issuer.user_info(says);
        let mut browser = Browser::default();
        let login = browser.begin(&proxy, "/").await;
        let answer = browser.finish(&proxy, &login).await;
        assert_eq!(answer.status(), expected, "{allow} {claims} {info}: {}", answer.text());
        let later = browser.page(&proxy, "/").await.status();
        assert_eq!(later, if expected == 200 { 200 } else { 302 }, "{allow} {claims} {info}");
    }
}

#[tokio::test]
async fn several_tabs_log_in_at_once() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    // One after the other: they share the browser's secret.
    let mut browser = Browser::default();
    let first = browser.begin(&proxy, "/first").await;
    let second = browser.begin(&proxy, "/second").await;
    let page = browser.finish(&proxy, &second).await;
    assert_eq!(leads_to(&page), "http://gw/second");
    let page = browser.finish(&proxy, &first).await;
    assert_eq!(leads_to(&page), "http://gw/first", "the login that the browser has is enough");
    // At the same moment: the secret of the second takes the place of the first one's.
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let (first, _second) = (one.begin(&proxy, "/first").await, other.begin(&proxy, "/second").await);
    let mut browser = other;
    let again = leads_to(&browser.finish(&proxy, &first).await);
    let page = browser.finish(&proxy, &again).await;
    assert_eq!(leads_to(&page), "http://gw/first");
    assert_eq!(browser.page(&proxy, "/first").await.status(), 200);
}

#[tokio::test]
async fn a_route_below_a_path_has_its_login_pages_at_the_root() {
    let issuer = Issuer::start();
    let config = format!("routes:\n  - {{ path: /claw/, {} }}\n  - {{ path: /open }}\n", oidc(&issuer, ALLOW_ANN));
    let (mut gateway, proxy) = guarded(&config).await;
    let mut browser = Browser::default();
    assert_eq!(browser.log_in(&proxy, "/claw/x").await, "http://gw/claw/x");
    assert_eq!(browser.page(&proxy, "/claw/x").await.status(), 200);
    assert_eq!(gateway.request().await.target(), b"/claw/x");
    assert_eq!(browser.page(&proxy, "/open").await.status(), 200);
    let open = gateway.request().await;
    assert_eq!((open.field("x-user"), open.head().contains("__Host-frontgate")), (None, false), "{}", open.head());
    // Nothing is at the root of the host: no page leads there.
    assert_eq!(leads_to(&browser.page(&proxy, "/.frontgate/login").await), "http://gw/claw/");
    let page = browser.page(&proxy, "/.frontgate/logged-out").await.body_text();
    assert!(page.contains("<a href=\"/claw/\">Log in again</a>"), "{page}");
    for path in ["/.frontgate/other", "/.frontgate", "/.frontgate/login/", "/.FRONTGATE/login", "/%2efrontgate/login"] {
        assert_eq!(browser.page(&proxy, path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_user_of_a_host_with_several_issuers_chooses_one() {
    let (one, other) = (Issuer::start(), Issuer::start());
    let routes = format!(
        "routes:\n  - {{ path: /one/, {} }}\n  - {{ path: /two/, {} }}\n",
        oidc(&one, ALLOW_ANN),
        oidc(&other, ALLOW_ANN)
    );
    let (_gateway, proxy) = guarded(&routes).await;
    let mut browser = Browser::default();
    let page = browser.page(&proxy, "/.frontgate/login?to=/two/a%3Fb").await;
    let html = page.body_text();
    let links: Vec<String> =
        html.split("<a href=\"").skip(1).map(|link| link.split('"').next().unwrap().replace("&amp;", "&")).collect();
    assert_eq!((page.status(), links.len()), (200, 2), "{html}");
    for (link, issuer) in links.iter().zip([&one, &other]) {
        let to = leads_to(&browser.page(&proxy, link).await);
        assert!(to.starts_with(&issuer.url), "{to}");
    }
    // A page of one of the routes leads to its own.
    assert!(browser.begin(&proxy, "/two/").await.starts_with(&other.url));
}
