//! The ends of logins.

use futures_util::FutureExt;
use serde_json::json;

use super::browser::{Browser, leads_to, oidc};
use super::{ALLOW_ANN, OK, guarded};
use crate::harness::{Connection, Issuer, Wire, gateway, proxy};
use crate::signals::closes;
use crate::websocket::frame::Frame;
use crate::websocket::scene::{Via, scene_of_binary};

#[tokio::test]
async fn a_logout_ends_the_login_and_its_copies_and_leads_to_the_issuers() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    let mut other = Browser::default();
    issuer.claim("sid", json!("s-2"));
    other.log_in(&proxy, "/").await;
    let mut copy = browser.clone();
    let page = browser
        .ask(&proxy, "POST", "/.frontgate/logout", "Sec-Fetch-Site: same-origin\r\nOrigin: http://gw\r\n", "")
        .await;
    let expected =
        format!("{}/end?client_id=gw&post_logout_redirect_uri=http%3A%2F%2Fgw%2F.frontgate%2Flogged-out", issuer.url);
    let to = leads_to(&page);
    let (to, hint) = to.split_once("&id_token_hint=").expect("a hint");
    assert_eq!((to, hint.split('.').count()), (&*expected, 3));
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
    assert_eq!(copy.page(&proxy, "/").await.status(), 302, "a cookie that was copied is of no use");
    assert_eq!(other.page(&proxy, "/").await.status(), 200, "another login goes on");
    let page = browser.page(&proxy, "/.frontgate/logged-out").await;
    assert!(page.status() == 200 && page.body_text().contains("Log in again"), "{}", page.text());
}

#[tokio::test]
async fn a_restart_ends_no_login_and_forgets_no_logout() {
    let issuer = Issuer::start();
    let gateway = gateway().answering(OK).await;
    let config = oidc(&issuer, ALLOW_ANN);
    let first = proxy().upstream(&gateway).routes(&config).plain().start().await;
    let (mut stays, mut leaves) = (Browser::default(), Browser::default());
    stays.log_in(&first, "/").await;
    issuer.claim("sid", json!("s-2"));
    leaves.log_in(&first, "/").await;
    let mut copy = leaves.clone();
    leaves.page(&first, "/.frontgate/logout").await;
    let (_, state) = first.stop().await;
    let second = proxy().upstream(&gateway).routes(&config).plain().state(state).start().await;
    assert_eq!(stays.page(&second, "/").await.status(), 200);
    assert_eq!(copy.page(&second, "/").await.status(), 302);
}

#[tokio::test]
async fn the_issuer_ends_logins_by_their_name_or_their_user() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (claims, ended) in [
        (json!({ "sid": "a" }), [true, false, false]),
        (json!({ "sub": "ann-1", "sid": "a" }), [true, false, true]),
        (json!({ "sub": "ann-1" }), [true, true, true]),
        (json!({ "sub": "bob-1" }), [false; 3]),
        (json!({ "sid": "x" }), [false; 3]),
    ] {
        // What a user's end is compared with has seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let mut browsers = Vec::new();
        for sid in [json!("a"), json!("b"), json!(null)] {
            issuer.claim("sid", sid);
            let mut browser = Browser::default();
            browser.log_in(&proxy, "/").await;
            browsers.push(browser);
        }
        let body = format!("logout_token={}", issuer.logout_token("gw", &claims));
        let answer = Browser::default().ask(&proxy, "POST", "/.frontgate/backchannel-logout", form, &body).await;
        assert_eq!(answer.status(), 200, "{claims}: {}", answer.text());
        assert_eq!(answer.field("cache-control").as_deref(), Some("no-store"));
        for (browser, ended) in browsers.iter_mut().zip(ended) {
            let expected = if ended { 302 } else { 200 };
            assert_eq!(browser.page(&proxy, "/").await.status(), expected, "{claims}");
        }
    }
}

