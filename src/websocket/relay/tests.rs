//! The relay between two peers that the test plays. Time is paused: what takes no time happens in no time, and a wait
//! that nothing ends comes to its timeout at once.

mod chaos;
mod draining;
mod endings;
mod fair;
mod idle;
mod passing;
mod pings;
mod random;
mod slow;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::observe::Metrics;
use crate::observe::metrics::tests::value;
use crate::websocket::frame::{FrameHead, unmasked};
use crate::websocket::keepalive::SilenceLimits;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Longer than anything takes that has not been given up for good.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The parts of a relay under test, before it is opened.
struct Setup {
    /// How many bytes each connection takes ahead of its reader.
    room: usize,
    client_first: Vec<u8>,
    gateway_first: Vec<u8>,
    settings: RelaySettings,
}

/// A relay at work, and its two peers.
struct TestRelay {
    client: Peer,
    gateway: Peer,
    buffers: Arc<BufferPool>,
    drain: Drain,
    began: Instant,
    relay_stats: Arc<RelayStats>,
    metrics: Metrics,
    relay: JoinSet<RelaySummary>,
}

/// One of the peers.
struct Peer {
    side: Side,
    io: DuplexStream,
    polls: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

/// What a peer sees next.
#[derive(Debug, PartialEq)]
enum Seen {
    /// A whole frame: its first byte, and its payload without the mask.
    Frame(u8, Vec<u8>),
    /// The end of the connection, between two frames.
    End,
    /// The end of the connection, after so many bytes of a frame.
    Cut(usize),
}

/// The relay's end of a connection, which counts how often it is looked at, and notes whether it was ended between frames.
#[derive(Debug)]
struct Counted {
    io: DuplexStream,
    polls: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The defaults of the configuration, without limits.
fn setup() -> Setup {
    let settings = RelaySettings {
        silence: SilenceLimits { ping_interval: Some(secs(20)), pong_timeout: Some(secs(120)) },
        rules: FrameRules::default(),
        read: Some(Duration::from_hours(24)),
        send: Some(Duration::from_hours(24)),
        drain: secs(30),
    };
    Setup { room: 64 * 1024, client_first: Vec::new(), gateway_first: Vec::new(), settings }
}

impl Setup {
    fn room(self, room: usize) -> Self {
        Self { room, ..self }
    }

    fn without_pings(self) -> Self {
        self.with(|settings| settings.silence.ping_interval = None)
    }

    fn with(mut self, change: impl FnOnce(&mut RelaySettings)) -> Self {
        change(&mut self.settings);
        self
    }

    fn open(self) -> TestRelay {
        let (client, client_end) = Peer::new(Side::Client, self.room);
        let (gateway, gateway_end) = Peer::new(Side::Gateway, self.room);
        let client_end = RelayEnd { io: client_end, first: self.client_first.into() };
        let gateway_end = RelayEnd { io: gateway_end, first: self.gateway_first.into() };
        let mut relay = Relay::new(client_end, gateway_end, Arc::new(self.settings));
        let (buffers, drain) = (Arc::new(BufferPool::new()), Drain::new());
        let (began, relay_stats, metrics) = (Instant::now(), relay.relay_stats(), Metrics::new());
        relay.count_in(&metrics.websockets.relay.here());
        let relay_tasks = JoinSet::new();
        let mut relay_test =
            TestRelay { client, gateway, buffers, drain, began, relay_stats, metrics, relay: relay_tasks };
        let (buffers, drain) = (relay_test.buffers.clone(), relay_test.drain.clone());
        relay_test.relay.spawn(async move { relay.run(&buffers, &drain).await });
        relay_test
    }
}

impl TestRelay {
    /// How long the relay has been open.
    fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Lets the relay do all it can without time passing.
    async fn settle(&self) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }

    /// A number of the metrics, by its name without `frontgate_` and its labels.
    fn counted(&self, series: &str) -> String {
        value(&self.metrics, &format!("frontgate_{series}")).unwrap_or_else(|| panic!("no {series}"))
    }

    fn is_open(&mut self) -> bool {
        self.relay.try_join_next().is_none()
    }

    /// Waits for the end, with both peers still there.
    async fn summary(&mut self) -> RelaySummary {
        let ended = timeout(LONGEST_WAIT, self.relay.join_next()).await.expect("the relay never ends");
        ended.expect("it was asked for once").expect("it does not panic")
    }

