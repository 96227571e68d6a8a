//! [`Assembly`]: the parts that are made of a configuration before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::certificates::ServedCertificates;
use super::error::StartError;
use super::gateways::Gateways;
use super::issuers::Issuers;
use super::listeners::NO_ROUTES;
use super::logins::RouteLogins;
use super::routers::Routers;
use super::shared_state::SharedState;
use crate::config::{BindAddr, Config, ListenTcp};
use crate::drain::Drain;
use crate::http::auth::live_logins::RouteRechecks;
use crate::http::edge::acme_challenge::AcmeChallenge;
use crate::http::edge::connection_state::ConnectionTimeouts;
use crate::http::edge::redirect::{HttpsLocation, HttpsRedirect};
use crate::http::edge::stack::{Edge, EdgeSettings};
use crate::http::edge::trace_context::TraceSettings;
use crate::http::pages::ca_page::CaPage;
use crate::http::route::router::RoutesFirst;
use crate::listener::{ListenerPurpose, SocketLabel};
use crate::observe::AccessLog;
use crate::observe::log_rate_limit::LogRateLimit;
use crate::observe::metrics::RouteRequests;
use crate::server::head_space::HeadSpace;
use crate::server::send_space::SendSpace;
use crate::server::settings::{ListenerProtocol, ListenerSettings};
use crate::tls::{self, AskedClients, ClientVerification, HandshakePolicy};
use crate::upstream::shorter;

