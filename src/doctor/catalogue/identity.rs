//! What can be wrong with a gateway that takes the user's name from a proxy (`gateway.auth.mode: trusted-proxy`).

use std::collections::BTreeSet;

use serde_json::json;

use super::super::finding::{Finding, OPEN};
use super::super::settings::{SettingChange, SettingEdit, SettingValue};
use super::settings::{KnownSettings, add, lines};
use super::{advice, broken};
use crate::config::UpstreamAddress;

const ALLOW_LOOPBACK: &[&str] = &["gateway", "auth", "trustedProxy", "allowLoopback"];

/// The gateway takes any client's word for which user it is.
pub(in crate::doctor) fn open(
    known: &KnownSettings<'_>,
    name: &str,
    without: &[String],
    upstream: &UpstreamAddress,
) -> Finding {
    let users = if known.settings.trusted_proxy.allow_users.is_empty() { "" } else { " of its allowUsers" };
    let why = format!(
        "{upstream} takes the user's name from `{name}` (gateway.auth.trustedProxy.userHeader), because frontgate is a proxy that it \
         trusts. frontgate does not set that field for {}, and lets it through as clients send it: a stranger who sends `{name}: \
         owner@example.com` is that user{users}.",
        without.join(", ")
    );
    let mut fix = stop(name);
    fix.extend(set(name));
    Finding { strip: vec![name.to_owned()], ..broken(OPEN, "Any stranger can be any user of the gateway", why, fix) }
}

/// The gateway is told no user, so it lets no client in.
pub(in crate::doctor) fn no_user(
    known: &KnownSettings<'_>,
    name: &str,
    (without, others): (&[String], &BTreeSet<&str>),
    upstream: &UpstreamAddress,
    stopped: bool,
) -> Finding {
    let instead: Vec<_> = others.iter().map(|other| format!("`{other}`")).collect();
    let instead = if instead.is_empty() {
        String::new()
    } else {
        format!(": it tells the name in {} instead", instead.join(", "))
    };
    let why = format!(
        "{upstream} takes the user's name from `{name}` (gateway.auth.mode: trusted-proxy in {}). frontgate does not set it \
         for {}{instead}, so the Control UI is closed with 1008 \"unauthorized\".",
        known.file.display(),
        without.join(", ")
    );
    let mut fix = set(name);
    fix.push("Or let the gateway ask for a token, in its openclaw.json:".to_owned());
    fix.push(format!("  {}", lines(&["gateway", "auth", "mode"], &json!("token"))));
    let mut strip = Vec::new();
    if !stopped {
        fix.extend(stop(name));
        strip.push(name.to_owned());
    }
    Finding { strip, ..broken("trusted_proxy_no_user", "The gateway is not told its users' names", why, fix) }
}

/// frontgate asks a login service, and its answer does not name the user.
pub(in crate::doctor) fn service_names_nobody(known: &KnownSettings<'_>, name: &str, routes: &[String]) -> Finding {
    broken(
        "trusted_proxy_service_names_nobody",
        "The login service's users have no name at the gateway",
        format!(
            "The gateway wants the user's name in `{name}` (gateway.auth.trustedProxy.userHeader in {}). For {} frontgate asks a login service \
             (auth.forward), and answer_headers does not say in which field of its answer the name is: whom it lets in gets 1008 \"unauthorized\".",
            known.file.display(),
            routes.join(", ")
        ),
        vec![
            "In frontgate's config, the field with the name first, as the service calls it:".to_owned(),
            format!("  auth: {{ forward: {{ url: URL, answer_headers: [Remote-User] }}, user_header: {name} }}"),
        ],
    )
}

/// The gateway refuses whatever a proxy on its own machine says. Whether it may be told otherwise depends on whether
/// the field is frontgate's own: `without` are the routes for which it is not.
pub(in crate::doctor) fn loopback_refused(
    known: &KnownSettings<'_>,
    name: &str,
    without: &[String],
    stopped: bool,
) -> Finding {
    let what = "The gateway's trusted-proxy authentication refuses a proxy on the same machine";
    let why = "With gateway.auth.mode \"trusted-proxy\" the gateway refuses the identity that a proxy on its own machine sends, \
               unless allowLoopback says that it may: 1008 \"unauthorized\".";
    let edit = SettingEdit { path: ALLOW_LOOPBACK, change: SettingChange::Set(SettingValue::Switch(true)) };
    if without.is_empty() && known.settings.trusted_proxy.allow_loopback.is_none() {
        let fix = add(&edit, &[], Some(known));
        return Finding { edit: Some(edit), ..broken("trusted_proxy_loopback", what, why, fix) };
    }
    let mut fix = Vec::new();
    let why = if without.is_empty() {
        fix.push(
            "`false` was written there on purpose, and --fix leaves it alone. If that is not what you want:".to_owned(),
        );
        why.to_owned()
    } else {
        let open = if stopped {
            ""
        } else {
            ", and clients can send it as they like: with allowLoopback any stranger would be any user"
        };
        fix.extend(set(name));
        fix.push("Only then:".to_owned());
        format!("{why} That must not be said yet: frontgate does not set `{name}` for {}{open}.", without.join(", "))
    };
    fix.push(format!("  {}", lines(ALLOW_LOOPBACK, &json!(true))));
    broken("trusted_proxy_loopback", what, why, fix)
}

/// The gateway waits for fields that never come.
pub(in crate::doctor) fn required_headers(known: &KnownSettings<'_>, never: &[&str]) -> Finding {
    let list = never.join(", ");
    broken(
        "trusted_proxy_required_headers",
        format!("The gateway believes only requests that carry {list}, and frontgate does not send that"),
        format!(
            "gateway.auth.trustedProxy.requiredHeaders in {} names it. Without it every user is refused: 1008 \"unauthorized\".",
            known.file.display()
        ),
        vec![
            "In frontgate's config, in every route that leads to this gateway:".to_owned(),
            format!("  request_headers: {{ set: {{ {}: VALUE }} }}", never.first().unwrap_or(&"")),
            "Or take it out of requiredHeaders; frontgate always sends x-forwarded-proto and x-forwarded-host"
                .to_owned(),
        ],
    )
}

/// The gateway refuses users that frontgate's login lets in. `all`: it refuses every one of them.
pub(in crate::doctor) fn users_not_allowed(known: &KnownSettings<'_>, users: &[&str], all: bool) -> Finding {
    let list = users.join(", ");
    let what = format!("frontgate lets {list} in, and the gateway does not");
    let why = format!(
        "gateway.auth.trustedProxy.allowUsers in {} does not name them, letter by letter: they log in and get 1008 \"unauthorized\".",
        known.file.display()
    );
    let fix = "Write them into allowUsers as frontgate's `auth` spells them, or take them out of frontgate's";
    if all { broken("trusted_proxy_users", what, why, fix) } else { advice("trusted_proxy_users", what, why, fix) }
}

/// How frontgate comes to own the field.
fn set(name: &str) -> Vec<String> {
    vec![
        "Let frontgate ask for a login and set the field, on every route that leads there:".to_owned(),
        format!("  auth: {{ basic: {{ ann: \"$argon2id$…\" }}, user_header: {name} }}"),
    ]
}

/// How no client gets the field past frontgate.
fn stop(name: &str) -> Vec<String> {
    vec![
        "No client's own may pass; `frontgate doctor --fix` writes it into frontgate's config:".to_owned(),
        format!("  forwarded: {{ strip: [{name}] }}"),
    ]
}
