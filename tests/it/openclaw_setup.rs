//! `frontgate openclaw setup`: what it writes, and what it leaves alone. tests/openclaw/scenarios/setup.sh has the real gateway.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::cli::{Ran, frontgate_in};

/// A gateway's program that refuses a config with this in it, as its versions do that do not know it.
fn program(folder: &Path, refuses: &str) {
    let script = format!(
        "#!/bin/sh\n[ \"$*\" = 'config validate --json' ] || exit 2\nif grep -q '{refuses}' \"$OPENCLAW_CONFIG_PATH\"; then\n  \
         echo '{{\"valid\": false, \"issues\": [{{\"path\": \"gateway\", \"message\": \"Invalid input\"}}]}}'; exit 1\nfi\n\
         echo 'Config warnings: none'; echo '{{\"valid\": true}}'\n"
    );
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/openclaw"), script).unwrap();
    fs::set_permissions(folder.join("bin/openclaw"), Permissions::from_mode(0o755)).unwrap();
}

fn setup(folder: &Path, settings: &str, rest: &[&str]) -> (Ran, String) {
    fs::write(folder.join("openclaw.json"), settings).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.join("bin").display());
    let args = ["openclaw", "setup", "--domain", "gw.lan", "--gateway-config", "openclaw.json"];
    let ran = frontgate_in(folder, &[&args, rest].concat(), &[("PATH", &path)]);
    (ran, fs::read_to_string(folder.join("openclaw.json")).unwrap())
}

const ALL: [&str; 7] =
    ["127.0.0.1", "https://gw.lan", "publicOrigin", "publicUrl", "https://mcp-apps.gw.lan", "preview.gw.lan", "18890"];

#[test]
fn both_configs_are_written_and_a_second_time_nothing_changes() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "no such word");
    let (ran, after) = setup(folder.path(), "{\n  // mine\n  gateway: { auth: { token: 's3cret' } },\n}\n", &["--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ALL.iter().all(|word| after.contains(word)) && after.contains("// mine"), "{after}");
    assert!(!ran.stdout.contains("s3cret") && !ran.stderr.contains("s3cret"), "{ran:?}");
    let own = fs::read_to_string(folder.path().join("frontgate.yaml")).unwrap();
    let names = "names: [gw.lan, mcp-apps.gw.lan, \"*.preview.gw.lan\"]";
    assert!(own.contains(names), "{own}");
    let checked = frontgate_in(folder.path(), &["check", "-c", "frontgate.yaml"], &[]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let (again, same) = setup(folder.path(), &after, &["--yes"]);
    assert_eq!((again.code, same), (0, after), "{again:?}");
    assert!(
        again.stderr.contains("frontgate.yaml: as it was") && again.stderr.contains("has all of it already"),
        "{again:?}"
    );
    // The copy of the gateway's config from the first time, and no draft.
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let copies: Vec<_> = names.filter(|name| name.starts_with("openclaw.json.")).collect();
    assert!(copies.len() == 1 && copies[0].contains("before-frontgate"), "{copies:?}");
}

#[test]
fn what_the_version_does_not_know_is_not_written() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "publicOrigin\\|ingress");
    let (ran, after) = setup(folder.path(), "{}", &["--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (word, expected) in
        [("publicOrigin", false), ("ingress", false), ("sandboxOrigin", true), ("trustedProxies", true)]
    {
        assert_eq!(after.contains(word), expected, "{word}: {after}");
    }
    assert!(ran.stderr.contains("does not take: gateway.publicOrigin"), "{ran:?}");
    // Without the program nothing is written that some version refuses.
    fs::remove_file(folder.path().join("bin/openclaw")).unwrap();
    let (ran, after) = setup(folder.path(), "{}", &["--yes"]);
    assert!(!after.contains("sandboxOrigin") && after.contains("trustedProxies"), "{after}");
    assert!(ran.stderr.contains("Not written") && ran.stderr.contains("mcp.apps.sandboxOrigin"), "{ran:?}");
}

#[test]
fn nothing_is_changed_without_consent_or_where_it_is_not_understood() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "broken");
    for (settings, rest, said) in [
        ("{}", &[][..], "left as they are"),
        ("{gateway:{publicOrigin:'${ORIGIN}'}}", &["--yes"], "is left as it is"),
        ("{gateway:{trustedProxies:{$include:'p.json5'}}}", &["--yes"], "is left as it is"),
        ("{broken:1}", &["--yes"], "openclaw config validate refuses it"),
    ] {
        let (ran, after) = setup(folder.path(), settings, rest);
        assert_eq!((ran.code, after.as_str()), (0, settings), "{ran:?}");
        assert!(ran.stderr.contains(said), "{settings}: {ran:?}");
    }
    let (ran, _) = setup(folder.path(), "{gateway:", &["--yes"]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be read"), "{ran:?}");
    // An earlier config of frontgate's own is not lost.
    fs::write(folder.path().join("frontgate.yaml"), "hold: 3s\n").unwrap();
    let (ran, _) = setup(folder.path(), "{}", &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(fs::read_to_string(folder.path().join("frontgate.yaml")).unwrap(), "hold: 3s\n");
}

#[test]
fn a_gateway_with_tls_is_pinned_by_the_certificate_that_it_has() {
    let folder = TempDir::new().unwrap();
    program(folder.path(), "no such word");
    let settings = "{gateway:{tls:{enabled:true}}}";
    let (ran, _) = setup(folder.path(), settings, &[]);
    assert!(ran.code == 2 && ran.stderr.contains("--pin HEX"), "{ran:?}");
    let tls = folder.path().join("gateway/tls");
    fs::create_dir_all(&tls).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(tls.join("gateway-cert.pem"), made.cert.pem()).unwrap();
    let (ran, _) = setup(folder.path(), settings, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let own = fs::read_to_string(folder.path().join("frontgate.yaml")).unwrap();
    let pin = frontgate::tls::Fingerprint::of(made.cert.der()).to_string();
    assert_eq!(own.matches(&pin).count(), 2, "{own}");
}
