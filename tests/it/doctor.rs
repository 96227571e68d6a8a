//! `frontgate doctor` as a user meets it, where no gateway is needed. tests/openclaw/scenarios/doctor.sh has the rest.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod beside;
mod gateway;
mod identity;
mod logins;
mod machine;
mod origins;
mod running;
mod upstream_tls;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::cli::{Ran, frontgate_in};

/// A server that answers every connection with the same bytes, once it was spoken to; its address.
pub(crate) fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 4096];
            // A client that has gone in the meantime needs no answer.
            if stream.read(&mut some).is_ok() {
                let _ = stream.write_all(answer);
            }
        }
    });
    address
}

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno";

/// An address at which no program listens.
fn unused_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn doctor(folder: &Path, config: &str, args: &[&str]) -> Ran {
    fs::write(folder.join("f.yaml"), config).unwrap();
    frontgate_in(folder, &[&["doctor", "-c", "f.yaml"], args].concat(), &[])
}

/// The ids of what is found, and all that is told.
fn found(folder: &Path, config: &str) -> (Vec<String>, Value) {
    let ran = doctor(folder, config, &["--json"]);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let findings = told["findings"].as_array().unwrap().iter();
    let ids: Vec<_> = findings.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ran.code, i32::from(told["healthy"] == false), "{told}");
    (ids, told)
}

/// A configuration before `upstream`, of a frontgate that does not run.
fn before(upstream: &str, folder: &Path, rest: &str) -> String {
    let admin = folder.join("admin.sock");
    let https = if rest.contains("listen:") { "" } else { "listen: { https: [\"127.0.0.1:0\"] }\n" };
    format!("upstream: http://{upstream}\nadmin: unix:{}\n{https}{rest}\n", admin.display())
}

#[test]
fn each_fault_is_found_by_its_name() {
    let folder = TempDir::new().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = format!("listen: {{ https: [\"{}\"] }}", holder.local_addr().unwrap());
    let (refused, ssh, web) = (unused_address(), server(b"SSH-2.0-OpenSSH_9.2\r\n"), server(NOT_FOUND));
    let rows: [(&str, &str, &[&str]); 6] = [
        (&refused, "", &["gateway_refused", "frontgate_not_running"]),
        (&ssh, "", &["gateway_not_http", "frontgate_not_running"]),
        (&web, "", &["not_a_gateway", "frontgate_not_running"]),
        (&refused, &held, &["gateway_refused", "frontgate_not_running", "port_taken"]),
        (
            &refused,
            "listen: { https: [\"192.0.2.7:8443\"] }",
            &["gateway_refused", "frontgate_not_running", "no_such_address"],
        ),
        (
            &refused,
            "tls: { names: [a.lan] }\nroutes: [{ host: b.lan }]",
            &["gateway_refused", "no_route", "frontgate_not_running"],
        ),
    ];
    for (upstream, rest, expected) in rows {
        let (ids, told) = found(folder.path(), &before(upstream, folder.path(), rest));
        assert_eq!(ids, expected, "{rest}: {told:#}");
        if let Some(taken) = told["findings"].as_array().unwrap().iter().find(|one| one["id"] == "port_taken") {
            let what = taken["what"].as_str().unwrap();
            let by = format!("(process {})", std::process::id());
            assert!(!cfg!(target_os = "linux") || what.contains(&by), "{what}");
        }
    }
    drop(holder);
}

