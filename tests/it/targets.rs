//! A corpus of request targets: each reaches the gateway byte for byte, or not at all.

use std::fs;
use std::path::Path;

use crate::harness::{Outcome, Proxy, gateway, proxy};

#[tokio::test]
async fn every_target_reaches_the_gateway_byte_for_byte() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let carried = carried();
    assert!(carried.len() >= 150, "{}", carried.len());
    let (mut one, mut two) = (proxy.client().await, proxy.raw_http2().await);
    for target in &carried {
        let name = shown(target);
        one.send(request("GET", target)).await;
        let response = one.response().await;
        assert_eq!(response.status(), 200, "h1 {name}: {}", response.text());
        assert_eq!(shown(gateway.request().await.target()), name, "h1");

        assert_eq!(two.ask(&fields(b"GET", target)).await, Outcome::Status(200), "h2 {name}");
        assert_eq!(shown(gateway.request().await.target()), name, "h2");
    }
    one.send(request("OPTIONS", b"*")).await;
    assert_eq!(one.response().await.status(), 200);
    assert_eq!(gateway.request().await.first_line(), b"OPTIONS * HTTP/1.1");
    assert_eq!(two.ask(&fields(b"OPTIONS", b"*")).await, Outcome::Status(200));
    assert_eq!(gateway.request().await.first_line(), b"OPTIONS * HTTP/1.1");
}

#[tokio::test]
async fn what_cannot_be_carried_gets_a_400_and_never_reaches_the_gateway() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    for Refused { targets, code, http2, .. } in REFUSED {
        for target in *targets {
            assert_eq!(refused_over_h1(&proxy, target).await, *code, "h1 {}", shown(target));
            let got = proxy.raw_http2().await.ask(&fields(b"GET", target)).await;
            assert_eq!(got, *http2, "h2 {}", shown(target));
            if *http2 == Outcome::Status(200) {
                let cut = target.split(|byte| *byte == b'#').next().unwrap_or_default();
                assert_eq!(gateway.request().await.target(), cut, "h2 {}", shown(target));
            }
            assert_eq!(gateway.unexpected(), None, "{}", shown(target));
        }
    }
}

/// The failure's code, in the page that a client gets.
async fn refused_over_h1(proxy: &Proxy, target: &[u8]) -> String {
    let mut client = proxy.client().await;
    client.send(request("GET", target)).await;
    let response = client.response().await;
    let body = response.body_text();
    assert_eq!(response.status(), 400, "{}: {}", shown(target), response.text());
    body.lines().find_map(|line| line.strip_prefix("code: ")).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn absolute_form_is_sent_on_as_the_path_it_names() {
    let mut gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).start().await;
    let rows: &[(&str, Result<&str, u16>)] = &[
        ("https://localhost", Ok("/")),
        ("https://localhost/", Ok("/")),
        ("https://localhost?a", Ok("/?a")),
        ("https://localhost?", Ok("/?")),
        ("https://localhost//a", Ok("//a")),
        ("https://localhost/a/../b?c", Ok("/a/../b?c")),
        ("HTTPS://LOCALHOST/a", Ok("/a")),
        // Two answers to "which host?", or for another connection than this.
        ("https://localhost:443/a", Err(400)),
        ("https://other/a", Err(400)),
        ("https://user@localhost/a", Err(400)),
        ("https:///a", Err(400)),
        ("http://localhost/a", Err(421)),
        ("ftp://localhost/a", Err(421)),
    ];
    for (target, expected) in rows {
        let mut client = proxy.client().await;
        client.send(request("GET", target.as_bytes())).await;
        let status = client.response().await.status();
        match expected {
            Ok(path) => {
                assert_eq!(status, 200, "{target}");
                assert_eq!(shown(gateway.request().await.target()), *path, "{target}");
            }
            Err(expected) => assert_eq!((status, gateway.unexpected()), (*expected, None), "{target}"),
        }
    }
}

/// The documentation's table of what gets a 400 is this file's.
#[test]
fn the_documentation_lists_what_is_refused() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/LIMITS.md")).unwrap_or_default();
    for Refused { what, code, .. } in REFUSED {
        let row = format!("| {what} | `{code}` |");
        assert!(page.contains(&row), "config/LIMITS.md lacks the row {row}");
    }
}

/// Targets that cannot be carried, because our parser has no form for them.
struct Refused {
    /// In words, for the documentation.
    what: &'static str,
    /// The code on the page over HTTP/1.1.
    code: &'static str,
    /// What comes of it over HTTP/2, where the parser answers by itself, below the layer that makes pages.
    http2: Outcome,
    targets: &'static [&'static [u8]],
}

