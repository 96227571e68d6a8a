//! Clients that stay: each keeps one WebSocket open, answers pings, and goes to the next proxy when it has ended, with the cookie that
//! leads to its gateway. What they are at is one line of JSON, over and over.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use futures_util::StreamExt as _;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::Load;
use crate::client::{Client, Connection, Resumption};

/// Which clients, and where they go.
#[derive(Args)]
pub(crate) struct Held {
    #[command(flatten)]
    load: Load,
    /// Further proxies; clients begin at each in turn.
    #[arg(long = "also")]
    also: Vec<SocketAddr>,
    /// The addresses that clients come from.
    #[arg(long = "from")]
    from: Vec<IpAddr>,
    /// Come back without the session ticket of the last connection.
    #[arg(long)]
    no_tickets: bool,
}

/// What all clients have met so far.
#[derive(Default)]
struct Met {
    open: usize,
    opened: usize,
    resumed: usize,
    refused: usize,
    /// How often a WebSocket ended with each close code; 1006 is without a Close.
    ended: BTreeMap<u16, usize>,
    /// When the last one opened, milliseconds since 1970.
    last_opened: u128,
    /// How many are open at each gateway, by what it calls itself.
    gateways: BTreeMap<String, usize>,
    /// How many came back to another gateway than the one that they were at.
    strayed: usize,
    /// The longest time that one of those that came back since the last line was without a WebSocket.
    longest_away: Duration,
}

pub(crate) async fn run(held: Held) -> anyhow::Result<Value> {
    let resumption = if held.no_tickets { Resumption::Off } else { Resumption::On };
    let first = Client::new(&held.load, resumption)?;
    let proxies: Rc<[SocketAddr]> = [held.load.proxy].into_iter().chain(held.also).collect();
    let (met, connecting) = (Rc::new(RefCell::new(Met::default())), Rc::new(Semaphore::new(AT_ONCE)));
    let clients = LocalSet::new();
    for number in 0..held.load.sockets {
        let from = if held.from.is_empty() { None } else { Some(held.from[number % held.from.len()]) };
        let client = first.of_another_user(from);
        clients.spawn_local(stay(client, number, Rc::clone(&proxies), Rc::clone(&met), Rc::clone(&connecting)));
    }
    clients.run_until(say(&met)).await
}

/// One client.
async fn stay(
    client: Client,
    number: usize,
    proxies: Rc<[SocketAddr]>,
    met: Rc<RefCell<Met>>,
    connecting: Rc<Semaphore>,
) {
    let mut at = number;
    let (mut cookie, mut before, mut ended) = (None, None::<String>, None::<Instant>);
    loop {
        let turn = connecting.acquire().await;
        let opened = timeout(LONGEST, client.at(proxies[at % proxies.len()]).open_with(cookie.as_ref())).await;
        drop(turn);
        // Those of one proxy go to all others, not to the next: that one would run out of files.
        at += 1 + number / proxies.len() % (proxies.len() - 1).max(1);
        let Ok(Ok((mut socket, answer))) = opened else {
            met.borrow_mut().refused += 1;
            sleep(PAUSE).await;
            continue;
        };
        cookie = given(answer.headers()).or(cookie);
        let gateway = answer.headers().get("x-gateway").and_then(|name| name.to_str().ok()).unwrap_or("?").to_owned();
        {
            let mut met = met.borrow_mut();
            met.open += 1;
            met.opened += 1;
            met.resumed += usize::from(socket.get_ref().is_resumed() == Some(true));
            met.last_opened = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            met.strayed += usize::from(before.is_some_and(|before| before != gateway));
            met.longest_away = met.longest_away.max(ended.map_or(Duration::ZERO, |ended| ended.elapsed()));
            *met.gateways.entry(gateway.clone()).or_default() += 1;
        }
        let code = end(&mut socket).await;
        ended = Some(Instant::now());
        let mut met = met.borrow_mut();
        met.open -= 1;
        *met.gateways.entry(gateway.clone()).or_default() -= 1;
        *met.ended.entry(code).or_default() += 1;
        before = Some(gateway);
    }
}

/// The cookie that an answer sets, as it is sent back.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let set = headers.get(SET_COOKIE)?.to_str().ok()?;
    HeaderValue::from_str(set.split(';').next()?).ok()
}

/// The close code with which the WebSocket ended.
async fn end(socket: &mut WebSocketStream<Connection>) -> u16 {
    let mut code = 1006;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(frame) = message {
            code = frame.map_or(1005, |frame| frame.code.into());
        }
    }
    code
}

/// Says what was met, five times a second, until it is killed.
async fn say(met: &RefCell<Met>) -> anyhow::Result<Value> {
    loop {
        println!("{}", met.borrow().shown());
        met.borrow_mut().longest_away = Duration::ZERO;
        sleep(BETWEEN_LINES).await;
    }
}

impl Met {
    fn shown(&self) -> Value {
        json!({
            "open": self.open, "opened": self.opened, "resumed": self.resumed, "refused": self.refused,
            "ended": self.ended, "last_opened_ms": u64::try_from(self.last_opened).unwrap_or_default(),
            "gateways": self.gateways, "strayed": self.strayed,
            "longest_away_ms": u64::try_from(self.longest_away.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// How many clients of a process connect at the same time.
const AT_ONCE: usize = 64;
const BETWEEN_LINES: Duration = Duration::from_millis(200);
/// Before a client that was refused tries again.
const PAUSE: Duration = Duration::from_millis(200);
/// For one that gets no answer, as from a process that was stopped.
const LONGEST: Duration = Duration::from_secs(20);
