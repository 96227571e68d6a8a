//! [`Reloader`]: takes another configuration over while clients are connected.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, oneshot};
use tokio::time::sleep;

use super::certificates::off_thread;
use super::check::check_files;
use super::site::Site;
use super::written::Written;
use crate::config::Config;
use crate::drain::Drain;
use crate::http::websockets::WebSockets;
use crate::lifecycle::{Hangup, notify};
use crate::listener::{Offered, Purpose};
use crate::observe::{Metrics, logging};
use crate::server::admission::Admission;
use crate::tls::Watch;

/// What makes a configuration replaceable.
pub struct Reloading {
    /// Where it is written.
    pub written: Written,
    /// What the level of log lines is changed by.
    pub logging: logging::Handle,
    /// The signal that asks for it.
    pub hangup: Hangup,
}

/// Takes another configuration over while clients are connected, one at a time.
pub(super) struct Reloader {
    site: Arc<Turn<Site>>,
    source: Option<(Arc<Written>, logging::Handle)>,
    told: Mutex<Told>,
    drain: Drain,
    /// Who is inside.
    pub(super) admission: Admission,
    /// How many of them have a WebSocket.
    pub(super) websockets: WebSockets,
    pub(super) metrics: Arc<Metrics>,
}

/// While this is there, what was offered to a successor stays what it is: reloads wait.
pub struct Unchanging {
    reloader: Arc<Reloader>,
    _site: OwnedMutexGuard<Site>,
}

/// What there is to tell about it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) file: Option<PathBuf>,
    /// What is in use.
    pub(super) config: Arc<Config>,
    pub(super) listeners: Vec<(Purpose, String)>,
    pub(super) last: Option<Last>,
    pub(super) done: u64,
    pub(super) refused: u64,
    drain_time: Duration,
    /// Whether the end has begun.
    stopping: bool,
}

/// The last time that it was tried.
#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) at: OffsetDateTime,
    pub(super) trigger: &'static str,
    pub(super) error: Option<String>,
}

/// Why a configuration was not taken over.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Refused {
    /// It is wrong.
    #[error("{0}")]
    Wrong(String),
    /// There is none to be read.
    #[error("this frontgate was started without a configuration that could be read again")]
    Fixed,
    /// It would not be used for long.
    #[error("frontgate is stopping")]
    Stopping,
}

impl Reloader {
    /// Watches over `site`: a signal and a file that changes reload it.
    pub(super) fn start(site: Site, reloading: Option<Reloading>, drain: &Drain) -> Arc<Self> {
        let (source, hangup) = match reloading {
            None => (None, None),
            Some(Reloading { written, logging, hangup }) => (Some((Arc::new(written), logging)), Some(hangup)),
        };
        let file = source.as_ref().and_then(|(written, _)| written.files().into_iter().next());
        let told = Told {
            file,
            config: Arc::new(site.config.clone()),
            listeners: site.doors.all().collect(),
            last: None,
            done: 0,
            refused: 0,
            drain_time: site.config.timeouts.drain,
            stopping: false,
        };
        let reloader = Arc::new(Self {
            admission: site.admission.clone(),
            websockets: site.lasting.websockets.clone(),
            metrics: Arc::clone(&site.lasting.metrics),
            site: Arc::new(Turn::new(site)),
            source,
            told: Mutex::new(told),
            drain: drain.clone(),
        });
        if let Some(hangup) = hangup {
            drain.spawn(Arc::clone(&reloader).follow(hangup));
        }
        reloader
    }

