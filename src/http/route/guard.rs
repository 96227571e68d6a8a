//! [`AccessGuard`]: lets nobody pass who has not said who it is, upgrades included.

use std::sync::Arc;

use http::HeaderValue;

use crate::config::BasicAuth;
use crate::http::auth::credentials::Credentials;
use crate::http::auth::passwords::{Passwords, TooManyAttempts};
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::observe::access::{AccessLine, LoggedAddress};
use crate::observe::clean::{LONGEST, clean};

/// Who may pass.
pub struct AccessGuard {
    /// By name and password.
    pub basic: BasicAuth,
    /// What checks those.
    pub passwords: Passwords,
}

impl AccessGuard {
    /// Lets a request pass, and writes down whose it is.
    ///
    /// # Errors
    /// Nobody knows who it is, or too many ask at once.
    pub async fn check(&self, exchange: &mut RequestExchange, access: &mut AccessLine) -> Result<(), RequestFailure> {
        let user = self.admit(exchange, access).await?;
        if let Some(name) = &self.basic.user_header {
            // A name that no field can carry must not pass as no name.
            let value = HeaderValue::from_bytes(user.as_bytes()).map_err(|_| RequestFailure::LoginRequired)?;
            exchange.user = Some((name.clone(), value));
        }
        access.user = Some(user);
        Ok(())
    }

    /// The user's name.
    async fn admit(&self, exchange: &RequestExchange, access: &AccessLine) -> Result<Arc<str>, RequestFailure> {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else {
            return Err(RequestFailure::LoginRequired);
        };
        let user: Arc<str> = credentials.user.as_str().into();
        match self.passwords.check(&self.basic, credentials, access.client.addr).await {
            Ok(true) => Ok(user),
            Ok(false) => {
                // Only a name that there is: others may be a password in the wrong place.
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