/// The parts that are made of a configuration before anything runs.
pub(super) struct Assembly<'a> {
    config: &'a Config,
    log: AccessLog,
    /// The edges of listeners, by their names.
    edges: BTreeMap<Option<String>, ListenerEdges>,
    /// The edge for clients that speak plain HTTP to a TLS port.
    plain_http_on_tls: Edge,
    tls: Option<Arc<HandshakePolicy>>,
    heads: HeadSpace,
    sends: SendSpace,
    /// The routes as the metrics count their requests.
    counted_routes: Vec<Arc<RouteRequests>>,
    /// What looks at the logins of open WebSockets.
    pub(super) rechecks: RouteRechecks,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(
        config: &'a Config,
        shared: &SharedState,
        gateways: &Gateways,
        issuers: &Issuers,
        shown: Option<&ServedCertificates>,
        https_port: Option<u16>,
    ) -> Result<Self, StartError> {
        let log = AccessLog::new(&config.log)
            .counting(Arc::clone(&shared.metrics))
            .tracing(shared.spans.clone(), &config.log);
        let edge = EdgeSettings {
            forwarded: config.forwarded.clone(),
            hsts: config.tls.hsts,
            request_body: config.limits.request_body,
            permits: shared.permits.clone(),
            progress: shorter(config.timeouts.send, config.timeouts.progress),
            trace: TraceSettings { begins: config.log.trace, has_spans: log.has_spans() },
            log: log.clone(),
        };
        let logins = RouteLogins::plan(config, shared.passwords.clone(), gateways, issuers)?;
        let routers = Routers::new(config, shared, gateways, &logins, &log);
        let tls = match shown {
            None => None,
            Some(shown) => {
                let certificates = Arc::clone(&shown.certificates);
                let clients = config.tls.client_ca.as_ref().map(ClientVerification::open).transpose()?;
                let tickets = Arc::clone(&shared.tickets);
                let with = |clients: Option<&ClientVerification>| {
                    tls::server_config(&config.tls, Arc::clone(&certificates), tickets.clone(), clients)
                };
                let server = with(clients.as_ref());
                let asked = match clients {
                    Some(_) => AskedClients::All,
                    None => logins.asked_clients(config, with),
                };
                Some(Arc::new(HandshakePolicy::new(server, certificates, asked)))
            }
        };
        let beside_80 = config.listen.http.iter().any(|address| address.address.port() == 80);
        let https = HttpsLocation { port: https_port, beside_80 };
        let offer = shown.filter(|_| config.tls.ca_page).map(|shown| Arc::clone(&shown.offer));
        let names: BTreeSet<Option<&str>> =
            config.listen.names().map(|(_, name)| name).chain([None, Some(NO_ROUTES)]).collect();
        let proxy = |name: Option<&str>| Edge::new(edge.clone(), routers.router(name));
        let page = || CaPage { offer: offer.clone(), https, inner: HttpsRedirect { https } };
        let redirect = |name: Option<&str>| {
            let tokens = shared.tokens.clone();
            if name.is_none() {
                return Edge::new(edge.clone(), AcmeChallenge { inner: page(), tokens });
            }
            let inner = RoutesFirst { router: routers.router(name), otherwise: page() };
            Edge::new(edge.clone(), AcmeChallenge { inner, tokens })
        };
        let edges = names
            .iter()
            .map(|name| (name.map(str::to_owned), ListenerEdges { proxy: proxy(*name), redirect: redirect(*name) }));
        let edges = edges.collect();
        Ok(Self {
            edges,
            plain_http_on_tls: Edge::new(
                edge.clone(),
                HttpsRedirect { https: HttpsLocation { beside_80: true, ..https } },
            ),
            config,
            log,
            tls,
            heads: shared.heads.clone(),
            sends: shared.sends.clone(),
            counted_routes: routers.counted(),
            rechecks: routers.rechecks(),
        })
    }

    /// The routes as the metrics count their requests.
    pub(super) fn counted_routes(&self) -> Vec<Arc<RouteRequests>> {
        self.counted_routes.clone()
    }

    /// The settings of a listener, which may have a name; its connections end with `drain`.
    pub(super) fn settings(
        &self,
        purpose: ListenerPurpose,
        label: &SocketLabel,
        name: Option<&str>,
        drain: Drain,
    ) -> ListenerSettings {
        let kind = match (purpose, &self.tls) {
            (ListenerPurpose::Https, Some(handshakes)) => ListenerProtocol::Tls {
                handshakes: Arc::clone(handshakes),
                plain_http_on_tls: self.plain_http_on_tls.clone(),
            },
            _ => ListenerProtocol::Plain,
        };
        let edges = &self.edges[&name.map(str::to_owned)];
        let edge = match (purpose, &kind) {
            (ListenerPurpose::Plain, _) | (_, ListenerProtocol::Tls { .. }) => &edges.proxy,
            (_, ListenerProtocol::Plain) => &edges.redirect,
        };
        let timeouts = &self.config.timeouts;
        let counted: Arc<str> = label.to_string().into();
        self.log.metrics().connections.have_listener(&counted);
        ListenerSettings {
            label: counted,
            edge: edge.clone(),
            kind,
            proxy_protocol_from: self.config.listen.proxy_protocol_from.clone(),
            handshake: timeouts.tls_handshake,
            connection_timeouts: ConnectionTimeouts { head: timeouts.request_head, idle: timeouts.keep_alive },
            request_head: self.config.limits.request_head,
            heads: self.heads.clone(),
            sends: self.sends.clone(),
            http2_websockets: self.config.websocket.http2 && self.offers_http2_websockets(label),
            log: self.log.clone(),
            refused_certificates: LogRateLimit::default(),
            drain,
        }
    }

    /// Whether the listener itself lets clients open WebSockets over HTTP/2. One that stands for a whole key of the configuration
    /// has no settings of its own.
    fn offers_http2_websockets(&self, label: &SocketLabel) -> bool {
        let is_this = |listener: &&ListenTcp| label.address() == Some(&BindAddr::Tcp(listener.address));
        self.config.listen.https.iter().find(is_this).is_none_or(|listener| listener.http2_websockets)
    }
}

/// The edges of the listeners of one name.
struct ListenerEdges {
    /// Of those that proxy.
    proxy: Edge,
    /// Of those that redirect to https.
    redirect: Edge,
}
