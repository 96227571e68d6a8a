//! What guards an upgrade guards a CONNECT: origins, logins, routes, limits, and the wait for a gateway that restarts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontgate::config::{AllowedOrigins, CountValue};

use super::super::frame::Frame;
use super::super::scene::scene_with;
use super::{Client, StreamEnd};
use crate::harness::{Reserved, gateway, proxy};

/// A field's name and value.
type Field<'a> = (&'a str, &'a str);

#[tokio::test]
async fn pages_of_other_origins_are_refused_before_the_gateway_sees_them() {
    let scene = scene_with(|config| config.websocket.allowed_origins = AllowedOrigins::SameHost).await;
    let mut client = Client::connect(&scene.proxy).await;
    for origin in ["https://evil.example", "null", "http://localhost"] {
        let (status, _, body) = client.ask("/", &[("origin", origin)]).refused().await;
        assert_eq!((status, String::from_utf8(body).unwrap().contains("origin_not_allowed")), (403, true), "{origin}");
    }
    let asked = client.ask("/", &[("origin", "https://localhost")]);
    let mut gateway = scene.accept().await;
    gateway.grant().await;
    asked.granted().await;
}

#[tokio::test]
async fn a_route_with_a_login_asks_for_it_and_tells_the_gateway_the_name() {
    let ann = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let mut gateway = gateway().answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let routes = format!(
        "routes:\n  - {{ path: /team, auth: {{ basic: {{ ann: '{ann}' }}, user_header: X-Forwarded-User }} }}\n  - {{ path: /none, respond: 404 }}\n  - {{}}\n"
    );
    let proxy = proxy().upstream(&gateway).routes(&routes).start().await;
    let mut client = Client::connect(&proxy).await;
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let (right, wrong) = (basic("ann:hush"), basic("ann:loud"));
    let rows: [(&str, &[Field<'_>], u16); 5] = [
        ("/team/ws", &[], 401),
        ("/team/ws", &[("authorization", &wrong)], 401),
        ("/none/ws", &[("authorization", &right)], 404),
        ("/team/ws", &[("authorization", &right), ("x-forwarded-user", "root")], 403),
        ("/other", &[("x-forwarded-user", "root")], 403),
    ];
    for (target, fields, expected) in rows {
        let (status, answer, _) = client.ask(target, fields).refused().await;
        assert_eq!(status, expected, "{target}");
        assert_eq!(answer.contains_key("www-authenticate"), status == 401, "{target}");
    }
    let seen = gateway.request().await;
    assert_eq!(
        (seen.target(), seen.field("x-forwarded-user"), seen.field("authorization")),
        (&b"/team/ws"[..], Some("ann".to_owned()), None)
    );
    let seen = gateway.request().await;
    assert_eq!((seen.target(), seen.field("x-forwarded-user")), (&b"/other"[..], None));
    assert!(gateway.unexpected().is_none());
}

#[tokio::test]
async fn sockets_of_one_client_are_limited_while_they_are_asked_for() {
    let scene = scene_with(|config| config.limits.requests_per_client = Some(CountValue::AtMost(2))).await;
    let mut client = Client::connect(&scene.proxy).await;
    let (one, two) = (client.ask("/", &[]), client.ask("/", &[]));
    let (mut first, mut second) = (scene.accept().await, scene.accept().await);
    let (status, fields, _) = client.ask("/", &[]).refused().await;
    assert_eq!((status, fields.contains_key("retry-after")), (429, true));
    first.grant().await;
    second.grant().await;
    let _open = (one.granted().await, two.granted().await);
    // An open one is no request that is under way.
    client.open(&scene).await;
}

#[tokio::test]
async fn messages_are_counted_and_measured_as_over_http_1() {
    let scene = scene_with(|config| config.websocket.max_messages_per_minute = Some(2)).await;
    let mut client = Client::connect(&scene.proxy).await;
    let (mut socket, mut gateway) = client.open(&scene).await;
    for _ in 0..3 {
        socket.write(Frame::text("again").masked()).await;
    }
    gateway.expect([Frame::text("again").masked(), Frame::text("again").masked()].concat()).await;
    socket.expect(Frame::close(1008, "too many messages").bare()).await;
    socket.write(Frame::close(1000, "").masked()).await;
    socket.finish();
    assert_eq!(socket.end().await, StreamEnd::EndStream);
}

#[tokio::test]
async fn a_socket_waits_for_a_gateway_that_restarts() {
    let address = Reserved::new();
    let proxy = proxy().config(|config| config.upstream = address.upstream()).start().await;
    let mut client = Client::connect(&proxy).await;
    let mut asked = client.ask("/", &[("sec-websocket-version", "13")]);
    let early = Frame::text("early").masked();
    super::write(&mut asked.send, &early).await;
    // Another request is refused at once: the first has been read by then.
    let (status, ..) = client.ask("/", &[("content-length", "5")]).refused().await;
    assert_eq!(status, 400);
    let _gateway = gateway()
        .at(address)
        .playing(move |mut connection| {
            let early = early.clone();
            async move {
                let Some(request) = connection.request().await else { return };
                let head = format!("sec-websocket-key: {}\r\n", request.field("sec-websocket-key").unwrap());
                connection.send(super::super::peer::switched(&head)).await;
                assert_eq!(connection.exactly(early.len()).await, early);
                connection.send(Frame::text("at last").bare()).await;
                std::future::pending::<()>().await;
            }
        })
        .await;
    let (mut socket, _) = asked.granted().await;
    socket.expect(Frame::text("at last").bare()).await;
}

#[tokio::test]
async fn a_silent_client_is_pinged_on_its_stream() {
    let interval = Some(std::time::Duration::from_millis(100));
    let scene = scene_with(|config| config.websocket.ping_interval = interval).await;
    let mut client = Client::connect(&scene.proxy).await;
    let (mut socket, _gateway) = client.open(&scene).await;
    socket.expect([0x89, 8]).await;
}
