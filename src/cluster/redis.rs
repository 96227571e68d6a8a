//! [`Redis`]: asks Redis, and is never kept waiting by it.
//!
//! One task has the connection; who asks leaves a command in its queue and waits for the reply, for a while. Once Redis
//! has let one question wait too long, or has refused to write, it counts as away: from then on questions are answered
//! with [`NoAnswer`] at once, until a write that the task tries now and then is answered fast again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::resp::{self, Reply};
use crate::observe::Metrics;

/// Asks Redis. Cheap to clone.
#[derive(Clone)]
pub(super) struct Redis(Arc<RedisShared>);

struct RedisShared {
    queue: mpsc::Sender<AskedCommand>,
    is_near: AtomicBool,
    /// Notified when a question was given up.
    late: Notify,
    nearness: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

/// A command on its way, and who waits for its reply.
pub(super) struct AskedCommand {
    pub(super) bytes: Vec<u8>,
    pub(super) reply: Option<oneshot::Sender<Reply>>,
}

/// There is no answer: Redis is away, late, or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoAnswer;

/// A reply that is awaited.
pub(super) struct PendingReply {
    redis: Redis,
    reply: oneshot::Receiver<Reply>,
}

impl Redis {
    /// Questions, and the queue that a task answers them from.
    pub(super) fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<AskedCommand>) {
        let (queue, asked) = mpsc::channel(MOST_WAITING);
        let shared = RedisShared {
            queue,
            is_near: AtomicBool::new(false),
            late: Notify::new(),
            nearness: watch::Sender::new(false),
            metrics,
        };
        (Self(Arc::new(shared)), asked)
    }

    /// Puts a command on its way. Waits for nothing.
    ///
    /// # Errors
    /// If Redis is away.
    pub(super) fn begin(&self, parts: &[&[u8]]) -> Result<PendingReply, NoAnswer> {
        let (sender, reply) = oneshot::channel();
        self.put(AskedCommand { bytes: resp::command(parts), reply: Some(sender) })?;
        Ok(PendingReply { redis: self.clone(), reply })
    }

    /// Puts a command on its way whose reply is of no interest.
    pub(super) fn tell(&self, parts: &[&[u8]]) {
        // What is lost while Redis is away is told again when it is back, or ends by itself.
        let _ = self.put(AskedCommand { bytes: resp::command(parts), reply: None });
    }

    /// The reply to a command that has time: not one on the way of a request.
    ///
    /// # Errors
    /// If Redis is away, or refuses.
    pub(super) async fn call(&self, parts: &[&[u8]]) -> Result<Reply, NoAnswer> {
        let pending = self.begin(parts)?;
        match timeout(Duration::from_secs(2), pending.reply).await {
            Ok(Ok(Reply::Error(_)) | Err(_)) | Err(_) => Err(NoAnswer),
            Ok(Ok(reply)) => Ok(reply),
        }
    }

    /// Whether Redis answers.
    pub(super) fn is_near(&self) -> bool {
        self.0.is_near.load(Ordering::Relaxed)
    }

    /// Says when Redis goes away or comes back.
    pub(super) fn nearness(&self) -> watch::Receiver<bool> {
        self.0.nearness.subscribe()
    }

    /// Resolves when a question was given up.
    pub(super) async fn was_late(&self) {
        self.0.late.notified().await;
    }

    /// Redis answers from here on, or no longer.
    pub(super) fn set_near(&self, is_near: bool) {
        self.0.is_near.store(is_near, Ordering::Relaxed);
        self.0.metrics.cluster.near.set(i64::from(is_near));
        self.0.nearness.send_if_modified(|before| std::mem::replace(before, is_near) != is_near);
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn put(&self, command: AskedCommand) -> Result<(), NoAnswer> {
        let cluster = &self.0.metrics.cluster;
        if !self.is_near() {
            cluster.skipped.inc();
            return Err(NoAnswer);
        }
        self.0.queue.try_send(command).map_err(|_| {
            cluster.skipped.inc();
            NoAnswer
        })
    }
}

impl PendingReply {
    /// The reply, if it comes in time for a request that waits for it. If not, Redis counts as away.
    ///
    /// # Errors
    /// If there is none.
    pub(super) async fn soon(self) -> Result<Reply, NoAnswer> {
        let metrics = &self.redis.0.metrics.cluster;
        match timeout(SOON, self.reply).await {
            Ok(Ok(Reply::Error(_)) | Err(_)) => {
                metrics.refused.inc();
                Err(NoAnswer)
            }
            Ok(Ok(reply)) => {
                metrics.answered.inc();
                Ok(reply)
            }
            Err(_) => {
                metrics.late.inc();
                self.redis.0.is_near.store(false, Ordering::Relaxed);
                self.redis.0.late.notify_one();
                Err(NoAnswer)
            }
        }
    }
}

/// How long a request waits. Redis takes less than a millisecond, and a network between two places some ten.
const SOON: Duration = Duration::from_millis(50);
/// Commands on their way, some 300 bytes each.
const MOST_WAITING: usize = 4096;
