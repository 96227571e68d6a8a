//! Apache httpd: its configuration for a reverse proxy.
//!
//! [`syntax`] takes the text apart, [`expand`] reads on in the files that it includes. [`directive`] sorts what each server
//! and section says; [`routes`] goes through a server as Apache does with a request, and makes rules of it; [`hosts`] finds
//! out which server answers where. The common lowering does the rest. What [`pattern`], [`expression`] and [`subject`]
//! cannot say in the words of routes shuts the requests that it is about.

mod access;
mod address;
mod balancer;
mod directive;
mod expand;
mod expression;
mod forwarding;
mod headers;
mod hosts;
mod known;
mod macros;
mod managed;
mod openid;
mod pattern;
mod proxy;
mod redirect;
mod remote_ip;
mod rewrite;
mod routes;
mod sayable;
mod scope;
mod subject;
pub(super) mod syntax;
mod target;
mod tls;
mod users;
mod variables;

use std::collections::BTreeSet;
use std::path::PathBuf;

use expand::ApacheExpander;
use routes::ApacheRoutes;
use scope::ApacheServer;
use subject::Facts;

use super::draft::{DraftAcme, DraftUpstream};
use super::lower::lower;
use super::node::ImportNode;
use super::tree::{ImportServer, ImportTree, Origin};
use super::{Draft, Files, ImportError, ImportReport, Imported, Original};

/// What has been read of the configuration so far.
struct Apache<'a, 'f> {
    files: &'a mut Files<'f>,
    report: ImportReport,
    draft: Draft,
    /// Where relative paths begin.
    root: PathBuf,
    /// `Listen`, with its words.
    listen: Vec<(Origin, Vec<String>)>,
    /// `mod_md`.
    managed: Option<DraftAcme>,
    managed_names: Vec<String>,
    /// `MDRequireHttps`, with the status of the redirect.
    requires_https: Option<(Origin, u16)>,
    /// `RemoteIPProxyProtocol`.
    proxy_protocol: Option<Origin>,
    /// `<Proxy balancer://…>`
    balancers: Vec<DraftUpstream>,
    /// Variables that sections set by themselves.
    local_variables: BTreeSet<String>,
    /// Variables that a rule has set to the name of the user.
    user_variables: BTreeSet<String>,
}

/// Translates a configuration of Apache.
pub(super) fn translate(original: &Original, files: &mut Files<'_>) -> Result<Imported, ImportError> {
    let mut report = ImportReport::default();
    let (nodes, root) = ApacheExpander::new(original, files, &mut report).all()?;
    let mut apache = Apache {
        files,
        report,
        draft: Draft::default(),
        root,
        listen: Vec::new(),
        managed: None,
        managed_names: Vec::new(),
        requires_https: None,
        proxy_protocol: None,
        balancers: Vec::new(),
        local_variables: BTreeSet::new(),
        user_variables: BTreeSet::new(),
    };
    let tree = apache.tree(&nodes)?;
    apache.finish_proxy_protocol();
    apache.draft.upstreams = std::mem::take(&mut apache.balancers);
    lower(&tree, &mut apache.draft, &mut apache.report)?;
    apache.finish_managed();
    apache.sweep(&nodes);
    Ok(Imported { draft: apache.draft, report: apache.report })
}

impl Apache<'_, '_> {
    fn tree(&mut self, nodes: &[ImportNode]) -> Result<ImportTree, ImportError> {
        let Some(first) = nodes.first() else { return Ok(ImportTree::default()) };
        let mut main = ApacheServer::new(Origin::of(&first.place, &first.shown));
        self.server(nodes, &mut main);
        if let Some((origin, _)) = self.listen.first() {
            main.origin = origin.clone();
        }
        let mut servers = Vec::new();
        for node in nodes.iter().filter(|node| node.name == "virtualhost") {
            let mut server = ApacheServer::new(Origin::of(&node.place, &node.shown));
            server.addresses.clone_from(&node.args);
            self.server(node.inner(), &mut server);
            servers.push(server.within(&main));
        }
        servers.push(main);
        let listeners = self.listeners(&servers)?;
        let names = self.host_names(&servers, &listeners);
        let local: Vec<String> = self.local_variables.iter().cloned().collect();
        let mut tree = ImportTree { listeners, servers: Vec::new() };
        let answers = |index: usize| {
            tree.listeners.iter().any(|listener| listener.servers.contains(&index) || listener.default == index)
        };
        let answering: Vec<bool> = (0..servers.len()).map(answers).collect();
        self.certificates(&servers, &tree.listeners);
        for (index, (server, hosts)) in servers.iter_mut().zip(names).enumerate() {
            let facts = Facts::of(server, index, &tree.listeners, &local);
            self.client_certificates(server, &facts);
            let to_https = self.https_only(server, &facts);
            let rules = match to_https {
                Some(rule) => vec![rule],
                None if answering[index] => ApacheRoutes::of(self, server, facts)?,
                None => Vec::new(),
            };
            tree.servers.push(ImportServer { origin: server.origin.clone(), hosts, rules });
        }
        Ok(tree)
    }
}
