//! `frontgate import fleet`: the list that `openclaw fleet list --json` prints becomes routes.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use super::cli::{Ran, frontgate_in};

/// What `openclaw fleet list --json` prints for these tenants and ports.
fn list(cells: &[(&str, u16)]) -> String {
    let cell = |(tenant, port): &(&str, u16)| {
        json!({
            "tenant": tenant, "state": "running", "port": port, "image": "ghcr.io/openclaw/openclaw:latest",
            "created": "2026-11-30T10:00:00.000Z",
        })
    };
    format!("{:#}\n", json!({ "cells": cells.iter().map(cell).collect::<Vec<_>>() }))
}

const ARGS: [&str; 5] = ["import", "fleet", "fleet.json", "--domain", "teams.example.com"];

fn import(folder: &Path, more: &[&str]) -> Ran {
    frontgate_in(folder, &[&ARGS[..], more].concat(), &[])
}

#[test]
fn a_list_becomes_a_config_that_check_accepts_and_follows_it() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fs::write(folder.join("fleet.json"), list(&[("acme", 19100), ("beta", 19101)])).unwrap();
    fs::write(folder.join("base.yaml"), "tls: { names: [\"*.teams.example.com\"] }\nhold: 30s\n").unwrap();
    fs::set_permissions(folder.join("base.yaml"), Permissions::from_mode(0o640)).unwrap();
    let timer = ["--base", "base.yaml", "-o", "out.yaml", "--force"];
    let ran = import(folder, &timer);
    assert_eq!(ran, Ran { code: 0, stdout: String::new(), stderr: "Wrote out.yaml, tenants: 2\n".into() });
    let first = fs::read_to_string(folder.join("out.yaml")).unwrap();
    assert!(first.contains("hold: 30s\nroutes:\n  - { host: \"acme.teams.example.com\""), "{first}");
    assert_eq!(fs::metadata(folder.join("out.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(frontgate_in(folder, &["check", "-c", "out.yaml"], &[]).code, 0);
    // Nothing has changed: the file is not touched.
    let again = import(folder, &timer);
    assert_eq!((again.code, again.stderr.as_str()), (0, "out.yaml is as it should be, tenants: 2\n"));
    fs::write(folder.join("fleet.json"), list(&[("beta", 19101)])).unwrap();
    assert_eq!(import(folder, &timer[..4]).code, 2, "not without --force");
    assert_eq!(import(folder, &timer).code, 0);
    let second = fs::read_to_string(folder.join("out.yaml")).unwrap();
    assert!(!second.contains("acme") && second.contains("beta"), "{second}");
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn what_cannot_be_read_or_used_leaves_the_file_as_it_is() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    fs::write(folder.join("out.yaml"), "hold: 1s\n").unwrap();
    let bases = [("routes.yaml", "routes: [{ host: gw.example.com }]\n"), ("wrong.yaml", "holt: 30s\n")];
    for (name, text) in bases {
        fs::write(folder.join(name), text).unwrap();
    }
    let good = list(&[("acme", 19100)]);
    let unknown = good.replace("running", "unknown");
    let rows = [
        ("No fleet cells.\n", None, "fleet.json: this is not what `openclaw fleet list --json` prints: "),
        (&good[..good.len() / 2], None, "fleet.json: this is not what"),
        (&unknown, None, "the state of acme is unknown"),
        (&good, Some("routes.yaml"), "nothing is written, since `frontgate check` would not accept it:\n"),
        (&good, Some("wrong.yaml"), "out.yaml:2:1: unknown key `holt`"),
        (&good, Some("missing.yaml"), "cannot read missing.yaml"),
    ];
    for (text, base, expected) in rows {
        fs::write(folder.join("fleet.json"), text).unwrap();
        let base: Vec<_> = base.into_iter().flat_map(|base| ["--base", base]).collect();
        let ran = import(folder, &[&["-o", "out.yaml", "--force"], &base[..]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains(expected), "{expected}: {ran:?}");
        assert_eq!(fs::read_to_string(folder.join("out.yaml")).unwrap(), "hold: 1s\n");
    }
    let others: [(&[&str], &str); 3] = [
        (&["import", "fleet", "fleet.json"], "--domain is missing"),
        (&["import", "nginx", "fleet.json", "--domain", "x.example.com"], "are for `frontgate import fleet`"),
        (&["import", "nginx"], "FILE is missing"),
    ];
    for (args, expected) in others {
        let ran = frontgate_in(folder, args, &[]);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}

#[test]
fn the_list_comes_from_a_pipe_and_the_config_goes_to_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.args(["import", "fleet", "--domain", "teams.example.com"]).env_clear();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list(&[("acme", 19100)]).as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success());
    assert!(text.contains("upstream: \"http://127.0.0.1:19100\""), "{text}");
}
