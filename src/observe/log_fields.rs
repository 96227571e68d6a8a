//! The page of the fields that the lines of requests and WebSockets have: `deploy/LOG-FIELDS.md`.
//!
//! The page is written from these tables, and the tables are compared with the lines themselves.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use http::Request;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use super::access::AccessLog;
use super::access::tests::{REMOTE, text};
use super::tunnel::tests::tunnel;

/// A field's name, and what it says.
type FieldRow = (&'static str, &'static str);

const EVERY: [FieldRow; 3] = [
    ("timestamp", "when the line was written (RFC 3339, UTC); the first word of a text line"),
    ("level", "`INFO`, `WARN`, `ERROR` or `DEBUG`"),
    ("message", "a fixed phrase, `request` or `websocket` for the two kinds of lines below"),
];

const REQUEST: [FieldRow; 26] = [
    ("id", "the request's id, as in `X-Request-Id` of its answer and on a page of frontgate's own"),
    ("client", "the client's address, as the gateway is told it; `unix` on a unix socket"),
    ("peer", "the address that the connection came from, where a trusted proxy named the client"),
    ("method", "the method"),
    ("host", "`Host`, over HTTP/2 `:authority`"),
    ("target", "the target as it came, secrets masked"),
    ("protocol", "`h1`, `h1.0` or `h2`"),
    ("conn", "the number of the client's connection since frontgate started; lines about the connection have it, too"),
    ("tls", "`1.2` or `1.3`; absent without TLS"),
    ("subject", "the subject of the client's certificate, if it showed one"),
    ("user", "the user that logged in"),
    ("route", "the route, where there are several"),
    ("upstream", "the gateway, where there are several"),
    ("trace_id", "the trace that the request belongs to (`traceparent`)"),
    ("status", "the status of the answer; absent if the client left before"),
    ("bytes_in", "bytes of the request's body"),
    ("bytes_out", "bytes of the answer's body"),
    ("duration_ms", "from the request's head to the last byte of the answer"),
    ("held_ms", "how long it waited for a gateway that was down, if it did"),
    ("upstream_ms", "from sending the request on to the head of the gateway's answer"),
    ("ended", "`done`, `client_gone`, `upstream_failed`, `timed_out`, `session_ended`, or `upgraded` for a WebSocket"),
    ("from", "who answered: `gateway` or `frontgate`"),
    ("failure", "the code of the failure that frontgate answered with or that cut the answer short"),
    ("sample", "the line stands for so many requests (`log.sample`)"),
    ("referer", "`Referer`, secrets masked"),
    ("user_agent", "`User-Agent`, its first 200 bytes"),
];

const WEBSOCKET: [FieldRow; 33] = [
    ("id", "the id of the request that opened it; lines about the WebSocket have it, too"),
    ("client", "the client's address"),
    ("peer", "the address that the connection came from, where a trusted proxy named the client"),
    ("host", "`Host`, over HTTP/2 `:authority`"),
    ("target", "the target as it came, secrets masked"),
    ("protocol", "`h1` or `h2`"),
    ("conn", "the number of the client's connection; WebSockets over HTTP/2 may share one"),
    ("subject", "the subject of the client's certificate, if it showed one"),
    ("user", "the user that logged in"),
    ("route", "the route, where there are several"),
    ("upstream", "the gateway, where there are several"),
    ("trace_id", "the trace that the request belongs to (`traceparent`)"),
    ("duration_ms", "from the 101 to the end"),
    ("ended", "what ended it: [the table](ENDINGS.md#how-a-websocket-ends)"),
    ("clean", "whether each side was sent a Close or went by itself, and no frame was cut"),
    ("client_frames", "frames that came from the client"),
    ("client_messages", "messages that came from the client"),
    ("client_bytes", "bytes that came from the client, frame heads included"),
    ("client_pings", "frontgate's pings to the client"),
    ("client_rtt_ms", "the last round trip of such a ping"),
    ("client_rtt_avg_ms", "their average"),
    ("client_close_received", "the code of the Close that came from the client; 1005 if it had none"),
    ("client_close_sent", "the code of the Close that the client was sent"),
    ("client_reason", "the reason in the client's Close"),
    ("gateway_frames", "frames that came from the gateway"),
    ("gateway_messages", "messages that came from the gateway"),
    ("gateway_bytes", "bytes that came from the gateway, frame heads included"),
    ("gateway_pings", "frontgate's pings to the gateway"),
    ("gateway_rtt_ms", "the last round trip of such a ping"),
    ("gateway_rtt_avg_ms", "their average"),
    ("gateway_close_received", "the code of the Close that came from the gateway; 1005 if it had none"),
    ("gateway_close_sent", "the code of the Close that the gateway was sent"),
    ("gateway_reason", "the reason in the gateway's Close"),
];

fn page() -> String {
    let mut page = String::from(HEAD);
    for (title, rows) in [("Every line", &EVERY[..]), ("`request`", &REQUEST), ("`websocket`", &WEBSOCKET)] {
        let _ = write!(page, "\n## {title}\n\n| field | what it says |\n|---|---|\n");
        for (name, says) in rows {
            let _ = writeln!(page, "| `{name}` | {says} |");
        }
    }
    page
}

const HEAD: &str = "\
# Fields of log lines

<!-- Written by `cargo test --lib observe::log_fields -- --ignored` from src/observe/log_fields.rs. -->

One line for each request and one for each WebSocket, both written at the end. A field that has nothing to say is absent. These names
stay: one that goes away stands beside its successor for one version. Lines about a connection before its first request, and those
of level `debug`, have `conn`, `id` or both.
";

/// The names of the fields of each line that is written.
#[derive(Clone, Default)]
struct FieldNames(Arc<Mutex<Vec<Vec<&'static str>>>>);

impl Subscriber for FieldNames {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let names = event.metadata().fields().iter().map(|field| field.name()).filter(|name| *name != "message");
        self.0.lock().unwrap().push(names.collect());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn the_tables_name_the_fields_of_the_lines() {
    let names = FieldNames::default();
    subscriber::with_default(names.clone(), || {
        let log = AccessLog::new(&text());
        drop(log.request("r1", REMOTE, &Request::new(()).into_parts().0));
        log.websocket(&tunnel());
    });
    let names = names.0.lock().unwrap().clone();
    let tables = [&REQUEST[..], &WEBSOCKET].map(|rows| rows.iter().map(|row| row.0).collect::<Vec<_>>());
    assert_eq!(names, tables);
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/LOG-FIELDS.md");

#[test]
fn the_committed_page_is_what_the_tables_say() {
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(committed == page(), "run `cargo test --lib observe::log_fields -- --ignored`");
}

#[test]
#[ignore = "writes deploy/LOG-FIELDS.md"]
fn write_the_page() {
    std::fs::write(FILE, page()).unwrap();
}
