//! A client comes to the same gateway again: by a cookie, by its address, by a header.

use std::net::{Ipv4Addr, SocketAddr};

use http::Request;
use tokio::task::JoinSet;

use super::upgrade;
use crate::harness::{Gateway, Proxy, Wire, binary, dial, dial_from, empty, gateway, proxy, within};
use crate::websocket::over_http2;
use crate::websocket::peer::switched;

/// A gateway that says its name, in answers and in the 101, and whether it saw a cookie.
async fn named(name: &'static str) -> Gateway {
    gateway()
        .playing(move |mut connection| async move {
            while let Some(request) = connection.request().await {
                let cookie = request.field("cookie").unwrap_or_default();
                if request.field("upgrade").is_some() {
                    let head = switched(&request.head());
                    let head = head.replace("\r\n\r\n", &format!("\r\nX-Name: {name}\r\nX-Cookie: {cookie}\r\n\r\n"));
                    connection.send(head).await;
                    connection.closed().await;
                    return;
                }
                let head =
                    format!("HTTP/1.1 200 OK\r\nX-Name: {name}\r\nX-Cookie: {cookie}\r\nContent-Length: 0\r\n\r\n");
                if connection.try_send(head).await.is_err() {
                    return;
                }
            }
        })
        .await
}

fn team(gateways: &[&Gateway], rest: &str) -> String {
    let endpoints: Vec<String> = gateways.iter().map(|gateway| format!("'{}'", gateway.upstream)).collect();
    format!(
        "routes: [{{ upstream: team }}]\nupstreams: {{ team: {{ endpoints: [{}], {rest} }} }}\n",
        endpoints.join(", ")
    )
}

/// What came of a request: which gateway, the cookie that it saw, and the cookie that the client is to keep.
struct Answered {
    status: u16,
    name: String,
    saw: String,
    set: Option<String>,
}

async fn ask(client: &mut Wire, fields: &str) -> Answered {
    client.send(format!("GET / HTTP/1.1\r\nHost: gw\r\n{fields}\r\n")).await;
    let answer = client.response().await;
    let field = |name| answer.field(name);
    Answered {
        status: answer.status(),
        name: field("x-name").unwrap_or_default(),
        saw: field("x-cookie").unwrap_or_default(),
        set: field("set-cookie"),
    }
}

fn pair(set: &str) -> &str {
    set.split(';').next().expect("a pair")
}

#[tokio::test]
async fn a_cookie_leads_requests_and_websockets_back_and_no_gateway_sees_it() {
    let (one, two, three) = (named("one").await, named("two").await, named("three").await);
    let routes = team(&[&one, &two, &three], "sticky: { cookie: place, ttl: 1h }");
    let proxy = proxy().routes(&routes).plain().start().await;
    let mut client = proxy.plain_client().await;
    let first = ask(&mut client, "").await;
    let set = first.set.expect("a cookie");
    assert!(set.starts_with("place=") && set.ends_with("; Path=/; Max-Age=3600; HttpOnly; Secure"), "{set}");
    let cookie = format!("Cookie: a=b; {}; c=d\r\n", pair(&set));
    for _ in 0..6 {
        let again = ask(&mut client, &cookie).await;
        assert_eq!((again.name.as_str(), again.saw.as_str(), again.set), (first.name.as_str(), "a=b; c=d", None));
        // Without it the endpoints take turns.
        ask(&mut client, "").await;
    }

    for _ in 0..3 {
        let mut socket = proxy.plain_client().await;
        socket.send(upgrade("gw", "/", &cookie)).await;
        let head = socket.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains(&format!("x-name: {}\r\nx-cookie: a=b; c=d\r\n", first.name)), "{head}");
        assert!(!head.to_lowercase().contains("set-cookie"), "{head}");
    }
    // A 101 sets it, too.
    let mut socket = proxy.plain_client().await;
    socket.send(upgrade("gw", "/", "")).await;
    let head = socket.head().await.to_lowercase();
    assert!(head.starts_with("http/1.1 101 ") && head.contains("\r\nset-cookie: place="), "{head}");
}

