//! What a route looks at to know its requests, named listeners, `allow` and `deny`, `strip_prefix`, `redirect`.

use super::*;

const ALL: &str = r#"
listen:
  https: [{ address: ":8443", name: public }, ":8444"]
  http: [{ address: ":80", name: internal }]
  plain: [{ address: "unix:/run/f.sock", mode: "0660", name: internal }]
deny: [192.0.2.9]
routes:
  - listener: internal
    host: gw.example.com
    path: { exact: /setup }
    ignore_case: true
    methods: [GET, HEAD]
    from: [10.0.0.0/8, "::1"]
    headers: { X-Team: blue, X-Other: { regex: '^a' }, X-There: { present: true } }
    query: { v: { regex: '^[0-9]+$' }, empty: "" }
    cookies: { theme: { present: false } }
    not: { host: "*.example.com", from: [10.1.0.0/16] }
    allow: [10.0.0.0/8]
    deny: [10.2.0.0/16]
  - { listener: [internal, public], path: { regex: '^/a(/.*)?$' }, redirect: { to: "/b$1", status: 301 } }
  - { listener: public, path: { prefix: /claw, edge: any }, not: [{ path: /claw/x }, { query: { a: b } }], strip_prefix: /claw }
  - { path: /app/, strip_prefix: /app }
  - { path: /old, redirect: "https://new.example.com{uri}" }
  - { path: /gone, respond: 444 }
"#;

