//! [`RelayMetrics`]: the traffic of all WebSockets, counted on each thread and summed at a scrape.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::{Histogram, MESSAGE_SIZES, PING_TIMES, RELAY_TIMES, SIZE_BUCKETS, size_bucket};

/// The traffic of all WebSockets. Each thread counts by itself, so that no two write to the same memory.
#[derive(Debug, Clone)]
pub(crate) struct RelayMetrics(Arc<Mutex<CountsByThread>>);

type CountsByThread = Vec<(ThreadId, Arc<RelayCounts>)>;

/// What the relays of one thread count.
#[derive(Debug)]
pub(crate) struct RelayCounts {
    /// What goes from clients to gateways.
    pub(crate) up: Arc<DirectionCounts>,
    /// What goes from gateways to clients.
    pub(crate) down: Arc<DirectionCounts>,
}

/// What the relays of one thread count of one direction.
#[derive(Debug)]
pub struct DirectionCounts {
    /// Messages by their size, each by its opcode: text, binary.
    sizes: [[AtomicU64; SIZE_BUCKETS]; 2],
    /// The bytes of payload of text and binary messages.
    bytes: [AtomicU64; 2],
    /// How many of them had several frames.
    several: [AtomicU64; 2],
    /// Frames that are not a whole message, by [`FrameKind`].
    frames: [AtomicU64; FRAME_KINDS.len()],
    /// The bytes of payload of control frames, by [`FrameKind`].
    control_bytes: [AtomicU64; FRAME_KINDS.len()],
    /// How many relays began to count here.
    relays: AtomicU64,
    /// From a read to the end of its write, sampled.
    relay: Histogram,
    /// Round trips of pings to the peer that this direction comes from.
    pings: Histogram,
    /// Microseconds for which the receiving side took nothing.
    backpressure: AtomicU64,
}

/// The type of the messages of a [`DirectionCounts`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Text.
    #[default]
    Text,
    /// Binary.
    Binary,
}

/// A frame that is not a whole message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// The first of several frames of a text message.
    Text,
    /// The first of several frames of a binary message.
    Binary,
    /// A frame in which a message goes on.
    Continuation,
    /// A Close.
    Close,
    /// A ping of a peer's own.
    Ping,
    /// A pong that answers a peer's ping.
    Pong,
}

impl DirectionCounts {
    fn new() -> Self {
        Self {
            sizes: Default::default(),
            bytes: Default::default(),
            several: Default::default(),
            frames: Default::default(),
            control_bytes: Default::default(),
            relays: AtomicU64::new(0),
            relay: Histogram::new(RELAY_TIMES),
            pings: Histogram::new(PING_TIMES),
            backpressure: AtomicU64::new(0),
        }
    }

    /// Counts a message of one frame with `len` bytes of payload.
    #[inline]
    pub(crate) fn message(&self, kind: MessageKind, len: u64) {
        self.sizes[kind as usize][size_bucket(len)].fetch_add(1, Ordering::Relaxed);
        self.bytes[kind as usize].fetch_add(len, Ordering::Relaxed);
    }

