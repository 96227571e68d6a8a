//! What the page of the admin listener shows, as JSON.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::reload::Reloader;
use crate::platform::process;

/// What the page shows: the `status`, the list of WebSockets, and the traffic.
pub(super) fn shown(reloader: &Reloader, status: &Value, connections: &Value) -> Value {
    let totals = reloader.websockets.totals();
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
    })
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
