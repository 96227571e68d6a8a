//! What a gateway has beside its own listener.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::gateway::gateway;
use super::{NOT_FOUND, before, doctor, server};

#[test]
fn the_listeners_for_apps_and_portals_are_not_taken_for_gateways() {
    let folder = TempDir::new().unwrap();
    let (address, beside) = (gateway("AUTH_TOKEN_MISSING"), server(NOT_FOUND));
    let port = |address: &str| address.rsplit_once(':').unwrap().1.to_owned();
    let (own, other) = (port(&address), port(&beside));
    let routes = format!(
        "tls: {{ names: [gw.lan, apps.lan, \"*.preview.lan\"] }}\nroutes:\n  - {{ host: apps.lan, upstream: \"http://{beside}\" }}\n  \
         - {{ host: \"*.preview.lan\", upstream: \"http://{beside}\" }}\n  - {{ host: gw.lan }}\n"
    );
    let config = before(&address, folder.path(), &routes);
    for (rest, expected) in [
        (
            format!("gateway: {{ port: {own}, portals: {{ ingress: {{ domain: 'preview.lan', port: {other} }} }} }}"),
            &[][..],
        ),
        (
            format!(
                "gateway: {{ port: {own}, publicOrigin: 'https://gw.lan' }}, mcp: {{ apps: {{ enabled: true, sandboxPort: {other}, sandboxOrigin: 'https://apps.lan' }} }}"
            ),
            &[],
        ),
        (
            format!(
                "gateway: {{ port: {own}, publicOrigin: 'https://gw.lan' }}, mcp: {{ apps: {{ enabled: true, sandboxPort: {other}, sandboxOrigin: 'https://gw.lan' }} }}"
            ),
            &["sandbox_origin_is_the_ui"],
        ),
        (format!("gateway: {{ port: {own} }}"), &["not_a_gateway"]),
    ] {
        fs::write(folder.path().join("openclaw.json"), format!("{{ {rest} }}")).unwrap();
        let ran = doctor(folder.path(), &config, &["--gateway-config", "openclaw.json", "--json"]);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let ids = told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
        let ids: Vec<_> = ids.filter(|id| *id != "frontgate_not_running").collect();
        assert_eq!(ids, expected, "{rest}: {told:#}");
    }
}
