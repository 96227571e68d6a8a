//! [`SharedAnswer`]: what the replicas of a cluster answer to an authority while one of them orders.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::challenge_proof::ChallengeProof;
use crate::cluster::{Cluster, NoAnswer, SharedText, SharedTexts, SharedTurn, Talk, TextLife};

/// What the replicas of a cluster answer to an authority while one of them orders. Cheap to clone.
#[derive(Clone)]
pub(super) struct SharedAnswer {
    texts: SharedTexts,
    talk: Talk,
    turn: Arc<SharedTurn>,
    directory: String,
}

impl SharedAnswer {
    /// For orders at `directory`, which `turn` is for.
    pub(super) fn new(cluster: &Cluster, turn: Arc<SharedTurn>, directory: &str) -> Self {
        let texts = cluster.texts("acme-answer", TextLife::Written(ANSWER_LIFE));
        Self { texts, talk: cluster.talk.clone(), turn, directory: directory.to_owned() }
    }

    /// Has all replicas that are there answer; whether they can know it.
    pub(super) async fn publish(&self, proof: &ChallengeProof) -> bool {
        let text = proof.written();
        let is_put = self.texts.put(&self.turn, &self.directory, Some(text.as_bytes())).await == Ok(true);
        // The channel of one that does not hear may be on its way back.
        for _ in 0..if is_put { TRIES } else { 0 } {
            if self.talk.announce(NEWS).await {
                break;
            }
        }
        is_put
    }

    /// Nothing is answered any more.
    pub(super) async fn withdraw(&self) {
        // What is not taken away ends by itself.
        let _ = self.texts.put(&self.turn, &self.directory, None).await;
    }

    /// What there is to answer.
    pub(super) async fn read(&self) -> Result<Option<ChallengeProof>, NoAnswer> {
        let found = self.texts.read(std::slice::from_ref(&self.directory)).await?;
        let text = found.into_iter().next().and_then(|SharedText { text, .. }| text);
        Ok(text.and_then(|text| ChallengeProof::read(&text)))
    }
}

impl fmt::Debug for SharedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAnswer").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// What replicas announce of it.
pub(super) const NEWS: &str = "acme";
/// Of two seconds; a channel is back within five.
const TRIES: usize = 3;
/// An authority has looked long before.
pub(super) const ANSWER_LIFE: Duration = Duration::from_mins(10);
