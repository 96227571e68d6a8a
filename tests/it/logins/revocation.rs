//! The end of refresh tokens at the issuer, where their logins end here (RFC 7009).

use futures_util::future::join_all;
use serde_json::json;

use super::browser::{Browser, leads_to, oidc};
use super::{ALLOW_ANN, OK, guarded};
use crate::harness::{Binary, Issuer, binary, gateway, within};

const ALL: &str = "allow: { subjects: [\"*\"] }";

fn issuer_that_revokes() -> Issuer {
    let issuer = Issuer::start();
    issuer.give_refresh_tokens(40);
    issuer.claim("sid", json!(null));
    issuer.says("revocation_endpoint", json!(format!("{}/revoke", issuer.url)));
    issuer
}

/// Waits until these tokens were revoked.
async fn revoked(issuer: &Issuer, tokens: &[&str]) {
    let all = async {
        while issuer.revoked().len() < tokens.len() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within("the revocation", all).await;
    let found = issuer.revoked();
    assert!(found.iter().zip(tokens).all(|(found, begin)| found.starts_with(begin)), "{found:?} {tokens:?}");
}

#[tokio::test]
async fn a_logout_revokes_the_newest_token_and_waits_for_nobody() {
    let issuer = issuer_that_revokes();
    let (_gateway, proxy) = guarded(&oidc(&issuer, &format!("session: 1s, {ALL}"))).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert_eq!(browser.page(&proxy, "/").await.status(), 200);
    // More than once on a machine that is slow.
    let refreshes = issuer.refreshes();
    assert!(refreshes >= 1);
    // The issuer takes the question and says nothing.
    issuer.be_silent(true);
    let page = browser.page(&proxy, "/.frontgate/logout").await;
    assert_eq!(page.status(), 200, "{}", page.text());
    revoked(&issuer, &[&format!("r{}.", refreshes + 1)]).await;
    assert!(issuer.is_silent(), "the answer to the logout came first");
}

#[tokio::test]
async fn a_login_that_another_user_replaces_is_revoked() {
    let issuer = issuer_that_revokes();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    issuer.claim("sub", json!("bob-1"));
    let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=another").await);
    assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
    revoked(&issuer, &["r1."]).await;
    assert_eq!(browser.page(&proxy, "/").await.status(), 200);
}

#[tokio::test]
async fn an_issuer_that_revokes_nothing_is_not_asked() {
    let issuer = issuer_that_revokes();
    issuer.says("revocation_endpoint", json!(null));
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    assert_eq!(browser.page(&proxy, "/.frontgate/logout").await.status(), 200);
    browser.log_in(&proxy, "/").await;
    assert!(issuer.revoked().is_empty());
}

#[tokio::test]
async fn a_login_that_the_same_user_replaces_is_revoked_but_not_what_both_come_of() {
    for (sid, expected, at_once) in [(json!(null), &["r1.", "r2."][..], 1), (json!("s-1"), &["r2."], 0)] {
        let issuer = issuer_that_revokes();
        issuer.claim("sid", sid);
        let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
        let mut browser = Browser::default();
        browser.log_in(&proxy, "/").await;
        let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=anew").await);
        assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
        revoked(&issuer, &expected[..at_once]).await;
        browser.page(&proxy, "/.frontgate/logout").await;
        revoked(&issuer, expected).await;
    }
}

#[tokio::test]
async fn the_token_of_a_user_who_may_not_pass_is_revoked() {
    let issuer = issuer_that_revokes();
    issuer.claim("email", json!("bob@example.com"));
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    let login = browser.begin(&proxy, "/").await;
    assert_eq!(browser.finish(&proxy, &login).await.status(), 403);
    revoked(&issuer, &["r1."]).await;
}

#[tokio::test]
async fn a_login_without_a_token_leaves_none_of_an_earlier_one() {
    let issuer = issuer_that_revokes();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    let has_token = |browser: &Browser| browser.cookies.keys().any(|name| name.contains("_refresh_"));
    assert!(has_token(&browser));
    issuer.give_refresh_tokens(0);
    let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=anew").await);
    assert_eq!(browser.finish(&proxy, &login).await.status(), 200);
    revoked(&issuer, &["r1."]).await;
    assert!(!has_token(&browser) && browser.page(&proxy, "/").await.status() == 200);
}

#[tokio::test]
async fn many_logouts_at_once_are_all_revoked_however_long_the_issuer_is_silent() {
    let issuer = issuer_that_revokes();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
    let mut browsers = vec![Browser::default(); 40];
    for browser in &mut browsers {
        browser.log_in(&proxy, "/").await;
    }
    issuer.be_silent(true);
    join_all(browsers.iter_mut().map(|browser| browser.page(&proxy, "/.frontgate/logout"))).await;
    issuer.be_silent(false);
    revoked(&issuer, &["r"; 40]).await;
}

/// The program itself, with a user who has logged in.
async fn logged_in(issuer: &Issuer) -> (crate::harness::Gateway, Binary, Browser) {
    let gateway = gateway().answering(OK).await;
    let listen = "listen: { https: [\"127.0.0.1:0\"], plain: [\"127.0.0.1:0\"] }";
    let proxy = binary().upstream(&gateway).config(listen).config(&oidc(issuer, ALL)).start().await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    (gateway, proxy, browser)
}

const NOT_REVOKED: &str = "a refresh token was not revoked at its issuer";

#[tokio::test]
async fn a_silent_issuer_does_not_hold_up_the_end_of_frontgate() {
    let issuer = issuer_that_revokes();
    let (_gateway, mut proxy, mut browser) = logged_in(&issuer).await;
    issuer.be_silent(true);
    browser.page(&proxy, "/.frontgate/logout").await;
    revoked(&issuer, &["r1."]).await;
    proxy.terminate().await;
    let lines: Vec<_> = proxy.printed.iter().filter(|line| line.contains(NOT_REVOKED)).collect();
    assert!(lines.len() == 1 && lines[0].contains("frontgate ends"), "{lines:#?}");
}

#[tokio::test]
async fn what_an_issuer_says_of_a_revocation_is_short_and_does_not_show_the_token() {
    let issuer = issuer_that_revokes();
    let token = format!("r1.{}", "x".repeat(37));
    let said = format!(r#"{{"error":"invalid_request","error_description":"no {token} {}"}}"#, "y".repeat(100_000));
    let length = said.len();
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json";
    let refusing = gateway().answering(format!("{head}\r\ncontent-length: {length}\r\n\r\n{said}")).await;
    issuer.says("revocation_endpoint", json!(format!("{}/revoke", refusing.upstream)));
    let (_gateway, mut proxy, mut browser) = logged_in(&issuer).await;
    browser.page(&proxy, "/.frontgate/logout").await;
    let line = proxy.line(|line| line["message"] == NOT_REVOKED).await;
    let error = line["error"].as_str().expect("why");
    assert!(line["level"] == "WARN" && error.contains("no *** y") && error.len() < 3000, "{line}");
}
