//! Logins that ended at one replica end at all of them.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::cluster::Cluster;
use crate::drain::Drain;
use crate::http::auth::session::store::{SessionStore, unix_now};

/// Keeps the lists of ended logins of all replicas alike: what ends here is told to the others, and kept in Redis for those
/// that are away. What is known here as ended stays so, whatever Redis says.
pub(super) async fn share(store: SessionStore, cluster: Cluster, drain: Drain) {
    let (list, mut changes) = (cluster.ended.clone(), store.changes());
    let (mut nearness, mut heard) = (list.nearness(), list.hear());
    let mut missed = cluster.talk.announcements("ended");
    // The lines that Redis has.
    let mut known = HashSet::new();
    let mut is_fresh = false;
    loop {
        let now = unix_now();
        let is_near = *nearness.borrow_and_update();
        if !is_near {
            is_fresh = false;
        } else if !is_fresh && let Some(text) = list.all(now).await {
            known = text.lines().map(str::to_owned).collect();
            store.merge(&text).await;
            is_fresh = true;
        }
        if is_fresh {
            let new: Vec<(String, u64)> =
                store.ended(now).into_iter().filter(|(line, _)| !known.contains(line)).collect();
            if !new.is_empty() && list.add(&new, now).await {
                let text: String = new.iter().flat_map(|(line, _)| [line.as_str(), "\n"]).collect();
                cluster.talk.tell(json!({ "ended": text }));
                known.extend(new.into_iter().map(|(line, _)| line));
            }
        }
        tokio::select! {
            () = drain.soft() => return,
            _ = changes.changed() => {}
            _ = nearness.changed() => {}
            () = sleep(LOOK_EVERY) => is_fresh = false,
            Some(_) = missed.recv() => is_fresh = false,
            told = heard.recv() => match told {
                Ok(text) => {
                    known.extend(text.lines().map(str::to_owned));
                    store.merge(&text).await;
                }
                // Too much came at once.
                Err(_) => is_fresh = false,
            },
        }
    }
}

/// What was told while this replica could not hear is in Redis.
const LOOK_EVERY: Duration = Duration::from_secs(30);