const REFUSED: &[Refused] = &[
    Refused {
        what: "`#`",
        code: "fragment_in_target",
        // The parser cuts it off without a word: what is left is what is asked for.
        http2: Outcome::Status(200),
        targets: &[b"/#", b"/#a", b"/a#", b"/a#b", b"/?#", b"/?a#b", b"/a#b?c"],
    },
    Refused {
        what: "`<`, `>` or `` ` `` in the path, `\"`, `<` or `>` in the query",
        code: "bad_head",
        http2: Outcome::Reset,
        targets: &[b"/a<b", b"/a>b", b"/a`b", b"/?a\"b", b"/?a<b", b"/?a>b"],
    },
    Refused {
        what: "a space or a control character",
        code: "bad_head",
        http2: Outcome::Reset,
        targets: &[
            b"/a b", b"/?a b", b"/a\tb", b"/?a\tb", b"/\x01", b"/?\x01", b"/\x7f", b"/?\x7f", b"/\0", b"/?\0",
            b"/\x1b", b"/\x0b",
        ],
    },
    Refused {
        what: "bytes beyond ASCII",
        code: "bad_target",
        http2: Outcome::Status(400),
        targets: &[
            b"/gr\xc3\xbcn",
            b"/\xe2\x98\x83",
            b"/\xf0\x9f\xa6\x80/\xe6\x97\xa5",
            b"/?q=gr\xc3\xbcn",
            b"/?q=\xe2\x98\x83&\xf0\x9f\xa6\x80",
        ],
    },
    Refused { what: "`*`, but for `OPTIONS`", code: "bad_target", http2: Outcome::Status(400), targets: &[b"*"] },
    Refused {
        what: "bytes that are not UTF-8",
        code: "bad_head",
        http2: Outcome::GoAway,
        targets: &[b"/\xff", b"/\xc3", b"/?\xff", b"/?\xc3(", b"/a\x80b", b"/?a\x80b"],
    },
    Refused {
        what: "a beginning other than `/`, `*` or `https://`",
        code: "bad_head",
        http2: Outcome::Reset,
        targets: &[b"a/b", b"./a", b"\\"],
    },
    Refused {
        what: "a host alone, as for `CONNECT`",
        code: "bad_host",
        http2: Outcome::Reset,
        targets: &[b"a", b".", b"..", b"localhost:443", b"https:a"],
    },
    Refused { what: "a query alone", code: "bad_head", http2: Outcome::Status(400), targets: &[b"?", b"?a", b"#"] },
];

/// What must pass.
fn carried() -> Vec<Vec<u8>> {
    let mut targets: Vec<Vec<u8>> = Vec::new();
    for byte in b'!'..=b'~' {
        targets.push([b"/a", &[byte][..], b"b"].concat());
        targets.push([b"/?a", &[byte][..], b"b"].concat());
        targets.push(format!("/%{byte:02X}?%{byte:02x}").into_bytes());
    }
    targets.retain(|target| !REFUSED.iter().any(|refused| refused.targets.contains(&target.as_slice())));
    targets.extend(CARRIED.iter().map(|target| target.as_bytes().to_vec()));
    for length in [1024, 8 * 1024, 32 * 1024] {
        targets.push(format!("/{}", "a".repeat(length)).into_bytes());
        targets.push(format!("/?{}", "a".repeat(length)).into_bytes());
        targets.push(format!("/{}", "%2F".repeat(length / 3)).into_bytes());
        targets.push(format!("/{}", "../".repeat(length / 3)).into_bytes());
    }
    targets
}

#[rustfmt::skip]
const CARRIED: &[&str] = &[
    // Slashes and dots.
    "/", "//", "///", "//a", "//host/path", "/a//b", "/.", "/..", "/./", "/../", "/a/./b", "/a/../b", "/a/..",
    "/../../etc/passwd", "/%2e%2e/", "/%2E%2E/", "/.%2e/", "/a\\b", "/a%5cb",
    // Percent signs.
    "/a%2Fb", "/a%2fb", "/%", "/%%", "/%z", "/%zz", "/%1", "/%00", "/%0d%0a", "/%25", "/%252F", "/%u2603",
    // Queries.
    "/?", "/??", "/???", "/a?", "/a??b", "/?a", "/?a=", "/?=", "/?=a", "/?&", "/?&&", "/?a=1&a=2", "/?a=1&a=2&a=1",
    "/?a=1;b=2", "/?a+b", "/?a%20b", "/?a%2Bb", "/?a=%", "/?%zz", "/?a=/../b", "/?a=//b", "/?a=http://b/c?d",
    "/?a[]=1&a[]=2", "/?{a:1}", "/?a='b'", "/?a|b", "/?a^b", "/?a`b",
    // Other marks.
    "/;", "/;a", "/a;b=c/d;e", "/a;b=c?d;e", "/+", "/a+b", "/a:b", "/a:80/b", "/@", "/a@b", "/{\"a\":[1]}",
    "/!$&'()*+,;=", "/-._~", "/:@!$&'()*+,;=-._~?/:@!$&'()*+,;=-._~",
    // Bytes beyond ASCII, as a browser writes them.
    "/gr%C3%BCn", "/%E2%98%83", "/?q=%e2%98%83",
];

fn request(method: &str, target: &[u8]) -> Vec<u8> {
    [method.as_bytes(), b" ", target, b" HTTP/1.1\r\nHost: localhost\r\n\r\n"].concat()
}

fn fields<'a>(method: &'a [u8], target: &'a [u8]) -> [(&'a [u8], &'a [u8]); 4] {
    [(b":method", method), (b":scheme", b"https"), (b":authority", b"localhost"), (b":path", target)]
}

fn shown(target: &[u8]) -> String {
    target.escape_ascii().to_string()
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
