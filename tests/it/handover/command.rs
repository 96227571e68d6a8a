//! `frontgate upgrade`, and a handover after a reload.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{OK, Successors, signal};
use crate::cli::{Ran, frontgate_in};
use crate::harness::{Binary, binary, gateway, within};

#[tokio::test]
async fn the_command_hands_over_what_a_reload_has_opened_and_says_why_it_cannot() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).config("admin: 127.0.0.1:0").start().await;
    let config = fs::read_to_string(proxy.config_file()).unwrap();
    let one = r#"listen: { https: ["127.0.0.1:0"] }"#;
    let two = config.replace(one, r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#);
    assert_ne!(two, config);
    fs::write(proxy.config_file(), &two).unwrap();
    assert_eq!(command(&proxy, "reload").await.stdout, "reloaded\n");
    let before = status(&proxy).await;
    assert_eq!(before["listeners"].as_array().unwrap().len(), 3);

    // Port 0 of the configuration would be another port if it were bound again.
    let ran = command(&proxy, "upgrade").await;
    let next = Successors::default().keep(&mut proxy).await;
    assert_eq!((ran.code, ran.stdout), (0, format!("process {} has taken over\n", next.0[0])), "{}", ran.stderr);
    assert_eq!(proxy.gone().await.code(), Some(0));
    let after = status(&proxy).await;
    assert_eq!((&after["pid"], &after["listeners"]), (&next.0[0].into(), &before["listeners"]));

    fs::write(proxy.config_file(), format!("{two}nonsense: 1\n")).unwrap();
    let ran = command(&proxy, "upgrade").await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("its configuration is wrong"), "{}", ran.stderr);
    assert_eq!(status(&proxy).await["pid"], after["pid"]);
    signal(next.0[0], Signal::TERM);
    let _ = proxy.ended().await;
}

async fn status(proxy: &Binary) -> Value {
    let ran = command(proxy, "status").await;
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", ran.stdout, ran.stderr))
}

async fn command(proxy: &Binary, name: &'static str) -> Ran {
    let folder: PathBuf = proxy.config_file().parent().unwrap().to_owned();
    let admin = proxy.admin.unwrap().to_string();
    // Not the configuration, which is broken at times.
    let json: &[&str] = if name == "status" { &["--json"] } else { &[] };
    let run = move || frontgate_in(&folder, &[&[name, "--admin", &admin], json].concat(), &[]);
    within("the command", spawn_blocking(run)).await.unwrap()
}