#[tokio::test]
async fn a_logout_token_that_is_not_right_ends_nothing() {
    let (issuer, other) = (Issuer::start(), Issuer::start());
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let sub = json!({ "sub": "ann-1" });
    let right = issuer.logout_token("gw", &sub);
    let (signed, _) = right.rsplit_once('.').expect("a signature");
    for (fields, body) in [
        (form, String::new()),
        (form, "logout_token=".to_owned()),
        (form, format!("logout_token={signed}.")),
        (form, format!("logout_token={}", issuer.logout_token("other", &sub))),
        (form, format!("logout_token={}", other.logout_token("gw", &sub))),
        (form, format!("logout_token={}", other.logout_token("gw", &json!({ "sub": "ann-1", "iss": issuer.url })))),
        (form, format!("logout_token={}", issuer.logout_token("gw", &json!({ "sub": "ann-1", "nonce": "n" })))),
        (form, format!("logout_token={}", issuer.logout_token("gw", &json!({ "sub": "ann-1", "iat": 1 })))),
        (form, format!("logout_token={}", issuer.logout_token("gw", &json!({ "sub": "ann-1", "events": {} })))),
        ("Content-Type: text/plain\r\n", format!("logout_token={right}")),
        (form, format!("x={}&logout_token={right}", "x".repeat(33 << 10))),
    ] {
        let answer = Browser::default().ask(&proxy, "POST", "/.frontgate/backchannel-logout", fields, &body).await;
        assert_eq!(answer.status(), 400, "{body}: {}", answer.text());
        assert_eq!(browser.page(&proxy, "/").await.status(), 200, "{body}");
    }
    let answer = browser.page(&proxy, &format!("/.frontgate/backchannel-logout?logout_token={right}")).await;
    assert_eq!(answer.status(), 404, "{}", answer.text());
}

#[tokio::test]
async fn a_login_ends_after_its_time() {
    let issuer = Issuer::start();
    let config = format!(
        "routes:\n  - {{ path: /short/, {} }}\n  - {{ path: /long/, {} }}\n",
        oidc(&issuer, "session: 2s, allow: { subjects: [\"*\"] }"),
        oidc(&issuer, "session: 1h, allow: { subjects: [\"*\"] }")
    );
    let (_gateway, proxy) = guarded(&config).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/short/").await;
    assert_eq!(browser.page(&proxy, "/short/").await.status(), 200);
    while browser.page(&proxy, "/short/").await.status() == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(browser.page(&proxy, "/long/").await.status(), 200, "a route with a longer time");
}

/// Sends an answer of which the end is not known to each request.
pub(super) async fn streams(mut connection: Connection) {
    if connection.next_request().await.is_some() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        connection.send(format!("{head}9\r\ndata: 1\n\n\r\n")).await;
        drop(connection.rest().await);
    }
}

async fn says_nothing(mut connection: Connection) {
    while connection.request().await.is_some() {}
}

#[tokio::test]
async fn a_logout_breaks_off_the_answers_of_its_login_and_no_others() {
    let issuer = Issuer::start();
    let gateway = gateway().playing(streams).await;
    let config = oidc(&issuer, "allow: { subjects: [\"*\"] }").replace("user_header: X-User", "recheck: off");
    let proxy = proxy().upstream(&gateway).routes(&config).plain().start().await;
    let mut begun: Vec<(Browser, Wire)> = Vec::new();
    for sid in ["a", "b"] {
        issuer.claim("sid", json!(sid));
        let mut browser = Browser::default();
        browser.log_in(&proxy, "/").await;
        let mut client = proxy.plain_client().await;
        client.send(format!("GET /events HTTP/1.1\r\nHost: gw\r\n{}\r\n", browser.cookie_field())).await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "));
        client.until(b"data: 1\n\n\r\n").await;
        begun.push((browser, client));
    }
    let (mut other, mut stays) = begun.pop().unwrap();
    let (mut browser, mut client) = begun.pop().unwrap();
    browser.page(&proxy, "/.frontgate/logout").await;
    // Without a last chunk, so that the client knows that it is no end.
    let (rest, _) = client.rest().await;
    assert_eq!(String::from_utf8_lossy(&rest), "");
    // The other one goes on until its login is ended, too.
    assert!(stays.has_more().now_or_never().is_none());
    other.page(&proxy, "/.frontgate/logout").await;
    assert_eq!(stays.rest().await.0, b"");
}

