//! The accept loop of one listener.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::admission::{Admission, Place};
use super::connection;
use super::settings::Settings;
use crate::drain::Drain;
use crate::listener::Listener;

/// Takes clients in until the drain; each connection runs in a task of its own.
pub async fn run(listener: Listener, admission: Admission, settings: Arc<Settings>, drain: Drain) {
    loop {
        let place = tokio::select! {
            () = drain.soft() => return,
            Some(place) = enter(&admission) => place,
        };
        let accepted = tokio::select! {
            () = drain.soft() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                let (settings, admission, watched) = (Arc::clone(&settings), admission.clone(), drain.clone());
                drain.spawn(async move {
                    connection::serve(socket, peer, place, &admission, &settings, &watched).await;
                });
            }
            // The client is gone again; the next one need not wait.
            Err(error) if is_clients_fault(&error) => tracing::debug!(%error, "client gone before it was accepted"),
            Err(error) => {
                // Out of files or memory: trying at once again would only burn the processor.
                tracing::warn!(%error, "cannot accept connections");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn enter(admission: &Admission) -> Option<Place> {
    if let Some(place) = admission.try_enter() {
        return Some(place);
    }
    tracing::warn!("limits.connections is reached; new clients wait");
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
