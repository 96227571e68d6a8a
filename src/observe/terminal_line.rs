//! [`TerminalLine`]: a log line as a person reads it while it happens. Pure.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::paint::{Colour, Paint};

/// A log line for a person at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TerminalLine {
    /// A file of a page's, which is counted with others of its kind.
    Asset(u64),
    /// A line of its own, without its time.
    Line(String),
}

impl TerminalLine {
    /// The line of an event with these fields, its `message` among them.
    pub(super) fn of(level: &str, fields: &Map<String, Value>, paint: Paint) -> Self {
        match text(fields, "message") {
            "request" if text(fields, "ended") == "upgraded" => Self::Line(opened(fields, paint)),
            "request" if is_asset(fields) => Self::Asset(number(fields, "bytes_out")),
            "request" => Self::Line(request(fields, paint)),
            "websocket" => Self::Line(ended(fields, paint)),
            _ => Self::Line(other(level, fields, paint)),
        }
    }
}

/// The line that stands for so many files of pages.
pub(super) fn assets(count: u64, bytes: u64, paint: Paint) -> String {
    let files = if count == 1 { "file" } else { "files" };
    paint.text(Colour::Faint, &format!("  +  {count} {files}, {}", size(bytes))).into_owned()
}

fn request(fields: &Map<String, Value>, paint: Paint) -> String {
    let status = number(fields, "status");
    let colour = match status {
        200..=299 => Colour::Good,
        300..=399 => Colour::Hint,
        400..=499 => Colour::Warn,
        _ => Colour::Bad,
    };
    let status = if status == 0 { "---".to_owned() } else { status.to_string() };
    let mut line = format!("{} {:<5}{}", paint.text(colour, &status), text(fields, "method"), target(fields));
    let _ = write!(line, "  {}", time_of(fields));
    for (name, colour) in [("failure", Colour::Bad), ("user", Colour::Strong)] {
        if fields.contains_key(name) {
            let _ = write!(line, "  {}", paint.text(colour, text(fields, name)));
        }
    }
    if !["done", "upgraded"].contains(&text(fields, "ended")) {
        let _ = write!(line, "  {}", paint.text(Colour::Warn, text(fields, "ended")));
    }
    let _ = write!(line, "  {}", paint.text(Colour::Faint, text(fields, "client")));
    line
}

fn opened(fields: &Map<String, Value>, paint: Paint) -> String {
    let mut line = format!("{} {}", paint.text(Colour::Good, "WebSocket open "), target(fields));
    if fields.contains_key("user") {
        let _ = write!(line, "  {}", paint.text(Colour::Strong, text(fields, "user")));
    }
    let _ = write!(line, "  {}", paint.text(Colour::Faint, text(fields, "client")));
    line
}

fn ended(fields: &Map<String, Value>, paint: Paint) -> String {
    let is_clean = fields.get("clean").and_then(Value::as_bool).unwrap_or(false);
    let colour = match text(fields, "ended") {
        "client_closed" | "gateway_closed" | "draining" if is_clean => Colour::Good,
        _ if is_clean => Colour::Warn,
        _ => Colour::Bad,
    };
    let mut line = format!("{} {}", paint.text(colour, "WebSocket ended"), target(fields));
    let _ = write!(line, "  {}", paint.text(colour, text(fields, "ended")));
    let code = |name: &str| fields.get(name).and_then(Value::as_u64);
    let [client, gateway] = ["client", "gateway"]
        .map(|leg| code(&format!("{leg}_close_sent")).or(code(&format!("{leg}_close_received"))).unwrap_or(1006));
    let frames = [number(fields, "client_frames"), number(fields, "gateway_frames")];
    let _ = write!(
        line,
        "  {}  {} frames in, {} out  {client}/{gateway}  {}",
        time_of(fields),
        frames[0],
        frames[1],
        paint.text(Colour::Faint, text(fields, "client"))
    );
    line
}

fn other(level: &str, fields: &Map<String, Value>, paint: Paint) -> String {
    let message = text(fields, "message");
    let mut line = match level {
        "ERROR" => paint.text(Colour::Bad, &format!("error: {message}")).into_owned(),
        "WARN" => paint.text(Colour::Warn, &format!("warning: {message}")).into_owned(),
        "DEBUG" => paint.text(Colour::Faint, message).into_owned(),
        _ => message.to_owned(),
    };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(line, "  {}{value}", paint.text(Colour::Faint, &format!("{name}=")));
    }
    line
}

