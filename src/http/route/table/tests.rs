use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::config::{ConfigLocation, Overrides, load};
use crate::http::edge::host;
use crate::http::route::protected::Login;
use crate::http::route::table::*;

fn configured(yaml: &str) -> crate::config::Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yaml");
    std::fs::write(&file, yaml).unwrap();
    let loaded =
        load(ConfigLocation::File(file), [], &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.config
}

/// The table of the routes in `yaml`; routes that refuse guard, all alike.
fn table(yaml: &str) -> RouteTable {
    let config = configured(yaml);
    let matches = config.routes.iter().map(|route| Matches {
        guard: route.respond.as_ref().filter(|answer| answer.refuses()).map(|_| 1),
        ..Matches::of(route)
    });
    table_of(matches.collect())
}

fn table_of(matches: Vec<Matches>) -> RouteTable {
    RouteTable::new(matches, &ProtectedFields::new([].into_iter(), &[], Login::Elsewhere))
}

fn found(table: &RouteTable, host: &str, path: &str) -> String {
    match table.find(&RoutedRequest::get(&host::bare(host), path)) {
        Ok(index) => index.to_string(),
        Err(failure) => failure.code().to_owned(),
    }
}

#[test]
fn hosts_come_before_wildcards_and_those_before_the_rest_and_each_group_is_in_order() {
    let table = table(
        "
routes:
  - { path: /any }
  - { host: '*.example.com', path: /claw }
  - { host: '*.example.com' }
  - { host: gw.example.com, path: /claw/deep }
  - { host: gw.example.com, path: /claw }
  - { host: '[::1]' }
  - { host: 192.0.2.7 }
",
    );
    for (host, path, expected) in [
        ("gw.example.com", "/claw", "4"),
        ("gw.example.com", "/claw/deep/x", "3"),
        ("GW.EXAMPLE.COM:8443", "/claw", "4"),
        ("gw.example.com.", "/claw", "4"),
        ("gw.example.com.:8443", "/claw", "4"),
        ("gw.example.com", "/clawed", "2"),
        ("a.b.example.com", "/claw", "1"),
        ("a.b.example.com", "/any", "2"),
        ("example.com", "/any", "0"),
        ("example.com", "/", "no_route"),
        ("[::1]:8443", "/", "5"),
        ("[0:0::1]", "/", "5"),
        ("192.0.2.7:1", "/", "6"),
        ("192.0.2.8", "/", "no_route"),
    ] {
        assert_eq!(found(&table, host, path), expected, "{host} {path}");
    }
}

const GUARDED: &str = "routes: [{ path: /private, respond: 404 }, { path: /admin/, respond: 403 }, {}]";

