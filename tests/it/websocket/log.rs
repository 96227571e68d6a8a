//! What the log says about WebSockets: one line each at its end, no secrets, and what the gateway's configuration
//! lacks.

use serde_json::{Value, json};

use super::frame::Frame;
use super::peer::UPGRADE;
use super::scene::{Via, scene_of_binary};

#[tokio::test]
async fn a_websocket_is_one_line_at_its_end() {
    let mut scene = scene_of_binary(&["websocket: { ping_interval: 100ms }"]).await;
    let upgrade = UPGRADE.replace("GET / ", "GET /openclaw?session=main ");
    let (mut client, mut gateway) = scene.open_with(Via::Tls, &upgrade).await;
    let request = scene.proxy.line(|line| line["message"] == "request").await;
    assert_eq!((&request["status"], &request["ended"]), (&json!(101), &json!("upgraded")));

    let (ping, ping_to_gateway) = (client.frame().await, gateway.frame().await);
    let from_client =
        [Frame::pong(&ping.payload), Frame::text("hello"), Frame::new(0x01, "in "), Frame::new(0x80, "two")];
    for frame in &from_client {
        client.write(frame.masked()).await;
    }
    gateway.write(Frame::pong(&ping_to_gateway.payload).bare()).await;
    gateway.write(Frame::binary(vec![0; 70_000]).bare()).await;
    gateway.write(Frame::close(1008, "pairing required\n").bare()).await;
    let (frame, _) = client.reader.frame_after_pings().await;
    assert_eq!(frame.payload.len(), 70_000);
    client.expect(Frame::close(1008, "pairing required\n").bare()).await;
    client.write(Frame::close(1000, "").masked()).await;
    while gateway.frame().await != (Frame { mask: super::peer::CLIENT, ..Frame::close(1000, "") }) {}

    let mut line = scene.proxy.line(|line| line["message"] == "websocket").await;
    let sent = |frames: &[Frame]| frames.iter().map(|frame| frame.masked().len()).sum::<usize>();
    for (field, fits) in [
        ("timestamp", Value::is_string as fn(&Value) -> bool),
        ("duration_ms", |value| value.as_f64().is_some_and(|ms| ms > 50.0)),
        ("client_pings", |value| value.as_u64().is_some_and(|pings| pings >= 1)),
        ("gateway_pings", |value| value.as_u64().is_some_and(|pings| pings >= 1)),
        ("client_rtt_ms", Value::is_number),
        ("client_rtt_avg_ms", Value::is_number),
        ("gateway_rtt_ms", Value::is_number),
        ("gateway_rtt_avg_ms", Value::is_number),
    ] {
        let value = line.as_object_mut().unwrap().remove(field).unwrap_or_default();
        assert!(fits(&value), "{field}: {value}");
    }
    let close = Frame::close(1000, "");
    let expected = json!({
        "level": "INFO",
        "message": "websocket",
        "id": request["id"],
        "conn": request["conn"],
        "client": "127.0.0.1",
        "host": "gw.example.com",
        "target": "/openclaw?session=main",
        "protocol": "h1",
        "ended": "gateway_closed",
        "clean": true,
        "client_frames": 4,
        "client_messages": 2,
        "client_bytes": sent(&from_client[1..]) + sent(&[close]),
        "client_close_received": 1000,
        "client_close_sent": 1008,
        "gateway_frames": 2,
        "gateway_messages": 1,
        "gateway_bytes": 70_010 + 2 + 2 + 17,
        "gateway_close_received": 1008,
        "gateway_close_sent": 1000,
        "gateway_reason": "pairing required\\n",
    });
    assert_eq!(line, expected);
    assert!(scene.proxy.terminate().await.success());
    let lines = scene.proxy.printed.iter().filter(|line| line.contains("\"websocket\"")).count();
    assert_eq!(lines, 1, "{:#?}", scene.proxy.printed);
}

#[tokio::test]
async fn what_frontgate_itself_said_at_the_end_is_in_the_line() {
    let mut scene = scene_of_binary(&[]).await;
    let (mut client, gateway) = scene.open(Via::Tls).await;
    gateway.reset();
    client.expect(Frame::close(1012, "gateway connection lost").bare()).await;
    client.write(Frame::close(1012, "").masked()).await;
    let line = scene.proxy.line(|line| line["message"] == "websocket").await;
    let said = [
        "ended",
        "clean",
        "client_close_sent",
        "client_close_received",
        "gateway_close_sent",
        "gateway_close_received",
    ];
    assert_eq!(
        said.map(|field| &line[field]),
        [&json!("gateway_lost"), &json!(true), &json!(1012), &json!(1012), &Value::Null, &Value::Null]
    );

    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    client.write(&Frame::text("half of this").masked()[..9]).await;
    gateway.expect(&Frame::text("half of this").masked()[..9]).await;
    client.vanish();
    assert_eq!(gateway.rest().await, b"");
    let line = scene.proxy.line(|line| line["message"] == "websocket").await;
    assert_eq!(
        said.map(|field| &line[field]),
        [&json!("client_lost"), &json!(false), &Value::Null, &Value::Null, &Value::Null, &Value::Null]
    );
}