#[test]
fn every_matcher_is_read_and_what_is_printed_loads_to_the_same() {
    let config = parse(ALL).unwrap_or_else(|problems| panic!("{problems}"));
    let route = &config.routes[0];
    assert_eq!(route.listener, ["internal"]);
    let RequestMatchers { host, path, ignore_case, methods, from, headers, query, cookies } = &route.matchers;
    assert_eq!(host, &Some(HostPattern::Exact("gw.example.com".into())));
    assert_eq!(path, &Some(PathMatcher::Exact("/setup".into())));
    assert!(*ignore_case);
    assert_eq!(methods.as_slice(), [http::Method::GET, http::Method::HEAD]);
    assert_eq!((from.len(), headers.len(), query.len(), cookies.len()), (2, 3, 2, 1));
    assert_eq!(route.not.len(), 1);
    assert_eq!(config.routes[2].not.len(), 2);
    assert_eq!(config.routes[2].strip_prefix.as_deref(), Some("/claw"));
    assert_eq!(config.routes[1].redirect.as_ref().map(|redirect| redirect.status.as_u16()), Some(301));
    assert_eq!(config.routes[4].redirect.as_ref().map(|redirect| redirect.status.as_u16()), Some(302));
    assert!(config.routes[5].respond.as_ref().is_some_and(RouteAnswer::closes));
    assert_eq!(config.listen.plain[0].name.as_deref(), Some("internal"));
    let access = config.access(route);
    for (client, admitted) in [("10.3.0.1", true), ("10.2.0.1", false), ("192.0.2.7", false)] {
        assert_eq!(access.admits(client.parse().ok()), admitted, "{client}");
    }
    assert!(!config.access(&config.routes[3]).admits("192.0.2.9".parse().ok()), "the top level's");
    let printed = config.to_string();
    assert_eq!(parse(&printed), Ok(config), "{printed}");
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let text = "routes: [{ headers: { X-Key: s3cr3t-1 }, query: { api_key: { regex: '^s3cr3t-2$' } }, cookies: { session: s3cr3t-3 } }]";
    let config = parse(text).unwrap();
    let shown = format!("{config}{config:?}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let said = parse(&config.to_string()).unwrap_err();
    assert!(said.contains("was masked when it was printed"), "{said}");
}

/// Routes, and what is said about them.
const WRONG: &[(&str, &str)] = &[
    ("{ path: { exact: /a, regex: '^/a' } }", "more than one path"),
    ("{ path: {} }", "no path"),
    ("{ path: { exact: /a, edge: any } }", "only a prefix has an edge"),
    ("{ path: { regex: '^/(a' } }", "not a regular expression"),
    ("{ path: { regex: '^/(?=a)' } }", "what must not match goes into `not`"),
    ("{ path: { exact: /a%20b } }", "is not a decoded path"),
    ("{ path: { exct: /a } }", "did you mean `exact`?"),
    ("{ path: { regex: '^/a' }, ignore_case: true }", "begin it with (?i)"),
    ("{ ignore_case: true }", "without a path there is no case to ignore"),
    ("{ methods: [] }", "remove `methods` if it is for all requests"),
    ("{ methods: [get] }", "write `GET`"),
    ("{ methods: [CONNECT] }", "is not served"),
    ("{ methods: ['A B'] }", "is not a method"),
    ("{ from: [] }", "remove `from`"),
    ("{ from: [10.0.0.1/8] }", "has address bits"),
    ("{ headers: {} }", "remove `headers`"),
    ("{ headers: { X-A: {} } }", "no value"),
    ("{ headers: { X-A: { regex: a, present: true } } }", "remove `present`"),
    ("{ headers: { X-A: [a] } }", "expected text or"),
    ("{ query: { a: \"b\\n\" } }", "no request has this value"),
    ("{ cookies: { 'a;b': c } }", "is not the name of a cookie"),
    ("{ not: {} }", "excludes every request"),
    ("{ not: [{ from: [10.0.0.0/8] }, {}] }", "excludes every request"),
    ("{ not: { not: { path: /a } } }", "unknown key `not`"),
    ("{ listener: internal }", "no listener is named `internal`"),
    ("{ listener: [] }", "no listener has the route"),
    ("{ strip_prefix: /app }", "not every path of this route begins so"),
    ("{ path: /application, strip_prefix: /app }", "not every path of this route begins so"),
    ("{ path: { regex: '^/app' }, strip_prefix: /app }", "not every path of this route begins so"),
    ("{ path: /app, strip_prefix: /app/ }", "write `/app`"),
    ("{ path: /app, strip_prefix: / }", "remove `strip_prefix`"),
    ("{ path: /é, strip_prefix: /é }", "has to be encoded"),
    ("{ path: /app, strip_prefix: /app, respond: 404 }", "remove `strip_prefix` or `respond`"),
    ("{ redirect: { to: /x, status: 200 } }", "301, 302, 303, 307 or 308"),
    ("{ redirect: { status: 301 } }", "`to` is missing"),
    ("{ redirect: $1 }", "does not say where it goes"),
    ("{ redirect: '//evil.example/' }", "does not say where it goes"),
    ("{ redirect: '/$1' }", "there is no expression with a group 1"),
    ("{ path: { regex: '^/(a)' }, redirect: '/$2' }", "has no group 2"),
    ("{ path: { regex: '^/(?P<a>a)' }, redirect: '/${b}' }", "has no group b"),
    ("{ redirect: '/{uir}' }", "{uri}"),
    ("{ redirect: /x, respond: 404 }", "remove `redirect` or `respond`"),
    ("{ redirect: /x, upstream: http://gw }", "remove `upstream` or `redirect`"),
    ("{ respond: { status: 444, body: x } }", "444 closes the connection"),
    ("{ allow: [gw.lan] }", "is not a network"),
];

#[test]
fn what_contradicts_itself_or_could_never_match_is_said() {
    for (route, expected) in WRONG {
        let said = parse(&format!("routes: [{route}]")).expect_err(route);
        assert!(said.contains(expected) && said.contains("f.yaml:1:"), "{route}\n{said}");
    }
    let named = "listen: { https: [{ address: ':1', name: internal }] }\n";
    let said = parse(&format!("{named}routes: [{{}}]")).unwrap_err();
    assert!(said.contains("no route names the listener `internal`"), "{said}");
    let said = parse(&format!("{named}routes: [{{ listener: internl }}]")).unwrap_err();
    assert!(said.contains("did you mean `internal`?"), "{said}");
    let said = parse("listen: { https: [{ name: a }] }").unwrap_err();
    assert!(said.contains("`address` is missing"), "{said}");
    let said = parse("listen: { https: [{ address: ':1', name: 'a b' }] }").unwrap_err();
    assert!(said.contains("is not the name of a listener"), "{said}");
}

#[test]
fn a_route_behind_one_that_takes_all_of_its_requests_is_found() {
    let rows = [
        // The earlier route, the later one, and whether the later one is never reached.
        ("{ path: /a }", "{ path: { exact: /a } }", true),
        ("{ path: /a }", "{ path: { exact: /ab } }", false),
        ("{ path: { exact: /a } }", "{ path: /a }", false),
        ("{ path: { prefix: /a, edge: any } }", "{ path: /ab }", true),
        ("{ path: /a }", "{ path: { prefix: /a, edge: any } }", false),
        ("{ path: /a }", "{ path: { prefix: /a/b, edge: any } }", true),
        ("{ path: /a, ignore_case: true }", "{ path: /A }", true),
        ("{ path: /a }", "{ path: /a, ignore_case: true }", false),
        ("{ path: { regex: '^/a' } }", "{ path: { regex: '^/a' } }", true),
        ("{ path: { regex: '^/a' } }", "{ path: { exact: /ab } }", true),
        ("{ path: { regex: '^/a' } }", "{ path: /a }", false),
        ("{ path: / }", "{ path: { regex: '^/a' } }", true),
        ("{ methods: [GET, HEAD] }", "{ methods: [GET] }", true),
        ("{ methods: [GET] }", "{ methods: [GET, HEAD] }", false),
        ("{ methods: [GET] }", "{}", false),
        ("{}", "{ methods: [GET] }", true),
        ("{ from: [10.0.0.0/9, 10.128.0.0/9] }", "{ from: [10.0.0.0/8] }", true),
        ("{ from: [10.0.0.0/8] }", "{ from: [10.0.0.0/8, 192.0.2.7] }", false),
        ("{ headers: { A: b } }", "{ headers: { A: b, C: d } }", true),
        ("{ headers: { A: b } }", "{ headers: { A: c } }", false),
        ("{ query: { a: b } }", "{}", false),
        ("{ not: { path: /a } }", "{ path: /b }", false),
        ("{ not: { path: /a } }", "{ not: [{ path: /a }, { methods: [GET] }] }", true),
        ("{ not: [{ path: /a }, { methods: [GET] }] }", "{ not: { path: /a } }", false),
        ("{ listener: i }", "{ listener: i, path: /a }", true),
        ("{ listener: [i, j] }", "{ listener: i }", true),
        ("{ listener: i }", "{ listener: [i, j] }", false),
        ("{}", "{ listener: i }", false),
        ("{ listener: i }", "{}", false),
    ];
    for (first, second, unreachable) in rows {
        let text = format!(
            "listen: {{ https: [':1', {{ address: ':2', name: i }}, {{ address: ':3', name: j }}] }}\nroutes: [{first}, {second}, {{ listener: [i, j], host: x }}, {{ host: x }}]"
        );
        let said = parse(&text).err().unwrap_or_default();
        assert_eq!(said.contains("no request gets here: routes[0]"), unreachable, "{first} {second}\n{said}");
        assert_eq!(said.is_empty(), !unreachable, "{said}");
    }
}
