//! Caddy: its configuration for a reverse proxy, the Caddyfile.
//!
//! [`syntax`] takes the text apart, [`expand`] puts in what it imports. Then the global options, and the sites: what a
//! site's directives do is kept path by path, in the order in which Caddy asks them, which is not the order of the
//! file.

mod access;
mod answer;
mod body;
mod context;
mod expand;
mod handle;
mod headers;
mod known;
mod matcher;
mod options;
mod proxy;
mod site;
pub(super) mod syntax;
mod tls;

use std::net::IpAddr;

use expand::CaddyExpander;

use super::draft::{DraftAcme, DraftCertificate, DraftUpstream};
use super::{Draft, Files, ImportError, ImportReport, Imported, Original};

/// What has been read of the Caddyfile so far.
struct Caddy {
    report: ImportReport,
    draft: Draft,
    /// Global options.
    http_port: u16,
    https_port: u16,
    bind: Vec<IpAddr>,
    redirects: bool,
    local: bool,
    acme: DraftAcme,
    /// The certificates that sites name.
    certificates: Vec<DraftCertificate>,
    upstreams: Vec<DraftUpstream>,
}

/// Translates a Caddyfile.
pub(super) fn translate(original: &Original, files: &mut Files<'_>) -> Result<Imported, ImportError> {
    let mut report = ImportReport::default();
    let nodes = CaddyExpander::new(original, files, &mut report).all()?;
    let mut caddy = Caddy {
        report,
        draft: Draft::default(),
        http_port: 80,
        https_port: 443,
        bind: Vec::new(),
        redirects: true,
        local: false,
        acme: DraftAcme::default(),
        certificates: Vec::new(),
        upstreams: Vec::new(),
    };
    for node in nodes.iter().filter(|node| node.name.is_empty()) {
        caddy.options(node);
    }
    caddy.sites(&nodes);
    Ok(Imported { draft: caddy.draft, report: caddy.report })
}
