//! What the page of the admin listener shows, as JSON.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::reload::Reloader;
use crate::observe::process;
use crate::observe::recent_ends::RecentEnd;

/// What the page shows beside the `status` and the list of WebSockets.
pub(super) fn shown(reloader: &Reloader, status: &Value, connections: &Value) -> Value {
    let totals = reloader.websockets.totals();
    let now = OffsetDateTime::now_utc();
    let gateways = reloader.gateway_samples().unwrap_or_default();
    let gateways: Vec<_> = gateways
        .iter()
        .map(|one| {
            json!({ "name": &*one.name, "healthy": one.healthy, "ejected": one.ejected, "draining": one.draining, "busy": one.busy, "idle": one.idle,
                    "connects": one.connects })
        })
        .collect();
    let certificates = reloader.certificate_lives().unwrap_or_default();
    let certificates: Vec<_> =
        certificates.iter().map(|(names, begin, end)| certificate(names, *begin, *end, now)).collect();
    let ends = reloader.metrics.recent_ends.all();
    json!({
        "at": since_1970().as_millis().try_into().unwrap_or(u64::MAX),
        "status": status,
        "traffic": {
            "messages": totals.client.messages + totals.gateway.messages,
            "bytes": totals.client.bytes + totals.gateway.bytes,
            "opened": reloader.websockets.opened(),
            "cpu_ms": process::cpu().as_millis().try_into().unwrap_or(u64::MAX),
            "memory": process::memory().unwrap_or_default(),
        },
        "connections": connections,
        "gateways": gateways,
        "certificates": certificates,
        "ends": ends.iter().map(ended).collect::<Vec<_>>(),
    })
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

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
