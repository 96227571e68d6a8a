//! What a gateway that takes a proxy's word for which user it is needs of frontgate, and what `--fix` may do about it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::gateway::gateway;
use super::{before, doctor};
use crate::cli::Ran;

const HASH: &str = "$2b$12$DeHF3Xmsn0WR9TTj8tcVzuEeTxXTAEOSVFC/LVDw2DDBZzWzIDhVm";

/// The gateway's own config, beside frontgate's.
fn write(folder: &Path, address: &str, proxy: &str) -> String {
    let port = address.rsplit_once(':').unwrap().1;
    let text = format!(
        "{{\n  // mine\n  gateway: {{ port: {port}, trustedProxies: ['127.0.0.1'],\n    auth: {{ mode: 'trusted-proxy', trustedProxy: {{ userHeader: 'X-Auth-User'{proxy} }} }} }},\n}}\n"
    );
    fs::write(folder.join("openclaw.json"), &text).unwrap();
    text
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// The ids of the findings that are about which user it is.
fn ids(told: &Value) -> Vec<&str> {
    let all = told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
    all.filter(|id| id.starts_with("trusted_proxy_")).collect()
}

const ITS: [&str; 3] = ["--gateway-config", "openclaw.json", "--json"];
const FIX: [&str; 5] = ["--gateway-config", "openclaw.json", "--json", "--fix", "--yes"];

#[test]
fn an_open_door_is_the_first_finding_and_fix_closes_it() {
    let folder = TempDir::new().unwrap();
    let address = gateway("AUTH_UNAUTHORIZED");
    for (proxy, expected, after) in [
        (", allowLoopback: true", &["trusted_proxy_open"][..], &["trusted_proxy_no_user"][..]),
        (
            "",
            &["trusted_proxy_no_user", "trusted_proxy_loopback"],
            &["trusted_proxy_no_user", "trusted_proxy_loopback"],
        ),
    ] {
        let text = write(folder.path(), &address, proxy);
        let config = before(&address, folder.path(), "# mine\nhold: 3s");
        let first = told(&doctor(folder.path(), &config, &ITS));
        assert_eq!(ids(&first), expected, "{first:#}");
        assert_eq!(first["findings"][0]["id"], expected[0], "the worst comes first: {first:#}");
        let edits: Vec<_> = first["findings"].as_array().unwrap().iter().filter(|one| !one["edit"].is_null()).collect();
        assert!(edits.is_empty(), "{first:#}");
        let own = &first["findings"][0]["own_edit"];
        assert_eq!(*own, serde_json::json!({"key": "forwarded.strip", "add": ["x-auth-user"]}));

        let fixed = told(&doctor(folder.path(), &config, &FIX));
        assert_eq!(ids(&fixed), after, "{fixed:#}");
        assert_eq!(fs::read_to_string(folder.path().join("openclaw.json")).unwrap(), text, "the gateway's stays");
        let own = fs::read_to_string(folder.path().join("f.yaml")).unwrap();
        assert_eq!(own, format!("{config}forwarded: {{ strip: [x-auth-user] }}\n"));
        for entry in fs::read_dir(folder.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().contains("before-frontgate") {
                assert_eq!(fs::read_to_string(entry.path()).unwrap(), config);
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

#[test]
fn a_gateway_is_told_to_believe_only_a_frontgate_that_owns_the_field() {
    let folder = TempDir::new().unwrap();
    let address = gateway("AUTH_UNAUTHORIZED");
    let login = format!("auth: {{ basic: {{ ann: \"{HASH}\" }}, user_header: X-Auth-User }}");
    let hole = format!("{login}\nroutes: [{{ path: /share/, auth: none }}, {{ path: / }}]");
    let elsewhere =
        format!("{login}\nroutes: [{{ path: /x/, auth: none, upstream: \"http://127.0.0.1:9\" }}, {{ path: / }}]");
    for (proxy, rest, written) in [
        ("", &login, true),
        ("", &elsewhere, true),
        ("", &hole, false),
        // The operator chose otherwise.
        (", allowLoopback: false", &login, false),
    ] {
        let text = write(folder.path(), &address, proxy);
        let ran = doctor(folder.path(), &before(&address, folder.path(), rest), &FIX);
        let after = fs::read_to_string(folder.path().join("openclaw.json")).unwrap();
        assert_eq!(after != text, written, "{proxy} {rest}: {ran:?}");
        assert!(!written || after.contains("\"allowLoopback\": true") && after.contains("// mine"), "{after}");
    }
}

#[test]
fn a_config_that_was_not_found_is_not_called_well() {
    let folder = TempDir::new().unwrap();
    let address = gateway("AUTH_TOKEN_MISSING");
    let config = before(&address, folder.path(), "");
    fs::write(folder.path().join("f.yaml"), config).unwrap();
    let home = folder.path().to_str().unwrap();
    let run = |args: &[&str], env: &[(&str, &str)]| {
        crate::cli::frontgate_in(folder.path(), &[&["doctor", "-c", "f.yaml"], args].concat(), env)
    };
    for (env, place) in [
        (&[("HOME", home)][..], format!("{home}/.openclaw/openclaw.json")),
        (&[("OPENCLAW_STATE_DIR", "/nowhere")], "/nowhere/openclaw.json".to_owned()),
        (&[("OPENCLAW_CONFIG_PATH", "/nowhere/o.json")], "/nowhere/o.json".to_owned()),
    ] {
        let ran = run(&["--fix", "--yes"], env);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("was not found") && ran.stderr.contains(&place), "{ran:?}");
        assert!(!ran.stderr.contains("Nothing to fix"), "{ran:?}");
        let ran = run(&[], env);
        assert!(ran.stdout.contains(&place), "{ran:?}");
    }
    // A pipe is no file: doctor does not wait for it.
    let pipe = folder.path().join("pipe.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let ran = run(&["--gateway-config", "pipe.json", "--fix", "--yes"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("pipe.json cannot be read"), "{ran:?}");
}
