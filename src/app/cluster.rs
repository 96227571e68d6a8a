//! The cluster that this replica is a part of, and what it says to the others.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::certificates::off_thread;
use super::closing;
use super::closing::PATIENCE;
use super::connections;
use super::error::StartError;
use crate::admin::ConnectionsQuery;
use crate::cluster::{Cluster, ClusterSecret, ClusterSettings, RedisTarget};
use crate::config::{Config, SHORTEST_SECRET};
use crate::drain::Drain;
use crate::http::proxy::websockets::OpenWebSockets;
use crate::listener::NameResolver;
use crate::observe::Metrics;
use crate::platform::machine;
use crate::server::runtime_thread::RuntimeThread;
use crate::tls::{ClientTls, client_config};

/// The cluster that this replica is a part of, and the thread on which Redis is asked: a long list that an operator asks
/// for keeps no request waiting.
pub(super) struct JoinedCluster {
    pub(super) cluster: Cluster,
    _thread: RuntimeThread,
}

/// Reads what `config` says of a cluster; `None` if there is none.
///
/// # Errors
/// A file cannot be used.
pub(super) async fn settings(config: &Config, names: &NameResolver) -> Result<Option<ClusterSettings>, StartError> {
    let settings = config.cluster.clone();
    let (Some(urls), Some(secret)) = (settings.redis, settings.secret) else { return Ok(None) };
    let names = names.clone();
    let read = move || {
        let secret = secret.read().map_err(StartError::ClusterSecret)?;
        let length = secret.expose().len();
        if length < SHORTEST_SECRET {
            return Err(StartError::ShortSecret { length });
        }
        let tls = if urls.iter().any(|url| url.tls) {
            let verified = ClientTls::open(&settings.tls).map_err(StartError::ClusterTls)?;
            let name = settings.tls.server_name.as_ref().map(|_| verified.server_name("")).transpose()?;
            let mut client = rustls::ClientConfig::clone(&*client_config(&verified)?);
            // Redis speaks no HTTP.
            client.alpn_protocols.clear();
            Some((Arc::new(client), name))
        } else {
            None
        };
        let secret = ClusterSecret::new(&settings.name, secret.expose());
        Ok(Some(ClusterSettings { name: settings.name, secret, target: RedisTarget { urls, tls, names } }))
    };
    off_thread(read).await
}

impl JoinedCluster {
    /// Joins the cluster. `drain` is that of what outlives the clients, `clients` is theirs.
    ///
    /// # Errors
    /// There is no thread to ask Redis on.
    pub(super) fn join(
        settings: ClusterSettings,
        config: &Config,
        websockets: &OpenWebSockets,
        metrics: &Arc<Metrics>,
        (drain, clients): (&Drain, &Drain),
    ) -> Result<Self, StartError> {
        let thread = RuntimeThread::start("cluster").map_err(StartError::ClusterThread)?;
        let addresses: Vec<String> = config.listen.https.iter().map(|listener| listener.address.to_string()).collect();
        let host = machine::name();
        let (own, drained) = (websockets.clone(), clients.clone());
        let state = Arc::new(move || {
            json!({
                "host": host,
                "addresses": addresses,
                "version": env!("CARGO_PKG_VERSION"),
                "pid": std::process::id(),
                "websockets": own.count(),
                "draining": drained.is_soft(),
            })
        });
        let cluster = Cluster::join(settings, state, Arc::clone(metrics), thread.runtime(), drain);
        let (own, ended) = (websockets.clone(), cluster.ended.clone());
        cluster.talk.listen(Arc::new(move |asked: Value| {
            if let Some(lines) = asked["ended"].as_str() {
                ended.heard(lines);
                return None;
            }
            answer(&own, &asked)
        }));
        Ok(Self { cluster, _thread: thread })
    }
}

/// The answer to what another replica asks.
fn answer(websockets: &OpenWebSockets, asked: &Value) -> Option<Value> {
    let text = |key: &str| asked[key].as_str();
    if text("close").is_some() || text("want") == Some("close") || asked["keep_out"].is_object() {
        return closing::answer(websockets, asked);
    }
    let query = ConnectionsQuery::parse(text("query")?).ok()?;
    match text("want")? {
        "count" => Some(json!(connections::chosen(websockets, &query).len())),
        "page" => Some(connections::list(websockets, &query)["websockets"].take()),
        _ => None,
    }
}

/// A page of the WebSockets of all replicas, one replica after the other. First all are asked how many there are, then those
/// of which the page is for theirs.
pub(super) async fn list(cluster: &Cluster, websockets: &OpenWebSockets, query: &ConnectionsQuery) -> Value {
    let whole = ConnectionsQuery { offset: 0, ..query.clone() };
    let count = |(replica, count): (String, Value)| Some((replica, usize::try_from(count.as_u64()?).ok()?));
    let answers = cluster.talk.ask(json!({ "want": "count", "query": whole.to_string() }), PATIENCE).await;
    let mut counts: Vec<(String, usize)> = answers.into_iter().filter_map(count).collect();
    counts.push((cluster.replica.clone(), connections::chosen(websockets, query).len()));
    counts.sort();
    let total: usize = counts.iter().map(|(_, count)| count).sum();
    let (mut skip, mut left, mut rows) = (query.offset, query.limit.min(PAGE), Vec::new());
    for (replica, count) in &counts {
        let (offset, limit) = (skip.min(*count), left.min(count.saturating_sub(skip)));
        skip -= offset;
        if limit == 0 {
            continue;
        }
        left -= limit;
        let own = ConnectionsQuery { offset, limit, ..query.clone() };
        let mut page = if *replica == cluster.replica {
            connections::list(websockets, &own)["websockets"].take()
        } else {
            let asked = json!({ "want": "page", "query": own.to_string() });
            timeout(PATIENCE, cluster.talk.ask_one(replica, asked)).await.ok().flatten().unwrap_or_default()
        };
        for mut row in page.as_array_mut().map(std::mem::take).unwrap_or_default() {
            row["replica"] = json!(replica);
            rows.push(row);
        }
    }
    let known = cluster.members.all();
    let silent: Vec<&str> = known
        .iter()
        .map(|member| &*member.replica)
        .filter(|replica| counts.iter().all(|(known, _)| known != replica))
        .collect();
    let end = query.offset + (query.limit.min(PAGE) - left);
    let next = (end < total && left == 0).then_some(end);
    json!({ "total": total, "offset": query.offset, "next": next, "websockets": rows, "silent": silent })
}

/// What the status shows of the cluster.
pub(super) fn status(cluster: Option<&Cluster>) -> Value {
    let Some(cluster) = cluster else { return Value::Null };
    let members = cluster.members.all();
    let members: Vec<Value> = members
        .iter()
        .map(|member| {
            let mut says = member.says.clone();
            says["replica"] = json!(member.replica);
            says
        })
        .collect();
    json!({ "replica": cluster.replica, "up": cluster.is_near(), "members": members })
}

/// WebSockets of one answer of a replica.
const PAGE: usize = 500;
