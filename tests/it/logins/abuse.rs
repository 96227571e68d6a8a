//! What gets no one in.

use serde_json::json;

use super::browser::{Browser, callback, leads_to, oidc};
use super::{ALLOW_ANN, guarded};
use crate::harness::Issuer;

#[tokio::test]
async fn no_parameter_leads_to_another_host() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut user = Browser::default();
    user.log_in(&proxy, "/").await;
    for (to, expected) in [
        ("/chat", "http://gw/chat"),
        ("//evil.example", "http://gw//evil.example"),
        ("%2F%2Fevil.example", "http://gw//evil.example"),
        ("/%5Cevil.example", "http://gw/\\evil.example"),
        ("/%255Cevil.example", "http://gw/%5Cevil.example"),
        ("https://evil.example/", "http://gw/"),
        ("https%3A%2F%2Fevil.example", "http://gw/"),
        ("%40evil.example", "http://gw/"),
        (".evil.example", "http://gw/"),
        ("javascript:alert(1)", "http://gw/"),
        ("/a%0d%0aSet-Cookie:%20a=b", "http://gw/"),
        ("%09/evil", "http://gw/"),
        ("/.frontgate/logout", "http://gw/"),
        ("/x/../.frontgate/logout", "http://gw/"),
        ("/./.frontgate/logout", "http://gw/"),
        ("/%252e/.frontgate/logout", "http://gw/"),
        ("/x/%252E%252e/.frontgate/logout", "http://gw/"),
        ("/%5C.frontgate%5Clogout", "http://gw/"),
        ("//.frontgate/logout", "http://gw/"),
        ("", "http://gw/"),
    ] {
        let page = user.page(&proxy, &format!("/.frontgate/login?to={to}")).await;
        assert_eq!(leads_to(&page), expected, "{to}");
        let mut browser = Browser::default();
        let login = leads_to(&browser.page(&proxy, &format!("/.frontgate/login?to={to}")).await);
        assert_eq!(leads_to(&browser.finish(&proxy, &login).await), expected, "{to}");
    }
}

#[tokio::test]
async fn a_code_that_was_brought_to_another_browser_logs_no_one_in() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut attacker = Browser::default();
    let brought = callback(&attacker.begin(&proxy, "/").await).await;
    // Login CSRF: a browser without a secret, and one with its own, are sent to log in themselves, once.
    let mut victim = Browser::default();
    for _ in 0..2 {
        let page = victim.page(&proxy, &brought).await;
        assert!(leads_to(&page).starts_with(&issuer.url), "{}", page.text());
        assert_eq!(victim.page(&proxy, "/").await.status(), 302, "no login");
    }
    // One that keeps no cookies is told so instead of being sent round for ever.
    let again = leads_to(&Browser::default().page(&proxy, &brought).await);
    let page = Browser::default().page(&proxy, &callback(&again).await).await;
    assert_eq!(page.status(), 400);
    assert!(page.body_text().contains("login_unfinished"), "{}", page.text());
}

#[tokio::test]
async fn a_login_makes_a_session_of_its_own_whatever_the_browser_brought() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    // An attacker begins a login, and plants its cookies and those of an ended login in another browser.
    let (mut attacker, mut ended) = (Browser::default(), Browser::default());
    attacker.begin(&proxy, "/").await;
    ended.log_in(&proxy, "/").await;
    let mut planted = ended.clone();
    planted.cookies.extend(attacker.cookies.clone());
    issuer.claim("sid", json!("s-2"));
    ended.page(&proxy, "/.frontgate/logout").await;
    let mut victim = planted.clone();
    victim.log_in(&proxy, "/").await;
    assert_eq!(victim.page(&proxy, "/").await.status(), 200);
    let kept =
        |(name, value): (&String, &String)| name.contains("_session_") && planted.cookies.get(name) == Some(value);
    assert!(!victim.cookies.iter().any(kept), "a session that was there before");
    for mut other in [attacker, planted] {
        assert_eq!(other.page(&proxy, "/").await.status(), 302, "what was planted is no login");
    }
}

#[tokio::test]
async fn a_callback_counts_once() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    let back = callback(&browser.begin(&proxy, "/").await).await;
    let mut copy = browser.clone();
    assert_eq!(browser.page(&proxy, &back).await.status(), 200);
    // Even with the browser's own secret: the issuer takes no code twice.
    let page = copy.page(&proxy, &back).await;
    assert_eq!(page.status(), 502, "{}", page.text());
    assert_eq!(copy.page(&proxy, "/").await.status(), 302);
}

