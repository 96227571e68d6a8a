//! What the machine and frontgate's own config keep from clients: broken for real, found, mended as the finding says,
//! gone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{before, doctor, unused_address};
use crate::harness::not_run;

/// What is found besides that there is no gateway and no frontgate runs.
fn rest(mut ids: Vec<String>) -> Vec<String> {
    ids.retain(|id| !["gateway_refused", "frontgate_not_running"].contains(&id.as_str()));
    ids
}

/// The same of a doctor that `command` starts, which is given the program and its arguments.
fn found_by(command: &mut Command, program: &Path, folder: &Path, config: &str) -> Vec<String> {
    fs::write(folder.join("f.yaml"), config).unwrap();
    let output = command.arg(program).args(["doctor", "-c", "f.yaml", "--json"]).current_dir(folder).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let findings = told["findings"].as_array().unwrap().iter();
    rest(findings.map(|one| one["id"].as_str().unwrap().to_owned()).collect())
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_frontgate"))
}

#[test]
fn a_low_limit_of_open_files_is_found_and_gone_with_a_higher_one() {
    let folder = TempDir::new().unwrap();
    for (limit, wanted, expected) in [
        (256, "", &["few_files"][..]),
        (1024, "", &[]),
        (1024, "limits: { connections: 900 }", &["few_files"]),
        (4096, "limits: { connections: 900 }", &[]),
    ] {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("ulimit -n {limit} && exec \"$0\" \"$@\"")]).env_clear();
        let config = before(&unused_address(), folder.path(), wanted);
        assert_eq!(found_by(&mut shell, program(), folder.path(), &config), expected, "{limit} {wanted}");
    }
}

#[test]
fn a_clock_of_another_year_is_found_and_gone_when_it_is_set() {
    let Some(library) = faketime() else {
        not_run("libfaketime is not installed (Debian: libfaketime); `clock_wrong` is unchecked here");
        return;
    };
    let folder = TempDir::new().unwrap();
    let config = before(&unused_address(), folder.path(), "");
    for (shows, expected) in [
        ("2019-03-01 12:00:00", &["clock_wrong"][..]),
        ("2027-03-01 12:00:00", &[]),
        ("1970-01-01 00:10:00", &["clock_wrong"]),
        ("2090-01-01 00:00:00", &["clock_wrong"]),
    ] {
        let mut command = Command::new("/usr/bin/env");
        // Time limits still end: only the calendar is another.
        command.env_clear().env("LD_PRELOAD", &library).env("FAKETIME", shows).env("DONT_FAKE_MONOTONIC", "1");
        assert_eq!(found_by(&mut command, program(), folder.path(), &config), expected, "{shows}");
    }
}

/// Where the library is that shows a program another time.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    // A statically linked program loads no library.
    folders.into_iter().find(|file| file.exists() && !cfg!(target_env = "musl"))
}

#[test]
fn a_port_that_the_kernel_keeps_from_this_user_is_found_and_gone_when_it_is_granted() {
    let start = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap_or_default();
    let Some(port) = start.trim().parse::<u16>().ok().and_then(|start| start.checked_sub(1)).filter(|port| *port > 0)
    else {
        not_run("this kernel keeps no port from any user; `port_forbidden` is unchecked here");
        return;
    };
    // For another user, which cannot reach the folder where programs are built.
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("frontgate");
    fs::hard_link(self::program(), &program).or_else(|_| fs::copy(self::program(), &program).map(drop)).unwrap();
    let user = |more: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(more).arg("--").env_clear();
        command
    };
    let (denied, granted) = (
        ["--inh-caps=-all", "--ambient-caps=-all"],
        ["--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service"],
    );
    for more in [denied, granted] {
        if !user(&more).arg("/bin/true").output().is_ok_and(|output| output.status.success()) {
            not_run(&format!("this needs root and setpriv {more:?}; `port_forbidden` is unchecked here"));
            return;
        }
    }
    // No other program has anything to do at that address.
    let low = format!("listen: {{ https: [\"127.77.0.5:{port}\"] }}");
    for (more, listen, expected) in [
        (denied, low.as_str(), &["port_forbidden"][..]),
        (granted, &low, &[]),
        (denied, "listen: { https: [\"127.77.0.5:0\"] }", &[]),
    ] {
        let config = before(&unused_address(), folder.path(), listen);
        let ids = found_by(&mut user(&more), &program, folder.path(), &config);
        assert_eq!(ids, expected, "{more:?} {listen}");
    }
}

#[test]
fn what_frontgates_own_config_keeps_out_is_found_and_gone_with_the_line_that_is_named() {
    let folder = TempDir::new().unwrap();
    // What browsers open is told: in a container any port may be theirs.
    let found = |rest: &str| {
        let config = before(&unused_address(), folder.path(), rest);
        found_with(folder.path(), &config, &["--origin", "https://gw.lan:8443"])
    };
    for (broken, id, line) in [
        (
            "websocket: { allowed_origins: [\"https://gw.lan\"] }",
            "own_allowed_origins",
            "websocket: { allowed_origins: [\"https://gw.lan:8443\"] }",
        ),
        ("forwarded: { local_clients: forwarded }", "local_clients_refused", "forwarded: { local_clients: auto }"),
        (
            "forwarded: { local_clients: forwarded }",
            "local_clients_refused",
            "forwarded: { trusted_proxies: [127.0.0.1, \"::1\"] }",
        ),
    ] {
        let (ids, told) = found(broken);
        assert_eq!(rest(ids), [id], "{broken}: {told:#}");
        let finding = told["findings"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
        let lines = finding["fix"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().trim());
        assert!(lines.into_iter().any(|one| one == line), "{line} is not in {finding:#}");
        // As it is written there, beside what makes it needed.
        let mended = match line.strip_prefix("forwarded: { trusted") {
            Some(more) => format!("forwarded: {{ local_clients: forwarded, trusted{more}"),
            None => line.to_owned(),
        };
        let (ids, told) = found(&mended);
        assert!(rest(ids).is_empty(), "{mended}: {told:#}");
    }
}

fn found_with(folder: &Path, config: &str, args: &[&str]) -> (Vec<String>, Value) {
    let ran = doctor(folder, config, &[&["--json"], args].concat());
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let findings = told["findings"].as_array().unwrap().iter();
    (findings.map(|one| one["id"].as_str().unwrap().to_owned()).collect(), told)
}
