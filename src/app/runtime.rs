//! [`Runtime`]: the parts that serve clients, made of a configuration and changed into those of another one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::timeout;

use super::acme::PublicCertificates;
use super::assembly::Assembly;
use super::background_task::BackgroundTask;
use super::certificates::{self, CertificateFacts, PreparedCertificates, ServedCertificates, off_thread};
use super::cluster;
use super::error::StartError;
use super::gateways::Gateways;
use super::issuers::Issuers;
use super::known_names::KnownNames;
use super::listeners::Listeners;
use super::mdns::{MdnsAnnouncement, MdnsNames};
use super::shared_state::SharedState;
use super::sticky_keys;
use super::telemetry::Telemetry;
use super::tickets;
use crate::config::{self, Config, Hsts};
use crate::drain::Drain;
use crate::listener::{InheritedSockets, ListenerPurpose, NameResolver};
use crate::observe::Metrics;
use crate::server::admission::{Admission, AdmissionLimits};
use crate::server::workers::Workers;
use crate::tls::TlsError;

/// The files of a configuration: the CA of clients, the certificates that are shown, and those that will be.
type ReadFiles = (Option<Vec<u8>>, Option<ServedCertificates>, Option<PreparedCertificates>);

/// The parts that serve clients.
pub(super) struct Runtime {
    /// The configuration in use.
    pub(super) config: Config,
    pub(super) listeners: Listeners,
    pub(super) admission: Admission,
    pub(super) shared: SharedState,
    /// What sends traces and metrics, which ends after everything else.
    pub(super) telemetry: Option<Telemetry>,
    drain: Drain,
    /// Where the admin listener is, if it is TCP.
    admin: Option<SocketAddr>,
    gateways: Gateways,
    issuers: Issuers,
    shown: Option<ServedCertificates>,
    public: Option<PublicCertificates>,
    judging: Option<BackgroundTask>,
    mdns: Option<MdnsAnnouncement>,
    /// The PEM text of the CA of clients.
    clients: Option<Vec<u8>>,
}

impl Runtime {
    /// Serves as `config` says, on the sockets of `inherited` where they fit; no gateway may lead to `admin`. What is needed until the last client has gone
    /// ends with `beside`.
    ///
    /// # Errors
    /// Why it cannot; then no listener and no task is left behind.
    pub(super) async fn open(
        config: Config,
        inherited: InheritedSockets,
        admin: Option<SocketAddr>,
        workers: Workers,
        drain: &Drain,
        beside: &Drain,
    ) -> Result<Self, StartError> {
        let names = NameResolver::default();
        let settings = cluster::settings(&config, &names).await?;
        let metrics = Arc::<Metrics>::default();
        let telemetry = Telemetry::plan(&config, &names, &metrics).await?;
        // A disk that does not answer keeps no start: then nothing is known.
        let known = timeout(READ, KnownNames::read(config.state_dir.clone())).await.unwrap_or_default();
        let mut runtime = Self {
            config: config.clone(),
            listeners: Listeners::new(workers),
            admission: Admission::new(AdmissionLimits { most: 0, most_per_client: None, exempt: Vec::new() }),
            shared: SharedState::new(&config, settings, names, (metrics, telemetry.spans()), (drain, beside))?,
            telemetry: Some(telemetry),
            drain: drain.clone(),
            admin,
            gateways: Gateways::knowing(known),
            issuers: Issuers::default(),
            shown: None,
            public: None,
            judging: None,
            mdns: None,
            clients: None,
        };
        // Before a first client can come.
        runtime.shared.common.own.set(admin.into_iter().collect());
        runtime.turn_into(config, inherited).await?;
        Ok(runtime)
    }

    /// Serves as `config` says from here on. All parts are built first, then they replace those in use, then the parts
    /// that are no longer needed end. WebSockets notice nothing.
    ///
    /// # Errors
    /// Why it cannot; then nothing has changed.
    pub(super) async fn change(&mut self, config: Config) -> Result<(), StartError> {
        self.turn_into(config, InheritedSockets::default()).await
    }

