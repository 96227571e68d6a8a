//! An endpoint that an operator has taken out, or brought back, at one replica is so at all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::drained_endpoints::{DrainOrder, DrainedEndpoints};
use crate::cluster::{Cluster, NoAnswer, SharedTexts, TextLife};
use crate::drain::Drain;

/// Finds the gateways that a name stands for.
pub(super) type FoundBy = Box<dyn Fn(String) -> BoxFuture<'static, Vec<Arc<str>>> + Send + Sync>;

/// What was ordered last of each endpoint.
type DrainOrders = BTreeMap<String, DrainOrder>;

/// Keeps the orders of all replicas alike: the last one of each endpoint counts. What is ordered here is told to the others, and
/// kept in Redis for those that are away. `found` says which gateways were found by a name.
pub(super) async fn share(drained: DrainedEndpoints, found: FoundBy, cluster: Cluster, drain: Drain) {
    let texts = cluster.texts("drained", TextLife::Read(LIFE));
    let (mut changes, mut nearness) = (drained.changes(), cluster.nearness());
    let mut announcements = cluster.talk.announcements(WHAT);
    let untold = Notify::new();
    let look = async {
        loop {
            nearness.borrow_and_update();
            // Without Redis each replica goes by what it knows.
            let looked = alike(&texts, &drained, &found).await;
            if let Ok(Alike { is_told: true }) = looked {
                untold.notify_one();
            }
            tokio::select! {
                _ = changes.changed() => {}
                _ = nearness.changed() => {}
                () = sleep(if looked.is_ok() { LOOK_EVERY } else { TRY_EVERY }) => {}
                Some(announced) = announcements.recv() => {
                    if let Ok(Alike { is_told: true }) = alike(&texts, &drained, &found).await {
                        untold.notify_one();
                    }
                    // Here the other replica learns that it was looked at.
                    drop(announced);
                }
            }
        }
    };
    // Beside it: two that tell each other do not wait for each other.
    let tell = async {
        loop {
            untold.notified().await;
            while !cluster.talk.announce(WHAT).await {
                sleep(TRY_EVERY).await;
            }
        }
    };
    tokio::select! {
        () = drain.soft() => {}
        () = look => {}
        () = tell => {}
    }
}

/// What became of a look at Redis.
struct Alike {
    /// Whether Redis had not known all orders.
    is_told: bool,
}

async fn alike(texts: &SharedTexts, drained: &DrainedEndpoints, found_by: &FoundBy) -> Result<Alike, NoAnswer> {
    for _ in 0..TRIES {
        let Some(found) = texts.read(&[NAME.to_owned()]).await?.pop() else { break };
        let shared: DrainOrders =
            found.text.as_deref().and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default();
        let own = drained.ordered();
        for (name, order) in newer(&shared, &own) {
            follow(drained, found_by, name, order).await;
        }
        let untold = newer(&own, &shared);
        if untold.is_empty() {
            return Ok(Alike { is_told: false });
        }
        let all = bounded(shared.into_iter().chain(untold).collect());
        let text = serde_json::to_vec(&all).expect("text and numbers can be written");
        if texts.offer(&found, NAME, &text).await? {
            return Ok(Alike { is_told: true });
        }
        // Another replica has told something at the same moment.
    }
    Ok(Alike { is_told: false })
}

/// Does what was ordered at another replica.
async fn follow(drained: &DrainedEndpoints, found_by: &FoundBy, name: String, order: DrainOrder) {
    if !order.out {
        if drained.end(&name, order).await.is_none() {
            drained.note(&name, order);
        }
        return;
    }
    let found = found_by(name.clone()).await;
    if drained.begin(name.as_str().into(), found, order.left(), order).await.is_none() {
        tracing::warn!(endpoint = %name, "too many endpoints are drained; this one stays in at this replica");
        drained.note(&name, order);
    }
}

/// Those of `orders` that came after what is `known`.
fn newer(orders: &DrainOrders, known: &DrainOrders) -> DrainOrders {
    let is_newer = |(name, order): &(&String, &DrainOrder)| known.get(*name).is_none_or(|known| known < *order);
    orders.iter().filter(is_newer).map(|(name, order)| (name.clone(), *order)).collect()
}

/// The latest orders, if there are very many.
fn bounded(orders: DrainOrders) -> DrainOrders {
    let mut all: Vec<_> = orders.into_iter().collect();
    all.sort_by_key(|(_, order)| std::cmp::Reverse((order.out, order.at)));
    all.truncate(MOST);
    all.into_iter().collect()
}

const WHAT: &str = "drained";
const NAME: &str = "all";
/// What was told while this replica could not hear is in Redis.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// After Redis gave no answer, or not all replicas did.
const TRY_EVERY: Duration = Duration::from_secs(5);
/// Some weeks; each look begins it anew.
const LIFE: Duration = Duration::from_hours(30 * 24);
/// Operators are few.
const TRIES: usize = 8;
/// More than any configuration has gateways.
const MOST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_order_of_each_endpoint_counts() {
        let order = |at: i64, out: bool| {
            serde_json::from_value::<DrainOrder>(serde_json::json!({ "at": at, "out": out, "over": 0 })).unwrap()
        };
        let orders = |all: &[(&str, i64, bool)]| -> DrainOrders {
            all.iter().map(|(name, at, out)| ((*name).to_owned(), order(*at, *out))).collect()
        };
        for (told, known, expected) in [
            (orders(&[("a", 1, true)]), orders(&[]), orders(&[("a", 1, true)])),
            (orders(&[("a", 1, true)]), orders(&[("a", 1, true)]), orders(&[])),
            (orders(&[("a", 1, true)]), orders(&[("a", 2, false)]), orders(&[])),
            (
                orders(&[("a", 3, true), ("b", 1, true)]),
                orders(&[("a", 2, false), ("b", 2, false)]),
                orders(&[("a", 3, true)]),
            ),
        ] {
            assert_eq!(newer(&told, &known), expected);
        }
        let many = (0..MOST + 10)
            .map(|number| (number.to_string(), order(i64::try_from(number).unwrap(), number < 5)))
            .collect();
        let all = bounded(many);
        assert_eq!((all.len(), all.contains_key("0"), all.contains_key("5")), (MOST, true, false));
    }
}
