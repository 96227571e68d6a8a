//! [`BasicProof`]: a name and a password (RFC 7617).

use std::net::IpAddr;

use aws_lc_rs::digest::{Context, SHA256};

use super::credentials::Credentials;
use super::passwords::{Passwords, TooManyAttempts};
use super::proof::{FailedAttempt, ProofAnswer};
use super::user::{AuthenticatedUser, ProofKind, SessionKey};
use crate::config::{BasicAuth, PasswordHash};
use crate::http::edge::exchange::RequestExchange;
use crate::observe::clean::{LONGEST, clean};

/// The users of a route, and what checks their passwords.
pub(crate) struct BasicProof {
    users: BasicAuth,
    passwords: Passwords,
}

impl BasicProof {
    /// The proof by the passwords of these users.
    pub(crate) fn new(users: BasicAuth, passwords: Passwords) -> Self {
        Self { users, passwords }
    }

    /// What identifies the logins of a user with the password of the moment; `None` if there is no such user.
    pub(super) fn session(&self, name: &str) -> Option<SessionKey> {
        let (_, hash) = self.users.users.iter().find(|(known, _)| known == name)?;
        let (PasswordHash::Argon2(hash) | PasswordHash::Bcrypt(hash)) = hash;
        let mut digest = Context::new(&SHA256);
        digest.update(name.as_bytes());
        // No name has a colon (RFC 7617 §2).
        digest.update(b":");
        digest.update(hash.as_bytes());
        digest.finish().as_ref().try_into().ok().map(SessionKey)
    }

    /// Whether the request has the name and the password of a user.
    pub(super) async fn ask(&self, exchange: &RequestExchange, client: Option<IpAddr>) -> ProofAnswer {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else { return ProofAnswer::NotOffered };
        let name = credentials.user.clone();
        match self.user(credentials, client).await {
            Ok(Some(user)) => ProofAnswer::Admitted(user),
            Ok(None) => {
                // Only the name of a user that exists: another may be a password in the wrong field.
                let user = self.users.users.iter().map(|(known, _)| known).find(|known| **known == name);
                let user = user.map(|user| clean(user.as_bytes(), LONGEST).into());
                ProofAnswer::Refused(Some(FailedAttempt { user }))
            }
            Err(TooManyAttempts { retry_after }) => ProofAnswer::Paused { retry_after },
        }
    }

    /// The user of a right name and password.
    ///
    /// # Errors
    /// If the password was not looked at, because the client has failed too often or too many requests wait.
    pub(super) async fn user(
        &self,
        credentials: Credentials,
        client: Option<IpAddr>,
    ) -> Result<Option<AuthenticatedUser>, TooManyAttempts> {
        let name = credentials.user.clone();
        let is_right = self.passwords.check(&self.users, credentials, client).await?;
        let session = is_right.then(|| self.session(&name)).flatten();
        Ok(session.map(|session| AuthenticatedUser::new(name.into(), ProofKind::Basic, session)))
    }
}
