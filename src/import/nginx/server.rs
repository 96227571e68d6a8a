//! One `server`: where it listens, for which names, and what it does with requests.

use super::https::refuses_all;
use super::listen::NginxListen;
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use crate::import::error::ImportError;
use crate::import::old::DraftRoute;

/// One `server`.
pub(super) struct NginxServer<'a> {
    pub(super) directive: &'a NginxDirective,
    pub(super) listens: Vec<(NginxListen, Option<&'a NginxDirective>)>,
    pub(super) names: NginxNames,
    pub(super) role: Role,
    /// Routes without hosts, but for those that a map names. The last one is for every path.
    pub(super) routes: Vec<DraftRoute>,
}

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The server sends plain requests to https.
    Redirect,
    /// The server turns away clients that ask for a name that no other server has.
    Reject,
    /// The server answers requests.
    Serve,
}

/// The names of a server that routes can have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct NginxNames {
    /// Names in lower case; `*.` and a name for all below it.
    pub(super) hosts: Vec<String>,
}

impl NginxServer<'_> {
    /// Whether the server speaks TLS at any of its addresses.
    pub(super) fn speaks_tls(&self) -> bool {
        self.listens.iter().any(|(listen, _)| listen.tls)
    }
}

impl<'a> Translation<'a, '_> {
    pub(super) fn server(
        &mut self,
        directive: &'a NginxDirective,
        outermost: &NginxScope<'a>,
    ) -> Result<NginxServer<'a>, ImportError> {
        let scope = outermost.inside(directive.inner());
        let names = self.names(&scope);
        let mut listens = self.listens(&scope);
        if scope.last("ssl").is_some_and(|ssl| ssl.first() == "on") {
            for (listen, _) in &mut listens {
                listen.tls = true;
            }
        }
        for ssl in scope.own().iter().filter(|one| one.name == "ssl") {
            self.report.kept(&ssl.place, &ssl.shown(), "listen.https");
        }
        let tls = listens.iter().any(|(listen, _)| listen.tls);
        let rejects = scope.own().iter().any(|one| one.name == "ssl_reject_handshake" && one.first() == "on");
        if tls && !rejects {
            self.tls(&scope);
        }
        self.real_ip(&scope, &listens);
        self.client_side(&scope);
        let mut server = NginxServer { directive, listens, names, role: Role::Serve, routes: Vec::new() };
        if rejects || refuses_all(&scope) {
            server.role = Role::Reject;
            self.rejecting(&scope);
            return Ok(server);
        }
        let to_https = self.sends_to_https(&scope, tls);
        if to_https && !tls {
            server.role = Role::Redirect;
            self.redirecting(&scope);
        } else {
            server.routes = self.routes(&scope)?;
        }
        Ok(server)
    }

    fn listens(&mut self, scope: &NginxScope<'a>) -> Vec<(NginxListen, Option<&'a NginxDirective>)> {
        let mut listens = Vec::new();
        for directive in scope.own().iter().filter(|one| one.name == "listen") {
            let (place, shown) = (&directive.place, directive.shown());
            match NginxListen::read(directive) {
                Some(listen) if listen.quic => {
                    self.report.dropped(place, &shown, "frontgate speaks HTTP/1.1 and HTTP/2: close the UDP port");
                }
                Some(listen) => listens.push((listen, Some(directive))),
                None => {
                    self.report.dropped(
                        place,
                        &shown,
                        "its address cannot be told: add it to `listen` as ADDRESS:PORT",
                    );
                }
            }
        }
        if listens.is_empty() && !scope.own().iter().any(|one| one.name == "listen") {
            listens.push((NginxListen::implied(), None));
        }
        listens
    }

    /// Whether the report does not mention the directive yet.
    pub(super) fn is_new(&self, directive: &NginxDirective) -> bool {
        !self.report.mentions(&directive.place)
    }
}
