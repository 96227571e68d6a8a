//! The open WebSockets, as the admin listener shows them.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::proxy::websockets::{OpenWebSocket, OpenWebSockets};
use crate::websocket::relay_stats::LegSnapshot;

/// The WebSockets that were opened last, as JSON. Of a target only the path is shown: its query may hold a token.
pub(super) fn list(all: &OpenWebSockets) -> Value {
    let (last, total) = all.last(MOST);
    let now = OffsetDateTime::now_utc();
    json!({ "total": total, "websockets": last.iter().map(|open| describe(open, now)).collect::<Vec<_>>() })
}

fn describe(open: &OpenWebSocket, now: OffsetDateTime) -> Value {
    let (opening, age) = (&open.opening, open.since.elapsed());
    let (client, gateway) = (open.relay_stats.client(), open.relay_stats.gateway());
    let path = opening.target.split(['?', '#']).next().unwrap_or_default();
    let since = now - age;
    json!({
        "id": opening.id,
        "client": opening.client.addr.map_or_else(|| "unix".to_owned(), |addr| addr.to_string()),
        "protocol": opening.protocol,
        "connection": opening.connection,
        "subject": opening.subject.as_deref(),
        "user": opening.user.as_deref(),
        "host": opening.host.as_ref().map(|host| String::from_utf8_lossy(host.as_bytes())),
        "path": path.chars().take(LONGEST_PATH).collect::<String>(),
        "route": opening.route.as_deref(),
        "since": since.replace_nanosecond(0).unwrap_or(since).format(&Rfc3339).ok(),
        "age": age.as_secs(),
        "idle": age.saturating_sub(client.passed.max(gateway.passed)).as_secs(),
        "from_client": side(&client),
        "from_gateway": side(&gateway),
    })
}

fn side(seen: &LegSnapshot) -> Value {
    json!({
        "frames": seen.sent.frames,
        "messages": seen.sent.messages,
        "bytes": seen.sent.bytes,
        "pings": seen.pings.sent,
        "ping_ms": seen.pings.last.map(|took| (took.as_secs_f64() * 10_000.0).round() / 10.0),
    })
}

/// The most WebSockets that are listed.
const MOST: usize = 1000;
/// The most characters of a path.
const LONGEST_PATH: usize = 200;
