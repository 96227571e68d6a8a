//! Ends WebSockets for an operator, here and at the other replicas, and keeps their clients out for a while.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::connections;
use crate::admin::{CloseOrder, ConnectionField, ConnectionsQuery, OperationRefused};
use crate::cluster::Cluster;
use crate::http::proxy::kept_out::KeptOutBy;
use crate::http::proxy::websockets::OpenWebSockets;

/// Ends the WebSocket with this id, wherever it is; says what was done.
pub(super) async fn one(
    all: &OpenWebSockets,
    cluster: Option<&Cluster>,
    id: &str,
    how: &CloseOrder,
) -> Result<String, OperationRefused> {
    let why = || refused(StatusCode::NOT_FOUND, "no WebSocket has this id, or it has ended");
    let who = if let Some(ended) = close(all, id, how)? {
        ended.client
    } else {
        let asked = json!({ "close": id, "reason": how.reason, "keep_out_ms": millis(how.keep_out) });
        let answers = cluster.ok_or_else(why)?.talk.ask(asked, PATIENCE).await;
        let is_closed = |answer: &Value| answer.as_u64() == Some(1) || answer["closed"] == 1;
        let closed = answers.into_iter().map(|(_, answer)| answer).find(is_closed).ok_or_else(why)?;
        let who = heard_client(&closed["client"]);
        keep_out(all, who.as_ref(), how.keep_out)?;
        who
    };
    tell(cluster, who.as_ref(), how.keep_out);
    Ok("closing".to_owned() + &said(who.as_ref(), how.keep_out))
}

/// Ends the user's WebSockets at all replicas; says what was done.
pub(super) async fn of_user(
    all: &OpenWebSockets,
    cluster: Option<&Cluster>,
    user: &str,
    how: &CloseOrder,
) -> Result<String, OperationRefused> {
    let mut closing = close_user(all, user, how)?;
    if let Some(cluster) = cluster {
        let query = of_this(user).to_string();
        let asked = json!({ "want": "close", "query": query, "user": user, "reason": how.reason, "keep_out_ms": millis(how.keep_out) });
        let who = KeptOutBy::User(user.into());
        // Also those that are too slow to answer, or not known yet.
        tell(Some(cluster), Some(&who), how.keep_out);
        let answers = cluster.talk.ask(asked, PATIENCE).await;
        closing += answers.iter().filter_map(|(_, closed)| usize::try_from(closed.as_u64()?).ok()).sum::<usize>();
    }
    if closing == 0 && how.keep_out.is_none() {
        return Err(refused(StatusCode::NOT_FOUND, "no WebSocket of this user is open"));
    }
    Ok(format!("closing {closing}{}", said(Some(&KeptOutBy::User(user.into())), how.keep_out)))
}

/// Does what another replica asks for or tells; the answer to it.
pub(super) fn answer(all: &OpenWebSockets, asked: &Value) -> Option<Value> {
    let text = |key: &str| asked[key].as_str();
    let keep_out_time = asked["keep_out_ms"].as_u64().map(Duration::from_millis);
    let how = CloseOrder { reason: text("reason").unwrap_or_default().to_owned(), keep_out: keep_out_time };
    let full = |refused: OperationRefused| tracing::warn!(why = refused.why, "a client is not kept out here");
    if let Some(id) = text("close") {
        return Some(match close(all, id, &how) {
            Ok(None) => json!(0),
            Ok(Some(EndedHere { client: Some(who) })) if keep_out_time.is_some() => {
                json!({ "closed": 1, "client": told_client(&who) })
            }
            Ok(Some(_)) => json!(1),
            Err(refused) => {
                full(refused);
                json!(0)
            }
        });
    }
    if let Some(user) = text("user") {
        return Some(json!(close_user(all, user, &how).map_err(full).unwrap_or_default()));
    }
    if let Some(query) = text("query") {
        // A replica of an earlier version asks so.
        return Some(json!(connections::close_all(all, &ConnectionsQuery::parse(query).ok()?, &how.reason)));
    }
    let _ = keep_out(all, heard_client(&asked["keep_out"]).as_ref(), keep_out_time).map_err(full);
    None
}

/// A WebSocket that was here.
struct EndedHere {
    /// What its client is known by.
    client: Option<KeptOutBy>,
}

