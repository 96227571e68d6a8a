//! Header fields that a route sets or removes, on the wire.

use super::{called, get, upgrade};
use crate::harness::{gateway, proxy};
use crate::websocket::peer::SWITCHED;

const RULES: &str = "
routes:
  - path: /ruled
    request_headers: { set: { X-Team: blue, Authorization: Bearer hush }, remove: [X-Debug, Origin] }
    response_headers: { set: { X-Frame-Options: DENY }, remove: [Server] }
  - path: /fixed
    respond: 403
    response_headers: { set: { X-Frame-Options: DENY } }
  - {}
";

#[tokio::test]
async fn requests_and_answers_have_the_fields_of_their_route() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(RULES).plain().start().await;
    let mut client = proxy.plain_client().await;
    let ask = |target: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: gw\r\nX-A: 1\r\nX-Team: red\r\nx_team: green\r\nX-Debug: 1\r\nX-B: 2\r\n\
             Authorization: Basic x\r\nConnection: X-Team\r\n\r\n"
        )
    };
    client.send(ask("/ruled")).await;
    let answer = client.response().await;
    assert_eq!((answer.field("x-frame-options"), answer.field("server")), (Some("DENY".into()), None));
    let request = gateway.request().await;
    let fields: Vec<(String, String)> =
        request.fields().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let own = |name: &str| !name.starts_with("x-forwarded") && name != "x-real-ip";
    let told: Vec<String> =
        fields.iter().filter(|(name, _)| own(name)).map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(told, ["host: gw", "x-a: 1", "x-b: 2", "x-team: blue", "authorization: Bearer hush"]);

    client.send(ask("/")).await;
    let answer = client.response().await;
    assert_eq!((answer.field("x-frame-options"), answer.field("server")), (None, Some("one".into())));
    let request = gateway.request().await;
    assert_eq!((request.field("x-debug"), request.field("authorization")), (Some("1".into()), Some("Basic x".into())));

    client.send(get("gw", "/fixed")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.field("x-frame-options")), (403, Some("DENY".into())));
}

#[tokio::test]
async fn a_page_of_ours_has_them_too() {
    let gateway = gateway().playing(|connection| async move { drop(connection) }).await;
    let proxy = proxy().upstream(&gateway).routes(RULES).config(|config| config.hold = None).plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send(get("gw", "/ruled")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.field("x-frame-options")), (502, Some("DENY".into())));
    assert!(answer.body_text().contains("code: gateway_closed"), "{}", answer.text());
}

#[tokio::test]
async fn a_websocket_has_them_and_the_check_of_its_origin_sees_what_the_client_sent() {
    let mut gateway = gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send(SWITCHED).await;
            connection.closed().await;
        })
        .await;
    let proxy = proxy()
        .upstream(&gateway)
        .routes(RULES)
        .config(|config| config.websocket.allowed_origins = frontgate::config::AllowedOrigins::SameHost)
        .plain()
        .start()
        .await;
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw", "/ruled", "Origin: http://gw\r\nX-Debug: 1\r\n")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("x-frame-options: DENY\r\n"), "{head}");
    let request = gateway.request().await;
    assert_eq!((request.field("x-team"), request.field("origin")), (Some("blue".into()), None));
    assert_eq!(request.field("upgrade").as_deref(), Some("websocket"));
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw", "/ruled", "Origin: http://evil.example\r\n")).await;
    assert_eq!(client.response().await.status(), 403);
}
