//! `frontgate connections`: the WebSockets that are open.

use std::fmt::Write as _;

use http::Method;
use serde_json::Value;

use super::admin_client::{AdminClient, AdminTarget};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;

/// Which frontgate to ask, and the format of the output.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate connections --json | jq '.websockets[] | select(.idle > 3600) | .id'")]
pub(super) struct ConnectionsArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// As JSON, with all there is to say
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ConnectionsArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    let said = runtime()?.block_on(client.ask(Method::GET, "/connections"))?.done()?;
    print(if args.json { said } else { table(&said) })
}

/// The answer as a table for a terminal; unchanged, if it is not the expected JSON.
fn table(said: &str) -> String {
    let answer: Value = serde_json::from_str(said).unwrap_or_default();
    let (Some(all), Some(total)) = (answer["websockets"].as_array(), answer["total"].as_u64()) else {
        return said.to_owned();
    };
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(all.iter().map(row));
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default());
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    if total > all.len() as u64 {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "the last {} of {total}", all.len());
    }
    text
}

fn row(websocket: &Value) -> [String; COLUMNS] {
    let text = |key: &str| websocket[key].as_str().unwrap_or("-").to_owned();
    let seconds = |key: &str| age(websocket[key].as_u64().unwrap_or_default());
    let side = |side: &str, key: &str| websocket[side][key].as_u64().unwrap_or_default();
    let ping = |side: &str| websocket[side]["ping_ms"].as_f64().map_or_else(|| "-".to_owned(), |took| took.to_string());
    let (from_client, from_gateway) = (|key: &str| side("from_client", key), |key: &str| side("from_gateway", key));
    [
        text("id"),
        text("client"),
        format!("{} {}", text("protocol"), websocket["connection"].as_u64().unwrap_or_default()),
        seconds("age"),
        seconds("idle"),
        format!("{}/{}", from_client("frames"), from_gateway("frames")),
        format!("{}/{}", from_client("bytes"), from_gateway("bytes")),
        format!("{}/{}", ping("from_client"), ping("from_gateway")),
        // The client sent this text, and it may hold control sequences for a terminal.
        clean(&format!("{}{}", text("host"), text("path"))),
    ]
}

/// Seconds in the largest two units, as `3h12m`.
fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).collect()
}

const COLUMNS: usize = 9;
/// The columns. `OVER` is the protocol, and the number of the connection. Frames, bytes and pings have two numbers: the client's, and the gateway's.
const HEAD: [&str; COLUMNS] = ["ID", "CLIENT", "OVER", "AGE", "IDLE", "FRAMES", "BYTES", "PING MS", "WHERE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_get_a_table() {
        let said = r#"{"total": 3, "websockets": [
            {"id": "abc", "client": "203.0.113.5", "protocol": "h2", "connection": 12, "subject": null, "host": "gw:8443", "path": "/openclaw", "age": 11520, "idle": 61,
             "from_client": {"frames": 3, "bytes": 100, "ping_ms": 21.4}, "from_gateway": {"frames": 50, "bytes": 20000, "ping_ms": null}},
            {"id": "abcdef", "client": "unix", "protocol": "h1", "connection": 7, "host": "gw", "path": "/\u001b[2J", "age": 5, "idle": 5,
             "from_client": {"frames": 0, "bytes": 0, "ping_ms": null}, "from_gateway": {"frames": 0, "bytes": 0, "ping_ms": null}}
        ]}"#;
        let table = table(said);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(
            lines,
            [
                "ID      CLIENT       OVER   AGE    IDLE  FRAMES  BYTES      PING MS  WHERE",
                "abc     203.0.113.5  h2 12  3h12m  1m1s  3/50    100/20000  21.4/-   gw:8443/openclaw",
                "abcdef  unix         h1 7   5s     5s    0/0     0/0        -/-      gw/[2J",
                "the last 2 of 3",
            ]
        );
        assert_eq!(age(86_400 * 30 + 3600), "30d1h");
    }
}