    /// Waits for the end, which must have this name, these codes from frontgate, and be clean or not.
    async fn ends(&mut self, ended: &str, client: Option<u16>, gateway: Option<u16>, clean: bool) -> RelaySummary {
        let summary = self.summary().await;
        let got = (summary.ended.as_str(), summary.client.told, summary.gateway.told, summary.clean);
        assert_eq!(got, (ended, client, gateway, clean));
        summary
    }
}

impl Peer {
    fn new(side: Side, room: usize) -> (Self, Counted) {
        let (io, end) = duplex(room);
        let (polls, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        (Self { side, io, polls: polls.clone(), ended: ended.clone() }, Counted { io: end, polls, ended })
    }

    /// A frame as this peer sends it.
    fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(self.side, first, payload)
    }

    /// Sends bytes, which must be taken.
    async fn send_raw(&mut self, bytes: &[u8]) {
        timeout(LONGEST_WAIT, self.io.write_all(bytes))
            .await
            .expect("no peer takes it")
            .expect("the connection is open");
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        let frame = self.frame(first, payload);
        self.send_raw(&frame).await;
    }

    async fn close(&mut self, code: u16, reason: &str) {
        self.send(CLOSE, &close(code, reason)).await;
    }

    /// The next thing that the peer sees; frames must be masked as RFC 6455 §5.1 says.
    async fn sees(&mut self) -> Seen {
        timeout(LONGEST_WAIT, self.read()).await.expect("nothing comes")
    }

    async fn read(&mut self) -> Seen {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(head) = FrameHead::parse(&bytes).expect("what comes is RFC 6455") {
                break head;
            }
            let Ok(byte) = self.io.read_u8().await else {
                return if bytes.is_empty() { Seen::End } else { Seen::Cut(bytes.len()) };
            };
            bytes.push(byte);
        };
        assert_eq!(head.mask.is_some(), self.side == Side::Gateway, "a mask only goes to the gateway");
        let mut payload = vec![0; usize::try_from(head.len).unwrap()];
        let mut filled = 0;
        while filled < payload.len() {
            match self.io.read(&mut payload[filled..]).await.unwrap() {
                0 => return Seen::Cut(head.size + filled),
                read => filled += read,
            }
        }
        Seen::Frame(bytes[0], unmasked(&payload, head.mask).to_vec())
    }

    /// The next thing that the peer sees must be this frame.
    async fn gets(&mut self, first: u8, payload: &[u8]) {
        assert_eq!(self.sees().await, Seen::Frame(first, payload.to_vec()), "{:?}", self.side);
    }

    /// The next thing that the peer sees must be this Close.
    async fn gets_close(&mut self, code: u16, reason: &str) {
        self.gets(CLOSE, &close(code, reason)).await;
    }

    /// The next thing that the peer sees must be a ping of ours.
    async fn gets_ping(&mut self) -> Vec<u8> {
        match self.sees().await {
            Seen::Frame(PING, payload) if payload.len() == 8 => payload,
            other => panic!("{:?} sees {other:?}", self.side),
        }
    }

    async fn ends(&mut self) {
        assert_eq!(self.sees().await, Seen::End, "{:?}", self.side);
    }

    /// The peer sees nothing for so long.
    async fn sees_nothing_for(&mut self, time: Duration) {
        let mut byte = [0];
        let seen = timeout(time, self.io.read(&mut byte)).await;
        assert!(seen.is_err(), "{:?} sees {seen:?} {byte:02x?}", self.side);
    }

    /// How often the relay has looked at this connection.
    fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    /// Whether the relay has given this connection up between two frames.
    fn is_ended_between_frames(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// A frame as `from` sends it; `first` is its first byte.
fn frame(from: Side, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(from, first, payload.len());
    let mask = (from == Side::Client).then_some(KEY);
    bytes.extend(unmasked(payload, mask).iter());
    bytes
}

/// The header of such a frame.
fn head(from: Side, first: u8, len: usize) -> Vec<u8> {
    let bit = if from == Side::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match len {
        0..126 => bytes.push(bit | u8::try_from(len).unwrap()),
        126..65_536 => {
            bytes.push(bit + 126);
            bytes.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            bytes.push(bit + 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    if from == Side::Client {
        bytes.extend(KEY);
    }
    bytes
}

/// The payload of a Close.
fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Readable for Counted {
    fn end_between_frames(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
