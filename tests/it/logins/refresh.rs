//! Logins that are renewed with a refresh token of the issuer, which replaces each when it is used, and lets none count any
//! more when one comes twice.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::sleep;

use super::browser::{Browser, oidc};
use super::ends::streams;
use super::{OK, guarded};
use crate::harness::{Issuer, Wire, gateway, proxy};
use crate::signals::closes;
use crate::websocket::frame::Frame;
use crate::websocket::scene::{Via, scene_of_binary};

const ALL: &str = "allow: { subjects: [\"*\"] }";

fn issuer_with_tokens(size: usize) -> Issuer {
    let issuer = Issuer::start();
    issuer.give_refresh_tokens(size);
    issuer.claim("sid", json!(null));
    issuer
}

/// Longer than a session of one second.
async fn session_is_over() {
    sleep(Duration::from_millis(2100)).await;
}

#[tokio::test]
async fn a_login_goes_on_behind_its_time_as_long_as_the_issuer_vouches_for_it() {
    let issuer = issuer_with_tokens(40);
    let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 1s, {ALL}"))).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    let old = browser.clone();
    assert_eq!(browser.page(&proxy, "/").await.status(), 200);
    for _ in 0..2 {
        session_is_over().await;
        let (before, asked) = (browser.cookies.clone(), issuer.refreshes());
        let answer = browser.ask(&proxy, "GET", "/x", "Sec-Fetch-Mode: cors\r\n", "").await;
        assert_eq!((answer.status(), issuer.refreshes()), (200, asked + 1), "no page is needed for it");
        assert!(browser.cookies.len() == before.len() && browser.cookies != before, "new cookies of the same names");
    }
    // A tab that has the cookies of the beginning yet gets those of now.
    session_is_over().await;
    let (mut tab, asked) = (old.clone(), issuer.refreshes());
    assert_eq!((tab.page(&proxy, "/").await.status(), issuer.refreshes()), (200, asked + 1));
    assert_eq!((browser.page(&proxy, "/").await.status(), issuer.reused()), (200, 0));
    issuer.revoke();
    session_is_over().await;
    let asked = issuer.refreshes();
    assert_eq!((browser.page(&proxy, "/").await.status(), issuer.refreshes()), (302, asked + 1));
    let mut copy = old.clone();
    assert_eq!((copy.page(&proxy, "/").await.status(), issuer.refreshes()), (302, asked + 1), "it is not asked again");
    browser.log_in(&proxy, "/").await;
    assert_eq!(browser.page(&proxy, "/").await.status(), 200);
}

#[tokio::test]
async fn tabs_that_ask_at_once_use_one_token_once() {
    let issuer = issuer_with_tokens(40);
    let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 2s, {ALL}"))).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    sleep(Duration::from_millis(3100)).await;
    let tabs = (0..8).map(|_| {
        let (mut tab, proxy) = (browser.clone(), &proxy);
        async move { tab.page(proxy, "/").await.status() }
    });
    assert_eq!(join_all(tabs).await, [200; 8]);
    // One, unless the machine is so slow that the next session is over, too.
    assert!((1..8).contains(&issuer.refreshes()) && issuer.reused() == 0, "{}", issuer.refreshes());
}

#[tokio::test]
async fn a_socket_ends_when_the_issuer_refuses_and_not_while_it_is_away() {
    let issuer = issuer_with_tokens(40);
    let config = oidc(&issuer, &format!("session: 2s, {ALL}")).replace("user_header: X-User", "recheck: 1s");
    let scene = scene_of_binary(&[&config]).await;
    let mut browser = Browser::default();
    browser.log_in(&scene.proxy, "/").await;
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nHost: gw\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        browser.cookie_field()
    );
    let (mut client, mut gateway) = scene.open_with(Via::Plain, &upgrade).await;
    // Longer than the session, and each look replaces the token.
    issuer.refreshed(3).await;
    issuer.be_away(true);
    let asked = issuer.refreshes();
    issuer.refreshed(asked + 2).await;
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;
    issuer.be_away(false);
    let asked = issuer.refreshes();
    issuer.refreshed(asked + 1).await;
    assert_eq!(issuer.reused(), 0);
    issuer.revoke();
    closes(client, &Frame::close(1008, "session ended")).await;
    closes(gateway, &Frame::close(1001, "client session ended")).await;
    assert_eq!(browser.page(&scene.proxy, "/").await.status(), 302);
}

#[tokio::test]
async fn a_restart_knows_the_token_that_the_browser_does_not() {
    let issuer = issuer_with_tokens(40);
    let gateway = gateway().playing(streams).await;
    let config = oidc(&issuer, &format!("session: 2s, {ALL}")).replace("user_header: X-User", "recheck: 1s");
    let first = proxy().upstream(&gateway).routes(&config).plain().start().await;
    let mut browser = Browser::default();
    browser.log_in(&first, "/").await;
    let mut stream: Wire = first.plain_client().await;
    stream.send(format!("GET /events HTTP/1.1\r\nHost: gw\r\n{}\r\n", browser.cookie_field())).await;
    stream.until(b"data: 1\n\n\r\n").await;
    issuer.refreshed(2).await;
    drop(stream);
    // What the issuer has said last is written before it counts.
    sleep(Duration::from_millis(3100)).await;
    let (_, state) = first.stop().await;
    let gateway = crate::harness::gateway().answering(OK).await;
    let second = proxy().upstream(&gateway).routes(&config).plain().state(state).start().await;
    assert_eq!((browser.page(&second, "/").await.status(), issuer.reused()), (200, 0));
    sleep(Duration::from_millis(3100)).await;
    assert_eq!((browser.page(&second, "/").await.status(), issuer.reused()), (200, 0));
}

