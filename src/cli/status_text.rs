//! The status of a running frontgate in words.

use serde_json::Value;

use super::connections_table::{age, clean};
use super::status_lists;

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
            "frontgate {}: {state}{}, up {}, process {}",
            text(&status["version"]),
            status_lists::gateways_down(&status),
            age(number("uptime")),
            number("pid")
        ),
        format!(
            "{} connections, {} WebSockets, {} tasks",
            number("connections"),
            number("websockets"),
            number("tasks")
        ),
    ];
    for listener in status["listeners"].as_array().into_iter().flatten() {
        lines.push(format!("listens at {} ({})", text(&listener["address"]), text(&listener["purpose"])));
    }
    lines.extend(status_lists::lines(&status));
    let cluster = &status["cluster"];
    if cluster.is_object() {
        let is_up = cluster["up"].as_bool() == Some(true);
        let redis = if is_up { "its Redis answers" } else { "its Redis is away: each replica goes on alone" };
        lines.push(format!("replica {} of a cluster; {redis}", text(&cluster["replica"])));
        for member in cluster["members"].as_array().into_iter().flatten() {
            lines.push(format!(
                "  {} on {}: {} WebSockets, {}{}",
                text(&member["replica"]),
                text(&member["host"]),
                member["websockets"].as_u64().unwrap_or_default(),
                text(&member["version"]),
                if member["draining"].as_bool() == Some(true) { ", draining" } else { "" }
            ));
        }
    }
    lines.extend(status["names"].as_array().into_iter().flatten().map(name_line));
    for drained in status["drained_endpoints"].as_array().into_iter().flatten() {
        let left = drained["websockets"].as_u64().unwrap_or_default();
        let (endpoint, since) = (text(&drained["endpoint"]), text(&drained["since"]));
        lines.push(format!(
            "{endpoint} is drained since {since} until `frontgate drain --resume`: {left} WebSockets left"
        ));
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
        lines.push(format!(
            "a change waits since {} for `frontgate reload`, since it lowers guards: {lowers}",
            text(&waiting["since"])
        ));
    }
    lines.join("\n") + "\n"
}

/// What is known of a name that stands for several gateways.
fn name_line(name: &Value) -> String {
    let written = clean(name["name"].as_str().unwrap_or("-"));
    let count = name["gateways"].as_array().map_or(0, Vec::len);
    let leaving = match name["leaving"].as_array().map_or(0, Vec::len) {
        0 => String::new(),
        left => format!(", and {left} that the DNS names no more have something left to do"),
    };
    let known = match (name["age"].as_u64(), name["failing"].as_str()) {
        (None, None) if count == 0 => "nothing is known yet".to_owned(),
        (None, None) => format!("{count} gateways, as an earlier process knew them"),
        (None, Some(why)) if count == 0 => format!("no gateway is known: {}", clean(why)),
        (None, Some(why)) => format!("{count} gateways, as an earlier process knew them; now: {}", clean(why)),
        (Some(_), None) => format!("{count} gateways"),
        (Some(age), Some(why)) => format!("{count} gateways, as the DNS said {age} s ago; now: {}", clean(why)),
    };
    format!("{written}: {known}{leaving}")
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
            "gateways": [{ "name": "http://gw:1", "healthy": false, "ejected": false, "draining": false, "busy": null, "idle": 0, "connects": 1 }],
            "names": [
                { "name": "dns+http://gw:1", "gateways": ["10.0.0.4:1"], "leaving": [{ "endpoint": "http://10.0.0.5:1", "busy": 2 }], "age": 7, "failing": null },
                { "name": "srv+http://gw", "gateways": ["10.0.0.4:1"], "leaving": [], "age": 70, "failing": "SERVFAIL" },
                { "name": "dns+http://new:1", "gateways": [], "leaving": [], "age": null, "failing": "no such name" },
            ],
            "drained_endpoints": [{ "endpoint": "http://gw:1", "since": "2026-11-30T20:00:00Z", "over": 300, "websockets": 2 }],
            "reloads": { "done": 1, "refused": 2, "waiting": { "since": "2026-11-30T20:00:00Z", "lowers": ["auth of /x"] },
                         "last": { "at": "2026-11-30T20:00:00Z", "error": "f.yaml:1:1: \u{1b}[2Junknown key" } },
        });
        let expected = "frontgate 0.1.0: ready, but the gateway is down, up 3h12m, process 47\n\
                        3 connections, 2 WebSockets, 9 tasks\n\
                        listens at [::]:8443 (https)\n\
                        DOWN gateway http://gw:1: not reachable; 1 connections made, 0 idle\n\
                        dns+http://gw:1: 1 gateways, and 1 that the DNS names no more have something left to do\n\
                        srv+http://gw: 1 gateways, as the DNS said 70 s ago; now: SERVFAIL\n\
                        dns+http://new:1: no gateway is known: no such name\n\
                        http://gw:1 is drained since 2026-11-30T20:00:00Z until `frontgate drain --resume`: 2 WebSockets left\n\
                        config /etc/f.yaml: reloaded 1 times, refused 2 times\n\
                        the last reload, at 2026-11-30T20:00:00Z, was refused: f.yaml:1:1: [2Junknown key\n\
                        a change waits since 2026-11-30T20:00:00Z for `frontgate reload`, since it lowers guards: auth of /x\n";
        assert_eq!(for_people(&status.to_string()), expected);
        assert_eq!(for_people("nonsense"), "nonsense");
    }
}
