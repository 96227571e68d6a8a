//! [`Replicas`]: the other frontgates that obtain the same certificates, of which one at a time asks the authority.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::answers::{ChallengeAnswers, ReadyAnswer};
use super::challenge_proof::ChallengeProof;
use super::shared_answer::{ANSWER_LIFE, NEWS, SharedAnswer};
use super::shared_files::SharedFiles;
use crate::cluster::{Announcement, Cluster, NoAnswer, SharedTurn, Talk, TurnHolder};

/// The other frontgates that obtain the same certificates.
pub(super) struct Replicas {
    pub(super) turn: Arc<SharedTurn>,
    talk: Talk,
    answer: SharedAnswer,
    /// What is answered here for the replica that orders, since when.
    answering: Option<(ChallengeProof, Instant, Option<ReadyAnswer>)>,
    announcements: mpsc::Receiver<Announcement>,
    announced: Option<Announcement>,
    nearness: watch::Receiver<bool>,
    settled_at: Option<Instant>,
    away_since: Option<Instant>,
    is_away_said: bool,
}

/// Whether this replica may ask the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AskTurn {
    Own,
    /// It is this replica's, and others may still tell what they have.
    Settling,
    Other,
}

impl Replicas {
    /// Those of `cluster` that ask the authority of `directory`; also the files and the answer that they share.
    pub(super) fn new(cluster: &Cluster, directory: &str) -> (Self, SharedFiles, SharedAnswer) {
        let turn = Arc::new(cluster.turn("acme", directory));
        let files = SharedFiles::new(cluster, Arc::clone(&turn), directory);
        let answer = SharedAnswer::new(cluster, Arc::clone(&turn), directory);
        let replicas = Self {
            turn,
            talk: cluster.talk.clone(),
            answer: answer.clone(),
            answering: None,
            announcements: cluster.talk.announcements(NEWS),
            announced: None,
            nearness: cluster.nearness(),
            settled_at: None,
            away_since: None,
            is_away_said: false,
        };
        (replicas, files, answer)
    }

    /// Asks for the turn. One that has `all` its certificates has no need of what others have.
    pub(super) async fn take_turn(&mut self, all: bool) -> Result<AskTurn, NoAnswer> {
        let TurnHolder::Own { is_first } = self.turn.take().await? else { return Ok(AskTurn::Other) };
        if is_first && !all {
            self.settled_at = Some(Instant::now() + SETTLE);
        }
        if self.settled_at.is_some_and(|at| Instant::now() < at) {
            return Ok(AskTurn::Settling);
        }
        self.settled_at = None;
        Ok(AskTurn::Own)
    }

    /// Answers what the replica that orders has to have answered.
    pub(super) async fn answer(&mut self, answers: &ChallengeAnswers) {
        if self.turn.is_own() {
            self.answering = None;
            return;
        }
        let Ok(proof) = self.answer.read().await else {
            self.answering.take_if(|(_, since, _)| since.elapsed() > ANSWER_LIFE);
            return;
        };
        if self.answering.as_ref().map(|(known, ..)| known) != proof.as_ref() {
            // First, since the new one may be for the same name.
            self.answering = None;
            self.answering = proof.map(|proof| {
                let ready = answers.prepare(&proof).unwrap_or_else(|error| {
                    tracing::warn!(%error, "a challenge is not answered here");
                    None
                });
                (proof, Instant::now(), ready)
            });
        }
    }

    /// Lets the replicas that wait know that what they announced has been looked at.
    pub(super) fn looked(&mut self) {
        self.announced = None;
    }

    /// Tells the others that there is something new.
    pub(super) async fn announce(&self) {
        self.talk.announce(NEWS).await;
    }

    /// Resolves when there is something to look at.
    pub(super) async fn woken(&mut self) {
        tokio::select! {
            announced = self.announcements.recv() => match announced {
                Some(announced) => self.announced = Some(announced),
                // Another task hears it from here on.
                None => std::future::pending().await,
            },
            _ = self.nearness.changed() => {}
        }
    }

    /// Redis answers. Where it was away, others may not have noticed yet that it is back, and would answer no authority.
    pub(super) fn near(&mut self) {
        if self.away_since.is_some() {
            self.settled_at = Some(Instant::now() + SETTLE);
        }
        (self.away_since, self.is_away_said) = (None, false);
    }

    /// Redis does not answer. Returns whether that has just become worth a word.
    pub(super) fn away(&mut self) -> bool {
        self.away_since.get_or_insert_with(Instant::now);
        self.is_long_away() && !std::mem::replace(&mut self.is_away_said, true)
    }

    /// Whether Redis has been away for longer than a start takes, as far as the log was told.
    pub(super) fn is_long_away(&self) -> bool {
        self.away_since.is_some_and(|since| since.elapsed() > START)
    }
}

/// Within this each replica has noticed that Redis is back, and has told it what is on its disk.
const SETTLE: Duration = Duration::from_secs(6);
/// A start needs a moment until Redis has answered.
const START: Duration = Duration::from_secs(3);
