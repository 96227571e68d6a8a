//! Apache httpd: its configuration for a reverse proxy.
//!
//! [`syntax`] takes the text apart, [`expand`] reads on in the files that it includes. Then the directives are taken in
//! the order of the files: what a server says is kept in its [`ApacheScope`](scope::ApacheScope), what concerns all of
//! them goes to the draft. At the end each scope becomes a site.

mod access;
mod balancer;
mod condition;
mod directive;
mod expand;
mod headers;
mod known;
mod macros;
mod managed;
mod pattern;
mod proxy;
mod redirect;
mod remote_ip;
mod requirements;
mod rewrite;
mod scope;
mod server;
pub(super) mod syntax;
mod target;
mod tls;
mod variables;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use expand::ApacheExpander;
use pattern::ApachePattern;
use requirements::ApacheNoted;
use target::ApacheTarget;

use super::draft::{DraftAcme, DraftUpstream};
use super::{Draft, Files, ImportError, ImportReport, Imported, Original};

/// What has been read of the configuration so far.
struct Apache<'a, 'f> {
    files: &'a mut Files<'f>,
    report: ImportReport,
    draft: Draft,
    /// Where relative paths begin.
    root: PathBuf,
    /// `Listen`.
    listen: Vec<(ApacheNoted, SocketAddr)>,
    /// `mod_md`.
    managed: Option<DraftAcme>,
    managed_names: Vec<String>,
    /// `MDRequireHttps`.
    requires_https: Option<ApacheNoted>,
    /// `RemoteIPProxyProtocol`.
    proxy_protocol: Option<ApacheNoted>,
    /// `<Proxy balancer://…>`
    balancers: Vec<(ApacheNoted, DraftUpstream)>,
    /// The balancers that something forwards to.
    used: BTreeSet<String>,
    /// The oldest TLS version that is asked for anywhere.
    tls: Option<crate::config::TlsVersion>,
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
        used: BTreeSet::new(),
        tls: None,
    };
    apache.servers(&nodes)?;
    Ok(Imported { draft: apache.draft, report: apache.report })
}

/// Every address of the machine.
const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
