//! What the log says of an issuer that does not answer.

use serde_json::{Value, json};

use super::OK;
use super::browser::{Browser, oidc};
use crate::harness::{Binary, Issuer, Reserved, binary, gateway};

async fn start(gateway: &crate::harness::Gateway, auth: &str) -> Binary {
    let listen = "listen: { https: [\"127.0.0.1:0\"], plain: [\"127.0.0.1:0\"] }";
    binary().upstream(gateway).config(listen).config(auth).start().await
}

/// The lines with these words.
fn lines(proxy: &Binary, words: &str) -> Vec<Value> {
    let printed = proxy.printed.iter().filter(|line| line.contains(words));
    printed.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test]
async fn an_issuer_that_does_not_vouch_for_logins_is_said_once_and_that_it_does_again() {
    let issuer = Issuer::start();
    issuer.give_refresh_tokens(40);
    issuer.claim("sid", json!(null));
    let gateway = gateway().answering(OK).await;
    let mut proxy = start(&gateway, &oidc(&issuer, "session: 1s, allow: { subjects: [\"*\"] }")).await;
    let mut browsers = vec![Browser::default(); 3];
    for browser in &mut browsers {
        browser.log_in(&proxy, "/").await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    issuer.be_away(true);
    for browser in &mut browsers {
        assert_eq!(browser.page(&proxy, "/").await.status(), 302);
    }
    assert_eq!(issuer.refreshes(), 3);
    issuer.be_away(false);
    // It is not asked again at once, and knows the token of the last login only.
    while browsers[2].page(&proxy, "/").await.status() != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    proxy.terminate().await;
    let away = lines(&proxy, "the issuer does not say whether a login still counts");
    assert_eq!(away.len(), 1, "{away:#?}");
    assert!(away[0]["level"] == "WARN" && away[0]["issuer"] == *issuer.url, "{away:#?}");
    let back = lines(&proxy, "the issuer says again whether logins count");
    assert!(back.len() == 1 && back[0]["down_ms"].is_u64(), "{back:#?}");
}

#[tokio::test]
async fn an_issuer_that_is_gone_is_said_once_however_many_log_in() {
    let place = Reserved::new();
    let url = format!("http://{}", place.address);
    let gateway = gateway().answering(OK).await;
    let auth = format!("auth: {{ oidc: {{ issuer: \"{url}\", client_id: gw, allow: {{ subjects: [\"*\"] }} }} }}");
    let mut proxy = start(&gateway, &auth).await;
    for _ in 0..5 {
        let page = Browser::default().page(&proxy, "/.frontgate/login").await;
        assert_eq!(page.status(), 502, "{}", page.text());
        // It is asked again after a second, and longer each time.
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    }
    let issuer = Issuer::at(place);
    while Browser::default().page(&proxy, "/.frontgate/login").await.status() != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    proxy.terminate().await;
    let gone = lines(&proxy, "the issuer of logins cannot be asked");
    assert!(gone.len() == 1 && gone[0]["issuer"] == *issuer.url, "{gone:#?}");
    assert_eq!(lines(&proxy, "the issuer of logins can be asked again").len(), 1);
}
