//! Servers: from their sections to sites.

use std::net::{IpAddr, SocketAddr};

use super::requirements::ApacheNoted;
use super::scope::{ApacheScope, Here};
use super::{ANY, Apache};
use crate::config::is_label;
use crate::import::ImportError;
use crate::import::draft::DraftCertificate;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::{Rule, respond};
use crate::import::sites::{self, ImportListener, ImportSite};

impl Apache<'_, '_> {
    /// Translates everything: what holds for the whole server first, since the virtual hosts begin with it.
    pub(super) fn servers(&mut self, nodes: &[ImportNode]) -> Result<(), ImportError> {
        let mut global = ApacheScope::default();
        let mut here = Here { paths: vec!["/".into()], ..Here::default() };
        let is_host = |node: &&ImportNode| node.name == "virtualhost";
        for node in nodes.iter().filter(|node| !is_host(node)) {
            self.directive(node, &mut global, &mut here)?;
        }
        self.close(&mut global, here)?;
        let mut scopes = Vec::new();
        for node in nodes.iter().filter(is_host) {
            let mut scope = global.inner();
            scope.listen = node.args.iter().filter_map(|address| self.address(address)).collect();
            let mut here = Here { paths: vec!["/".into()], section: scope.whole.clone(), ..Here::default() };
            for inner in node.body.iter().flatten() {
                self.directive(inner, &mut scope, &mut here)?;
            }
            self.close(&mut scope, here)?;
            scopes.push(((node.place.clone(), node.shown.clone()), scope));
        }
        if let ([], Some(first)) = (scopes.as_slice(), nodes.first()) {
            global.listen = self.listen.iter().map(|(_, addr)| *addr).collect();
            scopes.push(((first.place.clone(), "the server".to_owned()), global));
        }
        self.finish(scopes);
        Ok(())
    }

    /// Ends a server, and takes over what it said about all of its paths.
    fn close(&mut self, scope: &mut ApacheScope, mut here: Here) -> Result<(), ImportError> {
        self.decide(&mut here)?;
        scope.whole = here.section;
        self.conditions_without_rule(scope);
        Ok(())
    }

    fn finish(&mut self, scopes: Vec<(ApacheNoted, ApacheScope)>) {
        let mut sites = Vec::new();
        let mut seen_tls = false;
        for (noted, mut scope) in scopes {
            self.upgrades(&mut scope);
            let door = self.door(&noted, &scope);
            if door == ImportListener::Tls {
                self.server_certificates(&noted, &scope);
            }
            if let (Some((place, shown)), Some(false) | None) = (&scope.proxies, scope.keeps_host) {
                self.report.wrong(place, shown, LOST_HOST);
            }
            if let (Some((place, shown)), false) = (&scope.proxies, scope.opens_websockets) {
                self.report.wrong(place, shown, NO_WEBSOCKETS);
            }
            if let (Some((place, shown)), false) = (&scope.proxies, scope.keeps_paths == (true, true)) {
                self.report.wrong(place, shown, CHANGED_PATHS);
            }
            let paths = scope.paths();
            for ((place, shown), path) in &scope.files {
                match paths.at(path).map(|rule| &rule.answer) {
                    _ if door == ImportListener::Redirect => {
                        self.report.not_needed(place, shown, "every request is redirected");
                    }
                    Some(DraftAnswer::Respond(_)) | None => self.report.dropped(place, shown, FILES),
                    Some(_) => self.report.not_needed(place, shown, "requests for these files go to the gateway"),
                }
            }
            let routes = paths.routes();
            let (place, shown) = &noted;
            let hosts = if scope.names.is_empty() { "every host".to_owned() } else { scope.names.join(", ") };
            let addresses: Vec<String> = scope.listen.iter().map(SocketAddr::to_string).collect();
            let addresses = addresses.join(", ");
            match door {
                ImportListener::Redirect => self.report.kept(place, shown, format!("listen.http: {addresses}")),
                ImportListener::Tls => {
                    self.report.kept(place, shown, format!("listen.https: {addresses}; routes for {hosts}"));
                }
                ImportListener::Plain if routes.is_empty() => {
                    self.report.dropped(
                        place,
                        shown,
                        "nothing in it is forwarded: keep Apache for it, at another port",
                    );
                    continue;
                }
                ImportListener::Plain => {
                    self.report.kept(place, shown, format!("listen.plain: {addresses}; routes for {hosts}"));
                }
            }
            if door == ImportListener::Tls {
                for name in
                    scope.names.iter().filter(|name| !self.draft.tls.names.contains(name)).cloned().collect::<Vec<_>>()
                {
                    self.draft.tls.names.push(name);
                }
            }
            // The first server is also for hosts that no server names.
            let is_default = door != ImportListener::Redirect
                && !(door == ImportListener::Tls && std::mem::replace(&mut seen_tls, true));
            sites.push(ImportSite {
                place: place.clone(),
                directive: shown.clone(),
                hosts: scope.names.clone(),
                is_default,
                door,
                listen: scope.listen.clone(),
                routes,
            });
        }
        if sites.iter().all(|site| site.door == ImportListener::Redirect) {
            self.report.next("Nothing in this config is forwarded to a gateway: set `upstream`");
        }
        for ((place, shown), addr) in std::mem::take(&mut self.listen) {
            let used = sites.iter().any(|site| site.listen.contains(&addr));
            if used {
                self.report.kept(&place, &shown, "listen, as the virtual hosts there say");
            } else {
                self.report.not_needed(&place, &shown, "no virtual host here uses it");
            }
        }
        let has_gateway = sites.iter().any(|site| site.door != ImportListener::Redirect);
        if has_gateway {
            self.report.next("The gateway must know its proxy: gateway.trustedProxies has the address that frontgate connects from, such as \"127.0.0.1\"");
        }
        let secure = sites.iter().find(|site| site.door == ImportListener::Tls);
        if let Some((host, addr)) = secure.and_then(|site| Some((site.hosts.first()?, site.listen.first()?))) {
            let port = if addr.port() == 443 { String::new() } else { format!(":{}", addr.port()) };
            self.report.next(format!(
                "gateway.controlUi.allowedOrigins has the origin that browsers show, such as \"https://{host}{port}\""
            ));
        }
        self.finish_tls();
        self.finish_proxy_protocol();
        self.finish_balancers();
        sites::lay(sites, &mut self.draft, &mut self.report);
    }

