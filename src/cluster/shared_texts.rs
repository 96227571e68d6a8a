//! [`SharedTexts`]: texts that replicas have in common.

use std::time::Duration;

use super::keys::ClusterKeys;
use super::redis::{NoAnswer, Redis};
use super::resp::Reply;
use super::secret::ClusterSecret;
use super::shared_turn::SharedTurn;

/// Texts that replicas have in common, each under a name of its kind. Neither is to be read in Redis. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedTexts {
    redis: Redis,
    keys: ClusterKeys,
    secret: ClusterSecret,
    kind: &'static str,
    life: TextLife,
}

/// How long a text stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextLife {
    /// So long after it was written.
    Written(Duration),
    /// So long after it was last read.
    Read(Duration),
}

/// A text as Redis has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SharedText {
    /// Empty if there is none.
    sealed: Vec<u8>,
    /// The text, if there is one that can be opened.
    pub(crate) text: Option<Vec<u8>>,
}

impl SharedTexts {
    pub(super) fn new(
        redis: Redis,
        keys: ClusterKeys,
        secret: ClusterSecret,
        kind: &'static str,
        life: TextLife,
    ) -> Self {
        Self { redis, keys, secret, kind, life }
    }

    /// The texts under these names.
    pub(crate) async fn read(&self, names: &[String]) -> Result<Vec<SharedText>, NoAnswer> {
        let mut found = Vec::new();
        for some in names.chunks(TOGETHER) {
            let keys: Vec<String> = some.iter().map(|name| self.key(name)).collect();
            let (count, life) = (keys.len().to_string(), self.read_life());
            let mut parts: Vec<&[u8]> = vec![b"EVAL", READ.as_bytes(), count.as_bytes()];
            parts.extend(keys.iter().map(String::as_bytes));
            parts.push(life.as_bytes());
            let mut replies = self.redis.call(&parts).await?.items().into_iter();
            for name in some {
                let sealed = replies.next().and_then(Reply::into_bytes).unwrap_or_default();
                let text = self.secret.open(&self.purpose(name), &sealed);
                found.push(SharedText { sealed, text });
            }
        }
        Ok(found)
    }

    /// Writes a text, if no replica has had the `turn` since this one; `None` takes it away. Whether it did.
    pub(crate) async fn put(&self, turn: &SharedTurn, name: &str, text: Option<&[u8]>) -> Result<bool, NoAnswer> {
        let Some((fence, number)) = turn.fence() else { return Ok(false) };
        let sealed = text.map(|text| self.seal(name, text)).transpose()?.unwrap_or_default();
        let (key, life) = (self.key(name), self.life().as_secs().to_string());
        let parts: [&[u8]; 8] = [
            b"EVAL",
            PUT.as_bytes(),
            b"2",
            key.as_bytes(),
            fence.as_bytes(),
            number.as_bytes(),
            &sealed,
            life.as_bytes(),
        ];
        Ok(self.redis.call(&parts).await?.number() == Some(1))
    }

    /// Writes a text in the place of the one that was `seen`, unless there is another by now. Whether it did.
    pub(crate) async fn offer(&self, seen: &SharedText, name: &str, text: &[u8]) -> Result<bool, NoAnswer> {
        let (key, sealed, life) = (self.key(name), self.seal(name, text)?, self.life().as_secs().to_string());
        let parts: [&[u8]; 7] =
            [b"EVAL", OFFER.as_bytes(), b"1", key.as_bytes(), &seen.sealed, &sealed, life.as_bytes()];
        Ok(self.redis.call(&parts).await?.number() == Some(1))
    }

    fn seal(&self, name: &str, text: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        self.secret.seal(&self.purpose(name), text).ok_or(NoAnswer)
    }

    fn key(&self, name: &str) -> String {
        self.keys.of(self.kind, &self.secret.mark(self.kind, name.as_bytes()))
    }

    /// A text that was moved to another name does not open.
    fn purpose(&self, name: &str) -> String {
        format!("{} {name}", self.kind)
    }

    fn life(&self) -> Duration {
        let (TextLife::Written(life) | TextLife::Read(life)) = self.life;
        life
    }

    fn read_life(&self) -> String {
        let life = if let TextLife::Read(life) = self.life { life } else { Duration::ZERO };
        life.as_secs().to_string()
    }
}

/// KEYS: the texts. ARGV: seconds that those which are there live from here on; 0 leaves them their own.
const READ: &str = "local found={} for i,key in ipairs(KEYS) do \
local text=redis.call('GET',key) found[i]=text or '' \
if text and ARGV[1]~='0' then redis.call('EXPIRE',key,ARGV[1]) end end return found";

/// KEYS: the text, the number of the last turn. ARGV: the number of this one, the text, seconds of its life.
const PUT: &str = "local last=redis.call('GET',KEYS[2]) \
if last and last~=ARGV[1] then return 0 end \
if ARGV[2]=='' then redis.call('DEL',KEYS[1]) else redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) end return 1";

/// KEYS: the text. ARGV: the one that was seen, the new one, seconds of its life.
const OFFER: &str = "if (redis.call('GET',KEYS[1]) or '')~=ARGV[1] then return 0 end \
redis.call('SET',KEYS[1],ARGV[2],'EX',ARGV[3]) return 1";

/// Texts of some 6 KB that are read at once.
const TOGETHER: usize = 50;
