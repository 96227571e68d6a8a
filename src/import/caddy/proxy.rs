//! `reverse_proxy`: gateways, their health, and what is done to requests on the way.

use std::time::Duration;

use super::Caddy;
use super::body::{CaddyBody, MATCHER};
use super::known::duration;
use super::matcher::{Matcher, More};
use crate::import::draft::{DraftTimeouts, DraftUpstream};
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{ImportSection, Rule};

/// What the block of a `reverse_proxy` says.
#[derive(Debug, Default)]
struct CaddySettings {
    targets: Vec<String>,
    least_connections: bool,
    timeouts: DraftTimeouts,
    tls: bool,
    fields: ImportSection,
}

impl Caddy {
    pub(super) fn reverse_proxy(
        &mut self,
        node: &ImportNode,
        matcher: &Matcher,
        hosts: &[String],
        body: &mut CaddyBody,
    ) {
        let (place, shown) = (&node.place, &node.shown);
        let mut settings = CaddySettings { targets: node.args.clone(), ..CaddySettings::default() };
        for inner in node.inner() {
            self.proxy_setting(inner, &mut settings);
        }
        if matcher.more != More::Nothing {
            self.report.dropped(place, shown, MATCHER);
            return;
        }
        let mut endpoints: Vec<String> = Vec::new();
        for target in &settings.targets {
            match endpoint(target, settings.tls) {
                Ok(endpoint) => endpoints.push(endpoint),
                Err(why) => self.report.dropped(place, shown, format!("`{target}`: {why}")),
            }
        }
        let upstream = match endpoints.as_slice() {
            [] => {
                self.report.dropped(place, shown, "there is no gateway to forward to: write it as `upstream`");
                return;
            }
            [one] => one.clone(),
            _ => self.several(endpoints, &settings),
        };
        if matcher.is_upgrade {
            for path in &matcher.paths {
                body.upgrades.push((place.clone(), shown.clone(), path.clone(), upstream.clone()));
            }
            return;
        }
        let about = if matcher.exact { "" } else { ", for a prefix that is not quite the same" };
        let paths = if matcher.paths == ["/"] {
            String::new()
        } else {
            format!("a route for {}{about}, to ", matcher.paths.join(", "))
        };
        self.report.kept(place, shown, format!("{paths}upstream: {upstream}"));
        let section = |path: &String| ImportSection { path: path.clone(), ..settings.fields.clone() };
        let sections = matcher.paths.iter().map(section).collect();
        let rule =
            Rule { answer: DraftAnswer::Upstream(upstream), timeouts: settings.timeouts, sections, ..Rule::default() };
        Self::rules(matcher, hosts, &rule, body);
    }

    /// The name of an upstream with several endpoints.
    fn several(&mut self, endpoints: Vec<String>, settings: &CaddySettings) -> String {
        let least_connections = settings.least_connections;
        let same = |upstream: &&DraftUpstream| {
            upstream.endpoints == endpoints && upstream.least_connections == least_connections
        };
        if let Some(upstream) = self.upstreams.iter().find(same) {
            return upstream.name.clone();
        }
        let number = self.upstreams.len() + 1;
        let name = if number == 1 { "gateways".to_owned() } else { format!("gateways{number}") };
        self.upstreams.push(DraftUpstream {
            name: name.clone(),
            endpoints,
            least_connections,
            ..DraftUpstream::default()
        });
        name
    }

