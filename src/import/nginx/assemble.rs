//! Puts all servers together.

use super::server::{NginxServer, Role};
use super::translation::Translation;
use crate::import::draft::DraftCertificate;
use crate::import::error::ImportError;

impl<'a> Translation<'a, '_> {
    pub(super) fn assemble(&mut self, servers: &[NginxServer<'a>]) -> Result<(), ImportError> {
        if self.unlimited {
            self.draft.limits.request_body = None;
        }
        if self.old_versions {
            self.draft.tls.min_version = None;
        }
        if self.logs {
            self.draft.access_log = None;
        }
        self.listen(servers);
        self.certificate_names(servers);
        for server in servers {
            let what = match server.role {
                Role::Redirect => "listen.http",
                Role::Reject => "404 for every host that no route has",
                Role::Serve if server.names.hosts.is_empty() => "routes for every other host",
                Role::Serve => "routes for its names",
            };
            self.report.kept(&server.directive.place, &server.directive.shown(), what);
        }
        let routes = self.routes_of_all(servers)?;
        self.settle(routes);
        self.advise(servers);
        Ok(())
    }

    fn certificate_names(&mut self, servers: &[NginxServer<'a>]) {
        for server in servers.iter().filter(|server| server.role == Role::Serve && server.speaks_tls()) {
            for host in &server.names.hosts {
                if !self.draft.tls.names.contains(host) && !host.contains('_') {
                    self.draft.tls.names.push(host.clone());
                }
            }
        }
        let missing = self.no_certificate && self.draft.tls.certificate != DraftCertificate::Local;
        if missing || (self.no_certificate && !self.draft.tls.names.is_empty()) {
            self.report.next("A server speaks TLS without a certificate: frontgate shows one of its own CA, or gets a public one with `tls: { certificate: acme }`");
        }
    }

    fn advise(&mut self, servers: &[NginxServer<'a>]) {
        if servers.is_empty() {
            self.report.next("There is no server in it: import the file that has one");
            return;
        }
        let forwards = self.draft.upstream.is_some() || !self.draft.upstreams.is_empty();
        if forwards {
            self.report.next("The gateway must know its proxy: gateway.trustedProxies has the address that frontgate connects from, such as \"127.0.0.1\"");
            let host = self.draft.tls.names.iter().find(|name| !name.starts_with('*')).cloned();
            if let Some(host) = host {
                self.report.next(format!(
                    "gateway.controlUi.allowedOrigins has the origin that browsers show, such as \"https://{host}\""
                ));
            }
        }
    }
}
