//! Heads that are only partly here.

use std::net::Ipv4Addr;

use tokio::task::JoinSet;

use super::OK;
use crate::harness::{Wire, dial_from, gateway, proxy, within};

/// More than one network may send at once of heads without their ends, whatever memory the machine has.
const MANY: usize = 300;
/// Those of them that there is surely no room for.
const REFUSED: usize = 40;

#[tokio::test]
async fn one_network_cannot_take_all_room_for_heads_that_are_only_partly_here() {
    let gateway = gateway().answering(OK).await;
    let proxy = proxy().upstream(&gateway).plain().start().await;
    let field = format!("X-Field: {}\r\n", "x".repeat(989));
    let begun = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}", field.repeat(60));
    let mut heads = JoinSet::new();
    for _ in 0..MANY {
        let mut client = proxy.plain_client().await;
        let begun = begun.clone();
        heads.spawn(async move {
            client.send(begun).await;
            client.response().await
        });
    }
    for _ in 0..REFUSED {
        let answer = within("a head to be refused", heads.join_next()).await.unwrap().unwrap();
        assert_eq!((answer.status(), answer.field("retry-after").as_deref()), (503, Some("2")));
    }
    // Another network has room, and a head that comes at once needs none.
    let mut other = Wire::new(dial_from(Ipv4Addr::new(127, 0, 0, 2), proxy.plain.unwrap()).await);
    for part in [&begun[..20_000], &begun[20_000..40_000], &begun[40_000..], "\r\n"] {
        other.send(part).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(other.response().await.status(), 200);
    // What has left has given its room back.
    drop(heads);
    within("room for all of a head in parts", async {
        loop {
            let mut client = proxy.plain_client().await;
            if client.try_send(&begun[..50_000]).await.is_ok()
                && client.try_send(format!("{}\r\n", &begun[50_000..])).await.is_ok()
                && client.response().await.status() == 200
            {
                break;
            }
        }
    })
    .await;
}
