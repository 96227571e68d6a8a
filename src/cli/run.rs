//! Running the proxy until it is told to stop: what `serve` and `demo` have in common.

use anyhow::Context as _;
use tokio::runtime::Runtime;

use crate::app::App;
use crate::config::Config;
use crate::lifecycle::{Drained, Stop};

/// The runtime that everything runs on.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")
}

/// Runs the proxy until SIGTERM or SIGINT; `started` is told what runs.
pub(super) async fn until_stopped(config: Config, started: impl FnOnce(&App)) -> anyhow::Result<()> {
    let mut stop = Stop::listen().context("cannot listen to signals")?;
    let app = App::start(config).await?;
    announce(&app);
    started(&app);
    let signal = stop.next().await;
    tracing::info!(signal, "stopping; a second signal stops at once");
    let hurry = async {
        stop.next().await;
    };
    match app.stop(hurry).await {
        Drained::Clean => tracing::info!("stopped"),
        Drained::Cut(tasks) => tracing::warn!(tasks, "stopped before everything had ended"),
    }
    Ok(())
}

fn announce(app: &App) {
    for (purpose, addresses) in [("https", &app.https), ("redirect to https", &app.http), ("plain http", &app.plain)] {
        for address in addresses {
            tracing::info!(%address, purpose, "listening");
        }
    }
    if let Some(address) = app.admin {
        tracing::info!(%address, purpose = "admin", "listening");
    }
    if let Some(certificate) = &app.certificate {
        let names: Vec<_> = certificate.names.iter().map(ToString::to_string).collect();
        tracing::info!(
            names = names.join(" "),
            sha256 = %certificate.fingerprint,
            local_ca = certificate.ca.as_ref().map(|path| tracing::field::display(path.display())),
            "certificate"
        );
    }
}
