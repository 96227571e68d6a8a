//! Requests and WebSockets that find the gateway down, and what becomes of them.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use frontgate::config::UpstreamAddress;
use frontgate::lifecycle::DrainOutcome;
use http::Request;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

use crate::harness::{
    Connection, Message, Proxy, READY, Reserved, Wire, binary, dial, dial_from, empty, gateway, proxy, within,
};
use crate::websocket::peer::{SWITCHED, UPGRADE};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn upgrade(target: &str) -> String {
    UPGRADE.replacen("GET /", &format!("GET {target}"), 1)
}

/// Sends a request, and comes back when the proxy has read it: another one was answered behind it.
async fn arrives(proxy: &Proxy, request: &str) -> Wire {
    let mut client = proxy.plain_client().await;
    client.send(request).await;
    let mut other = proxy.plain_client().await;
    other.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(other.response().await.status(), 400);
    client
}

/// Answers with what was asked for; grants WebSockets.
async fn answers(mut connection: Connection) {
    while let Some(request) = connection.request().await {
        answer(&mut connection, &request).await;
    }
}

async fn answer(connection: &mut Connection, request: &Message) {
    let is_upgrade = request.field("upgrade").is_some();
    let target = target(request);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len());
    connection.send(if is_upgrade { SWITCHED.to_owned() } else { answer }).await;
}

/// Says that the gateway is ready; then takes the connection of the request that waited, and that request.
async fn passes<A: Future<Output = Wire>>(accept: impl Fn() -> A) -> Wire {
    within("the proxy", async {
        let mut asks = accept().await;
        assert_eq!(target(&asks.next_request().await.expect("a question")), "/startupz");
        asks.send(READY).await;
        let mut passes = accept().await;
        passes.next_request().await.expect("a request");
        passes
    })
    .await
}

fn code(page: &Message) -> String {
    let body = page.body_text();
    body.lines().find_map(|line| line.strip_prefix("code: ")).unwrap_or_else(|| panic!("{}", page.text())).to_owned()
}

fn target(request: &Message) -> String {
    String::from_utf8_lossy(request.target()).into_owned()
}

#[tokio::test]
async fn what_waited_passes_in_order_when_the_gateway_is_up() {
    let reserved = Reserved::new();
    let proxy = proxy().config(|config| config.upstream = reserved.upstream()).plain().start().await;
    let mut clients = Vec::new();
    for number in 0..60 {
        let target = format!("/{number}");
        let request = match number % 3 {
            0 => get(&target),
            1 => upgrade(&target),
            _ => format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"),
        };
        clients.push(arrives(&proxy, &request).await);
    }
    let began = Instant::now();
    let asked = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = Arc::clone(&asked);
    let script = move |mut connection: Connection| {
        let seen = Arc::clone(&seen);
        async move {
            if let Some(request) = connection.request().await {
                seen.lock().unwrap().insert(connection.number, target(&request));
                answer(&mut connection, &request).await;
                answers(connection).await;
            }
        }
    };
    let mut gateway = gateway().at(reserved).playing(script).await;
    for number in 0..60 {
        let request = gateway.request().await;
        if number == 0 {
            println!("the first of 60 passed {:?} after the gateway was up", began.elapsed());
        }
        assert_eq!(request.body_text(), if request.raw.starts_with(b"POST") { "hello" } else { "" });
    }
    // In the order of their connections: which of those that have something to say is heard first is the gateway's
    // choice.
    let targets: Vec<String> = asked.lock().unwrap().values().cloned().collect();
    assert_eq!(targets, (0..60).map(|number| format!("/{number}")).collect::<Vec<_>>());
    println!("the last of 60 passed {:?} after the gateway was up", began.elapsed());
    for (number, client) in clients.iter_mut().enumerate() {
        let head = client.head().await;
        assert!(head.starts_with(if number % 3 == 1 { "HTTP/1.1 101 " } else { "HTTP/1.1 200 " }), "{head}");
    }
    assert_eq!(gateway.unexpected(), None);
    assert_eq!(gateway.connections(), 61, "one to ask, and none was thrown away");
}

