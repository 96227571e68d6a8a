//! The configuration: one file per section, each with the typed settings the program runs on and the list of its keys.
//!
//! [`load()`] lays three sources over the defaults, the later ones winning: the YAML file, the environment, the command
//! line. All of it becomes one tree of text with positions (`yaml.rs`, `node.rs`), which the sections then read
//! (`read.rs`). Mistakes are collected, not logged: a [`Problems`] names every one at once, with line, column and what
//! to write instead.

mod conflicts;
mod keys;
mod kinds;
mod load;
mod lowered;
mod named_file;
mod names;
mod node;
mod overrides;
mod print;
mod problem;
mod raw;
mod read;
mod reference;
mod schema;
mod secret;
mod setting;
mod state_dir;
mod yaml;

pub(crate) mod acme;
pub(crate) mod admin;
pub(crate) mod auth;
pub(crate) mod cluster;
pub(crate) mod forwarded;
pub(crate) mod limits;
pub(crate) mod listen;
pub(crate) mod log;
pub(crate) mod routes;
pub(crate) mod telemetry;
pub(crate) mod timeouts;
pub(crate) mod tls;
pub(crate) mod upstream;
pub(crate) mod upstream_tls;
pub(crate) mod upstreams;
pub(crate) mod websocket;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use admin::AdminOf;
use auth::AuthOf;
use ipnet::IpNet;
use keys::{KeySection, Keys, SectionChecks};
use kinds::{Cidr, DurationValue, FilePath, HttpsOrigin, Keyed, List, NoValue, Optional, WordOf};
use problem::ValueError;
use upstream::UpstreamUrl;

pub use acme::Acme;
pub use acme::AcmeChallengeKind;
pub use acme::AcmeDns;
pub(crate) use acme::AcmeProfile;
pub use acme::Directory;
pub(crate) use kinds::is_label;

pub use admin::Admin;
pub(crate) use admin::TokenError;
pub use auth::ClientSecretError;
pub(crate) use auth::{
    AllowedUsers, Auth, BasicAuth, ClientSecret, Exemption, ForwardAuth, LoginRules, OidcAuth, PasswordHash, ScopeCaps,
    ServiceHost, ServiceToken, TokenAuth, TokenHash, is_loopback,
};
pub(crate) use auth::{expiry_date, user_name, written};
pub use cluster::Cluster;
pub(crate) use cluster::{RedisPlace, RedisUrl, SHORTEST_SECRET};
pub use forwarded::Forwarded;
pub use forwarded::LocalClients;
pub use kinds::ClientCa;
pub use kinds::ClientMode;
pub use kinds::Name;
pub(crate) use kinds::{Hsts, LONGEST_HSTS, LONGEST_TIME, UnixAccess, spread_time};
pub use limits::CountValue;
pub(crate) use limits::Limits;
pub use listen::BindAddr;
pub use listen::ListenTcp;
pub(crate) use listen::{Listen, ListenAt};
pub use load::ConfigLocation;
pub use load::load;
pub(crate) use load::{Loaded, check_admin, glimpse, nothing, printed, read_text, reread_text, says_nothing};
pub(crate) use log::{Level, Log, LogFormat, LogTrace};
pub(crate) use lowered::{Lowered, lowered};
pub(crate) use named_file::contents;
pub use overrides::Overrides;
pub(crate) use problem::Problems;
pub(crate) use reference::{INTRODUCTION, entries};
pub(crate) use routes::{
    ClientAccess, FieldMatcher, FieldRule, HeaderRules, HostPattern, LetterCase, PathMatcher, RegexPattern,
    RouteAnswer, RouteRedirect, RouteTarget, TemplateValues, contains, folded,
};
pub use routes::{RequestMatchers, RouteConfig};
pub(crate) use schema::schema;
pub use secret::Secret;
pub(crate) use state_dir::state_dir;
#[cfg(feature = "otlp")]
pub(crate) use telemetry::CollectorUrl;
pub use telemetry::Telemetry;
pub use timeouts::Timeouts;
pub use tls::Certificate;
pub use tls::CertificateFiles;
pub use tls::Tls;
pub(crate) use tls::TlsVersion;
pub use tls::{CertificateSource, NamedCertificate};
pub use upstream::UpstreamAddress;
#[cfg(test)]
pub(crate) use upstream_tls::ClientCert;
pub(crate) use upstream_tls::{CertPin, UpstreamTls};
pub(crate) use upstreams::{
    Balance, EndpointUrl, GatewayName, GroupEndpoint, HashBy, Health, NameRecords, Sticky, UpstreamGroup,
};
pub use websocket::AllowedOrigins;
pub(crate) use websocket::WebSocket;

