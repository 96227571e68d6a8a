//! What the operator can see of a running frontgate, and do to one WebSocket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Binary, within};
use crate::signals::closes;
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, UPGRADE};
use crate::websocket::scene::{Scene, Via, connect, scene_of_binary};

const ADMIN: &str = "admin: 127.0.0.1:0";

#[tokio::test]
async fn open_websockets_are_listed_without_their_secrets() {
    let scene = scene_of_binary(&[ADMIN]).await;
    let upgrade = UPGRADE.replacen("GET /", "GET /openclaw/token=s3cret?token=s3cret&x=", 1);
    let (mut client, mut gateway) = scene.open_with(Via::Tls, &upgrade).await;
    let _other = scene.open(Via::Plain).await;
    gateway.write(b"\x81\x05hello").await;
    client.expect(b"\x81\x05hello").await;
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;

    // What has passed is recorded a moment after it passed.
    within("the bytes to be counted", async {
        let recorded = |list: &Value, side: &str| list["websockets"][1][side]["bytes"] != 0;
        while let list = listed(&scene, 2).await
            && !(recorded(&list, "from_client") && recorded(&list, "from_gateway"))
        {}
    })
    .await;
    let answer = ask(&scene, "GET", "/connections").await;
    assert!(!answer.contains("s3cret"), "{answer}");
    // Nor does a search tell whether a guess is right.
    let guessed = ask(&scene, "GET", "/connections?search=s3cret").await;
    assert_eq!(serde_json::from_str::<Value>(body(&guessed)).unwrap()["total"], 0);
    let answer: Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(answer["total"], 2);
    let listed = &answer["websockets"][1];
    assert_eq!((listed["client"].as_str(), listed["path"].as_str()), (Some("127.0.0.1"), Some("/openclaw/token=***")));
    assert_eq!(listed["host"], "gw.example.com");
    assert_eq!(listed["from_client"]["frames"], 1);
    assert_eq!(listed["from_client"]["bytes"], 9);
    assert_eq!(listed["from_gateway"]["bytes"], 7);

    let (told, table) = (cli(&scene, &["connections", "--json"]), cli(&scene, &["connections"]));
    assert_eq!(serde_json::from_slice::<Value>(&told.stdout).unwrap()["total"], 2);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("1/1") && table.contains("gw.example.com/openclaw/token=***\n"), "{table}");
}

