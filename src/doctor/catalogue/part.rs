//! What can be wrong with what a gateway has besides its sockets: its base path, MCP Apps, portals, and the addresses in links.

use serde_json::json;

use super::super::finding::Finding;
use super::super::parts::PartKind;
use super::super::settings::paths::{PAIRING_URL, PUBLIC_ORIGIN, SANDBOX_ORIGIN};
use super::super::settings::{SettingChange, SettingEdit, SettingValue};
use super::settings::{KnownSettings, add, lines};
use super::{advice, broken};

/// The root shows 404, since the pages are elsewhere.
pub(in crate::doctor) fn no_redirect(name: &str, below: &str) -> Finding {
    advice(
        "base_path_no_redirect",
        format!("https://{name}/ does not lead to the Control UI, which is at https://{name}{below}/"),
        format!("The gateway has its pages below gateway.controlUi.basePath ({below}) and answers 404 to the rest."),
        vec![
            "In frontgate's config, before the other routes; WebSockets still come to /:".to_owned(),
            format!(
                "  - {{ host: {name}, path: {{ exact: / }}, not: {{ headers: {{ upgrade: {{ present: true }} }} }}, respond: {{ status: 302, location: {below}/ }} }}"
            ),
            "Where there are no routes yet, `routes:` stands before it and `  - {}` behind it".to_owned(),
        ],
    )
}

/// frontgate shows no certificate for the name.
pub(in crate::doctor) fn certificate(kind: &PartKind, name: &str, address: &str) -> Finding {
    let (id, what, names) = match kind {
        PartKind::Portals(below, _) => {
            ("portals_certificate", format!("portals (*.{below})"), format!("\"*.{below}\""))
        }
        _ => ("sandbox_certificate", format!("MCP Apps ({name})"), name.to_owned()),
    };
    broken(
        id,
        format!("{address} has no certificate for {what}"),
        "Browsers refuse the name, and what is shown inside of the Control UI stays empty.",
        vec![format!("Add it to those in frontgate's config: tls: {{ names: [{names}] }}"), SETUP.to_owned()],
    )
}

/// Another server than that of the part has answered.
pub(in crate::doctor) fn not_reached(kind: &PartKind, name: &str) -> Finding {
    let (id, what, host, port) = match kind {
        PartKind::Portals(below, port) => ("portals_not_reached", "portals", format!("\"*.{below}\""), *port),
        PartKind::Apps(port) => ("sandbox_not_reached", "MCP Apps", name.to_owned(), *port),
        PartKind::BasePath(_) => ("base_path_no_redirect", "the Control UI", name.to_owned(), 0),
    };
    broken(
        id,
        format!("{} does not lead to the gateway's listener for {what}", host.trim_matches('"')),
        format!("Through frontgate something else answers than that listener, which is at port {port} of the gateway's machine, or nothing does."),
        vec![
            "In frontgate's config, before the other routes:".to_owned(),
            format!("  - {{ host: {host}, upstream: \"http://127.0.0.1:{port}\", auth: none }}"),
            SETUP.to_owned(),
            "If it is there, see whether the gateway has restarted since its settings changed: openclaw gateway restart".to_owned(),
        ],
    )
}

/// Links of the gateway's lead to another address than frontgate's.
pub(in crate::doctor) fn public_origin(known: &KnownSettings<'_>, public: &str, own: &str) -> Finding {
    let edit = SettingEdit { path: PUBLIC_ORIGIN, change: SettingChange::Set(SettingValue::Text(own.to_owned())) };
    let mut fix = add(&edit, &[], Some(known));
    fix.push(format!("If browsers open {public}, say so in frontgate's config: public_origin: {public}"));
    let why = "Share links, links in chats and notifications, and sign-ins of MCP servers lead there.";
    let what = format!("gateway.publicOrigin is {public}, and frontgate serves {own}");
    Finding { edit: Some(edit), ..advice("public_origin_differs", what, why, fix) }
}

/// Join links lead to another address than frontgate's.
pub(in crate::doctor) fn pairing_url(known: &KnownSettings<'_>, pairing: &str, own: &str) -> Finding {
    let edit = SettingEdit { path: PAIRING_URL, change: SettingChange::Set(SettingValue::Text(own.to_owned())) };
    let fix = add(&edit, &[], Some(known));
    let why = "Join links and setup codes of `openclaw devices join-code` and `openclaw qr` lead there.";
    let what = format!("The address in join links is {pairing}, and frontgate serves {own}");
    Finding { edit: Some(edit), ..advice("join_links_lead_elsewhere", what, why, fix) }
}

/// Browsers look for the second listener at a port that frontgate does not have.
pub(in crate::doctor) fn no_sandbox_origin(known: &KnownSettings<'_>) -> Finding {
    advice(
        "sandbox_origin_missing",
        "MCP Apps are on, and browsers elsewhere do not find them",
        format!(
            "Without mcp.apps.sandboxOrigin in {} a browser asks for port {} of the name that it has open.",
            known.file.display(),
            known.settings.apps.port
        ),
        vec![
            SETUP.to_owned(),
            "Or by hand, with a name of its own that leads to that port and to nothing else:".to_owned(),
            format!("  {}", lines(SANDBOX_ORIGIN, &json!("https://mcp-apps.example.com"))),
        ],
    )
}

/// The addresses of portals have no port.
pub(in crate::doctor) fn portals_port(below: &str, own: &str) -> Finding {
    broken(
        "portals_port",
        format!("Portals (*.{below}) are at port 443, and frontgate serves {own}"),
        "The gateway makes their addresses without a port, and takes no other.",
        "listen: { https: [\":443\"] }; or, if something leads port 443 to frontgate, public_origin: https://NAME without a port",
    )
}

const SETUP: &str = "`frontgate openclaw setup --domain NAME` writes names, routes and the gateway's settings";