#[tokio::test]
async fn a_gateway_that_is_back_is_noticed_by_itself() {
    const ROUNDS: usize = 20;
    let mut reserved = Reserved::new();
    let address = reserved.address;
    let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
    let proxy = binary().config(listen).config(&format!("upstream: http://{address}")).start().await;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        let mut client = proxy.plain_client().await;
        client.send(if round % 2 == 0 { get("/") } else { upgrade("/") }).await;
        // The gateway comes back at any moment between two tries to reach it.
        tokio::time::sleep(Duration::from_millis(300 + 7 * round as u64)).await;
        let listener = reserved.listen();
        let began = Instant::now();
        let mut gateway = passes(|| async { Wire::new(listener.accept().await.unwrap().0) }).await;
        took.push(began.elapsed());
        gateway.send(if round % 2 == 0 { OK } else { SWITCHED }).await;
        client.head().await;
        drop((gateway, listener));
        reserved = Reserved::at(address);
    }
    took.sort();
    let (middle, last) = (took[ROUNDS / 2], took[ROUNDS - 1]);
    println!("noticed after {middle:?} (median), {last:?} (longest of {ROUNDS})");
}

#[tokio::test]
async fn a_unix_socket_that_is_not_there_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let proxy = proxy().config(|config| config.upstream = UpstreamAddress::Unix(path.clone())).plain().start().await;
    let mut client = arrives(&proxy, &get("/")).await;
    let listener = UnixListener::bind(&path).unwrap();
    let mut gateway = passes(|| async { Wire::new(listener.accept().await.unwrap().0) }).await;
    gateway.send(OK).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn when_the_time_is_over_the_page_says_that_the_gateway_is_restarting() {
    let reserved = Reserved::new();
    let hold = Duration::from_millis(300);
    let settings = |config: &mut frontgate::config::Config| {
        (config.upstream, config.hold) = (reserved.upstream(), Some(hold));
    };
    let proxy = proxy().config(settings).plain().start().await;
    for request in [get("/"), upgrade("/")] {
        let began = Instant::now();
        let mut client = proxy.plain_client().await;
        client.send(&request).await;
        let page = client.response().await;
        assert!(began.elapsed() >= hold);
        assert_eq!((page.status(), page.field("retry-after").as_deref()), (503, Some("2")), "{}", page.text());
        let is_json = request.contains("application/json");
        assert!(if is_json {
            page.body_text().contains("gateway_starting")
        } else {
            code(&page) == "gateway_starting"
        });
    }
    // The gateway has been down for longer than that: a client that asks for a page has it at once, and the page comes
    // again by itself.
    let mut client = proxy.plain_client().await;
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n").await;
    let page = client.response().await;
    assert_eq!(page.status(), 503);
    let text = page.body_text();
    assert!(text.contains("The gateway is restarting") && text.contains("http-equiv=\"refresh\""), "{text}");

    let _gateway = gateway().at(reserved).playing(answers).await;
    client.send(get("/back")).await;
    assert_eq!(client.response().await.status(), 200);
}

