//! Runs one of the pure paths that every message or request takes, so many times: `counts CASE TIMES`.
//! `tests/bench/counts/run` counts its instructions.
#![expect(clippy::print_stdout, reason = "the names of the cases are its output")]

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use frontgate::config::{self, ConfigLocation, Forwarded, LocalClients, Overrides};
use frontgate::http::auth::cost::LoginCost;
use frontgate::http::auth::session::contents::Session;
use frontgate::http::auth::session::cookies::CookieName;
use frontgate::http::auth::session::sealing::SealingKeys;
use frontgate::http::edge::connection_info::{ConnectionInfo, ProxyAnnouncement};
use frontgate::http::edge::{forwarded, host, target};
use frontgate::http::route::headers;
use frontgate::http::route::headers::FieldFilter;
use frontgate::http::route::matches::{Matches, RoutedRequest};
use frontgate::http::route::protected::{Login, ProtectedFields};
use frontgate::http::route::table::RouteTable;
use frontgate::listener::ClientPeer;
use frontgate::upstream::{EncodedRequest, RequestBody};
use frontgate::websocket::Side;
use frontgate::websocket::direction::{AcceptUntil, Direction, FrameRules};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// A case: it prepares what it needs, and then does its work as often as it is told.
type Case = fn(u32);

/// What is counted.
const CASES: &[(&str, Case)] = &[
    ("frames-in-one-read", frames_in_one_read),
    ("part-of-a-large-frame", part_of_a_large_frame),
    ("target-and-host", target_and_host),
    ("route-lookup", route_lookup),
    ("route-lookup-matchers", route_lookup_with_matchers),
    ("route-lookup-of-200", route_lookup_of_200),
    ("forwarding-fields", forwarding_fields),
    ("fields-to-gateway", fields_to_gateway),
    ("login-by-cookie", login_by_cookie),
    ("login-by-token", login_by_token),
    ("login-by-password", login_by_password),
];

fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [case, times] = &words[..] else {
        return CASES.iter().for_each(|(name, _)| println!("{name}"));
    };
    let (_, run) = CASES.iter().find(|(name, _)| name == case).expect("a case by this name");
    run(times.parse().expect("a number of times"));
}

/// 16 frames of 256 bytes from a client, which came together.
fn frames_in_one_read(times: u32) {
    let frame = [&[0x82, 0xFE, 1, 0, 1, 2, 3, 4][..], &[b'x'; 256]].concat();
    pass(&frame.repeat(16), None, times);
}