/// Everything frontgate runs on: parsed, checked, and complete with defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The addresses that clients connect to.
    pub listen: Listen,
    /// Names, certificate and TLS settings of the https listeners.
    pub tls: Tls,
    /// The origin that browsers open, where it is no name and port of frontgate's own.
    pub public_origin: Option<String>,
    /// Whether the gateway's static answers are compressed where the gateway has not done so.
    pub compress: bool,
    /// Whether names that end in `.local` are announced on the local network.
    pub mdns: bool,
    /// Where keys and certificates are kept; `None` until a command resolves it from the environment.
    pub state_dir: Option<PathBuf>,
    /// The gateway of every route that names none.
    pub upstream: UpstreamAddress,
    /// Which requests go to which gateway; an empty list is one route for all requests.
    pub routes: Vec<RouteConfig>,
    /// Gateways that stand in for each other, by name.
    pub upstreams: Vec<(String, UpstreamGroup)>,
    /// How long a request or an upgrade waits for a gateway that is restarting; `None` is not at all.
    pub hold: Option<Duration>,
    /// Whose forwarding headers are believed, and what the gateway is told about the client.
    pub forwarded: Forwarded,
    /// Keepalive and limits of WebSockets.
    pub websocket: WebSocket,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How much one peer, and all peers together, may use.
    pub limits: Limits,
    /// The networks of the clients that may pass, on every route without an `allow` of its own.
    pub allow: Vec<IpNet>,
    /// The networks of clients that may not pass.
    pub deny: Vec<IpNet>,
    /// The login of every route that has no `auth` of its own.
    pub auth: Auth,
    /// What several frontgates have in common.
    pub cluster: Cluster,
    /// The admin listener.
    pub admin: Admin,
    /// Which log lines are written, and in which format.
    pub log: Log,
    /// Where traces and metrics are sent.
    pub telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            tls: Tls::default(),
            public_origin: None,
            compress: true,
            mdns: false,
            state_dir: None,
            upstream: UpstreamAddress::default(),
            routes: Vec::new(),
            upstreams: Vec::new(),
            hold: Some(HOLD),
            forwarded: Forwarded::default(),
            websocket: WebSocket::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            allow: routes::everyone(),
            deny: Vec::new(),
            auth: Auth::default(),
            cluster: Cluster::default(),
            admin: Admin::default(),
            log: Log::default(),
            telemetry: Telemetry::default(),
        }
    }
}

/// Whether multicast DNS answers for the name (RFC 6762 §3).
pub(crate) fn is_mdns_name(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("local"))
}

/// The Control UI gives up on a WebSocket that does not open within 15 s.
const HOLD: Duration = Duration::from_secs(12);

