//! [`Talk`]: replicas ask each other, and tell each other, over channels of Redis.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::backoff::Backoff;
use super::keys::ClusterKeys;
use super::link::{Link, LinkError, RedisTarget};
use super::members::Members;
use super::news::{Announcement, News};
use super::redis::Redis;
use super::resp;
use super::secret::ClusterSecret;
use crate::drain::Drain;

/// Asks and tells the other replicas. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Talk(Arc<TalkShared>);

struct TalkShared {
    redis: Redis,
    keys: ClusterKeys,
    secret: ClusterSecret,
    replica: String,
    members: Members,
    waiting: Mutex<HashMap<u64, mpsc::UnboundedSender<(String, Value)>>>,
    listener: OnceLock<Listener>,
    news: News,
}

/// What answers questions of other replicas, and hears what they tell. It may take a while.
pub(crate) type Listener = Arc<dyn Fn(Value) -> Option<Value> + Send + Sync>;

/// What goes over a channel, sealed.
#[derive(Debug, Serialize, Deserialize)]
struct Letter {
    from: String,
    /// The number of the question that this asks or answers; 0 for what no answer is expected to.
    number: u64,
    is_answer: bool,
    body: Value,
}

impl Talk {
    pub(super) fn new(
        redis: Redis,
        keys: ClusterKeys,
        secret: ClusterSecret,
        replica: String,
        members: Members,
    ) -> Self {
        let (waiting, listener, news) = (Mutex::default(), OnceLock::new(), News::default());
        Self(Arc::new(TalkShared { redis, keys, secret, replica, members, waiting, listener, news }))
    }

    /// Questions of others are answered by `listener` from here on.
    pub(crate) fn listen(&self, listener: Listener) {
        // There is one, for the life of the process.
        let _ = self.0.listener.set(listener);
    }

    /// Tells the other replicas that what they share of `what` has changed, and waits for a moment until they have looked.
    /// Whether all that are known have.
    pub(crate) async fn announce(&self, what: &str) -> bool {
        let known = self.0.members.all().iter().filter(|member| member.replica != self.0.replica).count();
        self.ask(json!({ CHANGED: what }), LOOKED).await.len() >= known
    }

    /// What other replicas announce of `what` from here on. One listener hears it: the last one.
    pub(crate) fn announcements(&self, what: &'static str) -> mpsc::Receiver<Announcement> {
        self.0.news.listen(what)
    }

    /// Tells the other replicas.
    pub(crate) fn tell(&self, body: Value) {
        self.publish(&self.0.keys.key("all"), 0, false, body);
    }

    /// Asks one other replica, and waits for its answer.
    pub(crate) async fn ask_one(&self, replica: &str, body: Value) -> Option<Value> {
        let (sender, mut received) = mpsc::unbounded_channel();
        let number = fastrand::u64(1..);
        let _waiting = Waiting { talk: self, number };
        self.waiting().insert(number, sender);
        self.publish(&self.0.keys.of("to", replica), number, false, body);
        received.recv().await.map(|(_, body)| body)
    }

    /// Asks the other replicas, and waits until all that are known have answered, for `patience` at most.
    pub(crate) async fn ask(&self, body: Value, patience: Duration) -> Vec<(String, Value)> {
        let others: Vec<String> = self
            .0
            .members
            .all()
            .iter()
            .map(|member| member.replica.clone())
            .filter(|one| *one != self.0.replica)
            .collect();
        let mut answers = Vec::new();
        if others.is_empty() || !self.0.redis.is_near() {
            return answers;
        }
        let (sender, mut received) = mpsc::unbounded_channel();
        let number = fastrand::u64(1..);
        let _waiting = Waiting { talk: self, number };
        self.waiting().insert(number, sender);
        self.publish(&self.0.keys.key("all"), number, false, body);
        let until = Instant::now() + patience;
        while answers.len() < others.len()
            && let Ok(Some((from, body))) = timeout_at(until, received.recv()).await
        {
            if others.contains(&from) && !answers.iter().any(|(known, _)| *known == from) {
                answers.push((from, body));
            }
        }
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        answers
    }

