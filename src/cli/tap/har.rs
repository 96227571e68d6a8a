//! [`HarFile`]: what a tap saw, as browsers write down what passed (HAR 1.2).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::platform::files::{OpenOptionsExt as _, set_mode_of};

/// A HAR file that is being written. Messages are written as they come, so that none has to be kept, and the file is complete
/// once it is finished. For its owner alone: it may hold what users said.
pub(super) struct HarFile {
    path: PathBuf,
    file: BufWriter<File>,
    is_begun: bool,
    messages: u64,
    /// Seconds since 1970 of the first message and of the last.
    span: Option<(f64, f64)>,
}

impl HarFile {
    pub(super) fn create(path: PathBuf) -> anyhow::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        // A file that was there keeps its mode else.
        let file = file.and_then(|file| set_mode_of(&file, 0o600).map(|()| file));
        let file = BufWriter::new(file.with_context(|| format!("cannot write {}", path.display()))?);
        Ok(Self { path, file, is_begun: false, messages: 0, span: None })
    }

    /// Adds a line of the tap.
    pub(super) fn add(&mut self, said: &Value) -> io::Result<()> {
        if let Some(websocket) = said.get("websocket") {
            return self.begin(websocket);
        }
        let Some(message) = message(said) else { return Ok(()) };
        let at = message["time"].as_f64().unwrap_or_default();
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
        write!(self.file, "{}\n{message}", if self.messages > 0 { "," } else { "" })?;
        self.messages += 1;
        Ok(())
    }

    /// Completes the file; `comment` says what it lacks.
    pub(super) fn finish(mut self, comment: Option<&str>) -> anyhow::Result<()> {
        let lasted = self.span.map_or(0.0, |(first, last)| ((last - first) * 1000.0).max(0.0));
        self.complete(lasted, comment).with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn begin(&mut self, websocket: &Value) -> io::Result<()> {
        self.is_begun = true;
        let part = |key: &str| websocket[key].as_str().unwrap_or_default();
        let scheme = if websocket["tls"].is_null() { "ws" } else { "wss" };
        let version = if websocket["protocol"] == "h2" { "HTTP/2.0" } else { "HTTP/1.1" };
        let none = json!([]);
        let request = json!({
            "method": "GET", "url": format!("{scheme}://{}{}", part("host"), part("path")), "httpVersion": version,
            "headers": none, "queryString": none, "cookies": none, "headersSize": -1, "bodySize": -1,
        });
        let response = json!({
            "status": 101, "statusText": "Switching Protocols", "httpVersion": version, "headers": none, "cookies": none,
            "content": { "size": 0, "mimeType": "x-unknown" }, "redirectURL": "", "headersSize": -1, "bodySize": -1,
        });
        let creator = json!({ "name": "frontgate", "version": env!("CARGO_PKG_VERSION") });
        let entry = json!({
            "startedDateTime": part("since"), "request": request, "response": response, "cache": {},
            "timings": { "send": 0, "wait": 0, "receive": 0 }, "_resourceType": "websocket", "_requestId": part("id"),
        });
        let entry = entry.to_string();
        let open = entry.strip_suffix('}').unwrap_or(&entry);
        write!(
            self.file,
            r#"{{"log":{{"version":"1.2","creator":{creator},"pages":[],"entries":[{open},"_webSocketMessages":["#
        )
    }

    fn complete(&mut self, lasted: f64, comment: Option<&str>) -> io::Result<()> {
        if !self.is_begun {
            self.begin(&Value::Null)?;
        }
        let comment = comment.map(|comment| format!(",\"comment\":{}", json!(comment))).unwrap_or_default();
        write!(self.file, "\n],\"time\":{lasted}}}]{comment}}}}}\n")?;
        self.file.flush()
    }
}

