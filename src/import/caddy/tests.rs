//! Caddyfiles, and the routes that they become.

use crate::import::draft::{DraftAnswer, DraftAuth, DraftRoute};
use crate::import::reader::Memory;
use crate::import::write::conditions;
use crate::import::{ImportError, ImportFormat, Imported, Original, import};

fn tried(text: &str) -> Result<Imported, ImportError> {
    let original = Original { name: "Caddyfile".into(), folder: "/etc/caddy".into(), text: text.to_owned() };
    import(ImportFormat::Caddy, &original, &Memory::default())
}

fn imported(text: &str) -> Imported {
    tried(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// A route on one line: its conditions, what it asks for and cuts off, and its answer.
fn shape(route: &DraftRoute, upstream: Option<&str>) -> String {
    let when = conditions(&route.when).replace(", ignore_case: true", " any case").replace(", edge: any", "*");
    let port = |url: &str| url.rsplit(':').next().map(|port| format!(":{port}")).unwrap_or_default();
    let mut words = vec![if when.is_empty() { "all".to_owned() } else { when }];
    if let DraftAuth::Basic { users, user_headers } = &route.auth {
        words.extend(users.iter().map(|(name, _)| name.clone()).chain(user_headers.iter().cloned()));
    }
    if let DraftAuth::Forward { url, answer_headers, .. } = &route.auth {
        words.extend(std::iter::once(url.clone()).chain(answer_headers.iter().cloned()));
    }
    words.extend(route.strip_prefix.as_ref().map(|prefix| format!("-{prefix}")));
    words.push(match &route.answer {
        DraftAnswer::Default => port(upstream.unwrap_or_default()),
        DraftAnswer::Upstream(url) => port(url),
        DraftAnswer::Respond(answer) => answer.status.to_string(),
        DraftAnswer::Redirect { to, status } => format!("{status} {to}"),
        DraftAnswer::Https(status) => format!("{status} https"),
    });
    words.join(" ")
}

fn shapes(imported: &Imported, host: Option<&str>) -> Vec<String> {
    let (draft, upstream) = (&imported.draft, imported.draft.upstream.as_deref());
    draft.routes.iter().filter(|route| route.host.as_deref() == host).map(|route| shape(route, upstream)).collect()
}

/// The routes of a site for its host.
fn routes(site: &str) -> Vec<String> {
    shapes(&imported(&format!("gw.example.com {{\n{site}\n}}\n")), Some("gw.example.com"))
}

const ANN: &str = "{\nann $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}";

#[test]
fn directives_are_asked_in_caddys_order() {
    for (site, expected) in [
        ("reverse_proxy :1\nrespond /a 403", vec!["path: { exact: /a } any case 403", "all :1"]),
        (
            "reverse_proxy /a* :2\nreverse_proxy /a/b* :3\nreverse_proxy :1",
            vec!["path: { prefix: /a/b* } any case :3", "path: { prefix: /a* } any case :2", "all :1"],
        ),
        (
            "route {\nrespond /a* 401\nrespond /a/b 403\nreverse_proxy :1\n}",
            vec!["path: { prefix: /a* } any case 401", "all :1"],
        ),
        (
            "handle /a* {\nrespond 401\n}\nhandle /a/b* {\nrespond 403\n}\nhandle {\nreverse_proxy :1\n}",
            vec!["path: { prefix: /a/b* } any case 403", "path: { prefix: /a* } any case 401", "all :1"],
        ),
        // The longer path goes first, and what its `handle` lets pass goes on behind all of them.
        (
            "handle /a* {\nrespond /a/b 401\n}\nhandle /ab {\nrespond 402\n}\nreverse_proxy :1",
            vec!["path: { exact: /ab } any case 402", "path: { exact: /a/b } any case 401", "all :1"],
        ),
        ("redir /a /b\nrespond /a 403\nreverse_proxy :1", vec!["path: { exact: /a } any case 302 /b", "all :1"]),
        ("abort\nreverse_proxy :1", vec!["all 444"]),
        ("reverse_proxy /a :1", vec!["path: { exact: /a } any case :1", "all 200"]),
        ("respond /a 103\nreverse_proxy :1", vec!["all :1"]),
    ] {
        let found = routes(site);
        assert_eq!(found, expected, "{site}");
    }
    let option = format!(
        "{{\norder handle before basic_auth\n}}\ngw.example.com {{\nbasic_auth {ANN}\nhandle /a {{\nrespond 403\n}}\nreverse_proxy :1\n}}"
    );
    assert_eq!(shapes(&imported(&option), Some("gw.example.com")), ["path: { exact: /a } any case 403", "all ann :1"]);
}

#[test]
fn matchers_are_conditions() {
    for (matcher, expected) in [
        ("path /a /b*", vec!["path: { exact: /a } any case 403", "path: { prefix: /b* } any case 403", "all :1"]),
        (
            "not path /a /b",
            vec!["not: [{ path: { exact: /a } any case }, { path: { exact: /b } any case }] 403", "all :1"],
        ),
        ("not {\npath /a\nmethod GET\n}", vec!["not: { path: { exact: /a } any case, methods: [GET] } 403", "all :1"]),
        ("remote_ip 10.0.0.0/8 192.0.2.1", vec!["from: [10.0.0.0/8, 192.0.2.1/32] 403", "all :1"]),
        ("header !X-Key", vec!["not: { headers: { x-key: { present: true } } } 403", "all :1"]),
        ("method post PUT", vec!["methods: [POST, PUT] 403", "all :1"]),
        ("path_regexp ^/v\\d", vec!["path: { regex: '^/v\\d' } 403", "all :1"]),
        ("host gw.example.com", vec!["all 403"]),
        ("not host gw.example.com", vec!["all :1"]),
        ("protocol http", vec!["all :1"]),
    ] {
        let found: Vec<String> = routes(&format!("@x {{\n{matcher}\n}}\nrespond @x 403\nreverse_proxy :1"))
            .iter()
            .map(|line| line.replace('"', "'").replace("\\\\", "\\"))
            .collect();
        assert_eq!(found, expected, "{matcher}");
    }
}

#[test]
fn what_cannot_be_said_stays_shut() {
    for (site, expected) in [
        ("@x expression `true`\nrespond @x 403\nreverse_proxy :1", vec!["all 403"]),
        (
            "@x {\npath /a/*\nexpression `true`\n}\nhandle @x {\nreverse_proxy :2\n}\nreverse_proxy :1",
            vec!["path: { prefix: /a/* } any case 403", "all :1"],
        ),
        (
            "forward_auth /a/* :9 {\nuri /x\nheader_up X-Key a\n}\nreverse_proxy :1",
            vec!["path: { prefix: /a/* } any case 403", "all :1"],
        ),
        ("rewrite /a /b\nreverse_proxy :1", vec!["path: { exact: /a } any case 403", "all :1"]),
        (
            "rewrite /a /b\nrespond /b 401\nreverse_proxy :1",
            vec!["path: { exact: /a } any case 403", "path: { exact: /b } any case 401", "all :1"],
        ),
        ("my_auth_thing\nreverse_proxy :1", vec!["all 403"]),
        ("frobnicate\nreverse_proxy :1", vec!["all :1"]),
        ("import missing\nreverse_proxy :1", vec!["all 403"]),
        ("basic_auth {\nann plain\n}\nreverse_proxy :1", vec!["all 403"]),
        ("reverse_proxy :1 {\nrewrite /x\n}", vec!["all 403"]),
        ("reverse_proxy {env.G}", vec!["all 403"]),
        ("request_header -X-Role\n@x header X-Role a\nhandle @x {\nrespond 200\n}\nreverse_proxy :1", vec!["all 403"]),
        ("request_header -X-A*\nreverse_proxy :1", vec!["all 403"]),
        ("tls {\nclient_auth {\nmode require\n}\n}\nreverse_proxy :1", vec!["all 403"]),
        ("respond /a 700\nreverse_proxy :1", vec!["path: { exact: /a } any case 403", "all :1"]),
        ("redir /a \"/b c\"\nreverse_proxy :1", vec!["path: { exact: /a } any case 403", "all :1"]),
        ("error /a x 301\nreverse_proxy :1", vec!["path: { exact: /a } any case 403", "all :1"]),
    ] {
        assert_eq!(routes(site), expected, "{site}");
    }
}

#[test]
fn prefixes_are_cut_and_places_filled() {
    for (site, expected) in [
        (
            "handle_path /app/* {\nrespond /x 403\nreverse_proxy :1\n}",
            vec!["path: { exact: /app/x } any case 403", "path: { prefix: /app/* } any case -/app :1", "all 200"],
        ),
        ("handle_path /app* {\nreverse_proxy :1\n}", vec!["path: { prefix: /app* } any case -/app :1", "all 200"]),
        (
            "redir /a https://x.example{uri} permanent",
            vec!["path: { exact: /a } any case 301 https://x.example{uri}", "all 200"],
        ),
        (
            "@o path_regexp o ^/o/(.*)$\nredir @o /n/{re.o.1}",
            vec!["path: { regex: '^/o/(.*)$' } 302 /n/${1}", "all 200"],
        ),
    ] {
        let found: Vec<String> = routes(site).iter().map(|line| line.replace('"', "'")).collect();
        assert_eq!(found, expected, "{site}");
    }
}

#[test]
fn passwords_and_users() {
    let both = format!(
        "basic_auth {ANN}\nreverse_proxy :1 {{\nheader_up X-Remote-User {{http.auth.user.id}}\nheader_up X-Webauth-User {{http.auth.user.id}}\n}}"
    );
    assert_eq!(routes(&both), ["all ann X-Remote-User X-Webauth-User :1"]);
    let other = format!(
        "basic_auth {ANN}\nhandle /a {{\nbasic_auth {{\nbob $2a$14$x\n}}\nreverse_proxy :1\n}}\nreverse_proxy :1"
    );
    assert_eq!(routes(&other), ["path: { exact: /a } any case 403", "all ann :1"]);
    let unsaid = imported("gw.example.com {\nreverse_proxy :1 {\nheader_up X-Remote-User {http.auth.user.id}\n}\n}");
    assert!(unsaid.yaml().contains("remove: [X-Remote-User]"), "{}", unsaid.yaml());
}

#[test]
fn a_login_service_is_asked_where_a_route_can_ask_it_exactly() {
    let service =
        "uri /api/verify?rd=https://id.example.com/\ncopy_headers Remote-User Remote-Groups\ncopy_headers X-More";
    let asks = "http://127.0.0.1:9/api/verify?rd=https://id.example.com/ Remote-User Remote-Groups X-More";
    for (site, expected) in [
        (format!("forward_auth :9 {{\n{service}\n}}\nreverse_proxy :1"), vec![format!("all {asks} :1")]),
        (
            format!("forward_auth /a/* :9 {{\n{service}\n}}\nreverse_proxy :1"),
            vec![format!("path: {{ prefix: /a/* }} any case {asks} :1"), "all :1".to_owned()],
        ),
        (
            "forward_auth :9 {\nuri /x\n}\nrespond /a 404\nreverse_proxy :1".to_owned(),
            vec![
                "path: { exact: /a } any case http://127.0.0.1:9/x 404".to_owned(),
                "all http://127.0.0.1:9/x :1".to_owned(),
            ],
        ),
    ] {
        assert_eq!(routes(&site), expected, "{site}");
    }
    let yaml = imported("gw.example.com {\nforward_auth :9 {\nuri /x\n}\nreverse_proxy :1\n}").yaml();
    assert!(yaml.contains("auth: { forward: { url: http://127.0.0.1:9/x, host: client } }"), "{yaml}");
    for shut in [
        "forward_auth :9",
        "forward_auth :9 {\nuri /x/{path}\n}",
        "forward_auth :9 {\nuri x\n}",
        "forward_auth :9 :8 {\nuri /x\n}",
        "forward_auth https://id.example.com {\nuri /x\n}",
        "forward_auth {vars.id} {\nuri /x\n}",
        "forward_auth :9 {\nuri /x\ncopy_headers A>B\n}",
        "forward_auth :9 {\nuri /x\ncopy_headers {\nA\n}\n}",
        "forward_auth :9 {\nuri /x\ncopy_headers Cookie\n}",
        "forward_auth :9 {\nuri /x\nmethod POST\n}",
        "forward_auth :9 {\nuri /x\n}\nforward_auth :8 {\nuri /y\n}",
        &format!("basic_auth {ANN}\nforward_auth :9 {{\nuri /x\n}}"),
        "route {\nrequest_header X-A b\nforward_auth :9 {\nuri /x\n}\nreverse_proxy :1\n}",
        "uri strip_prefix /a\nforward_auth :9 {\nuri /x\n}",
        "rewrite /b\nforward_auth :9 {\nuri /x\n}",
    ] {
        let found = routes(&format!("{shut}\nreverse_proxy :1"));
        assert!(found[0].ends_with(" 403"), "{shut}: {found:?}");
    }
}

#[test]
fn hosts_and_listeners_are_kept_apart() {
    let wild =
        imported("*.example.com {\n@a host a.example.com\nhandle @a {\nreverse_proxy :1\n}\nhandle {\nabort\n}\n}");
    assert_eq!(shapes(&wild, Some("a.example.com")), ["all :1"]);
    assert_eq!(shapes(&wild, Some("*.example.com")).last().map(String::as_str), Some("all 444"));
    let two =
        imported("http://a.example.com:8080 {\nbind 127.0.0.1\nreverse_proxy :1\n}\na.example.com {\nrespond 403\n}");
    let yaml = two.yaml();
    assert!(yaml.contains("127.0.0.1:8080") && yaml.contains("listener:"), "{yaml}");
    for bind in ["gw.example.com", "fd/3", "eth0"] {
        let error = tried(&format!("a.example.com {{\nbind {bind}\n}}")).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.starts_with("Caddyfile:2:")), "{bind}");
    }
}

