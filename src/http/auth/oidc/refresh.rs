//! What an [`Issuer`] is asked with a refresh token: whether a login still counts.

use std::sync::Arc;

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    ClaimsVerificationError, Nonce, OAuth2TokenResponse as _, RefreshToken as SentToken, RequestTokenError,
    SignatureVerificationError, StandardErrorResponse, TokenResponse as _,
};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::claims::{RefreshToken, UserFacts};
use super::issuer::{Issuer, IssuerTokens, KnownIssuer, chain, token_subject, verifier};
use super::issuer_http::IssuerHttpError;
use crate::http::auth::session::contents::Session;
use crate::observe::clean::{LONGEST, clean};

/// What an issuer that still counts a login has given.
pub(super) struct Refreshed<'a> {
    tokens: IssuerTokens,
    known: Arc<KnownIssuer>,
    _place: SemaphorePermit<'a>,
}

impl Refreshed<'_> {
    /// The token that takes the place of the one that was sent, which may be spent.
    pub(super) fn token(&self) -> Option<RefreshToken> {
        self.tokens.refresh_token().map(|token| RefreshToken(token.secret().clone()))
    }
}

/// Why an issuer did not vouch for a login.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotVouched {
    /// The login has ended there, or the token is not its newest (RFC 6749 §5.2).
    #[error("the issuer refuses the refresh token: {0}")]
    Refused(String),
    /// It never answers this question, for this client.
    #[error("the issuer takes no refresh tokens: {0}")]
    NoTokens(String),
    /// It says nothing of the login now.
    #[error("{0}")]
    Unknown(String),
}

impl Issuer {
    /// Asks whether the login of this token still counts.
    pub(super) async fn refresh(&self, token: &RefreshToken) -> Result<Refreshed<'_>, NotVouched> {
        let place = timeout(LONGEST_TURN, self.refreshes.acquire()).await.ok().and_then(Result::ok);
        let place = place.ok_or_else(|| NotVouched::Unknown("too many logins are looked at".to_owned()))?;
        let known = self.known().await.map_err(|error| unknown(&error))?;
        let client = self.client(&known, None).map_err(|error| unknown(&error))?;
        let sent = SentToken::new(token.0.clone());
        let request = client.exchange_refresh_token(&sent).map_err(|error| NotVouched::NoTokens(error.to_string()))?;
        let tokens = request.request_async(&self.http).await.map_err(|error| not_vouched(error, token))?;
        Ok(Refreshed { tokens, known, _place: place })
    }

    /// What is known of the user of `session` now; `None` if the issuer has said nothing of that. What an ID token and the user
    /// info say is all: a claim that is missing there is one that the user has no more.
    pub(super) async fn facts(
        &self,
        refreshed: &Refreshed<'_>,
        session: &Session,
    ) -> Result<Option<UserFacts>, NotVouched> {
        let Refreshed { tokens, known, .. } = refreshed;
        let client = self.client(known, None).map_err(|error| unknown(&error))?;
        let mut facts = None;
        if let Some(id_token) = tokens.id_token() {
            // OpenID Connect Core 1.0 §12.2: it need not have the nonce of the login.
            let any_nonce = |_: Option<&Nonce>| Ok(());
            let claims = match id_token.claims(&verifier(client.id_token_verifier()), any_nonce) {
                Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                    let known = self.anew(known).await.map_err(|error| unknown(&error))?;
                    let client = self.client(&known, None).map_err(|error| unknown(&error))?;
                    id_token.claims(&verifier(client.id_token_verifier()), any_nonce).map(UserFacts::of)
                }
                claims => claims.map(UserFacts::of),
            };
            match claims {
                Ok(claims) if claims.subject == session.subject => facts = Some(claims),
                Ok(_) => return Err(NotVouched::Refused("it names another user".to_owned())),
                Err(error) => {
                    tracing::debug!(error = chain(&error), "what the issuer says with a new token is not valid");
                }
            }
        }
        let lacks = |facts: &UserFacts| facts.email.is_none() || facts.groups.is_none();
        let subject = UserFacts { subject: session.subject.clone(), ..UserFacts::default() };
        if facts.as_ref().is_none_or(lacks) {
            let said = match client.user_info(tokens.access_token().clone(), Some(token_subject(&subject))) {
                Ok(request) => request.request_async(&self.http).await.map_err(|error| chain(&error)),
                Err(error) => Err(error.to_string()),
            };
            match said {
                Ok(claims) => facts.get_or_insert(subject).add(&claims),
                Err(error) => tracing::debug!(error, "the issuer says nothing of a user"),
            }
        }
        Ok(facts)
    }
}

fn unknown(error: &dyn std::error::Error) -> NotVouched {
    NotVouched::Unknown(chain(error))
}

/// What an issuer says in an error, fit for the log: it may be long, and repeat the token.
pub(super) fn shown(text: &str, sent: &RefreshToken) -> String {
    let hidden = if sent.0.is_empty() { text.to_owned() } else { text.replace(&sent.0, "***") };
    clean(hidden.as_bytes(), LONGEST).into_owned()
}

fn not_vouched(
    error: RequestTokenError<IssuerHttpError, StandardErrorResponse<CoreErrorResponseType>>,
    sent: &RefreshToken,
) -> NotVouched {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let text = shown(&said.to_string(), sent);
            match said.error() {
                CoreErrorResponseType::InvalidGrant => NotVouched::Refused(text),
                CoreErrorResponseType::UnauthorizedClient | CoreErrorResponseType::UnsupportedGrantType => {
                    NotVouched::NoTokens(text)
                }
                _ => NotVouched::Unknown(text),
            }
        }
        // The body of an answer may hold a token.
        RequestTokenError::Parse(error, _) => {
            NotVouched::Unknown(format!("not an answer: {}", shown(&error.to_string(), sent)))
        }
        error => NotVouched::Unknown(chain(&error)),
    }
}

/// How long a look at one login waits for others.
const LONGEST_TURN: std::time::Duration = std::time::Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_issuer_says_in_an_error_is_short_and_does_not_show_the_token() {
        let said = StandardErrorResponse::new(
            CoreErrorResponseType::InvalidGrant,
            Some(format!("no token secret-1\n{}", "x".repeat(1 << 20))),
            None,
        );
        let token = RefreshToken("secret-1".to_owned());
        let NotVouched::Refused(text) = not_vouched(RequestTokenError::ServerResponse(said), &token) else {
            panic!("it is refused")
        };
        assert!(text.contains("no token ***\\n") && text.len() < 2 * LONGEST, "{text}");
    }
}
