//! [`DrainedEndpoints`]: the endpoints that an operator has taken out, kept until the operator brings them back.
//!
//! What was ordered of each is told to other replicas (`shared_drains.rs`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::background_task::BackgroundTask;
use super::certificates::off_thread;
use crate::drain::Drain;
use crate::http::proxy::websockets::{OpenWebSocket, OpenWebSockets};
use crate::tls::{FileAccess, StateDir, StateError};
use crate::upstream::EndpointDrains;

/// The endpoints that an operator has taken out. They outlive a reload, and in the state directory a restart and a handover.
#[derive(Clone)]
pub(super) struct DrainedEndpoints(Arc<DrainedShared>);

struct DrainedShared {
    /// Where they are asked for.
    names: EndpointDrains,
    all: Mutex<BTreeMap<Arc<str>, DrainedEndpoint>>,
    /// What was ordered last of each, of those that were brought back too.
    orders: Mutex<BTreeMap<String, DrainOrder>>,
    /// How often something was ordered here.
    changes: watch::Sender<u64>,
    websockets: OpenWebSockets,
    drain: Drain,
    /// Not set before the configuration is known.
    folder: OnceLock<Option<PathBuf>>,
    /// Held while the file is written, so that an older list never takes the place of a newer one.
    writing: Arc<Mutex<()>>,
}

struct DrainedEndpoint {
    /// The gateways that the name stood for then, if it stands for several.
    found: Vec<Arc<str>>,
    since: OffsetDateTime,
    over: Duration,
    /// Ends its WebSockets one after the other.
    ending: Option<BackgroundTask>,
}

/// What an operator has ordered of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct DrainOrder {
    /// When, in milliseconds since 1970: the last one counts.
    pub(super) at: i64,
    /// Whether it is taken out, or brought back.
    pub(super) out: bool,
    /// The milliseconds within which its WebSockets end.
    over: u64,
}

impl DrainOrder {
    /// One of this moment.
    pub(super) fn now(out: bool, over: Duration) -> Self {
        Self { at: now_ms(), out, over: u64::try_from(over.as_millis()).unwrap_or(u64::MAX) }
    }

    /// What is left of the time within which its WebSockets end.
    pub(super) fn left(&self) -> Duration {
        let since = u64::try_from(now_ms().saturating_sub(self.at)).unwrap_or_default();
        Duration::from_millis(self.over.saturating_sub(since))
    }
}

/// Whether the list will be there after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is in the state directory.
    Yes,
    /// Why not.
    No(String),
}

impl DrainedEndpoints {
    /// None yet; `names` is where they are asked for.
    pub(super) fn new(names: EndpointDrains, websockets: OpenWebSockets, drain: &Drain) -> Self {
        Self(Arc::new(DrainedShared {
            names,
            all: Mutex::default(),
            orders: Mutex::default(),
            changes: watch::Sender::new(0),
            websockets,
            drain: drain.clone(),
            folder: OnceLock::new(),
            writing: Arc::default(),
        }))
    }

    /// Takes those out that a process before this one had taken out, once. Waits for a disk.
    pub(super) async fn restore(&self, folder: Option<PathBuf>) {
        if self.0.folder.set(folder.clone()).is_err() {
            return;
        }
        let Some(folder) = folder else { return };
        let read = move || {
            // A folder that is not there yet holds nothing, and is not made for that.
            if folder.is_dir() { StateDir::open(&folder)?.read(FILE, FileAccess::Public) } else { Ok(None) }
        };
        let kept: BTreeMap<String, i64> = match off_thread(read).await {
            Ok(None) => return,
            Ok(Some(text)) => match serde_json::from_slice(&text) {
                Ok(kept) => kept,
                Err(error) => return tracing::warn!(%error, file = FILE, "the list of drained endpoints is damaged"),
            },
            Err(error) => return tracing::warn!(%error, "the list of drained endpoints cannot be read"),
        };
        let mut all = self.all();
        for (name, since) in kept.into_iter().take(MOST) {
            tracing::info!(endpoint = %name, "still drained, until `frontgate drain --resume`");
            let since = OffsetDateTime::from_unix_timestamp(since).unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let order = DrainOrder { at: since.unix_timestamp() * 1000, out: true, over: 0 };
            self.orders().insert(name.clone(), order);
            all.insert(name.into(), DrainedEndpoint { found: Vec::new(), since, over: Duration::ZERO, ending: None });
        }
        self.0.names.set(drained(&all));
    }

