//! Whatever the path, a table of routes with guards finds one or refuses: no panic, and no more work than a path may
//! cost.
#![no_main]

use std::sync::LazyLock;

use frontgate::config::{self, ConfigLocation, Overrides};
use frontgate::http::route::router::{Matches, RouteTable};
use libfuzzer_sys::fuzz_target;

static TABLE: LazyLock<RouteTable> = LazyLock::new(|| {
    let file = std::env::temp_dir().join(format!("frontgate-fuzz-path-{}.yaml", std::process::id()));
    std::fs::write(&file, "routes: [{ path: /private, respond: 404 }, { path: /café, respond: 403 }, {}]")
        .expect("a file");
    let loaded = config::load(ConfigLocation::File(file), [], &Overrides::default())
        .unwrap_or_else(|problems| panic!("{problems}"));
    let routes = loaded.config.routes.into_iter().enumerate();
    let matches = routes.map(|(index, route)| Matches {
        host: route.host,
        path: route.path,
        guard: route.respond.is_some().then_some(index),
        ..Matches::all()
    });
    RouteTable::new(matches.collect())
});

fuzz_target!(|path: &str| {
    let _ = TABLE.find("gw", path);
});
