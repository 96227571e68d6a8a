//! What can be wrong with the gateway's list of origins.

use super::super::finding::{Finding, FindingSeverity};
use super::super::near::Near;
use super::super::settings::paths::ALLOWED_ORIGINS;
use super::super::settings::{SettingChange, SettingEdit};
use super::settings::{KnownSettings, add};
use super::{advice, broken};

/// Pages from these origins may not connect.
pub(in crate::doctor) fn not_allowed(
    origins: &[String],
    known: Option<&KnownSettings<'_>>,
    severity: FindingSeverity,
) -> Finding {
    let list = origins.join(" and ");
    let why = "The gateway closes the Control UI with 1008 \"origin not allowed\" when its page comes from an address that is not, \
               letter by letter and with its port, in gateway.controlUi.allowedOrigins.";
    let (edit, mut fix) = adding(origins, known);
    fix.push(
        "If browsers open another address, add that one instead; `frontgate doctor --origin URL` asks about it, and `public_origin` in frontgate's config says it for good"
            .to_owned(),
    );
    let what = format!("The gateway does not allow pages from {list}");
    Finding { severity, edit: known.map(|_| edit), ..broken("origin_not_allowed", what, why, fix) }
}

/// Pages from this origin may not connect, though an entry of the list was meant for them.
pub(in crate::doctor) fn nearly_allowed(
    origin: &str,
    near: &Near<'_>,
    known: &KnownSettings<'_>,
    severity: FindingSeverity,
) -> Finding {
    let (entry, differs) = (plain(near.entry), near.differs.join(", "));
    let why = format!(
        "gateway.controlUi.allowedOrigins in {} has `{entry}`, and that is not the same: {differs}. The gateway compares the whole \
         entry with what browsers send, which is `{origin}`, and closes the Control UI with 1008 \"origin not allowed\".",
        known.file.display()
    );
    let (edit, mut fix) = adding(&[origin.to_owned()], Some(known));
    fix.push(format!("`{entry}` matches no page that frontgate serves; `{origin}` may stand in its place"));
    let what = format!("The gateway's list has `{entry}`, and that does not allow pages from {origin}");
    Finding { severity, edit: Some(edit), ..broken("origin_not_allowed", what, why, fix) }
}

/// An entry of the list that works for the WebSocket, and not everywhere.
pub(in crate::doctor) fn written_otherwise(origin: &str, entry: &str, known: &KnownSettings<'_>) -> Finding {
    let entry = plain(entry);
    advice(
        "origin_case",
        format!("gateway.controlUi.allowedOrigins has `{entry}`, and browsers send `{origin}`"),
        format!(
            "Browsers write origins in lower case. The gateway disregards case where it opens a WebSocket and compares exactly \
             elsewhere, such as for profile pictures; {} has it in another case.",
            known.file.display()
        ),
        vec![format!("Write it as browsers do, in place of `{entry}`:"), format!("  \"{origin}\"")],
    )
}

fn adding(origins: &[String], known: Option<&KnownSettings<'_>>) -> (SettingEdit, Vec<String>) {
    let edit = SettingEdit { path: ALLOWED_ORIGINS, change: SettingChange::Add(origins.to_vec()) };
    let before = known.map_or(&[][..], |known| &known.settings.allowed_origins);
    let fix = add(&edit, before, known);
    (edit, fix)
}

/// An entry of the list, fit for a terminal.
fn plain(entry: &str) -> String {
    entry.chars().filter(|letter| !letter.is_control()).take(120).collect()
}
