//! `frontgate status`: how a running frontgate is.

use http::Method;
use serde_json::Value;

use super::admin_client::{AdminClient, AdminTarget};
use super::connections::{age, clean};
use super::failure::CommandFailure;
use super::output::print;
use super::run::runtime;
use super::watch;

/// Which frontgate to ask.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate status --watch\n  frontgate status --json | jq .reloads\n  frontgate status --ready"
)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    target: AdminTarget,
    /// As JSON, with all there is to say
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Keep looking, until q is pressed
    #[arg(long)]
    watch: bool,
    /// Only ask whether it takes clients, and fail if it does not, as while it drains: a readiness probe for where nothing but
    /// this program is at hand
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    ready: bool,
}

pub(super) fn run(args: StatusArgs) -> Result<(), CommandFailure> {
    let client = AdminClient::new(args.target)?;
    if args.watch {
        return watch::status(&client);
    }
    let path = if args.ready { "/readyz" } else { "/status" };
    let said = runtime()?.block_on(client.ask(Method::GET, path))?.done()?;
    print(if args.ready || args.json { said } else { for_people(&said) })
}

/// The answer in words; unchanged, if it is not the expected JSON.
pub(super) fn for_people(said: &str) -> String {
    let Ok(status) = serde_json::from_str::<Value>(said) else { return said.to_owned() };
    let number = |key: &str| status[key].as_u64().unwrap_or_default();
    let text = |value: &Value| clean(value.as_str().unwrap_or("-"));
    let state = match (status["draining"].as_bool(), status["ready"].as_bool()) {
        (Some(true), _) => "draining",
        (_, Some(true)) => "ready",
        _ => "not ready",
    };
    let reloads = &status["reloads"];
    let count = |key: &str| reloads[key].as_u64().unwrap_or_default();
    let mut lines = vec![
        format!(
            "frontgate {}: {state}, up {}, process {}",
            text(&status["version"]),
            age(number("uptime")),
            number("pid")
        ),
        format!("{} connections, {} WebSockets, {} tasks", number("connections"), number("websockets"), number("tasks")),
    ];
    for listener in status["listeners"].as_array().into_iter().flatten() {
        lines.push(format!("listens at {} ({})", text(&listener["address"]), text(&listener["purpose"])));
    }
    lines.push(format!(
        "config {}: reloaded {} times, refused {} times",
        status["config"].as_str().map_or_else(|| "of its own".to_owned(), clean),
        count("done"),
        count("refused")
    ));
    let last = &reloads["last"];
    if let Some(error) = last["error"].as_str() {
        lines.push(format!("the last reload, at {}, was refused: {}", text(&last["at"]), clean(error)));
    }
    let waiting = &reloads["waiting"];
    if waiting.is_object() {
        let lowers = waiting["lowers"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join("; ");
        lines.push(format!("a change waits since {} for `frontgate reload`, since it lowers guards: {lowers}", text(&waiting["since"])));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_words() {
        let status = json!({
            "version": "0.1.0", "pid": 47, "uptime": 11_520, "ready": true, "draining": false, "config": "/etc/f.yaml",
            "listeners": [{ "address": "[::]:8443", "purpose": "https" }], "connections": 3, "websockets": 2, "tasks": 9,
            "reloads": { "done": 1, "refused": 2, "waiting": { "since": "2026-11-30T20:00:00Z", "lowers": ["auth of /x"] },
                         "last": { "at": "2026-11-30T20:00:00Z", "error": "f.yaml:1:1: \u{1b}[2Junknown key" } },
        });
        let expected = "frontgate 0.1.0: ready, up 3h12m, process 47\n\
                        3 connections, 2 WebSockets, 9 tasks\n\
                        listens at [::]:8443 (https)\n\
                        config /etc/f.yaml: reloaded 1 times, refused 2 times\n\
                        the last reload, at 2026-11-30T20:00:00Z, was refused: f.yaml:1:1: [2Junknown key\n\
                        a change waits since 2026-11-30T20:00:00Z for `frontgate reload`, since it lowers guards: auth of /x\n";
        assert_eq!(for_people(&status.to_string()), expected);
        assert_eq!(for_people("nonsense"), "nonsense");
    }
}