#[tokio::test]
async fn a_state_that_was_changed_or_an_answer_of_another_issuer_counts_for_nothing() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    for (from, to, expected) in [
        ("state=", "state=A", 400),
        ("state=", "x=", 400),
        ("code=", "x=", 400),
        ("code=", "code=x", 502),
        ("iss=http", "iss=https", 502),
        ("iss=", "x=", 502),
        ("code=", "error=access_denied&code=", 403),
    ] {
        let mut browser = Browser::default();
        let back = callback(&browser.begin(&proxy, "/").await).await.replace(from, to);
        let page = browser.page(&proxy, &back).await;
        assert_eq!(page.status(), expected, "{back}: {}", page.text());
        assert_eq!(browser.page(&proxy, "/").await.status(), 302, "{back}");
    }
    issuer.refuse("access_denied");
    let mut browser = Browser::default();
    let login = browser.begin(&proxy, "/").await;
    assert_eq!(browser.finish(&proxy, &login).await.status(), 403);
}

#[tokio::test]
async fn cookies_that_were_changed_doubled_or_made_for_another_client_are_none() {
    let (issuer, other) = (Issuer::start(), Issuer::start());
    let config = format!(
        "routes:\n  - {{ path: /one/, {} }}\n  - {{ path: /two/, {} }}\n",
        oidc(&issuer, ALLOW_ANN),
        oidc(&other, ALLOW_ANN)
    );
    let (_gateway, proxy) = guarded(&config).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/one/").await;
    assert_eq!(browser.page(&proxy, "/one/").await.status(), 200);
    assert_eq!(browser.page(&proxy, "/two/").await.status(), 302);
    let (name, value) = browser.cookies.iter().find(|(name, _)| name.contains("session")).expect("a session");
    let (name, value) = (name.clone(), value.clone());
    // The other issuer's cookie with this one's contents.
    let mut two = Browser::default();
    two.log_in(&proxy, "/two/").await;
    let (other_name, _) = two.cookies.iter().find(|(name, _)| name.contains("session")).expect("a session");
    for cookies in [
        format!("{other_name}={value}"),
        format!("{name}={value}x"),
        format!("{name}={}", &value[..value.len() - 1]),
        format!("{name}={value}; {name}={value}"),
        format!("{name}=1.tossed; {name}={value}"),
    ] {
        for path in ["/one/", "/two/"] {
            let mut client = proxy.plain_client().await;
            client.send(format!("GET {path} HTTP/1.1\r\nHost: gw\r\nCookie: {cookies}\r\n\r\n")).await;
            assert_eq!(client.response().await.status(), 401, "{path} {cookies}");
        }
    }
}

#[tokio::test]
async fn another_site_logs_no_one_out() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut browser = Browser::default();
    browser.log_in(&proxy, "/").await;
    for (method, fields, expected) in [
        ("GET", "Sec-Fetch-Site: cross-site\r\n", 200),
        ("GET", "Sec-Fetch-Site: same-site\r\n", 200),
        ("POST", "Sec-Fetch-Site: cross-site\r\n", 400),
        ("POST", "Origin: https://evil.example\r\n", 400),
        ("POST", "Origin: null\r\n", 400),
    ] {
        let answer = browser.ask(&proxy, method, "/.frontgate/logout", fields, "").await;
        assert_eq!(answer.status(), expected, "{method} {fields}");
        assert!(!answer.head().to_lowercase().contains("set-cookie"), "{}", answer.head());
        assert_eq!(answer.body_text().contains("<form method=\"post\""), method == "GET");
        assert_eq!(browser.page(&proxy, "/").await.status(), 200, "{method} {fields}");
    }
}

#[tokio::test]
async fn a_network_whose_logins_fail_too_often_has_to_wait() {
    let issuer = Issuer::start();
    let (_gateway, proxy) = guarded(&oidc(&issuer, ALLOW_ANN)).await;
    let mut statuses = Vec::new();
    // Ten within a minute are allowed; a slow machine may take more tries, since one is forgotten every six seconds.
    while statuses.len() < 100 {
        let mut browser = Browser::default();
        let back = callback(&browser.begin(&proxy, "/").await).await.replace("code=", "code=x");
        let page = browser.page(&proxy, &back).await;
        statuses.push(page.status());
        if page.status() == 429 {
            assert!(page.field("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok()), "{}", page.text());
            break;
        }
    }
    let last = statuses.pop();
    assert!(last == Some(429) && statuses.len() >= 10 && statuses.iter().all(|status| *status == 502), "{statuses:?}");
    // Who has a login notices nothing, and a login can begin.
    assert!(Browser::default().begin(&proxy, "/").await.starts_with(&issuer.url));
}