    fn publish(&self, channel: &str, number: u64, is_answer: bool, body: Value) {
        let letter = Letter { from: self.0.replica.clone(), number, is_answer, body };
        let text = serde_json::to_vec(&letter).unwrap_or_default();
        if let Some(sealed) = self.0.secret.seal(PURPOSE, &text) {
            self.0.redis.tell(&[b"PUBLISH", channel.as_bytes(), &sealed]);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, mpsc::UnboundedSender<(String, Value)>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears what others say, until it is dropped.
    pub(super) async fn hear(self, target: RedisTarget, drain: Drain) -> Infallible {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let Err(why) = self.hear_link(&target, &drain).await;
            tracing::debug!(%why, "the channels of the cluster's Redis are away");
            if began.elapsed() > LONG {
                backoff = Backoff::default();
            }
            sleep(backoff.next(fastrand::f64())).await;
        }
    }

    async fn hear_link(&self, target: &RedisTarget, drain: &Drain) -> Result<Infallible, LinkError> {
        let mut link = Link::open(target, None).await?;
        let channels = [self.0.keys.key("all"), self.0.keys.of("to", &self.0.replica)];
        link.send(&resp::command(&[b"SUBSCRIBE", channels[0].as_bytes(), channels[1].as_bytes()])).await?;
        loop {
            let reply = if let Ok(reply) = timeout(QUIET, link.receive()).await {
                reply?
            } else {
                link.send(&resp::command(&[b"PING"])).await?;
                timeout(PATIENCE, link.receive()).await.map_err(|_| LinkError::Silent(PATIENCE))??
            };
            if let resp::Reply::Error(why) = reply {
                return Err(LinkError::Refused(why));
            }
            let mut items = reply.items().into_iter();
            let kind = items.next();
            if kind.as_ref().and_then(resp::Reply::text) == Some("message")
                && let Some(sealed) = items.nth(1).and_then(resp::Reply::into_bytes)
            {
                self.heard(&sealed, drain);
            }
        }
    }

    fn heard(&self, sealed: &[u8], drain: &Drain) {
        let Some(letter) =
            self.0.secret.open(PURPOSE, sealed).and_then(|text| serde_json::from_slice::<Letter>(&text).ok())
        else {
            return;
        };
        let Letter { from, number, is_answer, body } = letter;
        if from == self.0.replica {
            return;
        }
        if is_answer {
            if let Some(waiting) = self.waiting().get(&number) {
                // Who asked may have given up.
                let _ = waiting.send((from, body));
            }
            return;
        }
        let Some(listener) = self.0.listener.get().cloned() else { return };
        let talk = self.clone();
        drain.spawn(async move {
            let answer = if let Some(what) = body[CHANGED].as_str() {
                talk.0.news.heard(what).await;
                Some(json!(true))
            } else {
                // A long list takes a while.
                tokio::task::spawn_blocking(move || listener(body)).await.ok().flatten()
            };
            if let (Some(answer), true) = (answer, number != 0) {
                talk.publish(&talk.0.keys.of("to", &from), number, true, answer);
            }
        });
    }
}

/// Forgets a question when it is dropped.
struct Waiting<'a> {
    talk: &'a Talk,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.talk.waiting().remove(&self.number);
    }
}

/// For the answer of a channel that was silent.
const PATIENCE: Duration = Duration::from_secs(2);
/// A channel that is silent for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(5);
/// A connection that lived for so long was a good one.
const LONG: Duration = Duration::from_secs(10);
/// For those that look at what has changed. One that hears nothing finds it a few seconds later.
const LOOKED: Duration = Duration::from_secs(2);
const CHANGED: &str = "changed";
const PURPOSE: &str = "letter";
