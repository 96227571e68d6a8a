//! [`SharedLimits`]: how much each client has and does at all replicas together.
//!
//! Rates are counted as GCRA does (a virtual time at which the next one would be on time, ITU-T I.371), by Redis's clock, in
//! one step for each question. Who a client is stands nowhere: its network is marked with the cluster's secret.

use std::num::NonZeroU32;
use std::time::Duration;

use super::keys::ClusterKeys;
use super::redis::{NoAnswer, PendingReply, Redis};
use super::resp::Reply;
use super::secret::ClusterSecret;
use crate::listener::Network;

/// How much each client has and does at all replicas together. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedLimits {
    redis: Redis,
    keys: ClusterKeys,
    secret: ClusterSecret,
    replica: String,
}

/// What Redis says to one more WebSocket of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SharedVerdict {
    /// It is within the limits, or Redis cannot be asked.
    Within,
    /// The client has asked for too many in a minute, and has to wait so long.
    TooFast(Duration),
    /// The client has too many.
    TooMany,
}

/// A question that is on its way.
pub(crate) struct PendingVerdict(Result<PendingReply, NoAnswer>);

impl SharedLimits {
    pub(super) fn new(redis: Redis, keys: ClusterKeys, secret: ClusterSecret, replica: String) -> Self {
        Self { redis, keys, secret, replica }
    }

    /// Asks for one more WebSocket of `network`, of which there are `open` here, this one included. Waits for nothing.
    pub(crate) fn enter(
        &self,
        network: Network,
        open: usize,
        most: Option<usize>,
        per_minute: Option<NonZeroU32>,
    ) -> PendingVerdict {
        let [rate, sockets] = ["rate", "sockets"].map(|what| self.key(what, network));
        let members = self.keys.key("members");
        let emission = per_minute.map_or(0.0, |number| 60_000.0 / f64::from(number.get()));
        let most = most.map_or_else(|| "-1".to_owned(), |most| most.to_string());
        PendingVerdict(self.redis.begin(&[
            b"EVAL",
            ENTER.as_bytes(),
            b"3",
            rate.as_bytes(),
            sockets.as_bytes(),
            members.as_bytes(),
            emission.to_string().as_bytes(),
            MINUTE.as_bytes(),
            most.as_bytes(),
            self.replica.as_bytes(),
            open.to_string().as_bytes(),
            KEPT.as_bytes(),
        ]))
    }

    /// Notes that `network` has so many WebSockets here.
    pub(crate) fn note(&self, network: Network, open: usize) {
        let (key, open) = (self.key("sockets", network), open.to_string());
        self.redis.tell(&[
            b"EVAL",
            NOTE.as_bytes(),
            b"1",
            key.as_bytes(),
            self.replica.as_bytes(),
            open.as_bytes(),
            KEPT.as_bytes(),
        ]);
    }

    /// How long it takes until all failed logins of a client are forgotten, if Redis knows.
    pub(crate) async fn failures(&self, client: Option<Network>) -> Option<Duration> {
        let reply = self.login(client, "0", Duration::ZERO, Duration::ZERO).ok()?.soon().await.ok()?;
        let left = u64::try_from(reply.number()?).ok()?;
        Some(Duration::from_millis(left))
    }

    /// Notes a failed login of a client, which is forgotten after `one`; all together after `most` at the latest.
    pub(crate) fn failed(&self, client: Option<Network>, one: Duration, most: Duration) {
        // Dropped without waiting for the reply.
        let _ = self.login(client, "1", one, most);
    }

    fn login(
        &self,
        client: Option<Network>,
        add: &str,
        one: Duration,
        most: Duration,
    ) -> Result<PendingReply, NoAnswer> {
        let text = client.map_or_else(|| "unknown".to_owned(), |network| format!("{network:?}"));
        let key = self.keys.of("logins", &self.secret.mark("logins", text.as_bytes()));
        let [one, most] = [one, most].map(|time| time.as_millis().to_string());
        self.redis.begin(&[
            b"EVAL",
            LOGIN.as_bytes(),
            b"1",
            key.as_bytes(),
            add.as_bytes(),
            one.as_bytes(),
            most.as_bytes(),
        ])
    }

