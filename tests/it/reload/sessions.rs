//! Logins that end while their WebSockets are open: 1008 `session ended`, and no other WebSocket notices.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::macros::format_description;

use super::*;
use crate::harness::{Connection, Message};
use crate::signals::closes;
use crate::websocket::scene::Scene;

/// A handshake with these fields.
fn upgrade(fields: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: gw.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{fields}\r\n"
    )
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn hash(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string()
}

/// Both sides are told that the login has ended, and the log says whose it was.
async fn ended(scene: &mut Scene<Binary>, (client, gateway): (Peer, Peer), user: &str) {
    closes(client, &Frame::close(1008, "session ended")).await;
    closes(gateway, &Frame::close(1001, "client session ended")).await;
    let line = scene.proxy.line(|line| line["message"] == "websocket" && line["ended"] == "session_ended").await;
    assert_eq!(
        (&line["user"], &line["client_close_sent"], &line["clean"]),
        (&user.into(), &1008.into(), &true.into()),
        "{line}"
    );
}

/// Nothing has happened to a WebSocket.
async fn lives((client, gateway): &mut (Peer, Peer)) {
    client.write(b"\x81\x83\0\0\0\0abc").await;
    gateway.expect(b"\x81\x83\0\0\0\0abc").await;
}

#[tokio::test]
async fn a_user_or_a_token_that_a_reload_takes_away_loses_its_sockets_and_no_other() {
    let (ann, bob) = (hash("hush"), hash("quiet"));
    let auth =
        |basic: &str, token: &str| format!("auth: {{ basic: {{ {basic} }}, token: {{ {token} }}, recheck: off }}");
    let (robot, cli) = (sha256("robot"), sha256("cli"));
    let (users, tokens) =
        (format!("ann: '{ann}', bob: '{bob}'"), format!("robot: {{ sha256: {robot} }}, cli: {{ sha256: {cli} }}"));
    let before = auth(&users, &tokens);
    let mut scene = scene_of_binary(&[ADMIN, &before]).await;
    let http2 = upgrade(&basic("ann:hush"));
    let first = scene.open_with(Via::Tls, &http2).await;
    let second = scene.open_with(Via::Http2, &http2).await;
    let mut other = scene.open_with(Via::Plain, &upgrade(&basic("bob:quiet"))).await;
    let token = scene.open_with(Via::Plain, &upgrade(&bearer("robot"))).await;
    let mut kept = scene.open_with(Via::Tls, &upgrade(&bearer("cli"))).await;

    // Another user more ends nothing.
    let more = text(&scene.proxy).replace(&before, &auth(&format!("{users}, eve: '{bob}'"), &tokens));
    reload(&mut scene.proxy, &more).await;
    lives(&mut other).await;
    let gone = more.replace(&format!("ann: '{ann}', "), "");
    reload(&mut scene.proxy, &gone).await;
    ended(&mut scene, first, "ann").await;
    ended(&mut scene, second, "ann").await;
    lives(&mut other).await;
    let no_robot = gone.replace(&format!("robot: {{ sha256: {robot} }}, "), "");
    reload(&mut scene.proxy, &no_robot).await;
    ended(&mut scene, token, "robot").await;
    // Another password is another login.
    let changed = no_robot.replace(&format!("bob: '{bob}'"), &format!("bob: '{}'", hash("other")));
    lives(&mut other).await;
    reload(&mut scene.proxy, &changed).await;
    ended(&mut scene, other, "bob").await;
    lives(&mut kept).await;
}

#[tokio::test]
async fn a_token_that_expires_ends_its_sockets_then() {
    let soon = OffsetDateTime::now_utc() + Duration::from_secs(3);
    let soon = soon.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).unwrap();
    let auth = format!(
        "auth: {{ token: {{ robot: {{ sha256: {}, expires: {soon} }}, cli: {{ sha256: {} }} }} }}",
        sha256("robot"),
        sha256("cli")
    );
    let mut scene = scene_of_binary(&[ADMIN, &auth]).await;
    let mut kept = scene.open_with(Via::Plain, &upgrade(&bearer("cli"))).await;
    let opened = scene.open_with(Via::Tls, &upgrade(&bearer("robot"))).await;
    ended(&mut scene, opened, "robot").await;
    lives(&mut kept).await;
}

/// A login service that says what its cookies ask for; the tests say what `login=ann` means.
async fn service(says: Arc<AtomicUsize>) -> Gateway {
    gateway()
        .playing(move |connection| {
            let says = Arc::clone(&says);
            async move { answer(connection, &says).await }
        })
        .await
}

async fn answer(mut connection: Connection, says: &AtomicUsize) {
    while let Some(request) = connection.request().await {
        let is_ann = |request: &Message| request.field("cookie").is_some_and(|cookie| cookie == "login=ann");
        let status = if is_ann(&request) { says.load(Ordering::SeqCst) } else { 200 };
        if status == 0 {
            return;
        }
        connection.send(format!("HTTP/1.1 {status} Said\r\nRemote-User: x\r\nContent-Length: 0\r\n\r\n")).await;
    }
}

#[tokio::test]
async fn a_login_service_that_refuses_ends_the_session_and_one_that_is_absent_does_not() {
    for refusal in [302, 401, 403] {
        let says = Arc::new(AtomicUsize::new(200));
        let mut service = service(Arc::clone(&says)).await;
        let auth = format!(
            "auth: {{ forward: {{ url: \"{}/\", answer_headers: [Remote-User] }}, recheck: 1s }}",
            service.upstream
        );
        let mut scene = scene_of_binary(&[ADMIN, &auth]).await;
        let first = scene.open_with(Via::Tls, &upgrade("Cookie: login=ann\r\n")).await;
        let mut second = scene.open_with(Via::Plain, &upgrade("Cookie: login=ann\r\n")).await;
        let mut other = scene.open_with(Via::Plain, &upgrade("Cookie: login=bob\r\n")).await;
        // One question a session, not one a socket; and each is the question of the upgrade.
        let asked = service.request().await;
        assert_eq!(asked.field("x-forwarded-uri").as_deref(), Some("/ws"));
        for absent in [500, 0] {
            says.store(absent, Ordering::SeqCst);
            let mut heard = 0;
            while heard < 3 {
                let again = service.request().await;
                heard += usize::from(again.field("cookie").as_deref() == Some("login=ann"));
            }
            lives(&mut second).await;
        }
        says.store(refusal, Ordering::SeqCst);
        ended(&mut scene, first, "x").await;
        ended(&mut scene, second, "x").await;
        lives(&mut other).await;
    }
}

#[tokio::test]
async fn the_live_list_names_the_user() {
    let auth = format!("auth: {{ basic: {{ ann: '{}' }} }}", hash("hush"));
    let mut scene = scene_of_binary(&[ADMIN, &auth]).await;
    let mut opened = scene.open_with(Via::Plain, &upgrade(&basic("ann:hush"))).await;
    // The client has its 101 a moment before the list has the WebSocket.
    lives(&mut opened).await;
    let (_, list) = ask(&scene.proxy, "GET", "/connections").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["websockets"][0]["user"], "ann", "{list}");
    // Without the login there is nothing to look at again.
    let open = text(&scene.proxy).replace(&auth, "");
    reload(&mut scene.proxy, &open).await;
    lives(&mut opened).await;
}
