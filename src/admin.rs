//! The admin listener: for the operator and the operator's machines, never for clients.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::Stream;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceBuilder;

use crate::config::{EndpointUrl, Secret};
use crate::drain::Drain;
use crate::io::StreamSocket;
use crate::listener::Listener;
use crate::observe::Readiness;
use crate::observe::log_rate_limit::LogRateLimit;
use answers::{AdminService, answer, not_stored};
pub(crate) use connections_query::{ConnectionField, ConnectionOrder, ConnectionsQuery};
use guard::{AdminEntry, AdminGuard, GuardLayer};
use page::PageToken;
use page_logins::PageLogins;
use permits::{AdminConnection, AdminPermit, AdminPermits};
use watched_stream::WatchedStream;

mod answers;
mod connections_query;
mod form;
mod guard;
mod operator_answer;
mod page;
mod page_logins;
mod permits;
mod query;
mod watched_stream;

/// The operations that an operator can ask the admin listener for.
pub(crate) trait OperatorControl: Send + Sync + 'static {
    /// Reads the configuration again and takes it over.
    fn reload(&self) -> PendingReload;
    /// Starts the program once more to take over from this process.
    fn upgrade(&self) -> PendingHandover;
    /// Begins the drain: no new client is accepted, and requests and WebSockets under way finish.
    fn drain(&self);
    /// Takes an endpoint out, and ends its WebSockets within this time, or as long as a drain takes.
    fn drain_endpoint(&self, endpoint: EndpointUrl, over: Option<Duration>) -> PendingAction;
    /// Brings an endpoint back.
    fn resume_endpoint(&self, endpoint: EndpointUrl) -> PendingAction;
    /// Every metric, in the text format of `OpenMetrics`.
    fn metrics(&self) -> String;
    /// A page of the WebSockets that are open and meant, as JSON.
    fn connections(&self, query: &ConnectionsQuery) -> serde_json::Value;
    /// What the page shows, as JSON of one line.
    fn page(&self, query: &ConnectionsQuery) -> serde_json::Value;
    /// What the doctor finds now, as JSON; one look at a time.
    fn doctor(&self) -> PendingAnswer<Result<serde_json::Value, OperationRefused>>;
    /// A page of the WebSockets of all replicas.
    fn connections_everywhere(&self, query: ConnectionsQuery) -> PendingAnswer<serde_json::Value>;
    /// Ends the user's WebSockets at all replicas.
    fn close_user(&self, user: &str, how: CloseOrder) -> PendingAction;
    /// Ends the WebSocket with this id, at whichever replica it is.
    fn close(&self, id: &str, how: CloseOrder) -> PendingAction;
    /// Lines of JSON about the frames of the WebSocket with this id as they pass, to its end; with their payloads, secrets
    /// masked, or without. `None` if there is no such WebSocket.
    fn tap(&self, id: &str, payload: bool) -> Option<TapLines>;
    /// The state of the process, as JSON.
    fn status(&self) -> serde_json::Value;
    /// The configuration in use, flags and environment included, as YAML with its secrets masked.
    fn config(&self) -> String;
}

/// How WebSockets are to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CloseOrder {
    /// What clients get in the Close frame.
    pub(crate) reason: String,
    /// How long their clients may open no other; no time at all lets in again whom an earlier order keeps out.
    pub(crate) keep_out: Option<Duration>,
}

/// An answer for which other replicas may have to be asked.
pub(crate) type PendingAnswer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The lines of a tap.
pub(crate) type TapLines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// A reload that is under way.
pub(crate) type PendingReload = Pin<Box<dyn Future<Output = Result<(), OperationRefused>> + Send>>;

/// An action that is under way; resolves to what was done, in words.
pub(crate) type PendingAction = Pin<Box<dyn Future<Output = Result<String, OperationRefused>> + Send>>;

/// A handover that is under way; resolves to the process id of the process that serves from then on.
pub(crate) type PendingHandover = Pin<Box<dyn Future<Output = Result<u32, OperationRefused>> + Send>>;

/// Why an operation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OperationRefused {
    /// The status of the answer, which says whether the request or frontgate is at fault.
    pub(crate) status: StatusCode,
    /// The reason in words, for the operator.
    pub(crate) why: String,
}

/// Answers operators until `drain` softens, which is when a successor answers them, or at the very end: operators and
/// load balancers ask also while clients are drained.
///
/// Where there is a `token`, it is asked for. Connections that stall keep the operator out for no moment: see [`AdminPermits`].
pub(crate) async fn serve(
    listener: Listener,
    token: Option<Secret>,
    readiness: Readiness,
    control: Arc<dyn OperatorControl>,
    drain: Drain,
) {
    let guard = Arc::new(AdminGuard { token, logins: PageLogins::fresh(), lines: LogRateLimit::default() });
    let page = PageToken::fresh();
    let permits = AdminPermits::new(MOST);
    loop {
        let accepted = tokio::select! {
            () = drain.soft() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((socket, peer)) = accepted else {
            // Usually the process is out of files; the listeners for clients log that. Trying again at once would only
            // burn the processor.
            sleep(PAUSE).await;
            continue;
        };
        let permit = permits.enter(peer.ip());
        let watched = drain.clone();
        let service = AdminService {
            guard: Arc::clone(&guard),
            peer: peer.ip(),
            page: page.clone(),
            readiness: readiness.clone(),
            control: Arc::clone(&control),
            drain: drain.clone(),
        };
        drain.spawn(async move {
            tokio::select! {
                () = watched.hard() => {}
                () = permit.connected().must_leave() => tracing::debug!("an admin connection leaves for another"),
                () = stalled(permit.connected()) => tracing::debug!("admin connection ended: it stood still"),
                () = connection(socket, peer.ip(), &permit, service) => {}
            }
        });
    }
}

/// Resolves when the client of a connection has neither sent nor taken a byte for too long.
async fn stalled(connected: &AdminConnection) {
    loop {
        let until = connected.waits_since().unwrap_or_else(Instant::now) + LONGEST_WAIT;
        if until <= Instant::now() {
            return;
        }
        sleep_until(until).await;
    }
}

async fn connection(socket: StreamSocket, peer: Option<IpAddr>, permit: &AdminPermit, service: AdminService) {
    let entry = socket.local_ip().map_or(AdminEntry::Unix, AdminEntry::Tcp);
    let connected = Arc::clone(permit.connected());
    let io = WatchedStream::new(socket, Arc::clone(&connected));
    let answers = ServiceBuilder::new()
        .map_response(not_stored)
        .layer(GuardLayer::new(Arc::clone(&service.guard), entry, peer))
        .service_fn(move |request: Request<Incoming>| {
            let service = service.clone();
            // While an answer is made it is not the client that is waited for.
            let answering = connected.answering();
            async move {
                let _answering = answering;
                Ok::<_, Infallible>(answer(request, &service).await)
            }
        });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(answers))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "admin connection ended");
    }
}

/// The most connections at once.
const MOST: usize = 32;
/// The pause between two tries to accept.
const PAUSE: Duration = Duration::from_millis(100);
/// For a request's head, and between two requests.
const HEAD: Duration = Duration::from_secs(5);
/// Without a byte either way.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Bytes; the smallest limit that hyper allows.
const LONGEST_HEAD: usize = 8192;
