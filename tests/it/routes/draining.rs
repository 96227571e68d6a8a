//! An operator takes one endpoint out and brings it back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{called, get, upgrade};
use crate::harness::{Binary, Gateway, Wire, binary, dial, gateway, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, SWITCHED};

/// A gateway that says its name, over a WebSocket too, and answers a Close.
pub(crate) async fn talking(name: &'static str) -> Gateway {
    gateway()
        .playing(move |mut connection| async move {
            while let Some(request) = connection.request().await {
                if request.field("upgrade").is_some() {
                    connection.send([SWITCHED.as_bytes(), &Frame::text(name).bare()].concat()).await;
                    // A Close: two bytes, a mask, the code and `proxy restart`.
                    if connection.try_exactly(6 + 2 + 13).await.is_some() {
                        connection.send(Frame::close(1001, "").bare()).await;
                    }
                    return;
                }
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
                connection.send(answer).await;
            }
        })
        .await
}

async fn start(gateways: &[&Gateway], rest: &str) -> Binary {
    let endpoints: Vec<String> = gateways.iter().map(|gateway| format!("'{}'", gateway.upstream)).collect();
    let endpoints = endpoints.join(", ");
    binary()
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config("admin: 127.0.0.1:0")
        .config(&format!(
            "routes: [{{ upstream: team }}]\nupstreams: {{ team: {{ endpoints: [{endpoints}] }} }}\n{rest}"
        ))
        .start()
        .await
}

async fn cli(proxy: &Binary, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.args(arguments).arg("--admin").arg(proxy.admin.unwrap().to_string());
    within("the command", tokio::task::spawn_blocking(move || command.output().unwrap())).await.unwrap()
}

pub(crate) async fn done(proxy: &Binary, arguments: &[&str]) -> String {
    let ran = cli(proxy, arguments).await;
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}

pub(crate) async fn drained(proxy: &Binary) -> Value {
    let status: Value = serde_json::from_str(&done(proxy, &["status", "--json"]).await).unwrap();
    status["drained_endpoints"].clone()
}

