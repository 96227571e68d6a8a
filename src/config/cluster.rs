//! `cluster`: what several frontgates have in common, and the Redis through which they have it.

mod redis_url;

use super::UpstreamTls;
use super::auth::{ClientSecret, ClientSecretOf};
use super::keys::{KeySection, Keys, SectionChecks};
use super::kinds::{GivenName, NoValue, OneOrMany, Optional};
use super::problem::ValueError;
use redis_url::RedisUrlValue;

pub(crate) use redis_url::{RedisPlace, RedisUrl};

/// What several frontgates have in common. Without a Redis there is nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Where Redis is: one server, those of a Redis Cluster, or its Sentinels.
    pub(crate) redis: Option<Vec<RedisUrl>>,
    /// The name that tells this cluster's keys from those of others.
    pub(crate) name: String,
    /// What its replicas prove themselves to each other with.
    pub(crate) secret: Option<ClientSecret>,
    /// How a Redis that speaks TLS is verified.
    pub(crate) tls: UpstreamTls,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { redis: None, name: NAME.to_owned(), secret: None, tls: UpstreamTls::default() }
    }
}

impl KeySection for Cluster {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "redis",
            Optional(NoValue::Null, OneOrMany(RedisUrlValue)),
            &mut self.redis,
            "The Redis (or Valkey) that all replicas reach: redis://user:password@host:6379/0, rediss:// with TLS, a list for the nodes of \
             a Redis Cluster, or redis+sentinel://h1,h2/MASTER. While it is away each replica goes on alone, and none orders a public certificate.",
        );
        keys.key(
            "name",
            GivenName("a cluster"),
            &mut self.name,
            "The name of the cluster, for several of them in one Redis.",
        );
        keys.key(
            "secret",
            Optional(NoValue::Null, ClientSecretOf),
            &mut self.secret,
            "A text of 32 bytes or more that all replicas have in common: what they keep in Redis is sealed with it, and TLS tickets and \
             cookies of logins are good at each of them.",
        );
        keys.section("tls", "How a Redis that speaks TLS is known, and what frontgate shows it.", &mut self.tls);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let Some(redis) = &self.redis else {
            if self.secret.is_some() {
                let fault = ValueError::new("`redis` is missing: a secret alone joins no replicas");
                checks.report(
                    &["redis", "secret"],
                    fault.hint("cluster: { redis: \"redis://127.0.0.1\", secret: { file: FILE } }"),
                );
            }
            return;
        };
        match &self.secret {
            None => {
                let fault = ValueError::new("`secret` is missing: what replicas keep in Redis is sealed with it");
                checks.report(&["secret", "redis"], fault.hint(SECRET));
            }
            Some(secret) => {
                if let Some(length) = secret.length().filter(|length| *length < SHORTEST_SECRET) {
                    let fault = ValueError::new(format!("the secret has {length} bytes, and needs {SHORTEST_SECRET}"));
                    checks.report(&["secret"], fault.hint(SECRET));
                }
            }
        }
        if redis.is_empty() {
            checks.report(&["redis"], ValueError::new("an empty list").hint("such as redis://127.0.0.1:6379"));
        }
        let [first, rest @ ..] = &redis[..] else { return };
        let is_sentinel = |url: &RedisUrl| matches!(url.place, RedisPlace::Sentinel { .. });
        if !rest.is_empty() && redis.iter().any(is_sentinel) {
            let fault = ValueError::new("Sentinels are one URL, not several");
            checks.report(&["redis"], fault.hint("redis+sentinel://host1,host2/MASTER"));
        } else if rest.iter().any(|url| !url.is_alike(first)) {
            let fault = ValueError::new("the nodes of a cluster differ in more than their hosts");
            checks.report(&["redis"], fault.hint("the same scheme, user, password and number for each"));
        }
        if self.tls != UpstreamTls::default() && !redis.iter().any(|url| url.tls) {
            let fault = ValueError::new("this Redis speaks no TLS");
            checks.report(&["tls", "redis"], fault.hint("write rediss://… for it, or remove `tls`"));
        }
    }
}

/// The fewest bytes of the secret.
pub(crate) const SHORTEST_SECRET: usize = 32;
const NAME: &str = "frontgate";
const SECRET: &str = "what `openssl rand -hex 32` prints, in a file: secret: { file: FILE }";
