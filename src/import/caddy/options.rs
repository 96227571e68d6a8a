//! The global options.

use std::time::Duration;

use ipnet::IpNet;

use super::Caddy;
use super::address::binds;
use super::known::{self, duration, size};
use super::matcher::PRIVATE;
use crate::import::ImportError;
use crate::import::node::ImportNode;
use crate::import::table::DirectiveClass;

impl Caddy {
    /// The block without a name at the top of the file.
    ///
    /// # Errors
    /// An address that cannot be had.
    pub(super) fn options(&mut self, node: &ImportNode) -> Result<(), ImportError> {
        self.report.kept(&node.place, &node.shown, "as the lines in its block say");
        node.inner().iter().try_for_each(|option| self.option(option))
    }

    fn option(&mut self, node: &ImportNode) -> Result<(), ImportError> {
        let (place, shown) = (&node.place, &node.shown);
        let word = node.arg(0);
        match node.name.as_str() {
            "email" | "acme_ca" | "acme_ca_root" | "http_port" | "https_port" if word.contains('{') => {
                self.report.dropped(place, shown, "its value is not known here: write it, and import again");
            }
            "email" => {
                self.acme.email = Some(word.to_owned());
                self.report.kept(place, shown, "tls.acme.email, if a name here gets a public certificate");
            }
            "acme_ca" => {
                self.acme.directory = directory(word);
                self.report.kept(place, shown, "tls.acme.directory");
            }
            "acme_ca_root" => {
                self.acme.ca_file = Some(word.into());
                self.report.kept(place, shown, "tls.acme.ca_file");
            }
            "http_port" | "https_port" => match word.parse() {
                Ok(port) => {
                    let (slot, key) = if node.name == "http_port" {
                        (&mut self.http_port, "listen.http")
                    } else {
                        (&mut self.https_port, "listen.https")
                    };
                    *slot = port;
                    self.report.kept(place, shown, key);
                }
                Err(_) => self.report.dropped(place, shown, "it is no port: write it in listen"),
            },
            "default_bind" => {
                self.bind.extend(binds(node)?);
                self.report.kept(place, shown, "listen");
            }
            "order" => match self.order.change(node) {
                Some(()) => self.report.kept(place, shown, "the order of routes"),
                None => self.report.dropped(place, shown, "no such place in the order of directives is known here"),
            },
            "auto_https" => {
                match word {
                    "off" | "disable_redirects" => {
                        self.redirects = false;
                        self.report.kept(place, shown, "no listen.http that redirects");
                    }
                    _ => self.report.not_needed(place, shown, "tls.certificate says where the certificate comes from"),
                }
                if matches!(word, "off" | "disable_certs") {
                    self.local = true;
                }
            }
            "local_certs" => {
                self.local = true;
                self.report.kept(
                    place,
                    shown,
                    "tls.certificate: local, frontgate's own CA; `frontgate trust` makes this machine trust it",
                );
            }
            "admin" => self.report.not_needed(place, shown, "frontgate has an admin address of its own: see `admin`"),
            "log" => self.log(node),
            "servers" => {
                self.report.kept(place, shown, "what it says below, for all listeners");
                node.inner().iter().for_each(|inner| self.server(inner));
            }
            "on_demand_tls" => {
                self.report.dropped(place, shown, "names are known before: list them in tls.names");
                self.part_of(node);
            }
            "grace_period" | "shutdown_delay" => {
                self.report.dropped(
                    place,
                    shown,
                    "set timeouts.drain, 30 s by default: live WebSockets are closed with 1012 within it",
                );
            }
            "acme_eab" => {
                self.report.dropped(place, shown, "set tls.acme.eab");
                self.part_of(node);
            }
            "acme_dns" => self.report.dropped(
                place,
                "acme_dns …",
                "frontgate answers tls-alpn-01 and http-01, so no wildcards: list the names one by one",
            ),
            "cert_issuer" if word == "internal" => {
                self.local = true;
                self.report.kept(place, shown, "tls.certificate: local");
                self.part_of(node);
            }
            _ => self.unknown(node, known::option(&node.name)),
        }
        Ok(())
    }