/// A message, or a control frame, as browsers write it down; `None` for what is only a part of one.
fn message(said: &Value) -> Option<Value> {
    let opcode = said["opcode"].as_str()?;
    if said["fin"] != true {
        return None;
    }
    let is_base64 = matches!(said["shown"].as_str(), Some("base64" | "compressed_base64"));
    let number = match said["message"].as_str().unwrap_or(opcode) {
        // Compressed text is bytes to a browser.
        "text" if is_base64 => 2,
        "text" => 1,
        "binary" => 2,
        "close" => 8,
        "ping" => 9,
        "pong" => 10,
        _ => 0,
    };
    // What a message in bytes has is in base64, that of one that turned out to be text, too.
    let data = match said["data"].as_str() {
        Some(text) if number == 2 && !is_base64 => STANDARD.encode(text).into(),
        _ => said["data"].clone(),
    };
    let kind = if said["direction"] == "client_to_gateway" { "send" } else { "receive" };
    Some(json!({ "type": kind, "time": said["time"], "opcode": number, "data": data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: &str, message: &str, fin: bool, data: &str, how: Option<&str>) -> Value {
        json!({"time": 1000.5, "direction": "client_to_gateway", "opcode": opcode, "message": message, "fin": fin,
               "data": data, "shown": how})
    }

    fn written(lines: &[Value], comment: Option<&str>) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.har");
        std::fs::write(&path, "what was there").unwrap();
        let mut har = HarFile::create(path.clone()).unwrap();
        for line in lines {
            har.add(line).unwrap();
        }
        har.finish(comment).unwrap();
        assert_eq!(crate::platform::files::mode(&std::fs::metadata(&path).unwrap()).unwrap() & 0o777, 0o600);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn each_message_and_control_frame_is_an_entry_as_a_browser_writes_it() {
        let websocket = json!({"websocket": {"id": "abc", "host": "gw:8443", "path": "/x", "tls": "1.3", "protocol": "h1",
            "since": "2026-12-01T10:20:30Z"}});
        let lines = [
            websocket,
            frame("text", "text", true, "{}", Some("json")),
            frame("binary", "binary", false, "", Some("with_last_frame")),
            frame("ping", "ping", true, "", Some("text")),
            frame("continuation", "binary", true, "AAE=", Some("base64")),
            frame("binary", "binary", true, "{}", Some("json")),
            frame("text", "text", true, "AAE=", Some("compressed_base64")),
            frame("binary", "binary", true, "", None),
            json!({"dropped": 2, "direction": "client_to_gateway"}),
            frame("close", "close", true, "bye", Some("text")),
            json!({"ended": "client_closed"}),
        ];
        let har = written(&lines, Some("2 \"frames\" were dropped"));
        assert_eq!(har["log"]["comment"], "2 \"frames\" were dropped");
        assert_eq!(har["log"]["version"], "1.2");
        let entry = &har["log"]["entries"][0];
        assert_eq!(entry["request"]["url"], "wss://gw:8443/x");
        assert_eq!((&entry["_resourceType"], &entry["response"]["status"]), (&json!("websocket"), &json!(101)));
        let messages = entry["_webSocketMessages"].as_array().unwrap();
        let opcodes: Vec<_> = messages.iter().map(|message| message["opcode"].as_u64().unwrap()).collect();
        assert_eq!(opcodes, [1, 9, 2, 2, 2, 2, 8]);
        let of_bytes: Vec<_> = messages[2..6].iter().map(|message| message["data"].as_str().unwrap()).collect();
        assert_eq!(of_bytes, ["AAE=", "e30=", "AAE=", ""]);
        assert_eq!(messages[2], json!({"type": "send", "time": 1000.5, "opcode": 2, "data": "AAE="}));
    }

    #[test]
    fn a_file_without_a_message_is_whole() {
        let har = written(&[json!({"websocket": {"host": "gw", "path": "/"}})], None);
        assert!(har["log"].get("comment").is_none());
        assert_eq!(har["log"]["entries"][0]["_webSocketMessages"], json!([]));
        assert_eq!(written(&[], None)["log"]["entries"].as_array().unwrap().len(), 1);
    }
}
