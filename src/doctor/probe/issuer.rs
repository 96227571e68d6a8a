//! Asks the issuers at which users log in, as frontgate and browsers would.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use http::Request;
use http::header::{ACCEPT, DATE};
use openidconnect::{AsyncHttpClient as _, HttpResponse};
use tokio::time::timeout;

use crate::config::{ClientSecret, Config, OidcAuth};
use crate::doctor::parts::host;
use crate::http::auth::oidc::client_trial::ClientTrial;
use crate::http::auth::oidc::issuer::{Issuer, IssuerError};
use crate::http::auth::oidc::issuer_http::IssuerHttp;
use crate::listener::NameResolver;
use crate::tls::{ClientTls, client_config};

/// An issuer, and what it answered.
#[derive(Debug)]
pub(in crate::doctor) struct ProbedIssuer {
    /// Its URL, as the configuration has it.
    pub(in crate::doctor) issuer: String,
    /// The client's name there.
    pub(in crate::doctor) client: String,
    pub(in crate::doctor) answered: Result<IssuerAnswers, String>,
}

/// What an issuer that can be asked answered.
#[derive(Debug, Default)]
pub(in crate::doctor) struct IssuerAnswers {
    /// Seconds that its clock is ahead of ours, if it says so.
    pub(in crate::doctor) ahead: Option<i64>,
    /// The redirect URIs with which it refuses the way to its login page, each with the status.
    pub(in crate::doctor) refused: Vec<(String, u16)>,
    /// Whether frontgate has a secret, and what the issuer says to it; `None` where the secret cannot be read here.
    pub(in crate::doctor) client: Option<(bool, ClientTrial)>,
}

/// Asks every issuer of the configuration for its settings and keys, and for its login page as a browser does that comes from
/// each of these origins. Files of secrets are read only where `own`, the configuration that was read here, names them for the
/// same client of the same issuer: what a program at the admin address tells may be another user's, to have them sent.
pub(in crate::doctor) async fn look(config: &Config, own: &Config, origins: &[String]) -> Vec<ProbedIssuer> {
    let mut asked: Vec<&OidcAuth> = Vec::new();
    for settings in clients(config) {
        if !asked.iter().any(|known| is_same(known, settings)) {
            asked.push(settings);
        }
    }
    join_all(asked.into_iter().map(|settings| async move {
        let is_own = clients(own).any(|known| is_same(known, settings));
        let answered = match timeout(PATIENCE, ask(settings, is_own, origins)).await {
            Ok(answered) => answered,
            Err(_) => Err(format!("it gave no answer within {PATIENCE:?}")),
        };
        ProbedIssuer { issuer: settings.issuer.clone(), client: settings.client_id.clone(), answered }
    }))
    .await
}

fn clients(config: &Config) -> impl Iterator<Item = &OidcAuth> {
    config.logins().filter_map(|(_, rules)| rules.oidc.as_ref())
}

/// Whether both are the same client of the same issuer, which proves itself in the same way.
fn is_same(one: &OidcAuth, other: &OidcAuth) -> bool {
    (&one.issuer, &one.client_id, &one.client_secret, &one.tls)
        == (&other.issuer, &other.client_id, &other.client_secret, &other.tls)
}

