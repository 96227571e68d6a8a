//! Balancers: `<Proxy balancer://name>` and its members.

use super::Apache;
use super::proxy::part;
use super::target::ApacheTarget;
use crate::import::draft::{DraftBalance, DraftUpstream};
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    /// The upstream of a balancer; `url` is `balancer://name`.
    pub(super) fn balancer(&mut self, url: &str) -> &mut DraftUpstream {
        let name = url.trim_start_matches("balancer://").trim_end_matches(['/', '*']).to_lowercase();
        let index = self.balancers.iter().position(|upstream| upstream.name == name).unwrap_or_else(|| {
            self.balancers.push(DraftUpstream { name, ..DraftUpstream::default() });
            self.balancers.len() - 1
        });
        &mut self.balancers[index]
    }

    /// `BalancerMember` and `ProxySet` of the balancer `url`.
    pub(super) fn balancer_part(&mut self, node: &ImportNode, url: &str) {
        let mut settings = node.args.as_slice();
        let name = self.balancer(url).name.clone();
        if node.name == "balancermember" {
            let Some((member, rest)) = node.args.split_first() else { return };
            settings = rest;
            match ApacheTarget::of(member) {
                Ok(ApacheTarget::Server { upstream, path, .. }) if matches!(path.as_str(), "" | "/") => {
                    self.report.kept(
                        &node.place,
                        &node.shown,
                        format!("upstreams.{name}: endpoints, if a route goes there"),
                    );
                    self.balancer(url).endpoints.push(upstream.into());
                }
                Ok(_) => {
                    self.report.dropped(&node.place, &node.shown, "an endpoint has a host and a port, and no path");
                }
                Err(why) => self.report.dropped(&node.place, &node.shown, why),
            }
        }
        for setting in settings {
            self.balancer_setting(node, setting, url);
        }
    }

    fn balancer_setting(&mut self, node: &ImportNode, setting: &str, url: &str) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        let (place, shown) = (&node.place, part(node, setting));
        let name = self.balancer(url).name.clone();
        match key.to_ascii_lowercase().as_str() {
            "lbmethod" => match value {
                "byrequests" | "bytraffic" => {
                    self.report.kept(place, &shown, format!("upstreams.{name}: balance: round_robin"));
                }
                "bybusyness" => {
                    self.balancer(url).balance = DraftBalance::LeastConnections;
                    self.report.kept(place, &shown, format!("upstreams.{name}: balance: least_connections"));
                }
                _ => self.report.dropped(place, &shown, "frontgate has round_robin and least_connections"),
            },
            "stickysession" => {
                self.balancer(url).sticky = true;
                self.report.kept(place, &shown, format!("upstreams.{name}: sticky, with a cookie of frontgate's own"));
            }
            "route" => self.report.not_needed(place, &shown, "it names the endpoint for stickysession"),
            "loadfactor" => {
                let member = if node.name == "balancermember" { self.balancer(url).endpoints.last_mut() } else { None };
                match (value.parse(), member) {
                    (Ok(weight @ 1..), Some(endpoint)) => {
                        endpoint.weight = weight;
                        self.report.kept(place, &shown, format!("upstreams.{name}: endpoints: weight"));
                    }
                    _ => self.report.dropped(place, &shown, "weights are whole numbers from 1, of one endpoint each"),
                }
            }
            "status" => self.report.dropped(
                place,
                &shown,
                "every endpoint takes part; one that is down is left alone until it is back",
            ),
            "hcuri" if value.starts_with('/') => {
                self.balancer(url).health = Some(value.to_owned());
                self.report.kept(place, &shown, format!("upstreams.{name}: health: path, asked of all its endpoints"));
            }
            key if key.starts_with("hc") => self.report.dropped(place, &shown, HEALTH),
            _ => {
                for limit in self.settings(node, &[setting.to_owned()]) {
                    let time =
                        if limit.connect { &mut self.draft.timeouts.connect } else { &mut self.draft.timeouts.read };
                    *time = Some(limit.time);
                    let key = if limit.connect { "timeouts.connect" } else { "timeouts.read" };
                    self.report.kept(&limit.origin.place, &limit.origin.shown, key);
                }
            }
        }
    }

    /// Whether requests can go to this upstream: a URL, or a balancer that has an endpoint.
    pub(super) fn is_reachable(&self, upstream: &str) -> bool {
        upstream.contains(':') || self.balancers.iter().any(|one| one.name == upstream && !one.endpoints.is_empty())
    }
}

const HEALTH: &str = "`upstreams.NAME.health` asks each endpoint by GET, every 5 s if it does not say otherwise, and takes 2xx for well; it has no such setting";
