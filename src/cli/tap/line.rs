//! A line of a tap, for people.

use std::fmt::Write as _;

use serde_json::Value;

use crate::observe::clean::{LONGEST, clean, is_harmless};

/// One line without an end: the time of day, the side that sent it, the opcode, the length, flags, and the payload.
pub(super) fn for_people(said: &Value) -> String {
    let text = |key: &str| said[key].as_str().unwrap_or_default();
    if let Some(websocket) = said.get("websocket") {
        let part = |key: &str| shown(websocket[key].as_str().unwrap_or("-"));
        return format!("{} {}{} of {}", part("id"), part("host"), part("path"), part("client"));
    }
    if let Some(ended) = said.get("ended") {
        return format!("ended: {}", shown(ended.as_str().unwrap_or_else(|| text("why"))));
    }
    if let Some(frames) = said.get("dropped") {
        return format!("{frames} frames from the {} came faster than they were read", from(said));
    }
    let at = text("at").get(11..).unwrap_or_default();
    let at = at.get(..12).unwrap_or_else(|| at.trim_end_matches('Z'));
    let flags = [("fin", "fin"), ("rsv1", "rsv1"), ("rsv2", "rsv2"), ("rsv3", "rsv3")];
    let flags: Vec<_> = flags.into_iter().filter(|(key, _)| said[*key] == true).map(|(_, name)| name).collect();
    let code = said["code"].as_u64().map(|code| format!("{code} ")).unwrap_or_default();
    let data = match (text("shown"), text("data")) {
        ("text" | "json" | "hidden", data) => shown(data),
        ("base64" | "compressed_base64", data) => format!("base64:{data}"),
        ("", _) => String::new(),
        (why, _) => format!("({})", why.replace('_', " ")),
    };
    let line = format!(
        "{at:<12} {:<7} {:<12} {:>8} {:<8} {code}{data}",
        from(said),
        shown(text("opcode")),
        said["length"].to_string(),
        flags.join(",")
    );
    line.trim_end().to_owned()
}

/// The same as JSON. What a terminal would act on is escaped: it is text of peers, and a terminal may be where it goes.
pub(super) fn for_programs(said: &Value) -> String {
    let mut out = String::new();
    for char in said.to_string().chars() {
        if is_harmless(char) {
            out.push(char);
        } else {
            // As JSON writes a character (RFC 8259 §7).
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

fn from(said: &Value) -> &'static str {
    if said["direction"] == "client_to_gateway" { "client" } else { "gateway" }
}

/// A text without what a terminal would act on.
fn shown(text: &str) -> String {
    clean(text.as_bytes(), LONGEST).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_get_a_line_for_each_frame() {
        let frame = |change: &[(&str, Value)]| {
            let mut said = json!({"at": "2026-12-01T10:20:30.123456Z", "direction": "client_to_gateway", "opcode": "text",
                "length": 5, "fin": true, "rsv1": false, "rsv2": false, "rsv3": false, "code": null, "data": "", "shown": null});
            for (key, value) in change {
                said[*key] = value.clone();
            }
            for_people(&said)
        };
        assert_eq!(frame(&[]), "10:20:30.123 client  text                5 fin");
        assert_eq!(
            frame(&[
                ("data", json!("he\u{1b}[2Jllo")),
                ("shown", json!("text")),
                ("direction", json!("gateway_to_client"))
            ]),
            "10:20:30.123 gateway text                5 fin      he\\x1b[2Jllo"
        );
        assert_eq!(
            frame(&[
                ("opcode", json!("close")),
                ("code", json!(1000)),
                ("data", json!("bye")),
                ("shown", json!("text"))
            ]),
            "10:20:30.123 client  close               5 fin      1000 bye"
        );
        assert_eq!(
            frame(&[("rsv1", json!(true)), ("data", json!("qlY=")), ("shown", json!("compressed_base64"))]),
            "10:20:30.123 client  text                5 fin,rsv1 base64:qlY="
        );
        assert_eq!(
            frame(&[("at", json!("2026-12-01T10:20:30Z")), ("fin", json!(false)), ("shown", json!("with_last_frame"))]),
            "10:20:30     client  text                5          (with last frame)"
        );
        for (said, expected) in [
            (json!({"websocket": {"id": "abc", "host": "gw", "path": "/x", "client": "::1"}}), "abc gw/x of ::1"),
            (json!({"ended": "client_closed"}), "ended: client_closed"),
            (json!({"ended": null, "why": "another"}), "ended: another"),
            (
                json!({"dropped": 3, "direction": "gateway_to_client"}),
                "3 frames from the gateway came faster than they were read",
            ),
        ] {
            assert_eq!(for_people(&said), expected);
        }
    }

    #[test]
    fn programs_get_json_that_drives_no_terminal() {
        let said = json!({"data": "a\u{9b}31m\u{202e}é\u{e0001}\u{1b}"});
        let line = for_programs(&said);
        assert_eq!(line, r#"{"data":"a\u009b31m\u202eé\udb40\udc01\u001b"}"#);
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), said);
    }
}
