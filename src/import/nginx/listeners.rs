//! `listen`: the listeners of all servers.

use std::net::SocketAddr;

use super::listen::merged;
use super::parser::NginxDirective;
use super::server::{NginxServer, Role};
use super::translation::Translation;
use crate::config::BindAddr;
use crate::import::draft::DraftListener;

impl<'a> Translation<'a, '_> {
    /// Where frontgate listens, as the servers do.
    pub(super) fn listen(&mut self, servers: &[NginxServer<'a>]) {
        let serves_tls = servers.iter().any(|server| server.role == Role::Serve && server.speaks_tls());
        let redirected: Vec<_> = servers
            .iter()
            .filter(|server| server.role == Role::Redirect || (server.role == Role::Serve && server.speaks_tls()))
            .flat_map(|server| server.listens.iter().filter(|(listen, _)| !listen.tls))
            .map(|(listen, _)| listen.port())
            .collect();
        let (mut https, mut http, mut plain): (Vec<SocketAddr>, Vec<SocketAddr>, Vec<BindAddr>) = Default::default();
        for server in servers {
            for (listen, directive) in &server.listens {
                let say = |this: &mut Self, what: &str| {
                    if let Some(directive) = directive {
                        this.report.kept(&directive.place, &directive.shown(), what);
                    }
                };
                match &listen.addr {
                    BindAddr::Tcp(addr) if listen.tls => {
                        https.push(*addr);
                        say(self, "listen.https");
                    }
                    BindAddr::Tcp(addr) if redirected.contains(&Some(addr.port())) => {
                        http.push(*addr);
                        let both = server.role == Role::Serve && server.speaks_tls();
                        match directive {
                            Some(directive) if both && !asks_for_https(server) => {
                                let instead = "it served the gateway over plain http as well, where the token can be read on the \
                                               way and the Control UI refuses to work. frontgate redirects to https; listen.plain \
                                               would serve it";
                                self.report.wrong(&directive.place, &directive.shown(), instead);
                            }
                            Some(directive) if server.role == Role::Serve && !both => {
                                let remedy = "another server on this port redirects to https, so this one does, too: its names are \
                                              served there";
                                self.report.dropped(&directive.place, &directive.shown(), remedy);
                            }
                            _ => say(self, "listen.http, which redirects to https"),
                        }
                    }
                    _ if server.role == Role::Reject => say(self, "nothing: only other servers are reached"),
                    BindAddr::Unix(_) if listen.tls => {
                        if let Some(directive) = directive {
                            self.report.dropped(
                                &directive.place,
                                &directive.shown(),
                                "a unix socket speaks no TLS here: listen.plain may be one",
                            );
                        }
                    }
                    addr => {
                        if !plain.contains(addr) {
                            plain.push(addr.clone());
                        }
                        say(self, "listen.plain");
                    }
                }
                let no_peers = self.draft.listen.proxy_protocol_from.is_empty();
                if let Some(directive) = directive.filter(|_| listen.proxy_protocol && no_peers) {
                    let remedy =
                        "name the balancers in listen.proxy_protocol_from: no other peer may name a client's address";
                    self.report.dropped(&directive.place, &directive.shown(), remedy);
                }
            }
        }
        let tcp = plain.iter().filter_map(|addr| match addr {
            BindAddr::Tcp(addr) => Some(*addr),
            BindAddr::Unix(_) => None,
        });
        let kept: Vec<SocketAddr> = merged(tcp.collect());
        plain.retain(|addr| !matches!(addr, BindAddr::Tcp(addr) if !kept.contains(addr)));
        let listens_at_all = !(https.is_empty() && http.is_empty() && plain.is_empty());
        if listens_at_all && servers.iter().any(|server| !server.directive.inner().is_empty()) {
            self.draft.listen.https = Some(unnamed(merged(https).into_iter().map(BindAddr::Tcp)));
        }
        self.draft.listen.http = unnamed(merged(http).into_iter().map(BindAddr::Tcp));
        self.draft.listen.plain = unnamed(plain);
        if !serves_tls && listens_at_all {
            self.report.next(
                "Nothing here speaks TLS, and the Control UI needs https: unless a proxy in front does, add `listen: { https: [\":8443\"] }` and \
                 `tls: { names: [...] }`",
            );
        }
    }
}

fn unnamed(list: impl IntoIterator<Item = BindAddr>) -> Vec<DraftListener> {
    list.into_iter().map(|address| DraftListener { address, name: None }).collect()
}

/// Whether a server that speaks TLS redirects what comes in plain.
fn asks_for_https(server: &NginxServer<'_>) -> bool {
    let asks = |one: &NginxDirective| one.name == "if" && one.args.join(" ").contains("$scheme");
    server.directive.inner().iter().any(asks)
}
