//! A CONNECT that is malformed, that asks for something else, or that this configuration or this client should not have sent.

use serde_json::json;

use super::super::over_http2;
use super::super::scene::{Scene, scene, scene_of_binary, scene_with};
use crate::harness::{Frame2, Proxy, Raw2, within};

const PROTOCOL_ERROR: u32 = 1;
const HTTP_1_1_REQUIRED: u32 = 0xd;

/// A field's name and value.
type Field<'a> = (&'a str, &'a str);

/// What came of a request: its status, or the code that its stream was reset with.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Status(u16),
    Reset(u32),
}

async fn ask(client: &mut Raw2, fields: &[Field<'_>], ends: bool) -> Came {
    let fields: Vec<(&[u8], &[u8])> = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let wanted = client.begin(&fields, ends).await;
    loop {
        match client.frame().await {
            Frame2::Head { stream, status, .. } if stream == wanted => return Came::Status(status),
            Frame2::Reset { stream, code } if stream == wanted => return Came::Reset(code),
            Frame2::GoAway { code } => panic!("the connection was ended: {code}"),
            _ => {}
        }
    }
}

const METHOD: (&str, &str) = (":method", "CONNECT");
const PROTOCOL: (&str, &str) = (":protocol", "websocket");
const SCHEME: (&str, &str) = (":scheme", "https");
const AUTHORITY: (&str, &str) = (":authority", "localhost");
const PATH: (&str, &str) = (":path", "/");

#[tokio::test]
async fn a_malformed_connect_is_refused_and_its_connection_stays() {
    use Came::{Reset, Status};
    let scene = scene().await;
    let mut client = scene.proxy.raw_http2().await;
    let rows: [(&str, &[Field], bool, Came); 15] = [
        ("no :scheme", &[METHOD, PROTOCOL, AUTHORITY, PATH], false, Reset(PROTOCOL_ERROR)),
        ("no :path", &[METHOD, PROTOCOL, SCHEME, AUTHORITY], false, Reset(PROTOCOL_ERROR)),
        ("neither", &[METHOD, PROTOCOL, AUTHORITY], false, Reset(PROTOCOL_ERROR)),
        ("an empty :path", &[METHOD, PROTOCOL, SCHEME, AUTHORITY, (":path", "")], false, Reset(PROTOCOL_ERROR)),
        ("no :authority", &[METHOD, PROTOCOL, SCHEME, PATH], false, Status(400)),
        (":protocol of a GET", &[(":method", "GET"), PROTOCOL, SCHEME, AUTHORITY, PATH], true, Reset(PROTOCOL_ERROR)),
        ("another protocol", &[METHOD, (":protocol", "connect-udp"), SCHEME, AUTHORITY, PATH], false, Status(501)),
        ("an empty protocol", &[METHOD, (":protocol", ""), SCHEME, AUTHORITY, PATH], false, Status(501)),
        ("the end of the stream", &[METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH], true, Status(400)),
        ("a body", &[METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH, ("content-length", "5")], false, Status(400)),
        ("another scheme", &[METHOD, PROTOCOL, (":scheme", "http"), AUTHORITY, PATH], false, Status(421)),
        ("a fragment", &[METHOD, PROTOCOL, SCHEME, AUTHORITY, (":path", "*")], false, Status(400)),
        (
            "upgrade",
            &[METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH, ("upgrade", "websocket")],
            false,
            Reset(PROTOCOL_ERROR),
        ),
        (
            "connection",
            &[METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH, ("connection", "upgrade")],
            false,
            Reset(PROTOCOL_ERROR),
        ),
        // RFC 9113 §8.5: that of a forward proxy.
        ("an ordinary one", &[METHOD, AUTHORITY], false, Status(405)),
    ];
    for (what, fields, ends, expected) in rows {
        assert_eq!(ask(&mut client, fields, ends).await, expected, "{what}");
    }
    scene.round_trip().await;
}

#[tokio::test]
async fn where_it_is_off_it_is_not_offered_and_not_taken() {
    off(scene_with(|config| config.websocket.http2 = false).await).await;
    off(scene_with(|config| config.listen.https[0].http2_websockets = false).await).await;
}

async fn off(scene: Scene<Proxy>) {
    let mut client = scene.proxy.raw_http2().await;
    let fields = [METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH];
    assert_eq!(ask(&mut client, &fields, false).await, Came::Reset(PROTOCOL_ERROR));
    let tls = scene.proxy.tls(scene.proxy.trust().offering(&["h2"])).await;
    let (mut client, connection) = h2::client::handshake(tls).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { drop(connection.await) });
    let request = http::Request::get("https://other.example/").body(()).unwrap();
    let (answer, _) = client.send_request(request, true).unwrap();
    assert_eq!(within("an answer", answer).await.unwrap().status(), 421);
    assert!(!client.is_extended_connect_protocol_enabled());
}

#[tokio::test]
async fn a_client_that_is_known_to_break_is_sent_to_http_1_and_logged() {
    let mut scene = scene_of_binary(&[]).await;
    let mut client = scene.proxy.raw_http2().await;
    let agent =
        |version: &str| format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}) Gecko/20100101 Firefox/{version}");
    let (old, young) = (agent("88.0"), agent("152.0"));
    let fields = |agent| [METHOD, PROTOCOL, SCHEME, AUTHORITY, PATH, ("user-agent", agent)];
    assert_eq!(ask(&mut client, &fields(&old), false).await, Came::Reset(HTTP_1_1_REQUIRED));
    let line = scene.proxy.line(|line| line["message"] == "request").await;
    let expected = (&json!("CONNECT"), &json!(505), &json!("http1_required"), &json!("done"));
    assert_eq!((&line["method"], &line["status"], &line["failure"], &line["ended"]), expected);
    let serve = async { scene.accept().await.grant().await };
    let young = fields(&young);
    let (came, ()) = tokio::join!(ask(&mut client, &young, false), serve);
    assert_eq!(came, Came::Status(200));
}

#[tokio::test]
async fn it_is_offered_in_the_settings() {
    let scene = scene().await;
    let mut tasks = tokio::task::JoinSet::new();
    let tls = scene.proxy.tls(scene.proxy.trust().offering(&["h2"])).await;
    let client = within("the settings", over_http2::client(tls, &mut tasks)).await.unwrap();
    assert!(client.is_extended_connect_protocol_enabled());
}