#[tokio::test]
async fn a_logout_counts_though_the_browser_goes_while_the_issuer_says_nothing() {
    let issuer = Issuer::start();
    let gateway = gateway().playing(streams).await;
    let config = oidc(&issuer, "allow: { subjects: [\"*\"] }");
    let proxy = proxy().upstream(&gateway).routes(&config).plain().start().await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    let mut stream = proxy.plain_client().await;
    stream.send(format!("GET /events HTTP/1.1\r\nHost: gw\r\n{}\r\n", browser.cookie_field())).await;
    assert!(stream.head().await.starts_with("HTTP/1.1 200 "));
    stream.until(b"data: 1\n\n\r\n").await;
    // It takes the question for its keys, and that is all.
    let mut silent = crate::harness::gateway().playing(says_nothing).await;
    issuer.says("jwks_uri", json!(format!("{}/jwks", silent.upstream)));
    let mut leaving = proxy.plain_client().await;
    leaving.send(format!("GET /.frontgate/logout HTTP/1.1\r\nHost: gw\r\n{}\r\n", browser.cookie_field())).await;
    assert_eq!(silent.request().await.target(), b"/jwks");
    drop(leaving);
    assert_eq!(browser.page(&proxy, "/").await.status(), 302);
    assert_eq!(stream.rest().await.0, b"");
    // Who waits is led on.
    issuer.claim("sid", json!("s-2"));
    issuer.says("jwks_uri", json!(format!("{}/jwks", issuer.url)));
    let mut patient = Browser::default();
    patient.log_in(&proxy, "/").await;
    issuer.says("jwks_uri", json!(format!("{}/jwks", silent.upstream)));
    let page = patient.page(&proxy, "/.frontgate/logout").await;
    assert!(leads_to(&page).starts_with(&format!("{}/end?", issuer.url)), "{}", page.text());
}

#[tokio::test]
async fn a_login_that_the_same_user_replaces_ends() {
    for sid in [json!("s-1"), json!(null)] {
        let issuer = Issuer::start();
        issuer.claim("sid", sid.clone());
        let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
        let mut browser = Browser::default();
        browser.log_in(&proxy, "/").await;
        let mut copy = browser.clone();
        let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=anew&to=/").await);
        assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
        assert_eq!(copy.page(&proxy, "/").await.status(), 302, "{sid}");
        assert_eq!(browser.page(&proxy, "/").await.status(), 200, "{sid}");
    }
}

#[tokio::test]
async fn a_logout_ends_the_sockets_of_its_login_at_once_and_no_others() {
    let issuer = Issuer::start();
    let config = oidc(&issuer, "allow: { subjects: [\"*\"] }").replace("user_header: X-User", "recheck: off");
    let scene = scene_of_binary(&[&config]).await;
    let upgrade = |browser: &Browser| {
        format!(
            "GET /ws HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            browser.cookie_field()
        )
    };
    let mut browsers = Vec::new();
    for (user, sid) in [("ann", "a"), ("ann", "b"), ("bob", "c")] {
        issuer.claim("sub", json!(user));
        issuer.claim("sid", json!(sid));
        issuer.user_info(json!({ "sub": user }));
        let mut browser = Browser::default();
        browser.log_in(&scene.proxy, "/").await;
        browsers.push(browser);
    }
    let first = scene.open_with(Via::Plain, &upgrade(&browsers[0])).await;
    let second = scene.open_with(Via::Tls, &upgrade(&browsers[0])).await;
    let other = scene.open_with(Via::Plain, &upgrade(&browsers[1])).await;
    let mut kept = scene.open_with(Via::Plain, &upgrade(&browsers[2])).await;
    browsers[0].page(&scene.proxy, "/.frontgate/logout").await;
    for (client, gateway) in [first, second] {
        closes(client, &Frame::close(1008, "session ended")).await;
        closes(gateway, &Frame::close(1001, "client session ended")).await;
    }
    // The issuer ends the other one.
    let body = format!("logout_token={}", issuer.logout_token("gw", &json!({ "sid": "b" })));
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = Browser::default().ask(&scene.proxy, "POST", "/.frontgate/backchannel-logout", form, &body).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let (client, gateway) = other;
    closes(client, &Frame::close(1008, "session ended")).await;
    closes(gateway, &Frame::close(1001, "client session ended")).await;
    let (client, gateway) = (&mut kept.0, &mut kept.1);
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;
}