/// Ends a WebSocket if it is here.
fn close(all: &OpenWebSockets, id: &str, how: &CloseOrder) -> Result<Option<EndedHere>, OperationRefused> {
    let Some(open) = all.find(id) else { return Ok(None) };
    let client = KeptOutBy::of(open.opening.user.as_ref(), open.opening.client.addr);
    // First, so that none is opened in between.
    keep_out(all, client.as_ref(), how.keep_out)?;
    open.relay_stats.close(how.reason.as_str().into());
    Ok(Some(EndedHere { client }))
}

/// Ends those of a user's WebSockets that are here; returns how many.
fn close_user(all: &OpenWebSockets, user: &str, how: &CloseOrder) -> Result<usize, OperationRefused> {
    keep_out(all, Some(&KeptOutBy::User(user.into())), how.keep_out)?;
    Ok(connections::close_all(all, &of_this(user), &how.reason))
}

fn of_this(user: &str) -> ConnectionsQuery {
    ConnectionsQuery { filters: vec![(ConnectionField::User, user.to_owned())], ..ConnectionsQuery::default() }
}

fn keep_out(all: &OpenWebSockets, who: Option<&KeptOutBy>, time: Option<Duration>) -> Result<(), OperationRefused> {
    let (Some(who), Some(time)) = (who, time) else { return Ok(()) };
    if !all.kept_out.add(who.clone(), time, Instant::now()) {
        return Err(refused(StatusCode::SERVICE_UNAVAILABLE, "too many clients are kept out already"));
    }
    tracing::info!(client = %who, seconds = time.as_secs(), "an operator keeps a client out");
    Ok(())
}

/// Tells the other replicas whom to keep out.
fn tell(cluster: Option<&Cluster>, who: Option<&KeptOutBy>, time: Option<Duration>) {
    if let (Some(cluster), Some(who), Some(_)) = (cluster, who, time) {
        cluster.talk.tell(json!({ "keep_out": told_client(who), "keep_out_ms": millis(time) }));
    }
}

fn told_client(who: &KeptOutBy) -> Value {
    match who {
        KeptOutBy::User(user) => json!({ "user": user.as_ref() }),
        KeptOutBy::Network(network) => json!({ "address": network.address() }),
    }
}

fn heard_client(told: &Value) -> Option<KeptOutBy> {
    let user: Option<Arc<str>> = told["user"].as_str().map(Into::into);
    KeptOutBy::of(user.as_ref(), told["address"].as_str().and_then(|address| address.parse().ok()))
}

fn millis(time: Option<Duration>) -> Option<u64> {
    time.and_then(|time| u64::try_from(time.as_millis()).ok())
}

/// What an operator must know of a client that is to be kept out, or is no longer.
fn said(who: Option<&KeptOutBy>, time: Option<Duration>) -> String {
    match (who, time) {
        (_, None) => String::new(),
        (Some(who), Some(Duration::ZERO)) => format!("; {who} is let in again"),
        (Some(who), Some(time)) => format!("; {who} is kept out for {time:?}"),
        (None, Some(_)) => "; it has neither a user nor a network that could be kept out".to_owned(),
    }
}

fn refused(status: StatusCode, why: &str) -> OperationRefused {
    OperationRefused { status, why: why.to_owned() }
}

/// For the answers of the others; two rounds of them stay within the two seconds that an operator waits.
pub(super) const PATIENCE: Duration = Duration::from_millis(900);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_is_known_by_reaches_other_replicas_as_it_is() {
        let address = Some("2001:db8::1".parse().unwrap());
        for who in [KeptOutBy::of(Some(&"ann".into()), address), KeptOutBy::of(None, address)] {
            let who = who.unwrap();
            assert_eq!(heard_client(&told_client(&who)), Some(who));
        }
        assert_eq!(heard_client(&json!({ "address": "x" })), None);
    }

    #[test]
    fn another_replica_keeps_a_user_out_and_lets_it_in_again() {
        let (all, ann) = (OpenWebSockets::default(), Arc::<str>::from("ann"));
        let is_out = || all.kept_out.check(Some(&ann), None, Instant::now()).is_some();
        assert_eq!(answer(&all, &json!({ "close": "x", "keep_out_ms": 60_000 })), Some(json!(0)));
        let told = |time: u64| json!({ "keep_out": { "user": "ann" }, "keep_out_ms": time });
        assert_eq!((answer(&all, &told(60_000)), is_out()), (None, true));
        assert_eq!((answer(&all, &told(0)), is_out()), (None, false));
        let asked = json!({ "want": "close", "query": "user=ann", "user": "ann", "keep_out_ms": 60_000 });
        assert_eq!((answer(&all, &asked), is_out()), (Some(json!(0)), true));
    }
}
