//! The open WebSockets as a table for a terminal.

use serde_json::Value;

use crate::observe::clean::is_harmless;

/// The answer as a table for a terminal.
pub(super) fn table(answer: &Value) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(answer["websockets"].as_array().into_iter().flatten().map(cells));
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    for replica in answer["silent"].as_array().into_iter().flatten() {
        let name = clean(replica.as_str().unwrap_or("-"));
        text.extend(["replica ", &name, " gave no answer\n"]);
    }
    text
}

/// A WebSocket's cells, under [`HEAD`].
pub(super) fn cells(websocket: &Value) -> [String; COLUMNS] {
    // A client chose some of these texts, and they may hold control sequences for a terminal.
    let text = |key: &str| clean(websocket[key].as_str().unwrap_or("-"));
    let seconds = |key: &str| age(websocket[key].as_u64().unwrap_or_default());
    let number = |side: &str, key: &str| websocket[side][key].as_u64().unwrap_or_default();
    let ping = |side: &str| websocket[side]["ping_ms"].as_f64().map_or_else(|| "-".to_owned(), |took| took.to_string());
    let both = |key: &str, shown: fn(u64) -> String| {
        format!("{}/{}", shown(number("from_client", key)), shown(number("from_gateway", key)))
    };
    let place = |key: &str| clean(websocket[key].as_str().unwrap_or_default());
    [
        text("id"),
        text("client"),
        text("user"),
        format!("{} {}", text("protocol"), websocket["connection"].as_u64().unwrap_or_default()),
        seconds("age"),
        seconds("idle"),
        both("messages", |count| count.to_string()),
        both("bytes", size),
        format!("{}/{}", ping("from_client"), ping("from_gateway")),
        text("state"),
        match websocket["replica"].as_str() {
            Some(replica) => format!("{}{} at replica {}", place("host"), place("path"), clean(replica)),
            None => format!("{}{}", place("host"), place("path")),
        },
    ]
}

/// Seconds in the largest two units, as `3h12m`.
pub(super) fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// Bytes in the largest unit that leaves a digit before the point.
fn size(bytes: u64) -> String {
    let unit = [(1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K")];
    match unit.into_iter().find(|(unit, _)| bytes >= *unit) {
        None => bytes.to_string(),
        Some((unit, name)) => format!("{}.{}{name}", bytes / unit, bytes % unit * 10 / unit),
    }
}

/// A text without what a terminal would act on.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|char| is_harmless(*char)).collect()
}

pub(super) const COLUMNS: usize = 11;
/// The columns. `OVER` is the protocol, and the number of the connection. Messages, bytes and pings have two numbers: the
/// client's, and the gateway's.
pub(super) const HEAD: [&str; COLUMNS] =
    ["ID", "CLIENT", "USER", "OVER", "AGE", "IDLE", "MESSAGES", "BYTES", "PING MS", "STATE", "WHERE"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_get_a_table() {
        let said = json!({"total": 2, "websockets": [
            {"id": "abc", "client": "203.0.113.5", "protocol": "h2", "connection": 12, "user": "ann", "host": "gw:8443",
             "path": "/openclaw", "age": 11520, "idle": 61, "state": "open",
             "from_client": {"messages": 3, "bytes": 100, "ping_ms": 21.4},
             "from_gateway": {"messages": 50, "bytes": 20000, "ping_ms": null}},
            {"id": "abcdef", "client": "unix", "protocol": "h1", "connection": 7, "user": null, "host": "gw",
             "path": "/\u{1b}[2J", "age": 5, "idle": 5, "state": "ending",
             "from_client": {"messages": 0, "bytes": 0, "ping_ms": null},
             "from_gateway": {"messages": 0, "bytes": 3_221_225_472_u64, "ping_ms": null}}
        ]});
        let table = table(&said);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "ID      CLIENT       USER  OVER   AGE    IDLE  MESSAGES  BYTES      PING MS  STATE   WHERE",
                "abc     203.0.113.5  ann   h2 12  3h12m  1m1s  3/50      100/19.5K  21.4/-   open    gw:8443/openclaw",
                "abcdef  unix         -     h1 7   5s     5s    0/0       0/3.0G     -/-      ending  gw/[2J",
            ]
        );
        assert_eq!(age(86_400 * 30 + 3600), "30d1h");
    }
}
