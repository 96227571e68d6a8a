//! [`BasicProof`]: a name and a password (RFC 7617).

use std::net::IpAddr;

use super::credentials::Credentials;
use super::passwords::{Passwords, TooManyAttempts};
use super::proof::ProofAnswer;
use super::user::{AuthenticatedUser, ProofKind, SessionKey};
use crate::config::BasicAuth;
use crate::http::edge::exchange::RequestExchange;
use crate::observe::access::LoggedAddress;
use crate::observe::clean::{LONGEST, clean};

/// The users of a route, and what checks their passwords.
pub(crate) struct BasicProof {
    /// The users and their passwords.
    pub(crate) users: BasicAuth,
    /// Checks the passwords.
    pub(crate) passwords: Passwords,
}

impl BasicProof {
    /// Whether the request has the name and the password of a user.
    pub(super) async fn ask(&self, exchange: &RequestExchange, client: Option<IpAddr>) -> ProofAnswer {
        let Some(credentials) = Credentials::of(&exchange.head.headers) else { return ProofAnswer::NotOffered };
        let name = credentials.user.clone();
        match self.passwords.check(&self.users, credentials, client).await {
            Ok(Some(session)) => {
                ProofAnswer::Admitted(AuthenticatedUser::new(name.into(), ProofKind::Basic, SessionKey(session)))
            }
            Ok(None) => {
                // Only the name of a user that exists: another may be a password in the wrong field.
                let user = self.users.users.iter().map(|(known, _)| known).find(|known| **known == name);
                let user = user.map(|user| clean(user.as_bytes(), LONGEST));
                let (id, client) = (exchange.id.as_str(), LoggedAddress(client));
                tracing::info!(id, %client, user = user.as_deref(), "login failed");
                ProofAnswer::Refused
            }
            Err(TooManyAttempts { retry_after }) => ProofAnswer::Paused { retry_after },
        }
    }
}
