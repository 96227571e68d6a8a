//! [`Reloader`]: takes another configuration over while clients are connected.

mod carried_over;
mod changed_files;

use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use super::certificates::off_thread;
use super::check::{check_files, warn_of};
use super::config_source::{ConfigCandidate, ConfigFiles, ConfigSource, list};
use super::drained_endpoints::DrainedEndpoints;
use super::reload_refused::ReloadRefused;
use super::reload_status::{LastReload, ReloadStatus, WaitingChange};
use super::runtime::Runtime;
use super::shared_drains::{self, FoundBy};
use super::watched_names::name_status;
use crate::cluster::Cluster;
use crate::drain::Drain;
use crate::http::auth::live_logins::LiveLogins;
use crate::http::edge::permits::Permits;
use crate::http::proxy::websockets::OpenWebSockets;
use crate::lifecycle::{HangupSignal, InUse, notify};
use crate::listener::OfferedListener;
use crate::observe::metrics::{EndpointSample, NameSample};
use crate::observe::{Metrics, logging};
use crate::server::admission::Admission;
use crate::server::workers::Workers;

/// What a process needs to reload its configuration.
pub struct ReloadParts {
    /// Where the configuration is written.
    pub(crate) written: ConfigSource,
    /// Changes the level of log lines.
    pub(crate) logging: logging::LogHandle,
    /// The signal that asks for a reload.
    pub(crate) hangup: HangupSignal,
}

/// Takes another configuration over while clients are connected, one at a time.
///
/// No wait for a peer or a disk under the lock of the [`Runtime`] is without a limit: whatever a reload waits for, the
/// process can still end and hand over.
pub(super) struct Reloader {
    runtime: Arc<Mutex<Runtime>>,
    /// Held from the reading to the taking over, so that the configuration that was read last is the one that stays.
    turns: Mutex<()>,
    /// Held while files are read: a disk that does not answer keeps one thread, not one for each try.
    reading: Arc<Mutex<()>>,
    source: Option<(Arc<ConfigSource>, logging::LogHandle)>,
    told: SyncMutex<ReloadStatus>,
    drain: Drain,
    /// The runtime on which listeners are opened and connections accepted; operators are answered on another.
    home: Handle,
    /// Counts the connections that are admitted.
    pub(super) admission: Admission,
    /// The WebSockets among them.
    pub(super) websockets: OpenWebSockets,
    pub(super) metrics: Arc<Metrics>,
    /// The logins that something goes on with.
    pub(super) logins: LiveLogins,
    /// What this replica shares with others.
    pub(super) cluster: Option<Cluster>,
    /// The endpoints that an operator has taken out.
    pub(super) drained: DrainedEndpoints,
    /// The permits of requests under way.
    pub(super) permits: Permits,
    /// The threads that serve clients.
    pub(super) workers: Workers,
    /// Bytes of memory that the process may use.
    pub(super) memory: u64,
    /// Held by one scrape: levels are looked up and shown before the next one looks them up.
    pub(super) scraping: SyncMutex<()>,
}

/// Reloads wait while this exists, so that the listeners and the configuration that were offered to a successor do not
/// change.
pub(crate) struct ReloadPause {
    reloader: Arc<Reloader>,
    _site: OwnedMutexGuard<Runtime>,
}

/// The cause of a reload.
#[derive(Debug)]
enum ReloadTrigger {
    /// An operator, by a command or a signal: the configuration counts as it is written.
    Operator(&'static str),
    /// A file that changed, as it is now: the change may not have been intended.
    File(ConfigFiles),
}

impl ReloadTrigger {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Operator(how) => how,
            Self::File(_) => "file",
        }
    }
}

impl Reloader {
    /// Takes charge of `runtime`: a signal and a changed file reload it.
    pub(super) fn start(runtime: Runtime, reloading: Option<ReloadParts>, drain: &Drain) -> Arc<Self> {
        let (source, hangup) = match reloading {
            None => (None, None),
            Some(ReloadParts { written, logging, hangup }) => (Some((Arc::new(written), logging)), Some(hangup)),
        };
        let file = source.as_ref().and_then(|(written, _)| written.files().into_iter().next());
        let told = ReloadStatus {
            file,
            config: Arc::new(runtime.config.clone()),
            listeners: runtime.listeners.all().collect(),
            last: None,
            waiting: None,
            done: 0,
            refused: 0,
            drain_time: runtime.config.timeouts.drain,
            stopping: false,
        };
        let reloader = Arc::new(Self {
            admission: runtime.admission.clone(),
            websockets: runtime.shared.websockets.clone(),
            metrics: Arc::clone(&runtime.shared.metrics),
            logins: runtime.shared.logins.clone(),
            cluster: runtime.shared.cluster().cloned(),
            drained: runtime.shared.drained.clone(),
            permits: runtime.shared.permits.clone(),
            workers: runtime.listeners.workers().clone(),
            memory: runtime.shared.memory(),
            scraping: SyncMutex::default(),
            runtime: Arc::new(Mutex::new(runtime)),
            turns: Mutex::default(),
            reading: Arc::default(),
            source,
            told: SyncMutex::new(told),
            drain: drain.clone(),
            home: Handle::current(),
        });
        if let Some(cluster) = reloader.cluster.clone() {
            let asked = Arc::clone(&reloader);
            let found: FoundBy = Box::new(move |name| {
                let reloader = Arc::clone(&asked);
                Box::pin(async move { reloader.gateway_names(&name).await.1 })
            });
            drain.spawn(shared_drains::share(reloader.drained.clone(), found, cluster, drain.clone()));
        }
        if let Some(hangup) = hangup {
            drain.spawn(Arc::clone(&reloader).follow(hangup));
        }
        reloader
    }

