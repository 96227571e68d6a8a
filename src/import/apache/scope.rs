//! [`ApacheScope`]: what one server says, and what it becomes as an [`ImportSite`](super::super::sites::ImportSite).

use std::net::SocketAddr;
use std::path::PathBuf;

use super::requirements::{ApacheAccess, ApacheNoted};
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{ImportSection, Paths, Rule};

/// What the whole server or one `<VirtualHost>` says.
#[derive(Debug, Clone, Default)]
pub(super) struct ApacheScope {
    pub(super) names: Vec<String>,
    /// The addresses that its section names.
    pub(super) listen: Vec<SocketAddr>,
    /// `SSLEngine`.
    pub(super) tls: Option<bool>,
    pub(super) certificates: Vec<(ApacheNoted, PathBuf)>,
    pub(super) keys: Vec<(ApacheNoted, PathBuf)>,
    /// `ProxyPreserveHost`, and the first directive that proxies.
    pub(super) keeps_host: Option<bool>,
    pub(super) proxies: Option<ApacheNoted>,
    /// Whether paths came through as they were: `nocanon`, and `AllowEncodedSlashes`.
    pub(super) keeps_paths: (bool, bool),
    /// Whether WebSockets came through.
    pub(super) opens_websockets: bool,
    /// The directive that sends every client to https.
    pub(super) to_https: Option<ApacheNoted>,
    /// `RewriteEngine`, and the conditions of the next rule.
    pub(super) rewrites: bool,
    pub(super) conditions: Vec<ImportNode>,
    /// In the order in which Apache asks: `RewriteRule`, `ProxyPass` in a section, of which the last wins, `ProxyPass`.
    pub(super) rewritten: Vec<Rule>,
    pub(super) located: Vec<Rule>,
    pub(super) passed: Vec<Rule>,
    /// Redirects of `mod_alias`, which come after the proxy.
    pub(super) redirected: Vec<Rule>,
    /// WebSockets that have a rule of their own.
    pub(super) upgrades: Vec<Upgrade>,
    /// What holds for the whole server, and for parts of it.
    pub(super) whole: ImportSection,
    pub(super) sections: Vec<ImportSection>,
    /// Files that are served at a path.
    pub(super) files: Vec<(ApacheNoted, String)>,
}

/// A rule for WebSockets only.
#[derive(Debug, Clone)]
pub(super) struct Upgrade {
    pub(super) from: Vec<ApacheNoted>,
    pub(super) path: String,
    pub(super) upstream: String,
}

/// A section of a server: `<Location>` and the like.
#[derive(Debug, Clone, Default)]
pub(super) struct Here {
    /// The prefixes that it is for.
    pub(super) paths: Vec<String>,
    /// Whether the section is for these paths only, not for what is below.
    pub(super) is_exact: bool,
    /// What the section says about its paths.
    pub(super) section: ImportSection,
    /// Which clients may pass.
    pub(super) access: ApacheAccess,
}

impl ApacheScope {
    /// The scope that a virtual host begins with: what holds for the whole server.
    pub(super) fn inner(&self) -> Self {
        let certificates = self.certificates.clone();
        Self {
            names: Vec::new(),
            listen: Vec::new(),
            proxies: None,
            conditions: Vec::new(),
            certificates,
            ..self.clone()
        }
    }

    /// What is done at which path.
    pub(super) fn paths(&self) -> Paths {
        let mut paths = Paths::default();
        let located = self.located.iter().rev();
        for rule in self.rewritten.iter().chain(located).chain(&self.passed).chain(&self.redirected) {
            paths.rule(rule.clone());
        }
        paths.section(ImportSection { path: "/".into(), ..self.whole.clone() });
        for section in &self.sections {
            paths.section(section.clone());
        }
        paths
    }

    /// The upstream of WebSockets at a path, where nothing else says it.
    pub(super) fn adopt(&mut self, upgrade: &Upgrade) {
        let answer = DraftAnswer::Upstream(upgrade.upstream.clone());
        self.passed.push(Rule { path: upgrade.path.clone(), answer, ..Rule::default() });
    }
}
