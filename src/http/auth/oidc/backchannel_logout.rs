//! [`backchannel_logout`]: an issuer announces that a login has ended.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;

use super::failure::failure;
use super::logout_token::{LogoutToken, LogoutTokenFault, claimed, is_for};
use super::proof::OidcProof;
use super::return_target::parameter;
use crate::http::auth::session::ended::EndedWhat;
use crate::http::auth::session::store::unix_now;
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::LoggedAddress;
use crate::observe::percent_encoding::decoded;

/// Ends what the issuer says has ended (OpenID Connect Back-Channel Logout 1.0 §2.8). It is the issuer of one of `proofs`.
///
/// # Errors
/// If the request has no valid token of such an issuer.
pub(super) async fn backchannel_logout(
    proofs: &[&OidcProof],
    exchange: &mut RequestExchange,
    client: Option<IpAddr>,
) -> Result<Response<AnswerBody>, RequestFailure> {
    let token = form_token(exchange).await.ok_or(RequestFailure::LogoutTokenInvalid)?;
    let (iss, aud) = claimed(&token).ok_or(RequestFailure::LogoutTokenInvalid)?;
    let is_named = |proof: &&OidcProof| {
        let settings = proof.realm.issuer.settings();
        settings.issuer == iss && is_for(&aud, &settings.client_id)
    };
    let proof = proofs.iter().copied().find(is_named);
    let issuer = &proof.ok_or(RequestFailure::LogoutTokenInvalid)?.realm.issuer;
    let settings = issuer.settings();
    let verify = |keys: &_| LogoutToken::verify(&token, keys, &settings.issuer, &settings.client_id, unix_now());
    let verified = match verify(&issuer.keys().await.map_err(failure)?) {
        Err(LogoutTokenFault::Signature) => verify(&issuer.newer_keys().await.map_err(failure)?),
        verified => verified,
    };
    let (id, client) = (exchange.id.as_str(), LoggedAddress(client));
    let ended = verified.map_err(|fault| {
        tracing::info!(id, %client, why = %fault, "logout token refused");
        RequestFailure::LogoutTokenInvalid
    })?;
    for realm in proofs.iter().copied().filter(is_named).map(|proof| &proof.realm) {
        match (&ended.sid, &ended.subject) {
            (Some(sid), subject) => {
                realm.end_at_issuer(EndedWhat::IssuerSession(sid)).await;
                if let Some(subject) = subject {
                    realm.end_at_issuer(EndedWhat::Nameless(subject)).await;
                }
            }
            (None, Some(subject)) => realm.end_at_issuer(EndedWhat::Subject(subject)).await,
            (None, None) => {}
        }
    }
    tracing::info!(id, %client, "logged out by the issuer");
    let mut response = Response::new(AnswerBody::empty());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The `logout_token` of a form.
async fn form_token(exchange: &mut RequestExchange) -> Option<String> {
    let kind = exchange.head.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_form = kind.split(';').next()?.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    let body = Limited::new(std::mem::take(&mut exchange.body), LARGEST_TOKEN);
    let body: Bytes = timeout(TOKEN_TIME, body.collect()).await.ok()?.ok()?.to_bytes();
    let form = str::from_utf8(&body).ok().filter(|_| is_form)?;
    String::from_utf8(decoded(parameter(Some(form), "logout_token")?.as_bytes())).ok()
}

/// Bytes of a form with a token, which has some two kilobytes.
const LARGEST_TOKEN: usize = 32 << 10;
const TOKEN_TIME: Duration = Duration::from_secs(10);