    /// Reads the configuration again and takes it over, because an operator says so. The reload runs to its end,
    /// whether or not the caller still waits for it.
    ///
    /// # Errors
    /// Why the configuration was refused; then nothing has changed.
    pub(super) async fn reload(self: &Arc<Self>, trigger: &'static str) -> Result<(), ReloadRefused> {
        self.reload_by(ReloadTrigger::Operator(trigger)).await
    }

    async fn reload_by(self: &Arc<Self>, trigger: ReloadTrigger) -> Result<(), ReloadRefused> {
        if self.is_draining() {
            return Err(ReloadRefused::Stopping);
        }
        let (done, outcome) = oneshot::channel();
        let reloader = Arc::clone(self);
        self.drain.spawn_on(&self.home, async move {
            // The caller may have stopped waiting.
            let _ = done.send(reloader.turn(trigger).await);
        });
        outcome.await.unwrap_or(Err(ReloadRefused::Stopping))
    }

    /// The status of reloads, for the operator.
    pub(super) fn told(&self) -> ReloadStatus {
        self.lock().clone()
    }

    /// How long a drain may take.
    pub(super) fn drain_time(&self) -> Duration {
        self.lock().drain_time
    }

    /// Whether the drain has begun.
    pub(super) fn is_draining(&self) -> bool {
        self.lock().stopping || self.drain.is_soft()
    }

