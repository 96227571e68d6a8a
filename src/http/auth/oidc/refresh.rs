//! What an [`Issuer`] is asked with a refresh token: whether a login still counts.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    ClaimsVerificationError, Nonce, OAuth2TokenResponse as _, RefreshToken as SentToken, RequestTokenError,
    SignatureVerificationError, StandardErrorResponse, TokenResponse as _,
};
use tokio::time::timeout;

use super::claims::{RefreshToken, UserFacts};
use super::issuer::{Issuer, chain, token_subject, verifier};
use super::issuer_http::IssuerHttpError;
use crate::http::auth::session::contents::Session;

/// What an issuer that still counts a login says.
pub(super) struct Vouched {
    /// The token that takes the place of the one that was sent.
    pub(super) token: Option<RefreshToken>,
    /// What is known of the user now; `None` if the issuer has said nothing of that.
    pub(super) facts: Option<UserFacts>,
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
    /// Asks whether the login of `session` still counts.
    pub(super) async fn refresh(&self, token: &RefreshToken, session: &Session) -> Result<Vouched, NotVouched> {
        let unknown = |error: &dyn std::error::Error| NotVouched::Unknown(chain(error));
        let place = timeout(LONGEST_TURN, self.refreshes.acquire()).await.ok().and_then(Result::ok);
        let _place = place.ok_or_else(|| NotVouched::Unknown("too many logins are looked at".to_owned()))?;
        let known = self.known().await.map_err(|error| unknown(&error))?;
        let client = self.client(&known, None).map_err(|error| unknown(&error))?;
        let sent = SentToken::new(token.0.clone());
        let request = client.exchange_refresh_token(&sent).map_err(|error| NotVouched::NoTokens(error.to_string()))?;
        let tokens = request.request_async(&self.http).await.map_err(not_vouched)?;
        let token = tokens.refresh_token().map(|token| RefreshToken(token.secret().clone()));
        let mut facts = None;
        if let Some(id_token) = tokens.id_token() {
            // OpenID Connect Core 1.0 §12.2: it need not have the nonce of the login.
            let any_nonce = |_: Option<&Nonce>| Ok(());
            let claims = match id_token.claims(&verifier(client.id_token_verifier()), any_nonce) {
                Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                    let known = self.anew(&known).await.map_err(|error| unknown(&error))?;
                    let client = self.client(&known, None).map_err(|error| unknown(&error))?;
                    id_token.claims(&verifier(client.id_token_verifier()), any_nonce).map(UserFacts::of)
                }
                claims => claims.map(UserFacts::of),
            };
            // The token is spent whatever the issuer says besides: the next look has to use the new one.
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
        // An ID token that comes with a new token may say less than that of the login.
        Ok(Vouched { token, facts: facts.filter(|facts| facts.email.is_some()) })
    }
}

fn not_vouched(error: RequestTokenError<IssuerHttpError, StandardErrorResponse<CoreErrorResponseType>>) -> NotVouched {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let text = said.to_string();
            match said.error() {
                CoreErrorResponseType::InvalidGrant => NotVouched::Refused(text),
                CoreErrorResponseType::UnauthorizedClient | CoreErrorResponseType::UnsupportedGrantType => {
                    NotVouched::NoTokens(text)
                }
                _ => NotVouched::Unknown(text),
            }
        }
        // The body of an answer may hold a token.
        RequestTokenError::Parse(error, _) => NotVouched::Unknown(format!("not an answer: {error}")),
        error => NotVouched::Unknown(chain(&error)),
    }
}

/// How long a look at one login waits for others.
const LONGEST_TURN: std::time::Duration = std::time::Duration::from_secs(30);