    /// `servers`
    fn server(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        match node.name.as_str() {
            "trusted_proxies" => {
                let mut nets: Vec<IpNet> = Vec::new();
                for word in node.args.iter().filter(|word| *word != "static") {
                    let private = PRIVATE.iter().filter_map(|net| net.parse::<IpNet>().ok());
                    match word.parse::<IpNet>().or_else(|_| word.parse::<std::net::IpAddr>().map(IpNet::from)) {
                        _ if word == "private_ranges" => nets.extend(private),
                        Ok(net) if net.prefix_len() == 0 => {
                            self.report.wrong(
                                place,
                                shown,
                                "every client is trusted and may claim any address: name the proxies only",
                            );
                        }
                        Ok(net) => nets.push(net),
                        Err(_) => self.report.dropped(
                            place,
                            shown,
                            format!("`{word}` is no network: list the networks in forwarded.trusted_proxies"),
                        ),
                    }
                }
                if nets.len() >= PRIVATE.len() {
                    self.report.wrong(place, shown, "clients in private networks may claim any address, too: name the proxies only in forwarded.trusted_proxies");
                }
                if !nets.is_empty() {
                    self.report.kept(place, shown, "forwarded.trusted_proxies");
                }
                for net in nets {
                    if !self.draft.trusted_proxies.contains(&net) {
                        self.draft.trusted_proxies.push(net);
                    }
                }
                self.part_of(node);
            }
            "trusted_proxies_strict" => {
                self.report.not_needed(place, shown, "the client is the right-most address that no trusted proxy has");
            }
            "client_ip_headers" => {
                if node.args.iter().any(|word| !word.eq_ignore_ascii_case("x-forwarded-for")) {
                    self.report.dropped(place, shown, "frontgate reads X-Forwarded-For from forwarded.trusted_proxies: let the proxy in front send it");
                } else {
                    self.report.not_needed(
                        place,
                        shown,
                        "frontgate reads X-Forwarded-For from forwarded.trusted_proxies",
                    );
                }
            }
            "timeouts" => {
                self.report.kept(place, shown, "timeouts, as far as each says");
                node.inner().iter().for_each(|inner| self.timeout(inner));
            }
            "max_header_size" => match size(node.arg(0)) {
                Some(bytes) => {
                    // What the setting takes.
                    let fitting = bytes.clamp(8 << 10, 16 << 20);
                    self.draft.limits.request_head = Some(fitting);
                    let note = if fitting == bytes { "" } else { ", which is 8 KiB to 16 MiB" };
                    self.report.kept(place, shown, format!("limits.request_head{note}"));
                }
                None => self.report.dropped(place, shown, "it is no size: set limits.request_head"),
            },
            "listener_wrappers" => {
                self.report.kept(place, shown, "what it says below");
                node.inner().iter().for_each(|inner| self.wrapper(inner));
            }
            "protocols" => self.report.not_needed(place, shown, "clients choose HTTP/2 or HTTP/1.1 by ALPN"),
            _ => self.unknown(node, known::option(&node.name)),
        }
    }

    fn timeout(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        let time = duration(node.arg(0));
        match (node.name.as_str(), time) {
            (_, Some(Duration::ZERO)) => self.report.not_needed(place, shown, "frontgate's own timeouts hold"),
            (_, None) => self.report.dropped(place, shown, "it is no time: see timeouts"),
            ("read_header", time) => {
                self.draft.timeouts.request_head = time;
                self.report.kept(place, shown, "timeouts.request_head");
            }
            ("idle", time) => {
                self.draft.timeouts.keep_alive = time;
                self.report.kept(place, shown, "timeouts.keep_alive");
            }
            _ => self.report.wrong(place, shown, "it also ends a slow upload or download that goes on. frontgate ends what stands still: timeouts.read and timeouts.send"),
        }
    }

    fn wrapper(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        match node.name.as_str() {
            "proxy_protocol" => {
                let allowed = node.inner().iter().filter(|inner| inner.name == "allow").flat_map(|inner| &inner.args);
                let mut nets: Vec<IpNet> =
                    allowed.filter_map(|word| word.parse().ok()).filter(|net: &IpNet| net.prefix_len() > 0).collect();
                if nets.is_empty() {
                    nets = PRIVATE.iter().filter_map(|net| net.parse().ok()).collect();
                    let text = "any client that reached Caddy could claim any address. frontgate takes a PROXY header only from \
                                listen.proxy_protocol_from: private networks here; write the balancer's address instead";
                    self.report.wrong(place, shown, text);
                }
                self.draft.listen.proxy_protocol_from = nets;
                self.report.kept(place, shown, "listen.proxy_protocol_from");
                for inner in node.inner() {
                    let what = if inner.name == "allow" {
                        "listen.proxy_protocol_from"
                    } else {
                        "timeouts.tls_handshake, which has its own value"
                    };
                    self.report.kept(&inner.place, &inner.shown, what);
                }
            }
            "tls" | "http_redirect" => {
                self.report.not_needed(place, shown, "each address of frontgate has TLS, or redirects, or neither");
            }
            _ => self.report.dropped(place, shown, "frontgate has no such wrapper"),
        }
    }

    /// Reports a directive that is translated nowhere.
    pub(super) fn unknown(&mut self, node: &ImportNode, class: DirectiveClass) {
        let (place, shown) = (&node.place, &node.shown);
        match class {
            DirectiveClass::Needless(why) => self.report.not_needed(place, shown, why),
            DirectiveClass::Lost(remedy) | DirectiveClass::Guarding(remedy) => {
                self.report.dropped(place, shown, remedy);
            }
            DirectiveClass::Translated => {}
        }
        self.part_of(node);
    }

    /// Reports what stands in a block of which everything is said already.
    pub(super) fn part_of(&mut self, node: &ImportNode) {
        for inner in node.inner() {
            self.report.not_needed(&inner.place, &inner.shown, format!("part of `{}`", node.shown));
            self.part_of(inner);
        }
    }

    pub(super) fn log(&mut self, node: &ImportNode) {
        self.report.not_needed(
            &node.place,
            &node.shown,
            "each request and each WebSocket has a line on standard output: see `log`",
        );
        self.part_of(node);
    }
}

/// The directory as `tls.acme.directory` has it; nothing for the default.
pub(super) fn directory(url: &str) -> Option<String> {
    if url.contains("acme-staging-v02.api.letsencrypt.org") {
        Some("letsencrypt-staging".into())
    } else if url.contains("acme-v02.api.letsencrypt.org") {
        None
    } else {
        Some(url.to_owned())
    }
}