#[test]
fn no_spelling_gets_round_a_guard() {
    let table = table(GUARDED);
    for path in [
        "/private",
        "/private/",
        "/private/x",
        "/%70rivate",
        "/%70%72ivate/x",
        "//private",
        "///private",
        "/./private",
        "/x/../private",
        "/x/%2e%2e/private",
        "/x/.%2E/private",
        "/x//../private",
        "/x%2f..%2fprivate",
        "/..%2fprivate",
        "/x\\..\\private",
        "/%5cprivate",
        "/private%2fx",
        "/private/x;y",
        "/private/X",
        "/admin/",
        "/admin/x/..",
        "//admin/x",
    ] {
        let expected = if path.contains("admin") { "1" } else { "0" };
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
    for path in [
        // Hosts in front, of every length.
        "//evil/private",
        "/\\evil/private",
        "///evil/private",
        "////evil/private",
        "/\\\\evil/private",
        "/\\/evil\\private",
        "//evil/x/../private",
        "/%2fevil/private",
        "//private/..%2f",
        "///private//..",
        "//x//private",
        "//x%70rivate",
        "//user@%70rivate",
        // Parameters.
        "/private;x=1",
        "/private;x/y",
        "/x/..;/private",
        "/private;x//..",
        "//private;x",
        "/private%3bx",
        // Dot segments that are kept, and slashes that are not.
        "/private/../public",
        "/private/%2e%2e/x",
        "/private/..%2fpublic",
        "/private/..%5cpublic",
        "/private/%2e%2e%2fpublic",
        "/private%2f/..",
        "/admin//../public",
        "/x/%2e%2e/private/..%2fpublic",
        "/%2e%2e//x%70rivate",
        // Twice encoded.
        "/%2570rivate",
        "/x/%252e%252e/private",
        "/x%252f..%252fprivate",
        "/%25%37%30rivate",
        // Case.
        "/Private",
        "/PRIVATE",
        "/pRiVaTe/x",
        "/%50rivate",
        "/ADMIN/",
        "//evil/PRIVATE",
        "/x/..;/Private",
        // Characters that end a path, or are not there.
        "/private%00",
        "/private%00.html",
        "/private%3fx",
        "/private%23",
        "/pri%09vate",
        "/private%20",
        "/private%0d%0a",
    ] {
        assert_eq!(found(&table, "gw", path), "ambiguous_path", "{path}");
    }
}

#[test]
fn what_no_program_takes_for_a_guarded_path_passes() {
    let table = table(GUARDED);
    for path in [
        "/",
        "/privateer",
        "/PRIVATEER",
        "/public//x",
        "/a;b",
        "/admin",
        "/x/../public",
        "*",
        "/public%2f%2e%2e%2fx",
        "//evil/x",
        "/x%00",
        "/%zz",
        "/public/%252e",
        "/__openclaw__/catalog-icon/https%3A%2F%2Fexample.com%2Fi.png",
        "/a/private",
        "/%2561dmin",
        "/caf%c3%a9/Me%20n%C3%BC.PDF",
        "/.well-known/x",
        "/a/..",
        "/%E2%84%AAelvin",
    ] {
        assert_eq!(found(&table, "gw", path), "2", "{path}");
    }
}

/// What a program makes of a path.
type Reading = fn(&str) -> String;

/// Programs that read a path in a way of their own, from end to end.
const PROGRAMS: &[(&str, Reading)] = &[
    ("WHATWG's URL", whatwg),
    ("WHATWG's URL behind one that decodes", |path| whatwg(&percent_decoded(path))),
    ("WHATWG's URL, decoded", |path| percent_decoded(&whatwg(path))),
    ("Express", str::to_lowercase),
    ("Go's path.Clean", |path| clean(&percent_decoded(path))),
    ("one behind another", |path| clean(&percent_decoded(&clean(&percent_decoded(path))))),
    ("a servlet container", |path| clean(&percent_decoded(&without_parameters(path)))),
    ("a servlet container that decodes first", |path| clean(&without_parameters(&percent_decoded(path)))),
    ("http.server", |path| format!("/{}", percent_decoded(path).trim_start_matches('/'))),
];

fn percent_decoded(path: &str) -> String {
    let mut out = Vec::new();
    let mut rest = path.as_bytes();
    while let [byte, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let (byte, length) = match (byte, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(decoded)) => (decoded, 3),
            _ => (*byte, 1),
        };
        out.push(byte);
        rest = &rest[length..];
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Slashes merged, dot segments resolved, none at the end.
fn clean(path: &str) -> String {
    let mut kept = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

fn without_parameters(path: &str) -> String {
    path.split('/').map(|segment| segment.split(';').next().unwrap()).collect::<Vec<_>>().join("/")
}

/// The path of `new URL(path, "http://localhost")`.
fn whatwg(path: &str) -> String {
    let path = path.trim_matches(|letter: char| letter <= ' ').replace(['\t', '\n', '\r'], "").replace('\\', "/");
    let path = path.split(['?', '#']).next().unwrap();
    let path = match path.strip_prefix("//") {
        Some(rest) => rest.trim_start_matches('/').split_once('/').map_or("", |(_, path)| path),
        None => path.trim_start_matches('/'),
    };
    let mut kept = Vec::new();
    let segments: Vec<_> = path.split('/').collect();
    for (at, segment) in segments.iter().enumerate() {
        let plain = segment.to_lowercase().replace("%2e", ".");
        match plain.as_str() {
            ".." => drop(kept.pop()),
            "." => {}
            _ => kept.push(*segment),
        }
        if matches!(plain.as_str(), "." | "..") && at + 1 == segments.len() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Pieces of which a path is made that one program or another understands in a way of its own.
const TRICKY: &str = "/(/|//|\\\\|\\.|\\.\\.|/\\.\\./|%2e|%2E%2e|%2f|%5C|%252e|%252f|;|;x|%3b|private|PRIVATE|%70rivate|%2570rivate|private/|x|/x|%09|%00|%3f|%20){0,9}";

#[test]
fn no_path_that_passes_is_guarded_as_another_program_reads_it() {
    let tables = [
        ("1", "routes: [{ path: /private, respond: 404 }, {}]"),
        ("1", "routes: [{ path: { regex: '^/private(/|$)' }, respond: 404 }, {}]"),
        ("1", "routes: [{ path: /PRIVATE, ignore_case: true, respond: 404 }, {}]"),
        ("1", "routes: [{ path: { prefix: /priv, edge: any }, respond: 404 }, {}]"),
        ("0", "routes: [{ not: { path: { regex: '^/private(/|$)' } } }, { respond: 404 }]"),
        ("1", "routes: [{ path: /private, methods: [GET], respond: 404 }, {}]"),
    ]
    .map(|(open, yaml)| (open, yaml, table(yaml)));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2000));
    let result = runner.run(&TRICKY, |path| {
        for (open, yaml, table) in &tables {
            if found(table, "gw", &path) != *open {
                continue;
            }
            for (program, read) in PROGRAMS {
                let read = read(&path);
                let guarded = read == "/private" || read.starts_with("/private/");
                prop_assert!(!guarded, "{} reads {} as {}: {}", program, path, read, yaml);
            }
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn readings_must_agree_in_which_guard_holds() {
    // Two logins, and an open route between them.
    let guards = [("/ann", Some(1)), ("/bob", Some(2)), ("/open", None), ("/gone", Some(3)), ("/", Some(4))];
    let matches = guards.iter().map(|(path, guard)| {
        let yaml = format!("routes: [{{ path: '{path}' }}]");
        Matches { guard: *guard, answers: *guard == Some(3), ..Matches::of(&configured(&yaml).routes[0]) }
    });
    let table = table_of(matches.collect());
    for (path, expected) in [
        ("/ann/x", "0"),
        ("/ann/../bob", "ambiguous_path"),
        ("/bob/..%2fann", "ambiguous_path"),
        ("/ANN", "ambiguous_path"),
        ("/ann/%2e%2e/open", "ambiguous_path"),
        ("/open/../ann", "0"),
        ("/open", "2"),
        ("/open/X;y", "2"),
        ("/open/a//b/./c", "2"),
        ("/open/https%3A%2F%2Fexample.com%2Fa%20b", "2"),
        ("//open", "ambiguous_path"),
        ("/open/..%2fx", "4"),
        ("/open;x/y", "4"),
        ("/x/../open", "ambiguous_path"),
        ("/Open", "4"),
        ("/gone/../ann", "ambiguous_path"),
        // The request reaches no gateway, whatever that would make of the path.
        ("/ann/../gone", "3"),
        ("/gone;x", "ambiguous_path"),
    ] {
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
}

#[test]
fn an_open_route_may_have_a_name_that_has_to_be_encoded() {
    let table =
        table("routes: [{ path: /café }, { path: /~ann }, { path: '/a b' }, { path: '/{x}' }, { respond: 404 }]");
    for (path, expected) in [
        ("/caf%c3%a9/x", "0"),
        ("/%7Eann", "1"),
        ("/~ann", "1"),
        ("/a%20b", "2"),
        ("/%7Bx%7d", "3"),
        ("/caf%c3%89", "4"),
        ("/x", "4"),
    ] {
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
}

#[test]
fn without_a_guard_no_path_is_ambiguous() {
    let table = table(
        "routes: [{ path: /claw }, { host: one, path: /private, respond: 404 }, { path: /old, respond: { status: 302, location: / } }, {}]",
    );
    for (path, expected) in [
        ("//evil/claw", "3"),
        ("/claw;x", "3"),
        ("/claw/..%2fx", "3"),
        ("/%63law", "0"),
        ("//x/private", "3"),
        ("/OLD", "3"),
    ] {
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
    assert_eq!(found(&table, "one", "//x/private"), "ambiguous_path");
}

#[test]
fn the_only_route_needs_no_look_at_the_request() {
    assert!(table_of(vec![Matches::all()]).only);
    assert!(!table("routes: [{ path: /claw }]").only);
    assert!(!table("routes: [{ methods: [GET] }]").only);
}

#[test]
fn the_routes_that_a_host_can_reach_say_whether_a_password_is_ours() {
    let rows = [
        // Host, path and whether it takes passwords; then a host, and what is found.
        (&[(None, None, true)][..], "gw", true),
        (&[(None, Some("/open"), false), (None, None, true)], "gw", true),
        (&[(Some("gw"), None, false), (None, None, true)], "gw", false),
        (&[(Some("gw"), Some("/"), false), (None, None, true)], "gw", false),
        (&[(Some("gw"), Some("/open"), false), (None, None, true)], "gw", true),
        (&[(Some("gw"), None, true), (None, None, false)], "gw", true),
        (&[(Some("gw"), None, true), (None, None, false)], "other", false),
        (&[(None, None, false)], "gw", false),
    ];
    for (routes, host, expected) in rows {
        let matches = routes.iter().map(|(host, path, takes_basic)| {
            let of =
                |key: &str, value: Option<&str>| value.map_or_else(String::new, |value| format!("{key}: '{value}', "));
            let yaml = format!("routes: [{{ {}{}hold: 1s }}]", of("host", *host), of("path", *path));
            Matches { takes_basic: *takes_basic, ..Matches::of(&configured(&yaml).routes[0]) }
        });
        assert_eq!(table_of(matches.collect()).takes_basic(host), expected, "{routes:?} at {host}");
    }
}

/// What a request gets that differs from a GET of `/` at `gw`.
fn asked<'a>(table: &RouteTable, change: impl FnOnce(&mut RoutedRequest<'a>)) -> String {
    let mut request = RoutedRequest::get("gw", "/");
    change(&mut request);
    table.find(&request).map_or_else(|failure| failure.code().to_owned(), |index| index.to_string())
}

#[test]
fn an_unknown_client_is_neither_in_a_network_nor_outside() {
    let client = |text: &str| text.parse::<std::net::IpAddr>().ok();
    for (yaml, at, inside, outside, unknown) in [
        ("routes: [{ from: [10.0.0.0/8] }, { respond: 403 }]", "10.1.2.3", "0", "1", "1"),
        ("routes: [{ from: [10.0.0.0/8], respond: 403 }, {}]", "10.1.2.3", "0", "1", "ambiguous_path"),
        ("routes: [{ not: { from: [10.0.0.0/8] } }, { respond: 403 }]", "10.1.2.3", "1", "0", "1"),
        ("routes: [{ not: { from: [10.0.0.0/8] }, respond: 403 }, {}]", "::ffff:10.1.2.3", "1", "0", "ambiguous_path"),
        ("routes: [{ from: [10.0.0.0/8] }]", "10.1.2.3", "0", "no_route", "no_route"),
    ] {
        let table = table(yaml);
        assert_eq!(asked(&table, |request| request.client = client(at)), inside, "{yaml}");
        assert_eq!(asked(&table, |request| request.client = client("192.0.2.7")), outside, "{yaml}");
        assert_eq!(asked(&table, |request| request.client = None), unknown, "{yaml}");
    }
}

#[test]
fn to_be_taken_by_no_route_is_a_guard_where_more_than_the_place_decides() {
    let table = table("routes: [{ path: /setup, from: [10.0.0.0/8] }, { path: /app }]");
    let elsewhere = "192.0.2.7".parse().ok();
    for (path, expected) in [
        ("/setup", "no_route"),
        ("/app/..%2fsetup", "no_route"),
        ("/app/..%252fsetup", "ambiguous_path"),
        ("/app/../app/x", "1"),
        ("/app/%41", "1"),
        // No route has this path, whichever client it is.
        ("/app/..%252fother", "1"),
    ] {
        let found = asked(&table, |request| (request.client, request.path) = (elsewhere, path));
        assert_eq!(found, expected, "{path}");
        // To a client that may pass, the other reading is as open.
        let inside = asked(&table, |request| (request.client, request.path) = ("10.0.0.1".parse().ok(), path));
        assert!(inside == "0" || inside == "1", "{path}: {inside}");
    }
}

#[test]
fn a_slash_at_the_end_gets_round_no_exact_path_and_no_expression() {
    for (yaml, path, expected) in [
        ("routes: [{ path: { exact: /setup }, respond: 403 }, {}]", "/setup", "0"),
        ("routes: [{ path: { exact: /setup }, respond: 403 }, {}]", "/setup/", "ambiguous_path"),
        ("routes: [{ path: { exact: /setup }, respond: 403 }, {}]", "/SETUP/", "ambiguous_path"),
        ("routes: [{ path: { exact: /setup }, respond: 403 }, {}]", "/setup/x", "1"),
        ("routes: [{ path: { exact: /setup }, ignore_case: true, respond: 403 }, {}]", "/Setup/", "ambiguous_path"),
        ("routes: [{ path: { regex: '[.]php$' }, respond: 403 }, {}]", "/x.php/", "ambiguous_path"),
        ("routes: [{ path: { regex: '[.]php$' }, respond: 403 }, {}]", "/x.php/y", "1"),
        ("routes: [{ path: { exact: / }, respond: 403 }, {}]", "/x/", "1"),
        ("routes: [{ path: { exact: /open/ } }, { respond: 403 }]", "/open/", "0"),
        ("routes: [{ path: { exact: /open } }, { respond: 403 }]", "/open/", "1"),
    ] {
        assert_eq!(found(&table(yaml), "gw", path), expected, "{yaml} {path}");
    }
}

#[test]
fn fields_that_only_a_proxy_may_send_count_from_one_alone() {
    let table = table("routes: [{ headers: { X-Forwarded-User: ann } }, { respond: 403 }]");
    let headers = [("x-forwarded-user", "ann")];
    let headers = headers
        .into_iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value)));
    let headers: http::HeaderMap = headers.collect();
    assert_eq!(asked(&table, |request| request.headers = Some(&headers)), "1");
    assert_eq!(asked(&table, |request| (request.headers, request.trusted) = (Some(&headers), true)), "0");
}

#[test]
fn what_is_cut_must_be_spelt_so_and_guards_hold_for_what_is_left() {
    let table = table("routes: [{ path: /app/admin, respond: 403 }, { path: /app, strip_prefix: /app }, {}]");
    for (path, expected) in [
        ("/app", "1"),
        ("/app/x", "1"),
        ("/app/x//y/..%2fz", "1"),
        ("/%61pp/x", "ambiguous_path"),
        ("//app/x", "ambiguous_path"),
        ("/x/../app/x", "ambiguous_path"),
        ("/app/admin", "0"),
        ("/app//evil/admin", "ambiguous_path"),
        ("/app/%2fevil/admin", "ambiguous_path"),
        ("/app/ADMIN", "ambiguous_path"),
        ("/APP/x", "2"),
    ] {
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
}
