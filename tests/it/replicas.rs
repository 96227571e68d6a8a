//! Several replicas and one Redis: what they share, and what becomes of it when Redis goes away.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certificates;
mod draining;
mod redis;

use rustix::process::Signal;
use rustls::HandshakeKind;
use serde_json::Value;

use crate::harness::{Binary, Issuer, Wire, within};
use crate::logins::browser::{Browser, oidc};
use crate::operator::{ask, body, cli, listed};
use crate::signals::closes;
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, UPGRADE};
use crate::websocket::scene::{Scene, Via, scene_of_binary};
use redis::Redis;

const ADMIN: &str = "admin: 127.0.0.1:0";

/// Two replicas that know each other.
async fn replicas(redis: &Redis, lines: &[&str]) -> [Scene<Binary>; 2] {
    let cluster = redis.line();
    let all: Vec<&str> = [ADMIN, &cluster].into_iter().chain(lines.iter().copied()).collect();
    let both = [scene_of_binary(&all).await, scene_of_binary(&all).await];
    for scene in &both {
        until(scene, "two members", |cluster| cluster["members"].as_array().is_some_and(|all| all.len() == 2)).await;
    }
    both
}

/// Waits until the status of the cluster is as it should be.
async fn until(scene: &Scene<Binary>, what: &str, fits: impl Fn(&Value) -> bool) {
    within(what, async {
        loop {
            let status: Value = serde_json::from_str(body(&ask(scene, "GET", "/status").await)).unwrap();
            if fits(&status["cluster"]) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn is_up(scene: &Scene<Binary>, up: bool) {
    until(scene, "Redis to come or go", |cluster| cluster["up"] == up).await;
}

/// Both ends of a WebSocket, or the head of the answer that refuses it.
async fn try_open(scene: &Scene<Binary>) -> Result<(Peer, Peer), String> {
    let mut client = scene.connect(Via::Plain).await;
    client.write(UPGRADE).await;
    let mut gateway = tokio::select! {
        gateway = scene.accept() => gateway,
        head = client.head() => return Err(head),
    };
    gateway.grant().await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    Ok((client, gateway))
}

async fn is_refused(scene: &Scene<Binary>) {
    let head = try_open(scene).await.err().expect("a limit");
    assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
}

async fn lives((client, gateway): &mut (Peer, Peer)) {
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;
}

#[tokio::test]
async fn limits_are_right_in_sum_and_local_while_redis_is_away() {
    let Some(mut redis) = Redis::start().await else { return };
    let [mut one, other] = replicas(&redis, &["limits: { websockets_per_client: 3 }"]).await;
    let (mut first, second) = (try_open(&one).await.unwrap(), try_open(&one).await.unwrap());
    let mut third = try_open(&other).await.unwrap();
    is_refused(&one).await;
    is_refused(&other).await;
    // One that ends makes room at both.
    drop(second);
    one.proxy.line(|line| line["message"] == "websocket").await;
    let fourth = within("room", async {
        loop {
            if let Ok(opened) = try_open(&other).await {
                return opened;
            }
        }
    })
    .await;
    is_refused(&one).await;

    // Hung: each replica counts for itself, and no live WebSocket notices.
    redis.signal(Signal::STOP);
    let alone = [try_open(&one).await.unwrap(), try_open(&one).await.unwrap()];
    for scene in [&one, &other] {
        is_up(scene, false).await;
    }
    is_refused(&one).await;
    let more = try_open(&other).await.unwrap();
    is_refused(&other).await;
    lives(&mut first).await;
    lives(&mut third).await;
    assert!(ask(&one, "GET", "/readyz").await.starts_with("HTTP/1.1 200 "));
    redis.signal(Signal::CONT);
    for scene in [&one, &other] {
        is_up(scene, true).await;
    }
    drop((alone, more, fourth));

    // Killed and back, with nothing in it.
    redis.kill();
    for scene in [&one, &other] {
        is_up(scene, false).await;
    }
    lives(&mut first).await;
    lives(&mut third).await;
    let redis = redis.restart().await;
    for scene in [&one, &other] {
        is_up(scene, true).await;
        until(scene, "two members", |cluster| cluster["members"].as_array().is_some_and(|all| all.len() == 2)).await;
    }
    // The counts are told again with each WebSocket that comes.
    within("the limit in sum", async {
        let mut held = Vec::new();
        loop {
            match (try_open(&one).await, try_open(&other).await) {
                (Err(_), Err(_)) => break,
                (one, other) => held.extend(one.into_iter().chain(other)),
            }
        }
        assert!(held.len() <= 3, "{}", held.len());
    })
    .await;
    let said = |text: &str| one.proxy.printed().matches(text).count();
    assert!(said("the cluster's Redis is away") <= 2, "{}", one.proxy.printed());
    drop(redis);
}

#[tokio::test]
async fn a_minute_is_the_same_minute_everywhere_and_nothing_in_redis_can_be_read() {
    let Some(redis) = Redis::start().await else { return };
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let lines = [
        "limits: { new_per_minute_per_client: 1, websockets_per_client: 100 }",
        &format!("routes: [{{ host: a.lan, auth: {{ basic: {{ ann: '{hash}' }} }} }}, {{}}]"),
    ];
    let [one, other] = replicas(&redis, &lines).await;
    // One a minute, so that no slow machine gives a second one before both have refused it.
    let _held = try_open(&one).await.unwrap();
    is_refused(&other).await;
    is_refused(&one).await;

    // Ten failures at one replica, and the other looks at no password either.
    let wrong =
        |number: usize| format!("GET / HTTP/1.1\r\nHost: a.lan\r\nAuthorization: Basic {}\r\n\r\n", base64(number));
    let mut statuses = Vec::new();
    for number in 0..10 {
        let mut client = one.proxy.plain_client().await;
        client.send(wrong(number)).await;
        statuses.push(client.response().await.status());
    }
    assert_eq!(statuses, [401; 10]);
    within("the failures to be known", async {
        for number in 10.. {
            let mut client = other.proxy.plain_client().await;
            client.send(wrong(number)).await;
            if client.response().await.status() == 429 {
                assert!(number < 20, "it was counted there alone: {number}");
                return;
            }
        }
    })
    .await;

    let keys = redis.ask(&["KEYS", "*"]);
    assert!(keys.lines().count() >= 5, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with("frontgate:test:") && !key.contains("127.0.0.1"), "{key}");
        assert!(redis.ask(&["TTL", key]).trim().parse::<i64>().unwrap() > 0, "{key}");
        let dump = redis.ask(&["--no-raw", "DUMP", key]);
        for secret in ["127.0.0.1", "ann", "host", "websockets"] {
            assert!(!dump.contains(secret), "{key}: {dump}");
        }
    }
}

fn base64(number: usize) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("ann:wrong{number}"))
}

#[tokio::test]
async fn operators_see_and_end_what_is_at_other_replicas() {
    let Some(redis) = Redis::start().await else { return };
    let [one, other] = replicas(&redis, &[]).await;
    let (here, there) = (one.open(Via::Plain).await, other.open(Via::Tls).await);
    let mut stays = other.open(Via::Plain).await;
    listed(&one, 1).await;
    listed(&other, 2).await;
    let list = |more: &[&str]| -> Value {
        let ran = cli(&one, &[&["connections", "--cluster", "--json"], more].concat());
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    let all = list(&[]);
    assert_eq!((&all["total"], &all["silent"]), (&3.into(), &serde_json::json!([])), "{all}");
    let rows = all["websockets"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{all}");
    for (offset, expected) in [(0, (2, Value::from(2))), (2, (1, Value::Null))] {
        let page = ask(&one, "GET", &format!("/connections?cluster=on&limit=2&offset={offset}")).await;
        let page: Value = serde_json::from_str(body(&page)).unwrap();
        assert_eq!((page["websockets"].as_array().unwrap().len(), page["next"].clone()), expected, "{page}");
    }
    let tls = list(&["--search", "127.0.0.1"])["websockets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| !row["tls"].is_null())
        .unwrap()
        .clone();
    let table = String::from_utf8(cli(&one, &["connections", "--cluster"]).stdout).unwrap();
    assert!(table.contains(&format!(" at replica {}", tls["replica"].as_str().unwrap())), "{table}");
    let status = String::from_utf8(cli(&one, &["status"]).stdout).unwrap();
    assert!(status.contains("its Redis answers") && status.matches(" WebSockets, 0.").count() == 2, "{status}");

    let closed = cli(&one, &["close", tls["id"].as_str().unwrap(), "--reason", "bye"]);
    assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    closes(there.0, &Frame::close(1001, "bye")).await;
    closes(there.1, &Frame::close(1001, "closed by operator")).await;
    lives(&mut stays).await;
    assert_eq!(cli(&one, &["close", "nothing"]).status.code(), Some(1));

    // What keeps a client out is known to all replicas, whichever has its WebSocket.
    let all = list(&[]);
    let there = |row: &&Value| row["replica"] == tls["replica"] && row["tls"].is_null();
    let id = all["websockets"].as_array().unwrap().iter().find(there).unwrap()["id"].as_str().unwrap();
    let closed = cli(&one, &["close", id, "--for", "10m"]);
    assert_eq!(&closed.stdout[..], b"closing; network 127.0.0.1 is kept out for 600s\n", "{closed:?}");
    closes(stays.0, &Frame::close(1001, "closed by operator")).await;
    for replica in [&one, &other] {
        is_refused(replica).await;
    }
    drop(here);

    // A replica that gives no answer is named, and the rest is shown.
    other.proxy.signal(Signal::STOP);
    let silent = list(&[]);
    other.proxy.signal(Signal::CONT);
    assert_eq!(silent["silent"].as_array().map(Vec::len), Some(1), "{silent}");
}

#[tokio::test]
async fn a_login_is_good_at_both_replicas_and_a_logout_ends_its_socket_at_the_other() {
    let Some(redis) = Redis::start().await else { return };
    let issuer = Issuer::start();
    let auth = oidc(&issuer, "allow: { emails: [ann@example.com] }");
    let [one, other] = replicas(&redis, &[&auth]).await;
    let mut browser = Browser::default();
    browser.log_in(&one.proxy, "/").await;
    let upgrade = UPGRADE.replacen("Host: gw.example.com\r\n", &format!("Host: gw\r\n{}", browser.cookie_field()), 1);
    let (client, gateway) = other.open_with(Via::Plain, &upgrade).await;
    let mut copy = browser.clone();
    browser.page(&one.proxy, "/.frontgate/logout").await;
    closes(client, &Frame::close(1008, "session ended")).await;
    closes(gateway, &Frame::close(1001, "client session ended")).await;
    assert_eq!(copy.page(&other.proxy, "/").await.status(), 302, "a cookie that was copied is of no use there");
    // One that comes later learns it from Redis.
    let late = scene_of_binary(&[ADMIN, &redis.line(), &auth]).await;
    let ended = async {
        loop {
            tokio::select! {
                answer = copy.page(&late.proxy, "/") => if answer.status() == 302 { return },
                // It has not learnt it yet.
                gateway = late.accept() => drop(gateway),
            }
        }
    };
    within("the list of ended logins", ended).await;
}

#[tokio::test]
async fn a_tls_session_is_resumed_at_the_other_replica() {
    let Some(redis) = Redis::start().await else { return };
    let [one, other] = replicas(&redis, &[]).await;
    // Each replica has a CA of its own here, and a resumption shows no certificate.
    let client = one.proxy.trust().offering(&["http/1.1"]);
    let mut kinds = Vec::new();
    for scene in [&one, &other] {
        let stream = scene.proxy.tls(client.clone()).await;
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        let mut client = Wire::new(stream);
        client.send("GET /.frontgate/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        let answered = async {
            let mut gateway = scene.accept().await;
            gateway.head().await;
            gateway.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        };
        let (answer, ()) = tokio::join!(client.response(), answered);
        assert_eq!(answer.status(), 204);
    }
    assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
}
