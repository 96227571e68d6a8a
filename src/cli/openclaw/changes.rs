//! [`changes()`]: what the gateway's own settings lack for a config. Pure.

use super::wanted::loopback;
use crate::cli::new_config::{GatewayParts, NewConfig};
use crate::doctor::settings::paths::{
    ALLOWED_ORIGINS, BASE_PATH, PAIRING_URL, PORTALS_DOMAIN, PORTALS_PORT, PUBLIC_ORIGIN, SANDBOX_ORIGIN,
    TRUSTED_PROXIES,
};
use crate::doctor::settings::{GatewaySettings, SettingChange, SettingEdit, SettingValue};

/// The changes that let the gateway know all of `config`; those that it has already are not among them.
pub(super) fn changes(
    config: &NewConfig,
    parts: &GatewayParts,
    base_path: Option<&str>,
    settings: &GatewaySettings,
) -> Vec<SettingEdit> {
    let mut edits = Vec::new();
    let mut add = |path, value: String| edits.push(SettingEdit { path, change: SettingChange::Add(vec![value]) });
    if let Some(ip) = loopback(&config.upstream).filter(|ip| !settings.trusts(*ip)) {
        add(TRUSTED_PROXIES, ip.to_string());
    }
    let origin = parts.origin();
    if !settings.lists(&origin) {
        add(ALLOWED_ORIGINS, origin.clone());
    }
    let mut set = |path, before: Option<&str>, value: &str| {
        if before.is_none_or(|before| before.trim_end_matches('/') != value) {
            let value = SettingValue::Text(value.to_owned());
            edits.push(SettingEdit { path, change: SettingChange::Set(value) });
        }
    };
    set(PUBLIC_ORIGIN, settings.public_origin.as_deref(), &origin);
    set(PAIRING_URL, settings.pairing_url.as_deref(), &origin);
    if let Some(path) = base_path {
        set(BASE_PATH, settings.base_path.as_deref(), path);
    }
    if let Some((name, _)) = &parts.apps {
        set(SANDBOX_ORIGIN, settings.apps.origin.as_deref(), &parts.origin_of(name));
    }
    if let Some(portals) = &parts.portals {
        let before = settings.portals.as_ref();
        set(PORTALS_DOMAIN, before.and_then(|before| before.domain.as_deref()), &portals.domain);
        if before.is_none_or(|before| before.port != portals.port) {
            let value = SettingValue::Number(portals.port);
            edits.push(SettingEdit { path: PORTALS_PORT, change: SettingChange::Set(value) });
        }
    }
    edits
}

/// Whether every version of the gateway knows the setting.
pub(super) fn is_known_to_all(edit: &SettingEdit) -> bool {
    [TRUSTED_PROXIES, ALLOWED_ORIGINS, BASE_PATH].contains(&edit.path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::new_config::PortalsPart;
    use crate::doctor::settings::{apply, read};

    fn config(port: u16) -> (NewConfig, GatewayParts) {
        let parts = GatewayParts {
            domain: "gw.lan".to_owned(),
            port,
            apps: Some(("apps.lan".to_owned(), "http://127.0.0.1:18790".to_owned())),
            portals: Some(PortalsPart { domain: "p.lan".to_owned(), port: 18890, from: Vec::new() }),
            ..GatewayParts::default()
        };
        (NewConfig { parts: Some(parts.clone()), ..NewConfig::default() }, parts)
    }

    #[test]
    fn what_is_missing_is_written_and_then_nothing_is_missing() {
        for (port, origin, apps) in
            [(443, "https://gw.lan", "https://apps.lan"), (8443, "https://gw.lan:8443", "https://apps.lan:8443")]
        {
            let (config, parts) = config(port);
            for before in ["{}", "{gateway:{trustedProxies:['10.0.0.1'],publicOrigin:'https://old'}}"] {
                let edits = changes(&config, &parts, Some("/openclaw"), &read(before).unwrap());
                let after = read(&apply(before, &edits).unwrap()).unwrap();
                assert_eq!(after.apps.origin.as_deref(), Some(apps));
                assert_eq!(after.public_origin.as_deref(), Some(origin));
                assert_eq!(changes(&config, &parts, Some("/openclaw"), &after), [], "{before}");
            }
        }
    }

    #[test]
    fn a_gateway_elsewhere_is_not_told_an_address_that_is_not_known() {
        let (config, parts) = config(443);
        let config = NewConfig { upstream: "http://10.0.0.4:18789".to_owned(), ..config };
        let edits = changes(&config, &parts, None, &read("{}").unwrap());
        assert!(edits.iter().all(|edit| edit.path != TRUSTED_PROXIES));
    }
}
