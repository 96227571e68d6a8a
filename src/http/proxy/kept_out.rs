//! [`KeptOut`]: the clients whose WebSockets an operator has ended, and keeps ended for a while.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::listener::Network;

/// The clients that may open no WebSocket for a while. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptOut(Arc<Mutex<Vec<KeptOutClient>>>);

#[derive(Debug)]
struct KeptOutClient {
    who: KeptOutBy,
    until: Instant,
}

/// What a client that is kept out is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeptOutBy {
    /// Its login.
    User(Arc<str>),
    /// Its network, where it has none.
    Network(Network),
}

impl KeptOutBy {
    /// What a client is known by: its user, else its network; `None` without both.
    pub(crate) fn of(user: Option<&Arc<str>>, client: Option<IpAddr>) -> Option<Self> {
        let user = user.map(|user| Self::User(Arc::clone(user)));
        user.or_else(|| client.map(|client| Self::Network(Network::of(client))))
    }
}

impl fmt::Display for KeptOutBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Network(network) => match network.address() {
                IpAddr::V4(address) => write!(f, "network {address}"),
                IpAddr::V6(address) => write!(f, "network {address}/64"),
            },
        }
    }
}

impl KeptOut {
    /// Keeps a client out for so long from `now` on; what was said of it before is forgotten. `false` if the list is full:
    /// those in it stay out.
    #[must_use]
    pub(crate) fn add(&self, who: KeptOutBy, time: Duration, now: Instant) -> bool {
        let mut all = self.all();
        all.retain(|one| one.who != who && one.until > now);
        if time.is_zero() {
            return true;
        }
        if all.len() >= MOST {
            return false;
        }
        all.push(KeptOutClient { who, until: now + time });
        true
    }

    /// For how long a client of this user and address is still kept out.
    pub(crate) fn check(&self, user: Option<&Arc<str>>, client: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let all = self.all();
        let network = client.map(Network::of);
        let is_this = |one: &&KeptOutClient| match &one.who {
            KeptOutBy::User(kept) => user == Some(kept),
            KeptOutBy::Network(kept) => network == Some(*kept),
        };
        let until = all.iter().filter(is_this).map(|one| one.until).max()?;
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    fn all(&self) -> MutexGuard<'_, Vec<KeptOutClient>> {
        // Each entry is whole, whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operator names them one by one.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_kept_out_by_its_user_or_else_its_network_until_the_time_is_over() {
        let (kept, now, minute) = (KeptOut::default(), Instant::now(), Duration::from_mins(1));
        let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert!(kept.add(KeptOutBy::of(Some(&ann), ip("192.0.2.1")).unwrap(), minute, now));
        assert!(kept.add(KeptOutBy::of(None, ip("2001:db8::1")).unwrap(), minute, now));
        for (user, client, expected) in [
            (Some(&ann), "198.51.100.1", true),
            (Some(&bob), "192.0.2.1", false),
            (None, "192.0.2.1", false),
            // The same network.
            (Some(&bob), "2001:db8::2", true),
        ] {
            let left = |at| kept.check(user, ip(client), at);
            assert_eq!(left(now), expected.then_some(minute), "{user:?} {client}");
            assert_eq!(left(now + minute), None);
        }
        assert!(kept.add(KeptOutBy::User(ann.clone()), Duration::ZERO, now));
        assert_eq!(kept.check(Some(&ann), None, now), None, "what was said last counts");
        assert_eq!(KeptOutBy::of(None, None), None);
        let names = ["192.0.2.1", "2001:db8::1"].map(|text| KeptOutBy::of(None, ip(text)).unwrap().to_string());
        assert_eq!(names, ["network 192.0.2.1", "network 2001:db8::/64"]);
    }

    #[test]
    fn a_full_list_takes_no_more_until_the_time_of_one_is_over() {
        let (kept, now, minute) = (KeptOut::default(), Instant::now(), Duration::from_mins(1));
        let user = |number: usize| KeptOutBy::User(format!("user {number}").into());
        for number in 0..MOST {
            assert!(kept.add(user(number), minute * if number == 7 { 1 } else { 2 }, now));
        }
        assert!(!kept.add(user(MOST), minute, now));
        assert!(kept.check(Some(&"user 0".into()), None, now).is_some(), "those in it stay out");
        assert!(kept.add(user(3), minute * 3, now), "one that is in it");
        assert!(kept.add(user(MOST), minute, now + minute));
    }
}