#[tokio::test]
async fn no_secret_is_printed_wherever_it_comes() {
    let mut scene = scene_of_binary(&["log: { level: debug }", "hold: off"]).await;
    let secret = "s3cr3t-0123456789";
    let targets = [
        format!("/?token={secret}"),
        format!("/?x=1&bootstrapToken={secret}&y=2"),
        format!("/chat?access_token={secret}#"),
        format!("/?TOKEN={secret}"),
        format!("/?%74oken={secret}"),
        format!("/?code={secret}&password={secret}"),
    ];
    let fields = [
        format!("Referer: https://gw.example.com/?token={secret}\r\n"),
        format!("Referer: https://gw.example.com/#token={secret}\r\n"),
        format!("Sec-WebSocket-Protocol: openclaw.v1, {secret}\r\n"),
        format!("Cookie: session={secret}\r\n"),
        format!("Authorization: Bearer {secret}\r\n"),
        format!("Proxy-Authorization: Basic {secret}\r\n"),
        format!("X-OpenClaw-Token: {secret}\r\n"),
    ];
    let mut requests: Vec<String> =
        targets.iter().map(|target| UPGRADE.replace("GET / ", &format!("GET {target} "))).collect();
    requests.extend(fields.iter().map(|field| UPGRADE.replace("Accept:", &format!("{field}Accept:"))));
    for upgrade in &requests {
        let mut client = scene.connect(Via::Tls).await;
        if upgrade.contains("# HTTP") {
            client.write(upgrade).await;
            assert!(client.head().await.starts_with("HTTP/1.1 400 "));
            continue;
        }
        // Once granted, once refused, once with the gateway gone in between.
        client.write(upgrade).await;
        let mut gateway = scene.accept().await;
        gateway.grant().await;
        client.head().await;
        client.write([Frame::text(secret).masked(), Frame::close(1000, "").masked()].concat()).await;
        gateway.expect(Frame::text(secret).masked()).await;
        gateway.write(Frame::close(1000, "").bare()).await;
        assert_eq!(client.rest().await, Frame::close(1000, "").bare());

        let mut client = scene.connect(Via::Tls).await;
        client.write(upgrade).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        gateway.write("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        assert!(client.head().await.starts_with("HTTP/1.1 401 "));

        let mut client = scene.connect(Via::Tls).await;
        client.write(upgrade).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        drop(gateway);
        assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    }
    // A request that cannot be read, and one with a body where none belongs.
    for broken in [
        format!("GET /?token={secret} HTTP/9.9\r\n\r\n"),
        format!("GET /?token={secret}\u{1} HTTP/1.1\r\nHost: x\r\n\r\n"),
    ] {
        let mut client = scene.connect(Via::Tls).await;
        client.write(broken).await;
        assert!(client.head().await.starts_with("HTTP/1.1 400 "));
    }
    assert!(scene.proxy.terminate().await.success());
    let all = format!("{}\n{}", scene.proxy.printed.join("\n"), scene.proxy.stderr());
    assert!(all.contains("token=***"), "{all}");
    let leaks: Vec<_> = all.lines().filter(|line| line.contains(secret)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[tokio::test]
async fn what_the_gateways_configuration_lacks_is_said_once() {
    let mut scene = scene_of_binary(&[]).await;
    let upgrade = UPGRADE.replace("Accept:", "Origin: https://gw.example.com:8443\r\nAccept:");
    let body = r#"{"error":{"message":"…","code":"proxy_attribution_required"}}"#;
    for _ in 0..3 {
        let mut client = scene.connect(Via::Tls).await;
        client.write(&upgrade).await;
        let mut gateway = scene.accept().await;
        gateway.head().await;
        let head = format!("Content-Type: application/json; charset=utf-8\r\nContent-Length: {}", body.len());
        gateway.write(format!("HTTP/1.1 403 Forbidden\r\n{head}\r\n\r\n{body}")).await;
        assert!(client.head().await.starts_with("HTTP/1.1 403 "));
        client.expect(body).await;
    }
    for _ in 0..3 {
        let (mut client, mut gateway) = scene.open_with(Via::Tls, &upgrade).await;
        let close = Frame::close(1008, "Origin not allowed (open the Control UI from the gateway host)");
        gateway.write(close.bare()).await;
        client.expect(close.bare()).await;
        client.write(close.masked()).await;
        gateway.expect(close.masked()).await;
    }
    assert!(scene.proxy.terminate().await.success());
    let lines = scene.proxy.printed.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let warnings: Vec<Value> = lines
        .filter(|line| line["level"] == "WARN")
        .map(|mut line| {
            line.as_object_mut().unwrap().remove("timestamp");
            line
        })
        .collect();
    let allowed = r#"gateway.controlUi.allowedOrigins: ["https://gw.example.com:8443"]"#;
    let expected = [
        json!({
            "level": "WARN",
            "message": "the gateway does not trust this proxy: add to its openclaw.json",
            "add": r#"gateway.trustedProxies: ["127.0.0.1"]"#,
            "allowed_origins_hint": allowed,
            "and_if_that_page_is_yours": allowed,
        }),
        json!({
            "level": "WARN",
            "message": "the gateway does not allow the page's origin: add to its openclaw.json",
            "allowed_origins_hint": allowed,
            "and_if_that_page_is_yours": allowed,
        }),
    ];
    assert_eq!(warnings, expected);
}
