//! [`RouteLogins`]: what the logins of a configuration are made of, before anything runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;

use super::error::StartError;
use super::gateways::Gateways;
use super::issuers::Issuers;
use crate::config::{Auth, Config, HostPattern, LoginRules};
use crate::http::auth::basic::BasicProof;
use crate::http::auth::forward::ForwardProof;
use crate::http::auth::login_proofs::LoginProofs;
use crate::http::auth::mtls::MtlsProof;
use crate::http::auth::oidc::proof::OidcProof;
use crate::http::auth::passwords::Passwords;
use crate::http::auth::token::TokenProof;
use crate::http::route::guard::AccessGuard;
use crate::http::route::protected::{Login, ProtectedFields};
use crate::tls::{AskedClients, ClientVerification, RouteClientCa};

/// What the logins of a configuration are made of.
pub(super) struct RouteLogins<'a> {
    config: &'a Config,
    gateways: &'a Gateways,
    issuers: &'a Issuers,
    passwords: Passwords,
    /// The CAs of clients, and the files that they were read from.
    cas: Vec<(PathBuf, RouteClientCa)>,
    pub(super) protected: RouteProtectedFields,
}

impl<'a> RouteLogins<'a> {
    /// Reads the files that the logins name.
    ///
    /// # Errors
    /// A CA of clients cannot be used.
    pub(super) fn plan(
        config: &'a Config,
        passwords: Passwords,
        gateways: &'a Gateways,
        issuers: &'a Issuers,
    ) -> Result<Self, StartError> {
        let files = config.logins().filter_map(|(_, rules)| rules.mtls.as_ref()).map(|mtls| &mtls.ca);
        let mut cas: Vec<(PathBuf, RouteClientCa)> = Vec::new();
        for file in files {
            if cas.iter().all(|(known, _)| known != file) {
                cas.push((file.clone(), RouteClientCa::open(file)?));
            }
        }
        Ok(Self { config, gateways, issuers, passwords, cas, protected: RouteProtectedFields::new(config) })
    }

    /// The guard of the route of this name that asks for a login by these rules.
    pub(super) fn guard(&self, route: &Arc<str>, rules: &LoginRules) -> Arc<AccessGuard> {
        let LoginRules { basic, token, mtls, forward, .. } = rules;
        let proofs = LoginProofs {
            mtls: mtls.as_ref().and_then(|mtls| self.ca(&mtls.ca)).map(MtlsProof::new),
            token: token.as_ref().map(TokenProof::new),
            basic: basic.as_ref().map(|users| BasicProof::new(users.clone(), self.passwords.clone())),
            oidc: self.oidc(rules),
            forward: forward.as_ref().map(|forward| {
                let service = self.gateways.login_service(self.config, forward);
                let protected = Arc::clone(&self.protected.here);
                ForwardProof::new(service, forward.answer_headers.clone(), forward.cache, protected)
            }),
        };
        Arc::new(AccessGuard::new(Arc::clone(route), rules, proofs))
    }

    /// The logins at the issuer of these rules.
    pub(super) fn oidc(&self, rules: &LoginRules) -> Option<OidcProof> {
        self.issuers.proof(rules.oidc.as_ref()?)
    }

    /// The clients that are asked for a certificate because of a route, with settings that `server` makes.
    pub(super) fn asked_clients(
        &self,
        config: &Config,
        server: impl FnOnce(Option<&ClientVerification>) -> Arc<ServerConfig>,
    ) -> AskedClients {
        let Ok(clients) = ClientVerification::of_routes(self.cas.iter().map(|(_, ca)| ca)) else {
            // There is no CA, so no route asks.
            return AskedClients::None;
        };
        let asks = |auth: &Auth| auth.rules().is_some_and(|rules| rules.mtls.is_some());
        let routes = config.all_routes();
        let asking = routes.iter().filter(|route| asks(config.auth_of(route)));
        let hosts: Vec<Option<HostPattern>> = asking.map(|route| route.matchers.host.clone()).collect();
        AskedClients::Of(hosts, server(Some(&clients)))
    }

    fn ca(&self, file: &Path) -> Option<RouteClientCa> {
        self.cas.iter().find(|(known, _)| known == file).map(|(_, ca)| ca.clone())
    }
}

/// The fields that only some clients may send.
pub(super) struct RouteProtectedFields {
    /// For routes that ask for a login.
    pub(super) here: Arc<ProtectedFields>,
    /// For routes that do not.
    pub(super) elsewhere: Arc<ProtectedFields>,
}

impl RouteProtectedFields {
    fn new(config: &Config) -> Self {
        // A field that names the user on one route must not come from the client on another.
        let all = || config.routes.iter().filter_map(|route| route.auth.as_ref()).chain([&config.auth]);
        let fields = |login| {
            let users = all().filter_map(Auth::rules).flat_map(LoginRules::identity_fields);
            // One that has expired is as little the gateway's.
            let services = all().filter_map(Auth::rules).filter_map(|rules| rules.token.as_ref());
            let tokens = services.flat_map(|token| &token.tokens).map(|(_, token)| token.sha256);
            let sticky = config.upstreams.iter().filter_map(|(_, group)| group.sticky.as_ref());
            let cookies = sticky.map(|sticky| sticky.cookie.clone());
            Arc::new(ProtectedFields::new(users, &config.forwarded.strip, login).hiding(tokens, cookies))
        };
        Self { here: fields(Login::Here), elsewhere: fields(Login::Elsewhere) }
    }

    pub(super) fn of(&self, auth: &Auth) -> Arc<ProtectedFields> {
        match auth {
            Auth::None => Arc::clone(&self.elsewhere),
            Auth::Login(_) => Arc::clone(&self.here),
        }
    }
}
