//! The end of refresh tokens at the issuer, where their logins end here (RFC 7009).

use serde_json::json;

use super::browser::{Browser, oidc};
use super::guarded;
use crate::harness::{Issuer, within};

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
    assert_eq!((browser.page(&proxy, "/").await.status(), issuer.refreshes()), (200, 1));
    // The issuer takes the question and says nothing.
    issuer.be_silent(true);
    let page = browser.page(&proxy, "/.frontgate/logout").await;
    assert_eq!(page.status(), 200, "{}", page.text());
    revoked(&issuer, &["r2."]).await;
    assert!(issuer.is_silent(), "the answer to the logout came first");
}

#[tokio::test]
async fn a_login_that_another_user_replaces_is_revoked() {
    let issuer = issuer_that_revokes();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALL)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    issuer.claim("sub", json!("bob-1"));
    let login = super::leads_to(&browser.page(&proxy, "/.frontgate/login?mode=another").await);
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
