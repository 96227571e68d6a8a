//! [`RedisUrl`]: where a Redis is.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::config::Secret;
use crate::config::keys::{KeyKind, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::{MASK, SettingReader};
use crate::config::upstream::authority;

/// Where a Redis is, and how frontgate proves itself to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedisUrl {
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// The user of its access list; the default user if none is named.
    pub(crate) user: Option<String>,
    /// The password.
    pub(crate) password: Option<Secret>,
    /// Hosts (IPv6 without brackets) and ports; one, or those of Sentinels.
    pub(crate) hosts: Vec<(String, u16)>,
    /// What the hosts are.
    pub(crate) place: RedisPlace,
}

/// What the hosts of a URL are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RedisPlace {
    /// The Redis itself.
    Server {
        /// The number of its database.
        database: u32,
    },
    /// Sentinels that know where it is.
    Sentinel {
        /// Its name among those that they watch.
        master: String,
    },
}

impl RedisUrl {
    /// Whether only the host differs.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        Self { hosts: other.hosts.clone(), ..self.clone() } == *other
    }

    fn parse(text: &str, may_be_masked: bool) -> Result<Self, ValueError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(ValueError::new("the URL has no scheme").hint(EXAMPLES));
        };
        let (tls, is_sentinel) = match scheme.to_ascii_lowercase().as_str() {
            "redis" | "valkey" => (false, false),
            "rediss" | "valkeys" => (true, false),
            "redis+sentinel" => (false, true),
            "rediss+sentinel" => (true, true),
            _ => {
                let fault =
                    ValueError::new("the URL's scheme is none of redis, rediss, redis+sentinel, rediss+sentinel");
                return Err(fault.hint(EXAMPLES));
            }
        };
        if rest.contains(['?', '#']) {
            return Err(
                ValueError::new("the URL has a query or a fragment, of which frontgate knows none").hint(EXAMPLES)
            );
        }
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password, hosts) = match place.rsplit_once('@') {
            Some((proof, hosts)) => {
                let (user, password) = proof.split_once(':').map_or((proof, None), |(user, word)| (user, Some(word)));
                (Some(user), password, hosts)
            }
            None => (None, None, place),
        };
        if password == Some(MASK) && !may_be_masked {
            let fault = ValueError::new("the password was masked when it was printed");
            return Err(fault.hint("write the password itself"));
        }
        let decode = |text: &str| {
            decoded(text)
                .ok_or_else(|| ValueError::new("a `%` in the user or password is no escape").hint("`%25` is a `%`"))
        };
        let user = user.filter(|user| !user.is_empty()).map(decode).transpose()?;
        let password = password.map(decode).transpose()?.map(|word| Secret::new(word.into_bytes()));
        if user.is_some() && password.is_none() {
            return Err(ValueError::new("the URL has a user and no password")
                .hint("redis://user:password@host, or redis://:password@host"));
        }
        let default_port = if is_sentinel { 26379 } else { 6379 };
        let host = |text: &str| {
            let bad = |_| ValueError::new("the URL has no valid host").hint(EXAMPLES);
            authority(text).map_err(bad).map(|(host, port)| (host, port.unwrap_or(default_port)))
        };
        if !is_sentinel && hosts.contains(',') {
            let fault = ValueError::new("several hosts in one URL are Sentinels");
            return Err(fault.hint("redis+sentinel://h1,h2/MASTER; the nodes of a cluster are a list of URLs"));
        }
        let hosts = hosts.split(',').map(host).collect::<Result<Vec<_>, _>>()?;
        let place = if is_sentinel {
            if path.is_empty() || path.contains('/') {
                return Err(ValueError::new("the URL names no master").hint("redis+sentinel://h1,h2/MASTER"));
            }
            RedisPlace::Sentinel { master: path.to_owned() }
        } else {
            let database = if path.is_empty() { Ok(0) } else { path.parse::<u32>() };
            let bad = |_| {
                ValueError::new("what follows the host is no number of a database").hint("such as redis://host:6379/0")
            };
            RedisPlace::Server { database: database.map_err(bad)? }
        };
        Ok(Self { tls, user, password, hosts, place })
    }
}

