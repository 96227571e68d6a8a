//! [`AccessGuard`]: lets only requests pass that carry a valid login, upgrades included.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response};

use crate::config::{Exemption, LoginRules, ScopeCaps};
use crate::http::auth::live_logins::OpeningLogin;
use crate::http::auth::login_proofs::{LoginAnswer, LoginProofs};
use crate::http::auth::recheck::{LoginRecheck, LoginStanding, Look};
use crate::http::auth::user::AuthenticatedUser;
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::{LoginChallenge, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::AccessLine;
use crate::websocket::handshake;

/// The login that a route asks for.
pub(crate) struct AccessGuard {
    proofs: LoginProofs,
    /// The name of the route.
    route: Arc<str>,
    recheck: Option<Duration>,
    user_headers: Vec<HeaderName>,
    scopes: Option<ScopeCaps>,
    exempt: Vec<Exemption>,
}

impl AccessGuard {
    /// A guard of the route of this name that asks `proofs`, with the other settings of `rules`.
    pub(crate) fn new(route: Arc<str>, rules: &LoginRules, proofs: LoginProofs) -> Self {
        let LoginRules { user_headers, scopes, recheck, exempt, .. } = rules.clone();
        Self { proofs, route, recheck, user_headers, scopes, exempt }
    }

    /// Lets a request pass, and notes its user in the exchange and in the log line; or else the answer that the client
    /// gets.
    ///
    /// # Errors
    /// If the request has no valid login, or that cannot be known now.
    pub(crate) async fn check(
        self: Arc<Self>,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<Option<Response<AnswerBody>>, RequestFailure> {
        if self.is_exempt(exchange) {
            return Ok(None);
        }
        let asked = self.proofs.ask(exchange, access.client.addr, &access.metrics().auth).await;
        match asked? {
            LoginAnswer::Answer(answer) => Ok(Some(answer)),
            LoginAnswer::Admitted(mut user) => {
                self.tell(&mut user)?;
                access.user = Some(Arc::clone(&user.name));
                exchange.login = Some(OpeningLogin { user: Arc::new(user), recheck: self });
                Ok(None)
            }
        }
    }

    fn is_exempt(&self, exchange: &RequestExchange) -> bool {
        let head = &exchange.head;
        let upgrades = || {
            exchange.upgrade_slot.is_some()
                && handshake::is_upgrade(&head.method, head.version, &head.headers, !exchange.body.is_empty())
        };
        let path = exchange.stripped_target.as_ref().unwrap_or(&exchange.target).path();
        !self.exempt.is_empty() && {
            let is_upgrade = upgrades();
            self.exempt.iter().any(|exemption| exemption.takes(path, &head.method, is_upgrade))
        }
    }

    /// Adds the fields that tell the gateway the user's name, and the most that the user may do.
    fn tell(&self, user: &mut AuthenticatedUser) -> Result<(), RequestFailure> {
        if !self.user_headers.is_empty() {
            // A name that no field can carry must not pass as no name.
            let value = HeaderValue::from_bytes(user.name.as_bytes())
                .map_err(|_| RequestFailure::LoginRequired(LoginChallenge::Bearer))?;
            user.fields.extend(self.user_headers.iter().map(|name| (name.clone(), value.clone())));
        }
        if let Some(scopes) = &self.scopes {
            // The gateway splits the field at commas.
            let value = HeaderValue::try_from(scopes.of(&user.name).join(",")).map_err(|_| RequestFailure::Internal)?;
            user.fields.push((SCOPES, value));
        }
        Ok(())
    }
}

impl LoginRecheck for AccessGuard {
    fn route(&self) -> &Arc<str> {
        &self.route
    }

    fn every(&self) -> Option<Duration> {
        self.recheck
    }

    fn stands<'a>(
        &'a self,
        user: &'a AuthenticatedUser,
        look: Look,
    ) -> Pin<Box<dyn Future<Output = LoginStanding> + Send + 'a>> {
        Box::pin(self.proofs.stands(user, look))
    }
}

/// Caps the scopes of a request at the gateway (gateway/trusted-proxy-auth.md of OpenClaw); empty, it has none.
const SCOPES: HeaderName = HeaderName::from_static("x-openclaw-scopes");