#[tokio::test]
async fn a_token_takes_two_cookies_or_is_left_out_where_it_does_not_fit() {
    for (size, parts) in [(40, 1), (4200, 2), (7000, 0)] {
        let issuer = issuer_with_tokens(size);
        let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 1s, {ALL}"))).await;
        let mut browser = Browser::default();
        browser.log_in(&proxy, "/").await;
        let found = browser.cookies.keys().filter(|name| name.contains("_refresh_")).count();
        assert_eq!(found, parts, "{size}");
        assert!(browser.cookie_field().len() < 8 * 1024);
        session_is_over().await;
        let expected = if parts == 0 { 302 } else { 200 };
        assert_eq!(browser.page(&proxy, "/").await.status(), expected, "{size}");
    }
}

#[tokio::test]
async fn cookies_of_two_logins_are_not_mixed() {
    let issuer = issuer_with_tokens(40);
    let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 1s, {ALL}"))).await;
    let (mut ann, mut bob) = (Browser::default(), Browser::default());
    ann.log_in(&proxy, "/").await;
    bob.log_in(&proxy, "/").await;
    for (name, value) in &bob.cookies {
        if name.contains("_refresh_") {
            ann.cookies.insert(name.clone(), value.clone());
        }
    }
    session_is_over().await;
    assert_eq!((ann.page(&proxy, "/").await.status(), issuer.refreshes()), (302, 0));
}

#[tokio::test]
async fn what_the_issuer_says_no_more_of_a_user_lets_it_in_no_more() {
    let verified = json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true, "groups": ["staff"] });
    let less = |name: &str, value: serde_json::Value| {
        let mut less = verified.clone();
        less[name] = value;
        if less[name].is_null() {
            less.as_object_mut().unwrap().remove(name);
        }
        less
    };
    let group = "allow: { groups: [staff] }, scopes: [openid, email, groups]";
    let address = "allow: { emails: [ann@example.com] }";
    let mut cases = Vec::new();
    for (allow, says, passes) in [
        (group, verified.clone(), true),
        (group, less("groups", json!(null)), false),
        (group, less("groups", json!(["other"])), false),
        (group, less("email_verified", json!(false)), true),
        (address, verified.clone(), true),
        (address, less("email", json!(null)), false),
        (address, less("email_verified", json!(false)), false),
        // It says nothing: what is known stays.
        (group, json!(null), true),
        (address, json!(null), true),
    ] {
        for with_id_token in [false, true] {
            let (verified, says) = (verified.clone(), says.clone());
            cases.push(async move {
                let issuer = issuer_with_tokens(40);
                for name in ["email", "email_verified", "groups"] {
                    issuer.claim(name, verified[name].clone());
                }
                // On a slow machine the session is over before it is looked at.
                issuer.user_info(verified.clone());
                let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 2s, {allow}"))).await;
                let mut browser = Browser::default();
                browser.log_in(&proxy, "/").await;
                assert_eq!(browser.page(&proxy, "/").await.status(), 200);
                if with_id_token && says.is_object() {
                    issuer.user_info(json!({ "sub": "ann-1" }));
                    issuer.tell_with_tokens();
                    for name in ["email", "email_verified", "groups"] {
                        issuer.claim(name, says[name].clone());
                    }
                } else {
                    issuer.user_info(says.clone());
                }
                let asked = issuer.refreshes();
                sleep(Duration::from_millis(3100)).await;
                let expected = if passes { 200 } else { 302 };
                let found = browser.page(&proxy, "/").await.status();
                assert_eq!((found, issuer.refreshes()), (expected, asked + 1), "{allow} {says} {with_id_token}");
            });
        }
    }
    join_all(cases).await;
}

#[tokio::test]
async fn a_token_is_kept_when_the_request_that_asked_for_it_is_gone() {
    let issuer = issuer_with_tokens(40);
    let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 1s, {ALL}"))).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    session_is_over().await;
    issuer.be_silent(true);
    let asked = issuer.infos();
    let mut gone: Wire = proxy.plain_client().await;
    gone.send(format!("GET / HTTP/1.1\r\nHost: gw\r\n{}\r\n", browser.cookie_field())).await;
    issuer.asked_for_info(asked + 1).await;
    drop(gone);
    issuer.be_silent(false);
    for _ in 0..2 {
        assert_eq!((browser.page(&proxy, "/").await.status(), issuer.reused()), (200, 0));
        session_is_over().await;
    }
}
