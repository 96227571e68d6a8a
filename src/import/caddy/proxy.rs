//! `reverse_proxy`: gateways, and what is done to requests on the way.

use std::time::Duration;

use http::HeaderName;

use super::answer::CannotSay;
use super::block::CaddyStep;
use super::headers::{self, FieldWay};
use super::known::duration;
use crate::import::draft::{DraftBalance, DraftEndpoint, DraftTimeouts, DraftUpstream};
use crate::import::node::ImportNode;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// The upstreams that have several endpoints, or more to say than a URL.
#[derive(Debug, Default)]
pub(super) struct CaddyUpstreams(pub(super) Vec<DraftUpstream>);

/// The upstream that the directive forwards to: a URL, or a name.
pub(super) fn upstream(
    step: &CaddyStep<'_>,
    rule: &mut ImportRule,
    upstreams: &mut CaddyUpstreams,
) -> Result<String, (Origin, CannotSay)> {
    let here = |cannot| (step.origin.clone(), cannot);
    let mut proxy = Proxy {
        rule,
        upstream: DraftUpstream::default(),
        targets: step.args.to_vec(),
        weights: Vec::new(),
        tls: false,
    };
    for line in step.node.inner() {
        let origin = Origin::of(&line.place, &line.shown);
        proxy.line(line, &origin).map_err(|cannot| (origin, cannot))?;
    }
    let Proxy { mut upstream, targets, weights, tls, .. } = proxy;
    for (index, target) in targets.iter().enumerate() {
        let found = endpoints(target, tls);
        let cannot = |why| here(CannotSay::new(format!("`{target}`: {why}"), WRITE_UPSTREAM));
        for endpoint in found.map_err(cannot)? {
            if !upstream.endpoints.iter().any(|known| known.url == endpoint) {
                let weight = weights.get(index).copied().unwrap_or(1);
                upstream.endpoints.push(DraftEndpoint { url: endpoint, weight });
            }
        }
    }
    match upstream.endpoints.as_slice() {
        [] => Err(here(CannotSay::new("there is no gateway to forward to", WRITE_UPSTREAM))),
        [one] => Ok(one.url.clone()),
        _ => Ok(upstreams.name(upstream)),
    }
}

impl CaddyUpstreams {
    /// The name of the upstream, which equal ones share.
    fn name(&mut self, upstream: DraftUpstream) -> String {
        let same = |known: &&DraftUpstream| DraftUpstream { name: String::new(), ..(*known).clone() } == upstream;
        if let Some(known) = self.0.iter().find(same) {
            return known.name.clone();
        }
        let number = self.0.len() + 1;
        let name = if number == 1 { "gateways".to_owned() } else { format!("gateways{number}") };
        self.0.push(DraftUpstream { name: name.clone(), ..upstream });
        name
    }
}

/// What the block of a `reverse_proxy` says.
struct Proxy<'a> {
    rule: &'a mut ImportRule,
    upstream: DraftUpstream,
    targets: Vec<String>,
    /// Those of the targets, in their order.
    weights: Vec<u32>,
    tls: bool,
}

