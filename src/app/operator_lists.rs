//! What an operator reads of gateways, certificates and ended WebSockets: in `status` and on the page of the admin listener.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::reload::Reloader;
use crate::observe::recent_ends::RecentEnd;

/// Every gateway; null while a reload is under way.
pub(super) fn gateways(reloader: &Reloader) -> Value {
    let Some(samples) = reloader.gateway_samples() else { return Value::Null };
    let shown = samples.iter().map(|one| {
        json!({ "name": &*one.name, "healthy": one.healthy, "ejected": one.ejected, "draining": one.draining, "busy": one.busy, "idle": one.idle,
                "connects": one.connects })
    });
    shown.collect()
}

/// Every certificate that is served, with the days and the part of its life that are left; null while a reload is under way.
pub(super) fn certificates(reloader: &Reloader) -> Value {
    let Some(lives) = reloader.certificate_lives() else { return Value::Null };
    let now = OffsetDateTime::now_utc();
    lives.iter().map(|(names, begin, end)| certificate(names, *begin, *end, now)).collect()
}

/// The WebSockets that ended last, the last one first.
pub(super) fn ends(reloader: &Reloader) -> Value {
    reloader.metrics.recent_ends.all().iter().map(ended).collect()
}

fn certificate(names: &[String], begin: OffsetDateTime, end: OffsetDateTime, now: OffsetDateTime) -> Value {
    let (life, left) = ((end - begin).as_seconds_f64(), (end - now).as_seconds_f64());
    json!({ "names": names, "days": (end - now).whole_days(), "until": end.format(&Rfc3339).ok(), "left": left / life.max(1.0) })
}

fn ended(end: &RecentEnd) -> Value {
    json!({
        "at": end.at.replace_nanosecond(0).unwrap_or(end.at).format(&Rfc3339).ok(),
        "id": end.id,
        "client": end.client.map_or_else(|| "unix".to_owned(), |addr| addr.to_string()),
        "user": end.user.as_deref(),
        "ended": end.ended,
        "clean": end.clean,
        "client_code": end.codes[0],
        "gateway_code": end.codes[1],
        "seconds": end.lasted.as_secs(),
    })
}
