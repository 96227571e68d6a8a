//! What a configuration becomes, from small ones.

use super::*;
use crate::import::reader::Memory;

fn import(text: &str) -> Imported {
    let original = Original { name: "n".into(), folder: "/etc/nginx".into(), text: text.into() };
    translate(&original, &mut Files::new(&Memory::default())).unwrap()
}

/// The YAML without comments.
fn yaml(text: &str) -> String {
    let yaml = import(text).yaml();
    yaml.lines().filter(|line| !line.trim_start().starts_with('#') && !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plain_server_is_a_plain_listener() {
    let text = "server { listen 81; location / { proxy_pass http://127.0.0.1:1; } }";
    assert_eq!(yaml(text), "listen:\n  https: []\n  plain: [\"0.0.0.0:81\"]\nupstream: http://127.0.0.1:1");
}

/// The routes of a server with these directives.
fn routes(directives: &str) -> String {
    let yaml = yaml(&format!("server {{ listen 443 ssl; {directives} }}"));
    yaml.split_once("routes:\n").map_or_else(String::new, |(_, routes)| routes.to_owned())
}

#[test]
fn the_longest_path_comes_first_and_the_rest_last() {
    let pass = "proxy_pass http://127.0.0.1:18789;";
    let cases = [
        (
            format!(
                "location / {{ {pass} }} location /a {{ return 403; }} location /a/b {{ {pass} }} location = /c {{ return 204; }}"
            ),
            "  - { path: /a/b }\n  - { path: /a, respond: 403 }\n  - { path: /c, respond: 204 }\n  - { path: / }",
        ),
        // A server without `location /` serves files.
        (format!("location /a {{ {pass} }}"), "  - { path: /a }\n  - { path: /, respond: 404 }"),
        // A regular expression wins over a prefix, unless that is final.
        (
            format!(
                "location / {{ {pass} }} location ~ ^/a/ {{ return 404; }} location /a/b {{ {pass} }} location ^~ /a/c {{ {pass} }}"
            ),
            "  - { path: /a/c }\n  - { path: /a/, respond: 404 }\n  - { path: / }",
        ),
        // An exact location would take more than it did.
        (format!("location / {{ {pass} }} location = / {{ return 403; }}"), ""),
        (
            format!("location /x {{ {pass} }} location = /x {{ return 403; }}"),
            "  - { path: /x }\n  - { path: /, respond: 404 }",
        ),
        (format!("return 444; location / {{ {pass} }}"), "  - { path: /, respond: 403 }"),
    ];
    for (text, expected) in cases {
        assert_eq!(routes(&text), expected, "{text}");
    }
}

#[test]
fn what_was_locked_does_not_come_out_open() {
    let locks = [
        "deny all;",
        "allow 10.0.0.0/8; deny all;",
        "auth_request /auth;",
        "auth_jwt realm;",
        "auth_basic x; auth_basic_user_file missing;",
        "auth_basic x;",
        "limit_except GET { deny all; }",
        "if ($http_authorization != secret) { return 403; }",
        "if ($arg_key != 1) { return 401; }",
        "access_by_lua_block { ngx.exit(403) }",
        "satisfy any; allow 10.0.0.0/8; deny all;",
        "satisfy any; allow 10.0.0.0/8; deny all; auth_basic x; auth_basic_user_file missing;",
    ];
    for lock in locks {
        let inside = format!("location / {{ {lock} proxy_pass http://127.0.0.1:18789; }}");
        assert_eq!(routes(&inside), "  - { path: /, respond: 403 }", "{lock}");
        let conditional = ["if", "limit_except"].iter().any(|word| lock.starts_with(word));
        let around = format!("{lock} location / {{ proxy_pass http://127.0.0.1:18789; }}");
        if !conditional {
            assert_eq!(routes(&around), "  - { path: /, respond: 403 }", "around: {lock}");
        }
    }
    let open = [
        "allow all;",
        "auth_basic off;",
        "deny 192.0.2.1;",
        "if ($http_user_agent ~ curl) { return 403; }",
        "satisfy any;",
    ];
    for lock in open {
        assert_eq!(routes(&format!("location / {{ {lock} proxy_pass http://127.0.0.1:18789; }}")), "", "{lock}");
    }
}

#[test]
fn a_condition_of_the_server_locks_all_its_locations() {
    let text = "if ($arg_key != 1) { return 401; } location / { proxy_pass http://127.0.0.1:18789; } location /a { return 200; }";
    assert_eq!(routes(text), "  - { path: /a, respond: 403 }\n  - { path: /, respond: 403 }");
}

#[test]
fn a_return_answers_before_a_client_is_asked_for_a_password() {
    let text = "auth_basic x; auth_basic_user_file missing; location / { proxy_pass http://127.0.0.1:1; } location /h { return 204; }";
    assert_eq!(routes(text), "  - { path: /h, respond: 204 }\n  - { path: /, respond: 403 }");
}

#[test]
fn a_host_that_another_server_has_does_not_reach_the_default_one() {
    let text = "
        server { listen 443 ssl; server_name a.example; location / { proxy_pass http://127.0.0.1:1; } }
        server { listen 443 ssl; server_name b.example; location /b { proxy_pass http://127.0.0.1:1; } }
        server { listen 443 ssl; server_name *.c.example; location / { proxy_pass http://127.0.0.1:2; } }";
    let yaml = yaml(text);
    let routes = yaml.split_once("routes:\n").unwrap().1;
    let expected = "  - { host: a.example }\n  - { host: b.example, path: /b }\n  - { host: b.example, respond: 404 }
  - { host: \"*.c.example\", upstream: http://127.0.0.1:2 }\n  - { path: / }";
    assert_eq!(routes, expected);
}

#[test]
fn one_set_header_in_a_location_discards_all_of_the_server() {
    let text = "server { listen 443 ssl; proxy_set_header X-A 1; proxy_set_header X-B 2;
        location / { proxy_pass http://127.0.0.1:18789; } location /x/ { proxy_set_header X-C 3; proxy_pass http://127.0.0.1:18789; } }";
    let yaml = yaml(text);
    assert!(yaml.contains("{ path: /x/, request_headers: { set: { X-C: 3 } } }"), "{yaml}");
    assert!(yaml.contains("{ path: /, request_headers: { set: { X-A: 1, X-B: 2 } } }"), "{yaml}");
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