impl Proxy<'_> {
    fn remark(&mut self, origin: &Origin, verdict: ImportVerdict, text: &str) {
        self.rule.say(origin, Part::Remark(verdict, text.to_owned()));
    }

    fn line(&mut self, node: &ImportNode, origin: &Origin) -> Result<(), CannotSay> {
        use ImportVerdict::{Dropped, Kept, NotNeeded, Wrong};
        match node.name.as_str() {
            "to" => {
                self.targets.extend(node.args.iter().cloned());
                self.rule.say(origin, Part::Answer);
            }
            "header_up" | "header_down" => {
                let words: Vec<&str> = node.args.iter().map(String::as_str).collect();
                let way = if node.name == "header_up" { FieldWay::Request } else { FieldWay::Response };
                headers::field(origin, &words, way, self.rule)?;
            }
            "lb_policy" => self.policy(node, origin),
            "health_uri" | "health_path" if node.arg(0).starts_with('/') => {
                self.upstream.health = Some(node.arg(0).to_owned());
                self.remark(origin, Kept, "health of the upstream, where it has several endpoints");
            }
            "health_uri" | "health_path" | "health_interval" => self.remark(
                origin,
                Dropped,
                "`upstreams.NAME.health` asks each endpoint every 5 s, if its `every` does not say otherwise",
            ),
            "transport" if node.arg(0) == "http" => {
                self.remark(origin, ImportVerdict::Kept, "as the lines in its block say");
                node.inner().iter().for_each(|line| self.transport(line, &Origin::of(&line.place, &line.shown)));
            }
            "handle_response" | "replace_status" => {
                return Err(CannotSay::new(
                    "the gateway's answer decides what the client gets, and a route passes it on as it is",
                    WRITE_FORWARD,
                ));
            }
            "rewrite" | "method" => {
                return Err(CannotSay::new("the gateway gets another request than the client sent", WRITE_FORWARD));
            }
            "dynamic" => return Err(CannotSay::new("its endpoints are found while it runs", WRITE_UPSTREAM)),
            "transport" => return Err(CannotSay::new("it does not speak HTTP", WRITE_UPSTREAM)),
            "stream_timeout" => self.remark(
                origin,
                Wrong,
                "it ends every WebSocket after that time, busy or not. frontgate ends none that lives",
            ),
            "trusted_proxies" => self.remark(origin, Dropped, "name the proxies in front in forwarded.trusted_proxies"),
            name if name.starts_with('@') => {
                self.remark(origin, NotNeeded, "a condition on answers, which no directive here has");
            }
            name => match PROXY.iter().find(|(names, _)| names.split(' ').any(|one| one == name)) {
                Some((_, why)) => self.remark(origin, NotNeeded, why),
                None => return Err(CannotSay::new(format!("`{name}` is not known here"), WRITE_UPSTREAM)),
            },
        }
        Ok(())
    }

    fn policy(&mut self, node: &ImportNode, origin: &Origin) {
        use ImportVerdict::{Dropped, Kept, NotNeeded};
        let weights: Result<Vec<u32>, _> = node.args.iter().skip(1).map(|weight| weight.parse()).collect();
        let balance = match (node.arg(0), weights) {
            ("least_conn", _) => DraftBalance::LeastConnections,
            ("random_choose", _) => DraftBalance::RandomTwo,
            ("ip_hash" | "client_ip_hash", _) => DraftBalance::HashAddress,
            ("header", _) if HeaderName::try_from(node.arg(1)).is_ok() => {
                DraftBalance::HashHeader(node.arg(1).to_owned())
            }
            ("cookie", _) => {
                self.upstream.sticky = true;
                return self.remark(
                    origin,
                    Kept,
                    "sticky, with a cookie of frontgate's own, where it has several endpoints",
                );
            }
            ("weighted_round_robin", Ok(weights)) if !weights.contains(&0) => {
                self.weights = weights;
                return self.remark(origin, Kept, "the weights of the endpoints, where it has several");
            }
            ("random" | "round_robin", _) => {
                return self.remark(origin, NotNeeded, "each endpoint is next in its turn");
            }
            _ => {
                let has = "upstreams: balance has round_robin, with weights from 1, least_connections, random_two, and hash by the client's \
                           address or a header field; endpoints take turns";
                return self.remark(origin, Dropped, has);
            }
        };
        self.upstream.balance = balance;
        self.remark(origin, Kept, "balance of the upstream, where it has several endpoints");
    }

    fn transport(&mut self, node: &ImportNode, origin: &Origin) {
        use ImportVerdict::{Dropped, NotNeeded, Wrong};
        let time = duration(node.arg(0));
        self.tls |= node.name.starts_with("tls");
        match node.name.as_str() {
            "tls" => self.rule.say(origin, Part::Answer),
            "tls_insecure_skip_verify" => self.remark(origin, Wrong, "it talked to any machine that claims to be the gateway. frontgate checks the certificate of an https upstream: name its CA in `upstreams: { …: { tls: { ca: FILE } } }`, or forward to http on this machine"),
            "tls_trusted_ca_certs" | "tls_trust_pool" | "tls_server_name" | "tls_client_auth" => {
                self.remark(origin, Dropped, "name it in `upstreams: { …: { tls: … } }`; without, the system's authorities are asked, for the host of the URL");
            }
            "dial_timeout" if time.is_some_and(|time| !time.is_zero()) => {
                self.rule.route.timeouts.connect = time;
                self.rule.say(origin, Part::Timeouts);
            }
            "read_timeout" | "write_timeout" if time.is_some_and(|time| time < Duration::from_hours(1)) => {
                self.remark(origin, Wrong, "it ends a WebSocket that is silent for that long, which clients see as 1006. frontgate waits for timeouts.read, 24 h, and finds peers that are gone by pings");
            }
            "read_timeout" | "write_timeout" => {
                let DraftTimeouts { read, send, .. } = &mut self.rule.route.timeouts;
                *(if node.name == "read_timeout" { read } else { send }) = time;
                self.rule.say(origin, Part::Timeouts);
            }
            "proxy_protocol" => self.remark(origin, Dropped, "the gateway learns the client from X-Forwarded-For"),
            _ => self.remark(origin, NotNeeded, "frontgate keeps and checks connections to the gateway by itself"),
        }
    }
}

