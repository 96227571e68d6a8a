//! Asks the issuers at which users log in, as frontgate would.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::config::{Config, OidcAuth};
use crate::http::auth::oidc::issuer::Issuer;
use crate::http::auth::oidc::issuer_http::IssuerHttp;
use crate::listener::NameResolver;
use crate::tls::{ClientTls, client_config};

/// An issuer, and why it cannot be asked, if so.
#[derive(Debug)]
pub(in crate::doctor) struct ProbedIssuer {
    /// Its URL, as the configuration has it.
    pub(in crate::doctor) issuer: String,
    pub(in crate::doctor) failed: Option<String>,
}

/// Asks every issuer of the configuration for its settings and keys.
pub(in crate::doctor) async fn look(config: &Config) -> Vec<ProbedIssuer> {
    let mut asked: Vec<&OidcAuth> = Vec::new();
    for settings in config.logins().filter_map(|(_, rules)| rules.oidc.as_ref()) {
        if asked.iter().all(|known| (&known.issuer, &known.tls) != (&settings.issuer, &settings.tls)) {
            asked.push(settings);
        }
    }
    join_all(asked.into_iter().map(|settings| async move {
        let failed = match timeout(PATIENCE, ask(settings)).await {
            Ok(asked) => asked.err(),
            Err(_) => Some(format!("it gave no answer within {PATIENCE:?}")),
        };
        ProbedIssuer { issuer: settings.issuer.clone(), failed }
    }))
    .await
}

async fn ask(settings: &OidcAuth) -> Result<(), String> {
    let verified = Arc::new(ClientTls::open(&settings.tls).map_err(|error| error.to_string())?);
    let tls = client_config(&verified).map_err(|error| error.to_string())?;
    let http = IssuerHttp { tls, verified, names: NameResolver::default() };
    Issuer::new(settings.clone(), None, http).look().await.map_err(|error| error.to_string())
}

/// Shorter than what doctor takes at most.
const PATIENCE: Duration = Duration::from_secs(8);
