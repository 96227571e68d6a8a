//! [`Draft`]: a configuration for frontgate, as far as the old one asked for something. What is `None` or empty stays at its
//! default and is not written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::{BindAddr, ClientMode, Hsts, LONGEST_HSTS, LONGEST_TIME, TlsVersion};

/// A configuration for frontgate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// What is said at the top of the file, a paragraph each.
    pub heading: Vec<String>,
    /// What is said above a key: its path, such as `tls.certificate`, and the words.
    pub comments: Vec<(&'static str, String)>,
    /// Where clients connect.
    pub listen: DraftListen,
    /// Names and certificate.
    pub tls: DraftTls,
    /// The gateway of every route that names none, as a URL.
    pub upstream: Option<String>,
    /// In the order in which they are tried; none is one route to `upstream`.
    pub routes: Vec<DraftRoute>,
    /// Upstreams that routes name.
    pub upstreams: Vec<DraftUpstream>,
    /// Networks of proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How long each step may take.
    pub timeouts: DraftTimeouts,
    /// What a peer may use.
    pub limits: DraftLimits,
    /// Which origins may open a WebSocket; empty for any.
    pub allowed_origins: Vec<String>,
    /// Keepalive pings of WebSockets.
    pub ping_interval: Option<Duration>,
    /// Who may pass, for every route that says nothing itself.
    pub auth: DraftAuth,
    /// Whether requests are logged.
    pub access_log: Option<bool>,
}

/// `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftListen {
    /// TLS listeners; `Some` of an empty list is none at all.
    pub https: Option<Vec<SocketAddr>>,
    /// Plain listeners that redirect to https.
    pub http: Vec<SocketAddr>,
    /// Plain listeners that proxy.
    pub plain: Vec<BindAddr>,
    /// Peers whose connections start with a PROXY protocol header.
    pub proxy_protocol_from: Vec<IpNet>,
}

/// `tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftTls {
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// Where the certificate comes from.
    pub certificate: DraftCertificate,
    /// The oldest version spoken.
    pub min_version: Option<TlsVersion>,
    /// Whose certificates clients show.
    pub client_ca: Option<(PathBuf, ClientMode)>,
    /// Strict-Transport-Security.
    pub hsts: Option<Hsts>,
}

/// `tls.certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DraftCertificate {
    /// frontgate's own CA.
    #[default]
    Local,
    /// A public one, by ACME.
    Acme(DraftAcme),
    /// Chain and key in PEM files, the first for names that none of them has.
    Files(Vec<(PathBuf, PathBuf)>),
}

/// `tls.acme`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftAcme {
    /// Where the authority may write to.
    pub email: Option<String>,
    /// `letsencrypt-staging` or a URL.
    pub directory: Option<String>,
    /// The CA of a private directory.
    pub ca_file: Option<PathBuf>,
}

/// One of `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftRoute {
    /// What is said above it.
    pub comment: Vec<String>,
    /// A name, or `*.` and a name; `None` for every host.
    pub host: Option<String>,
    /// A prefix; `None` for every path.
    pub path: Option<String>,
    /// What is done with a request.
    pub answer: DraftAnswer,
    /// Who may pass.
    pub auth: DraftAuth,
    /// Fields of requests.
    pub request_headers: DraftHeaderRules,
    /// Fields of responses.
    pub response_headers: DraftHeaderRules,
    /// What differs from the top level: `connect`, `read` and `send` only.
    pub timeouts: DraftTimeouts,
}

/// What is done with a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DraftAnswer {
    /// It goes to the top-level `upstream`.
    #[default]
    Default,
    /// It goes to this URL, or to the upstream of this name.
    Upstream(String),
    /// It is answered here.
    Respond(DraftRespond),
}

/// A fixed answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftRespond {
    /// The status.
    pub status: u16,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The body.
    pub body: Option<String>,
}

/// One of `upstreams`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftUpstream {
    /// What routes call it.
    pub name: String,
    /// URLs.
    pub endpoints: Vec<String>,
    /// Whether the endpoint with the fewest requests is next, instead of each in turn.
    pub least_connections: bool,
    /// Whether a client stays with its endpoint, by a cookie.
    pub sticky: bool,
    /// What a healthy endpoint answers 2xx to, and how often it is asked.
    pub health: Option<(String, Option<Duration>)>,
}

/// Who may pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DraftAuth {
    /// What holds above; at the top, everybody.
    #[default]
    Inherited,
    /// Everybody.
    None,
    /// Who knows a password.
    Basic {
        /// Names, and hashes: argon2 or bcrypt.
        users: Vec<(String, String)>,
        /// The field that tells the gateway the name.
        user_header: Option<String>,
    },
}

/// Fields that are set or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftHeaderRules {
    /// Names and values.
    pub set: Vec<(String, String)>,
    /// Names.
    pub remove: Vec<String>,
}

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DraftTimeouts {
    /// Connecting to the gateway.
    pub connect: Option<Duration>,
    /// A request's head.
    pub request_head: Option<Duration>,
    /// A client connection without a request.
    pub keep_alive: Option<Duration>,
    /// Nothing read.
    pub read: Option<Duration>,
    /// Nothing taken.
    pub send: Option<Duration>,
}

/// What a peer may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DraftLimits {
    /// Connections of all clients.
    pub connections: Option<u64>,
    /// Connections of one client.
    pub connections_per_client: Option<u64>,
    /// Bytes of a request's head.
    pub request_head: Option<u64>,
    /// Bytes of a request's body.
    pub request_body: Option<u64>,
}

impl DraftTimeouts {
    fn fit(&mut self) {
        let Self { connect, request_head, keep_alive, read, send } = self;
        for time in [connect, request_head, keep_alive, read, send] {
            *time = time.filter(|time| !time.is_zero()).map(|time| LONGEST_TIME.min(time));
        }
    }
}

impl Draft {
    /// Says `words` above the key at `path`.
    pub fn comment(&mut self, path: &'static str, words: impl Into<String>) {
        let words = words.into();
        if !self.comments.iter().any(|(at, said)| *at == path && *said == words) {
            self.comments.push((path, words));
        }
    }

    /// Leaves out times of 0, which for others mean the usual one or none, and cuts those that are longer than the settings take.
    pub(super) fn fit(&mut self) {
        let timeouts = self.routes.iter_mut().map(|route| &mut route.timeouts).chain([&mut self.timeouts]);
        timeouts.for_each(DraftTimeouts::fit);
        if let Some(Hsts::For(time)) = &mut self.tls.hsts {
            *time = LONGEST_HSTS.min(*time);
        }
    }
}
