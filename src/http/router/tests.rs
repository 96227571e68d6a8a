use super::*;
use crate::config::{Overrides, Source, load};

/// The table of the routes in `yaml`; those that respond guard, all alike.
fn table(yaml: &str) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yaml");
    std::fs::write(&file, yaml).unwrap();
    let loaded = load(Source::File(file), [], &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let matches = loaded.config.routes.iter().map(|route| Matches {
        host: route.host.clone(),
        path: route.path.clone(),
        guard: route.respond.as_ref().map(|_| 1),
    });
    Table::new(matches.collect())
}

fn found(table: &Table, host: &str, path: &str) -> String {
    match table.find(&host::bare(host), path) {
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

#[test]
fn nobody_gets_round_a_guard_by_spelling() {
    let table = table("routes: [{ path: /private, respond: 404 }, { path: /admin/, respond: 403 }, {}]");
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
    ] {
        assert_eq!(found(&table, "gw", path), "0", "{path}");
    }
    for path in [
        "//evil/private",
        "/\\evil/private",
        "/private;x=1",
        "/x/..;/private",
        "/private/..%2fpublic",
        "/private/..%5cpublic",
        "/private/%2e%2e%2fpublic",
        "/admin//../public",
    ] {
        assert_eq!(found(&table, "gw", path), "ambiguous_path", "{path}");
    }
    for path in
        ["/", "/Private", "/privateer", "/public//x", "/a;b", "/%2570rivate", "/admin", "/private/../public", "*"]
    {
        assert_eq!(found(&table, "gw", path), "2", "{path}");
    }
}

#[test]
fn without_a_guard_no_path_is_ambiguous() {
    let table = table("routes: [{ path: /claw }, {}]");
    for (path, expected) in [("//evil/claw", "1"), ("/claw;x", "1"), ("/claw/..%2fx", "1"), ("/%63law", "0")] {
        assert_eq!(found(&table, "gw", path), expected, "{path}");
    }
}

#[test]
fn the_only_route_needs_no_look_at_the_request() {
    assert!(Table::new(vec![Matches::all()]).only);
    assert!(!table("routes: [{ path: /claw }]").only);
    assert_eq!(Matches::all().name().as_ref(), "*");
}
