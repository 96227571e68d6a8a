//! The layer that lets nobody pass who has not said who it is, upgrades included.

use std::sync::Arc;

use http::{HeaderValue, Response};

use super::body::Body;
use super::credentials::Credentials;
use super::error::Failure;
use super::exchange::Exchange;
use super::handle::Handle;
use super::passwords::Passwords;
use crate::config::Basic;
use crate::observe::access::Access;

/// The layer that asks who it is, where a route wants to know.
pub struct Guarded<H> {
    /// What comes next.
    pub inner: H,
    /// Who may pass; `None` is everybody.
    pub guard: Option<Arc<Guard>>,
}

/// Who may pass.
pub struct Guard {
    /// By name and password.
    pub basic: Basic,
    /// What checks those.
    pub passwords: Passwords,
}

impl<H: Handle> Handle for Guarded<H> {
    async fn handle(&self, exchange: &mut Exchange, access: &mut Access) -> Result<Response<Body>, Failure> {
        if let Some(guard) = &self.guard {
            let user = guard.admit(exchange).await?;
            if let Some(name) = &guard.basic.user_header {
                // A name that no field can carry must not pass as no name.
                let value = HeaderValue::from_bytes(user.as_bytes()).map_err(|_| Failure::LoginRequired)?;
                exchange.user = Some((name.clone(), value));
            }
            access.user = Some(user);
        }
        self.inner.handle(exchange, access).await
    }
}

impl Guard {
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
