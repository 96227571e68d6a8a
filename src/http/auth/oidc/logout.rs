//! [`logout`]: a user ends the logins of a browser.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, Method};
use tokio::time::timeout;

use super::go_page::{GoOn, LoginPage};
use super::issuer::Issuer;
use super::logout_intention::LogoutIntention;
use super::realm::OidcRealm;
use crate::http::error::RequestFailure;

/// Ends the logins of a browser at these login services of a host, and leads it to the logout of the first issuer at which it has
/// one. Returns the cookies that come with the page.
///
/// # Errors
/// If another site wants it.
pub(super) async fn logout(
    realms: impl Iterator<Item = &Arc<OidcRealm>>,
    method: &Method,
    headers: &HeaderMap,
    origin: &str,
) -> Result<(LoginPage, Vec<HeaderValue>), RequestFailure> {
    match LogoutIntention::of(method, headers, origin) {
        LogoutIntention::Forged => return Err(RequestFailure::LoginUnfinished),
        LogoutIntention::Doubtful => return Ok((LoginPage::ConfirmLogout, Vec::new())),
        LogoutIntention::Clear => {}
    }
    let mut ended: Vec<&Arc<OidcRealm>> = Vec::new();
    for realm in realms {
        if ended.iter().all(|known| known.tag() != realm.tag()) {
            ended.push(realm);
        }
    }
    let first = ended.iter().find(|realm| realm.session(headers).is_some());
    let at_issuer = first.map(|realm| (&realm.issuer, realm.hint(headers)));
    // Before an issuer is asked: a browser may go at any time.
    let cookies = join_all(ended.iter().map(|realm| realm.end(headers))).await.concat();
    let back = format!("{origin}/.frontgate/logged-out");
    let to = match at_issuer {
        Some((issuer, hint)) => issuers_logout(issuer, &back, hint).await,
        None => None,
    };
    Ok((LoginPage::Go(GoOn { to: to.unwrap_or(back), take: None, keep: None }), cookies))
}

async fn issuers_logout(issuer: &Issuer, back: &str, hint: Option<String>) -> Option<String> {
    // One that has other keys by now would not take the hint. One that is gone or says nothing cannot keep a user waiting.
    let asked = async { if hint.is_some() { issuer.newer_keys().await.map(drop) } else { issuer.look().await } };
    let _ = timeout(LONGEST_QUESTION, asked).await;
    issuer.logout_url(back, hint.as_deref())
}

/// With the second for which an issuer that was asked just now is left alone.
const LONGEST_QUESTION: Duration = Duration::from_secs(3);
