//! A handover while clients come all the time: no client notices but WebSockets, which are told.
#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::{OK, Successors, says, signal};
use crate::harness::{Connection, Trust, binary, gateway, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{SWITCHED, UPGRADE};

/// What clients have seen so far.
#[derive(Default)]
struct Seen {
    over: AtomicBool,
    fresh: AtomicUsize,
    kept: AtomicUsize,
    tls: AtomicUsize,
    opened: AtomicUsize,
    /// Every WebSocket, to its end.
    open: Mutex<JoinSet<Seeing>>,
}

type Seeing = Result<(), String>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handovers_under_load_refuse_reset_and_fail_no_client() {
    let gateway = gateway().playing(serve).await;
    let listen = r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#;
    let builder = binary().upstream(&gateway).config(listen).config("timeouts: { drain: 6s }");
    let mut proxy = builder.config("log: { access: off }").start().await;
    let (plain, https, trust) = (proxy.plain.unwrap(), proxy.https.unwrap(), proxy.trust());
    let mut successors = Successors::default();

    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for _ in 0..3 {
        clients.spawn(fresh(plain, Arc::clone(&seen)));
        clients.spawn(kept(plain, Arc::clone(&seen)));
        clients.spawn(over_tls(https, trust.clone(), Arc::clone(&seen)));
    }
    clients.spawn(websockets(plain, Arc::clone(&seen)));

    let mut serving = proxy.pid();
    for round in 0..2 {
        // Each round has its own clients.
        let begin = [&seen.fresh, &seen.kept, &seen.tls, &seen.opened].map(|count| count.load(SeqCst));
        loop {
            let counts = [&seen.fresh, &seen.kept, &seen.tls, &seen.opened].map(|count| count.load(SeqCst));
            if counts.iter().zip(begin).all(|(count, begin)| *count >= begin + 20) {
                break;
            }
            if let Some(done) = clients.try_join_next() {
                panic!("round {round}: {done:?}");
            }
            tokio::task::yield_now().await;
        }
        signal(serving, Signal::USR2);
        let next = successors.next(&mut proxy).await;
        assert_ne!(next, serving);
        // In whichever order: two processes write these lines.
        let has_begun = |line: &String| line.contains("took over") && line.contains(&format!("\"pid\":{next}"));
        let (mut began, mut ended) = (proxy.printed.iter().any(has_begun), false);
        while !(began && ended) {
            let line = proxy.line(|line| says(line, "took over") || says(line, "stopped")).await;
            began |= line["pid"] == next;
            ended |= says(&line, "stopped");
        }
        if round == 0 {
            assert_eq!(proxy.gone().await.code(), Some(0));
        }
        serving = next;
    }
    // No client comes any more when the last process stops; the WebSockets are there.
    seen.over.store(true, SeqCst);
    for done in clients.join_all().await {
        done.unwrap();
    }
    signal(serving, Signal::TERM);
    let open = std::mem::take(&mut *seen.open.lock().unwrap());
    assert_eq!(open.len(), seen.opened.load(SeqCst));
    for closed in within("the end of the WebSockets", open.join_all()).await {
        closed.unwrap();
    }
    proxy.line(|line| says(line, "stopped")).await;
    let counts = [&seen.fresh, &seen.kept, &seen.tls, &seen.opened].map(|count| count.load(SeqCst));
    println!("fresh, kept, TLS requests and WebSockets, none failed: {counts:?}");
    let _ = proxy.ended().await;
}

/// The gateway: answers requests, and WebSockets until they are closed.
async fn serve(mut connection: Connection) {
    while let Some(request) = connection.request().await {
        let is_upgrade = request.field("upgrade").is_some();
        let answer = if is_upgrade { SWITCHED } else { OK };
        if connection.try_send(answer).await.is_err() {
            return;
        }
        if is_upgrade {
            let head = connection.exactly(2).await;
            assert_eq!(head[0], 0x88, "only a Close comes");
            connection.exactly(4 + usize::from(head[1] & 0x7f)).await;
            let _ = connection.try_send(Frame::close(1001, "").bare()).await;
            return;
        }
    }
}

/// A connection for each request.
async fn fresh(address: SocketAddr, seen: Arc<Seen>) -> Seeing {
    while !seen.over.load(SeqCst) {
        let mut stream = dial(address).await?;
        ask(&mut stream, "fresh").await?;
        seen.fresh.fetch_add(1, SeqCst);
    }
    Ok(())
}

/// A connection for as many requests as it carries.
async fn kept(address: SocketAddr, seen: Arc<Seen>) -> Seeing {
    let mut stream = dial(address).await?;
    while !seen.over.load(SeqCst) {
        if ask(&mut stream, "kept").await? {
            stream = dial(address).await?;
        }
        seen.kept.fetch_add(1, SeqCst);
    }
    Ok(())
}

async fn over_tls(address: SocketAddr, trust: Trust, seen: Arc<Seen>) -> Seeing {
    while !seen.over.load(SeqCst) {
        let stream = dial(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let shaken = TlsConnector::from(trust.offering(&["http/1.1"])).connect(name, stream).await;
        let mut stream = shaken.map_err(|error| format!("TLS: {error}"))?;
        ask(&mut stream, "TLS").await?;
        seen.tls.fetch_add(1, SeqCst);
    }
    Ok(())
}

/// A hundred a second; each is told why it ends.
async fn websockets(address: SocketAddr, seen: Arc<Seen>) -> Seeing {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    while !seen.over.load(SeqCst) {
        pace.tick().await;
        let mut stream = dial(address).await?;
        stream.write_all(UPGRADE.as_bytes()).await.map_err(|error| format!("upgrade: {error}"))?;
        let head = head(&mut stream).await.map_err(|error| format!("upgrade: {error}"))?;
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(format!("upgrade: {head}"));
        }
        seen.opened.fetch_add(1, SeqCst);
        seen.open.lock().unwrap().spawn(async move {
            let close = Frame::close(1012, "service restart").bare();
            let mut said = vec![0; close.len()];
            stream.read_exact(&mut said).await.map_err(|error| format!("WebSocket: {error}"))?;
            if said != close {
                return Err(format!("WebSocket: {said:?}"));
            }
            stream.write_all(&Frame::close(1012, "").masked()).await.map_err(|error| format!("Close: {error}"))?;
            match stream.read(&mut said).await {
                Ok(0) => Ok(()),
                other => Err(format!("after the Close: {other:?}")),
            }
        });
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a client dials")]
async fn dial(address: SocketAddr) -> Result<TcpStream, String> {
    TcpStream::connect(address).await.map_err(|error| format!("connect: {error}"))
}

/// A request, there and back. Returns whether the connection ends with it.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), who: &str) -> Result<bool, String> {
    let answered = async {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: gw.example.com\r\n\r\n").await?;
        stream.flush().await?;
        let head = head(stream).await?;
        let mut body = [0; 2];
        stream.read_exact(&mut body).await?;
        io::Result::Ok((head, body))
    };
    match answered.await {
        Ok((head, body)) if head.starts_with("HTTP/1.1 200 ") && &body == b"ok" => {
            Ok(head.to_ascii_lowercase().contains("\r\nconnection: close\r\n"))
        }
        other => Err(format!("{who}: {other:?}")),
    }
}

async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
