//! Successors that fail: the one before goes on as if nothing was.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use super::{NO_HANDOVER, OK, Successors, says, signal};
use crate::harness::{Binary, Doors, Gateway, binary, gateway};

const PROGRAM: &str = env!("CARGO_BIN_EXE_frontgate");

#[tokio::test]
async fn a_successor_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("frontgate");
    let (gateway, mut proxy) = scene(&link).await;
    let config = fs::read_to_string(proxy.config_file()).unwrap();
    let broken = format!("{config}nonsense: 1\n");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let more = config.replace("admin: off", &format!("admin: {}", taken.local_addr().unwrap()));
    assert_ne!(more, config);

    for (config, program, why) in [
        (&*broken, "", "its configuration is wrong"),
        (&*more, "", "exit status: 1"),
        (&*config, "#!/bin/false\n", "exit status: 1"),
        (&*config, "no program at all", "cannot start "),
        (&*config, "#!/bin/sh\nkill -SEGV $$\n", "signal: 11"),
        (&*config, "#!/bin/sh\nexec sleep 600 <&-\n", "does not answer"),
        (&*config, "#!/bin/sh\nexec sleep 600\n", "did not serve within 15s"),
    ] {
        fs::write(proxy.config_file(), config).unwrap();
        replace(&link, program);
        proxy.signal(Signal::USR2);
        let line = proxy.line(|line| says(line, NO_HANDOVER) || says(line, super::HANDED_OVER)).await;
        assert_eq!(line["level"], "ERROR");
        assert!(line["error"].as_str().unwrap().contains(why), "{line}");
        serves(&proxy).await;
    }

    // The configuration is right again.
    fs::write(proxy.config_file(), &config).unwrap();
    replace(&link, "");
    let mut successors = Successors::default();
    proxy.signal(Signal::USR2);
    let next = successors.next(&mut proxy).await;
    assert_eq!(proxy.gone().await.code(), Some(0));
    serves(&proxy).await;
    signal(next, Signal::TERM);
    let _ = proxy.ended().await;
    drop(gateway);
}

#[tokio::test]
async fn sigterm_during_a_handover_ends_both() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("frontgate");
    let (_gateway, mut proxy) = scene(&link).await;
    replace(&link, "#!/bin/sh\necho '{\"message\":\"hangs\"}'\nexec sleep 600\n");
    proxy.signal(Signal::USR2);
    proxy.line(|line| says(line, "hangs")).await;
    serves(&proxy).await;
    proxy.signal(Signal::TERM);
    // The last line is only known when the other, which has the same standard output, has ended too.
    assert_eq!(proxy.ended().await.code(), Some(0));
    assert!(proxy.printed.last().unwrap().contains("\"stopped\""), "{:?}", proxy.printed.last());
}

#[tokio::test]
async fn a_reload_waits_until_a_handover_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("frontgate");
    let (_gateway, mut proxy) = scene(&link).await;
    replace(&link, "#!/bin/sh\necho '{\"message\":\"hangs\"}'\nsleep 2\nexit 1\n");
    proxy.signal(Signal::USR2);
    proxy.line(|line| says(line, "hangs")).await;
    proxy.signal(Signal::HUP);
    let either = |line: &Value| says(line, NO_HANDOVER) || says(line, RELOADED);
    assert!(says(&proxy.line(either).await, NO_HANDOVER));
    assert!(says(&proxy.line(either).await, RELOADED));
    serves(&proxy).await;
    assert_eq!(proxy.terminate().await.code(), Some(0));
}

const RELOADED: &str = "configuration reloaded";

async fn scene(link: &Path) -> (Gateway, Binary) {
    let gateway = gateway().answering(OK).await;
    symlink(PROGRAM, link).unwrap();
    let proxy = binary().upstream(&gateway).program(link.to_owned()).start().await;
    (gateway, proxy)
}

/// From here on `path` is this script, or the program if there is none.
fn replace(path: &Path, script: &str) {
    fs::remove_file(path).unwrap();
    if script.is_empty() {
        return symlink(PROGRAM, path).unwrap();
    }
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

async fn serves(doors: &Doors) {
    let mut client = doors.client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 200);
}
