//! What a configuration becomes, from small ones.

use super::*;
use crate::import::reader::Memory;

const PASS: &str = "proxy_pass http://127.0.0.1:18789;";
const BASIC: &str = "auth: { basic: { ann: \"$2y$05$x\" } }";

fn import(text: &str) -> Imported {
    let original = Original { name: "n".into(), folder: "/etc/nginx".into(), text: text.into() };
    let memory = Memory::of([("/etc/nginx/users", "ann:$2y$05$x\n"), ("/etc/nginx/there", "x")]);
    translate(&original, &mut Files::new(&memory)).unwrap()
}

/// The YAML without comments.
fn yaml(text: &str) -> String {
    let yaml = import(text).yaml();
    yaml.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The routes of a server with these directives, a line each; `PASS` and `BASIC` stand for what they are called.
fn routes(directives: &str) -> Vec<String> {
    let directives = directives.replace("PASS", PASS).replace("AUTH", "auth_basic x; auth_basic_user_file users;");
    let yaml = yaml(&format!("server {{ listen 443 ssl; {directives} }}"));
    let list = yaml.split_once("routes:\n").map_or("", |(_, routes)| routes);
    list.lines().map(|line| line.trim_start_matches(['-', ' ']).replace(BASIC, "BASIC")).collect()
}

#[test]
fn a_plain_server_is_a_plain_listener() {
    let text = "server { listen 81; location / { proxy_pass http://127.0.0.1:1; } }";
    assert_eq!(yaml(text), "listen:\n  https: []\n  plain: [\"0.0.0.0:81\"]\nupstream: http://127.0.0.1:1");
}

#[test]
fn rules_stand_in_the_order_in_which_nginx_decides() {
    for (directives, expected) in [
        (
            "location / { PASS } location /a { return 403; } location /a/b { PASS } location = /c { return 204; }",
            &[
                "{ path: { exact: /c }, respond: 204 }",
                "{ path: { prefix: /a/b, edge: any } }",
                "{ path: { prefix: /a, edge: any }, respond: 403 }",
                "{ path: / }",
            ][..],
        ),
        ("location /a { PASS }", &["{ path: { prefix: /a, edge: any } }", "{ path: /, respond: 404 }"]),
        (
            "location / { PASS } location ~ ^/a/ { return 404; } location ^~ /a/c { PASS }",
            &["{ path: { prefix: /a/c, edge: any } }", "{ path: /a/, respond: 404 }", "{ path: / }"],
        ),
        ("return 444; location / { PASS }", &["{ path: /, respond: 444 }"]),
        ("location = / { return 403; } location / { PASS }", &["{ path: { exact: / }, respond: 403 }", "{ path: / }"]),
        (
            "location ~* \\.(bak|old)$ { deny all; } location / { PASS }",
            &["{ path: { regex: \"(?i)\\\\.(bak|old)$\" }, respond: 403 }", "{ path: / }"],
        ),
        ("location / { internal; PASS }", &["{ path: /, respond: 404 }"]),
        ("location / { try_files $uri @up; } location @up { PASS }", &[]),
        (
            "AUTH location / { try_files $uri @up; } location @up { auth_basic off; PASS } location = /z { return 404; }",
            &["{ path: { exact: /z }, respond: 404 }", "{ path: /, BASIC }"],
        ),
    ] {
        assert_eq!(routes(directives), expected, "{directives}");
    }
}

#[test]
fn conditions_become_matchers() {
    let not = |inner: &str, status: &str| format!("{{ not: {{ {inner} }}, respond: {status} }}");
    for (condition, expected) in [
        ("($request_method !~ ^(GET|HEAD)$)", not("methods: [GET, HEAD]", "403")),
        ("($request_method = PUT)", "{ methods: [PUT], respond: 403 }".into()),
        ("($http_x_key != \"s3cr3t\")", not("headers: { X-Key: s3cr3t }", "403")),
        ("($cookie_sid != s)", not("cookies: { sid: s }", "403")),
        ("($arg_key != 1)", not("query: { key: 1 }", "403")),
        (
            "($http_user_agent ~* (bot|curl))",
            "{ headers: { User-Agent: { regex: \"(?i)(bot|curl)\" } }, respond: 403 }".into(),
        ),
        ("($uri ~ ^/(debug|metrics))", "{ path: { regex: \"^/(debug|metrics)\" }, respond: 403 }".into()),
        ("($uri = /x)", "{ path: { exact: /x }, respond: 403 }".into()),
        ("($remote_addr = 192.0.2.1)", "{ from: [192.0.2.1/32], respond: 403 }".into()),
        ("($remote_addr !~ ^10\\.)", not("from: [10.0.0.0/8]", "403")),
        ("($http_x_key = '')", not("headers: { X-Key: { present: true } }", "403")),
        ("($host != a.example)", "{ path: /, respond: 403 }".into()),
        ("(-f there)", "{ path: /, respond: 403 }".into()),
    ] {
        for text in [
            format!("if {condition} {{ return 403; }} location / {{ PASS }}"),
            format!("location / {{ if {condition} {{ return 403; }} PASS }}"),
        ] {
            assert!(routes(&text).contains(&expected), "{text}: {:?}", routes(&text));
        }
    }
}

#[test]
fn a_host_that_is_looked_at_has_routes_of_its_own() {
    let text = "server { listen 80; server_name a.example b.example; if ($host = a.example) { return 301 https://$host$request_uri; } return 404; }";
    let expected = "routes:
  - { host: a.example, redirect: { to: \"https://{host}{uri}\", status: 301 } }
  - { path: /, respond: 404 }";
    assert!(yaml(text).ends_with(expected), "{}", yaml(text));
    let not = "if ($host != a.example) { return 421; } location / { PASS }";
    assert_eq!(routes(not), ["{ host: a.example }", "{ path: /, respond: 421 }"]);
}

#[test]
fn variables_carry_conditions() {
    let flag =
        "set $bad 0; if ($http_user_agent ~ curl) { set $bad 1; } if ($bad = 1) { return 403; } location / { PASS }";
    assert_eq!(routes(flag), ["{ headers: { User-Agent: { regex: curl } }, respond: 403 }", "{ path: / }"]);
    let both = "set $t ''; if ($request_method = POST) { set $t P; } if ($http_x_a = 1) { set $t \"${t}A\"; } if ($t = PA) { return 403; }
        location / { PASS }";
    assert_eq!(routes(both), ["{ methods: [POST], headers: { X-A: 1 }, respond: 403 }", "{ path: / }"]);
    let unknown = "set $bad 0; if ($args ~ select) { set $bad 1; } if ($bad = 1) { return 403; } location / { PASS }";
    assert_eq!(routes(unknown), ["{ path: /, respond: 403 }"]);
    let map = |lines: &str, test: &str| {
        let text =
            format!("{lines} server {{ listen 443 ssl; if ({test}) {{ return 403; }} location / {{ {PASS} }} }}");
        yaml(&text).split_once("routes:\n").map_or_else(String::new, |(_, routes)| routes.to_owned())
    };
    let geo = "geo $ok { default 0; 10.0.0.0/8 1; 10.1.0.0/16 0; }";
    let expected =
        "  - { from: [10.1.0.0/16], respond: 403 }\n  - { not: { from: [10.0.0.0/8] }, respond: 403 }\n  - { path: / }";
    assert_eq!(
        map(geo, "$ok = 0").replace(
            "  - { not: [{ from: [10.1.0.0/16] }, { from: [10.0.0.0/8] }], respond: 403 }",
            "  - { not: { from: [10.0.0.0/8] }, respond: 403 }"
        ),
        expected
    );
    let agents = "map $http_user_agent $bad { default 0; ~*bot 1; }";
    assert_eq!(
        map(agents, "$bad"),
        "  - { headers: { User-Agent: { regex: \"(?i)bot\" } }, respond: 403 }\n  - { path: / }"
    );
}

#[test]
fn a_login_service_is_asked_where_a_route_can_ask_it_as_nginx_does() {
    let service = |more: &str| {
        format!(
            "location = /auth {{ internal; proxy_pass http://127.0.0.1:9/verify?a=b; proxy_pass_request_body off; {more} }}"
        )
    };
    let asks = |parts: &str| format!("auth: {{ forward: {{ url: \"http://127.0.0.1:9/verify?a=b\"{parts} }} }}");
    let set = "auth_request_set $user $upstream_http_remote_user; proxy_set_header Remote-User $user;";
    let last = |text: &str| routes(text).last().cloned().unwrap_or_default();
    for (more, guarded, expected) in [
        ("", "auth_request /auth;".to_owned(), asks("")),
        ("proxy_set_header Host $http_host;", "auth_request /auth;".to_owned(), asks(", host: client")),
        (
            "proxy_set_header Content-Length \"\"; proxy_set_header X-Original-URL $scheme://$http_host$request_uri;",
            format!("auth_request /auth; {set}"),
            asks(", answer_headers: [Remote-User]"),
        ),
    ] {
        let found = last(&format!("{} location / {{ {guarded} PASS }}", service(more)));
        assert_eq!(found, format!("{{ path: /, {expected} }}"), "{more} {guarded}");
    }
    let open = last(&format!("auth_request /auth; {} location / {{ auth_request off; PASS }}", service("")));
    assert_eq!(open, "{ path: / }");
    for (location, guarded) in [
        (service("proxy_set_header X-Key secret;"), "auth_request /auth;"),
        (service("proxy_method POST;"), "auth_request /auth;"),
        (service("proxy_set_header Host id.example.com;"), "auth_request /auth;"),
        (service("").replace("proxy_pass_request_body off;", ""), "auth_request /auth;"),
        (service("").replace("127.0.0.1:9", "$where"), "auth_request /auth;"),
        (service("").replace("http:", "https:"), "auth_request /auth;"),
        (service("").replace("127.0.0.1:9", "id.example.com"), "auth_request /auth;"),
        (service("").replace("= /auth", "~ /auth"), "auth_request /auth;"),
        (format!("location ~ x {{ return 404; }} {}", service("").replace("= /auth", "/auth")), "auth_request /auth;"),
        (format!("rewrite /a /b; {}", service("")), "auth_request /auth;"),
        (service(""), "auth_request /auth$uri;"),
        (service(""), "auth_request /other;"),
        (service(""), "auth_request /auth; AUTH"),
        (
            service(""),
            "auth_request /auth; auth_request_set $user $upstream_http_remote_user; proxy_set_header X-User $user;",
        ),
    ] {
        let found = last(&format!("{location} location / {{ {guarded} PASS }}"));
        assert_eq!(found, "{ path: /, respond: 403 }", "{location} {guarded}");
    }
}

#[test]
fn what_was_locked_does_not_come_out_open() {
    for (lock, expected) in [
        ("deny all;", "{ path: /, respond: 403 }"),
        ("allow 10.0.0.0/8; deny all;", "{ path: /, allow: [10.0.0.0/8] }"),
        ("deny 192.0.2.0/24; allow all;", "{ path: /, deny: [192.0.2.0/24] }"),
        ("auth_request /auth;", "{ path: /, respond: 403 }"),
        ("auth_jwt realm;", "{ path: /, respond: 403 }"),
        ("auth_basic x; auth_basic_user_file missing;", "{ path: /, respond: 403 }"),
        ("auth_basic x;", "{ path: /, respond: 403 }"),
        ("AUTH", "{ path: /, BASIC }"),
        ("AUTH allow 10.0.0.0/8; deny all;", "{ path: /, allow: [10.0.0.0/8], BASIC }"),
        ("AUTH satisfy any;", "{ path: /, BASIC }"),
        ("satisfy any; allow 10.0.0.0/8; deny all;", "{ path: /, allow: [10.0.0.0/8] }"),
        ("satisfy any; deny all; AUTH", "{ path: /, BASIC }"),
        ("access_by_lua_block { ngx.exit(403) }", "{ path: /, respond: 403 }"),
        ("secure_link $arg_md5;", "{ path: /, respond: 403 }"),
        ("wallarm_token_check on;", "{ path: /, respond: 403 }"),
        ("include missing.conf;", "{ path: /, respond: 403 }"),
        ("deny unknown.example.com;", "{ path: /, respond: 403 }"),
        (
            "satisfy any; allow 10.0.0.0/8; deny all; auth_basic x; auth_basic_user_file missing;",
            "{ path: /, respond: 403 }",
        ),
    ] {
        let one =
            |text: &str| routes(&format!("{text} location = /z {{ return 404; }}")).last().cloned().unwrap_or_default();
        assert_eq!(one(&format!("location / {{ {lock} PASS }}")), expected, "{lock}");
        assert_eq!(one(&format!("{lock} location / {{ PASS }}")), expected, "around: {lock}");
    }
    for open in [
        "allow all;",
        "auth_basic off;",
        "auth_request off;",
        "limit_req zone=a;",
        "satisfy any;",
        "deny 192.0.2.1; allow all; satisfy any;",
    ] {
        let found = routes(&format!("location / {{ {open} PASS }}"));
        assert!(found.iter().all(|line| !line.contains("respond")), "{open}: {found:?}");
    }
    let either = routes("location / { satisfy any; allow 10.0.0.0/8; deny all; AUTH PASS }");
    assert_eq!(either, ["{ from: [10.0.0.0/8] }", "{ path: /, BASIC }"]);
    let methods = routes("location / { limit_except GET { AUTH } PASS }");
    assert_eq!(methods, ["{ methods: [GET, HEAD] }", "{ path: /, BASIC }"]);
    let deny = routes("location / { limit_except GET { deny all; } PASS }");
    assert_eq!(deny, ["{ methods: [GET, HEAD] }", "{ path: /, respond: 403 }"]);
}

#[test]
fn a_condition_that_cannot_be_said_locks_what_stands_behind_it() {
    let text = "if ($args ~ x) { return 401; } location / { PASS } location /a { return 200; }";
    assert_eq!(routes(text), ["{ path: /, respond: 403 }"]);
    let text = "location /a/ { if ($args ~ x) { return 401; } PASS } location / { PASS }";
    assert_eq!(routes(text)[1..], ["{ path: /a/, respond: 403 }", "{ path: / }"]);
    let text = "location /a/ { if ($uri ~ x$) { return 401; } PASS } location / { PASS }";
    let both = "{ path: { regex: \"^/a/(?s:.*)x$\" }, respond: 401 }";
    assert_eq!(routes(text)[1..], [both, "{ path: /a/ }", "{ path: / }"]);
    // A limit of speed keeps no client out.
    assert_eq!(routes("location / { if ($args ~ x) { limit_rate 1k; } PASS }"), [""; 0]);
}

#[test]
fn paths_are_cut_where_that_is_all() {
    for (location, expected) in [
        ("location /app/ { proxy_pass http://127.0.0.1:1/; }", "{ path: /app/, strip_prefix: /app }"),
        ("location /a/b/ { proxy_pass http://127.0.0.1:1/b/; }", "{ path: /a/b/, strip_prefix: /a }"),
        ("location /app/ { proxy_pass http://127.0.0.1:1/app/; }", "{ path: /app/ }"),
        ("location /app/ { proxy_pass http://127.0.0.1:1/base/; }", "{ path: /app/, respond: 403 }"),
        (
            "location /app/ { rewrite ^/app/(.*)$ /$1 break; proxy_pass http://127.0.0.1:1; }",
            "{ path: /app/, strip_prefix: /app }",
        ),
        ("location = /x { proxy_pass http://127.0.0.1:1/y; }", "{ path: { exact: /x }, respond: 403 }"),
        ("location /app/ { proxy_pass http://127.0.0.1:1$request_uri; }", "{ path: /app/ }"),
        ("location /app/ { proxy_pass http://$arg_to; }", "{ path: /app/, respond: 403 }"),
    ] {
        let found = routes(&format!("{location} location = /app {{ return 404; }} location / {{ return 404; }}"));
        assert!(found.contains(&expected.to_owned()), "{location}: {found:?}");
    }
}

#[test]
fn redirects_lead_where_they_led() {
    for (directives, expected) in [
        (
            "location / { return 302 /login; }",
            "{ path: /, redirect: { to: \"{scheme}://{host}/login\", status: 302 } }",
        ),
        (
            "location /x { return 301 https://other.example.com$request_uri; }",
            "{ path: { prefix: /x, edge: any }, redirect: { to: \"https://other.example.com{uri}\", status: 301 } }",
        ),
        (
            "rewrite ^/old/(.*)$ /new/$1 permanent;",
            "redirect: { to: \"{scheme}://{host}/new/${1}?{query}\", status: 301 }",
        ),
        ("location / { return 301; }", "{ path: /, respond: 404 }"),
        ("location / { return 301 https://$arg_to/; }", "{ path: /, respond: 403 }"),
        ("location / { return 302 /a?b=$arg_c; }", "{ path: /, respond: 403 }"),
        ("location / { return 418; error_page 418 = @up; } location @up { PASS }", ""),
    ] {
        let found = routes(directives).join(" ");
        assert!(found.contains(expected) && (!expected.is_empty() || found.is_empty()), "{directives}: {found}");
    }
}

#[test]
fn the_listener_decides_before_the_name() {
    let text = |first: &str, second: &str| {
        let server = |listen: &str, lock: &str| {
            format!("server {{ listen {listen}; server_name a.example; location / {{ {lock} {PASS} }} }}")
        };
        yaml(&(server(first, "deny all;") + &server(second, "")))
    };
    let found = text("443 ssl", "127.0.0.1:81");
    assert!(
        found.contains("{ listener: https-443, path: /, respond: 403 }\n  - { listener: http-81, path: / }"),
        "{found}"
    );
    // The one stands for the other, and they differ.
    let found = text("81", "127.0.0.1:81");
    assert!(found.ends_with("- { path: /, respond: 403 }"), "{found}");
    let only_v6 = yaml("server { listen [::]:81; location / { proxy_pass http://127.0.0.1:1; } }");
    assert!(only_v6.contains("{ from: [0.0.0.0/0], respond: 444 }"), "{only_v6}");
    let both = yaml("server { listen 81; listen [::]:81; location / { proxy_pass http://127.0.0.1:1; } }");
    assert!(both.contains("plain: [\"[::]:81\"]") && !both.contains("444"), "{both}");
}

#[test]
fn a_listener_that_cannot_be_had_ends_it() {
    for listen in ["gw.example.com:80", "unix:/run/x.sock ssl", "99999"] {
        let original =
            Original { name: "n".into(), folder: "/".into(), text: format!("server {{\nlisten {listen}; }}") };
        let error = translate(&original, &mut Files::new(&Memory::default())).unwrap_err().to_string();
        assert!(error.starts_with("n:2:1: `listen"), "{error}");
    }
}

#[test]
fn a_host_that_another_server_has_does_not_reach_the_default_one() {
    let text = "
        server { listen 443 ssl; server_name a.example; location / { proxy_pass http://127.0.0.1:1; } }
        server { listen 443 ssl; server_name b.example; location /b { proxy_pass http://127.0.0.1:1; } }
        server { listen 443 ssl; server_name *.c.example; location / { proxy_pass http://127.0.0.1:2; } }";
    let yaml = yaml(text);
    let routes = yaml.split_once("routes:\n").unwrap().1;
    let expected = "  - { host: b.example, path: { prefix: /b, edge: any } }\n  - { host: b.example, respond: 404 }
  - { host: \"*.c.example\", upstream: http://127.0.0.1:2 }\n  - { path: / }";
    assert_eq!(routes, expected);
}

#[test]
fn one_set_header_in_a_location_discards_all_of_the_server() {
    let text = "server { listen 443 ssl; proxy_set_header X-A 1; proxy_set_header X-B 2;
        location / { proxy_pass http://127.0.0.1:18789; } location = /x { proxy_set_header X-C 3; proxy_pass http://127.0.0.1:18789; } }";
    let yaml = yaml(text);
    assert!(yaml.contains("{ path: { exact: /x }, request_headers: { set: { X-C: 3 } } }"), "{yaml}");
    assert!(yaml.contains("{ path: /, request_headers: { set: { X-A: 1, X-B: 2 } } }"), "{yaml}");
}

#[test]
fn no_client_says_who_it_is() {
    let headers = "proxy_set_header Remote-User $remote_user; proxy_set_header X-Email $upstream_http_x_email;";
    let found = routes(&format!("location / {{ {headers} PASS }}"));
    assert_eq!(found, ["{ path: /, request_headers: { remove: [X-Email, Remote-User] } }"]);
    let found = routes(&format!("location / {{ AUTH {headers} PASS }}")).join(" ");
    assert!(found.contains("user_header: Remote-User") && found.contains("remove: [X-Email]"), "{found}");
}

#[test]
fn includes_that_never_end_are_refused() {
    let memory = Memory::of([("/etc/nginx/a", "include a;"), ("/etc/nginx/b", "include b; include b;")]);
    for name in ["a", "b"] {
        let original = Original { name: "n".into(), folder: "/etc/nginx".into(), text: format!("include {name};") };
        let error = translate(&original, &mut Files::new(&memory)).unwrap_err();
        assert!(matches!(error, ImportError::TooMuch { .. }), "{error}");
    }
}
