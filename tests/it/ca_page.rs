//! The page that hands out the local CA, as a phone meets it.

use std::fs;

use crate::harness::{Wire, dial, gateway, proxy};

const PAGE: &str = "/.well-known/frontgate/ca";

async fn get(client: &mut Wire, method: &str, path: &str) {
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: gw.lan:8080\r\n\r\n")).await;
}

#[tokio::test]
async fn a_phone_gets_the_page_and_the_ca_in_three_forms() {
    let gateway = gateway().answering("").await;
    let proxy = proxy().upstream(&gateway).http().config(|config| config.tls.ca_page = true).start().await;
    let mut client = proxy.http_client().await;
    get(&mut client, "GET", PAGE).await;
    let page = client.response().await;
    assert_eq!((page.status(), page.field("content-type").as_deref()), (200, Some("text/html; charset=utf-8")));
    assert!(page.field("content-security-policy").unwrap().starts_with("default-src 'none'; style-src 'sha256-"));
    let text = String::from_utf8(page.body).unwrap();
    let https = format!("https://gw.lan:{}/", proxy.https.unwrap().port());
    assert!(
        text.contains(&https) && text.contains("http://gw.lan:8080/.well-known/frontgate/ca") && text.contains("<svg")
    );

    get(&mut client, "HEAD", PAGE).await;
    let head = client.response_to_head().await;
    assert_eq!((head.status(), head.field("content-length")), (200, Some(text.len().to_string())));

    let ca = fs::read(proxy.ca.as_ref().unwrap()).unwrap();
    for (ending, content_type) in [
        (".pem", "application/x-x509-ca-cert"),
        (".der", "application/x-x509-ca-cert"),
        (".mobileconfig", "application/x-apple-aspen-config"),
    ] {
        get(&mut client, "GET", &format!("{PAGE}{ending}")).await;
        let file = client.response().await;
        assert_eq!((file.status(), file.field("content-type").as_deref()), (200, Some(content_type)), "{ending}");
        assert!(file.field("content-disposition").unwrap().starts_with("inline; filename=\"frontgate-local-ca."));
        match ending {
            ".pem" => assert_eq!(file.body, ca),
            ".der" => assert_eq!(file.body, proxy.trust().ca.as_ref()),
            _ => assert!(file.body.starts_with(b"<?xml")),
        }
    }
}

#[tokio::test]
async fn nothing_else_is_answered_and_nowhere_else() {
    let gateway = gateway().answering("").await;
    let (on, off) = (proxy().upstream(&gateway).http(), proxy().upstream(&gateway).http());
    let on = on.config(|config| config.tls.ca_page = true).start().await;
    let off = off.start().await;
    for (door, method, path) in [
        (on.http, "GET", "/.well-known/frontgate/ca.key"),
        (on.http, "GET", "/.well-known/frontgate/ca/"),
        (on.http, "GET", "/x/../.well-known/frontgate/ca"),
        (on.http, "POST", PAGE),
        // Plain HTTP where TLS is spoken.
        (on.https, "GET", PAGE),
        (off.http, "GET", PAGE),
    ] {
        let mut client = Wire::new(dial(door.unwrap()).await);
        get(&mut client, method, path).await;
        assert_eq!(client.response().await.status(), 308, "{method} {path}");
    }
    assert_eq!(gateway.connections(), 0);
}
