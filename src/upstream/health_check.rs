//! [`check_health`]: asks one endpoint at intervals whether it is well.

use std::sync::Arc;

use http::{StatusCode, Uri};
use tokio::time::{Instant, sleep_until, timeout};

use super::health::{EndpointHealth, HealthChange, pause};
use super::readiness::{NoReadiness, ask};
use super::{ConnectError, Endpoint};
use crate::config::Health;
use crate::drain::Drain;

/// Why an endpoint does not count as well.
#[derive(Debug, thiserror::Error)]
enum NotWell {
    #[error("{0}")]
    Connect(#[from] ConnectError),
    #[error("{0}")]
    Answer(#[from] NoReadiness),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("no answer within `timeout`")]
    Late,
}

/// Asks `endpoint` whether it is well, until `drain` softens.
pub(crate) async fn check_health(endpoint: Arc<Endpoint>, settings: Health, health: Arc<EndpointHealth>, drain: Drain) {
    let uri = Uri::from(settings.path.clone());
    loop {
        let began = Instant::now();
        let asked = tokio::select! {
            () = drain.soft() => return,
            asked = timeout(settings.timeout, look(&endpoint, &uri)) => asked.unwrap_or(Err(NotWell::Late)),
        };
        match health.note(asked.is_ok(), Instant::now()) {
            Some(HealthChange::Out) => {
                let why = asked.err().map(|why| why.to_string()).unwrap_or_default();
                tracing::warn!(upstream = %endpoint.name(), why, "a gateway is not well; others stand in for it");
            }
            Some(HealthChange::Back) => tracing::info!(upstream = %endpoint.name(), "the gateway is well again"),
            None => {}
        }
        let next = began + pause(settings.every, settings.timeout, settings.fails, fastrand::f64());
        tokio::select! {
            () = drain.soft() => return,
            () = sleep_until(next) => {}
        }
    }
}

async fn look(endpoint: &Endpoint, uri: &Uri) -> Result<(), NotWell> {
    let pool = endpoint.pool();
    let (status, ..) = ask(pool.dial().await?, uri.clone(), pool.host()).await?;
    let is_good = status.is_success() || status.is_redirection();
    if is_good { Ok(()) } else { Err(NotWell::Status(status)) }
}
