//! [`Meter`]: counts what clients do while a measurement runs, and what it costs the proxy.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{Load, process};

/// What happened so far; clients share it.
#[derive(Clone, Default)]
pub(crate) struct Meter(Arc<Mutex<Counted>>);

#[derive(Default)]
struct Counted {
    running: bool,
    count: u64,
    nanos: Vec<u64>,
}

impl Meter {
    /// `count` things were done, which took so long.
    pub(crate) fn add(&self, count: u64, took: Duration) {
        self.did(count);
        self.took(took);
    }

    /// `count` things were done.
    pub(crate) fn did(&self, count: u64) {
        let mut counted = self.counted();
        if counted.running {
            counted.count += count;
        }
    }

    /// Something took so long.
    pub(crate) fn took(&self, took: Duration) {
        let mut counted = self.counted();
        if counted.running {
            counted.nanos.push(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Lets `clients` run, and measures once they are warm. A client that ends has failed.
    pub(crate) async fn measure(self, load: &Load, mut clients: JoinSet<anyhow::Result<()>>) -> anyhow::Result<Value> {
        let measuring = async {
            sleep(load.warmup()).await;
            let before = process::cpu(&load.pids)?;
            self.counted().running = true;
            sleep(load.seconds()).await;
            self.counted().running = false;
            let cpu = process::cpu(&load.pids)? - before;
            let mut counted = self.counted();
            anyhow::ensure!(counted.count > 0 && !counted.nanos.is_empty(), "nothing happened in {:?}", load.seconds());
            counted.nanos.sort_unstable();
            let at = |part: f64| percentile(&counted.nanos, part).as_secs_f64() * 1e6;
            Ok(json!({
                "count": counted.count,
                "cpu_us": cpu as f64 / 1e3 / counted.count as f64,
                "cpu_share": cpu as f64 / 1e9 / load.seconds().as_secs_f64(),
                "p50_us": at(0.5), "p99_us": at(0.99), "p99.9_us": at(0.999), "worst_us": at(1.0),
            }))
        };
        tokio::select! {
            figures = measuring => figures,
            Some(ended) = clients.join_next() => {
                ended??;
                anyhow::bail!("a client ended early")
            }
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value that this part of all values does not exceed.
fn percentile(sorted: &[u64], part: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len());
    Duration::from_nanos(sorted[at - 1])
}
