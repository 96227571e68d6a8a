//! The end of a refresh token at its issuer (RFC 7009), where its login has ended here.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::CoreRevocableToken;
use openidconnect::{AsyncHttpClient, HttpRequest, RefreshToken as SentToken, RevocationUrl};
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use super::claims::RefreshToken;
use super::issuer::{Issuer, chain};
use super::issuer_http::IssuerHttp;
use super::realm::OidcRealm;
use super::refresh::shown;
use super::renewal::Renewal;

impl Issuer {
    /// Tells the issuer that this token is needed no more, if it wants to know.
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
    /// Revokes the token of a login that has ended, if it has one. No request waits for that, and the login has ended without it, too.
    pub(super) fn revoke(self: &Arc<Self>, renewal: Option<Renewal>) {
        let Some(renewal) = renewal else { return };
        self.revoke_soon(async move {
            // A renewal that asks the issuer with it at this moment may get another one for it.
            let turn = renewal.turn().await;
            (renewal.newest().token, Some(turn))
        });
    }

    /// The same for the token of a login that came to nothing.
    pub(super) fn revoke_unused(self: &Arc<Self>, token: Option<RefreshToken>) {
        if let Some(token) = token {
            self.revoke_soon(ready((token, None)));
        }
    }

    fn revoke_soon<F>(self: &Arc<Self>, token: F)
    where
        F: Future<Output = (RefreshToken, Option<OwnedMutexGuard<()>>)> + Send + 'static,
    {
        let realm = Arc::clone(self);
        self.drain.spawn(async move {
            let (issuer, queue) = (&realm.issuer, &realm.issuer.revocations);
            let revoked = queue.in_turn(async {
                let (token, _turn) = token.await;
                issuer.revoke(&token).await.map_err(|error| shown(&error, &token))
            });
            let over = async {
                realm.drain.soft().await;
                tokio::select! {
                    () = sleep(LAST) => {}
                    () = realm.drain.hard() => {}
                }
            };
            let revoked = tokio::select! {
                revoked = revoked => revoked,
                () = over => Err("frontgate ends".to_owned()),
            };
            let name = &issuer.settings.issuer;
            match revoked {
                Ok(()) => queue.outage.answered(name, "the issuer revokes refresh tokens again"),
                Err(error) => queue.outage.failed(name, &error, "a refresh token was not revoked at its issuer"),
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

/// How long a revocation that is under way may hold up the end of frontgate.
const LAST: Duration = Duration::from_secs(1);
