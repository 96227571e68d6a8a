//! Static answers with gzip, as clients get them.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::Request;

use crate::harness::{Message, Wire, empty, gateway, in_lower_case, proxy};

/// A style sheet of many pieces, as the gateway sends it.
fn style() -> String {
    (0..20_000).fold(String::new(), |style, number| style + &format!(".rule-{number} {{ margin: {}px }}\n", number % 7))
}

fn answer(fields: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/css\r\n{fields}content-length: {}\r\n\r\n{body}", body.len())
}

fn plain(compressed: &[u8]) -> String {
    let mut plain = String::new();
    GzDecoder::new(compressed).read_to_string(&mut plain).expect("a whole file of gzip");
    plain
}

async fn get(client: &mut Wire, fields: &str) -> Message {
    client.send(format!("GET /a.css HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await;
    client.response().await
}

#[tokio::test]
async fn a_client_that_takes_gzip_gets_it_and_others_the_bytes_as_they_are() {
    let style = style();
    let gateway = gateway().answering(answer("etag: \"x\"\r\naccept-ranges: bytes\r\n", &style)).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;

    let with = get(&mut client, "Accept-Encoding: gzip, deflate, br, zstd\r\n").await;
    assert_eq!(with.field("content-encoding").as_deref(), Some("gzip"));
    assert_eq!(
        (with.field("etag").as_deref(), with.field("vary").as_deref()),
        (Some("W/\"x\""), Some("Accept-Encoding"))
    );
    assert_eq!((with.field("content-length"), with.field("accept-ranges")), (None, None));
    assert!(with.complete && with.body.len() < style.len() / 4, "{} bytes", with.body.len());
    assert!(plain(&with.body) == style);

    let without = get(&mut client, "").await;
    assert_eq!((without.field("content-encoding"), without.field("etag").as_deref()), (None, Some("\"x\"")));
    assert_eq!(without.field("vary").as_deref(), Some("Accept-Encoding"), "a cache must ask for each");
    assert!(without.body == style.as_bytes());

    let ranged = get(&mut client, "Accept-Encoding: gzip\r\nRange: bytes=0-\r\n").await;
    assert!(ranged.field("content-encoding").is_none() && ranged.body == style.as_bytes());

    let mut two = proxy.http2().await;
    let request = Request::get("https://localhost/a.css").header("accept-encoding", "gzip").body(empty()).unwrap();
    let with = two.ask(request).await;
    assert_eq!((with.status, &with.headers["content-encoding"]), (200, &http::HeaderValue::from_static("gzip")));
    assert!(!with.headers.contains_key("content-length"));
    assert!(plain(&with.body) == style);
}

#[tokio::test]
async fn a_head_is_that_of_the_compressed_answer() {
    let script = |mut connection: crate::harness::Connection| async move {
        while connection.request().await.is_some() {
            connection
                .send("HTTP/1.1 200 OK\r\ncontent-type: text/css\r\ncontent-length: 5000\r\netag: \"x\"\r\n\r\n")
                .await;
        }
    };
    let gateway = gateway().playing(script).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        client.send("HEAD / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n").await;
        let head = in_lower_case(&client.response_to_head().await.text());
        assert!(head.contains("content-encoding: gzip\r\n") && head.contains("etag: W/\"x\"\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
    }
    let mut two = proxy.http2().await;
    let request = Request::head("https://localhost/").header("accept-encoding", "gzip").body(empty()).unwrap();
    let head = two.ask(request).await;
    assert_eq!(&head.headers["content-encoding"], "gzip");
    assert!(!head.headers.contains_key("content-length"), "{:?}", head.headers);
}

#[tokio::test]
async fn a_client_that_has_it_is_told_so_whatever_the_gateway_makes_of_its_weak_tag() {
    let ask = "Accept-Encoding: gzip\r\nIf-None-Match: W/\"x\"\r\n";
    let whole = answer("etag: \"x\"\r\ncache-control: max-age=60\r\n", &style());
    let unchanged = "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".to_owned();
    for said in [whole, unchanged] {
        let gateway = gateway().answering(said).await;
        let proxy = proxy().upstream(&gateway).start().await;
        let mut client = proxy.client().await;
        for _ in 0..2 {
            client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{ask}\r\n")).await;
            let got = client.response_to_head().await;
            assert_eq!((got.status(), got.field("etag").as_deref()), (304, Some("W/\"x\"")), "{}", got.text());
            assert_eq!((got.field("content-type"), got.field("content-length")), (None, None));
            assert_eq!(got.field("vary").as_deref(), Some("Accept-Encoding"));
        }
        // The connection goes on.
        let plain = get(&mut client, "").await;
        assert!([200, 304].contains(&plain.status()));
    }
}

#[tokio::test]
async fn a_body_that_comes_slowly_is_passed_on_as_it_comes() {
    let script = |mut connection: crate::harness::Connection| async move {
        while connection.request().await.is_some() {
            connection.send("HTTP/1.1 200 OK\r\ncontent-type: text/javascript\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
            // The rest comes when the client has the first part and asks for more.
            connection.request().await;
            connection.send("6\r\nsecond\r\n0\r\n\r\n").await;
        }
    };
    let gateway = gateway().playing(script).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut two = proxy.http2().await;
    let request = Request::get("https://localhost/").header("accept-encoding", "gzip").body(empty()).unwrap();
    let mut response = two.send(request).await.unwrap();
    let first: Bytes = {
        use http_body_util::BodyExt as _;
        let mut begun = Vec::new();
        loop {
            let frame = crate::harness::within("the first part", response.frame()).await.unwrap().unwrap();
            begun.extend_from_slice(&frame.into_data().unwrap());
            let mut five = [0; 5];
            if GzDecoder::new(&begun[..]).read_exact(&mut five).is_ok() {
                assert_eq!(&five, b"first");
                break begun.into();
            }
        }
    };
    assert!(!first.is_empty());
}

#[tokio::test]
async fn what_is_not_a_file_of_a_page_and_what_is_turned_off_stays_as_it_is() {
    let long = style();
    let page = answer("", &long).replace("text/css", "text/html");
    let cookie = answer("set-cookie: a=b\r\n", &long);
    let coded = answer("content-encoding: br\r\n", &long);
    for (said, compress) in [(page, true), (cookie, true), (coded, true), (answer("etag: \"x\"\r\n", &long), false)] {
        let gateway = gateway().answering(said).await;
        let proxy = proxy().upstream(&gateway).config(|config| config.compress = compress).start().await;
        let mut client = proxy.client().await;
        let got = get(&mut client, "Accept-Encoding: gzip\r\n").await;
        assert_ne!(got.field("content-encoding").as_deref(), Some("gzip"));
        assert!(got.field("vary").is_none() && got.body == long.as_bytes());
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_look_whole() {
    let said = format!("HTTP/1.1 200 OK\r\ncontent-type: text/css\r\ncontent-length: {}\r\n\r\n{}", 1 << 20, style());
    let script = move |mut connection: crate::harness::Connection| {
        let said = said.clone();
        async move {
            connection.request().await;
            connection.send(said).await;
        }
    };
    let gateway = gateway().playing(script).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n").await;
    let (got, _) = client.rest().await;
    assert!(got.windows(4).any(|bytes| bytes == b"gzip") && !got.ends_with(b"0\r\n\r\n"));
}