async fn ask(settings: &OidcAuth, is_own: bool, origins: &[String]) -> Result<IssuerAnswers, String> {
    let verified = Arc::new(ClientTls::open(&settings.tls).map_err(|error| error.to_string())?);
    let tls = client_config(&verified).map_err(|error| error.to_string())?;
    let http = IssuerHttp { tls, verified, names: NameResolver::default() };
    // What a running frontgate tells of its settings has no secret; a file of another user's cannot be read.
    let is_foreign = !is_own && matches!(settings.client_secret, Some(ClientSecret::File(_)));
    let readable = settings.client_secret.as_ref().filter(|_| !is_foreign);
    let secret = readable.map(ClientSecret::known).transpose();
    let issuer = Issuer::new(settings.clone(), secret.as_ref().ok().cloned().flatten(), http.clone());
    issuer.look().await.map_err(|error| error.to_string())?;
    let mut answers = IssuerAnswers::default();
    let mut asked = Vec::new();
    for origin in origins.iter().take(MOST_ORIGINS) {
        let redirect = format!("{origin}/.frontgate/callback");
        let words = || ["doctor".repeat(8), "doctor".repeat(8), "doctor".repeat(8)];
        let [state, nonce, verifier] = words();
        let Ok(url) = issuer.login_url(state, nonce, verifier, redirect.clone(), false).await else { continue };
        // Where it refuses a browser, it does not send it back; what a login page says is not looked at.
        let Some(answer) = page(&http, &url).await else { continue };
        let now = SystemTime::now();
        answers.ahead = answers.ahead.or_else(|| ahead(&answer, now));
        let status = answer.status().as_u16();
        let refused = matches!(status, 400 | 403 | 404).then_some(status);
        if refused.is_none() && answer.status().is_client_error() {
            // A 401 or a 429 is about the one that asks.
            continue;
        }
        asked.push((host(origin).unwrap_or(origin).to_owned(), redirect, refused));
    }
    if is_foreign {
        answers.client = Some((true, ClientTrial::Unclear(NOT_OWN.to_owned())));
    } else if let Ok(secret) = secret {
        let origin = origins.first().map_or("https://localhost", String::as_str);
        let trial = issuer.try_client(format!("{origin}/.frontgate/callback")).await;
        let unclear = |error: IssuerError| ClientTrial::Unclear(error.to_string());
        answers.client = Some((secret.is_some(), trial.unwrap_or_else(unclear)));
    }
    answers.refused = refused_names(&asked);
    Ok(answers)
}

/// What is refused for hosts of which the issuer takes no redirect URI: which port browsers write is not known here. Given are
/// the host, the redirect URI, and the status with which that is refused.
fn refused_names(asked: &[(String, String, Option<u16>)]) -> Vec<(String, u16)> {
    let is_taken = |host: &String| asked.iter().any(|(other, _, refused)| other == host && refused.is_none());
    let refused = asked.iter().filter(|(host, ..)| !is_taken(host));
    refused.filter_map(|(_, redirect, refused)| Some((redirect.clone(), (*refused)?))).collect()
}

async fn page(http: &IssuerHttp, url: &str) -> Option<HttpResponse> {
    let request = Request::get(url).header(ACCEPT, "text/html").body(Vec::new()).ok()?;
    http.call(request).await.ok()
}

/// Seconds that the clock of the one that answered is ahead of `now`.
fn ahead(answer: &HttpResponse, now: SystemTime) -> Option<i64> {
    let date = httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()?;
    let seconds = |time: Duration| i64::try_from(time.as_secs()).ok();
    match date.duration_since(now) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => seconds(behind.duration()).map(|seconds| -seconds),
    }
}

const NOT_OWN: &str = "its secret is not read: only the program at the admin address names this file for it, not the config that was read here (-c FILE)";
/// Shorter than what doctor takes at most.
const PATIENCE: Duration = Duration::from_secs(8);
/// Each is a request to the issuer.
const MOST_ORIGINS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_which_one_port_is_registered_is_not_refused() {
        let asked = |rows: &[(&str, Option<u16>)]| -> Vec<_> {
            rows.iter()
                .map(|(origin, refused)| (host(origin).unwrap_or(origin).to_owned(), (*origin).to_owned(), *refused))
                .collect()
        };
        for (rows, refused) in [
            (vec![("https://gw:8443", None), ("https://gw", Some(400))], vec![]),
            (vec![("https://gw:8443", Some(400)), ("https://gw", None)], vec![]),
            (vec![("https://gw:8443", Some(400)), ("https://gw", Some(400))], vec!["https://gw:8443", "https://gw"]),
            (vec![("https://gw:8443", None), ("https://other:8443", Some(403))], vec!["https://other:8443"]),
            (vec![("https://[::1]:8443", None), ("https://[::1]", Some(400))], vec![]),
        ] {
            let found: Vec<_> = refused_names(&asked(&rows)).into_iter().map(|(redirect, _)| redirect).collect();
            assert_eq!(found, refused, "{rows:?}");
        }
    }
}
