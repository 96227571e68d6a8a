//! Caddy: its configuration for a reverse proxy, the Caddyfile.
//!
//! [`syntax`] takes the text apart, [`expand`] puts in what it imports. Then the global options, and the sites: [`site`]
//! finds which of them answers where and for which host, [`walk`] follows its requests through its directives, in the
//! order in which Caddy asks them, which is not the order of the file. What each comes to is a rule of the tree.

mod access;
mod address;
mod answer;
mod block;
mod bounds;
mod clients;
mod expand;
mod headers;
mod known;
mod matcher;
mod on_the_way;
mod options;
mod order;
mod path;
mod proxy;
mod regexp;
mod site;
pub(super) mod syntax;
mod tls;
mod walk;

#[cfg(test)]
mod tests;

use std::time::Duration;

use address::CaddyBind;
use expand::{CaddyExpander, Expanded};
use order::DirectiveOrder;
use proxy::CaddyUpstreams;

use super::draft::{DraftAcme, DraftCertificate};
use super::node::ImportNode;
use super::table::DirectiveClass;
use super::{Draft, Files, ImportError, ImportReport, Imported, Original, lower};
use crate::config::Hsts;

/// What has been read of the Caddyfile so far.
struct Caddy {
    report: ImportReport,
    draft: Draft,
    /// Global options.
    http_port: u16,
    https_port: u16,
    bind: Vec<CaddyBind>,
    order: DirectiveOrder,
    redirects: bool,
    local: bool,
    acme: DraftAcme,
    /// The certificates that sites name.
    certificates: Vec<DraftCertificate>,
    upstreams: CaddyUpstreams,
}

/// Translates a Caddyfile.
pub(super) fn translate(original: &Original, files: &mut Files<'_>) -> Result<Imported, ImportError> {
    let mut report = ImportReport::default();
    let Expanded { nodes, lines } = CaddyExpander::new(original, files, &mut report).all()?;
    let mut caddy = Caddy {
        report,
        draft: Draft::default(),
        http_port: 80,
        https_port: 443,
        bind: Vec::new(),
        order: DirectiveOrder::default(),
        redirects: true,
        local: false,
        acme: DraftAcme::default(),
        certificates: Vec::new(),
        upstreams: CaddyUpstreams::default(),
    };
    for node in nodes.iter().filter(|node| node.name.is_empty()) {
        caddy.options(node)?;
    }
    caddy.everywhere(&nodes);
    let tree = caddy.sites(&nodes)?;
    caddy.draft.upstreams = std::mem::take(&mut caddy.upstreams).0;
    lower::lower(&tree, &mut caddy.draft, &mut caddy.report)?;
    caddy.finish_certificates();
    for node in nodes.iter().filter(|node| !node.name.is_empty()) {
        if node.name.starts_with("&(") {
            caddy.report.kept(&node.place, &node.shown, "in each place that invokes it");
        }
        caddy.sweep(node, true);
    }
    for (place, shown) in lines.iter().filter(|(place, _)| !caddy.report.mentions(place)).cloned().collect::<Vec<_>>() {
        caddy.report.not_needed(
            &place,
            &shown,
            "no site has this line: nothing imports it, or what is imported has no place for it",
        );
    }
    Ok(Imported { draft: caddy.draft, report: caddy.report })
}

impl Caddy {
    /// What holds for all routes, wherever it stands: the largest body, and how long browsers stay with https.
    fn everywhere(&mut self, nodes: &[ImportNode]) {
        for node in nodes {
            match node.name.as_str() {
                "request_body" => self.request_body(node),
                "header" => {
                    if let Some(seconds) = headers::hsts(node) {
                        self.draft.tls.hsts = Some(Hsts::For(Duration::from_secs(seconds)));
                    }
                }
                _ => {}
            }
            self.everywhere(node.inner());
        }
    }

    fn request_body(&mut self, node: &ImportNode) {
        self.report.kept(&node.place, &node.shown, "as the lines in its block say");
        for inner in node.inner() {
            let (place, shown) = (&inner.place, &inner.shown);
            match (inner.name.as_str(), known::size(inner.arg(0))) {
                ("max_size", Some(0)) => self.report.not_needed(place, shown, "no limit is the usual"),
                ("max_size", Some(bytes)) => {
                    let bytes = bytes.clamp(1, 1 << 50);
                    self.draft.limits.request_body = self.draft.limits.request_body.max(Some(bytes));
                    self.report.kept(place, shown, "limits.request_body, for all routes: the largest of all");
                }
                _ => self.report.dropped(place, shown, "limits.request_body and timeouts.read are what frontgate has"),
            }
        }
    }

    /// Says of each line of which nothing is said yet why there is nothing of it in the file.
    fn sweep(&mut self, outer: &ImportNode, has_directives: bool) {
        for node in outer.inner() {
            let (place, shown) = (&node.place, &node.shown);
            let class = known::directive(&node.name);
            match class {
                _ if self.report.mentions(place) => {}
                _ if !has_directives => self.report.not_needed(place, shown, format!("part of `{}`", outer.shown)),
                _ if node.name.starts_with('@') => {
                    self.report.not_needed(place, shown, "no directive that is reached has this condition");
                }
                DirectiveClass::Translated | DirectiveClass::Guarding(_) => {
                    self.report.not_needed(place, shown, "not reached: what stands before it takes every request");
                }
                class => self.unknown(node, class),
            }
            self.sweep(node, has_directives && ["handle", "handle_path", "route"].contains(&node.name.as_str()));
        }
    }
}