/// With the password masked.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentinel = if matches!(self.place, RedisPlace::Sentinel { .. }) { "+sentinel" } else { "" };
        write!(f, "redis{}{sentinel}://", if self.tls { "s" } else { "" })?;
        if self.password.is_some() {
            write!(f, "{}:{MASK}@", encoded(self.user.as_deref().unwrap_or_default()))?;
        }
        for (index, (host, port)) in self.hosts.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "," })?;
            if host.contains(':') { write!(f, "[{host}]:{port}")? } else { write!(f, "{host}:{port}")? }
        }
        match &self.place {
            RedisPlace::Server { database } => write!(f, "/{database}"),
            RedisPlace::Sentinel { master } => write!(f, "/{master}"),
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = others;
            continue;
        }
        let hex =
            str::from_utf8(others.get(..2)?).ok().filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        rest = &others[2..];
    }
    String::from_utf8(bytes).ok()
}

fn encoded(text: &str) -> String {
    let escaped = |byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escaped).collect()
}

/// The kind of a Redis's URL. A fault of one is described without repeating the URL: it may hold a password.
pub(super) struct RedisUrlValue;

impl KeyKind for RedisUrlValue {
    type Value = RedisUrl;

    fn name(&self) -> String {
        "URL of a Redis".to_owned()
    }

    fn parse(&self, text: &str) -> Result<RedisUrl, ValueError> {
        RedisUrl::parse(text, false)
    }

    fn write(&self, value: &RedisUrl) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^(rediss?|valkeys?)(\\+sentinel)?://[^/?#]+(/[^/?#]*)?$" })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<RedisUrl> {
        let read = match &node.value {
            ConfigValue::Scalar(text) => RedisUrl::parse(text, at.folders.printed),
            _ => Err(ValueError::new("expected the URL of a Redis").hint(EXAMPLES)),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }
}

const EXAMPLES: &str =
    "such as redis://127.0.0.1:6379, rediss://user:password@redis.internal or redis+sentinel://h1,h2/MASTER";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_with_its_password_masked() {
        for (text, written) in [
            ("redis://127.0.0.1", "redis://127.0.0.1:6379/0"),
            ("redis://redis.lan:7000/3", "redis://redis.lan:7000/3"),
            ("rediss://[::1]", "rediss://[::1]:6379/0"),
            ("valkey://a/", "redis://a:6379/0"),
            ("REDIS://:hush@a", "redis://:***@a:6379/0"),
            ("redis://ann:a%40%25:b@a", "redis://ann:***@a:6379/0"),
            ("redis://a%20b:x@a", "redis://a%20b:***@a:6379/0"),
            ("redis+sentinel://a,b:7,[::1]/mymaster", "redis+sentinel://a:26379,b:7,[::1]:26379/mymaster"),
            ("rediss+sentinel://u:p@a/m", "rediss+sentinel://u:***@a:26379/m"),
        ] {
            let read = RedisUrlValue.parse(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.message));
            assert_eq!(read.to_string(), written, "{text}");
            assert!(RedisUrl::parse(written, true).is_ok(), "{written}");
        }
        let read = RedisUrlValue.parse("redis://ann:a%40%25:b@a").unwrap();
        assert_eq!(read.password.as_ref().map(Secret::expose), Some(&b"a@%:b"[..]));
        assert!(!format!("{read:?}").contains("a@%"), "{read:?}");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_url() {
        for (text, expected) in [
            ("127.0.0.1:6379", "the URL has no scheme"),
            ("http://a", "the URL's scheme is none of redis, rediss, redis+sentinel, rediss+sentinel"),
            ("redis://", "the URL has no valid host"),
            ("redis://a:x", "the URL has no valid host"),
            ("redis://a/x", "what follows the host is no number of a database"),
            ("redis://a?db=1", "the URL has a query or a fragment, of which frontgate knows none"),
            ("redis://ann@a", "the URL has a user and no password"),
            ("redis://ann:p%zz@a", "a `%` in the user or password is no escape"),
            ("redis://ann:***@a", "the password was masked when it was printed"),
            ("redis://a,b", "several hosts in one URL are Sentinels"),
            ("redis+sentinel://a,b", "the URL names no master"),
            ("redis+sentinel://a,,b/m", "the URL has no valid host"),
        ] {
            assert_eq!(RedisUrlValue.parse(text).unwrap_err().message, expected, "{text}");
        }
    }
}