#[test]
fn certificates_in_files_are_judged_before_a_client_sees_them() {
    let folder = TempDir::new().unwrap();
    let key = KeyPair::generate().unwrap();
    let now = OffsetDateTime::now_utc();
    let days = |days: i64| now + time::Duration::days(days);
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    let config = "tls: { names: [gw.lan], certificate: { cert: cert.pem, key: key.pem } }";
    for (name, from, until, expected) in [
        ("gw.lan", days(-100), days(200), None),
        ("gw.lan", days(-100), days(-1), Some("tls_expired")),
        ("gw.lan", days(-80), days(5), Some("tls_expires_soon")),
        ("gw.lan", days(10), days(100), Some("tls_not_yet")),
        ("other.lan", days(-100), days(200), Some("tls_name")),
    ] {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (from, until);
        fs::write(folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let (mut ids, told) = found(folder.path(), &before(&unused_address(), folder.path(), config));
        ids.retain(|id| id.starts_with("tls_"));
        assert_eq!(ids, expected.into_iter().collect::<Vec<_>>(), "{told:#}");
    }
    // A key that is another's, and no certificate at all.
    let params = CertificateParams::new(vec!["gw.lan".to_owned()]).unwrap();
    let others = params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    for text in [others.as_str(), "no certificate"] {
        fs::write(folder.path().join("cert.pem"), text).unwrap();
        let (ids, told) = found(folder.path(), &before(&unused_address(), folder.path(), config));
        assert!(ids.contains(&"tls_unreadable".to_owned()), "{told:#}");
    }
}

#[test]
fn the_gateways_config_is_changed_only_when_the_user_agrees_and_no_secret_is_shown() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("openclaw.json");
    let text = "{\n  // mine\n  gateway: {\n    auth: { mode: 'trusted-proxy', token: 's3cret-t', password: 's3cret-p', trustedProxy: { userHeader: 'x-who' } },\n    controlUi: { enabled: false },\n  },\n}\n";
    fs::write(&file, text).unwrap();
    let login = "auth: { basic: { ann: \"$2b$12$DeHF3Xmsn0WR9TTj8tcVzuEeTxXTAEOSVFC/LVDw2DDBZzWzIDhVm\" }, user_header: x-who }";
    let config = before(&gateway::gateway("AUTH_UNAUTHORIZED"), folder.path(), login);
    let its = ["--gateway-config", "openclaw.json"];
    let quiet = |ran: &Ran| assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");

    let ran = doctor(folder.path(), &config, &its);
    quiet(&ran);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("[control_ui_off]")
            && ran.stdout.contains(r#"{"gateway": {"controlUi": {"enabled": true}}}"#),
        "{ran:?}"
    );

    // No user is there to answer the question.
    let ran = doctor(folder.path(), &config, &[&its[..], &["--fix"]].concat());
    quiet(&ran);
    assert_eq!((ran.code, fs::read_to_string(&file).unwrap()), (2, text.to_owned()), "{ran:?}");

    // The operator has switched the UI off, and that is left alone.
    let ran = doctor(folder.path(), &config, &[&its[..], &["--fix", "--yes", "--json"]].concat());
    quiet(&ran);
    assert!(ran.stdout.contains("control_ui_off"), "{ran:?}");
    assert!(!ran.stdout.contains("trusted_proxy_loopback"), "{ran:?}");
    let after = fs::read_to_string(&file).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let added = text.replace("{ userHeader: 'x-who' }", "{ userHeader: 'x-who', \"allowLoopback\": true }");
    assert_eq!(words(&after), words(&added));
    let copies = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path());
    let copy =
        copies.into_iter().find(|path| path.to_string_lossy().contains("openclaw.json.before-frontgate-")).unwrap();
    assert_eq!(fs::read_to_string(copy).unwrap(), text);

    // A file that cannot be read shows no secret either.
    fs::write(&file, "{ gateway: { auth: { token: 's3cret-t' 's3cret-p' } } }").unwrap();
    let ran = doctor(folder.path(), &config, &its);
    quiet(&ran);
    assert!(ran.stdout.contains("[gateway_config_unreadable]"), "{ran:?}");
}

#[test]
fn a_wrong_question_exits_2_and_an_explanation_0() {
    let folder = TempDir::new().unwrap();
    for (args, code, words) in [
        (&["--explain", "1008 origin not allowed"][..], 0, "gateway.controlUi.allowedOrigins"),
        (&["--explain"], 0, "1012 gateway connection lost"),
        (&["--explain", "7"], 2, "is not known"),
        (&["--origin", "gw.lan"], 2, "is not a page's address"),
        (&["--gateway-config", "none.json"], 2, "there is no none.json"),
        (&["--yes"], 2, "--fix"),
        (&["-c", "none.yaml"], 2, "cannot be read"),
    ] {
        let ran = frontgate_in(folder.path(), &[&["doctor"], args].concat(), &[]);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(words), "{args:?}: {ran:?}");
    }
}
