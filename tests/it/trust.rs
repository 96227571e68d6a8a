//! `frontgate trust` and `frontgate cert` against the real tool of NSS, in a home folder of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::cli::{Ran, frontgate_in};
use crate::harness::not_run;

const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

/// Runs `frontgate ARGS` as a user with `home` as its home and with no other environment.
fn frontgate(home: &Path, args: &[&str]) -> Ran {
    frontgate_in(home, args, &[("HOME", home.to_str().unwrap()), ("PATH", PATH)])
}

fn certutil(args: &[&str]) -> Option<String> {
    let output = Command::new("certutil").args(args).env("PATH", PATH).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_fresh_database_trusts_the_ca_until_it_is_taken_out_again() {
    if certutil(&["-H"]).is_none() {
        not_run("certutil is not installed (Debian: libnss3-tools); `frontgate trust` is unchecked here");
        return;
    }
    let home = TempDir::new().unwrap();
    let dir = home.path().join(".pki/nssdb");
    fs::create_dir_all(&dir).unwrap();
    let database = format!("sql:{}", dir.display());
    certutil(&["-N", "-d", &database, "--empty-password"]).unwrap();
    let list = || certutil(&["-L", "-d", &database]).unwrap();

    let ran = frontgate(home.path(), &["trust", "--store", "nss"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let state = home.path().join(".local/state/frontgate");
    assert!(ran.stdout.starts_with(&format!("Made a local CA in {}.\n", state.display())), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(&format!("certutil -A -d {database} -t C,, -n 'frontgate local CA ")),
        "{}",
        ran.stdout
    );
    let trusted = list();
    assert!(trusted.lines().any(|line| line.starts_with("frontgate local CA ") && line.contains("C,,")), "{trusted}");

    let ran = frontgate(home.path(), &["trust", "--store", "nss"]);
    assert!(ran.stdout.contains("nothing to do: the CA is trusted already"), "{}", ran.stdout);

    // The CA of another frontgate, and ours without trust.
    let other = TempDir::new().unwrap();
    frontgate(other.path(), &["trust", "--store", "nss"]);
    let others = other.path().join(".local/state/frontgate/ca.pem");
    certutil(&["-A", "-d", &database, "-t", "C,,", "-n", "others", "-i", others.to_str().unwrap()]).unwrap();
    let nickname =
        trusted.lines().find_map(|line| line.split_once("  ").filter(|(name, _)| name.starts_with("front"))).unwrap().0;
    certutil(&["-M", "-d", &database, "-t", ",,", "-n", nickname]).unwrap();
    let ran = frontgate(home.path(), &["trust", "--store", "nss"]);
    assert!(ran.stdout.contains("ran ") && list().contains("C,,"), "{}", ran.stdout);

    let ran = frontgate(home.path(), &["trust", "--uninstall", "--store", "nss"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    let left = list();
    assert!(!left.contains("frontgate local CA") && left.contains("others"), "{left}");
    let ran = frontgate(home.path(), &["trust", "--uninstall", "--store", "nss"]);
    assert!(ran.stdout.contains("nothing to do: the CA is not in it"), "{}", ran.stdout);
}

#[test]
fn nothing_is_made_by_looking_or_by_taking_out() {
    let home = TempDir::new().unwrap();
    for (args, code, words) in [
        (&["cert", "show"][..], 1, "leaf.pem yet; frontgate makes it when it starts"),
        (&["cert", "export"], 1, "ca.pem yet; frontgate makes it when it starts"),
        (&["trust", "--uninstall"], 0, "so there is nothing to take out"),
        (&["trust", "--print"], 0, "`frontgate trust` would make it first"),
    ] {
        let ran = frontgate(home.path(), args);
        assert_eq!(ran.code, code, "{args:?}");
        assert!(ran.stdout.contains(words) || ran.stderr.contains(words), "{args:?}: {ran:?}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn the_ca_is_handed_out_in_three_forms_and_never_with_its_key() {
    let home = TempDir::new().unwrap();
    frontgate(home.path(), &["trust", "--store", "nss"]);
    let state = home.path().join(".local/state/frontgate");
    let pem = fs::read_to_string(state.join("ca.pem")).unwrap();
    assert_eq!(frontgate(home.path(), &["cert", "export"]).stdout, pem);
    for format in ["pem", "der", "mobileconfig"] {
        let ran = frontgate(home.path(), &["cert", "export", "--format", format, "-o", format]);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""), "{format}");
        let bytes = fs::read(home.path().join(format)).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("PRIVATE"), "{format}");
    }
    let der = fs::read(home.path().join("der")).unwrap();
    assert_eq!(der[0], 0x30);
    let profile = fs::read_to_string(home.path().join("mobileconfig")).unwrap();
    assert!(profile.contains("<string>com.apple.security.root</string>"), "{profile}");

    let shown = frontgate(home.path(), &["cert", "show"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let json: serde_json::Value =
        serde_json::from_str(&frontgate(home.path(), &["cert", "show", "--json"]).stdout).unwrap();
    let fingerprint = json[0]["tlsFingerprint"].as_str().unwrap();
    assert!(
        shown
            .stdout
            .contains(&format!("  SHA-256   {fingerprint}\n            (what OpenClaw calls tlsFingerprint)\n"))
    );
    assert_eq!(json[0]["local_ca"]["file"], state.join("ca.pem").to_str().unwrap());
}
