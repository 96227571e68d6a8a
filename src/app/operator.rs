//! [`Operator`]: carries out what the admin listener is asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::doctor_visits::DoctorVisits;
use super::drained_endpoints::{DrainOrder, Kept};
use super::reload::Reloader;
use super::reload_refused::ReloadRefused;
use super::{closing, cluster, connections, operator_lists, operator_page, scrape, tap};
use crate::admin::{
    CloseOrder, ConnectionsQuery, OperationRefused, OperatorControl, PendingAction, PendingAnswer, PendingHandover,
    PendingReload, TapLines,
};
use crate::cluster::Cluster;
use crate::config::{Config, EndpointUrl};
use crate::listener::ListenerPurpose;
use crate::observe::Readiness;
use crate::observe::redact::Redactor;
use crate::websocket::tap::Tap;

/// Takes the outcome of a handover: the process id of the process that serves from then on, or why this process still
/// does.
pub(crate) type HandoverReply = oneshot::Sender<Result<u32, String>>;

/// Carries out what the admin listener is asked for.
#[derive(Clone)]
pub(super) struct Operator {
    reloader: Arc<Reloader>,
    readiness: Readiness,
    doctor: DoctorVisits,
    /// Where the admin listener is, in words.
    own: Option<String>,
    upgrades: mpsc::Sender<HandoverReply>,
    asked: Arc<Mutex<mpsc::Receiver<HandoverReply>>>,
    end: CancellationToken,
    began: Instant,
}

impl Operator {
    /// For a process whose admin listener is at `admin`, or on a unix socket; `own` is the same in words.
    pub(super) fn new(
        reloader: Arc<Reloader>,
        readiness: Readiness,
        admin: Option<SocketAddr>,
        own: Option<String>,
    ) -> Self {
        let (upgrades, asked) = mpsc::channel(1);
        let (asked, end) = (Arc::new(Mutex::new(asked)), CancellationToken::new());
        let doctor = DoctorVisits::new(admin);
        Self { reloader, readiness, doctor, own, upgrades, asked, end, began: Instant::now() }
    }

    /// Resolves when an operator has asked for a successor.
    pub(super) async fn asked_to_upgrade(&self) -> HandoverReply {
        match self.asked.lock().await.recv().await {
            Some(reply) => reply,
            // Unreachable: `self` holds a sender.
            None => std::future::pending().await,
        }
    }

    /// Resolves when an operator has asked for the end.
    pub(super) async fn asked_to_end(&self) {
        self.end.cancelled().await;
    }
}

impl OperatorControl for Operator {
    fn reload(&self) -> PendingReload {
        let reloader = Arc::clone(&self.reloader);
        Box::pin(async move {
            reloader.reload("admin").await.map_err(|refused| OperationRefused {
                status: match &refused {
                    ReloadRefused::Wrong(_) | ReloadRefused::Waits(_) => StatusCode::BAD_REQUEST,
                    ReloadRefused::Fixed => StatusCode::NOT_IMPLEMENTED,
                    ReloadRefused::Stopping | ReloadRefused::Unread(_) => StatusCode::SERVICE_UNAVAILABLE,
                },
                why: refused.to_string(),
            })
        })
    }

    fn upgrade(&self) -> PendingHandover {
        let (reply, outcome) = oneshot::channel();
        let asked = self.upgrades.try_send(reply);
        Box::pin(async move {
            let refused = |why: String| OperationRefused { status: StatusCode::SERVICE_UNAVAILABLE, why };
            if asked.is_err() {
                return Err(refused("a handover is under way".to_owned()));
            }
            outcome.await.unwrap_or_else(|_| Err("frontgate is stopping".to_owned())).map_err(refused)
        })
    }

    fn drain_endpoint(&self, endpoint: EndpointUrl, over: Option<Duration>) -> PendingAction {
        let reloader = Arc::clone(&self.reloader);
        Box::pin(async move {
            let over = over.unwrap_or_else(|| reloader.drain_time());
            let name = endpoint.to_string();
            let (names, found) = reloader.gateway_names(&name).await;
            if reloader.is_draining() {
                return Err(stopping());
            }
            if !names.iter().any(|known| **known == *name) {
                let why = format!("no route leads to {name}; there are {}", names.join(", "));
                return Err(OperationRefused { status: StatusCode::NOT_FOUND, why });
            }
            let told = DrainOrder::now(true, over);
            let Some((websockets, kept)) = reloader.drained.begin(name.as_str().into(), found, over, told).await else {
                let why = "too many endpoints are drained already".to_owned();
                return Err(OperationRefused { status: StatusCode::SERVICE_UNAVAILABLE, why });
            };
            let (forgotten, others) = (forgotten(&kept), others(reloader.cluster.as_ref()));
            Ok(format!("draining {name}: {websockets} WebSockets end within {over:?}{others}{forgotten}"))
        })
    }

