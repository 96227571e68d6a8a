//! Many WebSockets and requests on one connection.

use futures_util::future::join_all;
use http::Request;
use serde_json::Value;

use super::super::frame::Frame;
use super::super::scene::{Via, scene, scene_of_binary};
use super::Client;
use crate::harness::within;

#[tokio::test]
async fn sockets_and_requests_run_beside_each_other_on_one_connection() {
    let scene = scene().await;
    let mut client = Client::connect(&scene.proxy).await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(client.open(&scene).await);
    }
    for turn in 0..3 {
        join_all(open.iter_mut().enumerate().map(async |(number, (socket, gateway))| {
            let frame = Frame::binary(vec![u8::try_from(number).unwrap(); 1 + 700 * number]);
            socket.write(frame.masked()).await;
            gateway.expect(frame.masked()).await;
            gateway.write(frame.bare()).await;
            socket.expect(frame.bare()).await;
        }))
        .await;
        let request = Request::get(format!("https://localhost/{turn}")).body(()).unwrap();
        let (answer, _) = client.connection.send_request(request, true).unwrap();
        let mut gateway = scene.accept().await;
        assert!(gateway.head().await.starts_with(&format!("GET /{turn} ")));
        gateway.write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(within("an answer", answer).await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn the_list_of_open_sockets_says_which_share_a_connection() {
    let mut scene = scene_of_binary(&["admin: 127.0.0.1:0"]).await;
    let mut client = Client::connect(&scene.proxy).await;
    let (_one, _two) = (client.open(&scene).await, client.open(&scene).await);
    let mut other = Client::connect(&scene.proxy).await;
    let (_alone, _over_http1) = (other.open(&scene).await, scene.open(Via::Tls).await);
    let list = crate::operator::listed(&scene, 4).await;
    let rows: Vec<(&Value, u64)> = list["websockets"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|row| (&row["protocol"], row["connection"].as_u64().unwrap()))
        .collect();
    let numbers: Vec<u64> = rows.iter().map(|(_, number)| *number).collect();
    assert_eq!(
        rows.iter().map(|(protocol, _)| protocol.as_str().unwrap()).collect::<Vec<_>>(),
        ["h2", "h2", "h2", "h1"]
    );
    assert_eq!(numbers[0], numbers[1]);
    assert!(numbers[1] < numbers[2] && numbers[2] < numbers[3], "{numbers:?}");
    // One of them is closed, and the other stays.
    let id = list["websockets"][3]["id"].as_str().unwrap().to_owned();
    crate::operator::ask(&scene, "DELETE", &format!("/connections/{id}")).await;
    let line = scene.proxy.line(|line| line["message"] == "websocket").await;
    assert_eq!(line["ended"], "closed_by_operator");
    crate::operator::listed(&scene, 3).await;
}
