//! The public certificate: loaded before frontgate serves, and renewed while it runs.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::background_task::BackgroundTask;
use super::certificates::{ServedCertificates, off_thread};
use crate::cluster::Cluster;
use crate::config::{self, AcmeChallengeKind, Config, Name};
use crate::drain::Drain;
use crate::observe::metrics::AcmeMetrics;
use crate::tls::acme::{AcmeRenewal, AcmeSettings, DirectoryDial, DirectoryHttps, HttpsError, Tokens};

/// The background task that obtains public certificates, and what it was started for.
pub(super) struct PublicCertificates {
    wanted: AcmeTarget,
    running: BackgroundTask,
}

/// What the task obtains: the names, the authority and the challenges.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AcmeTarget {
    names: Vec<Name>,
    acme: config::Acme,
    challenges: Vec<AcmeChallengeKind>,
}

/// The change to the task under another configuration.
pub(super) enum AcmeStep {
    /// The running task stays as it is.
    GoOn,
    /// No public certificates are wanted.
    Stop,
    /// A new task obtains these certificates, over this connection to the authority.
    Begin(Box<AcmeStart>),
}

pub(super) struct AcmeStart {
    wanted: AcmeTarget,
    settings: AcmeSettings,
    dial: DirectoryDial,
}

impl PublicCertificates {
    /// Compares the task that runs `before` with the one that `config` asks for.
    ///
    /// # Errors
    /// The HTTPS client for the authority cannot be made.
    pub(super) fn step(before: Option<&Self>, config: &Config) -> Result<AcmeStep, HttpsError> {
        if !config.tls.uses_acme() {
            return Ok(AcmeStep::Stop);
        }
        let tls = config::Tls { names: config.tls.acme_names(), ..config.tls.clone() };
        let names = tls.names.iter().filter(|name| tls.acme.certifies(name)).cloned().collect();
        let wanted = AcmeTarget { names, acme: tls.acme.clone(), challenges: config.challenges() };
        if before.is_some_and(|before| before.wanted == wanted) {
            return Ok(AcmeStep::GoOn);
        }
        let dial = DirectoryHttps::dial(tls.acme.ca_file.as_deref())?;
        let settings = AcmeSettings { tls, challenges: config.challenges(), state_dir: config.state_dir.clone() };
        Ok(AcmeStep::Begin(Box::new(AcmeStart { wanted, settings, dial })))
    }

    /// Takes that step: kept certificates are shown at once, and those that are no longer wanted are withdrawn.
    pub(super) async fn take(
        step: AcmeStep,
        before: Option<Self>,
        shown: &ServedCertificates,
        (tokens, metrics): (&Tokens, &AcmeMetrics),
        cluster: Option<&Cluster>,
        drain: &Drain,
    ) -> Option<Self> {
        let begin = match step {
            AcmeStep::GoOn => return before,
            AcmeStep::Stop => None,
            AcmeStep::Begin(begin) => Some(*begin),
        };
        if let Some(Self { wanted, running }) = before {
            // Two tasks at once would both order, and only one may use the account.
            running.stop().await;
            let kept = begin.as_ref().map_or(&[][..], |begin| &begin.wanted.names);
            for name in wanted.names.iter().filter(|name| !kept.contains(name)) {
                shown.certificates.set_public(name, None);
            }
        }
        if begin.is_none() {
            metrics.show_next(None);
        }
        let AcmeStart { wanted, settings, dial } = begin?;
        let (certificates, tokens, metrics) = (Arc::clone(&shown.certificates), tokens.clone(), metrics.clone());
        let (clock, cluster) = (Arc::new(OffsetDateTime::now_utc), cluster.cloned());
        let open = move || {
            AcmeRenewal::open(settings, certificates, tokens, clock).shared_by(cluster.as_ref()).counted_in(metrics)
        };
        let (opened, is_open) = oneshot::channel();
        let running = BackgroundTask::start(drain, |part| async move {
            let opening = async {
                let acme = off_thread(open).await;
                // A reload that has waited too long no longer receives this.
                let _ = opened.send(());
                acme
            };
            tokio::select! {
                () = part.soft() => {}
                acme = opening => Box::pin(acme.run(dial, part.clone())).await,
            }
        });
        // Kept certificates are shown before this returns, if their disk answers in time.
        let _ = timeout(A_MOMENT, is_open).await;
        Some(Self { wanted, running })
    }
}

const A_MOMENT: Duration = Duration::from_secs(5);
