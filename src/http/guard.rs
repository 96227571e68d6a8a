//! [`Guard`]: lets nobody pass who has not said who it is, upgrades included.

use std::sync::Arc;

use http::HeaderValue;

use super::credentials::Credentials;
use super::error::Failure;
use super::exchange::Exchange;
use super::passwords::Passwords;
use crate::config::Basic;
use crate::observe::access::Access;

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
        let user = self.admit(exchange).await?;
        if let Some(name) = &self.basic.user_header {
            // A name that no field can carry must not pass as no name.
            let value = HeaderValue::from_bytes(user.as_bytes()).map_err(|_| Failure::LoginRequired)?;
            exchange.user = Some((name.clone(), value));
        }
        access.user = Some(user);
        Ok(())
    }

    /// The user's name.
    async fn admit(&self, exchange: &Exchange) -> Result<Arc<str>, Failure> {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else { return Err(Failure::LoginRequired) };
        let user: Arc<str> = credentials.user.as_str().into();
        match self.passwords.check(&self.basic, credentials).await {
            Ok(true) => Ok(user),
            Ok(false) => Err(Failure::LoginRequired),
            Err(super::passwords::Busy) => Err(Failure::TooManyLogins),
        }
    }
}
