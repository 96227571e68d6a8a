//! `routes`, `upstreams` and `auth`.

use crate::config::routes::RouteTimeouts;
use http::{HeaderName, HeaderValue, StatusCode};

use super::*;
use crate::config::upstreams::GroupEndpoint;

/// A hash of low cost; no test checks a password against it.
const BCRYPT: &str = "$2y$04$/yfd/ZRU/jYFAxjQ7VsRCe3M1DDOZ4v3Ax2vlVKrYPfyhmm0ljTwK";
const ARGON2: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$1eN3LGTPn0qhxIYZuDi4Vg";

#[test]
fn every_key_of_a_route_sets_its_field() {
    let text = format!(
        r#"
routes:
  - host: GW.example.com
    path: /claw/
    upstream: https://gw.internal
    auth: {{ basic: {{ ann: '{ARGON2}', Bob B: '{BCRYPT}' }}, user_header: X-Forwarded-User }}
    request_headers: {{ set: {{ X-Team: blue, Authorization: Bearer hush }}, remove: [X-Debug] }}
    response_headers: {{ set: {{ X-Frame-Options: DENY }}, remove: [Server] }}
    timeouts: {{ connect: 1s, read: off, send: 1h, progress: off }}
    hold: off
  - {{ path: /private, respond: 404 }}
  - {{ path: /old, respond: {{ status: 302, location: /openclaw/, body: "over there" }} }}
  - {{ host: "*.example.com", upstream: team, auth: none }}
  - {{}}
upstreams:
  team: {{ endpoints: [http://10.0.0.4:18789, "unix:/run/gw.sock"], balance: least_connections }}
auth: {{ basic: {{ eve: '{BCRYPT}' }} }}
"#
    );
    let config = parse(&text).unwrap();
    let name = HeaderName::from_static;
    let value = HeaderValue::from_static;
    let on = |host: Option<HostPattern>, index: usize| RequestMatchers {
        host,
        path: config.routes[index].matchers.path.clone(),
        ..RequestMatchers::default()
    };
    let expected = vec![
        RouteConfig {
            matchers: on(Some(HostPattern::Exact("gw.example.com".into())), 0),
            upstream: Some(RouteTarget::Url(UpstreamAddress::Https { host: "gw.internal".into(), port: 443 })),
            respond: None,
            auth: Some(Auth::Login(Box::new(LoginRules {
                basic: Some(BasicAuth {
                    users: vec![
                        ("ann".into(), PasswordHash::Argon2(ARGON2.into())),
                        ("Bob B".into(), PasswordHash::Bcrypt(BCRYPT.into())),
                    ],
                }),
                user_headers: vec![name("x-forwarded-user")],
                ..LoginRules::default()
            }))),
            request_headers: HeaderRules {
                set: vec![(name("x-team"), value("blue")), (name("authorization"), value("Bearer hush"))],
                remove: vec![name("x-debug")],
            },
            response_headers: HeaderRules {
                set: vec![(name("x-frame-options"), value("DENY"))],
                remove: vec![name("server")],
            },
            timeouts: RouteTimeouts {
                connect: Some(Some(Duration::from_secs(1))),
                read: Some(None),
                send: Some(Some(Duration::from_hours(1))),
                progress: Some(None),
            },
            hold: Some(None),
            ..RouteConfig::default()
        },
        RouteConfig {
            matchers: on(None, 1),
            respond: Some(RouteAnswer { status: StatusCode::NOT_FOUND, location: None, body: None }),
            ..RouteConfig::default()
        },
        RouteConfig {
            matchers: on(None, 2),
            respond: Some(RouteAnswer {
                status: StatusCode::FOUND,
                location: Some(value("/openclaw/")),
                body: Some("over there".into()),
            }),
            ..RouteConfig::default()
        },
        RouteConfig {
            matchers: on(Some(HostPattern::Below("example.com".into())), 3),
            upstream: Some(RouteTarget::Named("team".into())),
            auth: Some(Auth::None),
            ..RouteConfig::default()
        },
        RouteConfig::default(),
    ];
    assert_eq!(config.routes, expected);
    let paths: Vec<_> =
        config.routes.iter().map(|route| route.matchers.path.as_ref().map_or("", PathMatcher::example)).collect();
    assert_eq!(paths, ["/claw/", "/private", "/old", "", ""]);
    let endpoints = vec![
        UpstreamAddress::Http { host: "10.0.0.4".into(), port: 18789 },
        UpstreamAddress::Unix("/run/gw.sock".into()),
    ];
    let endpoints = endpoints.into_iter().map(GroupEndpoint::from).collect();
    let team = UpstreamGroup { endpoints, balance: Balance::LeastConnections, ..UpstreamGroup::default() };
    assert_eq!(config.upstreams, [("team".to_owned(), team)]);
    assert!(config.auth.rules().and_then(|rules| rules.basic.as_ref()).is_some_and(|basic| basic.users.len() == 1));
}

#[test]
fn what_is_printed_loads_to_the_same_and_shows_no_secret() {
    let text = "
routes:
  - { host: '*.example.com', path: /claw, upstream: team, hold: off, timeouts: { read: 1h } }
  - { path: /old, respond: { status: 302, location: /new/ } }
  - { path: /private, respond: 404 }
  - { request_headers: { set: { X-Team: blue }, remove: [X-Debug] } }
upstreams: { team: { endpoints: [http://gw:1] } }
";
    let config = parse(text).unwrap();
    let printed = config.to_string();
    let lines = "
routes:
- {host: \"*.example.com\", path: /claw, upstream: team, timeouts: {read: 1h}, hold: off}
- {path: /old, respond: {status: 302, location: /new/}}
- {path: /private, respond: 404}
- {request_headers: {set: {x-team: blue}, remove: [x-debug]}}
upstreams:
  team: {endpoints: [http://gw:1]}
";
    assert!(printed.contains(lines), "{printed}");
    assert_eq!(parse(&printed), Ok(config));
    let text = format!(
        "auth: {{ basic: {{ ann: '{BCRYPT}' }} }}\nroutes: [{{ request_headers: {{ set: {{ Authorization: Bearer hush }} }} }}]"
    );
    let config = parse(&text).unwrap();
    let shown = format!("{config}{config:?}");
    assert!(shown.contains("ann: \"***\"") || shown.contains("ann: ***"), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains("$2y$"), "{shown}");
    let said = parse(&config.to_string()).unwrap_err();
    assert!(said.contains("was masked when it was printed"), "{said}");
}

#[test]
fn what_is_wrong_with_a_route_is_said_where_it_stands() {
    each_is_said(WRONG);
}

/// A configuration, and the message about it.
const WRONG: &[(&str, &str)] = &[
    ("routes:\n  - pth: /", "f.yaml:2:5: routes[0]: unknown key `pth`\n    hint: did you mean `path`?"),
    ("routes: { path: / }", "f.yaml:1:9: routes: expected a list"),
    ("routes: [/claw]", "f.yaml:1:10: routes[0]: expected keys, as in `key: value`"),
    (
        "routes: [~]",
        "f.yaml:1:10: routes[0]: nothing here; expected { listener, host, path, ignore_case, methods, from, headers, query, cookies, not, allow, deny, upstream, strip_prefix, redirect, respond, auth, request_headers, response_headers, timeouts, hold }",
    ),
    (
        "routes:\n  - { path: claw }\n  - { hold: 5 }",
        "f.yaml:2:13: routes[0].path: `claw` does not begin with a slash\n    hint: such as /claw\n\
         f.yaml:3:13: routes[1].hold: `5` has no unit\n    hint: write `5s`; the units are ms, s, m, h and d; `off` turns it off",
    ),
    (
        "routes: [{ upstream: teams }]\nupstreams: { team: { endpoints: [http://gw] } }",
        "f.yaml:1:22: routes[0].upstream: `teams` is not in `upstreams`\n    hint: did you mean `team`?",
    ),
    // All that is wrong with all routes, though none of them is whole.
    (
        "routes:\n  - { path: /, methods: [get], upstream: teem, listener: x }\n  - { path: /a, respond: 404, redirect: /x, upstream: teem }\n\
         \x20 - { path: /b }\n  - { path: /b, not: [{}, {}] }\n  - { path: /b }\nupstreams: { team: { endpoints: [http://gw] } }",
        "f.yaml:2:26: routes[0].methods[0]: `get` is not in capitals\n    hint: write `GET`\n\
         f.yaml:2:42: routes[0].upstream: `teem` is not in `upstreams`\n    hint: did you mean `team`?\n\
         f.yaml:2:58: routes[0].listener: no listener is named `x`\n    hint: listen: { https: [{ address: \"127.0.0.1:9443\", name: x }] }\n\
         f.yaml:3:41: routes[1].redirect: this route answers already\n    hint: remove `redirect` or `respond`\n\
         f.yaml:3:55: routes[1].upstream: this route answers by itself and asks no gateway\n    hint: remove `upstream` or `respond`\n\
         f.yaml:5:23: routes[3].not[0]: without a matcher this excludes every request\n    hint: such as not: { from: [192.0.2.0/24] }\n\
         f.yaml:5:27: routes[3].not[1]: without a matcher this excludes every request\n    hint: such as not: { from: [192.0.2.0/24] }\n\
         f.yaml:6:5: routes[4]: no request gets here: routes[2] takes them all\n    hint: the first route that matches wins; put the narrower one first",
    ),
    (
        "routes: [{ methods: get, hold: 99999999 }]",
        "f.yaml:1:21: routes[0].methods: expected a list\n\
         f.yaml:1:21: routes[0].methods: `get` is not in capitals\n    hint: write `GET`\n\
         f.yaml:1:32: routes[0].hold: `99999999` has no unit\n    hint: write `99999999ms`; the units are ms, s, m, h and d; `off` turns it off",
    ),
    (
        "routes: [{ path: { regex: '(' }, headers: { X-A: { regx: a } } }]",
        "f.yaml:1:27: routes[0].path.regex: not a regular expression: unclosed group\n    hint: in YAML, put it in single quotes: '^/admin(/|$)'\n\
         f.yaml:1:52: routes[0].headers.X-A: unknown key `regx`\n    hint: did you mean `regex`?",
    ),
    (
        "routes: [{ path: /, methods: \"GET, HEAD\" }]",
        "f.yaml:1:30: routes[0].methods: expected a list\n    hint: write `[\"GET\", \"HEAD\"]`",
    ),
    (
        "routes: [{ upstream: gateway }]",
        "f.yaml:1:22: routes[0].upstream: `gateway` is not in `upstreams`\n    hint: a URL such as http://gateway:18789, or a name that stands in `upstreams`",
    ),
    (
        "routes: [{ upstream: \"gw:1\" }]",
        "f.yaml:1:22: routes[0].upstream: the URL has no scheme\n    hint: write `http://gw:1`",
    ),
    (
        "routes: [{ respond: 404, upstream: http://gw }]",
        "f.yaml:1:36: routes[0].upstream: this route answers by itself and asks no gateway\n    hint: remove `upstream` or `respond`",
    ),
    (
        "routes:\n  - path: /\n  - path: /private\n    respond: 404",
        "f.yaml:3:5: routes[1]: no request gets here: routes[0] takes them all\n    hint: the first route that matches wins; put the narrower one first",
    ),
    (
        "routes: [{ host: gw }, { host: gw, path: /x }]",
        "f.yaml:1:24: routes[1]: no request gets here: routes[0] takes them all\n    hint: the first route that matches wins; put the narrower one first",
    ),
    (
        "routes: [{ respond: 101 }]",
        "f.yaml:1:21: routes[0].respond: `101` is not a status\n    hint: a number from 200 to 599, such as 404",
    ),
    (
        "routes: [{ respond: 302 }]",
        "f.yaml:1:21: routes[0].respond: a redirect needs a place to go to\n    hint: { status: 302, location: /openclaw/ }",
    ),
    (
        "routes: [{ respond: { location: /x } }]",
        "f.yaml:1:21: routes[0].respond.status: `status` is missing\n    hint: such as { status: 302, location: /openclaw/ }",
    ),
    (
        "routes: [{ respond: { status: 204, body: x } }]",
        "f.yaml:1:42: routes[0].respond.body: an answer 204 has no body",
    ),
    (
        "routes: [{ respond: { status: 302, location: \"https://$host/\" } }]",
        "f.yaml:1:46: routes[0].respond.location: `https://$host/` has a variable\n    hint: it is sent as it is written; `%24` stands for a dollar",
    ),
    (
        "routes: [{ request_headers: { set: { Host: gw } } }]",
        "f.yaml:1:38: routes[0].request_headers.set: `Host` goes on as the client sent it\n    hint: the gateway compares it with the page's origin",
    ),
    (
        "routes: [{ request_headers: { set: { X-Forwarded-For: 1.2.3.4 }, remove: [Connection, X-Real-IP] } }]",
        "f.yaml:1:38: routes[0].request_headers.set: `X-Forwarded-For` is set by forwarding\n    hint: `forwarded.headers` says which of them the gateway gets\n\
         f.yaml:1:75: routes[0].request_headers.remove[0]: `Connection` belongs to one connection and never passes\n    hint: frontgate forwards upgrades by itself\n\
         f.yaml:1:87: routes[0].request_headers.remove[1]: `X-Real-IP` is set by forwarding\n    hint: `forwarded.headers` says which of them the gateway gets",
    ),
    (
        "routes: [{ request_headers: { set: { X-A: 1, x-a: 2 } } }]",
        "f.yaml:1:46: routes[0].request_headers.set: given twice",
    ),
    (
        "routes: [{ request_headers: { set: { X-A: 1 }, remove: [x-a] } }]",
        "f.yaml:1:57: routes[0].request_headers.remove[0]: `x-a` is set and removed\n    hint: what is set takes the place of what came",
    ),
    (
        "routes: [{ response_headers: { set: { Strict-Transport-Security: max-age=1 } } }]",
        "f.yaml:1:39: routes[0].response_headers.set: `Strict-Transport-Security` is set by `tls.hsts`\n    hint: tls: { hsts: 365d }, or off",
    ),
    (
        "routes: [{ response_headers: { set: { \"X A\": 1 } } }]",
        "f.yaml:1:39: routes[0].response_headers.set: `X A` is not the name of a header\n    hint: letters, digits and hyphens, without the colon",
    ),
    (
        "auth: basic",
        "f.yaml:1:7: auth: `basic` needs users\n    hint: such as auth: { basic: { ann: \"$argon2id$…\" } }",
    ),
    (
        "auth: { basic: {} }",
        "f.yaml:1:16: auth.basic: without users no client gets in\n    hint: such as auth: { basic: { ann: \"$argon2id$…\" } }",
    ),
    (
        "auth: { user_header: X-User }",
        "f.yaml:1:7: auth.basic: no proof lets a client in: `basic`, `token`, `mtls`, `forward` and `oidc` are missing\n    hint: such as auth: { basic: { ann: \"$argon2id$…\" } }",
    ),
    (
        "auth: { basic: { ann: secret } }",
        "f.yaml:1:23: auth.basic.ann: not the hash of a password\n    hint: `htpasswd -nBC 12 ann` makes one with bcrypt, `argon2` or `caddy hash-password` others",
    ),
    (
        "auth: { basic: { ann: $apr1$x$y } }",
        "f.yaml:1:23: auth.basic.ann: this kind of hash is not known here\n    hint: `htpasswd -nBC 12 ann` makes one with bcrypt, `argon2` or `caddy hash-password` others",
    ),
    (
        "auth: { basic: { ann: $2b$12$short } }",
        "f.yaml:1:23: auth.basic.ann: a broken bcrypt hash\n    hint: copy it anew, whole, in single quotes",
    ),
    (
        "auth: { basic: { ann: $2y$31$/yfd/ZRU/jYFAxjQ7VsRCe3M1DDOZ4v3Ax2vlVKrYPfyhmm0ljTwK } }",
        "f.yaml:1:23: auth.basic.ann: the hash costs too much to be checked for each login\n    hint: a cost of at most 15; 12 is usual: `htpasswd -nBC 12 ann`",
    ),
    (
        "auth: { basic: { ann: \"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$1eN3LGTPn0qhxIYZuDi4Vg\" } }",
        "f.yaml:1:23: auth.basic.ann: the hash costs too much to be checked for each login\n    hint: at most 256 MiB (m=262144), t=32 and p=16; 19 MiB (m=19456), t=2 and p=1 are usual",
    ),
    (
        "auth: { basic: { \"a:b\": $2y$04$/yfd/ZRU/jYFAxjQ7VsRCe3M1DDOZ4v3Ax2vlVKrYPfyhmm0ljTwK } }",
        "f.yaml:1:18: auth.basic: not the name of a user\n    hint: some letters, at most 255, without a colon and without spaces around them",
    ),
    (
        "auth: { basic: { ann: $2y$04$/yfd/ZRU/jYFAxjQ7VsRCe3M1DDOZ4v3Ax2vlVKrYPfyhmm0ljTwK }, user_header: Authorization }",
        "f.yaml:1:100: auth.user_header: `Authorization` is the client's own\n    hint: such as X-Forwarded-User",
    ),
];

#[test]
fn every_key_of_a_login_sets_its_field() {
    let hash = "ab".repeat(32);
    let text = format!(
        r#"
auth:
  basic: {{ ann: '{BCRYPT}' }}
  token: {{ robot: {{ sha256: {hash}, expires: 2027-01-31 }}, cli: {{ sha256: {} }} }}
  mtls: {{ ca: /etc/ca.pem }}
  forward:
    url: https://id.internal/api/authz?rd=https://id.example.com
    host: client
    timeout: 2s
    answer_headers: [Remote-User, Remote-Groups]
    cache: 5s
    tls: {{ ca: /etc/id.pem }}
  oidc:
    issuer: https://id.example.com/realms/a
    client_id: gw
    client_secret: {{ file: /etc/secret }}
    scopes: [openid, email, groups]
    allow: {{ emails: [Ann@Example.com], domains: [Example.org], groups: [staff], subjects: ["1"] }}
    session: 8h
    tls: {{ ca: /etc/id.pem }}
  user_header: [X-Forwarded-User]
  scopes: {{ ann: [operator.read, operator.write], "*": [] }}
  recheck: off
  exempt: [openclaw, /public/, {{ exact: /hook, methods: [POST] }}, {{ exact: /live, upgrade: true }}]
"#,
        "cd".repeat(32)
    );
    let config = parse(&text).unwrap();
    let rules = config.auth.rules().unwrap();
    assert_eq!(rules.named_users().collect::<Vec<_>>(), ["ann", "robot", "cli"]);
    let fields: Vec<_> = rules.identity_fields().map(HeaderName::as_str).collect();
    assert_eq!(fields, ["x-forwarded-user", "remote-user", "remote-groups"]);
    let token = &rules.token.as_ref().unwrap().tokens;
    assert_eq!((token[0].1.sha256.0, token[1].1.expires), ([0xab; 32], None));
    assert_eq!((rules.recheck, rules.exempt.len()), (None, 9));
    let forward = rules.forward.as_ref().unwrap();
    assert_eq!((forward.timeout, forward.cache), (Duration::from_secs(2), Some(Duration::from_secs(5))));
    let oidc = rules.oidc.as_ref().unwrap();
    assert_eq!((oidc.issuer.as_str(), oidc.client_id.as_str()), ("https://id.example.com/realms/a", "gw"));
    assert_eq!((oidc.session, oidc.scopes.len()), (Duration::from_hours(8), 3));
    assert_eq!((oidc.allow.emails[0].as_str(), oidc.allow.domains[0].as_str()), ("ann@example.com", "example.org"));
    let printed = config.to_string();
    for line in [
        "  token: {robot: {sha256: ",
        "expires: 2027-01-31T00:00:00Z",
        "  mtls: {ca: /etc/ca.pem}",
        "below: /share/",
        "exact: /__openclaw__/worker, upgrade: on",
        "exact: /hook, methods: [POST]",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let printed = printed.replace("ann: \"***\"", &format!("ann: '{BCRYPT}'"));
    assert_eq!(parse(&printed), Ok(config), "{printed}");
}

#[test]
fn a_login_that_lets_no_client_in_is_refused() {
    let same = "token: { a: { sha256: HASH }, b: { sha256: HASH } }".replace("HASH", &"ab".repeat(32));
    for (auth, message) in [
        ("{ user_header: X-User }", "no proof lets a client in"),
        ("{ basic: {} }", "without users"),
        ("{ token: {} }", "without tokens"),
        ("{ token: { a: {} } }", "`sha256` is missing"),
        ("{ token: { a: { sha256: abc } } }", "not a SHA-256"),
        (&format!("{{ {same} }}"), "the token of `b` is that of `a`"),
        ("{ mtls: {} }", "`ca` is missing"),
        ("{ forward: {} }", "`url` is missing"),
        ("{ forward: { url: \"http://id/x\", answer_headers: [Cookie] } }", "is the client's own"),
        ("{ forward: { url: \"http://id/x\", tls: { ca: a.pem } } }", "speaks no TLS"),
        ("{ oidc: {} }", "`issuer` is missing"),
        ("{ oidc: { issuer: \"https://id\", allow: { domains: [a.b] } } }", "`client_id` is missing"),
        ("{ oidc: { issuer: \"https://id\", client_id: gw } }", "`allow` is missing"),
        ("{ oidc: { issuer: \"http://id\", client_id: gw, allow: { domains: [a.b] } } }", "speaks no TLS"),
        ("{ oidc: { issuer: \"https://id\", client_id: gw, allow: { domains: [\"*.a\"] } } }", "is not a domain"),
        (
            "{ oidc: { issuer: \"https://id\", client_id: gw, scopes: [email], allow: { groups: [a] } } }",
            "without `openid`",
        ),
        (
            "{ oidc: { issuer: \"https://id\", client_id: gw, client_secret: {}, allow: { groups: [a] } } }",
            "`file` is missing",
        ),
        ("{ mtls: { ca: a.pem }, exempt: / }", "everything would be exempt"),
        ("{ mtls: { ca: a.pem }, exempt: [{ below: /share }] }", "not the beginning of a path"),
        ("{ mtls: { ca: a.pem }, exempt: [{ exact: \"/a;b\" }] }", "not all programs read alike"),
        ("{ mtls: { ca: a.pem }, exempt: open }", "is no path"),
        ("{ mtls: { ca: a.pem }, scopes: { ann: [a b] } }", "is not a scope"),
        ("{ mtls: { ca: a.pem }, recheck: 10ms }", "too short"),
    ] {
        let said = parse(&format!("auth: {auth}")).unwrap_err();
        assert!(said.contains(message), "{auth}: {said}");
    }
}
