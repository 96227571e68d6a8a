//! [`Wiring`]: what a configuration becomes before anything runs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::certificates::Shown;
use super::error::StartError;
use crate::config::Config;
use crate::drain::Drain;
use crate::http::acme_challenge::AcmeChallenge;
use crate::http::activity::Patience;
use crate::http::ca_page::CaPage;
use crate::http::forward::Forward;
use crate::http::redirect::Redirect;
use crate::http::route::Route;
use crate::http::stack::{Edge, EdgeSettings};
use crate::http::upgrade::Upgrades;
use crate::observe::{AccessLog, Hint};
use crate::server::admission::Admission;
use crate::server::file_limit;
use crate::server::settings::{Kind, Settings};
use crate::tls::acme::Tokens;
use crate::tls::{self, Clients, Handshakes};
use crate::upstream::{Connector, Gate, Pool};
use crate::websocket::buffers::Buffers;
use crate::websocket::direction::Rules;
use crate::websocket::settings;

/// What a configuration becomes before anything runs.
pub(super) struct Wiring {
    config: Config,
    log: AccessLog,
    pool: Pool,
    proxy: Edge,
    redirect: Edge,
    /// For who speaks plain HTTP where TLS is spoken.
    mistaken: Edge,
    tls: Option<Arc<Handshakes>>,
    files: Option<u64>,
}

impl Wiring {
    pub(super) fn new(
        config: &Config,
        shown: Option<&Shown>,
        tokens: &Tokens,
        https_port: Option<u16>,
        files: Option<u64>,
        drain: &Drain,
    ) -> Result<Self, StartError> {
        let log = AccessLog::new(&config.log);
        let connector = Connector::new(&config.upstream, config.timeouts.connect, || {
            tls::client_config([]).map_err(StartError::from)
        })?;
        let pool = Pool::new(connector, config.limits.request_head.max(LEAST_RESPONSE_HEAD));
        let edge = EdgeSettings {
            forwarded: config.forwarded.clone(),
            hsts: config.tls.hsts,
            request_body: config.limits.request_body,
            log: log.clone(),
        };
        let forward = Forward {
            pool: pool.clone(),
            gate: Gate::new(config.hold, drain.clone()),
            upstream: config.upstream.to_string().into(),
            read: config.timeouts.read,
            hint: Arc::new(Hint::default()),
        };
        let route = Route { forward, upgrades: upgrades(config, log.clone()) };
        let tls = match shown {
            None => None,
            Some(shown) => {
                let certificates = Arc::clone(&shown.certificates);
                let clients = config.tls.client_ca.as_ref().map(Clients::open).transpose()?;
                let tickets = tls::ticketer()?;
                let server = tls::server_config(&config.tls, Arc::clone(&certificates), tickets, clients.as_ref());
                Some(Arc::new(Handshakes::new(server, certificates)))
            }
        };
        let offer = shown.filter(|_| config.tls.ca_page).map(|shown| Arc::clone(&shown.offer));
        Ok(Self {
            proxy: Edge::new(edge.clone(), route),
            mistaken: Edge::new(edge.clone(), Redirect { port: https_port }),
            redirect: Edge::new(
                edge,
                AcmeChallenge {
                    inner: CaPage { offer, https: https_port, inner: Redirect { port: https_port } },
                    tokens: tokens.clone(),
                },
            ),
            config: config.clone(),
            log,
            pool,
            tls,
            files,
        })
    }

    /// Who is let in.
    pub(super) fn admission(&self) -> Admission {
        let most = file_limit::most_connections(self.config.limits.connections, self.files);
        let proxies = self.config.forwarded.trusted_proxies.clone();
        Admission::new(most, self.config.limits.connections_per_client, proxies)
    }

    /// For the TLS listeners.
    pub(super) fn tls(&self) -> Option<Arc<Settings>> {
        let kind = Kind::Tls { handshakes: self.tls.clone()?, mistaken: self.mistaken.clone() };
        Some(self.settings(kind, &self.proxy))
    }

    /// For the plain listeners that redirect.
    pub(super) fn redirect(&self) -> Arc<Settings> {
        self.settings(Kind::Plain, &self.redirect)
    }

    /// For the plain listeners that proxy.
    pub(super) fn plain(&self) -> Arc<Settings> {
        self.settings(Kind::Plain, &self.proxy)
    }

    /// Closes connections to the gateway that have been idle for too long.
    pub(super) fn sweep(&self, drain: Drain) -> impl Future<Output = ()> + Send + use<> {
        let pool = self.pool.clone();
        async move {
            loop {
                tokio::select! {
                    () = drain.soft() => return,
                    () = sleep(SWEEP_EVERY) => pool.sweep(),
                };
            }
        }
    }

    fn settings(&self, kind: Kind, edge: &Edge) -> Arc<Settings> {
        let timeouts = &self.config.timeouts;
        Arc::new(Settings {
            kind,
            edge: edge.clone(),
            proxy_protocol_from: self.config.listen.proxy_protocol_from.clone(),
            handshake: timeouts.tls_handshake,
            patience: Patience { head: timeouts.request_head, idle: timeouts.keep_alive },
            request_head: self.config.limits.request_head,
            log: self.log.clone(),
        })
    }
}

fn upgrades(config: &Config, log: AccessLog) -> Upgrades {
    let websocket = &config.websocket;
    Upgrades {
        allowed_origins: websocket.allowed_origins.clone(),
        settings: Arc::new(settings::Settings {
            ping_interval: websocket.ping_interval,
            pong_timeout: websocket.pong_timeout,
            rules: Rules {
                max_frame: websocket.max_frame,
                max_message: websocket.max_message,
                max_messages_per_minute: websocket.max_messages_per_minute,
            },
            read: config.timeouts.read,
            send: config.timeouts.send,
            drain: config.timeouts.drain,
        }),
        buffers: Arc::new(Buffers::new()),
        log,
    }
}

/// How often idle connections to the gateway are looked at; half of what they may idle.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// A gateway's answer may have as large a head as a request, and never less than this.
const LEAST_RESPONSE_HEAD: usize = 64 * 1024;
