//! [`App`]: a running frontgate.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::admin;
use crate::admin::OperatorControl as _;
use crate::config::{Admin, Config, ListenAt};
use crate::drain::Drain;
use crate::lifecycle::{self, DrainOutcome, InUse};
use crate::listener::{InheritedSockets, ListenerPurpose, OfferedListener};
use crate::observe::Readiness;
use crate::server::runtime_thread::RuntimeThread;
use crate::server::workers::Workers;

use super::certificates::CertificateFacts;
use super::drain_turn::DrainTurn;
use super::error::StartError;
use super::listeners;
use super::operator::{HandoverReply, Operator};
use super::reload::{ReloadParts, ReloadPause, Reloader};
use super::runtime::Runtime;
use super::telemetry::Telemetry;

/// A running frontgate.
pub struct App {
    /// The addresses that serve HTTPS.
    pub https: Vec<SocketAddr>,
    /// The addresses that redirect to HTTPS.
    pub http: Vec<SocketAddr>,
    /// The addresses that proxy without TLS, TCP only.
    pub plain: Vec<SocketAddr>,
    /// The address of the admin listener, if it is TCP.
    pub admin: Option<SocketAddr>,
    /// The certificate that is shown.
    pub certificate: Option<CertificateFacts>,
    /// The admin listener, which no reload changes.
    offered: Option<OfferedListener>,
    readiness: Readiness,
    drain: Drain,
    admin_drain: Drain,
    reloader: Arc<Reloader>,
    operator: Operator,
    telemetry: Option<Telemetry>,
    /// The thread on which operators are answered, however busy those are that serve clients.
    admin_thread: Option<RuntimeThread>,
}

impl App {
    /// Binds every listener that is not among the `inherited`, gets the certificate, and serves on `workers`. When this
    /// returns, clients are answered. The configuration stays as it is, unless it comes from a source that can be read
    /// again.
    ///
    /// # Errors
    /// Why frontgate cannot run. No listener and no task is left behind.
    pub async fn start(
        config: Config,
        mut inherited: InheritedSockets,
        workers: Workers,
        reloading: Option<ReloadParts>,
    ) -> Result<Self, StartError> {
        let Admin { address, access, token } = config.admin.clone();
        let admin = address.map(|address| ListenAt { address, access, name: None });
        let token = token.map(|token| token.read()).transpose()?;
        let keys = listeners::keys(&config.listen);
        let keys = keys.iter().map(|(purpose, addresses)| (*purpose, &addresses[..]));
        inherited.close_unwanted(keys.chain([(ListenerPurpose::Admin, admin.as_slice())]));
        let thread =
            admin.as_ref().map(|_| RuntimeThread::start("admin")).transpose().map_err(StartError::AdminThread)?;
        let admin = {
            // A socket is read by the runtime that it was made in.
            let _entered = thread.as_ref().map(|thread| thread.runtime().enter());
            inherited.take(ListenerPurpose::Admin, admin.as_slice())?.pop()
        };
        let bound = admin.as_ref().and_then(|(_, listener)| listener.address());
        // An inherited socket may be bound to another address than the configuration has.
        if let Some(address) = bound.filter(|address| Admin::is_wide(*address) && token.is_none()) {
            return Err(StartError::AdminOpen(address));
        }
        let (drain, admin_drain, readiness) = (Drain::new(), Drain::new(), Readiness::new());
        // Boxed: it has the configuration in it several times, and callers would have to keep the room.
        let opened = Box::pin(Runtime::open(config, inherited, bound, workers, &drain, &admin_drain)).await;
        if opened.is_err() {
            admin_drain.harden();
        }
        let mut runtime = opened?;
        let mut telemetry = runtime.telemetry.take();
        let addresses = |purpose| runtime.listeners.addresses(purpose);
        let (https, http, plain) =
            (addresses(ListenerPurpose::Https), addresses(ListenerPurpose::Http), addresses(ListenerPurpose::Plain));
        let certificate = runtime.certificate().await;
        let reloader = Reloader::start(runtime, reloading, &drain);
        let own = admin.as_ref().map(|(label, _)| bound.map_or_else(|| label.to_string(), |at| at.to_string()));
        let operator = Operator::new(Arc::clone(&reloader), readiness.clone(), bound, own);
        if let Some(telemetry) = &mut telemetry {
            let scraped = operator.clone();
            telemetry.start(move || scraped.metrics());
        }
        let app = Self {
            https,
            http,
            plain,
            admin: bound,
            certificate,
            offered: admin.as_ref().map(|(label, listener)| OfferedListener::new(label.clone(), listener)),
            readiness: readiness.clone(),
            drain,
            admin_drain: admin_drain.clone(),
            reloader,
            operator: operator.clone(),
            telemetry,
            admin_thread: thread,
        };
        if let (Some((_, listener)), Some(thread)) = (admin, &app.admin_thread) {
            let served = admin::serve(listener, token, readiness.clone(), Arc::new(operator), admin_drain.clone());
            admin_drain.spawn_on(thread.runtime(), served);
        }
        readiness.set(true);
        Ok(app)
    }

