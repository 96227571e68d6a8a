//! [`DrainTurn`]: of several replicas one drains at a time, so that clients find the others.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Cluster, SharedTurn, TurnHolder};
use crate::drain::Drain;

/// Held while this replica drains: then no other one begins to.
#[derive(Debug)]
pub(crate) struct DrainTurn {
    /// Dropped when the turn is over.
    held: oneshot::Sender<()>,
    /// Closes when the next replica can know it.
    over: oneshot::Receiver<()>,
}

impl DrainTurn {
    /// Waits until no other replica drains, as far as Redis knows, and for `most` at most. `beside` is the drain of what outlives the clients.
    pub(super) async fn wait(cluster: Option<&Cluster>, most: Duration, beside: &Drain) -> Option<Self> {
        let turn = cluster?.turn("drain", "");
        let until = Instant::now() + most;
        let mut is_said = false;
        loop {
            // Without Redis no replica knows which one drains.
            match turn.take().await.ok()? {
                TurnHolder::Own { .. } => return Some(Self::keep(turn, beside)),
                TurnHolder::Other if Instant::now() >= until => {
                    tracing::warn!("another replica still drains; this one waits no longer");
                    return None;
                }
                TurnHolder::Other => {
                    if !std::mem::replace(&mut is_said, true) {
                        tracing::info!("waiting until another replica has drained");
                    }
                    sleep(ASK_EVERY.min(until.saturating_duration_since(Instant::now()))).await;
                }
            }
        }
    }

    fn keep(turn: SharedTurn, beside: &Drain) -> Self {
        let ((held, mut dropped), (over, is_over)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        let ends = beside.clone();
        beside.spawn(async move {
            tokio::select! {
                _ = &mut dropped => {}
                () = turn.lost() => {}
                () = ends.hard() => {}
            }
            turn.release();
            drop(over);
        });
        Self { held, over: is_over }
    }

    /// The next replica may drain.
    pub(super) async fn end(self) {
        let Self { held, over } = self;
        drop(held);
        // No value is ever sent.
        let _ = timeout(A_MOMENT, over).await;
    }
}

const ASK_EVERY: Duration = Duration::from_millis(500);
const A_MOMENT: Duration = Duration::from_millis(300);
