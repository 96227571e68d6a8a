//! Balancers: `<Proxy balancer://name>` and its members.

use super::proxy::part;
use super::{Apache, ApacheTarget};
use crate::import::draft::DraftUpstream;
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    /// `<Proxy balancer://name>`
    pub(super) fn balancer(&mut self, node: &ImportNode, body: &[ImportNode]) {
        let name = node.arg(0).trim_start_matches("balancer://").trim_end_matches('/').to_lowercase();
        let mut upstream = DraftUpstream { name: name.clone(), ..DraftUpstream::default() };
        let mut settings: Vec<(&ImportNode, String)> = Vec::new();
        for one in body {
            match one.name.as_str() {
                "balancermember" => {
                    let Some((url, rest)) = one.args.split_first() else { continue };
                    match ApacheTarget::of(url) {
                        Ok(ApacheTarget::Server { upstream: endpoint, .. }) => {
                            self.report.kept(&one.place, &one.shown, format!("upstreams.{name}: endpoints"));
                            upstream.endpoints.push(endpoint);
                        }
                        Ok(ApacheTarget::Balancer { .. }) => {
                            self.report.dropped(&one.place, &one.shown, "a balancer is no member of another");
                        }
                        Err(why) => self.report.dropped(&one.place, &one.shown, why),
                    }
                    settings.extend(rest.iter().map(|setting| (one, setting.clone())));
                }
                "proxyset" => settings.extend(one.args.iter().map(|setting| (one, setting.clone()))),
                "header" | "requestheader" => {
                    self.report.dropped(
                        &one.place,
                        &one.shown,
                        "write it as request_headers or response_headers of the route",
                    );
                }
                _ if is_access(one) => {
                    self.report.dropped(
                        &one.place,
                        &one.shown,
                        "write it as `auth` of the route; `Require all granted` needs nothing",
                    );
                }
                _ => self.unknown(one),
            }
        }
        for (one, setting) in settings {
            self.balancer_setting(one, &setting, &mut upstream);
        }
        if upstream.endpoints.is_empty() {
            self.report.dropped(&node.place, &node.shown, "it has no member that frontgate can reach");
        } else {
            self.balancers.push(((node.place.clone(), node.shown.clone()), upstream));
        }
    }

    fn balancer_setting(&mut self, node: &ImportNode, setting: &str, upstream: &mut DraftUpstream) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let (place, shown) = (&node.place, part(node, setting));
        let name = upstream.name.clone();
        match key.to_ascii_lowercase().as_str() {
            "lbmethod" => match value {
                "byrequests" | "bytraffic" => {
                    self.report.kept(place, &shown, format!("upstreams.{name}: balance: round_robin"));
                }
                "bybusyness" => {
                    upstream.least_connections = true;
                    self.report.kept(place, &shown, format!("upstreams.{name}: balance: least_connections"));
                }
                _ => self.report.dropped(place, &shown, "frontgate has round_robin and least_connections"),
            },
            "stickysession" => self.report.dropped(place, &shown, STICKY),
            "route" => self.report.not_needed(place, &shown, "it names the endpoint for stickysession"),
            "loadfactor" => {
                self.report.dropped(place, &shown, "endpoints have no weights: list one twice for twice the share");
            }
            "status" => self.report.dropped(
                place,
                &shown,
                "every endpoint takes part; one that is down is left alone until it is back",
            ),
            _ if key.to_ascii_lowercase().starts_with("hc") => self.report.dropped(place, &shown, HEALTH),
            _ => {
                let timeouts = self.settings(node, &[setting.to_owned()]);
                self.draft.timeouts.connect = timeouts.connect.or(self.draft.timeouts.connect);
                self.draft.timeouts.read = timeouts.read.or(self.draft.timeouts.read);
            }
        }
    }

    /// Balancers that nothing forwards to would be a mistake in frontgate's config, and names that there is no balancer
    /// for.
    pub(super) fn finish_balancers(&mut self) {
        let used = std::mem::take(&mut self.used);
        for ((place, shown), upstream) in std::mem::take(&mut self.balancers) {
            if used.contains(&upstream.name) {
                self.report.kept(&place, &shown, format!("upstreams.{}", upstream.name));
                self.draft.upstreams.push(upstream);
            } else {
                self.report.not_needed(&place, &shown, "nothing is forwarded to it");
            }
        }
        for name in used {
            if !self.draft.upstreams.iter().any(|upstream| upstream.name == name) {
                self.report
                    .next(format!("List the endpoints of `{name}` under `upstreams`: this config does not have them."));
                let endpoints = vec!["http://127.0.0.1:18789".to_owned()];
                self.draft.upstreams.push(DraftUpstream { name, endpoints, ..DraftUpstream::default() });
            }
        }
    }
}

fn is_access(node: &ImportNode) -> bool {
    ["require", "order", "allow", "deny", "auth"].iter().any(|begin| node.name.starts_with(begin))
}

const STICKY: &str =
    "frontgate keeps no client at one endpoint: a client that must stay gets a host or a path of its own, with a route";
const HEALTH: &str = "frontgate asks no endpoint how it is: one that cannot be reached is left alone for a while";
