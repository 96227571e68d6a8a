//! A login as another user: of those who are logged in at the issuer as somebody that may not pass.

use serde_json::json;

use super::browser::{Browser, leads_to, oidc};
use super::{ALLOW_ANN, guarded};
use crate::harness::{Issuer, Message};

/// The link to a login as another user on a page.
fn link(page: &Message) -> String {
    let html = page.body_text();
    let (_, link) = html.split_once("<a href=\"").unwrap_or_else(|| panic!("no link: {html}"));
    let (href, text) = link.split_once("\">").expect("an end");
    assert!(text.starts_with("Log in as another user</a>"), "{html}");
    href.replace("&amp;", "&")
}

fn be_bob(issuer: &Issuer) {
    issuer.claim("sub", json!("bob-1"));
    issuer.claim("email", json!("bob@example.com"));
    issuer.claim("sid", json!("s-bob"));
}

fn be_ann(issuer: &Issuer) {
    issuer.claim("sub", json!("ann-1"));
    issuer.claim("email", json!("ann@example.com"));
    issuer.claim("sid", json!("s-ann"));
}

#[tokio::test]
async fn a_user_who_may_not_pass_is_led_to_a_login_as_another() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    for (offered, prompt) in [
        (json!(null), "prompt=login"),
        (json!(["none", "login"]), "prompt=login"),
        (json!(["login", "select_account"]), "prompt=select_account"),
    ] {
        let issuer = Issuer::start();
        issuer.says("prompt_values_supported", offered);
        let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
        let mut browser = Browser::default();
        be_bob(&issuer);
        let login = browser.begin(&proxy, "/chat?a=%2F").await;
        assert!(!login.contains("prompt="), "{login}");
        let page = browser.finish(&proxy, &login).await;
        assert!(page.status() == 403 && page.body_text().contains("bob@example.com"), "{}", page.text());
        let link = link(&page);
        let page = browser.page(&proxy, &link).await;
        let login = leads_to(&page);
        assert!(login.starts_with(&issuer.url) && login.contains(prompt), "{login}");
        // The tab has kept the fragment since the first attempt.
        let (_, kept) = link.split_once("&kept=").expect("a name");
        assert!(page.body_text().contains(&format!("data-take=\"frontgate:{kept}\"")), "{}", page.text());
        be_ann(&issuer);
        let page = browser.finish(&proxy, &login).await;
        assert_eq!(leads_to(&page), "http://gw/chat?a=%2F");
        assert_eq!(browser.page(&proxy, "/chat").await.status(), 200);
    }
    be_bob(&issuer);
    let mut program = Browser::default();
    let login = program.begin(&proxy, "/").await;
    let back = super::browser::callback(&login).await;
    let answer = program.ask(&proxy, "GET", &back, "Accept: application/json\r\n", "").await;
    let error: serde_json::Value = serde_json::from_str(&answer.body_text()).expect("JSON");
    let path = error["error"]["login"].as_str().expect("a path");
    assert!(path.starts_with("/.frontgate/login?with=") && path.contains("&mode=another&to=%2F&kept="), "{path}");
}

#[tokio::test]
async fn a_login_that_the_issuer_refused_can_be_tried_as_another_user() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    issuer.refuse("access_denied");
    let mut browser = Browser::default();
    let login = browser.begin(&proxy, "/x").await;
    let page = browser.finish(&proxy, &login).await;
    assert_eq!(page.status(), 403, "{}", page.text());
    let login = leads_to(&browser.page(&proxy, &link(&page)).await);
    assert!(login.contains("prompt=login"), "{login}");
}