#[test]
fn snippets_take_blocks_and_arguments_anywhere() {
    let text = "(site) {\nhttps://{args[0]} {\n{block}\n}\n}\n(deny) {\n@{args[0]} {\n{blocks.when}\n}\nrespond @{args[0]} {args[1:]}\n}\n\
                import site gw.example.com {\nimport deny team 403 {\nwhen {\npath /team/*\n}\n}\nreverse_proxy :1\n}";
    assert_eq!(shapes(&imported(text), Some("gw.example.com")), ["path: { prefix: /team/* } any case 403", "all :1"]);
    let named = "&(deny) {\nrespond /a 403\n}\ngw.example.com {\ninvoke deny\nreverse_proxy :1\n}";
    assert_eq!(shapes(&imported(named), Some("gw.example.com")), ["path: { exact: /a } any case 403", "all :1"]);
}

#[test]
fn the_report_speaks_of_lines_that_no_site_has() {
    let text = "(unused) {\nrespond /a 403\n}\n(plain) {\nrespond /b 403\n}\ngw.example.com {\nimport plain {\nrespond /c 403\n}\nreverse_proxy :1\n}";
    let found = imported(text);
    let said: Vec<usize> = found.report.notes().iter().map(|note| note.place.line).collect();
    assert!([2, 9].iter().all(|line| said.contains(line)), "{}", found.report);
}

#[test]
fn conditions_that_multiply_end_in_a_route_that_is_shut() {
    let one = |number: usize| format!("@h{number} header X-{number} a\nrequest_header @h{number} Y-{number} b\n");
    let headers: Vec<String> = (0..40).map(one).collect();
    let headers = headers.concat();
    let found = tried(&format!("gw.example.com {{\nroute {{\n{headers}reverse_proxy :1\n}}\n}}"));
    assert!(found.is_err() || found.is_ok_and(|found| found.yaml().contains("403")));
}