    /// Resolves when the operator has asked for a successor, other than by a signal.
    pub(crate) async fn asked_to_upgrade(&self) -> HandoverReply {
        self.operator.asked_to_upgrade().await
    }

    /// Resolves when the operator has asked for the end, other than by a signal.
    pub(crate) async fn asked_to_end(&self) {
        self.operator.asked_to_end().await;
    }

    /// The listeners that a successor can inherit, once a reload that is under way is done; in the order in which it
    /// takes them, since several may be labelled as one port 0. Also the configuration in use, if it can be read again.
    pub(crate) async fn offered(&self) -> (Vec<OfferedListener>, Option<InUse>, ReloadPause) {
        let (listeners, in_use, unchanging) = self.reloader.offered().await;
        (self.offered.iter().cloned().chain(listeners).collect(), in_use, unchanging)
    }

    /// Waits until no other replica drains, for as long as an operator waits at most; `None` where there is no turn to have.
    pub(crate) async fn turn_to_retire(&self) -> Option<DrainTurn> {
        self.drain_turn(LONGEST_TURN).await
    }

    /// Half of the time that a drain may take is for the drain itself: an end that was ordered comes in time.
    async fn drain_turn(&self, most: Duration) -> Option<DrainTurn> {
        let most = most.min(self.reloader.drain_time() / 2);
        DrainTurn::wait(self.reloader.cluster.as_ref(), most, &self.admin_drain).await
    }

    /// Leaves new clients and operators to a successor at once, and stops as [`App::stop`] does, in the `turn` that it has waited
    /// for. Clients should still come to this address, so readiness stays.
    pub(crate) async fn retire(self, turn: Option<DrainTurn>, hurry: impl Future<Output = ()>) -> DrainOutcome {
        self.reloader.stop();
        self.admin_drain.soften();
        self.end(self.reloader.drain_time(), turn, hurry).await
    }

    /// Lets requests and WebSockets under way finish, for at most `timeouts.drain` and until `hurry` resolves; then
    /// stops. Where another replica drains it serves on for a part of that time. A peer that asks for readiness is told
    /// first ([`lifecycle::notice`]).
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> DrainOutcome {
        self.reloader.stop();
        let (limit, began) = (self.reloader.drain_time(), Instant::now());
        let mut hurry = pin!(hurry);
        let turn = tokio::select! {
            turn = self.drain_turn(Duration::MAX) => turn,
            () = hurry.as_mut() => return self.end(Duration::ZERO, None, std::future::pending()).await,
        };
        self.readiness.set(false);
        let limit = limit.saturating_sub(began.elapsed());
        let notice = lifecycle::notice(self.readiness.asked(Instant::now()), limit);
        tokio::select! {
            () = sleep(notice) => {}
            () = hurry.as_mut() => return self.end(Duration::ZERO, turn, std::future::pending()).await,
        }
        tracing::info!("closing the listeners");
        self.end(limit.saturating_sub(notice), turn, hurry).await
    }

    async fn end(&self, limit: Duration, turn: Option<DrainTurn>, hurry: impl Future<Output = ()>) -> DrainOutcome {
        let drained = lifecycle::drain(&self.drain, limit, hurry).await;
        if let Some(turn) = turn {
            turn.end().await;
        }
        if let Some(cluster) = &self.reloader.cluster {
            // A moment: without a word the others notice a few seconds later.
            let _ = timeout(Duration::from_millis(300), cluster.leave()).await;
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.finish().await;
        }
        self.admin_drain.harden();
        self.admin_drain.ended().await;
        drained
    }
}

/// `frontgate upgrade` waits a minute for the whole handover.
const LONGEST_TURN: Duration = Duration::from_secs(30);