#[tokio::test]
async fn a_cookie_leads_streams_of_http2_back() {
    let (one, two, three) = (named("one").await, named("two").await, named("three").await);
    let routes = team(&[&one, &two, &three], "sticky: { cookie: place, ttl: 1h }");
    let proxy = proxy().routes(&routes).start().await;
    let mut client = proxy.http2().await;
    let first =
        client.send(Request::get("https://localhost/").body(empty()).expect("a request")).await.expect("an answer");
    let name = first.headers()["x-name"].clone();
    let set = first.headers()["set-cookie"].to_str().expect("text").to_owned();
    let mut tasks = JoinSet::new();
    let stream = proxy.tls(proxy.trust().offering(&["h2"])).await;
    let mut sockets = over_http2::client(stream, &mut tasks).await.expect("a client");
    for _ in 0..4 {
        let request = Request::get("https://localhost/").header("cookie", "a=b").header("cookie", pair(&set));
        let answer = client.send(request.body(empty()).expect("a request")).await.expect("an answer");
        assert_eq!((&answer.headers()["x-name"], answer.headers()["x-cookie"].as_bytes()), (&name, &b"a=b"[..]));
        assert!(!answer.headers().contains_key("set-cookie"));
        let fields = [("sec-websocket-version", "13"), ("cookie", pair(&set))];
        let (answer, _sending) = over_http2::connect(&mut sockets, "/", &fields).expect("a stream");
        let answer = within("an answer", answer).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-name"]), (200, &name));
        assert!(!answer.headers().contains_key("set-cookie"));
    }
    let (answer, _sending) =
        over_http2::connect(&mut sockets, "/", &[("sec-websocket-version", "13")]).expect("a stream");
    let answer = within("an answer", answer).await.expect("an answer");
    assert!(answer.headers()["set-cookie"].as_bytes().starts_with(b"place="));
}