/// Whether the request is for a file that pages consist of, and nothing about it is worth a line.
fn is_asset(fields: &Map<String, Value>) -> bool {
    let path = text(fields, "target").split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let kind = name.rsplit_once('.').map_or("", |(_, kind)| kind);
    text(fields, "method") == "GET"
        && text(fields, "ended") == "done"
        && matches!(number(fields, "status"), 200..=399)
        && ASSETS.iter().any(|asset| kind.eq_ignore_ascii_case(asset))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(fields: &Map<String, Value>, name: &str) -> u64 {
    fields.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// The target, cut to what fits a line.
fn target(fields: &Map<String, Value>) -> String {
    let whole = text(fields, "target");
    if whole.chars().count() <= LONGEST_TARGET {
        return whole.to_owned();
    }
    whole.chars().take(LONGEST_TARGET - 1).chain(['…']).collect()
}

/// `duration_ms` in words.
fn time_of(fields: &Map<String, Value>) -> String {
    let value = fields.get("duration_ms");
    let millis = value.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok())).unwrap_or_default();
    // The number is a duration, which is not negative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time for people")]
    let seconds = (millis / 1000.0) as u64;
    match seconds {
        0..1 => format!("{millis:.0} ms"),
        1..60 => format!("{:.1} s", millis / 1000.0),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// What pages load beside themselves.
const ASSETS: [&str; 18] = [
    "js",
    "mjs",
    "css",
    "map",
    "svg",
    "png",
    "jpg",
    "jpeg",
    "webp",
    "avif",
    "gif",
    "ico",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "wasm",
    "webmanifest",
];
const LONGEST_TARGET: usize = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(level: &str, fields: &Value) -> TerminalLine {
        TerminalLine::of(level, fields.as_object().unwrap(), Paint::off())
    }

    fn request(change: &[(&str, Value)]) -> Value {
        let mut fields = json!({ "message": "request", "method": "GET", "target": "/openclaw/chat?token=***", "status": 200,
            "duration_ms": 12.4, "bytes_out": 3400, "ended": "done", "client": "192.168.1.7" });
        for (name, value) in change {
            fields[*name] = value.clone();
        }
        fields
    }

    #[test]
    fn a_request_is_one_short_line() {
        let rows = [
            (vec![], "200 GET  /openclaw/chat?token=***  12 ms  192.168.1.7"),
            (
                vec![("status", json!(404)), ("duration_ms", json!(1500.0))],
                "404 GET  /openclaw/chat?token=***  1.5 s  192.168.1.7",
            ),
            (
                vec![("status", json!(502)), ("failure", json!("gateway_not_running")), ("user", json!("ann"))],
                "502 GET  /openclaw/chat?token=***  12 ms  gateway_not_running  ann  192.168.1.7",
            ),
            (
                vec![("ended", json!("client_gone"))],
                "200 GET  /openclaw/chat?token=***  12 ms  client_gone  192.168.1.7",
            ),
            (
                vec![("status", Value::Null), ("ended", json!("client_gone"))],
                "--- GET  /openclaw/chat?token=***  12 ms  client_gone  192.168.1.7",
            ),
        ];
        for (change, expected) in rows {
            assert_eq!(line("INFO", &request(&change)), TerminalLine::Line(expected.to_owned()));
        }
        let long = line("INFO", &request(&[("target", json!(format!("/{}", "é".repeat(80))))]));
        let TerminalLine::Line(long) = long else { panic!("a line") };
        assert!(long.contains(&format!("/{}…  ", "é".repeat(58))), "{long}");
    }

    #[test]
    fn files_of_pages_are_counted_unless_something_is_wrong_with_them() {
        let of = |change: &[(&str, Value)]| line("INFO", &request(change));
        assert_eq!(of(&[("target", json!("/assets/index-x.JS?v=1"))]), TerminalLine::Asset(3400));
        assert_eq!(of(&[("target", json!("/a.css")), ("status", json!(304))]), TerminalLine::Asset(3400));
        let css = ("target", json!("/a.css"));
        for change in [("status", json!(404)), ("ended", json!("client_gone")), ("method", json!("POST"))] {
            assert!(matches!(of(&[css.clone(), change]), TerminalLine::Line(_)));
        }
        assert!(matches!(of(&[("target", json!("/js"))]), TerminalLine::Line(_)));
        assert_eq!(assets(1, 999, Paint::off()), "  +  1 file, 999 B");
        assert_eq!(assets(23, 1_240_000, Paint::off()), "  +  23 files, 1.2 MB");
    }

    #[test]
    fn a_websocket_has_a_line_at_its_start_and_its_end() {
        let start = request(&[("ended", json!("upgraded")), ("status", json!(101))]);
        let expected = "WebSocket open  /openclaw/chat?token=***  192.168.1.7";
        assert_eq!(line("INFO", &start), TerminalLine::Line(expected.to_owned()));
        let end = json!({ "message": "websocket", "target": "/", "ended": "gateway_lost", "clean": true, "duration_ms": 192_000.0,
            "client_frames": 3, "gateway_frames": 40, "client_close_sent": 1012, "client": "192.168.1.7" });
        let expected = "WebSocket ended /  gateway_lost  3m12s  3 frames in, 40 out  1012/1006  192.168.1.7";
        assert_eq!(line("INFO", &end), TerminalLine::Line(expected.to_owned()));
    }

    #[test]
    fn other_lines_keep_their_fields() {
        let warning = json!({ "message": "the disk is full", "file": "/x", "left": 0 });
        let expected = "warning: the disk is full  file=/x  left=0";
        assert_eq!(line("WARN", &warning), TerminalLine::Line(expected.to_owned()));
        let coloured = TerminalLine::of("ERROR", warning.as_object().unwrap(), Paint::on());
        let TerminalLine::Line(coloured) = coloured else { panic!("a line") };
        assert!(coloured.starts_with("\x1b[1;31merror: the disk is full\x1b[0m"), "{coloured:?}");
    }
}