    /// Refuses further reloads: their configuration would not be used for long.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
    }

    /// The listeners and the configuration for a successor, once a reload that is under way is done. Later reloads
    /// wait.
    pub(super) async fn offered(self: &Arc<Self>) -> (Vec<OfferedListener>, Option<InUse>, ReloadPause) {
        let runtime = Arc::clone(&self.runtime).lock_owned().await;
        let offered = runtime.listeners.offered().collect();
        let in_use = self.source.as_ref().and_then(|(written, _)| written.in_use());
        (offered, in_use, ReloadPause { reloader: Arc::clone(self), _site: runtime })
    }

    /// The handle that counts lines which were not written, where the process has a log of its own.
    pub(super) fn logging(&self) -> Option<&logging::LogHandle> {
        self.source.as_ref().map(|(_, logging)| logging)
    }

    /// The names of the gateways that routes lead to, and those that were found by `name`. Waits for a reload that is under way, and for
    /// a handover.
    pub(super) async fn gateway_names(&self, name: &str) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let runtime = self.runtime.lock().await;
        (runtime.gateways().names(), runtime.gateways().found_by(name))
    }

    /// How many tasks there are, connections among them.
    pub(super) fn tasks(&self) -> usize {
        self.drain.running()
    }

    /// When the first of the shown certificates to expire begins and ends; `None` also while a reload is under way.
    pub(super) fn certificate_life(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        self.runtime.try_lock().ok()?.certificate_life()
    }

    /// The names, begin and end of each certificate that is shown; `None` while a reload is under way.
    pub(super) fn certificate_lives(&self) -> Option<Vec<(Vec<String>, OffsetDateTime, OffsetDateTime)>> {
        Some(self.runtime.try_lock().ok()?.certificate_lives())
    }

    /// Every gateway, as the metrics show it; `None` while a reload is under way.
    pub(super) fn gateway_samples(&self) -> Option<Vec<EndpointSample>> {
        Some(self.runtime.try_lock().ok()?.gateways().samples())
    }

    /// Every name that stands for several gateways, as the metrics show it; `None` while a reload is under way.
    pub(super) fn name_samples(&self) -> Option<Vec<NameSample>> {
        Some(self.runtime.try_lock().ok()?.gateways().name_samples())
    }

    /// Every name that stands for several gateways, as `status` shows it; `None` while a reload is under way.
    pub(super) fn watched_names(&self) -> Option<Vec<Value>> {
        Some(self.runtime.try_lock().ok()?.gateways().watched().iter().map(name_status).collect())
    }

    async fn turn(&self, trigger: ReloadTrigger) -> Result<(), ReloadRefused> {
        let how = trigger.as_str();
        // Until a part is replaced, the shutdown need not wait for the reload.
        let (_turn, candidate) = tokio::select! {
            () = self.drain.soft() => return Err(ReloadRefused::Stopping),
            read = async { (self.turns.lock().await, self.read(trigger).await) } => read,
        };
        let mut runtime = tokio::select! {
            () = self.drain.soft() => return Err(ReloadRefused::Stopping),
            runtime = self.runtime.lock() => runtime,
        };
        // This reload may have waited for a handover: the successor has read the configuration as it is.
        if self.is_draining() {
            return Err(ReloadRefused::Stopping);
        }
        notify::reloading().await;
        let outcome = match candidate {
            Ok(candidate) => self.take_over(&mut runtime, &candidate).await,
            Err(refused) => Err(refused),
        };
        // Whether or not the configuration was taken over, this process serves. A process that stops has said so.
        if !self.is_draining() {
            notify::ready().await;
        }
        let listeners: Vec<_> = runtime.listeners.all().collect();
        let (config, drain_time) = (Arc::new(runtime.config.clone()), runtime.config.timeouts.drain);
        drop(runtime);
        self.tell(how, &outcome);
        let mut told = self.lock();
        for (purpose, address) in listeners.iter().filter(|door| !told.listeners.contains(door)) {
            tracing::info!(%address, purpose = purpose.as_str(), "listening");
        }
        for (purpose, address) in told.listeners.iter().filter(|door| !listeners.contains(door)) {
            tracing::info!(%address, purpose = purpose.as_str(), "no longer listening");
        }
        told.listeners = listeners;
        told.config = config;
        told.drain_time = drain_time;
        outcome
    }

    /// Reads the configuration, and the files that it names.
    async fn read(&self, trigger: ReloadTrigger) -> Result<ConfigCandidate, ReloadRefused> {
        let (written, _) = self.source.as_ref().ok_or(ReloadRefused::Fixed)?;
        let written = Arc::clone(written);
        let read = move || {
            let wrong = |error: &dyn std::fmt::Display| ReloadRefused::Wrong(error.to_string());
            let (look, by_itself) = match trigger {
                ReloadTrigger::Operator(_) => (written.look(), false),
                ReloadTrigger::File(look) => (look, true),
            };
            let mut candidate = written.read(look).map_err(|problems| wrong(&problems))?;
            check_files(&mut candidate.loaded).map_err(|error| wrong(&error))?;
            let lowers = if by_itself { written.lowered(&candidate) } else { Vec::new() };
            if lowers.is_empty() { Ok(candidate) } else { Err(ReloadRefused::Waits(lowers)) }
        };
        self.patiently(read).await?
    }

    async fn take_over(&self, runtime: &mut Runtime, candidate: &ConfigCandidate) -> Result<(), ReloadRefused> {
        let (written, logging) = self.source.as_ref().ok_or(ReloadRefused::Fixed)?;
        let config = carried_over::carried_over(&runtime.config, candidate.loaded.config.clone());
        let level = config.log.level;
        runtime.change(config).await.map_err(|error| ReloadRefused::Wrong(error.to_string()))?;
        logging.set_level(level);
        written.take(candidate);
        warn_of(&candidate.loaded.warnings);
        self.lock().file.clone_from(&candidate.loaded.file);
        Ok(())
    }

    /// Reports the outcome: in the log, in the metrics, and in `status`.
    fn tell(&self, trigger: &'static str, outcome: &Result<(), ReloadRefused>) {
        let (reloads, mut told) = (&self.metrics.reloads, self.lock());
        let at = OffsetDateTime::now_utc();
        told.waiting = None;
        let error = match outcome {
            Ok(()) => {
                reloads.done.inc();
                told.done += 1;
                tracing::info!(trigger, "configuration reloaded");
                None
            }
            Err(ReloadRefused::Waits(lowers)) => {
                tracing::warn!(
                    lowers = list(lowers),
                    "a change of the configuration waits, since it would lower guards: `frontgate reload` or SIGHUP takes it over"
                );
                told.waiting = Some(WaitingChange { since: at, lowers: lowers.clone() });
                outcome.as_ref().err()
            }
            Err(refused) => {
                reloads.refused.inc();
                told.refused += 1;
                tracing::error!(trigger, error = %refused, "configuration refused; the one in use stays");
                Some(refused)
            }
        };
        reloads.waiting.set(i64::from(told.waiting.is_some()));
        told.last = Some(LastReload { at, trigger, error: error.map(ToString::to_string) });
    }

    /// Reads files, for as long as a disk may take.
    async fn patiently<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ReloadRefused> {
        let reading = Arc::clone(&self.reading);
        let read = async {
            let turn = reading.lock_owned().await;
            off_thread(move || {
                let _turn = turn;
                read()
            })
            .await
        };
        timeout(READ, read).await.map_err(|_| ReloadRefused::Unread(READ))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ReloadStatus> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReloadPause {
    /// The successor serves: this process makes no more changes.
    pub(crate) fn for_good(self) {
        self.reloader.stop();
    }
}

/// How long reading files may take. A slower disk is one of a network that is not there.
const READ: Duration = Duration::from_secs(10);