pub(crate) async fn open(proxy: &Binary) -> (Peer, String) {
    let mut client = Peer::new(dial(proxy.plain.unwrap()).await);
    client.write(upgrade("gw", "/", "")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let name = client.frame().await.payload;
    (client, String::from_utf8_lossy(&name).into_owned())
}

pub(crate) async fn names(proxy: &Binary, count: usize) -> Vec<String> {
    let mut client = Wire::new(dial(proxy.plain.unwrap()).await);
    let mut names = Vec::new();
    for _ in 0..count {
        client.send(get("gw", "/")).await;
        names.push(client.response().await.body_text());
    }
    names
}

#[tokio::test]
async fn who_comes_while_every_endpoint_is_taken_out_is_told_so() {
    let one = talking("one").await;
    let proxy = start(&[&one], "hold: 300ms").await;
    let url = one.upstream.to_string();
    done(&proxy, &["drain", "--endpoint", &url]).await;
    for _ in 0..2 {
        let mut client = Wire::new(dial(proxy.plain.unwrap()).await);
        client.send(get("gw", "/")).await;
        let page = client.response().await;
        let said = page.body_text();
        assert!(page.status() == 503 && said.contains("code: gateway_taken_out"), "{}", page.text());
        assert!(said.contains("frontgate drain --resume URL") && !said.contains("openclaw gateway"), "{said}");
    }
    done(&proxy, &["drain", "--resume", &url]).await;
    assert_eq!(names(&proxy, 1).await, ["one"]);
}

#[tokio::test]
async fn an_endpoint_is_taken_out_and_its_websockets_end_evenly_until_it_is_brought_back() {
    let (one, two) = (talking("one").await, talking("two").await);
    let mut proxy = start(&[&one, &two], "").await;
    let mut here = Vec::new();
    let mut there = Vec::new();
    for _ in 0..6 {
        let (client, name) = open(&proxy).await;
        if name == "one" { here.push(client) } else { there.push(client) }
    }
    assert_eq!((here.len(), there.len()), (3, 3));
    let url = one.upstream.to_string();
    let said = done(&proxy, &["drain", "--endpoint", &url, "--over", "900ms"]).await;
    assert_eq!(said, format!("draining {url}: 3 WebSockets end within 900ms\n"));
    // Nothing new goes there, however it comes.
    assert!(names(&proxy, 4).await.iter().all(|name| name == "two"));
    let (late, name) = open(&proxy).await;
    assert_eq!(name, "two");
    there.push(late);
    for mut client in here {
        assert_eq!(client.frame().await, Frame::close(1012, "service restart"));
        client.write(Frame::close(1012, "").masked()).await;
    }
    let mut moments = Vec::new();
    for _ in 0..3 {
        let line = proxy.line(|line| line["message"] == "websocket").await;
        assert_eq!(
            (line["ended"].as_str(), line["upstream"].as_str()),
            (Some("endpoint_draining"), Some(&*url)),
            "{line}"
        );
        assert_eq!((line["client_close_sent"].as_u64(), line["gateway_close_sent"].as_u64()), (Some(1012), Some(1001)));
        moments.push(line["duration_ms"].clone());
    }
    let told = drained(&proxy).await;
    assert_eq!(
        (&told[0]["endpoint"], &told[0]["websockets"]),
        (&Value::from(&*url), &Value::from(0)),
        "{told} {moments:?}"
    );
    let people = done(&proxy, &["status"]).await;
    assert!(people.contains(&format!("{url} is drained since ")), "{people}");
    assert_eq!(done(&proxy, &["drain", "--endpoint", &url, "--wait"]).await, "drained\n");

    assert_eq!(done(&proxy, &["drain", "--resume", &url]).await, format!("{url} gets requests again\n"));
    assert_eq!(drained(&proxy).await, Value::Array(Vec::new()));
    assert!(names(&proxy, 4).await.contains(&"one".to_owned()));
    // The others have not noticed.
    for mut client in there {
        assert!(client.at_hand().await.is_empty());
    }
    let again = cli(&proxy, &["drain", "--resume", &url]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is not drained"), "{again:?}");
}

#[tokio::test]
async fn it_stays_out_over_a_reload_a_handover_and_a_restart() {
    let (one, two) = (called("one").await, called("two").await);
    let mut proxy = start(&[&one, &two], "").await;
    let url = one.upstream.to_string();
    done(&proxy, &["drain", "--endpoint", &url]).await;
    let all_two = |names: Vec<String>| assert!(names.iter().all(|name| name == "two"), "{names:?}");
    done(&proxy, &["reload"]).await;
    all_two(names(&proxy, 4).await);
    let file = proxy.config_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\nhold: 3s\n")).unwrap();
    done(&proxy, &["reload"]).await;
    all_two(names(&proxy, 4).await);
    done(&proxy, &["upgrade"]).await;
    let line = proxy.line(|line| line["message"] == "handed over; finishing what is under way").await;
    let successor = Pid::from_raw(i32::try_from(line["successor"].as_i64().unwrap()).unwrap()).unwrap();
    all_two(names(&proxy, 4).await);
    let told = drained(&proxy).await;
    assert_eq!(told[0]["endpoint"], url, "{told}");
    done(&proxy, &["drain", "--resume", &url]).await;
    assert!(names(&proxy, 4).await.contains(&"one".to_owned()));
    kill_process(successor, Signal::TERM).unwrap();
}

#[tokio::test]
async fn requests_wait_for_the_only_endpoint_and_what_is_no_endpoint_is_refused() {
    let one = called("one").await;
    let proxy = start(&[&one], "").await;
    let url = one.upstream.to_string();
    let refused = cli(&proxy, &["drain", "--endpoint", "http://192.0.2.1:1"]).await;
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains(&format!("no route leads to http://192.0.2.1:1; there are {url}")), "{said}");
    for wrong in [
        &["drain", "--endpoint", "gateway"][..],
        &["drain", "--over", "5m"],
        &["drain", "--endpoint", "http://a:1", "--over", "5"],
        &["drain", "--endpoint", "http://a:1", "--resume", "http://a:1"],
    ] {
        assert_eq!(cli(&proxy, wrong).await.status.code(), Some(2), "{wrong:?}");
    }
    done(&proxy, &["drain", "--endpoint", &url]).await;
    let mut client = Wire::new(dial(proxy.plain.unwrap()).await);
    client.send(get("gw", "/")).await;
    done(&proxy, &["drain", "--resume", &url]).await;
    assert_eq!(client.response().await.body_text(), "one");
}