    /// Takes an endpoint out: nothing new goes there from here on, and its WebSockets end one after the other within `over`. With a
    /// name go all that are `found` by it, now and later. Returns how many WebSockets there are, and whether the list was kept;
    /// `None` if too many are taken out already.
    pub(super) async fn begin(
        &self,
        name: Arc<str>,
        found: Vec<Arc<str>>,
        over: Duration,
        order: DrainOrder,
    ) -> Option<(usize, Kept)> {
        let count = {
            let mut all = self.all();
            if all.len() >= MOST && !all.contains_key(&name) {
                return None;
            }
            self.orders().insert(name.to_string(), order);
            let before = all.remove(&name);
            let since = before.as_ref().map_or_else(OffsetDateTime::now_utc, |before| before.since);
            if let Some(ending) = before.and_then(|before| before.ending) {
                ending.dismiss();
            }
            self.0.names.set(drained(&all).chain([Arc::clone(&name)]).chain(found.iter().cloned()));
            // Listed once nothing new goes there: one that opens later finds that by itself.
            let mut relays: Vec<_> = self.at(&name, &found).map(|open| Arc::clone(&open.relay_stats)).collect();
            fastrand::shuffle(&mut relays);
            let count = relays.len();
            tracing::info!(endpoint = %name, websockets = count, over_ms = u64::try_from(over.as_millis()).unwrap_or(u64::MAX), "draining an endpoint");
            let end = move |part: Drain| async move {
                let began = Instant::now();
                for (index, relay) in relays.into_iter().enumerate() {
                    tokio::select! {
                        () = part.soft() => return,
                        () = sleep_until(began + moment(index, count, over)) => relay.leave_endpoint(),
                    }
                }
            };
            let ending = Some(BackgroundTask::start(&self.0.drain, end));
            all.insert(name, DrainedEndpoint { found, since, over, ending });
            count
        };
        self.0.changes.send_modify(|changes| *changes += 1);
        Some((count, self.keep().await))
    }

    /// Brings an endpoint back; `None` if it was not taken out.
    pub(super) async fn end(&self, name: &str, order: DrainOrder) -> Option<Kept> {
        {
            let mut all = self.all();
            let ended = all.remove(name)?;
            self.orders().insert(name.to_owned(), order);
            if let Some(ending) = ended.ending {
                ending.dismiss();
            }
            self.0.names.set(drained(&all));
        }
        tracing::info!(endpoint = name, "the endpoint gets requests again");
        self.0.changes.send_modify(|changes| *changes += 1);
        Some(self.keep().await)
    }

    /// What was ordered last of each endpoint, as far as this process knows.
    pub(super) fn ordered(&self) -> BTreeMap<String, DrainOrder> {
        self.orders().clone()
    }

    /// What was ordered of one that is not taken out here.
    pub(super) fn note(&self, name: &str, order: DrainOrder) {
        self.orders().insert(name.to_owned(), order);
    }

    /// Says when something is ordered.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Those that are taken out, as JSON.
    pub(super) fn told(&self) -> Value {
        let all = self.all();
        let one = |(name, drained): (&Arc<str>, &DrainedEndpoint)| {
            json!({
                "endpoint": &**name,
                "since": drained.since.replace_nanosecond(0).unwrap_or(drained.since).format(&Rfc3339).ok(),
                "over": drained.over.as_secs(),
                "websockets": self.at(name, &drained.found).count(),
            })
        };
        all.iter().map(one).collect()
    }

