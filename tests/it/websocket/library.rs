//! A WebSocket library at both ends, which knows nothing of the proxy in between.

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::join;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, client_async};

use super::scene::{EVERY, Scene, Via, scene_with};
use crate::harness::{Proxy, within};

#[tokio::test]
async fn a_client_library_gets_its_echo_from_a_server_library() {
    let interval = Some(std::time::Duration::from_millis(20));
    let scene = scene_with(|config| config.websocket.ping_interval = interval).await;
    for via in EVERY {
        within("all messages", async { join!(echo(&scene), chat(&scene, via)) }).await;
    }
}

async fn echo(scene: &Scene<Proxy>) {
    let mut socket = accept_async(scene.accept().await.into_stream()).await.unwrap();
    while let Some(message) = socket.next().await {
        match message {
            Ok(message) if message.is_text() || message.is_binary() => socket.send(message).await.unwrap(),
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn chat(scene: &Scene<Proxy>, via: Via) {
    let stream = scene.connect(via).await.into_stream();
    let (mut socket, _) = client_async("ws://gw.example.com/echo?x=%2F", stream).await.unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for number in 0..200 {
        let most = 1 << random.u32(0..18);
        let size = random.usize(0..=most);
        let message = if number % 2 == 0 {
            Message::binary(std::iter::repeat_with(|| random.u8(..)).take(size).collect::<Vec<_>>())
        } else {
            Message::text(std::iter::repeat_with(|| random.alphanumeric()).take(size).collect::<String>())
        };
        socket.send(message.clone()).await.unwrap();
        let echo = loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Ping(_) => {}
                message => break message,
            }
        };
        assert!(echo == message, "message {number} of {size} bytes came back changed");
    }
    let close_frame = CloseFrame { code: CloseCode::Normal, reason: "done".into() };
    socket.close(Some(close_frame.clone())).await.unwrap();
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(close))) => assert_eq!(close, Some(close_frame.clone())),
            Some(Ok(_)) => {}
            Some(Err(Error::ConnectionClosed)) | None => return,
            Some(Err(error)) => panic!("{error}"),
        }
    }
}
