//! What one client, and all clients together, may hold.

use std::net::Ipv4Addr;
use std::time::Duration;

use frontgate::config::{Config, CountValue};
use http::Request;

use crate::harness::{Connection, Wire, binary, dial_from, empty, gateway, handshake, proxy, within};
use crate::websocket::peer::{SWITCHED, UPGRADE};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn is_served(client: &mut Wire) {
    client.send(GET).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn one_client_has_so_many_connections_and_no_more() {
    let gateway = gateway().answering(OK).await;
    let few = |config: &mut Config| config.limits.connections_per_client = Some(2);
    let proxy = proxy().upstream(&gateway).config(few).plain().start().await;
    let (mut one, mut two) = (proxy.client().await, proxy.plain_client().await);
    is_served(&mut one).await;
    is_served(&mut two).await;

    // The limit applies before a handshake is paid for.
    let config = proxy.trust().offering(&["http/1.1"]);
    assert!(handshake(proxy.silent().await, config, "localhost").await.is_err());
    assert!(proxy.plain_client().await.rest().await.0.is_empty());

    let other = dial_from(Ipv4Addr::new(127, 0, 0, 2), proxy.plain.unwrap()).await;
    is_served(&mut Wire::new(other)).await;

    drop(one);
    // The permit is free as soon as the end of its connection is noticed.
    within("a free place", async {
        loop {
            let mut next = proxy.plain_client().await;
            if next.try_send(GET).await.is_ok() && next.next_response().await.is_some() {
                break;
            }
        }
    })
    .await;
    is_served(&mut two).await;
}

#[tokio::test]
async fn a_connection_counts_from_accept_though_it_says_nothing() {
    let gateway = gateway().answering(OK).await;
    let few = |config: &mut Config| config.limits.connections_per_client = Some(2);
    let proxy = proxy().upstream(&gateway).config(few).plain().start().await;
    let silent = || async {
        let plain = dial_from(Ipv4Addr::LOCALHOST, proxy.plain.unwrap()).await;
        (Wire::new(proxy.silent().await), Wire::new(plain))
    };
    let (tls, plain) = silent().await;
    // As soon as these two are accepted no other connection of this client is served.
    within("silent connections to be counted", async {
        loop {
            let (mut third, mut fourth) = silent().await;
            if third.try_send(GET).await.is_err() || third.rest().await.0.is_empty() {
                assert!(fourth.rest().await.0.is_empty());
                break;
            }
        }
    })
    .await;
    let other = dial_from(Ipv4Addr::new(127, 0, 0, 2), proxy.plain.unwrap()).await;
    is_served(&mut Wire::new(other)).await;
    drop((tls, plain));
}

#[tokio::test]
async fn a_connection_with_a_proxy_header_counts_from_there_on_for_the_client_that_it_names() {
    let gateway = gateway().answering(OK).await;
    let announced = |config: &mut Config| {
        config.listen.proxy_protocol_from = vec!["127.0.0.0/8".parse().unwrap()];
        config.limits.connections_per_client = Some(2);
        config.timeouts.tls_handshake = Some(Duration::from_millis(500));
    };
    let proxy = proxy().upstream(&gateway).config(announced).plain().start().await;
    let named = |client: u8| {
        let proxy = &proxy;
        async move {
            let mut wire = proxy.plain_client().await;
            let header = format!("PROXY TCP4 203.0.113.{client} 127.0.0.1 4000 8443\r\n");
            let sent = wire.try_send(format!("{header}{GET}")).await.is_ok();
            let answered = sent && wire.next_response().await.is_some_and(|answer| answer.status() == 200);
            answered.then_some(wire)
        }
    };
    // More connections than one peer may have, but no client has more than two.
    let kept = [named(1).await.unwrap(), named(1).await.unwrap(), named(2).await.unwrap(), named(2).await.unwrap()];
    assert!(named(1).await.is_none() && named(2).await.is_none());
    assert!(named(3).await.is_some());

    // Connections on which the header is still due take no client's permits, though there are many.
    let silent = [proxy.plain_client().await, proxy.plain_client().await, proxy.plain_client().await];
    assert!(named(4).await.is_some());
    // A header that names no client counts for the peer.
    let unnamed = async || {
        let mut wire = proxy.plain_client().await;
        let sent = wire.try_send(format!("PROXY UNKNOWN\r\n{GET}")).await.is_ok();
        let answered = sent && wire.next_response().await.is_some_and(|answer| answer.status() == 200);
        answered.then_some(wire)
    };
    let held = [unnamed().await.unwrap(), unnamed().await.unwrap()];
    assert!(unnamed().await.is_none());
    drop((silent, held));
    drop(kept);
}

#[tokio::test]
async fn trusted_proxies_bring_as_many_clients_as_they_have() {
    let gateway = gateway().answering(OK).await;
    let proxied = |config: &mut Config| {
        config.limits.connections_per_client = Some(1);
        config.forwarded.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let proxy = proxy().upstream(&gateway).config(proxied).start().await;
    let (mut one, mut two) = (proxy.client().await, proxy.client().await);
    is_served(&mut one).await;
    is_served(&mut two).await;
}

#[tokio::test]
async fn when_all_permits_are_taken_the_next_client_waits_for_one() {
    let gateway = gateway().answering(OK).await;
    let few = |config: &mut Config| config.limits.connections = CountValue::AtMost(2);
    let proxy = proxy().upstream(&gateway).config(few).plain().start().await;
    let (mut one, mut two) = (proxy.plain_client().await, proxy.client().await);
    is_served(&mut one).await;
    is_served(&mut two).await;
    let mut three = proxy.plain_client().await;
    three.send(GET).await;
    // Enough time to serve it, if it could be.
    for _ in 0..10 {
        is_served(&mut two).await;
    }
    assert!(!three.has_more().await);
    drop(one);
    assert_eq!(three.response().await.status(), 200);
    is_served(&mut two).await;
}

#[tokio::test]
async fn a_listener_without_clients_takes_no_permit() {
    let gateway = gateway().answering(OK).await;
    let one = |config: &mut Config| config.limits.connections = CountValue::AtMost(1);
    let proxy = proxy().upstream(&gateway).config(one).plain().http().start().await;
    // A client of each listener in turn has the only permit.
    for _ in 0..2 {
        is_served(&mut proxy.client().await).await;
        is_served(&mut proxy.plain_client().await).await;
        let mut plain_http_on_tls = proxy.http_client().await;
        plain_http_on_tls.send(GET).await;
        assert_eq!(plain_http_on_tls.response().await.status(), 308);
    }
}

#[tokio::test]
async fn a_flood_of_silent_clients_is_gone_after_the_timeouts() {
    const FLOOD: usize = 100;
    let gateway = gateway().answering(OK).await;
    let patience = |config: &mut Config| {
        (config.timeouts.tls_handshake, config.timeouts.request_head) =
            (Some(Duration::from_millis(200)), Some(Duration::from_millis(200)));
        config.limits.connections = CountValue::AtMost(FLOOD);
    };
    let proxy = proxy().upstream(&gateway).config(patience).plain().start().await;
    let mut flood = Vec::new();
    for number in 0..FLOOD {
        let stream = if number % 2 == 0 {
            proxy.silent().await
        } else {
            dial_from(Ipv4Addr::LOCALHOST, proxy.plain.unwrap()).await
        };
        flood.push(Wire::new(stream));
    }
    for mut client in flood {
        assert!(client.rest().await.0.is_empty());
    }
    is_served(&mut proxy.client().await).await;
    is_served(&mut proxy.plain_client().await).await;
}

/// Whatever clients do, there is a file left for the gateway and for the next client.
#[tokio::test]
async fn connections_stay_below_the_open_file_limit() {
    let gateway = gateway().answering(OK).await;
    let mut proxy = binary().upstream(&gateway).open_files(64).start().await;
    let config = proxy.trust().offering(&["http/1.1"]);
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(proxy.silent().await);
    }
    proxy.line(|line| line["message"] == "limits.connections is reached; new clients wait").await;
    // The clients that were let in are served, all at once; then the others have their turn.
    for stream in clients {
        let mut client = Wire::new(handshake(stream, config.clone(), "localhost").await.unwrap());
        is_served(&mut client).await;
    }
    assert!(proxy.terminate().await.success());
    assert!(!proxy.printed.iter().any(|line| line.contains("cannot accept")), "{:#?}", proxy.printed);
}

/// Never answers `/hang`, sends an answer without an end to `/stream`, and answers the rest.
async fn plays(mut connection: Connection) {
    while let Some(request) = connection.next_request().await {
        match request.target() {
            b"/hang" => drop(connection.rest().await),
            b"/stream" => {
                connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await;
                drop(connection.rest().await);
            }
            _ if request.field("upgrade").is_some() => {
                connection.send(SWITCHED).await;
                drop(connection.rest().await);
            }
            _ => {
                connection.send(OK).await;
                continue;
            }
        }
        return;
    }
}

async fn is_refused(client: &mut Wire, request: &str) {
    client.send(request).await;
    let page = client.response().await;
    assert_eq!((page.status(), page.field("retry-after").as_deref()), (429, Some("5")), "{}", page.text());
}

#[tokio::test]
async fn a_network_has_so_many_requests_under_way_over_both_protocols_and_websockets_are_none() {
    let gateway = gateway().playing(plays).await;
    let three = |config: &mut Config| config.limits.requests_per_client = Some(CountValue::AtMost(3));
    let proxy = proxy().upstream(&gateway).config(three).plain().start().await;
    // As many as there may be, and more WebSockets than that.
    let mut sockets = Vec::new();
    for _ in 0..5 {
        let mut socket = proxy.plain_client().await;
        socket.send(UPGRADE).await;
        assert!(socket.head().await.starts_with("HTTP/1.1 101 "));
        sockets.push(socket);
    }
    let mut two = proxy.http2().await;
    let mut ask = |target: &str| two.begin(Request::get(format!("https://localhost{target}")).body(empty()).unwrap());
    let stream = ask("/stream").await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut hangs = proxy.plain_client().await;
    hangs.send("GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut streams = proxy.client().await;
    streams.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(streams.head().await.starts_with("HTTP/1.1 200 "));
    within("the hanging request", async {
        while gateway.connections() < 8 {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let mut client = proxy.plain_client().await;
    for request in [GET, UPGRADE] {
        is_refused(&mut client, request).await;
    }
    let refused = ask("/").await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"5".parse().unwrap()));
    let mut other = Wire::new(dial_from(Ipv4Addr::new(127, 0, 0, 2), proxy.plain.unwrap()).await);
    is_served(&mut other).await;

    // An answer that ends or is left gives its permit back, whichever protocol it came over.
    drop(stream);
    within("a free place", async {
        loop {
            client.send(GET).await;
            if client.response().await.status() == 200 {
                break;
            }
        }
    })
    .await;
    drop((hangs, streams));
    within("more free places", async { while ask("/").await.unwrap().status() != 200 {} }).await;
}

/// Asks for a WebSocket as `client`: the status, and `Retry-After`.
async fn ask_for_websocket(wire: &mut Wire, client: &str) -> (String, Option<String>) {
    wire.send(UPGRADE.replace("\r\n\r\n", &format!("\r\nX-Forwarded-For: {client}\r\n\r\n"))).await;
    let head = wire.head().await;
    let field = |line: &str| {
        line.split_once(": ")
            .filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
            .map(|(_, value)| value.to_owned())
    };
    (head[9..12].to_owned(), head.lines().find_map(field))
}

#[tokio::test]
async fn a_network_has_so_many_websockets_and_opens_so_many_in_a_minute() {
    let gateway = gateway().playing(plays).await;
    for (open, new, again) in [(Some(2), None, "101"), (None, Some(2), "429")] {
        let limited = |config: &mut Config| {
            config.limits.websockets_per_client = open;
            config.limits.new_per_minute_per_client = new;
            config.forwarded.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        };
        let proxy = proxy().upstream(&gateway).config(limited).plain().start().await;
        let mut held = Vec::new();
        for (client, expected) in [
            ("2001:db8::1", "101"),
            ("2001:db8::2", "101"),
            ("2001:db8::3", "429"),
            ("2001:db8:0:1::1", "101"),
            ("192.0.2.1", "101"),
        ] {
            let mut wire = proxy.plain_client().await;
            let (status, retry_after) = ask_for_websocket(&mut wire, client).await;
            assert_eq!((&*status, retry_after.is_some()), (expected, expected == "429"), "{client} {open:?} {new:?}");
            held.push(wire);
        }
        // Requests that ask for no WebSocket are none of it.
        let mut wire = proxy.plain_client().await;
        wire.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 2001:db8::3\r\n\r\n").await;
        assert_eq!(wire.response().await.status(), 200);
        // One that ends makes room among the open ones, and gives nothing back of the minute.
        held.remove(0);
        within("the next answer", async {
            loop {
                let mut wire = proxy.plain_client().await;
                if ask_for_websocket(&mut wire, "2001:db8::1").await.0 == again {
                    break;
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_network_has_its_own_requests() {
    let gateway = gateway().playing(plays).await;
    let proxied = |config: &mut Config| {
        config.limits.requests_per_client = Some(CountValue::AtMost(2));
        config.forwarded.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let proxy = proxy().upstream(&gateway).config(proxied).plain().start().await;
    let get = |target: &str, client: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: gw.example\r\nX-Forwarded-For: {client}\r\n\r\n")
    };
    let mut hanging = Vec::new();
    for client in ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
        let mut wire = proxy.plain_client().await;
        wire.send(get("/hang", client)).await;
        hanging.push(wire);
    }
    within("the hanging requests", async {
        while gateway.connections() < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The client that a request comes from, and whether that network may have one more.
    for (client, served) in
        [("192.0.2.1", false), ("192.0.2.2", true), ("2001:db8::ffff", false), ("2001:db8:0:1::1", true)]
    {
        let mut wire = proxy.plain_client().await;
        if served {
            wire.send(get("/", client)).await;
            assert_eq!(wire.response().await.status(), 200, "{client}");
        } else {
            is_refused(&mut wire, &get("/", client)).await;
        }
    }
}

#[tokio::test]
async fn in_all_there_are_so_many_requests_and_no_more() {
    let gateway = gateway().playing(plays).await;
    let four = |config: &mut Config| config.limits.requests = CountValue::AtMost(4);
    let proxy = proxy().upstream(&gateway).config(four).plain().start().await;
    let mut hanging = Vec::new();
    for client in 2..6 {
        let mut wire = Wire::new(dial_from(Ipv4Addr::new(127, 0, 0, client), proxy.plain.unwrap()).await);
        wire.send("GET /hang HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        hanging.push(wire);
    }
    within("the hanging requests", async {
        while gateway.connections() < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    is_refused(&mut proxy.plain_client().await, GET).await;
    drop(hanging);
    let mut client = proxy.plain_client().await;
    within("a free place", async {
        loop {
            client.send(GET).await;
            if client.response().await.status() == 200 {
                break;
            }
        }
    })
    .await;
}
