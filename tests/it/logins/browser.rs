//! [`Browser`]: what a browser does in a login, without its pages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use crate::harness::{Doors, Issuer, Message, Wire, dial};

/// A browser with its cookies.
#[derive(Default, Clone)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Asks for a page of frontgate's.
    pub(crate) async fn page(&mut self, proxy: &Doors, target: &str) -> Message {
        self.ask(proxy, "GET", target, "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nAccept: text/html\r\n", "")
            .await
    }

    /// The field with its cookies.
    pub(crate) fn cookie_field(&self) -> String {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) }
    }

    /// Sends a request with these fields.
    pub(crate) async fn ask(&mut self, proxy: &Doors, method: &str, target: &str, fields: &str, body: &str) -> Message {
        let cookies = self.cookie_field();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut client = proxy.plain_client().await;
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: gw\r\n{fields}{cookies}{length}\r\n{body}")).await;
        let answer = client.response().await;
        for (_, cookie) in answer.fields().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            assert!(cookie.ends_with("; Secure; HttpOnly; SameSite=Lax") && cookie.contains("; Path=/;"), "{cookie}");
            assert!(name.starts_with("__Host-"), "{cookie}");
            if cookie.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks for a page without a login; returns the URL of the issuer's login page.
    pub(crate) async fn begin(&mut self, proxy: &Doors, target: &str) -> String {
        let answer = self.page(proxy, target).await;
        assert_eq!(answer.status(), 302, "{}", answer.text());
        let location = answer.field("location").unwrap();
        assert!(location.starts_with("/.frontgate/login?"), "{location}");
        let page = self.page(proxy, &location).await;
        assert_eq!(page.status(), 200, "{}", page.text());
        leads_to(&page)
    }

    /// Logs in at the issuer, and comes back; returns frontgate's answer to the callback.
    pub(crate) async fn finish(&mut self, proxy: &Doors, login: &str) -> Message {
        self.page(proxy, &callback(login).await).await
    }

    /// A whole login; returns where it leads.
    pub(crate) async fn log_in(&mut self, proxy: &Doors, target: &str) -> String {
        let login = self.begin(proxy, target).await;
        let page = self.finish(proxy, &login).await;
        assert_eq!(page.status(), 200, "{}", page.text());
        leads_to(&page)
    }
}

/// The target of the callback to which the issuer sends the browser.
pub(crate) async fn callback(login: &str) -> String {
    let url: http::Uri = login.parse().unwrap();
    let mut issuer = Wire::new(dial(url.authority().unwrap().as_str().parse().unwrap()).await);
    issuer.send(format!("GET {} HTTP/1.1\r\nHost: id\r\n\r\n", url.path_and_query().unwrap())).await;
    let back: http::Uri = issuer.response().await.field("location").unwrap().parse().unwrap();
    assert_eq!((back.scheme_str(), back.host()), (Some("http"), Some("gw")), "{back}");
    back.path_and_query().unwrap().to_string()
}

/// Where a page sends the browser on.
pub(crate) fn leads_to(page: &Message) -> String {
    let html = page.body_text();
    let (_, link) = html.split_once("<a id=\"go\"").unwrap_or_else(|| panic!("no way on: {html}"));
    let (_, href) = link.split_once("href=\"").unwrap();
    href.split('"').next().unwrap().replace("&amp;", "&").replace("&#39;", "'")
}

/// The configuration of a route whose users log in at `issuer`.
pub(crate) fn oidc(issuer: &Issuer, rest: &str) -> String {
    format!(
        "auth: {{ oidc: {{ issuer: \"{}\", client_id: gw, client_secret: hush, {rest} }}, user_header: X-User }}",
        issuer.url
    )
}
