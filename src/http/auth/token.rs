//! [`TokenProof`]: the token of a service (RFC 6750).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;

use super::bearer::borne;
use super::proof::{FailedAttempt, ProofAnswer};
use super::user::{AuthenticatedUser, ProofKind, SessionKey};
use crate::config::{TokenAuth, TokenHash};
use crate::http::edge::exchange::RequestExchange;

/// The tokens of a route, by their hashes.
pub(crate) struct TokenProof {
    known: HashMap<TokenHash, TokenBearer>,
}

struct TokenBearer {
    name: Arc<str>,
    expires: Option<SystemTime>,
}

impl TokenBearer {
    fn is_valid(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl TokenProof {
    /// The proof by these tokens.
    pub(crate) fn new(auth: &TokenAuth) -> Self {
        let bearer = |(name, token): &(String, crate::config::ServiceToken)| {
            (token.sha256, TokenBearer { name: name.as_str().into(), expires: token.expires })
        };
        Self { known: auth.tokens.iter().map(bearer).collect() }
    }

    /// Whether the token of `user` still lets it in.
    pub(super) fn admits(&self, user: &AuthenticatedUser) -> bool {
        let bearer = self.known.get(&TokenHash(user.session.0));
        bearer.is_some_and(|bearer| bearer.name == user.name && bearer.is_valid(SystemTime::now()))
    }

    /// Whether the request bears one of the tokens. A token is as long as a key, so that guessing needs no delay.
    pub(super) fn ask(&self, exchange: &RequestExchange) -> ProofAnswer {
        match self.shown(&exchange.head.headers) {
            None => ProofAnswer::NotOffered,
            Some((_, Some(user))) => ProofAnswer::Admitted(user),
            Some((user, None)) => ProofAnswer::Refused(Some(FailedAttempt { user })),
        }
    }

    /// The service whose token is in these fields, if there is one, and its user, if the token is valid; `None` without a token.
    pub(super) fn shown(&self, headers: &HeaderMap) -> Option<(Option<Arc<str>>, Option<AuthenticatedUser>)> {
        let hash = borne(headers)?;
        let bearer = self.known.get(&hash);
        let valid = bearer.filter(|bearer| bearer.is_valid(SystemTime::now()));
        let user = valid.map(|bearer| {
            let user = AuthenticatedUser::new(Arc::clone(&bearer.name), ProofKind::Token, SessionKey(hash.0));
            AuthenticatedUser { until: bearer.expires, ..user }
        });
        Some((bearer.map(|bearer| Arc::clone(&bearer.name)), user))
    }
}
