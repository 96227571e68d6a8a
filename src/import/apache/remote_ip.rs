//! `mod_remoteip`: proxies in front.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Apache;
use crate::import::node::ImportNode;
use crate::import::reader::Unread;
use crate::import::tree::Origin;

impl Apache<'_, '_> {
    /// `RemoteIP…`
    pub(super) fn remote_ip(&mut self, node: &ImportNode) {
        let (place, shown) = (&node.place, &node.shown);
        match node.name.as_str() {
            "remoteipheader" if node.arg(0).eq_ignore_ascii_case("x-forwarded-for") => {
                self.report.not_needed(place, shown, "frontgate reads X-Forwarded-For from forwarded.trusted_proxies");
            }
            "remoteipheader" => {
                let remedy = "frontgate reads X-Forwarded-For only, and forwarded.trusted_proxies says from which peers: let the proxy in front send it";
                self.report.dropped(place, shown, remedy);
            }
            "remoteiptrustedproxy" | "remoteipinternalproxy" => self.trust(node, &node.args.clone()),
            "remoteiptrustedproxylist" | "remoteipinternalproxylist" => {
                match self.files.text(&self.root.join(node.arg(0))) {
                    Ok(text) => {
                        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
                        let words: Vec<String> = lines.flat_map(str::split_whitespace).map(str::to_owned).collect();
                        self.trust(node, &words);
                    }
                    Err(Unread::Io(error)) => {
                        self.report.dropped(
                            place,
                            shown,
                            format!("it cannot be read ({error}): list the networks in forwarded.trusted_proxies"),
                        );
                    }
                    Err(Unread::Limit(error)) => self.report.dropped(place, shown, error.to_string()),
                }
            }
            "remoteipproxyprotocol" if node.arg(0).eq_ignore_ascii_case("on") => {
                self.proxy_protocol = Some(Origin::of(place, shown));
            }
            "remoteipproxyprotocol" | "remoteipproxyprotocolexceptions" => {
                self.report.not_needed(place, shown, "only listen.proxy_protocol_from may send it");
            }
            _ => self.report.not_needed(place, shown, "frontgate tells the gateway the client only"),
        }
    }

    fn trust(&mut self, node: &ImportNode, words: &[String]) {
        for word in words {
            if let Ok(net) = word.parse::<IpNet>().or_else(|_| word.parse::<IpAddr>().map(IpNet::from)) {
                if !self.draft.trusted_proxies.contains(&net) {
                    self.draft.trusted_proxies.push(net);
                }
                if net.prefix_len() == 0 {
                    self.report.wrong(
                        &node.place,
                        &node.shown,
                        "every client is trusted and may claim any address: name the proxies only",
                    );
                    self.draft.trusted_proxies.retain(|other| *other != net);
                } else {
                    self.report.kept(&node.place, &node.shown, "forwarded.trusted_proxies");
                }
            } else {
                let remedy = format!("`{word}` is a name: write its addresses in forwarded.trusted_proxies");
                self.report.dropped(&node.place, &node.shown, remedy);
            }
        }
    }

    /// Apache takes a PROXY header from every peer.
    pub(super) fn finish_proxy_protocol(&mut self) {
        let Some(Origin { place, shown }) = self.proxy_protocol.take() else { return };
        if self.draft.trusted_proxies.is_empty() {
            let nets = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"];
            self.draft.listen.proxy_protocol_from = nets.iter().filter_map(|net| net.parse().ok()).collect();
            let text = "any client that reached Apache could claim any address. frontgate takes a PROXY header only from \
                        listen.proxy_protocol_from: private networks here; write the balancer's address instead";
            self.report.wrong(&place, &shown, text);
        } else {
            self.draft.listen.proxy_protocol_from = self.draft.trusted_proxies.clone();
        }
        self.report.kept(&place, &shown, "listen.proxy_protocol_from");
    }
}