#[tokio::test]
async fn one_websocket_is_closed_and_its_client_reads_why() {
    let mut scene = scene_of_binary(&[ADMIN]).await;
    let (mut other, mut other_gateway) = scene.open(Via::Tls).await;
    let (client, gateway) = scene.open(Via::Plain).await;
    let list = listed(&scene, 2).await;
    let id = list["websockets"][0]["id"].as_str().unwrap().to_owned();

    let long = "x".repeat(124);
    let refused = cli(&scene, &["close", &id, "--reason", &long]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("124 bytes long, and a Close carries 123"));
    let closed = cli(&scene, &["close", &id, "--reason", "see you at 5 & later €"]);
    assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    closes(client, &Frame::close(1001, "see you at 5 & later €")).await;
    closes(gateway, &Frame::close(1001, "closed by operator")).await;
    let line = scene.proxy.line(|line| line["message"] == "websocket").await;
    assert_eq!((line["ended"].as_str(), line["id"].as_str()), (Some("closed_by_operator"), Some(&*id)));
    assert_eq!((line["client_close_sent"].as_u64(), line["clean"].as_bool()), (Some(1001), Some(true)));

    let gone = cli(&scene, &["close", &id]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(ask(&scene, "DELETE", "/connections/nobody").await.starts_with("HTTP/1.1 404 "));
    // The other WebSocket has not noticed.
    other.write(b"\x81\x83\0\0\0\0abc").await;
    other_gateway.expect(b"\x81\x83\0\0\0\0abc").await;
}

#[tokio::test]
async fn every_open_websocket_is_listed_by_page_order_and_filter() {
    let scene = scene_of_binary(&[ADMIN]).await;
    let mut links = Vec::new();
    for (before, path) in ["/one", "/two", "/three"].iter().enumerate() {
        links.push(scene.open_with(Via::Plain, &UPGRADE.replacen("GET /", &format!("GET {path}"), 1)).await);
        // A WebSocket is listed a moment after its client has the 101, on a thread of its own: not before the next one by itself.
        listed(&scene, before + 1).await;
    }
    let (client, gateway) = &mut links[1];
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;
    // What has passed is recorded a moment after it passed.
    within("the bytes to be counted", async { while paths(&scene, "sort=-bytes").await[0] != "/two" {} }).await;
    for (query, expected) in [
        ("", &["/three", "/two", "/one"][..]),
        ("limit=2", &["/three", "/two"]),
        ("limit=2&offset=2", &["/one"]),
        ("limit=2&offset=3", &[]),
        ("sort=-age", &["/one", "/two", "/three"]),
        ("sort=path", &["/one", "/three", "/two"]),
        ("search=TWO", &["/two"]),
        ("path=/one", &["/one"]),
        ("path=/on", &[]),
        ("state=open&protocol=h1&client=127.0.0.1&limit=1", &["/three"]),
        ("user=ann", &[]),
    ] {
        assert_eq!(paths(&scene, query).await, expected, "{query}");
    }
    let page = page(&scene, "limit=2").await;
    assert_eq!((&page["total"], &page["offset"], &page["next"]), (&3.into(), &0.into(), &2.into()));
    let row = &page["websockets"][0];
    assert!(["tls", "user", "route", "subject"].iter().all(|key| row.get(*key) == Some(&Value::Null)), "{row}");
    assert!(row["endpoint"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{row}");
    assert_eq!((&row["state"], &row["from_client"]["ping_ms"]), (&"open".into(), &Value::Null));
    for query in ["usr=ann", "sort=nothing", "limit=many", "user=%ff"] {
        assert!(ask(&scene, "GET", &format!("/connections?{query}")).await.starts_with("HTTP/1.1 400 "), "{query}");
    }
    let told = cli(&scene, &["connections", "--json", "--sort", "-age", "--search", "/t"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["total"], &told["websockets"][0]["path"]), (&2.into(), &"/two".into()));
    let status = String::from_utf8(cli(&scene, &["status"]).stdout).unwrap();
    assert!(status.contains(": ready, up ") && status.contains(", 3 WebSockets, "), "{status}");
    let watched = cli(&scene, &["connections", "--watch"]);
    assert!(watched.status.code() == Some(1) && watched.stdout.is_empty(), "{watched:?}");
}

#[tokio::test]
async fn the_status_says_that_a_gateway_is_down_and_what_ended() {
    let mut scene = scene_of_binary(&[ADMIN, "hold: off"]).await;
    let (client, gateway) = scene.open(Via::Tls).await;
    closes_first(client, gateway).await;
    scene.proxy.line(|line| line["message"] == "websocket").await;
    let status = async |scene: &Scene<Binary>| -> Value {
        serde_json::from_str(body(&ask(scene, "GET", "/status").await)).unwrap()
    };
    let before = status(&scene).await;
    assert_eq!((&before["gateways"][0]["healthy"], &before["gateways"][0]["connects"]), (&true.into(), &1.into()));
    let own = scene.proxy.admin.unwrap().to_string();
    let listeners = before["listeners"].as_array().unwrap();
    assert!(listeners.iter().any(|one| one["purpose"] == "admin" && one["address"] == *own), "{before}");
    assert!(before["certificates"][0]["days"].as_i64().unwrap() > 0, "{before}");
    assert_eq!((&before["ends"][0]["ended"], &before["ends"][0]["clean"]), (&"client_closed".into(), &true.into()));

    let config = std::fs::read_to_string(scene.proxy.config_file()).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let moved: Vec<_> = config.lines().filter(|line| !line.starts_with("upstream:")).collect();
    std::fs::write(scene.proxy.config_file(), format!("{}\nupstream: http://{free}\n", moved.join("\n"))).unwrap();
    assert!(ask(&scene, "POST", "/reload").await.starts_with("HTTP/1.1 200 "));
    let mut visitor = scene.proxy.client().await;
    visitor.send(UPGRADE).await;
    assert_eq!(visitor.response().await.status(), 502);
    assert_eq!(status(&scene).await["gateways"][0]["healthy"], false);
    let told = String::from_utf8(cli(&scene, &["status"]).stdout).unwrap();
    for part in [
        ": ready, but the gateway is down, up ".to_owned(),
        format!("\nlistens at {own} (admin)\n"),
        format!("\nDOWN gateway http://{free}: not reachable; "),
        "\ncertificate for localhost, ".to_owned(),
        ", client closed; client 1000, gateway 1000\n".to_owned(),
    ] {
        assert!(told.contains(&part), "{part} in {told}");
    }
}

#[tokio::test]
async fn a_user_is_kept_out_for_a_while_and_no_others() {
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let login = format!("auth: {{ basic: {{ ann: '{hash}', bob: '{hash}' }} }}");
    let scene = scene_of_binary(&[ADMIN, &login]).await;
    let with = |proof: &str| UPGRADE.replacen("Accept:", &format!("Authorization: Basic {proof}\r\nAccept:"), 1);
    let (ann_proof, bob_proof) = (with("YW5uOmh1c2g="), with("Ym9iOmh1c2g="));
    let (ann, _ann_gateway) = scene.open_with(Via::Tls, &ann_proof).await;
    listed(&scene, 1).await;
    let closed = cli(&scene, &["close", "--user", "ann", "--for", "10m"]);
    assert_eq!(
        (closed.status.code(), &closed.stdout[..]),
        (Some(0), &b"closing 1; user ann is kept out for 600s\n"[..]),
        "{closed:?}"
    );
    closes(ann, &Frame::close(1001, "closed by operator")).await;
    let mut again = scene.proxy.client().await;
    again.send(&ann_proof).await;
    let refused = again.response().await;
    assert_eq!(refused.status(), 429, "{}", refused.text());
    assert!(refused.text().contains("kept_out"), "{}", refused.text());
    let seconds: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=600).contains(&seconds), "{seconds}");
    let _bob = scene.open_with(Via::Tls, &bob_proof).await;
    // The operator has changed their mind.
    let lifted = cli(&scene, &["close", "--user", "ann", "--for", "0s"]);
    assert!(lifted.stdout.ends_with(b"; user ann is let in again\n"), "{lifted:?}");
    let _ann = scene.open_with(Via::Tls, &ann_proof).await;
    assert_eq!(cli(&scene, &["close", "--user", "ann", "--for", "10"]).status.code(), Some(2));
}

#[tokio::test]
async fn all_websockets_of_a_user_are_closed_and_no_others() {
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let login = format!("auth: {{ basic: {{ ann: '{hash}', bob: '{hash}' }} }}");
    let scene = scene_of_binary(&[ADMIN, &login]).await;
    let with = |proof: &str| UPGRADE.replacen("Accept:", &format!("Authorization: Basic {proof}\r\nAccept:"), 1);
    // Each with the password "hush".
    let (ann_proof, bob_proof) = (with("YW5uOmh1c2g="), with("Ym9iOmh1c2g="));
    let (ann, ann_gateway) = scene.open_with(Via::Tls, &ann_proof).await;
    let (other, other_gateway) = scene.open_with(Via::Plain, &ann_proof).await;
    let (mut bob, mut bob_gateway) = scene.open_with(Via::Tls, &bob_proof).await;
    listed(&scene, 3).await;
    for wrong in ["", "?user=", "?route=*", "?user=ann&user=bob"] {
        assert!(ask(&scene, "DELETE", &format!("/connections{wrong}")).await.starts_with("HTTP/1.1 400 "), "{wrong}");
    }
    assert_eq!(cli(&scene, &["close", "--user", "eve"]).status.code(), Some(1));
    assert_eq!(page(&scene, "user=ann").await["total"], 2);
    let closed = cli(&scene, &["close", "--user", "ann", "--reason", "bye"]);
    assert_eq!((closed.status.code(), &closed.stdout[..]), (Some(0), &b"closing 2\n"[..]), "{closed:?}");
    for client in [ann, other] {
        closes(client, &Frame::close(1001, "bye")).await;
    }
    for gateway in [ann_gateway, other_gateway] {
        closes(gateway, &Frame::close(1001, "closed by operator")).await;
    }
    bob.write(b"\x81\x83\0\0\0\0abc").await;
    bob_gateway.expect(b"\x81\x83\0\0\0\0abc").await;
}

async fn page(scene: &Scene<Binary>, query: &str) -> Value {
    serde_json::from_str(body(&ask(scene, "GET", &format!("/connections?{query}")).await)).unwrap()
}

async fn paths(scene: &Scene<Binary>, query: &str) -> Vec<String> {
    let page = page(scene, query).await;
    let rows = page["websockets"].as_array().unwrap().iter();
    rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_numbers_say_what_happened() {
    let mut scene = scene_of_binary(&[ADMIN]).await;
    scene.round_trip().await;
    let (client, gateway) = scene.open(Via::Tls).await;
    let (mut stays, mut stays_gateway) = scene.open(Via::Plain).await;
    stays.write(b"\x81\x83\0\0\0\0abc").await;
    stays_gateway.expect(b"\x81\x83\0\0\0\0abc").await;
    closes_first(client, gateway).await;
    scene.proxy.line(|line| line["message"] == "websocket").await;
    std::fs::write(scene.proxy.config_file(), "nonsense: true\n").unwrap();
    assert!(ask(&scene, "POST", "/reload").await.starts_with("HTTP/1.1 400 "));

    let text = ask(&scene, "GET", "/metrics").await;
    assert!(text.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{text}");
    let value = |name: &str| {
        let line = body(&text).lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}: {text}")).parse::<f64>().unwrap()
    };
    for (name, expected) in [
        ("frontgate_requests_total{status=\"1xx\"}", 2.0),
        ("frontgate_requests_total{status=\"2xx\"}", 1.0),
        ("frontgate_websockets", 1.0),
        ("frontgate_websockets_opened_total", 2.0),
        ("frontgate_websockets_open", 1.0),
        (
            "frontgate_websockets_ended_total{ended=\"client_closed\",client_code=\"1000\",gateway_code=\"1000\",initiator=\"client\",clean=\"yes\"}",
            1.0,
        ),
        ("frontgate_websocket_handshakes_total{outcome=\"opened\",status=\"101\",reason=\"\"}", 2.0),
        ("frontgate_websocket_handshakes_total{outcome=\"refused_by_gateway\",status=\"403\",reason=\"\"}", 0.0),
        ("frontgate_websocket_handshake_seconds_count", 2.0),
        ("frontgate_websocket_session_seconds_count", 1.0),
        ("frontgate_websocket_idle_seconds_count", 1.0),
        ("frontgate_http_requests_total{route=\"*\",method=\"GET\",status=\"1xx\",protocol=\"h1\"}", 2.0),
        ("frontgate_http_requests_total{route=\"*\",method=\"POST\",status=\"4xx\",protocol=\"h2\"}", 0.0),
        ("frontgate_http_request_seconds_count", 3.0),
        ("frontgate_http_requests_in_flight", 0.0),
        ("frontgate_http_failures_total{code=\"too_many_requests\"}", 0.0),
        ("frontgate_tls_handshakes_total{version=\"1.3\",key_exchange=\"X25519MLKEM768\",resumed=\"no\"}", 1.0),
        ("frontgate_tls_handshake_failures_total{reason=\"client_certificate\"}", 0.0),
        ("frontgate_messages_total{direction=\"client_to_gateway\",opcode=\"text\"}", 1.0),
        ("frontgate_messages_total{direction=\"gateway_to_client\",opcode=\"binary\"}", 0.0),
        ("frontgate_frames_total{direction=\"client_to_gateway\",opcode=\"close\"}", 1.0),
        ("frontgate_messages_bytes_total{direction=\"client_to_gateway\",opcode=\"text\"}", 3.0),
        ("frontgate_message_bytes_bucket{le=\"64.0\",direction=\"client_to_gateway\"}", 1.0),
        ("frontgate_backpressure_seconds_total{direction=\"client_to_gateway\"}", 0.0),
        ("frontgate_ping_seconds_count{leg=\"gateway\"}", 0.0),
        ("frontgate_websocket_frames_total{from=\"client\"}", 2.0),
        ("frontgate_websocket_bytes_total{from=\"client\"}", 17.0),
        ("frontgate_websocket_bytes_total{from=\"gateway\"}", 4.0),
        ("frontgate_reloads_total{outcome=\"refused\"}", 1.0),
        ("frontgate_reloads_total{outcome=\"done\"}", 0.0),
        ("frontgate_connections_accepted_total", 3.0),
        ("frontgate_hold_waiting", 0.0),
        ("frontgate_ready", 1.0),
    ] {
        assert!((value(name) - expected).abs() < 1e-9, "{name} is not {expected}: {text}");
    }
    let connects: Vec<&str> =
        body(&text).lines().filter_map(|line| line.strip_prefix("frontgate_upstream_connect_seconds_count")).collect();
    let [connects] = connects[..] else { panic!("one gateway: {connects:?}") };
    assert!(connects.starts_with("{endpoint=\"http://127.0.0.1:") && connects.ends_with("\"} 3"), "{connects}");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!(value("frontgate_certificate_expiry_timestamp_seconds") > now);
    assert!(value("frontgate_certificate_begin_timestamp_seconds") < now);
    assert!(value("frontgate_open_files") > 5.0 && value("frontgate_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 5.0 && value("process_resident_memory_bytes") > 1e6);
    assert!(value("frontgate_memory_limit_bytes") > 1e7 && value("process_cpu_seconds_total") > 0.0);
    assert!((value("process_start_time_seconds") - now).abs() < 600.0);
}

/// The client closes, and the gateway answers.
async fn closes_first(mut client: Peer, mut gateway: Peer) {
    client.write(b"\x88\x82\0\0\0\0\x03\xe8").await;
    gateway.expect(b"\x88\x82\0\0\0\0\x03\xe8").await;
    gateway.write(b"\x88\x02\x03\xe8").await;
    client.expect(b"\x88\x02\x03\xe8").await;
    client.finish().await;
    gateway.finish().await;
}

#[tokio::test]
async fn what_a_client_writes_takes_little_room_in_the_list_and_the_log() {
    let scene = scene_of_binary(&[ADMIN]).await;
    let long = "a%3D".repeat(15_000);
    let mut open = Vec::new();
    for number in 0..20 {
        let upgrade = UPGRADE.replacen("GET /", &format!("GET /{number}{long}?x="), 1);
        open.push(scene.open_with(Via::Plain, &upgrade).await);
    }
    let list = listed(&scene, 20).await;
    for shown in list["websockets"].as_array().unwrap() {
        assert!(shown["path"].as_str().unwrap().len() <= 200, "{shown}");
    }
    let sorted = ask(&scene, "GET", "/connections?sort=path&search=a%253D").await;
    assert!(sorted.starts_with("HTTP/1.1 200 ") && sorted.len() < 40_000, "{} bytes", sorted.len());
    // No name is as long (RFC 1035 section 2.3.4).
    let mut client = scene.connect(Via::Plain).await;
    client.write(UPGRADE.replacen("Host: ", &format!("Host: {}", "a".repeat(256)), 1)).await;
    client.expect("HTTP/1.1 400 Bad Request\r\n").await;
}

/// The list of WebSockets, once this many are on it: a client has its 101 a moment before.
pub(crate) async fn listed(scene: &Scene<Binary>, count: usize) -> Value {
    within("the WebSockets to be listed", async {
        loop {
            let list: Value = serde_json::from_str(body(&ask(scene, "GET", "/connections").await)).unwrap();
            if list["total"] == count {
                return list;
            }
        }
    })
    .await
}

pub(crate) async fn ask(scene: &Scene<Binary>, method: &str, path: &str) -> String {
    let mut operator = Peer::new(connect(scene.proxy.admin.unwrap()).await.unwrap());
    operator.write(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
    String::from_utf8(operator.rest().await).unwrap()
}

pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

pub(crate) fn cli(scene: &Scene<Binary>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.args(arguments).arg("--admin").arg(scene.proxy.admin.unwrap().to_string());
    command.output().unwrap()
}
