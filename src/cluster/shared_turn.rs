//! [`SharedTurn`]: what one replica at a time may do.
//!
//! A turn is a lock with a life in Redis. Each has a number that is larger than those before it (a fencing token), so that a
//! replica which was stopped and has lost its turn cannot write over what the next one has written.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::keys::ClusterKeys;
use super::redis::{NoAnswer, Redis};
use super::resp::Reply;

/// What one replica at a time may do. Dropping it gives the turn to the next.
pub(crate) struct SharedTurn {
    redis: Redis,
    lock: String,
    fence: String,
    held: Mutex<Option<HeldTurn>>,
}

struct HeldTurn {
    number: String,
    /// Redis keeps it so long at least.
    until: Instant,
}

/// The replica whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnHolder {
    /// This replica's.
    Own {
        /// Whether Redis knows of no turn before it: it has not been asked for weeks, or it has lost what it had.
        is_first: bool,
    },
    /// Another replica's.
    Other,
}

impl SharedTurn {
    /// The turn to do `what`.
    pub(super) fn new(redis: Redis, keys: &ClusterKeys, what: &str) -> Self {
        let (lock, fence) = (keys.of("turn", what), keys.of("turns", what));
        Self { redis, lock, fence, held: Mutex::default() }
    }

    /// Takes the turn if no replica has it, or keeps it.
    pub(crate) async fn take(&self) -> Result<TurnHolder, NoAnswer> {
        let (number, asked) = (self.number().unwrap_or_default(), Instant::now());
        let life = LIFE.as_millis().to_string();
        let parts: [&[u8]; 8] = [
            b"EVAL",
            TAKE.as_bytes(),
            b"2",
            self.lock.as_bytes(),
            self.fence.as_bytes(),
            number.as_bytes(),
            life.as_bytes(),
            FENCE_LIFE.as_bytes(),
        ];
        let reply = self.redis.call(&parts).await?;
        let Some((number, is_first)) = taken(reply) else {
            *self.held() = None;
            return Ok(TurnHolder::Other);
        };
        *self.held() = Some(HeldTurn { number, until: asked + LIFE });
        Ok(TurnHolder::Own { is_first })
    }

    /// Whether no other replica can have the turn at this moment.
    pub(crate) fn is_own(&self) -> bool {
        self.held().as_ref().is_some_and(|held| Instant::now() < held.until)
    }

    /// Keeps the turn, and resolves when it is lost: another replica has it, or Redis was away for longer than it lives.
    pub(crate) async fn lost(&self) {
        while self.is_own() {
            sleep(KEEP_EVERY).await;
            // Without an answer it lives for a while.
            if self.take().await == Ok(TurnHolder::Other) {
                return;
            }
        }
    }

    /// Gives the turn to the next.
    pub(crate) fn release(&self) {
        if let Some(HeldTurn { number, .. }) = self.held().take() {
            self.redis.tell(&[b"EVAL", RELEASE.as_bytes(), b"1", self.lock.as_bytes(), number.as_bytes()]);
        }
    }

    /// The key with the number of the last turn, and the number of this one; `None` if the turn was never this replica's.
    pub(super) fn fence(&self) -> Option<(&str, String)> {
        Some((&self.fence, self.number()?))
    }

    fn number(&self) -> Option<String> {
        self.held().as_ref().map(|held| held.number.clone())
    }

    fn held(&self) -> MutexGuard<'_, Option<HeldTurn>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedTurn {
    fn drop(&mut self) {
        self.release();
    }
}

/// The number of the turn that was taken, and whether it is the first; `None` if another replica has it.
fn taken(reply: Reply) -> Option<(String, bool)> {
    let [number, is_first] = &reply.items()[..] else { return None };
    Some((number.text()?.to_owned(), is_first.number()? == 1))
}

/// KEYS: the lock, the last number. ARGV: the number of the turn that is held, milliseconds of a turn's life, seconds of the
/// last number's. A number is the time, so that it is larger than any before it even where Redis has lost the last one.
const TAKE: &str = "local owner=redis.call('GET',KEYS[1]) \
if owner and owner~=ARGV[1] then return {} end \
local last=redis.call('GET',KEYS[2]) \
local number=owner \
if not owner then local t=redis.call('TIME') \
number=string.format('%.0f',math.max(t[1]*1000000+t[2],tonumber(last or '0')+1)) end \
redis.call('SET',KEYS[1],number,'PX',ARGV[2]) redis.call('SET',KEYS[2],number,'EX',ARGV[3]) \
return {number,last and 0 or 1}";

/// KEYS: the lock. ARGV: the number of the turn that ends.
const RELEASE: &str = "if redis.call('GET',KEYS[1])==ARGV[1] then redis.call('DEL',KEYS[1]) end return 0";

/// A replica that was killed is waited for so long.
const LIFE: Duration = Duration::from_secs(15);
const KEEP_EVERY: Duration = Duration::from_secs(4);
/// Seconds, some weeks: as long as what is written behind it.
const FENCE_LIFE: &str = "2592000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_turn_is_anothers() {
        let list = |number: &str, first| Reply::List(vec![Reply::Bytes(number.into()), Reply::Number(first)]);
        for (reply, expected) in [
            (list("17", 0), Some(("17".to_owned(), false))),
            (list("17", 1), Some(("17".to_owned(), true))),
            (Reply::List(Vec::new()), None),
            (Reply::Null, None),
            (Reply::Number(1), None),
        ] {
            assert_eq!(taken(reply), expected);
        }
    }
}
