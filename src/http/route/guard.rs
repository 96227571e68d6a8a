//! [`AccessGuard`]: lets only requests pass that carry a valid login, upgrades included.

use std::sync::Arc;

use http::HeaderValue;

use crate::config::BasicAuth;
use crate::http::auth::credentials::Credentials;
use crate::http::auth::passwords::{Passwords, TooManyAttempts};
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::observe::access::{AccessLine, LoggedAddress};
use crate::observe::clean::{LONGEST, clean};

/// The login that a route asks for.
pub(crate) struct AccessGuard {
    /// The users and their passwords.
    pub(crate) basic: BasicAuth,
    /// Checks the passwords.
    pub(crate) passwords: Passwords,
}

impl AccessGuard {
    /// Lets a request pass, and notes its user in the exchange and in the log line.
    ///
    /// # Errors
    /// If the request has no valid login, or too many are checked at once.
    pub(crate) async fn check(
        &self,
        exchange: &mut RequestExchange,
        access: &mut AccessLine,
    ) -> Result<(), RequestFailure> {
        let user = self.admit(exchange, access).await?;
        if !self.basic.user_headers.is_empty() {
            // A name that no field can carry must not pass as no name.
            let value = HeaderValue::from_bytes(user.as_bytes()).map_err(|_| RequestFailure::LoginRequired)?;
            let fields = self.basic.user_headers.iter().map(|name| (name.clone(), value.clone()));
            exchange.user = fields.collect();
        }
        access.user = Some(user);
        Ok(())
    }

    /// The name of the user that the request is let in for.
    async fn admit(&self, exchange: &RequestExchange, access: &AccessLine) -> Result<Arc<str>, RequestFailure> {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else {
            return Err(RequestFailure::LoginRequired);
        };
        let user: Arc<str> = credentials.user.as_str().into();
        match self.passwords.check(&self.basic, credentials, access.client.addr).await {
            Ok(true) => Ok(user),
            Ok(false) => {
                // Only the name of a user that exists: another may be a password in the wrong field.
                let user = self.basic.users.iter().map(|(name, _)| name).find(|name| **name == *user);
                let user = user.map(|user| clean(user.as_bytes(), LONGEST));
                let (id, client) = (exchange.id.as_str(), LoggedAddress(access.client.addr));
                tracing::info!(id, %client, user = user.as_deref(), "login failed");
                Err(RequestFailure::LoginRequired)
            }
            Err(TooManyAttempts { retry_after }) => Err(RequestFailure::TooManyLogins { retry_after }),
        }
    }
}
