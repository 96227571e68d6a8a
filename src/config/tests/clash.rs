//! Settings that cannot work where their route is reached.

use super::*;

/// The problems of a configuration, warnings included, without their hints.
fn problems(text: &str) -> Vec<String> {
    let folders = BaseFolders { file: "/etc/frontgate".into(), working: "/home/ann".into(), printed: false };
    let (Ok((.., problems)) | Err(problems)) = load::parse(text, [], &Overrides::default(), &folders);
    let said = Problems::new(Some("f.yaml".into()), problems).to_string();
    let lines = said.lines().filter(|line| line.starts_with("f.yaml:"));
    lines.map(|line| line.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn a_certificate_cannot_be_asked_for_without_tls() {
    const PLAIN: &str = "listen: { https: [], plain: [\"127.0.0.1:8080\"] }\n";
    const BOTH: &str =
        "listen: { https: [\":8443\"], plain: [{ address: \"127.0.0.1:8080\", name: inside }, \"127.0.0.1:8081\"] }\n";
    const MTLS: &str = "auth: { mtls: { ca: a.pem } }";
    const TWO: &str = "auth: { mtls: { ca: a.pem }, token: { robot: { sha256: HEX } } }";
    let hex = "ab".repeat(32);
    for (listen, rest, expected) in [
        ("", format!("{MTLS}\n"), &[][..]),
        (PLAIN, format!("{MTLS}\n"), &["auth.mtls"]),
        (PLAIN, format!("{TWO}\n"), &["warning: auth.mtls"]),
        (PLAIN, format!("routes: [{{ path: /a, {MTLS} }}, {{ path: /b }}]\n"), &["routes[0].auth.mtls"]),
        (PLAIN, format!("{MTLS}\nroutes: [{{ path: /a, auth: none }}, {{ path: /b, respond: 404 }}]\n"), &[]),
        (BOTH, format!("{MTLS}\nroutes: [{{ path: /a }}, {{ listener: inside }}]\n"), &["routes[1]"]),
        (BOTH, format!("{TWO}\nroutes: [{{ path: /a }}, {{ listener: inside }}]\n"), &[]),
        (BOTH, format!("routes: [{{ path: /a }}, {{ listener: inside, {TWO} }}]\n"), &["warning: routes[1].auth.mtls"]),
        (BOTH, format!("routes: [{{ path: /a }}, {{ listener: inside, {MTLS} }}]\n"), &["routes[1].auth.mtls"]),
        (BOTH, format!("routes: [{{ path: /a, {MTLS} }}, {{ listener: inside }}]\n"), &[]),
    ] {
        let found = problems(&format!("{listen}{}", rest.replace("HEX", &hex)));
        let expected: Vec<_> = expected
            .iter()
            .map(|key| format!("{key}: no client can show a certificate: only listeners without TLS lead here"))
            .collect();
        assert_eq!(found, expected, "{listen}{rest}");
    }
}

#[test]
fn two_groups_have_two_cookies_where_a_host_has_both() {
    let groups = |one: &str, other: &str| {
        format!(
            "upstreams: {{ a: {{ endpoints: [http://a, http://a2], sticky: {{ {one} }} }}, b: {{ endpoints: [http://b], sticky: {{ {other} }} }}, \
             c: {{ endpoints: [http://c] }} }}\n"
        )
    };
    let same = groups("", "");
    let single = same.replace(", http://a2", "");
    let named = single.replace("http://a]", "dns+http://a:80]");
    for (groups, routes, expected) in [
        (&same, "{ path: /a, upstream: a }, { upstream: b }", "every host"),
        (&same, "{ path: /a, upstream: a }, { upstream: c }", ""),
        (&same, "{ path: /a, upstream: a }, { path: /b, upstream: a }", ""),
        (&same, "{ host: a.x, upstream: a }, { host: b.x, upstream: b }", ""),
        (&same, "{ host: a.x, upstream: a }, { upstream: b }", ""),
        (&same, "{ host: a.x, path: /a, upstream: a }, { upstream: b }", "a.x"),
        (&same, "{ host: a.x, path: /a, upstream: a }, { host: a.x, upstream: c }, { upstream: b }", ""),
        (&same, "{ host: a.x, path: /a, upstream: a }, { host: \"*.x\", upstream: b }", "a.x"),
        (&same, "{ host: \"*.x\", path: /a, upstream: a }, { upstream: b }", "*.x"),
        (&same, "{ host: \"*.x\", path: /a, upstream: a }, { host: \"*.y\", upstream: b }", ""),
        (&same, "{ upstream: b }, { host: a.x, methods: [GET], upstream: a }", "a.x"),
        (&single, "{ path: /a, upstream: a }, { upstream: b }", ""),
        (&named, "{ path: /a, upstream: a }, { upstream: b }", "every host"),
        (&groups("cookie: one", "cookie: two"), "{ path: /a, upstream: a }, { upstream: b }", ""),
        (&groups("cookie: one", "cookie: one"), "{ path: /a, upstream: a }, { upstream: b }", "every host"),
    ] {
        let found = problems(&format!("{groups}routes: [{routes}]\n"));
        assert_eq!(found.len(), usize::from(!expected.is_empty()), "{routes}: {found:?}");
        let at = if expected == "every host" { "on one host".to_owned() } else { format!("on {expected}") };
        assert!(found.iter().all(|found| found.contains("both have the cookie") && found.ends_with(&at)), "{found:?}");
    }
    let said = parse(
        "upstreams:\n  a: { endpoints: [http://a, http://a2], sticky: {} }\n  b: { endpoints: [http://b], sticky: {} }\nroutes: [{ path: /a, upstream: a }, { upstream: b }]\n",
    );
    assert_eq!(
        said.unwrap_err(),
        "f.yaml:3:39: upstreams.b.sticky: the groups `a` and `b` both have the cookie `frontgate` on one host\n    \
         hint: a name of its own, such as sticky: { cookie: frontgate-b }"
    );
}
