//! What the tickets of TLS sessions come of, so that sessions are resumed after a handover and after a restart.

use std::time::Duration;

use tokio::time::timeout;

use super::certificates::off_thread;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::tls::TicketSecret;

/// The secret of the cluster, else of the state directory; `None` where there is no directory, or it cannot be used: that is
/// no reason not to serve.
pub(super) async fn secret(config: &Config, cluster: Option<&Cluster>) -> Option<TicketSecret> {
    if config.listen.https.is_empty() {
        return None;
    }
    if let Some(cluster) = cluster {
        return Some(TicketSecret::from(cluster.secret.derive("TLS tickets")));
    }
    let folder = config.state_dir.clone()?;
    let kept = timeout(READ, off_thread(move || TicketSecret::kept(&folder))).await;
    let why = match kept {
        Ok(Ok(secret)) => return Some(secret),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the state directory gave no answer within {READ:?}"),
    };
    tracing::info!(why, "TLS sessions are not resumed after the next restart");
    None
}

/// A disk takes less.
const READ: Duration = Duration::from_secs(5);
