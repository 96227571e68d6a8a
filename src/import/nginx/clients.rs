//! What a server says about clients: which proxies are believed about their address, how long they may take, how much
//! they may send.

use ipnet::IpNet;

use super::headers;
use super::listen::NginxListen;
use super::nginx_test::network;
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use super::units;

impl<'a> Translation<'a, '_> {
    /// Takes over which proxies are believed about a client's address.
    pub(super) fn real_ip(&mut self, scope: &NginxScope<'a>, listens: &[(NginxListen, Option<&'a NginxDirective>)]) {
        let header = scope.last("real_ip_header");
        let from_proxy_protocol = header.is_some_and(|header| header.first() == "proxy_protocol");
        let takes_proxy_protocol = listens.iter().any(|(listen, _)| listen.proxy_protocol);
        if let Some(header) = header {
            let (place, shown) = (&header.place, header.shown());
            match header.first().to_ascii_lowercase().as_str() {
                "proxy_protocol" => self.report.kept(place, &shown, "listen.proxy_protocol_from"),
                "x-forwarded-for" => self.report.kept(place, &shown, "forwarded.trusted_proxies"),
                _ => {
                    let remedy = "frontgate reads X-Forwarded-For, and believes it from forwarded.trusted_proxies: let the proxy in front send that";
                    self.report.dropped(place, &shown, remedy);
                }
            }
        }
        for directive in scope.all("set_real_ip_from") {
            let (place, shown) = (&directive.place, directive.shown());
            let net = network(directive.first());
            match net {
                Some(net) if net.prefix_len() == 0 => {
                    let instead = "it believed every client, so each could pass for any other. frontgate believes no peer until you name the proxies in \
                                   front of it in forwarded.trusted_proxies";
                    self.report.wrong(place, &shown, instead);
                }
                Some(net) if takes_proxy_protocol && from_proxy_protocol => {
                    push_once(&mut self.draft.listen.proxy_protocol_from, net);
                    self.report.kept(place, &shown, "listen.proxy_protocol_from");
                }
                Some(net) => {
                    push_once(&mut self.draft.trusted_proxies, net);
                    self.report.kept(place, &shown, "forwarded.trusted_proxies");
                }
                None if directive.first() == "unix:" => {
                    self.report.not_needed(place, &shown, "forwarded.trusted_proxies has addresses only");
                }
                None => self.report.dropped(
                    place,
                    &shown,
                    "forwarded.trusted_proxies has addresses only, such as 192.0.2.10 or 10.0.0.0/8",
                ),
            }
        }
    }

    /// Takes over how long clients may take, and how much they may send.
    pub(super) fn client_side(&mut self, scope: &NginxScope<'a>) {
        let head = scope.last("client_header_timeout").filter(|one| self.is_new(one));
        let time = head.and_then(|one| units::time(one.first())).filter(|time| !time.is_zero());
        if let Some((directive, time)) = head.zip(time) {
            self.draft.timeouts.request_head = self.draft.timeouts.request_head.max(Some(time));
            self.report.kept(&directive.place, &directive.shown(), "timeouts.request_head");
        }
        if let Some(directive) = scope.last("keepalive_timeout").filter(|one| self.is_new(one)) {
            match units::time(directive.first()) {
                Some(time) if !time.is_zero() => {
                    self.draft.timeouts.keep_alive = self.draft.timeouts.keep_alive.max(Some(time));
                    self.report.kept(&directive.place, &directive.shown(), "timeouts.keep_alive");
                }
                _ => self.report.not_needed(
                    &directive.place,
                    &directive.shown(),
                    "connections are kept for timeouts.keep_alive",
                ),
            }
        }
        if let Some(directive) = scope.last("large_client_header_buffers").filter(|one| self.is_new(one)) {
            match headers::buffers(directive) {
                Some(size) if size > 64 << 10 => {
                    self.draft.limits.request_head = self.draft.limits.request_head.max(Some(size.min(1 << 20)));
                    self.report.kept(&directive.place, &directive.shown(), "limits.request_head");
                }
                _ => self.report.not_needed(&directive.place, &directive.shown(), "limits.request_head is 64KiB"),
            }
        }
        for directive in scope.all("limit_conn") {
            let zone = self.http.iter().find(|one| {
                one.name == "limit_conn_zone"
                    && one.args.iter().any(|arg| arg.starts_with(&format!("zone={}:", directive.first())))
            });
            let by_client = zone.is_some_and(|zone| matches!(zone.first(), "$binary_remote_addr" | "$remote_addr"));
            if let (true, Some(number)) = (
                by_client,
                directive.args.get(1).and_then(|number| number.parse::<u64>().ok()).filter(|number| *number > 0),
            ) {
                self.draft.limits.connections_per_client = self.draft.limits.connections_per_client.max(Some(number));
                self.report.kept(
                    &directive.place,
                    &directive.shown(),
                    "limits.connections_per_client, for all names together",
                );
            }
        }
        if let Some(log) = scope.last("access_log") {
            if log.first() == "off" {
                self.draft.access_log = Some(false);
                self.report.kept(&log.place, &log.shown(), "log.access, for all names");
            } else {
                self.logs = true;
            }
        } else {
            self.logs = true;
        }
    }
}

fn push_once(list: &mut Vec<IpNet>, net: IpNet) {
    if !list.contains(&net) {
        list.push(net);
    }
}