    fn proxy_setting(&mut self, node: &ImportNode, settings: &mut CaddySettings) {
        let (place, shown) = (&node.place, &node.shown);
        let word = node.arg(0);
        match node.name.as_str() {
            "to" => {
                settings.targets.extend(node.args.iter().cloned());
                self.report.kept(place, shown, "upstream");
            }
            "header_up" | "header_down" => {
                let words: Vec<&str> = node.args.iter().map(String::as_str).collect();
                self.field(node, &words, node.name == "header_up", &mut settings.fields);
            }
            "lb_policy" => match word {
                "least_conn" => {
                    settings.least_connections = true;
                    self.report.kept(place, shown, "upstreams: balance: least_connections");
                }
                "random" | "random_choose" | "round_robin" | "weighted_round_robin" => self.report.kept(place, shown, "upstreams: balance: round_robin"),
                "cookie" | "ip_hash" | "client_ip_hash" | "header" | "uri_hash" | "query" => {
                    let remedy = "frontgate keeps no client at one endpoint: a client that must stay gets a host or a path of \
                                  its own, with a route";
                    self.report.dropped(place, shown, remedy);
                }
                _ => self.report.dropped(place, shown, "frontgate has round_robin and least_connections; an endpoint that is down is left alone"),
            },
            "lb_try_duration" | "lb_try_interval" | "lb_retries" | "lb_retry_match" => {
                self.report.not_needed(place, shown, "a request waits for a gateway that is restarting: see `hold`, 12 s");
                self.part_of(node);
            }
            "health_uri" | "health_path" | "health_interval" | "health_port" | "health_upstream" | "health_headers"
            | "health_body" | "health_follow_redirects" | "health_method" => {
                let remedy = "frontgate asks no endpoint how it is: one that cannot be reached is left alone for a while";
                self.report.dropped(place, shown, remedy);
                self.part_of(node);
            }
            "health_timeout" | "health_status" | "health_passes" | "health_fails" | "fail_duration" | "max_fails" | "unhealthy_status"
            | "unhealthy_latency" | "unhealthy_request_count" => {
                self.report.not_needed(place, shown, "an endpoint that cannot be reached is left alone for a while by itself");
            }
            "flush_interval" | "buffer_requests" | "buffer_responses" | "request_buffers" | "response_buffers" | "max_buffer_size" => {
                self.report.not_needed(place, shown, "frontgate passes bytes on as they come");
            }
            "stream_timeout" => self.report.wrong(place, shown, "it ends every WebSocket after that time, busy or not. frontgate ends none that lives"),
            "stream_close_delay" => self.report.not_needed(place, shown, "a reload of frontgate drops no WebSocket"),
            "trusted_proxies" => self.report.dropped(place, shown, "name the proxies in front in forwarded.trusted_proxies"),
            "transport" => {
                self.report.kept(place, shown, "as its block says");
                node.inner().iter().for_each(|inner| self.transport(inner, settings));
            }
            "handle_response" | "replace_status" => {
                self.report.dropped(place, shown, "frontgate passes the gateway's answers on as they are");
                self.part_of(node);
            }
            "rewrite" => self.report.wrong(place, shown, "the gateway saw another path than the client asked for. frontgate forwards the path as it came: set gateway.controlUi.basePath"),
            "method" => self.report.dropped(place, shown, "frontgate changes no methods"),
            "dynamic" => {
                self.report.dropped(place, shown, "endpoints are listed under `upstreams`; a name is resolved for each connection");
                self.part_of(node);
            }
            "verbose_logs" => self.report.not_needed(place, shown, "log.level: debug, when it is needed"),
            _ => self.unknown(node, None),
        }
    }