impl KeySection for Config {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.section("listen", "The addresses that clients connect to.", &mut self.listen);
        keys.section("tls", "The names frontgate answers to and the certificate it shows for them.", &mut self.tls);
        keys.key(
            "public_origin",
            Optional(NoValue::Null, HttpsOrigin),
            &mut self.public_origin,
            "The https origin that browsers open, where it is no name and port of frontgate's own: behind a mapped port or a tunnel. \
             `frontgate doctor` and the start screen go by it.",
        );
        keys.key(
            "compress",
            WordOf(&[("auto", true), ("off", false)]),
            &mut self.compress,
            "auto sends the gateway's style sheets, scripts, SVG, WebAssembly and uncompressed fonts with gzip to clients that \
             take it, where the gateway has not compressed them itself. Pages, JSON, event streams and answers with cookies stay as \
             they are.",
        );
        keys.key(
            "mdns",
            WordOf::SWITCH,
            &mut self.mdns,
            "on announces those of tls.names that end in .local on the local network (multicast DNS), so that phones and other machines \
             there find them.",
        );
        keys.key(
            "state_dir",
            Optional(NoValue::Null, FilePath),
            &mut self.state_dir,
            "Where keys and certificates are kept; $STATE_DIRECTORY, else $XDG_STATE_HOME/frontgate, else \
             ~/.local/state/frontgate.",
        );
        keys.key(
            "upstream",
            UpstreamUrl,
            &mut self.upstream,
            "The gateway, of every route that names none: http://host:port, https://host:port or unix:/path. An https gateway that \
             signs its own certificate is pinned in the long form, under `upstreams`, and named by a route.",
        );
        keys.key(
            "routes",
            List(Keyed::IN_PART),
            &mut self.routes,
            "Which requests go where: the first that matches wins, those with a host first, then those for *.example.com. \
             What none takes is answered 404. Without any, everything goes to `upstream`.",
        );
        keys.key(
            "upstreams",
            upstreams::GROUPS,
            &mut self.upstreams,
            "Gateways that stand in for each other, by name.",
        );
        keys.key(
            "hold",
            Optional(NoValue::Off, DurationValue::ANY),
            &mut self.hold,
            "How long a request or an upgrade waits for a gateway that is restarting.",
        );
        keys.section(
            "forwarded",
            "Whose forwarding headers are believed, and which ones the gateway gets.",
            &mut self.forwarded,
        );
        keys.section("websocket", "Keepalive and limits of WebSockets.", &mut self.websocket);
        keys.section("timeouts", "How long each step may take.", &mut self.timeouts);
        keys.section("limits", "What one peer, and all peers together, may use.", &mut self.limits);
        keys.key(
            "allow",
            List(Cidr),
            &mut self.allow,
            "The networks of the clients that may pass, on every route that says nothing itself; others get 403. Clients are known as \
             `forwarded` says; one without an address passes only where neither `allow` nor `deny` is set.",
        );
        keys.key(
            "deny",
            List(Cidr),
            &mut self.deny,
            "The networks of clients that get 403, whatever `allow` says, on every route.",
        );
        keys.key("auth", AuthOf, &mut self.auth, "Which users may pass, on every route that says nothing itself.");
        keys.section(
            "cluster",
            "What several frontgates share through Redis; one needs none of it.",
            &mut self.cluster,
        );
        keys.key(
            "admin",
            AdminOf,
            &mut self.admin,
            "Where operators ask: /livez, /readyz, /status, /metrics and what the commands need. Wider than loopback only with a token: { address, token: TEXT or { file: FILE } }; a unix socket may have a mode and a group.",
        );
        keys.section("log", "What is logged, and how.", &mut self.log);
        keys.section("telemetry", "Where traces and metrics are sent.", &mut self.telemetry);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.tls.ca_page && self.listen.http.is_empty() {
            let fault = ValueError::new("the page needs a plain listener");
            checks.report(&["tls.ca_page", "listen.http"], fault.hint("such as listen: { http: [\":8080\"] }"));
        }
        let is_local = |name: &Name| matches!(name, Name::Dns(name) if is_mdns_name(name));
        if self.mdns && !self.tls.names.iter().any(is_local) {
            let fault = ValueError::new("multicast DNS has names that end in .local, and none is among tls.names");
            checks.report(&["mdns", "tls.names"], fault.hint("such as tls: { names: [gw.local] }"));
        }
        conflicts::check(self, checks);
        if self.tls.uses_acme() && self.challenges().is_empty() {
            let fault = ValueError::new("http-01 is answered on a plain listener, and there is none");
            checks.report(&["tls.acme.challenge", "listen.http"], fault.hint("listen: { http: [\":80\"] }"));
        }
        routes::check(&self.routes, &self.upstreams, &self.listen, checks);
        routes::certificates(self, checks);
        routes::cookies(self, checks);
    }
}

impl Config {
    /// The clients that may pass on a route.
    pub(crate) fn access(&self, route: &RouteConfig) -> ClientAccess {
        let deny = self.deny.iter().chain(&route.deny).copied().collect();
        ClientAccess::new(route.allow.as_ref().unwrap_or(&self.allow).clone(), deny)
    }

    /// The login that a route asks for: its own, or that of all routes.
    pub(crate) fn auth_of<'a>(&'a self, route: &'a RouteConfig) -> &'a Auth {
        route.auth.as_ref().unwrap_or(&self.auth)
    }

    /// The logins that the configuration asks for, and the keys that they stand under.
    pub(crate) fn logins(&self) -> impl Iterator<Item = (String, &LoginRules)> {
        let routes = self.routes.iter().enumerate();
        let own =
            routes.filter_map(|(index, route)| Some((format!("routes[{index}].auth"), route.auth.as_ref()?.rules()?)));
        self.auth.rules().map(|rules| ("auth".to_owned(), rules)).into_iter().chain(own)
    }

    /// The routes, in the order of the file: without any, one for everything.
    pub(crate) fn all_routes(&self) -> Vec<RouteConfig> {
        if self.routes.is_empty() { vec![RouteConfig::default()] } else { self.routes.clone() }
    }

    /// The ACME challenges that can be answered, by a record or a listener, in the order to try them.
    pub(crate) fn challenges(&self) -> Vec<AcmeChallengeKind> {
        let answered = |challenge: &&AcmeChallengeKind| match challenge {
            AcmeChallengeKind::TlsAlpn01 => !self.listen.https.is_empty(),
            AcmeChallengeKind::Http01 => !self.listen.http.is_empty(),
            AcmeChallengeKind::Dns01 => false,
        };
        let by_record = self.tls.acme.dns.as_ref().map(|_| AcmeChallengeKind::Dns01);
        by_record.into_iter().chain(self.tls.acme.challenge.iter().filter(answered).copied()).collect()
    }
}
