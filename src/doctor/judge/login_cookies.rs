//! Whether browsers keep the logins that routes ask for.

use crate::config::{BindAddr, Config, RouteConfig};
use crate::doctor::catalogue::login as found;
use crate::doctor::finding::Diagnosis;

/// Judges where the routes with a login at an issuer are reached: cookies for https come back over nothing else, but for a loopback
/// address.
pub(in crate::doctor) fn cookies(diagnosis: &mut Diagnosis, config: &Config) {
    // A proxy before frontgate may end TLS.
    if !config.forwarded.trusted_proxies.is_empty() || !config.listen.proxy_protocol_from.is_empty() {
        return;
    }
    for route in config.all_routes().iter().filter(|route| has_issuer(config, route)) {
        if config.listen.https.iter().any(|listener| route.is_at(listener.name.as_deref())) {
            continue;
        }
        let plain = config.listen.plain.iter().filter(|listener| route.is_at(listener.name.as_deref()));
        let mut reachable = plain.filter_map(|listener| match &listener.address {
            BindAddr::Tcp(at) if !at.ip().to_canonical().is_loopback() => Some(*at),
            _ => None,
        });
        if let Some(address) = reachable.next() {
            diagnosis.found(found::cookies_blocked(&route.name(), &address.to_string()));
        }
    }
}

fn has_issuer(config: &Config, route: &RouteConfig) -> bool {
    !route.answers() && config.auth_of(route).rules().is_some_and(|rules| rules.oidc.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigLocation, Overrides, load};

    #[test]
    fn a_login_at_an_issuer_needs_https_or_a_proxy_that_ends_it() {
        const OIDC: &str =
            "auth: { oidc: { issuer: \"https://id.lan\", client_id: gw, allow: { subjects: [\"*\"] } } }";
        for (listen, rest, expected) in [
            ("listen: { https: [\":8443\"], plain: [\":8080\"] }", OIDC.to_owned(), false),
            ("listen: { https: [], plain: [\":8080\"] }", OIDC.to_owned(), true),
            ("listen: { https: [], plain: [\"127.0.0.1:8080\"] }", OIDC.to_owned(), false),
            ("listen: { https: [], plain: [unix:/run/f.sock] }", OIDC.to_owned(), false),
            (
                "listen: { https: [], plain: [\":8080\"] }",
                format!("{OIDC}\nforwarded: {{ trusted_proxies: [10.0.0.9] }}"),
                false,
            ),
            ("listen: { https: [], plain: [\":8080\"] }", format!("{OIDC}\nroutes: [{{ auth: none }}]"), false),
            (
                "listen: { https: [\":8443\"], plain: [{ address: \":8080\", name: in }] }",
                format!("routes: [{{ listener: in, {OIDC} }}, {{}}]"),
                true,
            ),
        ] {
            let text = format!("{listen}\n{rest}\n");
            let loaded = load(ConfigLocation::Text { text, file: "/f.yaml".into() }, [], &Overrides::default());
            let config = loaded.unwrap_or_else(|problems| panic!("{problems}")).config;
            let mut diagnosis = Diagnosis::default();
            cookies(&mut diagnosis, &config);
            assert_eq!(diagnosis.is_broken(), expected, "{listen} {rest}");
        }
    }
}
