//! [`Members`]: the replicas of a cluster, each of which says every few seconds that it is there.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::keys::ClusterKeys;
use super::redis::Redis;
use super::secret::ClusterSecret;

/// The replicas of a cluster, as this one knows them. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Members(Arc<ArcSwap<Vec<Member>>>);

/// A replica of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    /// The name it has given itself when it started.
    pub(crate) replica: String,
    /// What it says of itself.
    pub(crate) says: Value,
}

/// What a replica says of itself, asked anew each time.
pub(super) type OwnState = Arc<dyn Fn() -> Value + Send + Sync>;

/// Says that this replica is there, and learns which others are.
pub(super) struct Heartbeat {
    pub(super) redis: Redis,
    pub(super) keys: ClusterKeys,
    pub(super) secret: ClusterSecret,
    pub(super) replica: String,
    pub(super) state: OwnState,
    pub(super) members: Members,
}

impl Members {
    /// The replicas that are known, this one included; none while Redis is away.
    pub(crate) fn all(&self) -> Arc<Vec<Member>> {
        self.0.load_full()
    }
}

impl Heartbeat {
    /// Runs until it is dropped.
    pub(super) async fn run(self: Arc<Self>) -> Infallible {
        let mut nearness = self.redis.nearness();
        loop {
            let next = Instant::now() + EVERY;
            self.beat().await;
            tokio::select! {
                () = sleep_until(next) => {}
                // Its sender is in `self`.
                _ = nearness.changed() => {}
            }
        }
    }

    async fn beat(&self) {
        let says = (self.state)();
        let Some(sealed) = self.secret.seal(PURPOSE, says.to_string().as_bytes()) else { return };
        let (own, all, prefix) =
            (self.keys.of("member", &self.replica), self.keys.key("members"), self.keys.of("member", ""));
        let beaten = self
            .redis
            .call(&[
                b"EVAL",
                BEAT.as_bytes(),
                b"2",
                own.as_bytes(),
                all.as_bytes(),
                self.replica.as_bytes(),
                &sealed,
                prefix.as_bytes(),
                LIFE.as_bytes(),
            ])
            .await;
        let found = beaten.map(|reply| {
            let mut items = reply.items().into_iter();
            let mut found = Vec::new();
            while let (Some(replica), Some(sealed)) = (items.next(), items.next()) {
                let opened = sealed.into_bytes().and_then(|sealed| self.secret.open(PURPOSE, &sealed));
                let says = opened.and_then(|says| serde_json::from_slice(&says).ok());
                if let (Some(replica), Some(says)) = (replica.text(), says) {
                    found.push(Member { replica: replica.to_owned(), says });
                }
            }
            found
        });
        let mut found = found.unwrap_or_default();
        found.sort_by(|one, other| one.replica.cmp(&other.replica));
        self.redis.metrics().cluster.members.set(i64::try_from(found.len()).unwrap_or(i64::MAX));
        self.members.0.store(Arc::new(found));
    }

    /// Says that this replica is gone.
    pub(super) async fn leave(&self) {
        let (own, all) = (self.keys.of("member", &self.replica), self.keys.key("members"));
        let _ = self.redis.call(&[b"DEL", own.as_bytes()]).await;
        let _ = self.redis.call(&[b"ZREM", all.as_bytes(), self.replica.as_bytes()]).await;
    }
}

/// KEYS: this member, all. ARGV: its name, what it says, what the keys of members begin with, seconds of its life. Returns
/// the members and what they say.
const BEAT: &str = "local now=redis.call('TIME')[1] \
redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[4]) \
redis.call('ZADD',KEYS[2],now+ARGV[4],ARGV[1]) \
redis.call('ZREMRANGEBYSCORE',KEYS[2],'-inf',now) \
redis.call('EXPIRE',KEYS[2],60) \
local found={} \
for _,id in ipairs(redis.call('ZRANGE',KEYS[2],0,999)) do \
local says=redis.call('GET',ARGV[3]..id) \
if says then found[#found+1]=id found[#found+1]=says end end \
return found";
/// Seconds.
const LIFE: &str = "15";
const EVERY: Duration = Duration::from_secs(5);
const PURPOSE: &str = "member";
