//! [`KeptTokens`]: refresh tokens that an issuer has replaced, and that their browsers do not have yet: pure.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};

/// Sealed refresh tokens, each until it is of no use any more. They outlive a restart: with the token before, which the
/// browser still has, an issuer would take the login for stolen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptTokens {
    kept: HashMap<String, KeptToken>,
    /// Those that were forgotten, each with the time when it was given: the file may have them yet.
    forgotten: HashMap<String, u64>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptToken {
    /// When it was given, in seconds since 1970.
    pub(crate) since: u64,
    /// When it is of no use any more.
    pub(crate) until: u64,
    /// What was sealed.
    pub(crate) sealed: String,
}

impl KeptTokens {
    /// Keeps the token of a login; an older one does not take its place.
    pub(crate) fn keep(&mut self, realm: &str, login: &str, token: KeptToken, now: u64) {
        if self.kept.len() >= MOST {
            self.kept.retain(|_, kept| kept.until > now);
        }
        self.take(name(realm, login), token);
        self.limit();
    }

    /// The token of a login.
    pub(crate) fn find(&self, realm: &str, login: &str) -> Option<&KeptToken> {
        if self.kept.is_empty() {
            return None;
        }
        self.kept.get(&name(realm, login))
    }

    /// Forgets the token of a login. `false` if there is none.
    pub(crate) fn forget(&mut self, realm: &str, login: &str) -> bool {
        if self.kept.is_empty() {
            return false;
        }
        let name = name(realm, login);
        let Some(token) = self.kept.remove(&name) else { return false };
        if self.forgotten.len() >= MOST
            && let Some(oldest) = self.forgotten.iter().min_by_key(|(_, since)| **since).map(|(name, _)| name.clone())
        {
            self.forgotten.remove(&oldest);
        }
        self.forgotten.insert(name, token.since);
        true
    }

    /// Takes over what another process has kept, but for what was forgotten here.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, token) in other.kept {
            if self.forgotten.get(&name).is_none_or(|since| token.since > *since) {
                self.take(name, token);
            }
        }
        self.limit();
    }

    /// Lets the oldest go of too many.
    fn limit(&mut self) {
        let more = self.kept.len().saturating_sub(MOST);
        if more == 0 {
            return;
        }
        let mut ages: Vec<_> = self.kept.iter().map(|(name, kept)| (kept.since, name.clone())).collect();
        ages.sort_unstable();
        for (_, name) in ages.into_iter().take(more) {
            self.kept.remove(&name);
        }
    }

    fn take(&mut self, name: String, token: KeptToken) {
        let kept = self.kept.entry(name).or_insert_with(|| token.clone());
        if token.since > kept.since {
            *kept = token;
        }
    }

    /// The text of a file with what is still of use at `now`.
    pub(crate) fn encode(&self, now: u64) -> String {
        let mut lines: Vec<_> = self.kept.iter().filter(|(_, kept)| kept.until > now).collect();
        lines.sort_by_key(|(name, _)| *name);
        lines.into_iter().fold(String::new(), |mut text, (name, kept)| {
            let KeptToken { since, until, sealed } = kept;
            let _ = writeln!(text, "{name} {since} {until} {sealed}");
            text
        })
    }

    /// Reads the text of a file; `None` if it is damaged.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut list = Self::default();
        for line in std::str::from_utf8(text).ok()?.lines().take(MOST) {
            let mut parts = line.split(' ');
            let (name, since, until) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let (sealed, None) = (parts.next()?.to_owned(), parts.next()) else { return None };
            list.take(name.to_owned(), KeptToken { since, until, sealed });
        }
        Some(list)
    }
}

fn name(realm: &str, login: &str) -> String {
    let sum = digest(&SHA256, format!("{realm}\0{login}").as_bytes());
    sum.as_ref()[..16].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Some two kilobytes each. A browser that asks for anything has its own again.
const MOST: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(since: u64, until: u64) -> KeptToken {
        KeptToken { since, until, sealed: format!("s{since}") }
    }

    #[test]
    fn the_newest_token_of_a_login_is_kept_until_it_is_of_no_use() {
        let mut list = KeptTokens::default();
        for (since, expected) in [(5, 5), (4, 5), (6, 6)] {
            list.keep("a", "1", token(since, 100), 0);
            assert_eq!(list.find("a", "1").map(|kept| kept.since), Some(expected), "{since}");
        }
        list.keep("b", "1", token(1, 10), 0);
        assert_eq!(list.find("a", "2"), None);
        let read = KeptTokens::parse(list.encode(0).as_bytes()).unwrap();
        assert_eq!(read, list);
        let later = KeptTokens::parse(list.encode(10).as_bytes()).unwrap();
        assert!(later.find("a", "1").is_some() && later.find("b", "1").is_none());
        let mut other = KeptTokens::default();
        other.keep("a", "1", token(7, 100), 0);
        other.keep("b", "1", token(0, 10), 0);
        list.merge(other);
        assert_eq!((list.find("a", "1").unwrap().since, list.find("b", "1").unwrap().since), (7, 1));
        assert!(list.forget("a", "1") && !list.forget("a", "1"));
        list.merge(read);
        assert_eq!(list.find("a", "1"), None, "an older file does not bring it back");
        let mut newer = KeptTokens::default();
        newer.keep("a", "1", token(8, 100), 0);
        list.merge(newer);
        assert_eq!(list.find("a", "1").map(|kept| kept.since), Some(8));
    }

    #[test]
    fn a_full_list_lets_the_oldest_go_and_a_damaged_one_is_none() {
        let mut list = KeptTokens::default();
        for number in 0..u64::try_from(MOST).unwrap() + 2 {
            list.keep("a", &number.to_string(), token(number, 1_000_000), 0);
        }
        assert_eq!(list.kept.len(), MOST);
        assert!(list.find("a", "0").is_none() && list.find("a", "2").is_some());
        let mut other = KeptTokens::default();
        for number in 0..10_000_u64 {
            other.keep("b", &number.to_string(), token(number, 1_000_000), 0);
            if other.kept.len() == MOST {
                list.merge(std::mem::take(&mut other));
            }
        }
        assert_eq!(list.kept.len(), MOST);
        assert!(list.find("b", "6143").is_none() && list.find("b", "8191").is_some());
        for damaged in ["x", "x 1 2", "x 1 y z", "x 1 2 s more", "\u{0}"] {
            assert_eq!(KeptTokens::parse(damaged.as_bytes()), None, "{damaged:?}");
        }
        assert_eq!(KeptTokens::parse(b""), Some(KeptTokens::default()));
    }
}
