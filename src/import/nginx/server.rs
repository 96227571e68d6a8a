//! The servers and listeners of a configuration, as a tree.

use super::listen::NginxListen;
use super::locations::Locations;
use super::parser::NginxDirective;
use super::rewrite::NginxRules;
use super::scope::NginxScope;
use super::state::NginxState;
use super::translation::{ClientCertificates, Translation};
use super::values::Constants;
use crate::config::BindAddr;
use crate::import::draft::DraftAnswer;
use crate::import::error::ImportError;
use crate::import::matching::DraftMatch;
use crate::import::tree::{HostName, ImportListener, ImportRule, ImportServer, ImportTree, Origin, Part};

/// Variables of which a server has one value at each of its listeners.
const OF_LISTENERS: [&str; 4] = ["$scheme", "$https", "$server_port", "$ssl_"];

impl<'a> Translation<'a, '_> {
    /// All servers, and where they listen.
    pub(super) fn tree(&mut self) -> Result<ImportTree, ImportError> {
        let outermost = NginxScope::outermost(self.http);
        let blocks: Vec<&'a NginxDirective> =
            self.http.iter().filter(|one| one.name == "server" && one.block.is_some()).collect();
        self.look_ahead(&blocks, &outermost);
        let mut listens = Vec::new();
        for block in &blocks {
            listens.push(self.listens(&outermost.inside(block.inner()))?);
        }
        // One server that speaks TLS at an address makes all of them speak it.
        let tls: Vec<BindAddr> =
            listens.iter().flatten().filter(|(listen, _)| listen.tls).map(|(listen, _)| listen.addr.clone()).collect();
        for (listen, _) in listens.iter_mut().flatten() {
            listen.tls |= tls.contains(&listen.addr);
        }
        let mut tree = ImportTree::default();
        let mut defaults: Vec<bool> = Vec::new();
        for (block, listens) in blocks.iter().zip(&listens) {
            self.server(block, listens, &outermost, &mut tree, &mut defaults)?;
        }
        if self.unlimited {
            self.draft.limits.request_body = None;
        }
        if self.old_versions {
            self.draft.tls.min_version = None;
        }
        if self.logs {
            self.draft.access_log = None;
        }
        Ok(tree)
    }

    /// Finds out what holds for all servers together.
    fn look_ahead(&mut self, blocks: &[&'a NginxDirective], outermost: &NginxScope<'a>) {
        let scopes: Vec<NginxScope<'a>> = blocks.iter().map(|block| outermost.inside(block.inner())).collect();
        let asks = |scope: &NginxScope<'a>| scope.last("ssl_verify_client").map(NginxDirective::first);
        let insists = |scope: &NginxScope<'a>| {
            scope.own().iter().any(|one| {
                one.name == "if"
                    && matches!(
                        &*one.args.join(" "),
                        "($ssl_client_verify != SUCCESS)" | "($ssl_client_verify != \"SUCCESS\")"
                    )
                    && one.inner().iter().any(|inner| inner.name == "return" && inner.first().starts_with('4'))
            })
        };
        let required =
            |scope: &NginxScope<'a>| asks(scope) == Some("on") || (asks(scope) == Some("optional") && insists(scope));
        if scopes.iter().any(required) {
            self.client_certificates = ClientCertificates::Required;
        }
        let believed = |scope: &NginxScope<'a>| {
            let words = |name: &str| scope.all(name).into_iter().map(|one| one.args.clone()).collect::<Vec<_>>();
            (words("set_real_ip_from"), words("real_ip_header"))
        };
        let serves = |scope: &&NginxScope<'a>| scope.own().iter().any(|one| one.name == "location");
        let mut all = scopes.iter().filter(serves).map(believed);
        if let Some(first) = all.next() {
            self.clients_differ = all.any(|other| other != first);
        }
    }

    fn listens(
        &mut self,
        scope: &NginxScope<'a>,
    ) -> Result<Vec<(NginxListen, Option<&'a NginxDirective>)>, ImportError> {
        let mut listens = Vec::new();
        let ssl = scope.last("ssl").is_some_and(|ssl| ssl.first() == "on");
        for directive in scope.own().iter().filter(|one| one.name == "listen") {
            let (place, shown) = (&directive.place, directive.shown());
            let Some(mut listen) = NginxListen::read(directive) else {
                let expected = "a port, an address of IPv4 or IPv6, or unix:/path, which is what frontgate listens at";
                return Err(ImportError::syntax(place, format!("`{shown}`"), expected));
            };
            if listen.quic {
                self.report.dropped(place, &shown, "frontgate speaks HTTP/1.1 and HTTP/2: close the UDP port");
                continue;
            }
            if listen.proxy_protocol && self.draft.listen.proxy_protocol_from.is_empty() {
                let remedy =
                    "name the balancers in listen.proxy_protocol_from: no other peer may name a client's address";
                self.report.dropped(place, &shown, remedy);
            }
            listen.tls |= ssl;
            listens.push((listen, Some(directive)));
        }
        if !scope.own().iter().any(|one| one.name == "listen") {
            let mut implied = NginxListen::implied();
            implied.tls |= ssl;
            listens.push((implied, None));
        }
        for ssl in scope.own().iter().filter(|one| one.name == "ssl") {
            self.report.kept(&ssl.place, &ssl.shown(), "whether its listeners are in listen.https");
        }
        Ok(listens)
    }

    fn server(
        &mut self,
        block: &'a NginxDirective,
        listens: &[(NginxListen, Option<&'a NginxDirective>)],
        outermost: &NginxScope<'a>,
        tree: &mut ImportTree,
        defaults: &mut Vec<bool>,
    ) -> Result<(), ImportError> {
        let scope = outermost.inside(block.inner());
        let names = self.names(&scope);
        let rejects = scope.own().iter().any(|one| one.name == "ssl_reject_handshake" && one.first() == "on");
        if listens.iter().any(|(listen, _)| listen.tls) && !rejects {
            self.tls(&scope);
        }
        self.real_ip(&scope, listens);
        self.client_side(&scope);
        let name = scope.last("server_name").map_or("", NginxDirective::first).to_owned();
        let constants = |tls, port| Constants { tls, port, name: name.clone() };
        let of = |listen: &NginxListen| match &listen.addr {
            BindAddr::Tcp(addr) => constants(Some(listen.tls), Some(addr.port())),
            BindAddr::Unix(_) => constants(Some(listen.tls), None),
        };
        // Where variables of listeners matter, the server is another one at each of them.
        let mut variants: Vec<(Constants, usize)> = Vec::new();
        let differs = mentions(block, &OF_LISTENERS) || self.maps.values().any(|map| mentions(map, &OF_LISTENERS));
        let all: Vec<Constants> = listens.iter().map(|(listen, _)| of(listen)).collect();
        let common = |pick: fn(&Constants) -> Option<bool>| {
            all.first().and_then(pick).filter(|value| all.iter().all(|one| pick(one) == Some(*value)))
        };
        let port = all.first().and_then(|one| one.port).filter(|port| all.iter().all(|one| one.port == Some(*port)));
        let shared = constants(common(|one| one.tls), port);
        for ((listen, directive), own) in listens.iter().zip(&all) {
            let own = if differs { own.clone() } else { shared.clone() };
            let known = variants.iter().find(|(constants, _)| *constants == own).map(|(_, index)| *index);
            let index = if let Some(index) = known {
                index
            } else {
                let rules = if rejects { rejecting(&scope) } else { self.rules(&scope, own.clone())? };
                let server = ImportServer { origin: block.origin(), hosts: names.hosts.clone(), rules };
                // Hosts that no other name takes may be those that cannot be told.
                let untold = names.untold.as_ref().map(|origin| shut(&server, origin));
                tree.servers.push(server);
                let index = tree.servers.len() - 1;
                tree.servers.extend(untold);
                variants.push((own, index));
                index
            };
            put(tree, defaults, listen, *directive, index);
            if names.untold.is_some() {
                put(tree, defaults, listen, None, index + 1);
            }
        }
        Ok(())
    }

    fn rules(&mut self, scope: &NginxScope<'a>, constants: Constants) -> Result<Vec<ImportRule>, ImportError> {
        let mut server =
            NginxRules { scope: scope.clone(), locations: Locations::of(scope), constants, rules: Vec::new() };
        self.run(&mut server, NginxState::begin(scope.clone()))?;
        Ok(server.rules)
    }
}

/// Puts a server at an address.
fn put(
    tree: &mut ImportTree,
    defaults: &mut Vec<bool>,
    listen: &NginxListen,
    directive: Option<&NginxDirective>,
    server: usize,
) {
    let known = tree.listeners.iter().position(|listener| listener.address == listen.addr);
    let index = known.unwrap_or_else(|| {
        tree.listeners.push(ImportListener {
            address: listen.addr.clone(),
            only_v6: matches!(&listen.addr, BindAddr::Tcp(addr) if addr.is_ipv6() && addr.ip().is_unspecified()),
            tls: listen.tls,
            servers: Vec::new(),
            default: server,
            origins: Vec::new(),
        });
        defaults.push(false);
        tree.listeners.len() - 1
    });
    let listener = &mut tree.listeners[index];
    listener.only_v6 &= !listen.dual;
    listener.servers.push(server);
    listener.origins.extend(directive.map(NginxDirective::origin));
    if listen.is_default && !defaults[index] {
        listener.default = server;
        defaults[index] = true;
    }
}

/// The server for hosts of which it is not known whether they are those of `server`.
fn shut(server: &ImportServer, origin: &Origin) -> ImportServer {
    let mut rules = server.rules.clone();
    for rule in &mut rules {
        rule.shut(origin, "it is not known which hosts it means", "Write the names out");
    }
    ImportServer { hosts: vec![HostName::Regex("^".to_owned())], rules, origin: server.origin.clone() }
}

/// The rules of a server that refuses every handshake.
fn rejecting(scope: &NginxScope<'_>) -> Vec<ImportRule> {
    let mut rule = ImportRule::new(DraftMatch::default(), DraftAnswer::status(444));
    for one in scope.own() {
        if one.name != "listen" && one.name != "server_name" {
            rule.say(&one.origin(), Part::Answer);
        }
    }
    vec![rule]
}

/// Whether one of the variables is in the block.
fn mentions(block: &NginxDirective, variables: &[&str]) -> bool {
    let has = |text: &String| {
        variables.iter().any(|variable| text.contains(variable) || text.contains(&variable.replace('$', "${")))
    };
    block.args.iter().any(has) || block.inner().iter().any(|one| mentions(one, variables))
}
