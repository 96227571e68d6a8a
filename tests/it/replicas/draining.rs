//! Of several replicas one drains at a time, and an endpoint that is taken out at one is out at all.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::redis::{Redis, RedisFault};
use super::{ADMIN, is_up, replicas, try_open};
use crate::harness::{Binary, within};
use crate::operator::{ask, cli};
use crate::routes::draining::{done, drained, names, open, talking};
use crate::websocket::frame::Frame;
use crate::websocket::peer::Peer;
use crate::websocket::scene::{Scene, Via, scene_of_binary};

/// Of this an end that waits for its turn takes a minute.
const LONG: &str = "timeouts: { drain: 2m }";
const WAITS: &str = "waiting until another replica has drained";

/// A replica that drains, and does not come to its end before it has answered a request.
async fn draining(scene: &mut Scene<Binary>) -> (Peer, Peer) {
    let mut client = scene.connect(Via::Plain).await;
    client.write("GET /slow HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await;
    let mut gateway = scene.accept().await;
    gateway.head().await;
    scene.proxy.signal(Signal::TERM);
    said(scene, "closing the listeners").await;
    (client, gateway)
}

async fn said(scene: &mut Scene<Binary>, message: &str) {
    scene.proxy.line(|line| line["message"] == message).await;
}

#[tokio::test]
async fn one_replica_drains_at_a_time_and_the_next_serves_on() {
    let Some(redis) = Redis::start().await else { return };
    let [mut one, mut other] = replicas(&redis, &[LONG]).await;
    let (mut client, mut gateway) = draining(&mut one).await;
    let ran = cli(&other, &["drain"]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    said(&mut other, WAITS).await;
    assert!(ask(&other, "GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
    let opened = try_open(&other).await.unwrap();
    gateway.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert!(client.head().await.starts_with("HTTP/1.1 200 "));
    assert_eq!(one.proxy.ended().await.code(), Some(0));
    said(&mut other, "closing the listeners").await;
    drop(opened);
    assert_eq!(other.proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_upgrade_waits_for_its_turn_and_the_turn_of_a_replica_that_was_killed_ends() {
    let Some(redis) = Redis::start().await else { return };
    let [mut one, mut other] = replicas(&redis, &[LONG]).await;
    let _under_way = draining(&mut one).await;
    other.proxy.signal(Signal::USR2);
    said(&mut other, WAITS).await;
    drop(try_open(&other).await.unwrap());
    one.proxy.signal(Signal::KILL);
    said(&mut other, "starting a successor").await;
    let handed = other.proxy.line(|line| line["message"] == "handed over; finishing what is under way").await;
    let successor = rustix::process::Pid::from_raw(i32::try_from(handed["successor"].as_i64().unwrap()).unwrap());
    said(&mut other, "stopped").await;
    other.proxy.gone().await;
    // The turn was given back: the successor need not wait.
    rustix::process::kill_process(successor.unwrap(), Signal::TERM).unwrap();
    said(&mut other, "stopped").await;
    assert!(other.proxy.printed().matches(WAITS).count() == 1, "{}", other.proxy.printed());
}

#[tokio::test]
async fn without_redis_nobody_waits_for_a_turn() {
    for fault in RedisFault::ALL {
        let Some(mut redis) = Redis::start().await else { return };
        let [mut one, mut other] = replicas(&redis, &[LONG]).await;
        let (mut client, mut gateway) = draining(&mut one).await;
        fault.begin(&mut redis);
        is_up(&other, false).await;
        assert_eq!(other.proxy.terminate().await.code(), Some(0), "{fault:?}");
        assert!(!other.proxy.printed().contains(WAITS), "{fault:?}: {}", other.proxy.printed());
        // The turn is lost, and the drain goes on.
        gateway.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert!(client.head().await.starts_with("HTTP/1.1 200 "), "{fault:?}");
        assert_eq!(one.proxy.ended().await.code(), Some(0), "{fault:?}");
    }
    let Some(redis) = Redis::start().await else { return };
    let (line, _way) = redis.slow_line().await;
    let mut one = scene_of_binary(&[ADMIN, &line, LONG]).await;
    let mut other = scene_of_binary(&[ADMIN, &line, LONG]).await;
    let _under_way = draining(&mut one).await;
    assert_eq!(other.proxy.terminate().await.code(), Some(0));
    assert!(!other.proxy.printed().contains(WAITS), "{}", other.proxy.printed());
}

async fn is_out(scene: &Scene<Binary>, endpoints: &[&str]) {
    within("what is drained", async {
        loop {
            let told = drained(&scene.proxy).await;
            let names: Vec<&Value> = told.as_array().unwrap().iter().map(|one| &one["endpoint"]).collect();
            if names == endpoints {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_taken_out_at_one_replica_is_out_at_all_until_one_brings_it_back() {
    let Some(mut redis) = Redis::start().await else { return };
    let (first, second) = (talking("one").await, talking("two").await);
    let url = first.upstream.to_string();
    let (endpoints, second) = (format!("'{url}', '{}'", second.upstream), second);
    let routes = format!("routes: [{{ upstream: team }}]\nupstreams: {{ team: {{ endpoints: [{endpoints}] }} }}");
    let [one, other] = replicas(&redis, &[&routes]).await;
    let (mut client, name) = loop {
        let opened = open(&other.proxy).await;
        if opened.1 == "one" {
            break opened;
        }
    };
    assert_eq!(name, "one");
    let said = done(&one.proxy, &["drain", "--endpoint", &url, "--over", "1ms"]).await;
    assert_eq!(said, format!("draining {url}: 0 WebSockets end within 1ms, and so at the other replicas\n"));
    assert_eq!(client.frame().await, Frame::close(1012, "service restart"));
    client.write(Frame::close(1012, "").masked()).await;
    is_out(&other, &[&url]).await;
    assert_eq!(names(&other.proxy, 4).await, ["two"; 4]);
    // One that comes later knows it, too.
    let late = scene_of_binary(&[ADMIN, &redis.line(), &routes]).await;
    is_out(&late, &[&url]).await;
    let said = done(&late.proxy, &["drain", "--resume", &url]).await;
    assert_eq!(said, format!("{url} gets requests again, and so at the other replicas\n"));
    for replica in [&one, &other] {
        is_out(replica, &[]).await;
    }
    // What is ordered while Redis is away holds here, and everywhere when it is back.
    redis.kill();
    for replica in [&one, &other, &late] {
        is_up(replica, false).await;
    }
    let said = done(&other.proxy, &["drain", "--endpoint", &url]).await;
    assert!(said.contains("the other replicas do so when the cluster's Redis is back"), "{said}");
    is_out(&other, &[&url]).await;
    is_out(&one, &[]).await;
    let redis = redis.restart().await;
    for replica in [&one, &other, &late] {
        is_out(replica, &[&url]).await;
    }
    let dump = redis.ask(&["--no-raw", "DUMP", redis.ask(&["KEYS", "frontgate:test:drained:*"]).trim()]);
    assert!(dump.len() > 40 && !dump.contains("127.0.0.1"), "{dump}");
    let status: Value = serde_json::from_str(crate::operator::body(&ask(&one, "GET", "/status").await)).unwrap();
    assert_eq!(status["drained_endpoints"][0]["endpoint"], json!(url));
    drop(second);
}
