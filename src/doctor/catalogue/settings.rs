//! What can be wrong in the gateway's own configuration.

use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::super::finding::{Finding, FindingSeverity};
use super::super::settings::paths::TRUSTED_PROXIES;
use super::super::settings::{GatewaySettings, SettingChange, SettingEdit, UnreadableSettings};
use super::{advice, broken};
use crate::config::UpstreamAddress;

/// Where the gateway's configuration is, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct KnownSettings<'a> {
    pub(in crate::doctor) file: &'a Path,
    pub(in crate::doctor) settings: &'a GatewaySettings,
}

/// The gateway does not trust this proxy. `needed`: whether clients come from other machines.
pub(in crate::doctor) fn proxy_not_trusted(
    upstream: &UpstreamAddress,
    local: Option<IpAddr>,
    known: Option<&KnownSettings<'_>>,
    needed: bool,
) -> Finding {
    let Some(ip) = local.map(|ip| ip.to_canonical()) else {
        let fix = vec![
            "Add the address that the gateway sees to its openclaw.json; its log names it (\"unattributable proxy-shaped traffic from …\"):".to_owned(),
            format!("  {}", lines(TRUSTED_PROXIES, &json!(["ADDRESS"]))),
        ];
        return broken("proxy_not_trusted", NOT_TRUSTED, not_trusted(upstream), fix);
    };
    let edit = SettingEdit { path: TRUSTED_PROXIES, change: SettingChange::Add(vec![ip.to_string()]) };
    let before = known.map_or(&[][..], |known| &known.settings.trusted_proxies);
    let mut fix = add(&edit, before, known);
    if !ip.is_loopback() {
        fix.push(format!(
            "If that does not help, the gateway sees another address than {ip} (a container's network changes it): its log names \
             it, \"unattributable proxy-shaped traffic from …\""
        ));
    }
    let edit = known.map(|_| edit);
    if needed {
        Finding { edit, ..broken("proxy_not_trusted", NOT_TRUSTED, not_trusted(upstream), fix) }
    } else {
        let what = "Only browsers on this machine can use the gateway: it does not trust frontgate as a proxy";
        let why = format!("{} A browser here that opens https://localhost needs nothing.", not_trusted(upstream));
        Finding { edit, ..advice("proxy_not_trusted", what, why, fix) }
    }
}

const NOT_TRUSTED: &str = "The gateway does not trust frontgate as a proxy";

fn not_trusted(upstream: &UpstreamAddress) -> String {
    format!(
        "{upstream} answers 403 proxy_attribution_required to what frontgate forwards for clients on other machines: frontgate's \
         address is not in gateway.trustedProxies, so it does not believe what frontgate says of the client."
    )
}

/// The gateway's file trusts this proxy, and the gateway refuses it all the same.
pub(in crate::doctor) fn proxy_not_trusted_yet(
    upstream: &UpstreamAddress,
    ip: IpAddr,
    known: &KnownSettings<'_>,
) -> Finding {
    broken(
        "proxy_trust_not_in_effect",
        "The gateway refuses frontgate although its openclaw.json trusts it",
        format!(
            "{} trusts {ip}, yet {upstream} answers 403 proxy_attribution_required. The gateway has not taken the file over (it \
             rejects one that is wrong as a whole), runs on another file, or sees another address.",
            known.file.display()
        ),
        vec![
            "openclaw config validate, then: openclaw gateway restart".to_owned(),
            "Its log names the address that it sees: \"unattributable proxy-shaped traffic from …\"".to_owned(),
        ],
    )
}

/// The gateway takes every client for a proxy.
pub(in crate::doctor) fn everybody_trusted(known: &KnownSettings<'_>, entries: &[&str], refuses: bool) -> Finding {
    let list = entries.join(", ");
    let what = format!("gateway.trustedProxies takes clients for proxies: {list}");
    let why = format!(
        "{} trusts whole networks. The gateway skips every address that it trusts when it looks for the client, so a client in \
         there has no address (403) or any that it claims.",
        known.file.display()
    );
    let fix = "Trust single addresses: those of the proxies alone, such as 127.0.0.1";
    let severity = if refuses { FindingSeverity::Broken } else { FindingSeverity::Advice };
    Finding { severity, ..broken("trusted_proxies_too_wide", what, why, fix) }
}

