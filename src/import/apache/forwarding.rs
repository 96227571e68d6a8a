//! What a server says about forwarding besides where to: `ProxyPreserveHost`, `ProxyTimeout` and the like.

use super::Apache;
use super::known::seconds;
use super::scope::{ApacheServer, SectionBody};
use crate::import::node::ImportNode;

impl Apache<'_, '_> {
    /// Directives about forwarding that hold for a server.
    pub(super) fn forwarding(&mut self, node: &ImportNode, server: &mut ApacheServer, body: &mut SectionBody) {
        let (place, shown) = (&node.place, &node.shown);
        let on = node.arg(0).eq_ignore_ascii_case("on");
        match node.name.as_str() {
            "proxypreservehost" if on => {
                server.keeps_host = Some(true);
                self.report.not_needed(place, shown, "Host goes on as it came");
            }
            "proxypreservehost" => {
                server.keeps_host = Some(false);
                self.report.wrong(
                    place,
                    shown,
                    "the gateway compares Host with the page's origin. frontgate forwards Host as it came",
                );
            }
            "proxyaddheaders" if on => {
                self.report.not_needed(place, shown, "frontgate always sends the client's address");
            }
            "proxyaddheaders" => self.report.wrong(place, shown, NO_ATTRIBUTION),
            "proxyrequests" if on => {
                self.report.wrong(
                    place,
                    shown,
                    "with it Apache forwards any client anywhere. frontgate forwards to its gateways only",
                );
            }
            "proxyrequests" => self.report.not_needed(place, shown, "frontgate forwards to its gateways only"),
            "timeout" | "proxytimeout" => match seconds(node.arg(0)) {
                Some(time) => body.timeouts.extend(self.waiting(node, time)),
                None => self.report.dropped(place, shown, "it is no time: set timeouts.read"),
            },
            _ => {
                let settings = node.args.clone();
                body.timeouts.extend(self.settings(node, &settings));
            }
        }
    }
}

const NO_ATTRIBUTION: &str = "without forwarding headers the gateway takes every browser for a local one and pairs it with admin rights. \
                              frontgate always sends the client's address: set gateway.trustedProxies";
