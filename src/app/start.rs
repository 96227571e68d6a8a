//! [`App`]: a running frontgate.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::admin;
use crate::config::{self, Admin, BindAddr, Config, Hsts};
use crate::drain::Drain;
use crate::lifecycle::{self, Drained};
use crate::listener::{BindError, Inherited, Listener, Offered, Purpose};
use crate::observe::Readiness;
use crate::server::{accept, file_limit};
use crate::tls::acme::Tokens;

use super::acme::Public;
use super::certificates::{self, CertificateFacts, Shown};
use super::error::StartError;
use super::wire::Wiring;

/// A running frontgate.
#[derive(Debug)]
pub struct App {
    /// Where it listens for HTTPS.
    pub https: Vec<SocketAddr>,
    /// Where it redirects.
    pub http: Vec<SocketAddr>,
    /// Where it proxies without TLS, TCP only.
    pub plain: Vec<SocketAddr>,
    /// Where the admin listener is, if it is TCP.
    pub admin: Option<SocketAddr>,
    /// The certificate it shows.
    pub certificate: Option<CertificateFacts>,
    readiness: Readiness,
    drain: Drain,
    admin_drain: Drain,
    drain_time: Duration,
    offered: Vec<Offered>,
}

impl App {
    /// Binds every listener, gets the certificate, and serves. Afterwards clients are answered.
    ///
    /// # Errors
    /// What keeps it from running. Nothing is left behind.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Inherited::default()).await
    }

    /// The same, with sockets that are bound already in the place of those that it would bind.
    ///
    /// # Errors
    /// What keeps it from running.
    pub async fn start_with(config: Config, inherited: Inherited) -> Result<Self, StartError> {
        // Sockets first: a bad address fails before anything runs.
        let Sockets { https, http, plain, admin, offered } = Sockets::open(&config, inherited)?;
        let (drain, admin_drain, readiness) = (Drain::new(), Drain::new(), Readiness::new());
        let shown = if https.is_empty() { None } else { Some(Shown::open(&config).await?) };
        let tokens = Tokens::default();
        let public = match &shown {
            Some(shown) => Public::open(&config, shown, &tokens).await?,
            None => None,
        };
        let files = file_limit::raise();
        let wiring = Wiring::new(&config, shown.as_ref(), &tokens, https_port(&config, &https), files, &drain)?;
        let app = Self {
            https: addresses(&https),
            http: addresses(&http),
            plain: addresses(&plain),
            admin: admin.as_ref().and_then(Listener::address),
            certificate: shown.as_ref().map(Shown::facts),
            readiness: readiness.clone(),
            drain: drain.clone(),
            admin_drain: admin_drain.clone(),
            drain_time: config.timeouts.drain,
            offered,
        };
        let admission = wiring.admission();
        let groups = [(https, wiring.tls()), (http, Some(wiring.redirect())), (plain, Some(wiring.plain()))];
        for (listeners, settings) in groups {
            for listener in listeners {
                let Some(settings) = settings.clone() else { continue };
                drain.spawn(accept::run(listener, admission.clone(), settings, drain.clone()));
            }
        }
        drain.spawn(wiring.sweep(drain.clone()));
        if let Some(public) = public {
            drain.spawn(public.run(drain.clone()));
        }
        if let Some(shown) = shown {
            if config.tls.hsts == Hsts::Auto {
                drain.spawn(certificates::keep_judging(Arc::clone(&shown.certificates), drain.clone()));
            }
            drain.spawn(certificates::keep_fresh(shown, config, drain.clone()));
        }
        if let Some(listener) = admin {
            admin_drain.spawn(admin::serve(listener, readiness.clone(), admin_drain.clone()));
        }
        readiness.set(true);
        Ok(app)
    }

    /// What a successor could go on with.
    pub fn offered(&self) -> &[Offered] {
        &self.offered
    }

    /// Leaves new clients to a successor at once, the operator's included, and stops as [`App::stop`] does. Clients should
    /// still come, so readiness stays.
    pub async fn retire(self, hurry: impl Future<Output = ()>) -> Drained {
        self.admin_drain.soften();
        self.end(self.drain_time, hurry).await
    }

    /// Lets what is under way finish, for at most `timeouts.drain` and until `hurry` resolves; then stops. Who asks whether it
    /// is ready is told first ([`lifecycle::notice`]).
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> Drained {
        self.readiness.set(false);
        let notice = lifecycle::notice(self.readiness.asked(Instant::now()), self.drain_time);
        let mut hurry = pin!(hurry);
        tokio::select! {
            () = sleep(notice) => {}
            () = hurry.as_mut() => return self.end(Duration::ZERO, std::future::pending()).await,
        }
        tracing::info!("closing the listeners");
        self.end(self.drain_time.saturating_sub(notice), hurry).await
    }

    async fn end(&self, limit: Duration, hurry: impl Future<Output = ()>) -> Drained {
        let drained = lifecycle::drain(&self.drain, limit, hurry).await;
        self.admin_drain.harden();
        self.admin_drain.ended().await;
        drained
    }
}

/// Every listener.
struct Sockets {
    https: Vec<Listener>,
    http: Vec<Listener>,
    plain: Vec<Listener>,
    admin: Option<Listener>,
    offered: Vec<Offered>,
}

impl Sockets {
    fn open(config: &Config, mut inherited: Inherited) -> Result<Self, BindError> {
        let tcp = |addresses: &[SocketAddr]| addresses.iter().copied().map(BindAddr::Tcp).collect::<Vec<_>>();
        let (https, http) = (tcp(&config.listen.https), tcp(&config.listen.http));
        let admin = match &config.admin {
            Admin::Off => None,
            Admin::Tcp(address) => Some(BindAddr::Tcp(*address)),
            Admin::Unix(path) => Some(BindAddr::Unix(path.clone())),
        };
        let wanted = [
            (Purpose::Https, &https[..]),
            (Purpose::Http, &http),
            (Purpose::Plain, &config.listen.plain),
            (Purpose::Admin, admin.as_slice()),
        ];
        inherited.close_unwanted(wanted);
        let mut offered = Vec::new();
        let mut take = |(purpose, addresses)| -> Result<Vec<Listener>, BindError> {
            let taken = inherited.take(purpose, addresses)?;
            offered.extend(taken.iter().map(|(label, listener)| Offered::new(label.clone(), listener)));
            Ok(taken.into_iter().map(|(_, listener)| listener).collect())
        };
        let [https, http, plain, admin] = wanted;
        Ok(Self { https: take(https)?, http: take(http)?, plain: take(plain)?, admin: take(admin)?.pop(), offered })
    }
}

fn addresses(listeners: &[Listener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(Listener::address).collect()
}

/// The port that a redirect names: the one that was bound, in case the configuration left it to the kernel.
fn https_port(config: &config::Config, https: &[Listener]) -> Option<u16> {
    let bound = https.first().and_then(Listener::address);
    bound.or_else(|| config.listen.https.first().copied()).map(|address| address.port())
}
