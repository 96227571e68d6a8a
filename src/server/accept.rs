//! The accept loop of one listener.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::admission::{Admission, ConnectionPermit, PerClientPermit, TooManyConnections};
use super::connection;
use super::settings::LiveSettings;
use super::workers::Workers;
use crate::drain::Drain;
use crate::io::SocketTransfer;
use crate::listener::{ClientPeer, Listener};
use crate::observe::log_rate_limit::LogRateLimit;

/// Accepts clients until `door`, a part of `drain`, is asked to finish; each connection runs in a task of its own, on
/// one of `workers`. `open` is dropped when the listener is closed, which a client that waits for a permit does not
/// delay.
pub(crate) async fn run(
    (listener, open): (Listener, impl Send),
    admission: Admission,
    workers: Workers,
    live: LiveSettings,
    door: Drain,
    drain: Drain,
) {
    let lines = LogRateLimit::default();
    let mut open = Some((listener, open));
    while let Some((listener, _)) = &open {
        let accepted = tokio::select! {
            () = door.soft() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                // From here on the connection counts, whether or not it sends anything: silent connections would take
                // all permits. A proxy that announces its clients opens many connections, and each counts from its
                // header on.
                let Ok(client) = counted(&admission, peer, &live) else { continue };
                // Not before there is a client: a listener without clients would hold a permit for itself. A client
                // that was accepted is served, also when the drain begins meanwhile: a successor cannot get it any
                // more.
                let mut entering = pin!(enter(&admission, &lines));
                let place = loop {
                    tokio::select! {
                        biased;
                        () = drain.hard() => return,
                        Some(place) = entering.as_mut() => break place,
                        () = door.soft(), if open.is_some() => open = None,
                    }
                };
                let (live, admission, watched) = (live.clone(), admission.clone(), drain.clone());
                let (worker, seat) = workers.least_busy();
                let moving = if worker.is_here() {
                    Ok(SocketTransfer::staying(socket))
                } else {
                    SocketTransfer::leaving(socket)
                };
                let buffers = Arc::clone(worker.buffers());
                drain.spawn_on(worker.runtime(), async move {
                    match moving.and_then(SocketTransfer::arrive) {
                        Ok(socket) => {
                            let permits = ((place, seat), client);
                            connection::serve(socket, buffers, peer, permits, &admission, &live, &watched).await;
                        }
                        Err(error) => {
                            live.load().log.metrics().connections.failed.inc();
                            tracing::debug!(%peer, %error, "client cannot be watched");
                        }
                    }
                });
            }
            // The client is gone again; the next one need not wait.
            Err(error) if is_clients_fault(&error) => tracing::debug!(%error, "client gone before it was accepted"),
            Err(error) => {
                live.load().log.metrics().connections.failed.inc();
                // Out of files or memory: an immediate retry would only burn the processor.
                if lines.pass("accept", Instant::now()).is_some() {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

/// The client's permit among its own connections; `None` yet where a PROXY header is due.
fn counted(
    admission: &Admission,
    peer: ClientPeer,
    live: &LiveSettings,
) -> Result<Option<PerClientPermit>, TooManyConnections> {
    if live.load().announces(peer) {
        return Ok(None);
    }
    admission.enter_client(peer).inspect_err(|error| {
        let settings = live.load();
        let counts = &settings.log.metrics().connections;
        counts.accepted.inc();
        counts.refused.inc();
        tracing::debug!(%peer, %error, "connection dropped");
    })
}

async fn enter(admission: &Admission, lines: &LogRateLimit) -> Option<ConnectionPermit> {
    if let Some(place) = admission.try_enter() {
        return Some(place);
    }
    if lines.pass("full", Instant::now()).is_some() {
        tracing::warn!("limits.connections is reached; new clients wait");
    }
    admission.enter().await
}

fn is_clients_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::NotConnected
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Interrupted
    )
}

const PAUSE: Duration = Duration::from_millis(100);