/// 16 KiB from within a frame that goes on and on.
fn part_of_a_large_frame(times: u32) {
    let head = [0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    pass(&[b'x'; 16 * 1024], Some(&head), times);
}

fn pass(chunk: &[u8], first: Option<&[u8]>, times: u32) {
    let now = Instant::now();
    let mut direction = Direction::new(Side::Client, FrameRules::default());
    direction.count_in(&Arc::default());
    for chunk in first.into_iter().chain((0..times).map(|_| chunk)) {
        let mut rest = black_box(chunk);
        while !rest.is_empty() {
            rest = &rest[direction.accept(rest, AcceptUntil::Never, now).expect("whole frames").take..];
        }
    }
    black_box(direction.counters());
}

/// What is sent on as target and host.
fn target_and_host(times: u32) {
    let (head, connection_info) = (head(), connection_info());
    for _ in 0..times {
        let _ = black_box(target::requested_target(black_box(&head), &connection_info));
        let _ = black_box(target::requested_host(black_box(&head)));
    }
}

/// Which route a request takes, of those that a larger configuration has.
fn route_lookup(times: u32) {
    look_up(ROUTES, times);
}

/// The same of two routes, one of which looks at more than host and path.
fn route_lookup_with_matchers(times: u32) {
    let yaml = "
routes:
  - { path: { regex: '^/admin(/|$)' }, methods: [GET, HEAD], from: [192.0.2.0/24], respond: 403 }
  - { not: { headers: { X-Debug: { present: true } } }, query: { v: { regex: '^2026' } } }
";
    look_up(yaml, times);
}

/// The same of 200 routes, each of which looks at more than host and path.
fn route_lookup_of_200(times: u32) {
    let routes = (0..66).flat_map(|number| {
        [
            format!("  - {{ path: {{ regex: '^/app{number}(/|$)' }}, methods: [GET], respond: 403 }}"),
            format!("  - {{ path: /team{number}/, from: [10.0.0.0/8], upstream: 'http://127.0.0.1:1' }}"),
            format!("  - {{ path: {{ exact: /x{number} }}, cookies: {{ a: b }}, upstream: 'http://127.0.0.1:1' }}"),
        ]
    });
    let rest = ["  - { path: /assets/, query: { v: { regex: '^2026' } } }", "  - {}\n"].map(str::to_owned);
    let yaml: Vec<String> = ["routes:".to_owned()].into_iter().chain(routes).chain(rest).collect();
    look_up(&yaml.join("\n"), times);
}

fn look_up(yaml: &str, times: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("frontgate.yaml");
    std::fs::write(&file, yaml).expect("a file");
    let loaded = config::load(ConfigLocation::File(file), [], &Overrides::default());
    let routes = loaded.unwrap_or_else(|problems| panic!("{problems}")).config.routes;
    let matches = routes.iter().map(|route| Matches { guard: route.respond.as_ref().map(|_| 1), ..Matches::of(route) });
    let protected = ProtectedFields::new([].into_iter(), &[], Login::Elsewhere);
    let table = RouteTable::new(matches.collect(), &protected);
    let (head, client) = (head(), Some([203, 0, 113, 5].into()));
    for _ in 0..times {
        let host = host::bare(black_box(HOST));
        let request = RoutedRequest {
            query: black_box(Some("v=2026.7.35&lang=en")),
            headers: Some(&head.headers),
            client,
            ..RoutedRequest::get(&host, black_box("/assets/app.js"))
        };
        let _ = black_box(table.find(&request));
    }
}

/// The address of the client, and the fields that tell the gateway about it.
fn forwarding_fields(times: u32) {
    let (head, connection_info, rules, host) = (head(), connection_info(), rules(), HeaderValue::from_static(HOST));
    for _ in 0..times {
        black_box(forwarded::decide(&rules, &connection_info, &host, black_box(&head.headers)));
    }
}

/// The head of a request as the gateway gets it.
fn fields_to_gateway(times: u32) {
    let (head, host) = (head(), HeaderValue::from_static(HOST));
    let forwarding = forwarded::decide(&rules(), &connection_info(), &host, &head.headers);
    let protected = ProtectedFields::new([].into_iter(), &[], Login::Elsewhere);
    let passing = FieldFilter { forwarding: &forwarding, protected: &protected, basic_is_ours: false, rules: None };
    let target = head.uri.path_and_query().expect("a target");
    for _ in 0..times {
        let mut writer = EncodedRequest::writer(&head.method, target, RequestBody::Empty, 1000);
        headers::to_gateway(black_box(&head), &host, passing, headers::ConnectionEffect::Stays, |name, value| {
            writer.field(name, value);
        });
        black_box(writer.end());
    }
}

/// The login at an issuer that a browser's cookies hold, beside other cookies of the site's.
fn login_by_cookie(times: u32) {
    let (keys, name) = (SealingKeys::fresh(0).expect("random bytes"), CookieName::new("0123456789abcdef", "session"));
    let session = br#"{"i":"AAAAAAAAAAAAAAAAAAAAAA","u":"248289761001","e":"ann@example.com","g":["staff","on-call"],"s":"08a5019c-17e1-4977-8f42-65a12843ea02","b":1790000000,"x":1790043200}"#;
    let sealed = keys.seal("session 0123456789abcdef", session).expect("random bytes");
    let kept = name.keep(&sealed, Duration::from_hours(12)).expect("a cookie");
    let pair = kept[0].to_str().expect("ASCII").split(';').next().expect("a pair").to_owned();
    let headers = with_field("cookie", &format!("theme=dark; {pair}; lang=en"));
    for _ in 0..times {
        let sealed = name.read(black_box(&headers)).expect("a cookie");
        let opened = keys.open("session 0123456789abcdef", &sealed).expect("what was sealed");
        black_box(Session::decode(&opened).expect("a session"));
    }
}

/// The token of a service.
fn login_by_token(times: u32) {
    let token = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let (logins, headers) = (logins(token), with_field("authorization", &format!("Bearer {token}")));
    for _ in 0..times {
        assert!(logins.token(black_box(&headers)));
    }
}

/// A name and a password that have been right before.
fn login_by_password(times: u32) {
    let (logins, headers) = (logins(""), with_field("authorization", "Basic YW5uOmh1c2g="));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        assert!(logins.password(&headers).await);
        for _ in 0..times {
            black_box(logins.password(black_box(&headers)).await);
        }
    });
}

fn logins(token: &str) -> LoginCost {
    LoginCost::new(HASH_OF_HUSH, token).expect("random bytes")
}

fn with_field(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = head().headers;
    headers.insert(name, HeaderValue::try_from(value).expect("a field"));
    headers
}

fn head() -> Parts {
    let mut request = http::Request::get("/assets/app.js?v=2026.7.35&lang=en%2Fx//y;z").header("host", HOST);
    for (name, value) in FIELDS {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn connection_info() -> ConnectionInfo {
    ConnectionInfo {
        secure: true,
        tls_version: Some("1.3"),
        server_name: Some("gw.example.com".into()),
        ..ConnectionInfo::new(ClientPeer::tcp(SocketAddr::from(([203, 0, 113, 5], 40_000))), ProxyAnnouncement::Nothing)
    }
}

fn rules() -> Forwarded {
    Forwarded { trusted_proxies: Vec::new(), local_clients: LocalClients::Auto, ..Forwarded::default() }
}

const ROUTES: &str = "
routes:
  - { path: /private, respond: 404 }
  - { host: one.example.com, upstream: 'http://127.0.0.1:1' }
  - { host: two.example.com, upstream: 'http://127.0.0.1:2' }
  - { host: '*.team.example.com', path: /claw/, upstream: 'http://127.0.0.1:3' }
  - { host: '*.team.example.com', upstream: 'http://127.0.0.1:4' }
  - { host: gw.example.com, path: /claw/, upstream: 'http://127.0.0.1:5' }
  - { host: gw.example.com, upstream: 'http://127.0.0.1:6' }
  - { upstream: 'http://127.0.0.1:7' }
";
/// Of `hush`, with as little work as bcrypt has.
const HASH_OF_HUSH: &str = "$2b$04$abcdefghijklmnopqrstuuppZFpU9n.F.R29ic//YRPBUgRHbgy9m";
const HOST: &str = "gw.example.com:8443";
/// What a browser sends besides the host.
const FIELDS: &[(&str, &str)] = &[
    ("connection", "keep-alive"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("cookie", "session=5f2c0e7a9b3d4e61; theme=dark"),
    ("referer", "https://gw.example.com/"),
    ("sec-fetch-dest", "script"),
    ("sec-fetch-mode", "no-cors"),
    ("sec-fetch-site", "same-origin"),
];
