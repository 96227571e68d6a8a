//! [`CodeTrade`]: the end of a login, where an [`Issuer`] is given the code that the browser brought.

use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, Nonce, OAuth2TokenResponse as _, PkceCodeVerifier,
    SignatureVerificationError, TokenResponse as _,
};

use super::claims::{RefreshToken, UserFacts};
use super::issuer::{Issuer, IssuerError, chain, token_subject, verifier};

/// What a login needs of an issuer.
pub(crate) struct CodeTrade {
    /// The code that the browser brought.
    pub(crate) code: String,
    /// PKCE's verifier.
    pub(crate) verifier: String,
    /// The nonce that the ID token must have.
    pub(crate) nonce: String,
    /// The redirect URI that the browser was sent to the issuer with.
    pub(crate) redirect: String,
}

impl Issuer {
    /// Trades a code for what the issuer says of the user.
    ///
    /// # Errors
    /// If the issuer cannot be asked, does not take the code, or what it says is not valid.
    pub(crate) async fn trade(&self, trade: CodeTrade) -> Result<UserFacts, IssuerError> {
        let _place = self.trades.try_acquire().map_err(|_| IssuerError::Busy)?;
        let known = self.known().await?;
        let client = self.client(&known, Some(trade.redirect.clone()))?;
        let request = client.exchange_code(AuthorizationCode::new(trade.code));
        let request = request.map_err(|_| IssuerError::Invalid("the issuer has no token endpoint".to_owned()))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(trade.verifier));
        let tokens = request.request_async(&self.http).await.map_err(trade_error)?;
        let token = tokens.id_token().ok_or_else(|| IssuerError::Invalid("no ID token".to_owned()))?;
        let nonce = Nonce::new(trade.nonce);
        let mut facts = match token.claims(&verifier(client.id_token_verifier()), &nonce) {
            Ok(claims) => UserFacts::of(claims),
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                // The issuer has new keys.
                let known = self.anew(&known).await?;
                let client = self.client(&known, Some(trade.redirect))?;
                let claims =
                    token.claims(&verifier(client.id_token_verifier()), &nonce).map_err(|error| invalid(&error))?;
                UserFacts::of(claims)
            }
            Err(error) => return Err(invalid(&error)),
        };
        let lacks = facts.email.is_none() || (facts.groups.is_none() && !self.settings.allow.groups.is_empty());
        if lacks && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(token_subject(&facts))) {
            let claims =
                request.request_async(&self.http).await.map_err(|error| IssuerError::Invalid(chain(&error)))?;
            facts.add(&claims);
        }
        if known.metadata.additional_metadata().end_session_endpoint.is_some() {
            facts.id_token = Some(token.to_string());
        }
        facts.refresh_token = tokens.refresh_token().map(|token| RefreshToken(token.secret().clone()));
        Ok(facts)
    }
}

fn invalid(error: &ClaimsVerificationError) -> IssuerError {
    IssuerError::Invalid(chain(error))
}

fn trade_error<E: std::error::Error + 'static, T: openidconnect::ErrorResponse + 'static>(
    error: openidconnect::RequestTokenError<E, T>,
) -> IssuerError {
    match error {
        openidconnect::RequestTokenError::Request(error) => IssuerError::Unavailable(chain(&error).into()),
        // The body of an answer may hold a token.
        openidconnect::RequestTokenError::Parse(error, _) => IssuerError::Invalid(format!("not an answer: {error}")),
        error => IssuerError::Invalid(chain(&error)),
    }
}
