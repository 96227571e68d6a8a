//! Which origins the gateway is asked about, and entries of its list that were meant for them.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::gateway::gateway;
use super::{before, doctor};
use crate::cli::{Ran, frontgate_in};
use crate::harness::binary;

fn findings(ran: &Ran, id: &str) -> Vec<Value> {
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    told["findings"].as_array().unwrap().iter().filter(|one| one["id"] == id).cloned().collect()
}

#[test]
fn an_entry_that_nearly_matches_is_named_with_what_to_write() {
    let folder = TempDir::new().unwrap();
    let address = gateway("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    let port = address.rsplit_once(':').unwrap().1;
    let config = before(&address, folder.path(), "");
    for (entry, words) in [
        ("https://gw.lan:8443/", "it ends in a slash"),
        ("http://gw.lan:8443", "it has http"),
        ("https://gw.lan:9443", "it has another port"),
        ("https://gw.lan", "it has no port"),
        ("https://gw.lan:8443/chat", "it has a path"),
        ("https://*.lan:8443", "no patterns"),
        ("HTTPS://GW.LAN:8443/", "it ends in a slash"),
    ] {
        let text = format!("{{ gateway: {{ port: {port}, controlUi: {{ allowedOrigins: ['{entry}'] }} }} }}");
        fs::write(folder.path().join("openclaw.json"), &text).unwrap();
        let args = ["--gateway-config", "openclaw.json", "--origin", "https://gw.lan:8443", "--json"];
        let ran = doctor(folder.path(), &config, &args);
        let found = findings(&ran, "origin_not_allowed");
        assert_eq!(found.len(), 1, "{entry}: {ran:?}");
        let (what, why) = (found[0]["what"].as_str().unwrap(), found[0]["why"].as_str().unwrap());
        assert!(what.contains(entry) && why.contains(words), "{entry}: {what} {why}");
        assert_eq!(found[0]["edit"]["add"], serde_json::json!(["https://gw.lan:8443"]));
    }
    // To the gateway these are the same.
    let address = gateway("AUTH_TOKEN_MISSING");
    let port = address.rsplit_once(':').unwrap().1;
    let config = before(&address, folder.path(), "");
    for (entry, advised) in [("https://gw.lan:8443", 0), ("https://GW.lan:8443", 1), ("*", 0)] {
        let text = format!("{{ gateway: {{ port: {port}, controlUi: {{ allowedOrigins: ['{entry}'] }} }} }}");
        fs::write(folder.path().join("openclaw.json"), &text).unwrap();
        let args = ["--gateway-config", "openclaw.json", "--origin", "https://gw.lan:8443", "--json"];
        let ran = doctor(folder.path(), &config, &args);
        assert!(findings(&ran, "origin_not_allowed").is_empty(), "{entry}: {ran:?}");
        assert_eq!(findings(&ran, "origin_case").len(), advised, "{entry}: {ran:?}");
    }
}

#[tokio::test]
async fn what_a_frontgate_runs_on_is_known_from_it_and_not_from_a_file() {
    let folder = TempDir::new().unwrap();
    let address = gateway("CONTROL_UI_ORIGIN_NOT_ALLOWED");
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    // Set as flags would be, so that no file says it.
    let binary = binary()
        .config(&format!("admin: \"{admin}\""))
        .environment("FRONTGATE_TLS_NAMES", "gw.lan")
        .environment("FRONTGATE_UPSTREAM", &format!("http://{address}"))
        .config(&format!("auth: {{ basic: {{ ann: \"{HASH}\" }} }}"))
        .start()
        .await;
    let ran = frontgate_in(folder.path(), &["doctor", "--admin", &admin, "--json"], &[]);
    let found = findings(&ran, "origin_not_allowed");
    assert_eq!((ran.code, found.len()), (1, 1), "{ran:?}");
    assert!(found[0]["what"].as_str().unwrap().contains("https://gw.lan:"), "{found:?}");
    // The report shows no secret.
    assert!(!format!("{ran:?}").contains("DeHF3"), "{ran:?}");
    // The file that frontgate runs on is taken as frontgate runs on it, too.
    let file = binary.config_file();
    let ran = frontgate_in(folder.path(), &["doctor", "-c", file.to_str().unwrap(), "--json"], &[]);
    assert_eq!(findings(&ran, "origin_not_allowed").len(), 1, "{ran:?}");
    // What flags say counts, whatever runs.
    let other = format!("http://{}", gateway("AUTH_TOKEN_MISSING"));
    let args = ["doctor", "--admin", &admin, "--upstream", &other, "--name", "other.lan", "--json"];
    let ran = frontgate_in(folder.path(), &args, &[]);
    assert!(findings(&ran, "origin_not_allowed").is_empty(), "{ran:?}");
}

#[test]
fn flags_of_serve_are_flags_of_doctor() {
    let folder = TempDir::new().unwrap();
    let upstream = format!("http://{}", gateway("CONTROL_UI_ORIGIN_NOT_ALLOWED"));
    let admin = format!("unix:{}", folder.path().join("admin.sock").display());
    let args =
        ["doctor", "--admin", &admin, "--name", "gw.lan", "--upstream", &upstream, "--listen", "127.0.0.1:0", "--json"];
    let ran = frontgate_in(folder.path(), &args, &[]);
    assert_eq!(findings(&ran, "origin_not_allowed").len(), 1, "{ran:?}");
}

const HASH: &str = "$2b$12$DeHF3Xmsn0WR9TTj8tcVzuEeTxXTAEOSVFC/LVDw2DDBZzWzIDhVm";
