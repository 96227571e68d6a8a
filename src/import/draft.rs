//! [`Draft`]: a configuration for frontgate, as far as the old one asked for something. What is `None` or empty stays
//! at its default and is not written.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::matching::DraftMatch;
use crate::config::{BindAddr, ClientMode, Hsts, LONGEST_HSTS, LONGEST_TIME, TlsVersion};

/// A configuration for frontgate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Draft {
    /// Comments at the top of the file, a paragraph each.
    pub(crate) heading: Vec<String>,
    /// Comments above keys: the path of the key, such as `tls.certificate`, and the words.
    pub(crate) comments: Vec<(&'static str, String)>,
    /// Where clients connect.
    pub(crate) listen: DraftListen,
    /// Names and certificate.
    pub(crate) tls: DraftTls,
    /// The gateway of every route that names none, as a URL.
    pub(crate) upstream: Option<String>,
    /// The routes, in the order in which they are tried; an empty list stands for one route to `upstream`.
    pub(crate) routes: Vec<DraftRoute>,
    /// Upstreams that routes name.
    pub(crate) upstreams: Vec<DraftUpstream>,
    /// Networks of the proxies from which forwarding headers are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Time limits of the steps of a request; for routes that say nothing themselves.
    pub(crate) timeouts: DraftTimeouts,
    /// Limits on what clients may use.
    pub(crate) limits: DraftLimits,
    /// Which origins may open a WebSocket; empty for any.
    pub(crate) allowed_origins: Vec<String>,
    /// How often WebSockets are pinged.
    pub(crate) ping_interval: Option<Duration>,
    /// Which clients may pass, for every route that says nothing itself.
    pub(crate) auth: DraftAuth,
    /// Whether requests are logged.
    pub(crate) access_log: Option<bool>,
}

/// The section `listen`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftListen {
    /// TLS listeners; `Some` of an empty list is none at all.
    pub(crate) https: Option<Vec<DraftListener>>,
    /// Plain listeners that redirect to https.
    pub(crate) http: Vec<DraftListener>,
    /// Plain listeners that proxy.
    pub(crate) plain: Vec<DraftListener>,
    /// Networks of the peers that begin their connections with a PROXY protocol header.
    pub(crate) proxy_protocol_from: Vec<IpNet>,
}

/// One address of the section `listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DraftListener {
    /// The address.
    pub(crate) address: BindAddr,
    /// The name that routes call the listener by.
    pub(crate) name: Option<String>,
}

/// The section `tls`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftTls {
    /// DNS names and IP addresses that the certificate is for.
    pub(crate) names: Vec<String>,
    /// Where the certificate comes from.
    pub(crate) certificate: DraftCertificate,
    /// The oldest TLS version that listeners speak.
    pub(crate) min_version: Option<TlsVersion>,
    /// The CA file that certificates of clients are checked against, and whether a client must show one.
    pub(crate) client_ca: Option<(PathBuf, ClientMode)>,
    /// Strict-Transport-Security, the field of answers that keeps browsers on https.
    pub(crate) hsts: Option<Hsts>,
}

/// The setting `tls.certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum DraftCertificate {
    /// frontgate's own CA.
    #[default]
    Local,
    /// A public one, by ACME.
    Acme(DraftAcme),
    /// Chain and key in PEM files, one pair after the other; names that no pair is for get the first.
    Files(Vec<(PathBuf, PathBuf)>),
}

/// The section `tls.acme`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftAcme {
    /// The address that the authority may write to.
    pub(crate) email: Option<String>,
    /// The authority's directory: `letsencrypt-staging` or a URL.
    pub(crate) directory: Option<String>,
    /// The CA file that a private directory is checked against.
    pub(crate) ca_file: Option<PathBuf>,
}

/// One entry of `routes`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftRoute {
    /// The comments above the route.
    pub(crate) comment: Vec<String>,
    /// A name, or `*.` and a name; `None` for every host.
    pub(crate) host: Option<String>,
    /// The names of the listeners where the route exists; empty for those without a name.
    pub(crate) listeners: Vec<String>,
    /// The requests that the route takes.
    pub(crate) when: DraftMatch,
    /// Whether a request is forwarded or answered here.
    pub(crate) answer: DraftAnswer,
    /// The prefix that is cut from the path on the way to the gateway.
    pub(crate) strip_prefix: Option<String>,
    /// Which users may pass.
    pub(crate) auth: DraftAuth,
    /// Networks of the clients that may pass; empty for all.
    pub(crate) allow: Vec<IpNet>,
    /// Networks of the clients that may not pass.
    pub(crate) deny: Vec<IpNet>,
    /// Fields that are set in requests or removed from them.
    pub(crate) request_headers: DraftHeaderRules,
    /// Fields that are set in responses or removed from them.
    pub(crate) response_headers: DraftHeaderRules,
    /// Time limits that differ from the top level: `connect`, `read` and `send` only.
    pub(crate) timeouts: DraftTimeouts,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum DraftAnswer {
    /// The request goes to the top-level `upstream`.
    #[default]
    Default,
    /// The request goes to this URL, or to the upstream of this name.
    Upstream(String),
    /// frontgate answers the request itself; 444 closes the connection.
    Respond(DraftRespond),
    /// frontgate sends the client to another place, which may have captures of the path's regular expression in it.
    Redirect {
        /// The place, as the setting `redirect.to` has it.
        to: String,
        /// The status code.
        status: u16,
    },
    /// frontgate sends the client to the same host and path over https, with this status.
    Https(u16),
}

