//! [`EndedList`]: the logins that ended before their time, kept for replicas that were away when they did.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::keys::ClusterKeys;
use super::redis::Redis;
use super::secret::ClusterSecret;

/// The logins that ended before their time, kept for replicas that were away when they did. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EndedList(Arc<EndedListShared>);

struct EndedListShared {
    redis: Redis,
    keys: ClusterKeys,
    secret: ClusterSecret,
    heard: broadcast::Sender<String>,
}

impl EndedList {
    pub(super) fn new(redis: Redis, keys: ClusterKeys, secret: ClusterSecret) -> Self {
        Self(Arc::new(EndedListShared { redis, keys, secret, heard: broadcast::Sender::new(64) }))
    }

    /// Adds lines, each with the time in seconds since 1970 until which it counts. One that is there already changes
    /// nothing. `false` if Redis is away: then they have to be added again.
    pub(crate) async fn add(&self, lines: &[(String, u64)], now: u64) -> bool {
        let EndedListShared { redis, keys, secret, .. } = &*self.0;
        let key = keys.key("ended");
        for some in lines.chunks(TOGETHER) {
            let sealed: Vec<(String, Vec<u8>)> = some
                .iter()
                .map(|(line, until)| (until.to_string(), secret.seal_same(PURPOSE, line.as_bytes())))
                .collect();
            let (now, life) = (now.to_string(), LIFE);
            let mut parts: Vec<&[u8]> =
                vec![&b"EVAL"[..], ADD.as_bytes(), b"1", key.as_bytes(), now.as_bytes(), life.as_bytes()];
            parts.extend(sealed.iter().flat_map(|(until, sealed)| [until.as_bytes(), sealed.as_slice()]));
            if redis.call(&parts).await.is_err() {
                return false;
            }
        }
        true
    }

    /// All lines that still count; `None` if Redis is away.
    pub(crate) async fn all(&self, now: u64) -> Option<String> {
        let EndedListShared { redis, keys, secret, .. } = &*self.0;
        let (key, now) = (keys.key("ended"), now.to_string());
        let (mut text, mut from) = (String::new(), 0);
        loop {
            let from_text = from.to_string();
            let parts: [&[u8]; 7] = [
                b"ZRANGEBYSCORE",
                key.as_bytes(),
                now.as_bytes(),
                b"+inf",
                b"LIMIT",
                from_text.as_bytes(),
                PAGE.as_bytes(),
            ];
            let page = redis.call(&parts).await.ok()?.items();
            if page.is_empty() || from >= MOST {
                return Some(text);
            }
            from += page.len();
            for sealed in page.into_iter().filter_map(super::resp::Reply::into_bytes) {
                if let Some(line) = secret.open(PURPOSE, &sealed).and_then(|line| String::from_utf8(line).ok()) {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
    }

    /// Another replica has told these lines.
    pub(crate) fn heard(&self, lines: &str) {
        // Without a login at an issuer there is nothing to end.
        let _ = self.0.heard.send(lines.to_owned());
    }

    /// The lines that other replicas tell from here on.
    pub(crate) fn hear(&self) -> broadcast::Receiver<String> {
        self.0.heard.subscribe()
    }

    /// Says when Redis goes away or comes back.
    pub(crate) fn nearness(&self) -> tokio::sync::watch::Receiver<bool> {
        self.0.redis.nearness()
    }
}

/// KEYS: the list. ARGV: the time, seconds that the list is kept, then times and lines.
const ADD: &str = "redis.call('ZREMRANGEBYSCORE',KEYS[1],'-inf','('..ARGV[1]) \
for i=3,#ARGV,2 do redis.call('ZADD',KEYS[1],ARGV[i],ARGV[i+1]) end \
redis.call('EXPIRE',KEYS[1],ARGV[2]) return 0";
/// Seconds: as long as a login may last.
const LIFE: &str = "2592000";
const PAGE: &str = "1000";
const TOGETHER: usize = 500;
/// As many as one frontgate keeps.
const MOST: usize = 50_000;
const PURPOSE: &str = "ended";
