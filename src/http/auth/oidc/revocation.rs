//! The end of a refresh token at its issuer (RFC 7009), where its login has ended here.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::CoreRevocableToken;
use openidconnect::{AsyncHttpClient, HttpRequest, RefreshToken as SentToken, RevocationUrl};
use tokio::time::timeout;

use super::claims::RefreshToken;
use super::issuer::{Issuer, chain};
use super::issuer_http::IssuerHttp;
use super::realm::OidcRealm;
use super::renewal::Renewal;

impl Issuer {
    /// Tells the issuer that nobody needs this token any more, if it wants to know.
    async fn revoke(&self, token: &RefreshToken) -> Result<(), String> {
        let known = self.known().await.map_err(|error| error.to_string())?;
        let Some(endpoint) = known.metadata.additional_metadata().revocation_endpoint.as_deref() else { return Ok(()) };
        let uri: http::Uri = endpoint.parse().map_err(|_| format!("{endpoint} is not a URL"))?;
        // The library takes no http, which is right for an issuer on this machine; what is asked looks at that.
        let secure = endpoint.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        let url =
            RevocationUrl::new(secure.unwrap_or_else(|| endpoint.to_owned())).map_err(|error| error.to_string())?;
        let client = self.client(&known, None).map_err(|error| error.to_string())?.set_revocation_url(url);
        let token = CoreRevocableToken::RefreshToken(SentToken::new(token.0.clone()));
        let request = client.revoke_token(token).map_err(|error| chain(&error))?;
        let ask = RequestAt { http: &self.http, uri };
        request.request_async(&ask).await.map_err(|error| chain(&error))
    }
}

impl OidcRealm {
    /// Revokes the token of a login that has ended, if it has one. Nobody waits for that, and the login has ended without it, too.
    pub(super) fn revoke(self: &Arc<Self>, renewal: Option<Renewal>) {
        let Some(renewal) = renewal else { return };
        let realm = Arc::clone(self);
        self.drain.spawn(async move {
            let revoked = async {
                let _place =
                    realm.issuer.revocations.try_acquire().map_err(|_| "too many tokens are revoked".to_owned())?;
                // Whoever asks the issuer with it at this moment may get another one for it.
                let _turn = renewal.turn().await;
                realm.issuer.revoke(&renewal.newest().token).await
            };
            let revoked = tokio::select! {
                revoked = timeout(LONGEST, revoked) => revoked.unwrap_or_else(|_| Err("it took too long".to_owned())),
                () = realm.drain.hard() => return,
            };
            if let Err(error) = revoked {
                tracing::debug!(error, "a refresh token was not revoked");
            }
        });
    }
}

/// Sends requests to this address, whatever they say.
struct RequestAt<'a> {
    http: &'a IssuerHttp,
    uri: http::Uri,
}

impl<'c> AsyncHttpClient<'c> for RequestAt<'_> {
    type Error = <IssuerHttp as AsyncHttpClient<'c>>::Error;
    type Future = <IssuerHttp as AsyncHttpClient<'c>>::Future;

    fn call(&'c self, mut request: HttpRequest) -> Self::Future {
        *request.uri_mut() = self.uri.clone();
        self.http.call(request)
    }
}

/// With the time for an answer that is waited for already.
const LONGEST: Duration = Duration::from_secs(20);