#[tokio::test]
async fn a_user_that_another_route_of_the_host_lets_in_is_not_led_in_a_circle() {
    let issuer = Issuer::start();
    let routes = format!(
        "routes:\n  - {{ path: /one, {} }}\n  - {{ path: /two, {} }}\n",
        oidc(&issuer, ALLOW_ANN),
        oidc(&issuer, "allow: { emails: [bob@example.com] }")
    );
    let (_gateway, proxy) = guarded(&routes).await;
    let mut browser = Browser::default();
    be_ann(&issuer);
    browser.log_in(&proxy, "/one").await;
    let mut ann = browser.clone();
    let answer = browser.page(&proxy, "/two").await;
    assert_eq!(answer.status(), 302, "{}", answer.text());
    let page = browser.page(&proxy, &answer.field("location").expect("a place")).await;
    assert!(page.status() == 403 && page.body_text().contains("ann@example.com"), "{}", page.text());
    let login = leads_to(&browser.page(&proxy, &link(&page)).await);
    // Whoever stays the same is told so again, and sent nowhere.
    let page = browser.finish(&proxy, &login).await;
    assert_eq!(leads_to(&page), "http://gw/two");
    let answer = browser.page(&proxy, "/two").await;
    let page = browser.page(&proxy, &answer.field("location").expect("a place")).await;
    assert_eq!(page.status(), 403, "{}", page.text());
    assert_eq!(browser.page(&proxy, "/one").await.status(), 200, "ann is still logged in");
    let login = leads_to(&browser.page(&proxy, &link(&page)).await);
    be_bob(&issuer);
    let page = browser.finish(&proxy, &login).await;
    assert_eq!(leads_to(&page), "http://gw/two");
    assert_eq!(browser.page(&proxy, "/two").await.status(), 200);
    assert_eq!(ann.page(&proxy, "/one").await.status(), 302, "the login before, of the same user, has ended with it");
}

#[tokio::test]
async fn a_login_that_another_user_replaces_ends() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, "allow: { domains: [example.com] }")).await;
    let mut browser = Browser::default();
    be_ann(&issuer);
    browser.log_in(&proxy, "/").await;
    let mut copy = browser.clone();
    let page = browser.page(&proxy, "/.frontgate/login?to=/").await;
    assert_eq!(leads_to(&page), "http://gw/", "a login is there");
    let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=another&to=/").await);
    assert!(login.contains("prompt=login"), "{login}");
    assert_eq!(copy.page(&proxy, "/").await.status(), 200, "nothing has happened yet");
    be_bob(&issuer);
    browser.finish(&proxy, &login).await;
    assert_eq!(browser.page(&proxy, "/").await.status(), 200);
    assert_eq!(copy.page(&proxy, "/").await.status(), 302);
}

#[tokio::test]
async fn a_login_that_is_too_old_for_its_route_only_begins_anew() {
    let issuer = Issuer::start();
    let config = format!(
        "routes:\n  - {{ path: /short/, {} }}\n  - {{ path: /long/, {} }}\n",
        oidc(&issuer, "session: 1s, allow: { subjects: [\"*\"] }"),
        oidc(&issuer, "session: 1h, allow: { subjects: [\"*\"] }")
    );
    let (_gateway, proxy) = guarded(&config).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/long/").await;
    while browser.page(&proxy, "/short/").await.status() == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let login = browser.begin(&proxy, "/short/").await;
    assert!(login.starts_with(&issuer.url) && !login.contains("prompt="), "{login}");
    assert_eq!(leads_to(&browser.finish(&proxy, &login).await), "http://gw/short/");
}

#[tokio::test]
async fn a_link_of_a_stranger_leads_nowhere_else_and_puts_nothing_into_the_page() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    for (query, expected) in [
        ("mode=another&to=https://evil.example/", "http://gw/"),
        ("mode=another&to=//evil.example/", "http://gw//evil.example/"),
        ("mode=another&to=/.frontgate/logout", "http://gw/"),
        ("mode=another&to=/x&kept=%22%3E%3Cscript%3E", "http://gw/x"),
        ("mode=another&to=/x&kept=AAAA", "http://gw/x"),
    ] {
        let mut browser = Browser::default();
        let page = browser.page(&proxy, &format!("/.frontgate/login?{query}")).await;
        assert!(!page.body_text().contains("data-take"), "{query}: {}", page.text());
        let login = leads_to(&page);
        assert!(login.starts_with(&issuer.url), "{login}");
        assert_eq!(leads_to(&browser.finish(&proxy, &login).await), expected, "{query}");
    }
}

#[tokio::test]
async fn an_attempt_whose_cookie_was_lost_is_still_one_as_another_user() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    let login = leads_to(&browser.page(&proxy, "/.frontgate/login?mode=another&to=/x").await);
    browser.cookies.clear();
    let login = leads_to(&browser.finish(&proxy, &login).await);
    assert!(login.contains("prompt=login"), "{login}");
    assert_eq!(leads_to(&browser.finish(&proxy, &login).await), "http://gw/x");
}
