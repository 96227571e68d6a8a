//! The gateways, certificates and ended WebSockets of a status, a line each.

use serde_json::Value;

use super::connections_table::{age, clean};

/// How many of the gateways get no requests because they cannot be reached, in words; nothing if all can.
pub(super) fn gateways_down(status: &Value) -> String {
    let all = items(&status["gateways"]);
    match (all.iter().filter(|one| is_down(one)).count(), all.len()) {
        (0, _) => String::new(),
        (1, 1) => ", but the gateway is down".to_owned(),
        (down, all) => format!(", but {down} of {all} gateways are down"),
    }
}

/// The lines, those that need a look with a head in capitals.
pub(super) fn lines(status: &Value) -> Vec<String> {
    let gateways = items(&status["gateways"]).iter().map(gateway);
    let certificates = items(&status["certificates"]).iter().map(certificate);
    let ends = items(&status["ends"]).iter().take(MOST_ENDS).map(ended);
    gateways.chain(certificates).chain(ends).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// One that an operator has taken out is missed by none.
fn is_down(gateway: &Value) -> bool {
    gateway["healthy"].as_bool() == Some(false) && gateway["draining"].as_bool() != Some(true)
}

fn gateway(gateway: &Value) -> String {
    let is = |key: &str| gateway[key].as_bool() == Some(true);
    let number = |key: &str| gateway[key].as_u64().unwrap_or_default();
    let (head, state) = match is_down(gateway) {
        _ if is("draining") => ("", "taken out by an operator"),
        _ if is("ejected") => ("DOWN ", "left alone for a while, since it failed"),
        true => ("DOWN ", "not reachable"),
        false if number("connects") == 0 => ("", "not tried yet"),
        false => ("", "reachable"),
    };
    let busy = gateway["busy"].as_u64().map(|busy| format!(", {busy} under way")).unwrap_or_default();
    let (connects, idle) = (number("connects"), number("idle"));
    format!("{head}gateway {}: {state}; {connects} connections made, {idle} idle{busy}", text(&gateway["name"]))
}

fn certificate(certificate: &Value) -> String {
    let names = items(&certificate["names"]).iter().map(text).collect::<Vec<_>>().join(", ");
    let (days, until) = (certificate["days"].as_i64().unwrap_or_default(), text(&certificate["until"]));
    match certificate["left"].as_f64() {
        Some(left) if left < 0.0 => format!("EXPIRED certificate for {names}: since {until}"),
        Some(left) if left < SOON => format!("warning: certificate for {names}: only {days} days left, until {until}"),
        _ => format!("certificate for {names}: {days} days left, until {until}"),
    }
}

fn ended(end: &Value) -> String {
    let user = end["user"].as_str().map(|user| format!(" ({})", clean(user))).unwrap_or_default();
    let code = |key: &str| end[key].as_u64().unwrap_or_default();
    format!(
        "ended at {}: {} of {}{user} after {}, {}; client {}, gateway {}{}",
        text(&end["at"]),
        text(&end["id"]),
        text(&end["client"]),
        age(end["seconds"].as_u64().unwrap_or_default()),
        text(&end["ended"]).replace('_', " "),
        code("client_code"),
        code("gateway_code"),
        if end["clean"].as_bool() == Some(false) { ", not clean" } else { "" }
    )
}

fn text(value: &Value) -> String {
    clean(value.as_str().unwrap_or("-"))
}

/// As many fit beside the rest.
const MOST_ENDS: usize = 5;
/// The part of a certificate's life in which it should have been renewed.
const SOON: f64 = 0.2;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gateways_certificates_and_ends_are_said_in_words() {
        let gateway = |healthy: bool, ejected: bool, draining: bool, connects: u64, busy: Option<u64>| {
            json!({ "gateways": [{ "name": "http://gw:1", "healthy": healthy, "ejected": ejected, "draining": draining, "busy": busy,
                                   "idle": 1, "connects": connects }] })
        };
        let certificate = |days: i64, left: f64| json!({ "certificates": [{ "names": ["gw.lan", "::1"], "days": days, "until": "2027-02-01T00:00:00Z", "left": left }] });
        let end = |user: Option<&str>, clean: bool| {
            json!({ "ends": [{ "at": "2026-12-01T10:20:30Z", "id": "7q2h", "client": "203.0.113.5", "user": user,
                               "ended": "gateway_lost", "clean": clean, "client_code": 1001, "gateway_code": 1006, "seconds": 65 }] })
        };
        for (status, expected) in [
            (gateway(true, false, false, 3, None), "gateway http://gw:1: reachable; 3 connections made, 1 idle"),
            (
                gateway(true, false, false, 0, Some(0)),
                "gateway http://gw:1: not tried yet; 0 connections made, 1 idle, 0 under way",
            ),
            (
                gateway(false, false, false, 3, None),
                "DOWN gateway http://gw:1: not reachable; 3 connections made, 1 idle",
            ),
            (
                gateway(false, true, false, 3, Some(2)),
                "DOWN gateway http://gw:1: left alone for a while, since it failed; 3 connections made, 1 idle, 2 under way",
            ),
            (
                gateway(true, false, true, 3, None),
                "gateway http://gw:1: taken out by an operator; 3 connections made, 1 idle",
            ),
            (certificate(60, 0.7), "certificate for gw.lan, ::1: 60 days left, until 2027-02-01T00:00:00Z"),
            (certificate(9, 0.1), "warning: certificate for gw.lan, ::1: only 9 days left, until 2027-02-01T00:00:00Z"),
            (certificate(0, -0.001), "EXPIRED certificate for gw.lan, ::1: since 2027-02-01T00:00:00Z"),
            (
                end(Some("a\u{1b}nn"), false),
                "ended at 2026-12-01T10:20:30Z: 7q2h of 203.0.113.5 (ann) after 1m5s, gateway lost; client 1001, gateway 1006, not clean",
            ),
            (
                end(None, true),
                "ended at 2026-12-01T10:20:30Z: 7q2h of 203.0.113.5 after 1m5s, gateway lost; client 1001, gateway 1006",
            ),
        ] {
            assert_eq!(lines(&status), [expected]);
        }
        // A reload is under way, or an earlier version answers.
        for status in [json!({}), json!({ "gateways": null, "certificates": null, "ends": [] })] {
            assert!(lines(&status).is_empty() && gateways_down(&status).is_empty());
        }
    }

    #[test]
    fn a_gateway_that_is_down_is_said_at_once() {
        let gateways = |healthy: &[bool]| json!({ "gateways": healthy.iter().map(|healthy| json!({ "healthy": healthy })).collect::<Value>() });
        for (healthy, expected) in [
            (&[true, true][..], ""),
            (&[false], ", but the gateway is down"),
            (&[true, false], ", but 1 of 2 gateways are down"),
            (&[false, false], ", but 2 of 2 gateways are down"),
        ] {
            assert_eq!(gateways_down(&gateways(healthy)), expected);
        }
    }
}