    fn transport(&mut self, node: &ImportNode, settings: &mut CaddySettings) {
        let (place, shown) = (&node.place, &node.shown);
        let time = duration(node.arg(0));
        match node.name.as_str() {
            "tls" => {
                settings.tls = true;
                self.report.kept(place, shown, "upstream: https");
            }
            "tls_insecure_skip_verify" => {
                settings.tls = true;
                let text = "it talked to any machine that claims to be the gateway. frontgate checks the certificate of an https upstream \
                            against the system's authorities: add its CA there, or forward to http on this machine";
                self.report.wrong(place, shown, text);
            }
            "tls_trusted_ca_certs" | "tls_trust_pool" => {
                settings.tls = true;
                self.report.dropped(
                    place,
                    shown,
                    "an https upstream is checked against the system's authorities: add this CA there",
                );
                self.part_of(node);
            }
            "tls_server_name" => self.report.dropped(
                place,
                shown,
                "an https upstream is checked for the host of its URL: use the name there",
            ),
            "tls_client_auth" => self.report.dropped(
                place,
                shown,
                "frontgate shows the gateway no certificate: use a token of the gateway",
            ),
            "dial_timeout" if time.is_some_and(|time| time.is_zero()) => {
                self.report.not_needed(place, shown, "timeouts.connect holds");
            }
            "dial_timeout" => {
                settings.timeouts.connect = time;
                self.report.kept(place, shown, "timeouts: connect");
            }
            "read_timeout" | "write_timeout" => {
                if time.is_some_and(|time| time < Duration::from_hours(1)) {
                    let text = "it ends a WebSocket that is silent for that long, which clients see as 1006. frontgate waits for timeouts.read, 24 h, and finds peers that are gone by pings";
                    self.report.wrong(place, shown, text);
                } else {
                    let slot = if node.name == "read_timeout" {
                        &mut settings.timeouts.read
                    } else {
                        &mut settings.timeouts.send
                    };
                    *slot = time;
                    self.report.kept(place, shown, "timeouts");
                }
            }
            "response_header_timeout" | "expect_continue_timeout" => {
                self.report.not_needed(place, shown, "an answer may take as long as timeouts.read");
            }
            "versions" => self.report.not_needed(place, shown, "frontgate speaks HTTP/1.1 to the gateway"),
            "proxy_protocol" => self.report.dropped(place, shown, "the gateway learns the client from X-Forwarded-For"),
            _ => {
                self.report.not_needed(place, shown, "frontgate keeps and checks connections to the gateway by itself");
                self.part_of(node);
            }
        }
    }
}

/// A gateway as `upstream` has it: `:18789`, `host:port`, `https://host`, `unix//run/g.sock`.
fn endpoint(target: &str, tls: bool) -> Result<String, &'static str> {
    for begin in ["unix+h2c/", "unix/"] {
        if let Some(path) = target.strip_prefix(begin) {
            return if path.starts_with('/') {
                Ok(format!("unix:{path}"))
            } else {
                Err("a socket needs an absolute path")
            };
        }
    }
    if target.contains(['{', '}']) {
        return Err("frontgate forwards to fixed gateways only");
    }
    let (scheme, rest) = target.split_once("://").unwrap_or((if tls { "https" } else { "http" }, target));
    let secure = match scheme {
        "http" | "h2c" | "tcp" | "ws" => tls,
        "https" | "wss" => true,
        _ => return Err("frontgate forwards HTTP only"),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    if rest.trim_end_matches('/') != authority {
        return Err("an upstream has no path, and frontgate adds none");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, if secure { "443" } else { "80" }),
    };
    if port.is_empty() || !port.chars().all(|c| c.is_ascii_digit()) {
        return Err("a range of ports is listed as endpoints of `upstreams`, one by one");
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c)) {
        return Err("it is no host");
    }
    Ok(format!("{}://{host}:{port}", if secure { "https" } else { "http" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_are_urls() {
        for (target, tls, expected) in [
            (":18789", false, Some("http://127.0.0.1:18789")),
            ("localhost:18789", false, Some("http://localhost:18789")),
            ("gw", false, Some("http://gw:80")),
            ("gw:1", true, Some("https://gw:1")),
            ("https://gw", false, Some("https://gw:443")),
            ("[::1]:18789", false, Some("http://[::1]:18789")),
            ("[::1]", false, Some("http://[::1]:80")),
            ("unix//run/g.sock", false, Some("unix:/run/g.sock")),
            ("h2c://gw:1", false, Some("http://gw:1")),
            ("http://gw:1/path", false, None),
            ("gw:1-3", false, None),
            ("{env.GW}", false, None),
            ("*.png", false, None),
        ] {
            assert_eq!(endpoint(target, tls).ok().as_deref(), expected, "{target}");
        }
    }
}