    fn resume_endpoint(&self, endpoint: EndpointUrl) -> PendingAction {
        let reloader = Arc::clone(&self.reloader);
        Box::pin(async move {
            let name = endpoint.to_string();
            // Once a handover that is under way is done or given up.
            drop(reloader.gateway_names(&name).await);
            if reloader.is_draining() {
                return Err(stopping());
            }
            match reloader.drained.end(&name, DrainOrder::now(false, Duration::ZERO)).await {
                Some(kept) => {
                    let (forgotten, others) = (forgotten(&kept), others(reloader.cluster.as_ref()));
                    Ok(format!("{name} gets requests again{others}{forgotten}"))
                }
                None => Err(OperationRefused { status: StatusCode::NOT_FOUND, why: format!("{name} is not drained") }),
            }
        })
    }

    fn drain(&self) {
        // A replica serves on until it is its turn.
        if self.reloader.cluster.is_none() {
            self.readiness.set(false);
        }
        self.end.cancel();
    }

    fn metrics(&self) -> String {
        scrape::text(&self.reloader, self.readiness.is_ready(), self.began.elapsed())
    }

    fn connections(&self, query: &ConnectionsQuery) -> Value {
        connections::list(&self.reloader.websockets, query)
    }

    fn page(&self, query: &ConnectionsQuery) -> Value {
        operator_page::shown(&self.reloader, &self.status(), &self.connections(query))
    }

    fn doctor(&self) -> PendingAnswer<Result<Value, OperationRefused>> {
        let (doctor, config) = (self.doctor.clone(), Arc::clone(&self.reloader.told().config));
        Box::pin(async move { doctor.look(Config::clone(&config)).await })
    }

    fn connections_everywhere(&self, query: ConnectionsQuery) -> PendingAnswer<Value> {
        let reloader = Arc::clone(&self.reloader);
        Box::pin(async move {
            match &reloader.cluster {
                Some(cluster) => cluster::list(cluster, &reloader.websockets, &query).await,
                None => connections::list(&reloader.websockets, &query),
            }
        })
    }

    fn close_user(&self, user: &str, how: CloseOrder) -> PendingAction {
        let (reloader, user) = (Arc::clone(&self.reloader), user.to_owned());
        Box::pin(async move { closing::of_user(&reloader.websockets, reloader.cluster.as_ref(), &user, &how).await })
    }

    fn close(&self, id: &str, how: CloseOrder) -> PendingAction {
        let (reloader, id) = (Arc::clone(&self.reloader), id.to_owned());
        Box::pin(async move { closing::one(&reloader.websockets, reloader.cluster.as_ref(), &id, &how).await })
    }

    fn tap(&self, id: &str, payload: bool) -> Option<TapLines> {
        let open = self.reloader.websockets.find(id)?;
        let redactor = Redactor::new(&self.reloader.told().config.log.redact);
        Some(tap::lines(&open, if payload { Tap::Payloads } else { Tap::Heads }, redactor))
    }

    fn config(&self) -> String {
        self.reloader.told().config.to_string()
    }

    fn status(&self) -> Value {
        let told = self.reloader.told();
        let own = self.own.iter().map(|own| (ListenerPurpose::Admin, own));
        let listeners = told.listeners.iter().map(|(purpose, address)| (*purpose, address)).chain(own);
        let listeners: Vec<_> =
            listeners.map(|(purpose, address)| json!({ "address": address, "purpose": purpose.as_str() })).collect();
        let last = told.last.map(|last| {
            json!({
                "at": last.at.format(&Rfc3339).ok(),
                "trigger": last.trigger,
                "ok": last.error.is_none(),
                "error": last.error,
            })
        });
        let waiting = told.waiting.map(|waiting| {
            json!({
                "since": waiting.since.format(&Rfc3339).ok(),
                "lowers": waiting.lowers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptime": self.began.elapsed().as_secs(),
            "ready": self.readiness.is_ready(),
            "draining": self.end.is_cancelled() || self.reloader.is_draining(),
            "config": told.file.map(|file| std::path::absolute(&file).unwrap_or(file)),
            "listeners": listeners,
            "reloads": { "done": told.done, "refused": told.refused, "waiting": waiting, "last": last },
            "connections": self.reloader.admission.connections(),
            "websockets": self.reloader.websockets.count(),
            "gateways": operator_lists::gateways(&self.reloader),
            "names": self.reloader.watched_names(),
            "drained_endpoints": self.reloader.drained.told(),
            "tasks": self.reloader.tasks(),
            "certificates": operator_lists::certificates(&self.reloader),
            "ends": operator_lists::ends(&self.reloader),
            "cluster": cluster::status(self.reloader.cluster.as_ref()),
        })
    }
}

fn stopping() -> OperationRefused {
    OperationRefused { status: StatusCode::SERVICE_UNAVAILABLE, why: "this process is stopping".to_owned() }
}

/// What becomes of it at other replicas, if there are any.
fn others(cluster: Option<&Cluster>) -> &'static str {
    match cluster.map(Cluster::is_near) {
        None => "",
        Some(true) => ", and so at the other replicas",
        Some(false) => "; the other replicas do so when the cluster's Redis is back",
    }
}

/// What an operator must know of a list that was not kept.
fn forgotten(kept: &Kept) -> String {
    match kept {
        Kept::Yes => String::new(),
        Kept::No(why) => format!("; a restart forgets it: {why}"),
    }
}
