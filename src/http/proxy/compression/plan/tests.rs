use super::*;

type Fields = &'static [(&'static str, &'static str)];

fn fields(fields: Fields) -> HeaderMap {
    let field = |&(name, value): &(_, _)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    fields.iter().map(field).collect()
}

/// What is decided on an answer with these fields to a `GET` with those.
fn decided(request: Fields, answer: Fields) -> HeadPlan {
    plan(&Method::GET, &fields(request), StatusCode::OK, &fields(answer))
}

const GZIP: (&str, &str) = ("accept-encoding", "gzip, br");
const CSS: (&str, &str) = ("content-type", "text/css; charset=utf-8");

#[test]
fn files_of_a_page_are_compressed_and_nothing_else() {
    for (kind, expected) in [
        ("text/css", HeadPlan::Gzip),
        ("Text/CSS ; charset=utf-8", HeadPlan::Gzip),
        ("text/javascript", HeadPlan::Gzip),
        ("application/javascript; charset=utf-8", HeadPlan::Gzip),
        ("image/svg+xml", HeadPlan::Gzip),
        ("application/wasm", HeadPlan::Gzip),
        ("font/ttf", HeadPlan::Gzip),
        ("font/woff2", HeadPlan::AsItIs),
        ("text/html", HeadPlan::AsItIs),
        ("text/plain", HeadPlan::AsItIs),
        ("application/json", HeadPlan::AsItIs),
        ("application/manifest+json", HeadPlan::AsItIs),
        ("text/event-stream", HeadPlan::AsItIs),
        ("image/png", HeadPlan::AsItIs),
        ("", HeadPlan::AsItIs),
    ] {
        let mut answer = HeaderMap::new();
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        assert_eq!(plan(&Method::GET, &fields(&[GZIP]), StatusCode::OK, &answer), expected, "{kind}");
    }
    assert_eq!(decided(&[GZIP], &[]), HeadPlan::AsItIs);
}

#[test]
fn an_answer_that_is_more_than_a_file_stays_as_it_is() {
    let rows: [(Fields, Fields, HeadPlan); 18] = [
        (&[GZIP], &[CSS], HeadPlan::Gzip),
        (&[], &[CSS], HeadPlan::Varies),
        (&[("accept-encoding", "br")], &[CSS], HeadPlan::Varies),
        (&[GZIP, ("range", "bytes=0-1")], &[CSS], HeadPlan::AsItIs),
        (&[GZIP, ("cache-control", "no-transform")], &[CSS], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("content-length", "1023")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("content-length", "1024")], HeadPlan::Gzip),
        (&[GZIP], &[CSS, ("content-encoding", "br")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("content-encoding", "identity")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("set-cookie", "a=b")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("cache-control", "public, No-Transform")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("cache-control", "private=\"x\"")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("cache-control", "no-store")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("cache-control", "public, max-age=31536000, immutable")], HeadPlan::Gzip),
        (&[GZIP], &[CSS, ("content-range", "bytes 0-1/2")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("repr-digest", "x")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("trailer", "x-sum")], HeadPlan::AsItIs),
        (&[GZIP], &[CSS, ("etag", "bare")], HeadPlan::AsItIs),
    ];
    for (request, answer, expected) in rows {
        assert_eq!(decided(request, answer), expected, "{request:?} {answer:?}");
    }
    let (request, answer) = (fields(&[GZIP]), fields(&[CSS]));
    assert_eq!(plan(&Method::POST, &request, StatusCode::OK, &answer), HeadPlan::AsItIs);
    assert_eq!(plan(&Method::HEAD, &request, StatusCode::OK, &answer), HeadPlan::Gzip);
    for status in [201, 206, 404, 500] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(plan(&Method::GET, &request, status, &answer), HeadPlan::AsItIs, "{status}");
    }
}

#[test]
fn a_client_that_has_the_compressed_answer_gets_none() {
    const TAG: (&str, &str) = ("etag", "\"x\"");
    let rows: [(&str, HeadPlan, HeadPlan); 5] = [
        ("W/\"x\"", HeadPlan::NotModified, HeadPlan::Revalidated),
        ("\"a\", W/\"x\"", HeadPlan::NotModified, HeadPlan::Revalidated),
        // The client has the plain answer, and a gateway that looks has said so.
        ("\"x\"", HeadPlan::Gzip, HeadPlan::AsItIs),
        ("W/\"y\"", HeadPlan::Gzip, HeadPlan::AsItIs),
        ("*", HeadPlan::Gzip, HeadPlan::AsItIs),
    ];
    for (has, whole, unchanged) in rows {
        let mut request = fields(&[GZIP]);
        request.insert(IF_NONE_MATCH, HeaderValue::from_static(has));
        let answer = fields(&[CSS, TAG]);
        assert_eq!(plan(&Method::GET, &request, StatusCode::OK, &answer), whole, "{has}");
        assert_eq!(plan(&Method::GET, &request, StatusCode::NOT_MODIFIED, &fields(&[TAG])), unchanged, "{has}");
    }
    // The gateway's own weak tags are its own to compare.
    let mut request = fields(&[GZIP]);
    request.insert(IF_NONE_MATCH, HeaderValue::from_static("W/\"x\""));
    let answer = fields(&[CSS, ("etag", "W/\"x\"")]);
    assert_eq!(plan(&Method::GET, &request, StatusCode::OK, &answer), HeadPlan::Gzip);
}

#[test]
fn the_head_says_what_follows() {
    let mut head = fields(&[
        CSS,
        ("content-length", "5000"),
        ("accept-ranges", "bytes"),
        ("etag", "\"x\""),
        ("vary", "Origin"),
        ("cache-control", "max-age=60"),
    ]);
    gzip(&mut head);
    let expected = fields(&[
        CSS,
        ("etag", "W/\"x\""),
        ("vary", "Origin"),
        ("vary", "Accept-Encoding"),
        ("cache-control", "max-age=60"),
        ("content-encoding", "gzip"),
    ]);
    assert_eq!(head, expected);
    not_modified(&mut head);
    assert_eq!(head.get(ETAG).unwrap(), "W/\"x\"");
    assert!(!head.contains_key(CONTENT_TYPE));
    for already in ["*", "accept-encoding", "Origin, Accept-Encoding"] {
        let mut head = HeaderMap::new();
        head.insert(VARY, HeaderValue::from_static(already));
        vary(&mut head);
        assert_eq!(head.get_all(VARY).iter().collect::<Vec<_>>(), [already]);
    }
}
