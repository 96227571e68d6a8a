//! [`Mishap`]: what a visitor of the demo can do to its gateway.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// What happens to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It ends its WebSockets with 1012, is gone for so long, and comes back.
    Away(Duration),
    /// The connections of its WebSockets are gone without a Close.
    Lost,
    /// The same in the middle of a frame.
    CutInFrame,
}

impl Mishap {
    /// What a POST to `path` asks for.
    pub(super) fn asked_at(path: &str) -> Option<Self> {
        match path {
            "/demo/restart" => Some(Self::Away(RESTART)),
            "/demo/stop" => Some(Self::Away(STOP)),
            "/demo/drop" => Some(Self::Lost),
            "/demo/cut" => Some(Self::CutInFrame),
            _ => None,
        }
    }
}

/// Where a mishap is told to all whom it hits.
#[derive(Debug, Clone)]
pub(super) struct Mishaps(Arc<watch::Sender<Option<Mishap>>>);

/// Learns of mishaps that happen after it was made.
#[derive(Debug)]
pub(super) struct MishapWatch(watch::Receiver<Option<Mishap>>);

impl Mishaps {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    pub(super) fn cause(&self, mishap: Mishap) {
        self.0.send_replace(Some(mishap));
    }

    pub(super) fn watch(&self) -> MishapWatch {
        MishapWatch(self.0.subscribe())
    }
}

impl MishapWatch {
    /// Resolves with the next mishap; of several since the last one, with the latest.
    pub(super) async fn next(&mut self) -> Mishap {
        loop {
            if self.0.changed().await.is_err() {
                // The gateway is ending: no more can happen to it.
                return pending().await;
            }
            if let Some(mishap) = *self.0.borrow_and_update() {
                return mishap;
            }
        }
    }

    /// Forgets what has happened so far.
    pub(super) fn forget(&mut self) {
        self.0.mark_unchanged();
    }
}

/// Long enough for a page that tries again by itself to fail three times: 0.8 s, 2.2 s and 4.5 s after the Close.
const RESTART: Duration = Duration::from_secs(5);
/// Less than `hold`, which is 12 s.
const STOP: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_latest_is_learnt_by_all_and_what_was_before_by_none() {
        let mishaps = Mishaps::new();
        mishaps.cause(Mishap::Lost);
        let mut watches = [mishaps.watch(), mishaps.watch()];
        mishaps.cause(Mishap::Lost);
        mishaps.cause(Mishap::CutInFrame);
        for watch in &mut watches {
            assert_eq!(watch.next().await, Mishap::CutInFrame);
        }
    }
}
