//! `upstream`: several servers under one name.

use super::parser::NginxDirective;
use crate::import::draft::DraftUpstream;
use crate::import::report::ImportReport;

/// The servers of an `upstream` block, as URLs without their scheme.
pub(super) struct NginxGroup<'a> {
    pub(super) block: &'a NginxDirective,
    endpoints: Vec<String>,
    least_connections: bool,
}

impl<'a> NginxGroup<'a> {
    /// Reads the block, and reports what it says.
    pub(super) fn read(block: &'a NginxDirective, report: &mut ImportReport) -> Self {
        let mut group = Self { block, endpoints: Vec::new(), least_connections: false };
        for directive in block.inner() {
            group.take(directive, report);
        }
        group
    }

    /// The server of a group that has only one.
    pub(super) fn single(&self) -> Option<&str> {
        match self.endpoints.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Whether the group has no server at all.
    pub(super) fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// The group as one entry of `upstreams`.
    pub(super) fn upstream(&self, name: String, scheme: &str) -> DraftUpstream {
        let url = |endpoint: &String| match endpoint.strip_prefix("unix:") {
            Some(_) => endpoint.clone(),
            None => format!("{scheme}://{endpoint}"),
        };
        DraftUpstream {
            name,
            endpoints: self.endpoints.iter().map(url).collect(),
            least_connections: self.least_connections,
            ..DraftUpstream::default()
        }
    }

    fn take(&mut self, directive: &NginxDirective, report: &mut ImportReport) {
        let (place, shown) = (&directive.place, directive.shown());
        match directive.name.as_str() {
            "server" => self.server(directive, report),
            "least_conn" => {
                self.least_connections = true;
                report.kept(place, &shown, "upstreams: balance: least_connections");
            }
            "least_time" => {
                self.least_connections = true;
                report.kept(place, &shown, "upstreams: balance: least_connections, which is near to it");
            }
            "ip_hash" | "hash" | "sticky" => report.dropped(
                place,
                &shown,
                "endpoints take turns: a WebSocket stays with its endpoint while it lasts, the next one may go to another. If the \
                 gateways do not share their sessions, name one endpoint only",
            ),
            "random" => report.not_needed(place, &shown, "endpoints take turns"),
            "keepalive" | "keepalive_requests" | "keepalive_timeout" | "keepalive_time" => {
                report.not_needed(place, &shown, "connections to the gateway are kept open as long as it keeps them");
            }
            "zone" => report.not_needed(place, &shown, "there is one process"),
            "resolver" | "resolver_timeout" => {
                report.not_needed(place, &shown, "names are looked up by the system, again for each connection");
            }
            _ => report.dropped(place, &shown, "nothing in `upstreams` is like it"),
        }
    }

    fn server(&mut self, directive: &NginxDirective, report: &mut ImportReport) {
        let (place, shown) = (&directive.place, directive.shown());
        let options: Vec<&str> = directive.args.iter().skip(1).map(String::as_str).collect();
        if options.contains(&"down") {
            return report.not_needed(place, &shown, "it is marked as down");
        }
        if options.contains(&"backup") {
            let remedy =
                "frontgate has no stand-by endpoints: add it to `endpoints` to let it take its turn, or leave it out";
            return report.dropped(place, &shown, remedy);
        }
        let endpoint = directive.first().to_owned();
        let is_new = !self.endpoints.contains(&endpoint);
        if is_new {
            self.endpoints.push(endpoint);
        }
        report.kept(place, &shown, "upstream");
        for option in options {
            match option.split_once('=').map_or(option, |(name, _)| name) {
                "weight" if option != "weight=1" => {
                    report.dropped(place, &shown, "frontgate knows no weights: each endpoint takes its turn");
                }
                "max_conns" => report.dropped(
                    place,
                    &shown,
                    "frontgate limits connections of clients (`limits.connections`), not of endpoints",
                ),
                _ => {}
            }
        }
    }
}
