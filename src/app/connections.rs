//! The open WebSockets, as the admin listener shows them.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::admin::{ConnectionField, ConnectionOrder, ConnectionsQuery};
use crate::http::proxy::websockets::{OpenWebSocket, OpenWebSockets};
use crate::observe::redact::Redactor;
use crate::websocket::relay_stats::LegSnapshot;

/// A page of the WebSockets that are open and meant, as JSON. Of a target only the path is shown: its query may hold a
/// token.
pub(super) fn list(all: &OpenWebSockets, query: &ConnectionsQuery) -> Value {
    let mut meant = chosen(all, query);
    let (now, redactor) = (OffsetDateTime::now_utc(), all.redactor());
    sort(&mut meant, query, &redactor);
    let total = meant.len();
    let page = meant.iter().skip(query.offset).take(query.limit);
    let page: Vec<_> = page.map(|open| describe(open, now, &redactor)).collect();
    let end = query.offset + page.len();
    let next = (!page.is_empty() && end < total).then_some(end);
    json!({ "total": total, "offset": query.offset, "next": next, "websockets": page })
}

/// The WebSockets that are open and meant, the newest first.
pub(super) fn chosen(all: &OpenWebSockets, query: &ConnectionsQuery) -> Vec<Arc<OpenWebSocket>> {
    let (mut open, redactor) = (all.all(), all.redactor());
    open.reverse();
    let search = query.search.as_ref().map(|text| text.to_lowercase());
    open.retain(|open| {
        let is = |(wanted, value): &(ConnectionField, String)| {
            field(open, *wanted, &redactor).is_some_and(|found| found == **value)
        };
        let has = |text: &String| {
            SEARCHED
                .into_iter()
                .filter_map(|at| field(open, at, &redactor))
                .any(|found| found.to_lowercase().contains(text))
        };
        query.filters.iter().all(is) && search.as_ref().is_none_or(has)
    });
    open
}

/// Ends the WebSockets that are meant; returns how many.
pub(super) fn close_all(all: &OpenWebSockets, query: &ConnectionsQuery, reason: &str) -> usize {
    let meant = chosen(all, query);
    for open in &meant {
        open.relay_stats.close(reason.into());
    }
    meant.len()
}

fn sort(open: &mut [Arc<OpenWebSocket>], query: &ConnectionsQuery, redactor: &Redactor) {
    match query.sort {
        ConnectionOrder::Age => {}
        ConnectionOrder::Idle => open.sort_by_cached_key(|open| idle(open)),
        ConnectionOrder::Bytes => open.sort_by_cached_key(|open| sum(open, |leg| leg.sent.bytes)),
        ConnectionOrder::Messages => open.sort_by_cached_key(|open| sum(open, |leg| leg.sent.messages)),
        ConnectionOrder::Ping => open.sort_by_cached_key(|open| {
            let legs = [open.relay_stats.client(), open.relay_stats.gateway()];
            legs.iter().filter_map(|leg| leg.pings.last()).max()
        }),
        ConnectionOrder::By(by) => {
            // What has none comes last.
            open.sort_by_cached_key(|open| {
                field(open, by, redactor).map_or((true, String::new()), |found| (false, found.into_owned()))
            });
        }
    }
    if query.descending {
        open.reverse();
    }
}

fn sum(open: &OpenWebSocket, of: impl Fn(&LegSnapshot) -> u64) -> u64 {
    of(&open.relay_stats.client()) + of(&open.relay_stats.gateway())
}

fn idle(open: &OpenWebSocket) -> u64 {
    let last = open.relay_stats.client().passed.max(open.relay_stats.gateway().passed);
    open.since.elapsed().saturating_sub(last).as_secs()
}

fn field<'a>(open: &'a OpenWebSocket, field: ConnectionField, redactor: &Redactor) -> Option<Cow<'a, str>> {
    let opening = &open.opening;
    match field {
        ConnectionField::Id => Some((&*opening.id).into()),
        ConnectionField::Client => Some(client(open).into()),
        ConnectionField::User => opening.user.as_deref().map(Cow::from),
        ConnectionField::Route => opening.route.as_deref().map(Cow::from),
        ConnectionField::Endpoint => Some(Cow::from(&*opening.endpoint)),
        ConnectionField::Host => opening.host.as_ref().map(|host| String::from_utf8_lossy(host)),
        ConnectionField::Path => Some(path(open, redactor).into()),
        ConnectionField::Protocol => Some(opening.protocol.into()),
        ConnectionField::State => Some(open.relay_stats.state().as_str().into()),
    }
}

fn client(open: &OpenWebSocket) -> String {
    open.opening.client.addr.map_or_else(|| "unix".to_owned(), |addr| addr.to_string())
}

/// The path, with what the log hides in it hidden.
fn path(open: &OpenWebSocket, redactor: &Redactor) -> String {
    let path = open.opening.target.split(['?', '#']).next().unwrap_or_default();
    shown(&redactor.target(path))
}

/// The beginning of what a peer or a login service has said.
fn shown(text: &str) -> String {
    text.chars().take(LONGEST_SHOWN).collect()
}

/// What there is to say of a WebSocket.
pub(super) fn describe(open: &OpenWebSocket, now: OffsetDateTime, redactor: &Redactor) -> Value {
    let (opening, age) = (&open.opening, open.since.elapsed());
    let since = now - age;
    json!({
        "id": opening.id,
        "client": client(open),
        "protocol": opening.protocol,
        "tls": opening.tls,
        "connection": opening.connection,
        "subject": opening.subject.as_deref().map(shown),
        "user": opening.user.as_deref().map(shown),
        "host": field(open, ConnectionField::Host, redactor),
        "path": path(open, redactor),
        "route": opening.route.as_deref(),
        "endpoint": &*opening.endpoint,
        "state": open.relay_stats.state().as_str(),
        "since": since.replace_nanosecond(0).unwrap_or(since).format(&Rfc3339).ok(),
        "age": age.as_secs(),
        "idle": idle(open),
        "from_client": side(&open.relay_stats.client()),
        "from_gateway": side(&open.relay_stats.gateway()),
    })
}

fn side(seen: &LegSnapshot) -> Value {
    let millis = |took: std::time::Duration| (took.as_secs_f64() * 10_000.0).round() / 10.0;
    let (measured, took) = seen.pings.measured();
    json!({
        "frames": seen.sent.frames,
        "messages": seen.sent.messages,
        "bytes": seen.sent.bytes,
        "pings": seen.pings.sent(),
        "ping_ms": seen.pings.last().map(millis),
        "ping_avg_ms": took.checked_div(measured).map(millis),
    })
}

const SEARCHED: [ConnectionField; 8] = [
    ConnectionField::Id,
    ConnectionField::Client,
    ConnectionField::User,
    ConnectionField::Route,
    ConnectionField::Endpoint,
    ConnectionField::Host,
    ConnectionField::Path,
    ConnectionField::State,
];
/// The most characters of a path or a name.
const LONGEST_SHOWN: usize = 200;