    /// Reads the configuration again and takes it over. It is done to its end, whether or not somebody still waits for it.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub(super) async fn reload(self: &Arc<Self>, trigger: &'static str) -> Result<(), Refused> {
        if self.is_draining() {
            return Err(Refused::Stopping);
        }
        let (done, outcome) = oneshot::channel();
        let reloader = Arc::clone(self);
        self.drain.spawn(async move {
            // Nobody may be waiting any more.
            let _ = done.send(reloader.turn(trigger).await);
        });
        outcome.await.unwrap_or(Err(Refused::Stopping))
    }

    /// What there is to tell.
    pub(super) fn told(&self) -> Told {
        self.lock().clone()
    }

    /// How long a drain may take.
    pub(super) fn drain_time(&self) -> Duration {
        self.lock().drain_time
    }

    /// Whether the end has begun.
    pub(super) fn is_draining(&self) -> bool {
        self.lock().stopping || self.drain.is_soft()
    }

    /// Begins no other reload: it would not be used for long.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
    }

    /// What a successor could go on with, once a reload that is under way is done. The next ones wait.
    pub(super) async fn offered(self: &Arc<Self>) -> (Vec<Offered>, Unchanging) {
        let site = Arc::clone(&self.site).lock_owned().await;
        (site.doors.offered().collect(), Unchanging { reloader: Arc::clone(self), _site: site })
    }

    /// What knows of log lines that were not written, where the process has a log of its own.
    pub(super) fn logging(&self) -> Option<&logging::Handle> {
        self.source.as_ref().map(|(_, logging)| logging)
    }

    /// How many tasks there are, connections among them.
    pub(super) fn tasks(&self) -> usize {
        self.drain.running()
    }

    /// When the first of the certificates that are shown ends; `None` also while a reload is under way.
    pub(super) fn certificate_end(&self) -> Option<OffsetDateTime> {
        self.site.try_lock().ok()?.certificate_end()
    }

    async fn turn(&self, trigger: &'static str) -> Result<(), Refused> {
        let mut site = self.site.lock().await;
        // It may have waited for a handover: whoever took over has read the configuration as it is.
        if self.is_draining() {
            return Err(Refused::Stopping);
        }
        notify::reloading().await;
        let outcome = self.take_over(&mut site).await;
        // Whether it was taken over or not, this process serves. One that stops has said so.
        if !self.is_draining() {
            notify::ready().await;
        }
        let error = outcome.as_ref().err().map(ToString::to_string);
        match &error {
            None => {
                self.metrics.reloads.done.inc();
                tracing::info!(trigger, "configuration reloaded");
            }
            Some(error) => {
                self.metrics.reloads.refused.inc();
                tracing::error!(trigger, error, "configuration refused; the one in use stays");
            }
        }
        let mut told = self.lock();
        *(if error.is_none() { &mut told.done } else { &mut told.refused }) += 1;
        told.last = Some(Last { at: OffsetDateTime::now_utc(), trigger, error });
        let listeners: Vec<_> = site.doors.all().collect();
        for (purpose, address) in listeners.iter().filter(|door| !told.listeners.contains(door)) {
            tracing::info!(%address, purpose = purpose.as_str(), "listening");
        }
        for (purpose, address) in told.listeners.iter().filter(|door| !listeners.contains(door)) {
            tracing::info!(%address, purpose = purpose.as_str(), "no longer listening");
        }
        told.listeners = listeners;
        told.config = Arc::new(site.config.clone());
        told.drain_time = site.config.timeouts.drain;
        outcome
    }

    async fn take_over(&self, site: &mut Site) -> Result<(), Refused> {
        let (written, logging) = self.source.as_ref().ok_or(Refused::Fixed)?;
        let read = Arc::clone(written);
        let wrong = |error: &dyn std::fmt::Display| Refused::Wrong(error.to_string());
        let loaded = off_thread(move || read.read()).await.map_err(|problems| wrong(&problems))?;
        let (loaded, checked) = off_thread(move || {
            let checked = check_files(&loaded);
            (loaded, checked)
        })
        .await;
        checked.map_err(|error| wrong(&error))?;
        let config = carried_over(&site.config, loaded.config);
        let level = config.log.level;
        site.change(config).await.map_err(|error| wrong(&error))?;
        logging.set_level(level);
        self.lock().file = loaded.file;
        Ok(())
    }

    async fn follow(self: Arc<Self>, mut hangup: Hangup) {
        let Some((written, _)) = &self.source else { return };
        let (mut watched, mut watch) = (Vec::new(), None::<Watch>);
        loop {
            let files = written.files();
            if files != watched {
                watched.clone_from(&files);
                watch = if files.is_empty() { None } else { Some(off_thread(move || Watch::on(files)).await) };
            }
            let changed = async {
                match &watch {
                    Some(watch) => watch.changed().await,
                    None => std::future::pending().await,
                }
            };
            let asked = tokio::select! {
                () = self.drain.soft() => return,
                () = hangup.next() => true,
                () = changed => false,
                () = sleep(LOOK_EVERY) => false,
            };
            if let Some(mut followed) = watch.take() {
                watch = Some(
                    off_thread(move || {
                        followed.follow();
                        followed
                    })
                    .await,
                );
            }
            // The answer is in the log.
            if asked {
                let _ = self.reload("SIGHUP").await;
                continue;
            }
            let looked = Arc::clone(written);
            if off_thread(move || looked.has_changed()).await {
                let _ = self.reload("file").await;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unchanging {
    /// The successor serves: nothing changes here any more.
    pub fn for_good(self) {
        self.reloader.stop();
    }
}

/// `wanted`, but where only a restart can change something, as it is `before`.
fn carried_over(before: &Config, mut wanted: Config) -> Config {
    let mut said = Vec::new();
    if wanted.admin != before.admin {
        wanted.admin.clone_from(&before.admin);
        said.push("admin");
    }
    if wanted.state_dir != before.state_dir {
        wanted.state_dir.clone_from(&before.state_dir);
        said.push("state_dir");
    }
    if wanted.log.format != before.log.format {
        wanted.log.format = before.log.format;
        said.push("log.format");
    }
    for setting in said {
        tracing::warn!(setting, "this setting changes with the next start only");
    }
    wanted
}

/// Files on a network's disk change without a word, and the kernel's watches may be used up.
const LOOK_EVERY: Duration = Duration::from_mins(1);
