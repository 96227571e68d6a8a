//! Rows: two configurations, and what of the first is lower under the second.

use super::lowered;
use crate::config::{Config, ConfigLocation, Overrides, load};

const ANN: &str = "{ basic: { ann: \"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe\" } }";
const BEN: &str = "{ basic: { ben: \"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe\" } }";

/// With what needs no login.
const EXEMPT: &str =
    "{ exempt: /healthz, basic: { ann: \"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe\" } }";
const TOKEN: &str = "{ token: { robot: { sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, expires: 2027-01-31 } } }";

fn config(text: &str) -> Config {
    let text = text.replace("ANN", ANN).replace("BEN", BEN).replace("EXEMPT", EXEMPT).replace("TOKEN", TOKEN);
    let source = ConfigLocation::Text { text: text.clone(), file: "/f.yaml".into() };
    load(source, [], &Overrides::default()).unwrap_or_else(|problems| panic!("{text}\n{problems}")).config
}

fn lost(before: &str, after: &str) -> String {
    let all = lowered(&config(before), &config(after));
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_takes_a_guard_from_some_request_lowers_it() {
    let rows = [
        // The whole guard, or the file as a cut copy has it.
        ("auth: ANN", "", "auth of routes[0] (*)"),
        ("auth: ANN", "auth: none", "auth of routes[0] (*)"),
        ("auth: TOKEN", "", "auth of routes[0] (*)"),
        ("auth: { mtls: { ca: a.pem } }", "auth: none", "auth of routes[0] (*)"),
        ("auth: { forward: { url: \"http://id/\" } }", "", "auth of routes[0] (*)"),
        ("auth: ANN", "auth: EXEMPT", "auth.exempt of routes[0] (*)"),
        ("auth: TOKEN", "auth: EXEMPT", "auth.exempt of routes[0] (*)"),
        (
            "routes: [{ path: /p, auth: ANN }, {}]",
            "routes: [{ path: /p, auth: EXEMPT }, {}]",
            "auth.exempt of routes[0] (/p)",
        ),
        (
            "routes: [{ path: /p, auth: ANN }, {}]",
            "routes: [{ path: /q }, { path: /p, auth: EXEMPT }, {}]",
            "auth.exempt of routes[0] (/p)",
        ),
        ("routes: [{ path: /p, respond: 404 }, {}]", "", "respond of routes[0] (/p)"),
        ("routes: [{ path: /p, respond: 404 }, {}]", "routes: [{}]", "respond of routes[0] (/p)"),
        // Removed, narrowed, moved behind another, for another host.
        ("routes: [{ path: /p, auth: ANN }, {}]", "routes: [{ path: /p }, {}]", "auth of routes[0] (/p)"),
        ("routes: [{ path: /p, auth: ANN }, {}]", "routes: [{ path: /p/x, auth: ANN }, {}]", "auth of routes[0] (/p)"),
        ("routes: [{ path: /p, auth: ANN }, {}]", "routes: [{ path: /p/, auth: ANN }, {}]", "auth of routes[0] (/p)"),
        (
            "routes: [{ path: /p, respond: 403 }, {}]",
            "routes: [{ path: /p/x }, { path: /p, respond: 403 }, {}]",
            "respond of routes[0] (/p)",
        ),
        (
            "routes: [{ path: /p, auth: ANN }, {}]",
            "routes: [{ host: gw.lan, path: /p, auth: ANN }, {}]",
            "auth of routes[0] (/p)",
        ),
        (
            "routes: [{ host: \"*.lan\", auth: ANN }, {}]",
            "routes: [{ host: gw.lan, auth: ANN }, {}]",
            "auth of routes[0] (*.lan)",
        ),
        (
            "routes: [{ host: \"*.lan\", auth: ANN }, {}]",
            "routes: [{ host: \"*.a.lan\" }, { host: \"*.lan\", auth: ANN }, {}]",
            "auth of routes[0] (*.lan)",
        ),
        // A route for a host is tried before those for all.
        ("auth: ANN", "auth: ANN\nroutes: [{ host: new.lan, auth: none }, {}]", "auth of routes[0] (*)"),
        ("auth: ANN", "auth: ANN\nroutes: [{ path: /open, auth: none }, {}]", "auth of routes[0] (*)"),
        // The default of routes without `auth`.
        (
            "auth: ANN\nroutes: [{ path: /a }, { path: /b }]",
            "routes: [{ path: /a }, { path: /b, auth: BEN }]",
            "auth of routes[0] (/a)",
        ),
        // A refused request is asked for a proof, or answered.
        ("auth: ANN\nroutes: [{ path: /p, respond: 404 }, {}]", "auth: ANN", "respond of routes[0] (/p)"),
        (
            "routes: [{ path: /p, respond: 404 }, {}]",
            "routes: [{ path: /p, respond: 200 }, {}]",
            "respond of routes[0] (/p)",
        ),
        // Guards of other settings than routes.
        ("tls: { client_ca: a.pem }", "", "tls.client_ca of listen.https"),
        (
            "tls: { client_ca: a.pem }",
            "tls: { client_ca: { file: a.pem, mode: optional } }",
            "tls.client_ca of listen.https",
        ),
        ("tls: { client_ca: { file: a.pem, mode: optional } }", "", "tls.client_ca of listen.https"),
        (
            "tls: { client_ca: a.pem }",
            "tls: { client_ca: a.pem }\nlisten: { plain: [\"127.0.0.1:81\"] }",
            "tls.client_ca of requests, at 127.0.0.1:81 in listen.plain",
        ),
        ("admin: { token: s3cret-s3cret }", "", "admin.token of the admin listener"),
        ("websocket: { allowed_origins: same-host }", "", "websocket.allowed_origins of all routes"),
        (
            "websocket: { allowed_origins: same-host }",
            "websocket: { allowed_origins: [\"https://a.lan\"] }",
            "websocket.allowed_origins of all routes",
        ),
        (
            "websocket: { allowed_origins: [\"https://a.lan\"] }",
            "websocket: { allowed_origins: [\"https://a.lan\", \"https://b.lan\"] }",
            "websocket.allowed_origins of all routes",
        ),
        (
            "websocket: { allowed_origins: [\"https://a.lan\"] }",
            "websocket: { allowed_origins: same-host }",
            "websocket.allowed_origins of all routes",
        ),
        (
            "",
            "forwarded: { trusted_proxies: [192.0.2.7] }",
            "forwarded.trusted_proxies of all routes, for 192.0.2.7/32",
        ),
        (
            "forwarded: { trusted_proxies: [10.0.0.0/9] }",
            "forwarded: { trusted_proxies: [10.0.0.0/8, 10.1.0.0/16] }",
            "forwarded.trusted_proxies of all routes, for 10.0.0.0/8",
        ),
        (
            "",
            "listen: { proxy_protocol_from: [10.0.0.0/8] }",
            "listen.proxy_protocol_from of all routes, for 10.0.0.0/8",
        ),
        // Each route is listed once.
        (
            "routes: [{ path: /a, auth: ANN }, { path: /b, respond: 404 }, {}]",
            "",
            "auth of routes[0] (/a); respond of routes[1] (/b)",
        ),
    ];
    for (before, after, expected) in rows {
        assert_eq!(lost(before, after), expected, "{before}\n{after}");
    }
}

#[test]
fn what_leaves_every_request_its_guard_does_not() {
    let rows = [
        ("", ""),
        ("", "auth: ANN"),
        ("", "routes: [{ path: /p, respond: 404 }, {}]"),
        ("auth: ANN", "auth: BEN"),
        ("auth: ANN", "auth: TOKEN"),
        ("auth: TOKEN", "auth: { mtls: { ca: a.pem } }"),
        ("auth: { mtls: { ca: a.pem } }", "auth: { mtls: { ca: b.pem } }"),
        ("auth: TOKEN", "auth: { forward: { url: \"http://id/\" } }"),
        ("auth: EXEMPT", "auth: ANN"),
        ("auth: EXEMPT", "auth: EXEMPT\ntimeouts: { read: 1h }"),
        ("", "auth: EXEMPT"),
        ("routes: [{ path: /p, auth: ANN }, {}]", "routes: [{ path: /p, auth: ANN }, { auth: EXEMPT }]"),
        ("auth: ANN", "auth: ANN\ntimeouts: { read: 1h }\nupstream: http://127.0.0.1:1"),
        ("routes: [{ path: /p, respond: 404 }, {}]", "routes: [{ path: /p, respond: 403 }, {}]"),
        ("routes: [{ path: /p, auth: ANN }, {}]", "routes: [{ path: /p, respond: 404 }, {}]"),
        // Wider, or the same in another order.
        ("routes: [{ path: /p, auth: ANN }, {}]", "auth: ANN"),
        ("routes: [{ path: /p/x, auth: ANN }, {}]", "routes: [{ path: /p, auth: ANN }, {}]"),
        (
            "routes: [{ path: /a, auth: ANN }, { path: /b, respond: 404 }, {}]",
            "routes: [{ path: /b, respond: 404 }, { path: /a, auth: ANN }, {}]",
        ),
        ("auth: ANN", "routes: [{ path: /a, auth: ANN }, { auth: BEN }]"),
        // A request that no route takes is refused, too.
        ("routes: [{ path: /a, auth: ANN }, { path: /b }]", "routes: [{ path: /b }]"),
        // No guard was there.
        (
            "routes: [{ path: /a, auth: ANN }, { path: /b }]",
            "routes: [{ path: /a, auth: ANN }, { path: /b }, { path: /c }]",
        ),
        ("routes: [{ path: /p, respond: { status: 302, location: /x } }, {}]", ""),
        ("", "tls: { client_ca: a.pem }"),
        ("tls: { client_ca: a.pem }", "tls: { client_ca: b.pem }"),
        ("", "listen: { plain: [\"127.0.0.1:81\"] }"),
        ("admin: { token: one-token }", "admin: { token: { file: token.txt } }"),
        ("admin: { token: one-token }", "admin: off"),
        ("", "websocket: { allowed_origins: same-host }"),
        (
            "websocket: { allowed_origins: [\"https://a.lan\", \"https://b.lan\"] }",
            "websocket: { allowed_origins: [\"https://b.lan\"] }",
        ),
        ("forwarded: { trusted_proxies: [10.0.0.0/9, 10.128.0.0/9] }", "forwarded: { trusted_proxies: [10.0.0.0/8] }"),
        ("forwarded: { trusted_proxies: [10.0.0.0/8] }", "forwarded: { trusted_proxies: [10.1.0.0/16] }"),
    ];
    for (before, after) in rows {
        assert_eq!(lost(before, after), "", "{before}\n{after}");
    }
}

#[test]
fn more_routes_than_can_be_compared_count_as_lowered() {
    let many = |guard: &str| {
        let routes: Vec<_> = (0..400).map(|n| format!("  - {{ host: h{n}.lan, path: /p{n}, {guard} }}\n")).collect();
        format!("routes:\n{}  - {{}}\n", routes.concat())
    };
    let before = many("respond: 404");
    assert_eq!(lost(&before, &before), "");
    // No guard is lost, but the comparison cannot show that.
    assert!(
        lost(&before, &format!("{before}  - {{ host: new.lan }}\n")).starts_with("respond of routes[0] (h0.lan/p0); ")
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_takes_a_matcher_or_a_network_from_some_request_lowers_it() {
    let rows = [
        // Networks.
        ("allow: [10.0.0.0/8]", "", "allow of routes[0] (*)"),
        ("allow: [10.0.0.0/8]", "allow: [10.0.0.0/7]", "allow of routes[0] (*)"),
        ("deny: [192.0.2.7]", "", "allow of routes[0] (*)"),
        ("deny: [192.0.2.0/24]", "deny: [192.0.2.0/25]", "allow of routes[0] (*)"),
        ("routes: [{ path: /p, allow: [10.0.0.0/8] }, {}]", "routes: [{ path: /p }, {}]", "allow of routes[0] (/p)"),
        (
            "allow: [10.0.0.0/8]",
            "allow: [10.0.0.0/8]\nroutes: [{ path: /o, allow: [\"0.0.0.0/0\"] }, {}]",
            "allow of routes[0] (*)",
        ),
        ("allow: [10.0.0.0/8]", "allow: [10.0.0.0/9]", ""),
        ("allow: [10.0.0.0/8]", "allow: [10.0.0.0/9, 10.128.0.0/9]", ""),
        ("", "allow: [10.0.0.0/8]", ""),
        ("allow: [10.0.0.0/8]", "routes: [{ respond: 403 }]", ""),
        // Of what a guard is for.
        (
            "routes: [{ from: [10.0.0.0/8] }, { respond: 403 }]",
            "routes: [{ from: [10.0.0.0/7] }, { respond: 403 }]",
            "respond of routes[1] (*)",
        ),
        (
            "routes: [{ from: [10.0.0.0/8] }, { respond: 403 }]",
            "routes: [{ from: [10.0.0.0/9] }, { respond: 403 }]",
            "",
        ),
        ("routes: [{ from: [10.0.0.0/8] }]", "routes: [{}]", "from of routes[0] (*)"),
        (
            "routes: [{ methods: [GET] }, { auth: ANN }]",
            "routes: [{ methods: [GET, POST] }, { auth: ANN }]",
            "auth of routes[1] (*)",
        ),
        (
            "routes: [{ methods: [GET, POST], respond: 405 }, {}]",
            "routes: [{ methods: [GET], respond: 405 }, {}]",
            "respond of routes[0] (*)",
        ),
        ("routes: [{ methods: [GET] }]", "routes: [{ methods: [GET, PUT] }]", "methods of routes[0] (*)"),
        (
            "routes: [{ path: { exact: /p }, respond: 403 }, {}]",
            "routes: [{ path: { exact: /p/ }, respond: 403 }, {}]",
            "respond of routes[0] (=/p)",
        ),
        (
            "routes: [{ path: { prefix: /p, edge: any }, respond: 403 }, {}]",
            "routes: [{ path: /p, respond: 403 }, {}]",
            "respond of routes[0] (/p*)",
        ),
        (
            "routes: [{ path: /p, ignore_case: true, respond: 403 }, {}]",
            "routes: [{ path: /p, respond: 403 }, {}]",
            "respond of routes[0] (/p)",
        ),
        ("routes: [{ path: /p, respond: 403 }, {}]", "routes: [{ path: /p, ignore_case: true, respond: 403 }, {}]", ""),
        (
            "routes: [{ path: { regex: '^/p' }, respond: 403 }, {}]",
            "routes: [{ path: { regex: '^/p/' }, respond: 403 }, {}]",
            "respond of routes[0] (~^/p)",
        ),
        (
            "routes: [{ path: { regex: '^/p' }, respond: 403 }, {}]",
            "routes: [{ path: { regex: '^/p' }, respond: 444 }, {}]",
            "",
        ),
        (
            "routes: [{ path: { regex: '^/p' }, respond: 403 }, { path: /x }]",
            "routes: [{ path: { regex: '^/p' }, respond: 403 }, { path: /x, hold: 1s }]",
            "",
        ),
        (
            "routes: [{ path: { regex: '^/p' }, respond: 403 }, {}]",
            "routes: [{ path: { regex: '^/q' }, respond: 403 }, { path: { regex: '^/p' }, respond: 403 }, {}]",
            "",
        ),
        (
            "routes: [{ headers: { X-K: a }, respond: 403 }, {}]",
            "routes: [{ headers: { X-K: b }, respond: 403 }, {}]",
            "respond of routes[0] (*)",
        ),
        (
            "routes: [{ query: { k: a } }, { respond: 403 }]",
            "routes: [{ query: { k: b } }, { respond: 403 }]",
            "respond of routes[1] (*)",
        ),
        (
            "routes: [{ query: { k: a } }, { respond: 403 }]",
            "routes: [{ query: { k: a, l: b } }, { respond: 403 }]",
            "",
        ),
        (
            "routes: [{ query: { k: a, l: b } }, { respond: 403 }]",
            "routes: [{ query: { k: a } }, { respond: 403 }]",
            "respond of routes[1] (*)",
        ),
        ("routes: [{ cookies: { k: a } }]", "routes: [{}]", "the matchers of routes[0] (*)"),
        (
            "routes: [{ not: { from: [10.0.0.0/8] }, respond: 403 }, {}]",
            "routes: [{ not: { from: [10.0.0.0/7] }, respond: 403 }, {}]",
            "respond of routes[0] (*)",
        ),
        (
            "routes: [{ not: { from: [10.0.0.0/8] }, respond: 403 }, {}]",
            "routes: [{ not: { from: [10.0.0.0/9] }, respond: 403 }, {}]",
            "",
        ),
        (
            "routes: [{ path: /p, respond: 403 }, {}]",
            "routes: [{ path: /p, not: { methods: [PUT] }, respond: 403 }, {}]",
            "respond of routes[0] (/p)",
        ),
        // An answer that is none, and one that sends elsewhere.
        (
            "routes: [{ path: /p, respond: 444 }, {}]",
            "routes: [{ path: /p, redirect: /x }, {}]",
            "respond of routes[0] (/p)",
        ),
        // Listeners.
        (
            "listen: { https: [':1', { address: ':2', name: i }] }\nroutes: [{ listener: i, path: /p }, { path: /q }]",
            "listen: { https: [':1', { address: ':2', name: i }] }\nroutes: [{ listener: i, path: /p }, { path: /q }, { path: /p }]",
            "listener of routes[0] (/p)",
        ),
        (
            "listen: { https: [':1', { address: '127.0.0.1:2', name: i }] }\nroutes: [{ listener: i }, { respond: 403 }]",
            "listen: { https: [':1', { address: ':2', name: i }] }\nroutes: [{ listener: i }, { respond: 403 }]",
            "listen of the listener i, at [::]:2",
        ),
        (
            "listen: { https: [':1', { address: ':2', name: i }] }\nroutes: [{ listener: i }, { respond: 403 }]",
            "listen: { https: [':2', { address: ':1', name: i }] }\nroutes: [{ listener: i }, { respond: 403 }]",
            "respond of routes[1] (*); listen of the listener i, at [::]:1",
        ),
    ];
    for (before, after, expected) in rows {
        assert_eq!(lost(before, after), expected, "{before}\n{after}");
    }
}

#[test]
fn many_matchers_that_only_tighten_lower_nothing_and_others_wait() {
    let routes = |count: usize, last: &str| {
        let own = |number: usize| {
            format!("  - {{ path: {{ regex: '^/p{number}' }}, query: {{ k{number}: a }}, respond: 403 }}\n")
        };
        format!("routes:\n{}{last}", (0..count).map(own).collect::<String>())
    };
    let before = routes(40, "  - {}\n");
    assert_eq!(lost(&before, &before), "");
    assert_eq!(lost(&before, &routes(41, "  - {}\n")), "");
    assert_eq!(lost(&before, &routes(40, "  - { auth: ANN }\n")), "");
    assert_ne!(lost(&before, &routes(39, "  - {}\n")), "");
}
