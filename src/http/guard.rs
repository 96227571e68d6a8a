//! [`Guard`]: lets nobody pass who has not said who it is, upgrades included.

use std::sync::Arc;

use http::HeaderValue;

use super::credentials::Credentials;
use super::error::Failure;
use super::exchange::Exchange;
use super::passwords::{Passwords, TooMany};
use crate::config::Basic;
use crate::observe::access::{Access, Address};
use crate::observe::clean::{LONGEST, clean};

/// Who may pass.
pub struct Guard {
    /// By name and password.
    pub basic: Basic,
    /// What checks those.
    pub passwords: Passwords,
}

impl Guard {
    /// Lets a request pass, and writes down whose it is.
    ///
    /// # Errors
    /// Nobody knows who it is, or too many ask at once.
    pub async fn check(&self, exchange: &mut Exchange, access: &mut Access) -> Result<(), Failure> {
        let user = self.admit(exchange, access).await?;
        if let Some(name) = &self.basic.user_header {
            // A name that no field can carry must not pass as no name.
            let value = HeaderValue::from_bytes(user.as_bytes()).map_err(|_| Failure::LoginRequired)?;
            exchange.user = Some((name.clone(), value));
        }
        access.user = Some(user);
        Ok(())
    }

    /// The user's name.
    async fn admit(&self, exchange: &Exchange, access: &Access) -> Result<Arc<str>, Failure> {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else { return Err(Failure::LoginRequired) };
        let user: Arc<str> = credentials.user.as_str().into();
        match self.passwords.check(&self.basic, credentials, access.client.addr).await {
            Ok(true) => Ok(user),
            Ok(false) => {
                // Only a name that there is: others may be a password in the wrong place.
                let user = self.basic.users.iter().map(|(name, _)| name).find(|name| **name == *user);
                let user = user.map(|user| clean(user.as_bytes(), LONGEST));
                let (id, client) = (exchange.id.as_str(), Address(access.client.addr));
                tracing::info!(id, %client, user = user.as_deref(), "login failed");
                Err(Failure::LoginRequired)
            }
            Err(TooMany { retry_after }) => Err(Failure::TooManyLogins { retry_after }),
        }
    }
}