    async fn turn_into(&mut self, config: Config, mut inherited: InheritedSockets) -> Result<(), StartError> {
        // Sockets first: a bad address fails before any other part is made.
        let plan = self.listeners.plan(&config.listen, &mut inherited)?;
        let mut gateways = self.gateways.plan(&config, &self.drain, &self.shared.common)?;
        let public = PublicCertificates::step(self.public.as_ref(), &config)?;
        let (clients, shown, prepared) = tokio::select! {
            () = self.drain.soft() => return Err(StartError::Stopping),
            read = timeout(READ, self.read(&config)) => read.map_err(|_| StartError::Unread(READ))??,
        };
        let tickets = tokio::select! {
            () = self.drain.soft() => return Err(StartError::Stopping),
            secret = tickets::secret(&config, self.shared.cluster()) => secret,
        };
        let issuers = tokio::select! {
            () = self.drain.soft() => return Err(StartError::Stopping),
            read = timeout(READ, self.issuers.plan(&config, &self.shared.common.names, self.shared.cluster(), &self.drain)) => read.map_err(|_| StartError::Unread(READ))??,
        };
        let secret = self.shared.cluster().map(|cluster| &cluster.secret);
        gateways.sealing = tokio::select! {
            () = self.drain.soft() => return Err(StartError::Stopping),
            read = timeout(READ, sticky_keys::open(self.gateways.sealing.as_ref(), &config, secret)) => read.map_err(|_| StartError::Unread(READ))??,
        };
        let restored = timeout(READ, self.shared.drained.restore(config.state_dir.clone()));
        restored.await.map_err(|_| StartError::Unread(READ))?;
        let https = shown.as_ref().filter(|_| !config.listen.https.is_empty());
        gateways.look_up_names(&self.gateways, &self.drain).await;
        let assembly = Assembly::new(&config, &self.shared, &gateways, &issuers, https, plan.https_port())?;

        // From here on no step can fail, and a step that waits for a disk or a task waits for a moment only.
        if let Some(secret) = tickets {
            self.shared.tickets.take(&secret);
        }
        if let Some(prepared) = prepared {
            prepared.show().await;
        }
        if let Some(shown) = &shown {
            let before = self.public.take();
            let with = (&self.shared.tokens, &self.shared.metrics.acme);
            let cluster = self.shared.cluster();
            self.public = PublicCertificates::take(public, before, shown, with, cluster, &self.drain).await;
        }
        self.shared.limit(&config, &self.admission);
        let before = &self.config.tls.client_ca;
        // A client that has shown no certificate, or one of another CA, must shake hands again.
        let reintroduced = *before != config.tls.client_ca || self.clients != clients;
        let closed = self.listeners.change(
            plan,
            |purpose, label, name, drain| assembly.settings(purpose, label, name, drain),
            |purpose| purpose == ListenerPurpose::Https && reintroduced,
            &self.admission,
            &self.drain,
        );
        for door in closed {
            door.stop().await;
        }
        // Once no request passes an older guard any more.
        self.shared.logins.take_over(Arc::clone(&assembly.rechecks));
        self.shared.common.own.set(self.listeners.bound().chain(self.admin).collect());
        self.look_after(shown, config.tls.hsts);
        let https = self.listeners.addresses(ListenerPurpose::Https);
        self.mdns = MdnsAnnouncement::step(self.mdns.take(), MdnsNames::of(&config, &https));
        self.shared.metrics.requests.have_routes(assembly.counted_routes());
        let before = std::mem::take(&mut self.gateways);
        self.gateways = gateways.take_over(before, config.state_dir.clone(), &self.drain);
        let before = std::mem::take(&mut self.issuers);
        self.issuers = issuers.take_over(before, &self.shared.logins, self.shared.cluster(), &self.drain);
        self.clients = clients;
        self.config = config;
        Ok(())
    }

    /// Reads the files that `config` names: the CA of clients, the certificates.
    async fn read(&self, config: &Config) -> Result<ReadFiles, TlsError> {
        let client_ca = config.tls.client_ca.clone();
        let clients = off_thread(move || client_ca.and_then(|ca| config::contents(&ca.file).ok())).await;
        Ok(match &self.shown {
            Some(shown) => (clients, Some(shown.clone()), Some(shown.prepare(Some(&config.tls)).await?)),
            None if config.listen.https.is_empty() => (clients, None, None),
            None => (clients, Some(ServedCertificates::open(config).await?), None),
        })
    }

    /// The facts about the certificate that is shown.
    pub(super) async fn certificate(&self) -> Option<CertificateFacts> {
        Some(self.shown.as_ref()?.facts().await)
    }

    /// When the first of the shown certificates to expire begins and ends.
    pub(super) fn certificate_life(&self) -> Option<(OffsetDateTime, OffsetDateTime)> {
        self.shown.as_ref()?.certificates.first_life()
    }

    /// The names, begin and end of each certificate that is shown.
    pub(super) fn certificate_lives(&self) -> Vec<(Vec<String>, OffsetDateTime, OffsetDateTime)> {
        self.shown.as_ref().map(|shown| shown.certificates.lives()).unwrap_or_default()
    }

    /// The gateways of the configuration in use.
    pub(super) fn gateways(&self) -> &Gateways {
        &self.gateways
    }

    fn look_after(&mut self, shown: Option<ServedCertificates>, hsts: Hsts) {
        let Some(shown) = shown else { return };
        if self.shown.is_none() {
            self.drain.spawn(certificates::keep_fresh(shown.clone(), self.drain.clone()));
        }
        match self.judging.take() {
            None if hsts == Hsts::Auto => {
                let certificates = shown.certificates.clone();
                self.judging =
                    Some(BackgroundTask::start(&self.drain, |part| certificates::keep_judging(certificates, part)));
            }
            Some(judging) if hsts != Hsts::Auto => judging.dismiss(),
            judging => self.judging = judging,
        }
        self.shown = Some(shown);
    }
}

/// How long reading the certificates' files may take, the wait for another process that makes one included.
const READ: Duration = Duration::from_secs(20);
