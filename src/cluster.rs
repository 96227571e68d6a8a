//! What replicas of frontgate share, and the one Redis client. Without a cluster everything is local.
//!
//! [`Cluster`] holds the parts: the [`Members`], what all of them count together ([`SharedLimits`]), the logins that
//! ended ([`EndedList`]), texts ([`SharedTexts`]), what one of them at a time may do ([`SharedTurn`]), and how replicas ask
//! each other ([`Talk`]). What each keeps in Redis has the cluster's name in its key, a life, and nothing in it that could be read without the [`ClusterSecret`]. No live socket ever waits for Redis; a
//! request waits for a moment, once ([`redis`]).

mod backoff;
mod ended_list;
mod keys;
mod limits;
mod link;
mod members;
mod news;
mod redis;
mod redis_task;
pub mod resp;
mod secret;
mod shared_texts;
mod shared_turn;
mod talk;

use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::drain::Drain;
use crate::observe::Metrics;
use backoff::Backoff;
use keys::ClusterKeys;
use members::Heartbeat;
use redis::Redis;
use redis_task::RedisTask;

pub(crate) use ended_list::EndedList;
pub(crate) use limits::{PendingVerdict, SharedLimits, SharedVerdict};
pub(crate) use link::RedisTarget;
pub(crate) use members::Members;
pub(crate) use news::Announcement;
pub(crate) use redis::NoAnswer;
pub(crate) use secret::ClusterSecret;
pub(crate) use shared_texts::{SharedText, SharedTexts, TextLife};
pub(crate) use shared_turn::{SharedTurn, TurnHolder};
pub(crate) use talk::Talk;

/// What replicas share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// The name that this replica has given itself.
    pub(crate) replica: String,
    /// The replicas that are known.
    pub(crate) members: Members,
    /// What clients do at all replicas together.
    pub(crate) limits: SharedLimits,
    /// The logins that ended before their time.
    pub(crate) ended: EndedList,
    /// How replicas ask each other.
    pub(crate) talk: Talk,
    /// What all of them have in common.
    pub(crate) secret: ClusterSecret,
    heart: Arc<Heartbeat>,
}

/// The settings of a cluster.
pub(crate) struct ClusterSettings {
    /// The cluster's name.
    pub(crate) name: String,
    /// What its replicas have in common.
    pub(crate) secret: ClusterSecret,
    /// Where its Redis is.
    pub(crate) target: RedisTarget,
}

impl Cluster {
    /// Joins a cluster; `state` is what this replica says of itself. Waits for nothing: Redis may be away.
    pub(crate) fn join(
        settings: ClusterSettings,
        state: Arc<dyn Fn() -> Value + Send + Sync>,
        metrics: Arc<Metrics>,
        runtime: &Handle,
        drain: &Drain,
    ) -> Self {
        let ClusterSettings { name, secret, target } = settings;
        let keys = ClusterKeys::new(&name, target.urls.len() > 1);
        let replica = format!("{:012x}", fastrand::u64(..) >> 16);
        let (redis, queue) = Redis::new(metrics);
        let members = Members::default();
        let limits = SharedLimits::new(redis.clone(), keys.clone(), secret.clone(), replica.clone());
        let ended = EndedList::new(redis.clone(), keys.clone(), secret.clone());
        let talk = Talk::new(redis.clone(), keys.clone(), secret.clone(), replica.clone(), members.clone());
        let heart = Arc::new(Heartbeat {
            redis: redis.clone(),
            keys: keys.clone(),
            secret: secret.clone(),
            replica: replica.clone(),
            state,
            members: members.clone(),
        });
        let task = RedisTask {
            redis,
            queue,
            target: target.clone(),
            probe: keys.of("probe", &replica),
            moved: None,
            backoff: Backoff::default(),
            is_said: false,
            is_forbidden_said: false,
        };
        let ends = drain.clone();
        drain.spawn_on(runtime, async move {
            tokio::select! {
                () = ends.hard() => {}
                never = task.run() => match never {},
            }
        });
        let (beats, ends) = (Arc::clone(&heart), drain.clone());
        drain.spawn_on(runtime, async move {
            tokio::select! {
                () = ends.hard() => {}
                never = beats.run() => match never {},
            }
        });
        let (hears, ends) = (talk.clone(), drain.clone());
        drain.spawn_on(runtime, async move {
            tokio::select! {
                () = ends.hard() => {}
                never = hears.hear(target, ends.clone()) => match never {},
            }
        });
        Self { replica, members, limits, ended, talk, secret, heart }
    }

    /// Texts of one kind that all replicas have in common.
    pub(crate) fn texts(&self, kind: &'static str, life: TextLife) -> SharedTexts {
        let Heartbeat { redis, keys, .. } = &*self.heart;
        SharedTexts::new(redis.clone(), keys.clone(), self.secret.clone(), kind, life)
    }

    /// The turn to do something for `which`, which is not to be read in Redis.
    pub(crate) fn turn(&self, what: &str, which: &str) -> SharedTurn {
        let marked = format!("{what}:{}", self.secret.mark(what, which.as_bytes()));
        SharedTurn::new(self.heart.redis.clone(), &self.heart.keys, &marked)
    }

    /// Whether Redis answers.
    pub(crate) fn is_near(&self) -> bool {
        self.heart.redis.is_near()
    }

    /// Says when Redis goes away or comes back.
    pub(crate) fn nearness(&self) -> watch::Receiver<bool> {
        self.heart.redis.nearness()
    }

    /// Tells the others that this replica is gone. Takes a moment at most.
    pub(crate) async fn leave(&self) {
        self.heart.leave().await;
    }
}