/// The Control UI is switched off. That is a choice, which `--fix` does not undo.
pub(in crate::doctor) fn control_ui_off(known: &KnownSettings<'_>) -> Finding {
    let path = &["gateway", "controlUi", "enabled"];
    let fix = vec![
        format!("If that is not what you want, write into {}:", known.file.display()),
        format!("  {}", lines(path, &json!(true))),
    ];
    let why = format!(
        "{} says gateway.controlUi.enabled: false, so the gateway serves no page. That was written on purpose, and --fix leaves \
         it alone.",
        known.file.display()
    );
    broken("control_ui_off", "The gateway's Control UI is switched off", why, fix)
}

/// Settings that weaken the gateway and that no client needs behind HTTPS.
pub(in crate::doctor) fn needless(known: &KnownSettings<'_>, name: &'static str) -> Finding {
    advice(
        "gateway_weakened",
        format!("gateway.controlUi.{name} is on"),
        "It was a way around plain http. Behind frontgate the UI has HTTPS, and this only weakens the gateway.",
        format!("Remove it from {}", known.file.display()),
    )
}

/// Apps of strangers get the Control UI's origin, and with it whatever that origin may do.
pub(in crate::doctor) fn sandbox_is_the_ui(known: &KnownSettings<'_>, origin: &str) -> Finding {
    broken(
        "sandbox_origin_is_the_ui",
        format!("mcp.apps.sandboxOrigin is the Control UI's own origin: {origin}"),
        "MCP Apps are pages of other people's. In an origin of their own they reach nothing; in the Control UI's they act as its \
         user.",
        vec![
            format!(
                "In {}, a name that leads to the gateway's second listener and to nothing else:",
                known.file.display()
            ),
            format!("  {}", lines(&["mcp", "apps", "sandboxOrigin"], &json!("https://mcp-apps.example.com"))),
        ],
    )
}

/// Every machine on the network reaches the gateway without TLS.
pub(in crate::doctor) fn exposed(known: &KnownSettings<'_>, bind: &str) -> Finding {
    let bind: String = bind.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    advice(
        "gateway_exposed",
        format!("The gateway also listens for the network, without TLS (gateway.bind: {bind})"),
        "frontgate reaches it on this machine; any other client of that port sends the token in the clear.",
        vec![format!("In {}:", known.file.display()), format!("  {}", lines(&["gateway", "bind"], &json!("loopback")))],
    )
}

/// The gateway's configuration cannot be read.
pub(in crate::doctor) fn unreadable(file: &Path, why: &UnreadableSettings) -> Finding {
    advice(
        "gateway_config_unreadable",
        format!("{} cannot be read", file.display()),
        format!("{why}. So the gateway's own settings were not looked at."),
        match why {
            UnreadableSettings::Io(_) => {
                "Run doctor as the user whose gateway it is, or name another file with --gateway-config"
            }
            _ => "openclaw config validate says what is wrong with it; a gateway that restarts refuses it",
        },
    )
}

/// The lines that tell the operator what to write where.
pub(super) fn add(edit: &SettingEdit, before: &[String], known: Option<&KnownSettings<'_>>) -> Vec<String> {
    let value = edit.value(before);
    let line = format!("  {}", lines(edit.path, &value));
    match known {
        Some(known) if known.settings.partial => {
            vec![format!("In {}, or the file that it includes:", known.file.display()), line]
        }
        Some(known) => vec![format!("`frontgate doctor --fix` does it. In {}:", known.file.display()), line],
        None if before.is_empty() && value.is_array() => {
            vec!["Add to the gateway's openclaw.json, to what is in the list already:".to_owned(), line]
        }
        None => vec!["In the gateway's openclaw.json:".to_owned(), line],
    }
}

/// A setting as JSON, from the root.
pub(super) fn lines(path: &[&str], value: &Value) -> String {
    path.iter().rev().fold(value.to_string(), |inner, name| format!("{{\"{name}\": {inner}}}"))
}
