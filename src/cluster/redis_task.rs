//! [`RedisTask`]: keeps the connection of a [`Redis`], and says once when Redis goes away and once when it is back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
use super::link::{Link, LinkError, PATIENCE, RedisTarget};
use super::redis::{AskedCommand, Redis};
use super::resp::{self, Reply};

/// Keeps the connection of a [`Redis`].
pub(super) struct RedisTask {
    pub(super) redis: Redis,
    pub(super) queue: mpsc::Receiver<AskedCommand>,
    pub(super) target: RedisTarget,
    /// A key that is written to see whether Redis takes writes.
    pub(super) probe: String,
    /// The node of a Redis Cluster that has the keys.
    pub(super) moved: Option<(String, u16)>,
    pub(super) backoff: Backoff,
    pub(super) is_said: bool,
    pub(super) is_forbidden_said: bool,
}

/// What was sent and has no reply yet.
struct SentCommand {
    at: Instant,
    answer: Answer,
}

enum Answer {
    Caller(Option<oneshot::Sender<Reply>>),
    Probe,
}

impl RedisTask {
    /// Runs until it is dropped.
    pub(super) async fn run(mut self) -> Infallible {
        loop {
            let opened = Link::open(&self.target, self.moved.as_ref()).await;
            let why = match opened {
                Ok(mut link) => self.serve(&mut link).await,
                Err(error) => error,
            };
            self.away(&why);
            // What waits here is answered by being dropped.
            while self.queue.try_recv().is_ok() {}
            self.moved = moved(&why);
            sleep(self.backoff.next(fastrand::f64())).await;
        }
    }

    /// Passes commands and replies on until the connection is of no more use.
    async fn serve(&mut self, link: &mut Link) -> LinkError {
        let mut sent = VecDeque::<SentCommand>::new();
        if let Err(error) = self.probe(link, &mut sent).await {
            return error;
        }
        let mut next_probe = Instant::now() + PROBE;
        loop {
            let oldest = sent.front().map_or_else(|| Instant::now() + PATIENCE, |sent| sent.at + PATIENCE);
            let is_probed = sent.iter().any(|sent| matches!(sent.answer, Answer::Probe));
            tokio::select! {
                Some(command) = self.queue.recv(), if sent.len() < MOST_SENT => {
                    let mut bytes = command.bytes;
                    sent.push_back(SentCommand { at: Instant::now(), answer: Answer::Caller(command.reply) });
                    // What else waits goes out with it.
                    while let Some(AskedCommand { bytes: more, reply }) = (bytes.len() < TOGETHER).then(|| self.queue.try_recv().ok()).flatten() {
                        bytes.extend_from_slice(&more);
                        sent.push_back(SentCommand { at: Instant::now(), answer: Answer::Caller(reply) });
                    }
                    if let Err(error) = link.send(&bytes).await {
                        return error;
                    }
                }
                reply = link.receive() => match reply {
                    Err(error) => return error,
                    Ok(reply) => {
                        let Some(SentCommand { at, answer }) = sent.pop_front() else { return resp::NotRedis.into() };
                        if let Err(error) = self.answered(reply, at, answer) {
                            return error;
                        }
                    }
                },
                () = self.redis.was_late() => self.away(&LinkError::Silent(Duration::from_millis(50))),
                () = sleep_until(oldest), if !sent.is_empty() => return LinkError::Silent(PATIENCE),
                () = sleep_until(next_probe), if !is_probed => {
                    next_probe = Instant::now() + PROBE;
                    if let Err(error) = self.probe(link, &mut sent).await {
                        return error;
                    }
                }
            }
        }
    }

    async fn probe(&self, link: &mut Link, sent: &mut VecDeque<SentCommand>) -> Result<(), LinkError> {
        sent.push_back(SentCommand { at: Instant::now(), answer: Answer::Probe });
        link.send(&resp::command(&[b"SET", self.probe.as_bytes(), b"", b"EX", b"15"])).await
    }

    fn answered(&mut self, reply: Reply, at: Instant, answer: Answer) -> Result<(), LinkError> {
        if let Reply::Error(why) = &reply
            && let Some(word) = why.split(' ').next()
        {
            if ELSEWHERE.contains(&word) {
                return Err(LinkError::Refused(why.clone()));
            }
            // One that is full or may not be written to is asked again by a probe.
            if FULL.contains(&word) || matches!(answer, Answer::Probe) {
                self.away(&LinkError::Refused(why.clone()));
            } else if word == "NOPERM" && !std::mem::replace(&mut self.is_forbidden_said, true) {
                tracing::warn!(%why, "the cluster's Redis lets its user do too little");
            }
        }
        match answer {
            Answer::Caller(reply_to) => {
                if let Some(reply_to) = reply_to {
                    // Who asked may have given up.
                    let _ = reply_to.send(reply);
                }
            }
            Answer::Probe if !matches!(reply, Reply::Error(_)) && at.elapsed() <= FAST => self.near(),
            Answer::Probe => {}
        }
        Ok(())
    }

    fn near(&mut self) {
        self.backoff = Backoff::default();
        if !self.redis.is_near() {
            tracing::info!("the cluster's Redis answers; replicas share what they have in common");
            self.redis.metrics().cluster.connected.inc();
        }
        self.is_said = false;
        self.redis.set_near(true);
    }

    fn away(&mut self, why: &LinkError) {
        self.redis.set_near(false);
        if !std::mem::replace(&mut self.is_said, true) {
            tracing::warn!(%why, "the cluster's Redis is away; this replica goes on alone");
        }
    }
}

/// The node of a Redis Cluster that a refusal names: `MOVED 3999 127.0.0.1:6381`.
fn moved(why: &LinkError) -> Option<(String, u16)> {
    let LinkError::Refused(why) = why else { return None };
    let node = why.strip_prefix("MOVED ")?.split(' ').nth(1)?;
    let (host, port) = node.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// Refusals that another server, or the same one a little later, does not make.
const ELSEWHERE: [&str; 5] = ["MOVED", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN"];
const FULL: [&str; 3] = ["OOM", "MISCONF", "NOREPLICAS"];
/// How often it is seen whether Redis takes writes.
const PROBE: Duration = Duration::from_millis(500);
/// A Redis that takes longer is of no use to requests.
const FAST: Duration = Duration::from_millis(25);
/// Commands without a reply yet.
const MOST_SENT: usize = 4096;
/// Bytes that are sent together.
const TOGETHER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_may_name_another_node() {
        let refused = |text: &str| moved(&LinkError::Refused(text.to_owned()));
        assert_eq!(refused("MOVED 3999 127.0.0.1:6381"), Some(("127.0.0.1".to_owned(), 6381)));
        assert_eq!(refused("MOVED 1 ::1:7"), Some(("::1".to_owned(), 7)));
        assert_eq!((refused("MOVED 3999"), refused("OOM x y:1")), (None, None));
        assert_eq!(moved(&LinkError::NoMaster), None);
    }
}