    /// Counts a frame of a message of several; `message` is the size of the whole with its last frame.
    pub(crate) fn fragment(&self, frame: FrameKind, kind: MessageKind, len: u64, message: Option<u64>) {
        self.frames[frame as usize].fetch_add(1, Ordering::Relaxed);
        self.bytes[kind as usize].fetch_add(len, Ordering::Relaxed);
        if let Some(message) = message {
            self.sizes[kind as usize][size_bucket(message)].fetch_add(1, Ordering::Relaxed);
            self.several[kind as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a control frame.
    pub(crate) fn control(&self, frame: FrameKind, len: u64) {
        self.frames[frame as usize].fetch_add(1, Ordering::Relaxed);
        self.control_bytes[frame as usize].fetch_add(len, Ordering::Relaxed);
    }

    /// Records the time from a read to the end of its write.
    pub(crate) fn relayed(&self, took: Duration) {
        self.relay.time(took);
    }

    /// Counts time for which the receiving side took nothing.
    pub(crate) fn blocked(&self, time: Duration) {
        self.backpressure.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Records the round trip of a ping to the peer that this direction comes from.
    pub(crate) fn ponged(&self, took: Duration) {
        self.pings.time(took);
    }

    /// A number for a relay that begins to count here, each time another one.
    pub(crate) fn enter(&self) -> u64 {
        self.relays.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for DirectionCounts {
    fn default() -> Self {
        Self::new()
    }
}

impl RelayMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self(Arc::default());
        registry.register_collector(Box::new(metrics.clone()));
        metrics
    }

    /// The counts of this thread, for a relay that stays on it.
    pub(crate) fn here(&self) -> Arc<RelayCounts> {
        let (here, mut threads) = (thread::current().id(), self.threads());
        if let Some((_, counts)) = threads.iter().find(|(thread, _)| *thread == here) {
            return Arc::clone(counts);
        }
        let counts = Arc::new(RelayCounts { up: Arc::default(), down: Arc::default() });
        threads.push((here, Arc::clone(&counts)));
        counts
    }

    fn threads(&self) -> MutexGuard<'_, CountsByThread> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sums over all threads, of both directions.
    fn sums(&self) -> [DirectionSum; 2] {
        let mut sums = [DirectionSum::default(), DirectionSum::default()];
        for (_, counts) in &*self.threads() {
            sums[0].add(&counts.up);
            sums[1].add(&counts.down);
        }
        sums
    }
}

/// The sum of several [`DirectionCounts`].
#[derive(Debug, Default)]
struct DirectionSum {
    sizes: [[u64; SIZE_BUCKETS]; 2],
    bytes: [u64; 2],
    several: [u64; 2],
    frames: [u64; FRAME_KINDS.len()],
    control_bytes: [u64; FRAME_KINDS.len()],
    relay: (Vec<u64>, u64),
    pings: (Vec<u64>, u64),
    backpressure: u64,
}

impl DirectionSum {
    fn add(&mut self, counts: &DirectionCounts) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let add = |sums: &mut [u64], counts: &[AtomicU64]| {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += of(count));
        };
        for (sums, counts) in self.sizes.iter_mut().zip(&counts.sizes) {
            add(sums, counts);
        }
        add(&mut self.bytes, &counts.bytes);
        add(&mut self.several, &counts.several);
        add(&mut self.frames, &counts.frames);
        add(&mut self.control_bytes, &counts.control_bytes);
        counts.relay.add_to(&mut self.relay);
        counts.pings.add_to(&mut self.pings);
        self.backpressure += of(&counts.backpressure);
    }

    /// Messages that ended, by their type.
    fn messages(&self) -> [u64; 2] {
        self.sizes.each_ref().map(|sizes| sizes.iter().sum())
    }

    /// All frames, by [`FrameKind`]; a message of one frame is one of its type.
    fn all_frames(&self) -> [u64; FRAME_KINDS.len()] {
        let mut frames = self.frames;
        for (kind, (messages, several)) in self.messages().into_iter().zip(self.several).enumerate() {
            frames[kind] += messages.saturating_sub(several);
        }
        frames
    }
}

impl Collector for RelayMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let sums = self.sums();
        let directions = || DIRECTIONS.into_iter().zip(&sums);
        let help = "Messages that were passed on, by their opcode";
        let mut family = encoder.encode_descriptor("messages", help, None, MetricType::Counter)?;
        for (direction, sum) in directions() {
            for (opcode, count) in MESSAGE_KINDS.iter().zip(sum.messages()) {
                let labels = [("direction", direction), ("opcode", opcode)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Frames that were passed on, by their opcode";
        let mut family = encoder.encode_descriptor("frames", help, None, MetricType::Counter)?;
        for (direction, sum) in directions() {
            for (opcode, count) in FRAME_KINDS.iter().zip(sum.all_frames()) {
                let labels = [("direction", direction), ("opcode", opcode)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        let help = "Bytes of payload that were passed on, by the opcode of the message";
        let mut family = encoder.encode_descriptor("messages", help, Some(&Unit::Bytes), MetricType::Counter)?;
        for (direction, sum) in directions() {
            let control = FRAME_KINDS.iter().zip(sum.control_bytes).skip(CONTROL_FROM);
            for (opcode, bytes) in MESSAGE_KINDS.iter().zip(sum.bytes).chain(control) {
                let labels = [("direction", direction), ("opcode", opcode)];
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&bytes, None)?;
            }
        }
        let help = "The size of messages that were passed on, without the headers of their frames";
        let mut family = encoder.encode_descriptor("message", help, Some(&Unit::Bytes), MetricType::Histogram)?;
        for (direction, sum) in directions() {
            let sizes: Vec<u64> = sum.sizes[0].iter().zip(&sum.sizes[1]).map(|(text, binary)| text + binary).collect();
            MESSAGE_SIZES.encode(&sizes, sum.bytes.iter().sum(), family.encode_family(&[("direction", direction)])?)?;
        }
        let help = "Time from a read from one peer to the end of its write to the other, of one read in 64; a peer that takes nothing is not in it";
        let mut family = encoder.encode_descriptor("relay", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (direction, sum) in directions() {
            let (buckets, took) = &sum.relay;
            RELAY_TIMES.encode(buckets, *took, family.encode_family(&[("direction", direction)])?)?;
        }
        let help = "Time for which a peer did not take what there was for it, of all WebSockets together";
        let mut family = encoder.encode_descriptor("backpressure", help, Some(&Unit::Seconds), MetricType::Counter)?;
        for (direction, sum) in directions() {
            let seconds = Duration::from_micros(sum.backpressure).as_secs_f64();
            let labels = [("direction", direction)];
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&seconds, None)?;
        }
        let help = "Time from a ping of frontgate's own to its answer, by the peer that it went to";
        let mut family = encoder.encode_descriptor("ping", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (leg, sum) in ["client", "gateway"].into_iter().zip(&sums) {
            let (buckets, took) = &sum.pings;
            PING_TIMES.encode(buckets, *took, family.encode_family(&[("leg", leg)])?)?;
        }
        Ok(())
    }
}

const DIRECTIONS: [&str; 2] = ["client_to_gateway", "gateway_to_client"];
const MESSAGE_KINDS: [&str; 2] = ["text", "binary"];
const FRAME_KINDS: [&str; 6] = ["text", "binary", "continuation", "close", "ping", "pong"];
/// The index of the first control frame in [`FRAME_KINDS`].
const CONTROL_FROM: usize = FrameKind::Close as usize;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn the_traffic_of_all_threads_is_summed() {
        let metrics = Metrics::new();
        let relay = metrics.websockets.relay.clone();
        let text = r#"frontgate_messages_total{direction="client_to_gateway",opcode="text"}"#;
        assert_eq!(value(&metrics, text).as_deref(), Some("0"), "before the first WebSocket");
        assert!(Arc::ptr_eq(&relay.here(), &relay.here()));
        relay.here().up.message(MessageKind::Text, 300);
        let other = relay.clone();
        let count = move || {
            let counts = other.here();
            counts.up.message(MessageKind::Text, 64);
            counts.up.fragment(FrameKind::Binary, MessageKind::Binary, 1000, None);
            counts.up.fragment(FrameKind::Continuation, MessageKind::Binary, 25, Some(1025));
            counts.up.control(FrameKind::Ping, 4);
            counts.down.blocked(Duration::from_millis(1500));
            counts.down.relayed(Duration::from_micros(30));
            counts.down.ponged(Duration::from_millis(3));
        };
        thread::spawn(count).join().unwrap();
        for (series, expected) in [
            (r#"messages_total{direction="client_to_gateway",opcode="text"}"#, "2"),
            (r#"messages_total{direction="client_to_gateway",opcode="binary"}"#, "1"),
            (r#"frames_total{direction="client_to_gateway",opcode="text"}"#, "2"),
            (r#"frames_total{direction="client_to_gateway",opcode="binary"}"#, "1"),
            (r#"frames_total{direction="client_to_gateway",opcode="continuation"}"#, "1"),
            (r#"frames_total{direction="client_to_gateway",opcode="ping"}"#, "1"),
            (r#"frames_total{direction="gateway_to_client",opcode="pong"}"#, "0"),
            (r#"messages_bytes_total{direction="client_to_gateway",opcode="text"}"#, "364"),
            (r#"messages_bytes_total{direction="client_to_gateway",opcode="binary"}"#, "1025"),
            (r#"messages_bytes_total{direction="client_to_gateway",opcode="ping"}"#, "4"),
            (r#"message_bytes_bucket{le="64.0",direction="client_to_gateway"}"#, "1"),
            (r#"message_bytes_bucket{le="1024.0",direction="client_to_gateway"}"#, "2"),
            (r#"message_bytes_bucket{le="4096.0",direction="client_to_gateway"}"#, "3"),
            (r#"message_bytes_count{direction="client_to_gateway"}"#, "3"),
            (r#"backpressure_seconds_total{direction="gateway_to_client"}"#, "1.5"),
            (r#"relay_seconds_count{direction="gateway_to_client"}"#, "1"),
            (r#"ping_seconds_bucket{le="0.005",leg="gateway"}"#, "1"),
            (r#"ping_seconds_count{leg="client"}"#, "0"),
        ] {
            assert_eq!(value(&metrics, &format!("frontgate_{series}")).as_deref(), Some(expected), "{series}");
        }
    }
}