#[tokio::test]
async fn when_as_many_of_a_network_wait_as_may_the_next_one_is_turned_away_and_other_networks_wait() {
    // Half of the permits that requests may have.
    const MOST: usize = 384;
    let reserved = Reserved::new();
    let many = |config: &mut frontgate::config::Config| {
        (config.upstream, config.hold) = (reserved.upstream(), Some(Duration::from_mins(1)));
        config.limits.connections_per_client = None;
        config.limits.requests_per_client = None;
    };
    let proxy = proxy().config(many).plain().start().await;
    let mut waiting = Vec::new();
    for _ in 0..MOST {
        let mut client = Wire::new(dial(proxy.plain.unwrap()).await);
        client.send(get("/")).await;
        waiting.push(client);
    }
    // The proxy turns away whichever of all these came last.
    let mut next = arrives(&proxy, &get("/")).await;
    let page = within("a refusal", async {
        loop {
            if next.has_more().await {
                break next.response().await;
            }
            for client in &mut waiting {
                if client.has_more().await {
                    return client.response().await;
                }
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((page.status(), code(&page).as_str()), (503, "gateway_starting"));
    // A WebSocket of the same network waits too, since requests leave it a permit; another network has permits of its
    // own.
    let mut others = Vec::new();
    for request in [get("/other"), upgrade("/other")] {
        let mut other = Wire::new(dial_from(Ipv4Addr::new(127, 0, 0, 2), proxy.plain.unwrap()).await);
        other.send(request).await;
        others.push(other);
    }
    let mut socket = arrives(&proxy, &upgrade("/socket")).await;
    for other in others.iter_mut().chain([&mut socket]) {
        assert!(!other.has_more().await);
    }
    let began = Instant::now();
    let _gateway = gateway().at(reserved).playing(answers).await;
    let mut passed = 0;
    waiting.push(next);
    for client in &mut waiting {
        // The client that was turned away has had its answer.
        if passed < MOST {
            passed += usize::from(client.response().await.status() == 200);
        }
    }
    println!("{passed} requests that waited had their answers {:?} after the gateway was up", began.elapsed());
    assert_eq!(passed, MOST);
    assert_eq!(others[0].response().await.status(), 200);
    for socket in [&mut others[1], &mut socket] {
        assert!(socket.head().await.starts_with("HTTP/1.1 101 "));
    }
}

/// Answers all but what it hangs up on; says that it is ready.
async fn hangs_up_on_some(mut connection: Connection) {
    while let Some(request) = connection.next_request().await {
        match target(&request).as_str() {
            "/startupz" => connection.send(READY).await,
            "/poison" => return,
            _ => answer(&mut connection, &request).await,
        }
    }
}

#[tokio::test]
async fn a_request_that_a_ready_gateway_hangs_up_on_fails_alone_and_others_notice_nothing() {
    let gateway = gateway().playing(hangs_up_on_some).await;
    let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
    let mut proxy = binary().config(listen).config("hold: 10m").upstream(&gateway).start().await;
    for poison in [get("/poison"), upgrade("/poison")] {
        let mut client = proxy.plain_client().await;
        client.send(&poison).await;
        for number in 0..20 {
            let mut other = proxy.plain_client().await;
            other.send(if number % 2 == 0 { get("/") } else { upgrade("/") }).await;
            // It does not stop for the whole `hold`.
            let head = other.head().await;
            assert!(head.starts_with(if number % 2 == 0 { "HTTP/1.1 200 " } else { "HTTP/1.1 101 " }), "{head}");
        }
        let page = client.response().await;
        assert_eq!(page.status(), 502);
        assert!(page.body_text().contains("gateway_closed"), "{}", page.body_text());
    }
    proxy.terminate().await;
    assert!(!proxy.printed.iter().any(|line| line.contains("the gateway is down")), "{:#?}", proxy.printed);
}

#[tokio::test]
async fn the_time_that_connecting_takes_is_a_part_of_hold() {
    // The listener's queue is full, so that the kernel drops what comes, as a machine does that is off.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.4:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), dial(address)).await {
        queued.push(stream);
    }
    let hold = Duration::from_secs(1);
    let settings = |config: &mut frontgate::config::Config| {
        config.upstream = UpstreamAddress::Http { host: address.ip().to_string(), port: address.port() };
        (config.hold, config.timeouts.connect) = (Some(hold), Some(Duration::from_mins(10)));
    };
    let proxy = proxy().config(settings).plain().start().await;
    for request in [get("/"), upgrade("/")] {
        let mut client = proxy.plain_client().await;
        client.send(&request).await;
        // It is there long before connecting is given up.
        let page = client.response().await;
        assert!([503, 504].contains(&page.status()), "{}", page.text());
    }
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_the_hold_queue() {
    let reserved = Reserved::new();
    let proxy = proxy().config(|config| config.upstream = reserved.upstream()).plain().start().await;
    let first = arrives(&proxy, &get("/first")).await;
    let second = arrives(&proxy, &upgrade("/second")).await;
    let mut third = arrives(&proxy, &get("/third")).await;
    drop((first, second));
    arrives(&proxy, &get("/after")).await;
    let mut gateway = gateway().at(reserved).playing(answers).await;
    assert_eq!(third.response().await.status(), 200);
    assert_eq!(target(&gateway.request().await), "/third");
}

#[tokio::test]
async fn requests_of_one_http2_connection_wait_each_for_itself() {
    let reserved = Reserved::new();
    let proxy = proxy().config(|config| config.upstream = reserved.upstream()).plain().start().await;
    let mut two = proxy.http2().await;
    let mut tasks = JoinSet::new();
    let mut ask = |target: &str| {
        let request = Request::get(format!("https://localhost/{target}")).body(empty()).unwrap();
        tasks.spawn(two.begin(request))
    };
    let gone = ask("gone");
    ask("stays");
    arrives(&proxy, &get("/after")).await;
    gone.abort();
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    // The reset is read before whatever is asked next.
    assert_eq!(two.get("https://elsewhere/").await.status, 421);
    let mut gateway = gateway().at(reserved).playing(answers).await;
    assert_eq!(tasks.join_next().await.unwrap().unwrap().unwrap().status(), 200);
    assert_eq!((target(&gateway.request().await).as_str(), gateway.unexpected()), ("/stays", None));
}

#[tokio::test]
async fn a_gateway_that_hangs_up_is_asked_again_if_that_may_be() {
    // A port that is there before what listens behind it: the first four connections end without an answer.
    let script = |mut connection: Connection| async move {
        if connection.number < 4 {
            connection.next_request().await;
        } else {
            answers(connection).await;
        }
    };
    let rows = [
        (get("/"), "HTTP/1.1 200 "),
        (upgrade("/"), "HTTP/1.1 101 "),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi".to_owned(), "HTTP/1.1 502 "),
    ];
    for (request, expected) in rows {
        let gateway = gateway().playing(script).await;
        let proxy = proxy().upstream(&gateway).plain().start().await;
        let mut client = proxy.plain_client().await;
        client.send(&request).await;
        let head = client.head().await;
        assert!(head.starts_with(expected), "{request}: {head}");
        assert_eq!(gateway.connections(), if expected.contains("502") { 1 } else { 6 });
    }
}

#[tokio::test]
async fn a_drain_sends_waiting_requests_away() {
    let reserved = Reserved::new();
    let drain = |config: &mut frontgate::config::Config| {
        (config.upstream, config.timeouts.drain) = (reserved.upstream(), Duration::from_secs(20));
    };
    let proxy = proxy().config(drain).plain().start().await;
    let mut one = arrives(&proxy, &get("/")).await;
    let mut two = arrives(&proxy, &upgrade("/")).await;
    let mut ended = JoinSet::new();
    ended.spawn(proxy.stop());
    let page = one.response().await;
    assert_eq!((page.status(), code(&page).as_str()), (503, "draining"));
    assert_eq!(two.response().await.status(), 503);
    drop((one, two));
    assert_eq!(ended.join_next().await.unwrap().unwrap().0, DrainOutcome::Clean);
}

#[tokio::test]
async fn the_operator_is_told_once_and_readiness_is_frontgates_own() {
    let reserved = Reserved::new();
    let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
    let upstream = format!("upstream: http://{}", reserved.address);
    let mut proxy = binary().config(listen).config(&upstream).config("admin: 127.0.0.1:0").start().await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = proxy.plain_client().await;
        client.send(get("/")).await;
        clients.push(client);
    }
    let line = proxy.line(|line| line["level"] == "WARN").await;
    assert_eq!(line["message"], "the gateway is down; requests wait for it");
    let mut admin = Wire::new(dial(proxy.admin.unwrap()).await);
    admin.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(admin.response().await.status(), 200);

    let _gateway = gateway().at(reserved).playing(answers).await;
    for client in &mut clients {
        assert_eq!(client.response().await.status(), 200);
    }
    let line = proxy.access().await;
    assert!(line["held_ms"].as_f64().is_some_and(|held| held > 0.0), "{line}");
    proxy.terminate().await;
    let told: Vec<_> = proxy.printed.iter().filter(|line| line.contains("the gateway is ")).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[1].contains("the gateway is up again"), "{told:#?}");
}

/// Answers as OpenClaw does: it takes connections, and says for a while that it is not ready. Before it is, it grants
/// WebSockets and closes them.
async fn starts(mut connection: Connection, startupz: bool, ready: Arc<AtomicBool>) {
    while let Some(request) = connection.next_request().await {
        let is_ready = ready.load(Ordering::SeqCst);
        let starting = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"ready\":false}";
        let answer = match target(&request).as_str() {
            "/startupz" if startupz => {
                if is_ready {
                    READY
                } else {
                    starting
                }
            }
            "/readyz" => {
                if is_ready {
                    READY
                } else {
                    starting
                }
            }
            // Before 2026.8 there is a page at every path.
            "/startupz" => "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
            _ if is_ready => SWITCHED,
            _ => "HTTP/1.1 500 Too Early\r\nContent-Length: 0\r\n\r\n",
        };
        connection.send(answer).await;
    }
}

#[tokio::test]
async fn a_gateway_that_listens_before_it_is_ready_gets_no_client_before() {
    for startupz in [true, false] {
        let reserved = Reserved::new();
        let proxy = proxy().config(|config| config.upstream = reserved.upstream()).plain().start().await;
        let mut clients = Vec::new();
        for number in 0..20 {
            clients.push(arrives(&proxy, &upgrade(&format!("/{number}"))).await);
        }
        let ready = Arc::new(AtomicBool::new(false));
        let said = Arc::clone(&ready);
        let gateway =
            gateway().at(reserved).playing(move |connection| starts(connection, startupz, Arc::clone(&said))).await;
        let asked = if startupz { 3 } else { 6 };
        within("three questions", async {
            while gateway.connections() < asked {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ready.store(true, Ordering::SeqCst);
        let began = Instant::now();
        for client in &mut clients {
            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        }
        println!("all of 20 passed {:?} after the gateway was ready", began.elapsed());
    }
}

#[tokio::test]
async fn a_client_that_comes_back_after_a_restart_was_announced_waits_until_it_is_over() {
    // What the gateway's last word is, and whether the next one asks first.
    let rows: [(&[u8], bool); 4] = [
        (b"\x88\x02\x03\xf4", true),  // 1012 service restart
        (b"\x88\x02\x03\xf5", true),  // 1013 gateway starting
        (b"", true),                  // gone
        (b"\x88\x02\x03\xe8", false), // 1000
    ];
    for (last, asks) in rows {
        let script = move |mut connection: Connection| async move {
            while let Some(request) = connection.next_request().await {
                match target(&request).as_str() {
                    "/startupz" => connection.send(READY).await,
                    "/first" => {
                        connection.send(SWITCHED).await;
                        return connection.send(last).await;
                    }
                    _ => connection.send(SWITCHED).await,
                }
            }
        };
        let gateway = gateway().playing(script).await;
        let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
        let mut proxy = binary().config(listen).config(&format!("upstream: {}", gateway.upstream)).start().await;
        let mut first = proxy.plain_client().await;
        first.send(upgrade("/first")).await;
        first.head().await;
        let close = first.exactly(1).await;
        assert_eq!(close, b"\x88", "a Close, whosever it is");
        drop(first);
        proxy.line(|line| line["message"] == "websocket").await;
        let mut second = proxy.plain_client().await;
        second.send(upgrade("/second")).await;
        assert!(second.head().await.starts_with("HTTP/1.1 101 "));
        assert_eq!(gateway.connections(), if asks { 3 } else { 2 }, "{last:?}");
    }
}
