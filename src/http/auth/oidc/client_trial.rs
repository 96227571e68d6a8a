//! Whether an [`Issuer`] takes frontgate for its client, tried without a login.

use openidconnect::core::CoreErrorResponseType;
use openidconnect::{AuthorizationCode, PkceCodeVerifier, RequestTokenError};

use super::issuer::{Issuer, IssuerError, chain};
use crate::observe::clean::clean;

/// Whether an issuer takes frontgate for its client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientTrial {
    /// It has looked at the code: name and secret are right.
    Taken,
    /// It refuses the client itself, with this word.
    Refused(String),
    /// What it says tells neither.
    Unclear(String),
}

impl Issuer {
    /// Gives the issuer a code that it never made. It must look at the client first (RFC 6749 §3.2.1), so `invalid_grant` says that
    /// name and secret are right.
    ///
    /// # Errors
    /// If nothing is known of the issuer.
    pub(crate) async fn try_client(&self, redirect: String) -> Result<ClientTrial, IssuerError> {
        let known = self.known().await?;
        let client = self.client(&known, Some(redirect))?;
        let code = AuthorizationCode::new("frontgate-doctor-has-no-code".to_owned());
        let Ok(request) = client.exchange_code(code) else {
            return Ok(ClientTrial::Unclear("the issuer has no token endpoint".to_owned()));
        };
        let verifier = PkceCodeVerifier::new("frontgate-doctor-has-no-verifier-either-0123".to_owned());
        Ok(match request.set_pkce_verifier(verifier).request_async(&self.http).await {
            Err(RequestTokenError::ServerResponse(said)) => match said.error() {
                CoreErrorResponseType::InvalidGrant => ClientTrial::Taken,
                error @ (CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient) => {
                    ClientTrial::Refused(clean(error.as_ref().as_bytes(), LONGEST_WORD).into_owned())
                }
                error => {
                    let word = clean(error.as_ref().as_bytes(), LONGEST_WORD);
                    ClientTrial::Unclear(format!("it says {word}"))
                }
            },
            Err(RequestTokenError::Parse(..)) => ClientTrial::Unclear("its answer is no JSON".to_owned()),
            Err(error) => ClientTrial::Unclear(chain(&error)),
            Ok(_) => ClientTrial::Unclear("it takes any code".to_owned()),
        })
    }
}

/// Bytes of what an issuer says; the longest word of RFC 6749 has 25.
const LONGEST_WORD: usize = 100;