    fn key(&self, what: &str, network: Network) -> String {
        self.keys.of(what, &self.secret.mark(what, format!("{network:?}").as_bytes()))
    }
}

impl PendingVerdict {
    /// The verdict, after a short wait at most. Without an answer the replica's own limits are all there is.
    pub(crate) async fn soon(self) -> SharedVerdict {
        let Ok(pending) = self.0 else { return SharedVerdict::Within };
        pending.soon().await.map_or(SharedVerdict::Within, verdict)
    }
}

fn verdict(reply: Reply) -> SharedVerdict {
    match reply.items()[..] {
        [Reply::Number(1), Reply::Number(wait)] => {
            SharedVerdict::TooFast(Duration::from_millis(u64::try_from(wait).unwrap_or_default()))
        }
        [Reply::Number(2), _] => SharedVerdict::TooMany,
        _ => SharedVerdict::Within,
    }
}

/// KEYS: rate, sockets, members. ARGV: milliseconds for each, milliseconds that may come at once, most sockets, the replica,
/// its sockets, seconds that its count is kept. A replica that is no member any more has no sockets.
const ENTER: &str = "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000) \
local most=tonumber(ARGV[3]) \
if most>=0 then \
local alive={} \
for _,id in ipairs(redis.call('ZRANGEBYSCORE',KEYS[3],t[1],'+inf')) do alive[id]=true end \
local sum=tonumber(ARGV[5]) \
local all=redis.call('HGETALL',KEYS[2]) \
for i=1,#all,2 do if all[i]~=ARGV[4] then \
if alive[all[i]] then sum=sum+tonumber(all[i+1]) else redis.call('HDEL',KEYS[2],all[i]) end \
end end \
if sum>most then return {2,0} end \
end \
local each=tonumber(ARGV[1]) \
if each>0 then \
local due=tonumber(redis.call('GET',KEYS[1]) or now) if due<now then due=now end \
due=due+each \
local wait=due-now-tonumber(ARGV[2]) \
if wait>0.5 then return {1,math.ceil(wait)} end \
redis.call('SET',KEYS[1],string.format('%.3f',due),'PX',math.ceil(due-now)) \
end \
if most>=0 then redis.call('HSET',KEYS[2],ARGV[4],ARGV[5]) redis.call('EXPIRE',KEYS[2],ARGV[6]) end \
return {0,0}";

/// KEYS: sockets. ARGV: the replica, its sockets, seconds that its count is kept.
const NOTE: &str = "if ARGV[2]=='0' then redis.call('HDEL',KEYS[1],ARGV[1]) \
else redis.call('HSET',KEYS[1],ARGV[1],ARGV[2]) redis.call('EXPIRE',KEYS[1],ARGV[3]) end return 0";

/// KEYS: a client. ARGV: whether it has failed, milliseconds for a failure, milliseconds at most. Returns the milliseconds
/// until all is forgotten.
const LOGIN: &str = "local t=redis.call('TIME') local now=t[1]*1000+math.floor(t[2]/1000) \
local due=tonumber(redis.call('GET',KEYS[1]) or now) if due<now then due=now end \
if ARGV[1]=='1' then due=math.min(due+ARGV[2],now+ARGV[3]) \
redis.call('SET',KEYS[1],string.format('%.0f',due),'PX',math.ceil(due-now)) end \
return math.ceil(due-now)";

/// A whole minute's number may come at once.
const MINUTE: &str = "60000";
/// Seconds. A count is noted with each WebSocket that comes or goes; a client that keeps the same ones for a week is counted
/// anew with the next.
const KEPT: &str = "604800";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_verdict_lets_in() {
        let list = |first, second| Reply::List(vec![Reply::Number(first), Reply::Number(second)]);
        for (reply, expected) in [
            (list(0, 0), SharedVerdict::Within),
            (list(1, 1500), SharedVerdict::TooFast(Duration::from_millis(1500))),
            (list(2, 0), SharedVerdict::TooMany),
            (list(9, 0), SharedVerdict::Within),
            (Reply::Null, SharedVerdict::Within),
        ] {
            assert_eq!(verdict(reply), expected);
        }
    }
}