/// Lines of `reverse_proxy` that frontgate does not need.
const PROXY: &[(&str, &str)] = &[
    (
        "lb_try_duration lb_try_interval lb_retries lb_retry_match",
        "a request waits for a gateway that is restarting: see `hold`, 12 s",
    ),
    (
        "health_port health_upstream health_headers health_body health_follow_redirects health_method health_request_body \
         health_timeout health_status health_passes health_fails fail_duration max_fails unhealthy_status \
         unhealthy_latency unhealthy_request_count",
        "an endpoint that cannot be reached is left alone for a while by itself",
    ),
    (
        "flush_interval buffer_requests buffer_responses request_buffers response_buffers max_buffer_size stream_buffer_size",
        "frontgate passes bytes on as they come",
    ),
    ("stream_close_delay", "a reload of frontgate drops no WebSocket"),
    ("verbose_logs", "log.level: debug, when it is needed"),
];

const WRITE_UPSTREAM: &str = "Write the gateway as `upstream: http://HOST:PORT`";
const WRITE_FORWARD: &str = "Where it asks another program which clients may pass, write `auth` instead";

/// The gateways of one word as `upstream` has them: `:18789`, `host:port`, `host:8001-8003`, `https://host`,
/// `unix//run/g.sock`.
pub(super) fn endpoints(target: &str, tls: bool) -> Result<Vec<String>, &'static str> {
    for begin in ["unix+h2c/", "unix/"] {
        if let Some(path) = target.strip_prefix(begin) {
            let absolute = path.starts_with('/') && !path.contains('{');
            return if absolute { Ok(vec![format!("unix:{path}")]) } else { Err("a socket needs an absolute path") };
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
    let (first, last) = port.split_once('-').unwrap_or((port, port));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return Err("it has no port") };
    if first == 0 || last < first || last - first >= MOST_PORTS {
        return Err("its ports are no range that anyone lists");
    }
    let host = if host.is_empty() { "127.0.0.1" } else { host };
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c)) {
        return Err("it is no host");
    }
    let scheme = if secure { "https" } else { "http" };
    Ok((first..=last).map(|port| format!("{scheme}://{host}:{port}")).collect())
}

/// How many ports a range of upstreams may have.
const MOST_PORTS: u16 = 64;

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
            ("gw:1-3", false, Some("http://gw:1 http://gw:2 http://gw:3")),
            ("gw:3-1", false, None),
            ("{env.GW}", false, None),
            ("*.png", false, None),
        ] {
            assert_eq!(endpoints(target, tls).ok().map(|list| list.join(" ")).as_deref(), expected, "{target}");
        }
    }
}
