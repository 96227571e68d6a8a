//! [`LoginCost`]: what the proofs cost a request, apart from the request itself, for `tests/bench/counts`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use http::HeaderMap;

use super::basic::BasicProof;
use super::credentials::Credentials;
use super::passwords::Passwords;
use super::token::TokenProof;
use crate::config::{BasicAuth, PasswordHash, ServiceToken, TokenAuth, TokenHash};

/// The proofs of a route with one user and one service, asked as a request asks them.
pub struct LoginCost {
    basic: BasicProof,
    token: TokenProof,
}

impl LoginCost {
    /// A user `ann` with a password of this bcrypt hash, and a service with this token.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn new(password_hash: &str, token: &str) -> Result<Self, Unspecified> {
        let users = vec![("ann".to_owned(), PasswordHash::Bcrypt(password_hash.to_owned()))];
        let sha256 = TokenHash(digest(&SHA256, token.as_bytes()).as_ref().try_into().unwrap_or_default());
        let tokens = vec![("robot".to_owned(), ServiceToken { sha256, expires: None })];
        let basic = BasicProof::new(BasicAuth { users }, Passwords::new(None)?);
        Ok(Self { basic, token: TokenProof::new(&TokenAuth { tokens }) })
    }

    /// Whether the password in these fields is right, and whose login that is. Only the first time it is hashed.
    pub async fn password(&self, headers: &HeaderMap) -> bool {
        match Credentials::of(headers) {
            Some(credentials) => self.basic.user(credentials, None).await.is_ok_and(|user| user.is_some()),
            None => false,
        }
    }

    /// Whether the token in these fields is known, and whose it is.
    pub fn token(&self, headers: &HeaderMap) -> bool {
        self.token.shown(headers).is_some_and(|(_, user)| user.is_some())
    }
}
