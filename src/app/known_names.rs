//! [`KnownNames`]: the last answers for names that stand for several gateways, kept for a process that starts while the DNS does not
//! answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::certificates::off_thread;
use crate::drain::Drain;
use crate::tls::{FileAccess, StateDir, StateError};
use crate::upstream::{FoundGateway, NameWatch};

/// What the DNS has said last of each name, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KnownNames(BTreeMap<String, Vec<FoundGateway>>);

impl KnownNames {
    /// Those that a process before this one has left in the state directory. A list that cannot be read is none. Waits for a disk.
    pub(super) async fn read(folder: Option<PathBuf>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        let read = move || {
            // A folder that is not there yet holds nothing, and is not made for that.
            if folder.is_dir() { StateDir::open(&folder)?.read(FILE, FileAccess::Public) } else { Ok(None) }
        };
        let found: Result<_, StateError> = off_thread(read).await;
        match found {
            Ok(text) => text.and_then(|text| Self::parse(&text)).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "the list of gateways that names stood for cannot be read");
                Self::default()
            }
        }
    }

    /// The gateways that the name stood for.
    pub(super) fn of(&self, name: &str) -> Vec<FoundGateway> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let all: BTreeMap<String, Vec<Value>> = serde_json::from_slice(text).ok()?;
        let known =
            all.into_iter().map(|(name, found)| Some((name, found.iter().map(gateway).collect::<Option<_>>()?)));
        known.collect::<Option<_>>().map(Self)
    }

    fn text(&self) -> Vec<u8> {
        let one = |found: &FoundGateway| {
            json!({
                "address": found.address.to_string(),
                "target": found.target.as_deref(),
                "is_in_domain": found.is_in_domain,
                "priority": found.priority,
                "share": found.share,
            })
        };
        let all: BTreeMap<&String, Vec<Value>> =
            self.0.iter().map(|(name, found)| (name, found.iter().map(one).collect())).collect();
        serde_json::to_vec(&all).expect("text and numbers can be written")
    }
}

fn gateway(one: &Value) -> Option<FoundGateway> {
    let number = |key: &str| one[key].as_u64();
    Some(FoundGateway {
        address: one["address"].as_str()?.parse().ok()?,
        target: one["target"].as_str().map(Arc::from),
        is_in_domain: one["is_in_domain"].as_bool()?,
        priority: number("priority")?.try_into().ok()?,
        share: number("share")?.try_into().ok()?,
    })
}

/// Writes what is known of `names` to the state directory whenever it changes, until `drain` softens.
pub(super) async fn keep(names: Vec<Arc<NameWatch>>, folder: PathBuf, drain: Drain) {
    let mut states: Vec<_> = names.iter().map(|name| name.state()).collect();
    let mut before = KnownNames::read(Some(folder.clone())).await;
    loop {
        let mut known = KnownNames::default();
        for (name, state) in names.iter().zip(&mut states) {
            let found = state.borrow_and_update().found.to_vec();
            if !found.is_empty() {
                known.0.insert(name.written().to_string(), found);
            }
        }
        if known != before {
            let (text, folder) = (known.text(), folder.clone());
            let written: Result<(), StateError> =
                off_thread(move || StateDir::open(&folder)?.write(FILE, &text, FileAccess::Public)).await;
            match written {
                Ok(()) => before = known,
                Err(error) => tracing::warn!(%error, "the gateways that names stand for are not on disk"),
            }
        }
        if states.is_empty() {
            return;
        }
        let changed = select_all(states.iter_mut().map(|state| Box::pin(state.changed())));
        tokio::select! {
            () = drain.soft() => return,
            (changed, ..) = changed => if changed.is_err() { return },
        }
        tokio::select! {
            () = drain.soft() => return,
            () = sleep(TOGETHER) => {}
        }
    }
}

const FILE: &str = "gateway-names";
/// Changes that come so soon after each other are written at once.
const TOGETHER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_what_is_damaged_counts_as_nothing() {
        let found = |address: &str, target: Option<&str>| FoundGateway {
            address: address.parse().unwrap(),
            target: target.map(Arc::from),
            is_in_domain: target.is_none(),
            priority: 7,
            share: 500,
        };
        let both = vec![found("10.0.0.4:1", None), found("[fd00::4]:2", Some("gw.test"))];
        let known = KnownNames([("dns+http://gw:1".to_owned(), both.clone())].into());
        assert_eq!(KnownNames::parse(&known.text()), Some(known.clone()));
        assert_eq!(known.of("dns+http://gw:1"), both);
        assert_eq!(known.of("dns+http://other:1"), []);
        let temp = tempfile::tempdir().unwrap();
        let read = async || KnownNames::read(Some(temp.path().to_owned())).await;
        assert_eq!(read().await, KnownNames::default());
        std::fs::write(temp.path().join(FILE), known.text()).unwrap();
        assert_eq!(read().await, known);
        for damaged in ["", "[]", r#"{"a":[{}]}"#, r#"{"a":[{"address":"x"}]}"#] {
            std::fs::write(temp.path().join(FILE), damaged).unwrap();
            assert_eq!(read().await, KnownNames::default(), "{damaged}");
        }
        assert_eq!(KnownNames::read(None).await, KnownNames::default());
    }
}