impl DraftAnswer {
    /// An answer of this status without a body.
    pub(crate) fn status(status: u16) -> Self {
        Self::Respond(DraftRespond { status, ..DraftRespond::default() })
    }

    /// Whether the request goes to a gateway.
    pub(crate) fn forwards(&self) -> bool {
        matches!(self, Self::Default | Self::Upstream(_))
    }
}

/// A fixed answer of frontgate's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftRespond {
    /// The status code.
    pub(crate) status: u16,
    /// The `Location` of a redirect.
    pub(crate) location: Option<String>,
    /// The body, if there is one.
    pub(crate) body: Option<String>,
}

/// One entry of `upstreams`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftUpstream {
    /// The name by which routes refer to it.
    pub(crate) name: String,
    /// The gateways.
    pub(crate) endpoints: Vec<DraftEndpoint>,
    /// Which endpoint is next.
    pub(crate) balance: DraftBalance,
    /// Whether a client stays with its endpoint, by a cookie of frontgate's.
    pub(crate) sticky: bool,
    /// The target that a healthy endpoint answers with 2xx.
    pub(crate) health: Option<String>,
}

/// One gateway of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DraftEndpoint {
    /// Its URL.
    pub(crate) url: String,
    /// Its share of the work, beside those of the others.
    pub(crate) weight: u32,
}

impl From<String> for DraftEndpoint {
    fn from(url: String) -> Self {
        Self { url, weight: 1 }
    }
}

/// Which endpoint is next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum DraftBalance {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests.
    LeastConnections,
    /// The better of two that are drawn.
    RandomTwo,
    /// The same for the same client's address.
    HashAddress,
    /// The same for the same value of this field.
    HashHeader(String),
}

/// Which clients may pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum DraftAuth {
    /// What holds for all routes holds here; at the top, every client may pass.
    #[default]
    Inherited,
    /// Every client may pass.
    None,
    /// Clients that know the password of a user may pass.
    Basic {
        /// Names of users, and their hashes: argon2 or bcrypt.
        users: Vec<(String, String)>,
        /// The fields that tell the gateway the name of the user.
        user_headers: Vec<String>,
    },
    /// A login service is asked.
    Forward {
        /// Where it is asked.
        url: String,
        /// Which `Host` it gets.
        host: DraftServiceHost,
        /// The fields of its answer that the gateway gets.
        answer_headers: Vec<String>,
    },
    /// Users log in at an issuer.
    Oidc(DraftOidc),
}

/// The section `auth.oidc`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftOidc {
    /// The issuer's identifier.
    pub(crate) issuer: String,
    /// The client's name there, and its secret.
    pub(crate) client: (String, Option<String>),
    /// What the issuer is asked to tell.
    pub(crate) scopes: Vec<String>,
    /// The users that may pass: lists of `auth.oidc.allow`, by their names.
    pub(crate) allow: Vec<(&'static str, Vec<String>)>,
    /// How long a login lasts.
    pub(crate) session: Option<Duration>,
    /// The fields that tell the gateway the name of the user.
    pub(crate) user_headers: Vec<String>,
}

/// Which `Host` a login service gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DraftServiceHost {
    /// The one in its URL.
    Service,
    /// The client's.
    Client,
}

impl DraftAuth {
    /// Whether a client must show something.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Basic { .. } | Self::Forward { .. } | Self::Oidc(_))
    }
}

/// Fields that are set or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DraftHeaderRules {
    /// Names and values of the fields that are set.
    pub(crate) set: Vec<(String, String)>,
    /// Names of the fields that are removed.
    pub(crate) remove: Vec<String>,
}

/// How long each step may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DraftTimeouts {
    /// How long connecting to the gateway may take.
    pub(crate) connect: Option<Duration>,
    /// How long a client may take for the head of a request.
    pub(crate) request_head: Option<Duration>,
    /// How long a client's connection is kept without a request.
    pub(crate) keep_alive: Option<Duration>,
    /// How long the gateway may send nothing.
    pub(crate) read: Option<Duration>,
    /// How long a peer may take nothing of what is sent to it.
    pub(crate) send: Option<Duration>,
}

/// Limits on what clients may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DraftLimits {
    /// How many connections all clients may have together.
    pub(crate) connections: Option<u64>,
    /// How many connections one client may have.
    pub(crate) connections_per_client: Option<u64>,
    /// How many bytes the head of a request may have.
    pub(crate) request_head: Option<u64>,
    /// How many bytes the body of a request may have.
    pub(crate) request_body: Option<u64>,
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
    /// Puts `words` as a comment above the key at `path`.
    pub(crate) fn comment(&mut self, path: &'static str, words: impl Into<String>) {
        let words = words.into();
        if !self.comments.iter().any(|(at, said)| *at == path && *said == words) {
            self.comments.push((path, words));
        }
    }

    /// Leaves out times of 0, which for others mean the usual one or none, and cuts those that are longer than the
    /// settings take.
    pub(super) fn fit(&mut self) {
        let timeouts = self.routes.iter_mut().map(|route| &mut route.timeouts).chain([&mut self.timeouts]);
        timeouts.for_each(DraftTimeouts::fit);
        if let Some(Hsts::For(time)) = &mut self.tls.hsts {
            *time = LONGEST_HSTS.min(*time);
        }
    }
}