    /// The open WebSockets at the endpoint of this name, or at those that were found by it.
    fn at(&self, name: &str, found: &[Arc<str>]) -> impl Iterator<Item = Arc<OpenWebSocket>> {
        let is_there = move |open: &Arc<OpenWebSocket>| {
            let at = &open.opening.endpoint;
            **at == *name || found.contains(at)
        };
        self.0.websockets.all().into_iter().filter(is_there)
    }

    async fn keep(&self) -> Kept {
        let Some(Some(folder)) = self.0.folder.get().cloned() else {
            return Kept::No("there is no state directory".to_owned());
        };
        let (shared, writing) = (self.clone(), Arc::clone(&self.0.writing));
        let write = move || {
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            let kept: BTreeMap<String, i64> =
                shared.all().iter().map(|(name, drained)| (name.to_string(), drained.since.unix_timestamp())).collect();
            let text = serde_json::to_vec(&kept).expect("text and numbers can be written");
            StateDir::open(&folder)?.write(FILE, &text, FileAccess::Public)
        };
        match off_thread(write).await {
            Ok(()) => Kept::Yes,
            Err(error) => {
                let error: StateError = error;
                tracing::warn!(%error, "the list of drained endpoints is not on disk: a restart would forget it");
                Kept::No(error.to_string())
            }
        }
    }

    fn orders(&self) -> MutexGuard<'_, BTreeMap<String, DrainOrder>> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, DrainedEndpoint>> {
        self.0.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All names that nothing new goes to.
fn drained(all: &BTreeMap<Arc<str>, DrainedEndpoint>) -> impl Iterator<Item = Arc<str>> {
    all.iter().flat_map(|(name, drained)| [name].into_iter().chain(&drained.found)).cloned()
}

fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// When the WebSocket `index` of `count` ends that end evenly within `over`.
fn moment(index: usize, count: usize, over: Duration) -> Duration {
    over.mul_f64((index + 1) as f64 / count.max(1) as f64)
}

const FILE: &str = "drained-endpoints";
/// More than any configuration has gateways.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_end_evenly_and_the_last_one_in_time() {
        let over = Duration::from_mins(1);
        let all: Vec<u64> = (0..6).map(|index| moment(index, 6, over).as_secs()).collect();
        assert_eq!(all, [10, 20, 30, 40, 50, 60]);
        assert_eq!(moment(0, 1, Duration::ZERO), Duration::ZERO);
        let many: Vec<_> = (0..10_000).map(|index| moment(index, 10_000, over)).collect();
        assert!(many.windows(2).all(|pair| (5..=7).contains(&pair[1].saturating_sub(pair[0]).as_millis())));
    }

    #[tokio::test]
    async fn what_is_taken_out_stays_so_in_another_process_until_it_is_brought_back() {
        let temp = tempfile::tempdir().unwrap();
        let start = async || {
            let (names, drain) = (EndpointDrains::default(), Drain::new());
            let drained = DrainedEndpoints::new(names.clone(), OpenWebSockets::default(), &drain);
            drained.restore(Some(temp.path().to_owned())).await;
            (names, drained)
        };
        let (names, drained) = start().await;
        let order = |out| DrainOrder::now(out, Duration::ZERO);
        let begun = drained.begin("http://a:1".into(), Vec::new(), Duration::ZERO, order(true)).await;
        assert_eq!(begun, Some((0, Kept::Yes)));
        assert!(names.has("http://a:1") && !names.has("http://b:1"));
        let (names, later) = start().await;
        assert!(names.has("http://a:1"));
        assert_eq!(later.told()[0]["endpoint"], "http://a:1");
        assert_eq!(later.end("http://b:1", order(false)).await, None);
        assert_eq!(later.end("http://a:1", order(false)).await, Some(Kept::Yes));
        assert!(!names.has("http://a:1"));
        let (names, _) = start().await;
        assert!(!names.has("http://a:1"));
    }
}