#[tokio::test]
async fn a_forged_cookie_is_answered_and_replaced_and_one_outlives_a_restart() {
    let (one, two) = (named("one").await, named("two").await);
    let routes = team(&[&one, &two], "sticky: { cookie: place }");
    let before = proxy().routes(&routes).plain().start().await;
    let mut client = before.plain_client().await;
    let first = ask(&mut client, "").await;
    let set = first.set.expect("a cookie");
    for forged in ["place=x", "place=", &format!("{}A", pair(&set)), &format!("{0}; {0}", pair(&set))] {
        let answer = ask(&mut client, &format!("Cookie: {forged}\r\n")).await;
        assert_eq!((answer.status, answer.saw.as_str()), (200, ""), "{forged}");
        assert!(answer.set.is_some_and(|set| set.starts_with("place=")), "{forged}");
    }
    drop(client);
    let (_, state) = before.stop().await;
    let after = proxy().state(state).routes(&routes).plain().start().await;
    for _ in 0..4 {
        let again = ask(&mut after.plain_client().await, &format!("Cookie: {}\r\n", pair(&set))).await;
        assert_eq!((again.name, again.set), (first.name.clone(), None));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_lets_go() {
    let (one, two) = (named("one").await, named("two").await);
    let routes = team(&[&one, &two], "sticky: { cookie: place }");
    let proxy = proxy().routes(&routes).plain().start().await;
    let first = ask(&mut proxy.plain_client().await, "").await;
    let cookie = format!("Cookie: {}\r\n", pair(&first.set.expect("a cookie")));
    let (gone, stays) = if first.name == "one" { (one, two) } else { (two, one) };
    drop(gone);
    let moved = ask(&mut proxy.plain_client().await, &cookie).await;
    assert_ne!(moved.name, first.name);
    let set = moved.set.expect("a new cookie");
    let again = ask(&mut proxy.plain_client().await, &format!("Cookie: {}\r\n", pair(&set))).await;
    assert_eq!((again.name, again.set), (moved.name, None));
    drop(stays);
}

async fn from(client: Ipv4Addr, door: SocketAddr, fields: &str) -> String {
    ask(&mut Wire::new(dial_from(client, door).await), fields).await.name
}

#[tokio::test]
async fn the_same_address_comes_to_the_same_gateway_in_every_process() {
    let (one, two, three) = (named("one").await, named("two").await, named("three").await);
    let gateways = [&one, &two, &three];
    let start = async |gateways: &[&Gateway]| -> Proxy {
        proxy().routes(&team(gateways, "balance: hash")).plain().start().await
    };
    let reversed: Vec<&Gateway> = gateways.iter().rev().copied().collect();
    // The order in which the file lists them does not matter.
    let (here, there) = (start(&gateways).await, start(&reversed).await);
    let mut names = std::collections::HashSet::new();
    for host in 1..=24 {
        let client = Ipv4Addr::new(127, 0, 0, host);
        let name = from(client, here.plain.expect("a door"), "").await;
        assert_eq!(from(client, here.plain.expect("a door"), "").await, name, "{host}");
        assert_eq!(from(client, there.plain.expect("a door"), "").await, name, "{host}");
        names.insert(name);
    }
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
async fn the_same_value_of_a_header_comes_to_the_same_gateway() {
    let (one, two, three) = (named("one").await, named("two").await, named("three").await);
    let routes = team(&[&one, &two, &three], "balance: { hash: { header: X-Key } }");
    let proxy = proxy().routes(&routes).plain().start().await;
    let door = proxy.plain.expect("a door");
    let mut names = std::collections::HashSet::new();
    for key in 0..24 {
        let fields = format!("X-Key: user-{key}\r\n");
        let name = from(Ipv4Addr::LOCALHOST, door, &fields).await;
        assert_eq!(from(Ipv4Addr::new(127, 0, 0, 9), door, &fields).await, name, "{key}");
        let mut socket = proxy.plain_client().await;
        socket.send(upgrade("gw", "/", &fields)).await;
        assert!(socket.head().await.contains(&format!("x-name: {name}\r\n")), "{key}");
        names.insert(name);
    }
    assert_eq!(names.len(), 3, "{names:?}");
    // Without it the address decides.
    let name = from(Ipv4Addr::LOCALHOST, door, "").await;
    assert_eq!(from(Ipv4Addr::LOCALHOST, door, "").await, name);
}

#[tokio::test]
async fn weights_share_the_work() {
    let (one, two) = (named("one").await, named("two").await);
    let routes = format!(
        "routes: [{{ upstream: team }}]\nupstreams: {{ team: {{ endpoints: ['{}', {{ url: '{}', weight: 3 }}] }} }}\n",
        one.upstream, two.upstream
    );
    let proxy = proxy().routes(&routes).plain().start().await;
    let mut client = proxy.plain_client().await;
    let mut names = Vec::new();
    for _ in 0..8 {
        names.push(ask(&mut client, "").await.name);
    }
    assert_eq!(names.iter().filter(|name| *name == "two").count(), 6, "{names:?}");
}

/// A gateway that answers questions for its health as it is told.
async fn unwell(name: &'static str) -> (Gateway, tokio::sync::watch::Sender<bool>) {
    let (well, seen) = tokio::sync::watch::channel(true);
    let gateway = gateway()
        .playing(move |mut connection| {
            let seen = seen.clone();
            async move {
                while let Some(request) = connection.request().await {
                    let status = if request.target() == b"/well?" && !*seen.borrow() { "503 No" } else { "200 OK" };
                    let head = format!("HTTP/1.1 {status}\r\nX-Name: {name}\r\nContent-Length: 0\r\n\r\n");
                    if connection.try_send(head).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
    (gateway, well)
}

#[tokio::test]
async fn an_endpoint_that_is_not_well_gets_no_work_until_it_is() {
    let ((one, well), two) = (unwell("one").await, named("two").await);
    let health =
        "health: { path: '/well?', every: 200ms, timeout: 100ms, fails: 2, passes: 2 }, sticky: { cookie: place }";
    let routes = team(&[&one, &two], health);
    let mut binary =
        binary().config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#).config(&routes).start().await;
    let mut client = Wire::new(dial(binary.plain.expect("a door")).await);
    let mut cookie = String::new();
    while cookie.is_empty() {
        let first = ask(&mut client, "").await;
        if first.name == "one" {
            cookie = format!("Cookie: {}\r\n", pair(&first.set.expect("a cookie")));
        }
    }
    well.send_replace(false);
    let line = binary.line(|line| line["message"] == "a gateway is not well; others stand in for it").await;
    assert_eq!(
        (&line["upstream"], &line["why"]),
        (&one.upstream.to_string().into(), &"it answered 503 Service Unavailable".into())
    );
    for _ in 0..6 {
        let answer = ask(&mut client, &cookie).await;
        assert_eq!(answer.name, "two", "neither a turn nor a cookie leads there");
        assert!(answer.set.is_some());
    }
    well.send_replace(true);
    binary.line(|line| line["message"] == "the gateway is well again").await;
    within("work for the one that is back", async { while ask(&mut client, "").await.name != "one" {} }).await;
    assert_eq!(ask(&mut client, &cookie).await.name, "one");
    // Its share rises: at first it gets one of eleven.
    let mut names = Vec::new();
    for _ in 0..22 {
        names.push(ask(&mut client, "").await.name);
    }
    assert!(names.iter().filter(|name| *name == "one").count() < 10, "{names:?}");
}

#[tokio::test]
async fn when_none_is_well_all_are_tried() {
    let (one, well) = unwell("one").await;
    let (two, also) = unwell("two").await;
    let routes = team(&[&one, &two], "health: { path: '/well?', every: 200ms, timeout: 100ms, fails: 1 }");
    let mut binary =
        binary().config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#).config(&routes).start().await;
    well.send_replace(false);
    also.send_replace(false);
    for _ in 0..2 {
        binary.line(|line| line["message"] == "a gateway is not well; others stand in for it").await;
    }
    let mut client = Wire::new(dial(binary.plain.expect("a door")).await);
    assert_eq!(ask(&mut client, "").await.status, 200);
}
