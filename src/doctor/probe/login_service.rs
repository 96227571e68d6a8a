//! Asks the login services (`auth.forward`) about a request that shows no login, as frontgate would.

use std::time::Duration;

use futures_util::future::join_all;
use http::header::{ACCEPT, HeaderName};
use http::{HeaderValue, StatusCode};

use super::exchange::{LONGEST_BODY, ProbeFields, get};
use super::gateway::{authority, client};
use crate::config::{Config, ForwardAuth, ServiceHost};
use crate::upstream::Connector;

/// A login service, and what it answered.
#[derive(Debug)]
pub(in crate::doctor) struct ProbedLoginService {
    /// Its URL, as the configuration has it.
    pub(in crate::doctor) url: String,
    /// The status of its answer, or why there is none.
    pub(in crate::doctor) answered: Result<StatusCode, String>,
}

/// Asks every login service of the configuration about a request for the front page of one of these origins.
pub(in crate::doctor) async fn look(config: &Config, origins: &[String]) -> Vec<ProbedLoginService> {
    let mut asked: Vec<&ForwardAuth> = Vec::new();
    for forward in config.logins().filter_map(|(_, rules)| rules.forward.as_ref()) {
        if !asked.iter().any(|known| (&known.url, known.host, &known.tls) == (&forward.url, forward.host, &forward.tls))
        {
            asked.push(forward);
        }
    }
    let origin = origins.first().map_or("https://localhost", String::as_str);
    join_all(asked.into_iter().map(|forward| async move {
        ProbedLoginService { url: forward.url.address.to_string(), answered: ask(forward, origin).await }
    }))
    .await
}

async fn ask(forward: &ForwardAuth, origin: &str) -> Result<StatusCode, String> {
    let ForwardAuth { url, host, timeout, .. } = forward;
    let connector = Connector::new(&url.address, Some(CONNECT.min(*timeout)), |host| client(&forward.tls, host))?;
    let stream = connector.connect().await.map_err(|error| error.to_string())?;
    let (scheme, name) = origin.split_once("://").unwrap_or(("https", origin));
    let own = authority(&url.address);
    let host = if *host == ServiceHost::Client { name } else { own.as_str() };
    let fields: ProbeFields = [
        (ACCEPT, "text/html".to_owned()),
        (HeaderName::from_static("sec-fetch-mode"), "navigate".to_owned()),
        (HeaderName::from_static("x-forwarded-method"), "GET".to_owned()),
        (HeaderName::from_static("x-forwarded-proto"), scheme.to_owned()),
        (HeaderName::from_static("x-forwarded-host"), name.to_owned()),
        (HeaderName::from_static("x-forwarded-uri"), "/".to_owned()),
        (HeaderName::from_static("x-original-method"), "GET".to_owned()),
        (HeaderName::from_static("x-original-url"), format!("{origin}/")),
        (HeaderName::from_static("x-original-uri"), "/".to_owned()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
    .collect();
    let answer = get(stream, host, url.target.as_str(), &fields, LONGEST_BODY).await;
    answer.map(|answer| answer.status).map_err(|_| "it gave no answer in HTTP, or none in time".to_owned())
}

const CONNECT: Duration = Duration::from_secs(2);