    /// What the server's listeners do.
    fn door(&mut self, noted: &ApacheNoted, scope: &ApacheScope) -> ImportListener {
        let at_443 = !scope.listen.is_empty() && scope.listen.iter().all(|addr| addr.port() == 443);
        let (place, shown) = noted;
        match scope.tls {
            Some(true) => return ImportListener::Tls,
            None if at_443 && !scope.certificates.is_empty() => return ImportListener::Tls,
            None if at_443 && self.is_managed(scope) => return ImportListener::Tls,
            _ if at_443 => {
                self.report.wrong(
                    place,
                    shown,
                    "port 443 without SSLEngine on spoke plain HTTP. frontgate speaks TLS there",
                );
                return ImportListener::Tls;
            }
            _ => {}
        }
        if let Some((place, shown)) = &scope.to_https {
            self.report.kept(place, shown, "listen.http, which redirects everything to https");
            return ImportListener::Redirect;
        }
        if self.is_managed(scope) && self.requires_https.is_some() {
            return ImportListener::Redirect;
        }
        ImportListener::Plain
    }

    fn is_managed(&self, scope: &ApacheScope) -> bool {
        self.managed.is_some() && scope.names.iter().any(|name| self.managed_names.contains(name))
    }

    /// The addresses of `<VirtualHost *:443>` and `Listen`.
    pub(super) fn address(&self, text: &str) -> Option<SocketAddr> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.trim_end_matches('*')),
            _ if text.chars().all(|c| c.is_ascii_digit()) => ("*", text),
            _ => (text, ""),
        };
        let port = if port.is_empty() { 80 } else { port.parse().ok()? };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = match host {
            "*" | "_default_" | "" => ANY,
            "0.0.0.0" => IpAddr::from([0, 0, 0, 0]),
            host => host.parse().ok()?,
        };
        // A virtual host is found at an address; it is `Listen` that says what is bound.
        let bound = self.listen.iter().map(|(_, addr)| *addr).find(|addr| addr.port() == port);
        Some(if ip == ANY { bound.unwrap_or(SocketAddr::new(ip, port)) } else { SocketAddr::new(ip, port) })
    }

    /// `ServerName` and `ServerAlias`.
    pub(super) fn server_name(&mut self, node: &ImportNode, scope: &mut ApacheScope) {
        for name in &node.args {
            let bare = name.split_once("://").map_or(name.as_str(), |(_, rest)| rest);
            let bare = bare.trim_end_matches('/');
            let bare = match bare.rsplit_once(':') {
                Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) && !host.contains(':') => host,
                _ => bare,
            };
            let bare = bare.trim_end_matches('.').to_ascii_lowercase();
            if !is_host(&bare) {
                let remedy = format!("`{name}` is no name that routes know: they take names, and `*.` before one");
                self.report.dropped(&node.place, &node.shown, remedy);
                continue;
            }
            if !scope.names.contains(&bare) {
                scope.names.push(bare);
            }
            self.report.kept(&node.place, &node.shown, "tls.names and the hosts of routes");
        }
    }

    /// A rule that answers with 404: what Apache did not forward.
    pub(super) fn not_forwarded(path: &str) -> Rule {
        let comment = vec!["Not forwarded: served by the old proxy itself.".to_owned()];
        Rule { path: path.to_owned(), answer: respond(404), comment, ..Rule::default() }
    }

    /// The certificate that the draft gets at the end.
    fn finish_tls(&mut self) {
        self.draft.tls.min_version = self.tls;
        let Some(acme) = self.managed.take() else { return };
        for name in std::mem::take(&mut self.managed_names) {
            if !self.draft.tls.names.contains(&name) {
                self.draft.tls.names.push(name);
            }
        }
        // The report speaks of them where they are named.
        self.draft.tls.names.retain(|name| !name.starts_with("*."));
        if !self.draft.tls.names.is_empty() {
            self.draft.tls.certificate = DraftCertificate::Acme(acme);
        }
    }
}

/// Whether a route can have it as its host.
fn is_host(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok() || !name.is_empty() && name.split('.').all(is_label)
}

const LOST_HOST: &str = "without `ProxyPreserveHost On` the gateway saw its own address as Host, so its check of the origin fails. frontgate \
                         forwards Host as it came: list the page's origin in gateway.controlUi.allowedOrigins";
const NO_WEBSOCKETS: &str =
    "WebSockets could not open: there is no upgrade=websocket and no ws:// here. frontgate always forwards them";
const CHANGED_PATHS: &str = "Apache changes requests on the way: 404 for %2F in a path, which the Control UI asks for, other paths decoded and \
                             cleaned up, fields that come twice joined, ranges cut out of whole answers. frontgate forwards them as \
                             they come";
const FILES: &str =
    "frontgate serves no files: keep a web server for them, and give it a route with an upstream of its own";
