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
        if known == 0 {
            // Others may be there already that are not known yet.
            self.tell(json!({ CHANGED: what }));
            return self.0.redis.is_near();
        }
        self.ask(json!({ CHANGED: what }), LOOKED).await.len() >= known
    }

    /// What other replicas announce of `what` from here on, and what they may have while this one could not hear. One listener
    /// hears it: the last one.
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
        let mut subscribed = 0;
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
            match items.next().as_ref().and_then(resp::Reply::text) {
                Some("message") => {
                    if let Some(sealed) = items.nth(1).and_then(resp::Reply::into_bytes) {
                        self.heard(&sealed, drain);
                    }
                }
                Some("subscribe") => {
                    subscribed += 1;
                    if subscribed == channels.len() {
                        self.0.news.missed();
                    }
                }
                _ => {}
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::config::{RedisPlace, RedisUrl};
    use crate::listener::NameResolver;
    use crate::observe::Metrics;

    fn talk() -> (Talk, Redis, mpsc::Receiver<crate::cluster::redis::AskedCommand>) {
        let (redis, queue) = Redis::new(Arc::new(Metrics::new()));
        let (keys, secret) = (ClusterKeys::new("test", false), ClusterSecret::new("test", &[7; 32]));
        (Talk::new(redis.clone(), keys, secret, "me".to_owned(), Members::default()), redis, queue)
    }

    /// Reads a command and answers it.
    async fn answers(stream: &mut TcpStream, command: &str, answer: &str) {
        let mut read = String::new();
        while !read.contains(command) {
            let mut bytes = [0; 1024];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "{read}");
            read.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    #[tokio::test]
    async fn a_replica_that_could_not_hear_looks_once_it_can() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hosts = vec![("127.0.0.1".to_owned(), listener.local_addr().unwrap().port())];
        let url = RedisUrl { tls: false, user: None, password: None, hosts, place: RedisPlace::Server { database: 0 } };
        let target = RedisTarget { urls: vec![url], tls: None, names: NameResolver::by(|_| Ok(Vec::new())) };
        let (talk, ..) = talk();
        let mut announcements = talk.announcements("a");
        let _hears = tokio::task::JoinSet::from_iter([talk.hear(target, Drain::new())]);
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.unwrap();
            answers(&mut stream, "PING", "+PONG\r\n").await;
            answers(&mut stream, "SUBSCRIBE", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n").await;
            assert!(announcements.try_recv().is_err(), "the other channel is not heard yet");
            stream.write_all(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n").await.unwrap();
            assert!(announcements.recv().await.is_some());
        }
    }

    #[tokio::test]
    async fn what_is_announced_while_no_other_is_known_is_told_all_the_same() {
        let (talk, redis, mut queue) = talk();
        assert!(!talk.announce("a").await && queue.try_recv().is_err(), "Redis is away");
        redis.set_near(true);
        assert!(talk.announce("a").await);
        assert!(String::from_utf8_lossy(&queue.try_recv().unwrap().bytes).contains("PUBLISH"));
    }
}
