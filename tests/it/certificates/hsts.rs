//! Answers that keep browsers on https.

use std::fs;

use super::made::{Ca, Folder, Made};
use super::seeing::{Seeing, client};
use super::{GET, OK};
use crate::harness::{Message, Wire, binary, gateway, within};

#[tokio::test]
async fn browsers_are_kept_on_https_when_the_public_trusts_the_certificate() {
    let plain_answer = gateway().answering(OK).await;
    let own_answer = gateway()
        .answering("HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=5\r\ncontent-length: 0\r\n\r\n")
        .await;
    let (ca, stranger) = (Ca::new(), Ca::new());
    let folder = Folder::new();
    fs::write(folder.file("roots.pem"), &ca.pem).unwrap();
    let year = Some("max-age=31536000".to_owned());
    let of = |made: &Made, name: &str| {
        let files = folder.put(name, made);
        format!("certificate: {{ cert: {}, key: {} }}", files.cert.display(), files.key.display())
    };
    let trusted = of(&ca.signed(&["gw.example.com"]), "trusted");
    let unknown = of(&stranger.signed(&["gw.example.com"]), "unknown");
    for (gateway, tls, asked, expected) in [
        (&plain_answer, trusted.clone(), "gw.example.com", year.clone()),
        (&plain_answer, trusted.clone(), "other.example.com", None),
        (&plain_answer, trusted.clone(), "127.0.0.1", None),
        (&plain_answer, format!("{trusted}, hsts: off"), "gw.example.com", None),
        (&plain_answer, format!("{trusted}, hsts: 1h"), "gw.example.com", Some("max-age=3600".to_owned())),
        (&own_answer, trusted.clone(), "gw.example.com", Some("max-age=5".to_owned())),
        (&plain_answer, unknown, "gw.example.com", None),
        (&plain_answer, "names: [gw.example.com]".to_owned(), "gw.example.com", None),
        (&plain_answer, "hsts: 1h".to_owned(), "localhost", Some("max-age=3600".to_owned())),
    ] {
        let proxy = binary()
            .upstream(gateway)
            .environment("SSL_CERT_FILE", folder.file("roots.pem").to_str().unwrap())
            .config(r#"listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
            .config(&format!("tls: {{ {tls} }}"))
            .start()
            .await;
        let config = Seeing::default().config(&["http/1.1"]);
        let field = |response: Message| response.field("strict-transport-security");
        if tls.ends_with("/trusted.key }") {
            // frontgate finds out whether the public trusts the certificate while clients are served.
            within("trust", async {
                loop {
                    let mut client = Wire::new(client(&proxy, "gw.example.com", &config).await);
                    client.send(GET).await;
                    if field(client.response().await).is_some_and(|said| Some(said) == year || expected.is_some()) {
                        break;
                    }
                }
            })
            .await;
        }
        let mut https = Wire::new(client(&proxy, asked, &config).await);
        https.send(GET).await;
        assert_eq!(field(https.response().await), expected, "{tls} {asked}");
        if std::ptr::eq(gateway, &raw const own_answer) {
            continue;
        }
        // A page of our own has it too, and nothing in the clear does.
        https.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
        assert_eq!(field(https.response().await), expected, "{tls} {asked}");
        for mut clear in [proxy.plain_client().await, proxy.http_client().await] {
            clear.send(GET).await;
            assert_eq!(field(clear.response().await), None);
        }
    }
}
