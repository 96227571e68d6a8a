//! A file that changes lowers no guard by itself, and what is no configuration is none.

use std::fs;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use serde_json::Value;

use super::{ADMIN, LISTEN, answering, ask, command, overlaid, post, reloaded, replace, status, text};
use crate::harness::{Binary, Builder, Gateway, binary};

const AUTH: &str = "auth: { basic: { ann: \"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe\" } }";
const ROUTES: &str = "routes: [{ path: /closed, respond: 404, auth: none }, {}]";

fn guarded(gateway: &Gateway) -> Builder {
    binary().upstream(gateway).config(LISTEN).config(ADMIN).config(AUTH).config(ROUTES)
}

async fn answer(binary: &Binary, path: &str) -> u16 {
    let mut client = binary.client().await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: gw.example.com\r\n\r\n")).await;
    client.response().await.status()
}

async fn stays_guarded(binary: &Binary, of: &str) {
    assert_eq!((answer(binary, "/").await, answer(binary, "/closed").await), (401, 404), "{of}");
}

/// What became of the change of a file.
async fn outcome(binary: &mut Binary) -> Value {
    let outcomes = ["configuration reloaded", "configuration refused; the one in use stays"];
    let is_one = |text: &str| outcomes.contains(&text) || text.starts_with("a change of the configuration waits");
    binary.line(|line| line["message"].as_str().is_some_and(is_one)).await
}

#[tokio::test]
async fn a_file_that_is_empty_cut_gone_or_no_file_changes_nothing_however_it_is_found() {
    let gateway = answering("ok").await;
    for builder in [guarded(&gateway), guarded(&gateway).found()] {
        let mut binary = builder.start().await;
        let (file, whole) = (binary.config_file(), text(&binary));
        let cut = &whole[..whole.find("auth:").unwrap()];
        for content in ["", "{", "# nothing\n", cut, "auth:\n", &whole.replace(AUTH, "auth: none")] {
            fs::write(&file, content).unwrap();
            let line = outcome(&mut binary).await;
            let lowers = content.starts_with("state_dir");
            assert_eq!(line["level"], if lowers { "WARN" } else { "ERROR" }, "{content:?} {line}");
            assert!(!lowers || line["lowers"].as_str().unwrap().contains("auth of routes[1] (*)"), "{line}");
            stays_guarded(&binary, content).await;
        }
        // An operator means what a file says, but never means an empty file.
        fs::write(&file, "").unwrap();
        outcome(&mut binary).await;
        let admin = binary.admin.unwrap().to_string();
        let ran = command(&binary, &["reload", "--admin", &admin]).await;
        assert!(ran.code == 1 && ran.stderr.contains("says nothing"), "{ran:?}");
        fs::remove_file(&file).unwrap();
        // The change was refused by the command, and by the watch of the file once more.
        outcome(&mut binary).await;
        assert_eq!(outcome(&mut binary).await["level"], "ERROR");
        let ran = command(&binary, &["reload", "--admin", &admin]).await;
        assert!(ran.code == 1 && ran.stderr.contains("is gone"), "{ran:?}");
        outcome(&mut binary).await;
        mknodat(CWD, &file, FileType::Fifo, Mode::from(0o600), 0).unwrap();
        assert!(outcome(&mut binary).await["error"].as_str().unwrap().contains("no regular file"));
        binary.signal(Signal::HUP);
        assert!(outcome(&mut binary).await["error"].as_str().unwrap().contains("no regular file"));
        stays_guarded(&binary, "a pipe").await;
        replace(&binary, &whole);
        reloaded(&mut binary, "file").await;
        stays_guarded(&binary, "the whole again").await;
        assert_eq!(binary.terminate().await.code(), Some(0));
    }
}

#[tokio::test]
async fn a_change_that_lowers_a_guard_waits_whole_until_an_operator_says_so() {
    let gateway = answering("ok").await;
    let mut binary = guarded(&gateway).start().await;
    let whole = text(&binary);
    let waiting = async |binary: &Binary| {
        let metrics = ask(binary, "GET", "/metrics").await.1;
        let metric =
            metrics.lines().find_map(|line| line.strip_prefix("frontgate_reload_waiting ")).unwrap().to_owned();
        let told = status(binary).await["reloads"]["waiting"].clone();
        assert_eq!(metric, if told.is_null() { "0" } else { "1" });
        told["lowers"].as_array().map(|all| all.iter().map(|one| one.as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(waiting(&binary).await, None);
    // The whole waits: the other settings, too.
    let open = overlaid(&whole.replace(ROUTES, "routes: [{}]"), "tls: { hsts: 5m }");
    for (signal, content) in [(false, &open), (true, &overlaid(&open, "auth: none"))] {
        replace(&binary, content);
        let line = outcome(&mut binary).await;
        let named = if signal { "auth of routes[0] (*)" } else { "respond of routes[0] (/closed)" };
        assert_eq!((&line["level"], &line["lowers"]), (&"WARN".into(), &named.into()));
        assert_eq!(waiting(&binary).await, Some(vec![named.to_owned()]));
        if signal {
            binary.signal(Signal::HUP);
            reloaded(&mut binary, "SIGHUP").await;
            assert_eq!((answer(&binary, "/").await, answer(&binary, "/closed").await), (200, 200));
        } else {
            stays_guarded(&binary, "it waits").await;
            assert_eq!(post(&binary, "/reload").await.0, 200);
            reloaded(&mut binary, "admin").await;
            assert_eq!((answer(&binary, "/").await, answer(&binary, "/closed").await), (401, 401));
        }
        assert_eq!(waiting(&binary).await, None);
    }
    // A change that adds guards needs no operator's word.
    replace(&binary, &whole);
    reloaded(&mut binary, "file").await;
    stays_guarded(&binary, "the whole again").await;
    // A change that was taken back no longer waits.
    replace(&binary, &open);
    assert_eq!(outcome(&mut binary).await["level"], "WARN");
    replace(&binary, &whole);
    reloaded(&mut binary, "file").await;
    assert_eq!(waiting(&binary).await, None);
}

#[tokio::test]
async fn a_successor_does_not_run_on_less_guards_than_there_are() {
    let gateway = answering("ok").await;
    for builder in [guarded(&gateway), guarded(&gateway).found()] {
        let mut binary = builder.start().await;
        let (file, whole) = (binary.config_file(), text(&binary));
        for (content, why) in [
            (Some(""), "its configuration is wrong"),
            (Some(&whole.replace(AUTH, "")), "exit status: 1"),
            (None, "its configuration is wrong"),
        ] {
            match content {
                Some(content) => fs::write(&file, content).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            binary.signal(Signal::USR2);
            let line = binary.line(|line| line["message"] == "no handover; going on as before").await;
            assert!(line["error"].as_str().unwrap().contains(why), "{content:?} {line}");
            stays_guarded(&binary, why).await;
        }
        fs::write(&file, whole.replace(ROUTES, "routes: [{ respond: 404, auth: none }]")).unwrap();
        binary.signal(Signal::USR2);
        let line = binary.line(|line| !line["successor"].is_null()).await;
        let successor =
            rustix::process::Pid::from_raw(line["successor"].as_i64().unwrap().try_into().unwrap()).unwrap();
        assert_eq!(binary.gone().await.code(), Some(0));
        assert_eq!(answer(&binary, "/").await, 404);
        rustix::process::kill_process(successor, Signal::TERM).unwrap();
        binary.ended().await;
    }
}
