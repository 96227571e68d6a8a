//! Whatever the path, a table of routes with guards finds one or refuses: no panic, and no more work than a path may
//! cost.
#![no_main]

use std::sync::LazyLock;

use frontgate::config::{self, ConfigLocation, Overrides};
use frontgate::http::route::matches::{Matches, RoutedRequest};
use frontgate::http::route::protected::{Login, ProtectedFields};
use frontgate::http::route::table::RouteTable;
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let file = std::env::temp_dir().join(format!("frontgate-fuzz-path-{}.yaml", std::process::id()));
    std::fs::write(&file, ROUTES).expect("a file");
    let loaded = config::load(ConfigLocation::File(file), [], &Overrides::default())
        .unwrap_or_else(|problems| panic!("{problems}"));
    let routes = loaded.config.routes.into_iter().enumerate();
    let matches = routes
        .map(|(index, route)| Matches { guard: route.respond.is_some().then_some(index), ..Matches::of(&route) });
    RouteTable::new(matches.collect(), &ProtectedFields::new([].into_iter(), &[], Login::Elsewhere))
});

const ROUTES: &str = "
routes:
  - { path: /private, respond: 404 }
  - { path: /café, respond: 403 }
  - { path: { regex: '^/admin(/|$)' }, not: { query: { key: SECRET } }, respond: 403 }
  - { path: /App, ignore_case: true, query: { a: { regex: '^b' } }, respond: 444 }
  - { path: /cut, strip_prefix: /cut, methods: [GET] }
  - {}
";

fuzz_target!(|target: &str| {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let _ = TABLE.find(&RoutedRequest { query, ..RoutedRequest::get("gw", path) });
});
