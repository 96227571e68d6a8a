//! Running the proxy until it is told to stop or another process has taken over: what `serve` and `demo` have in
//! common.

use std::num::NonZero;
use std::pin::pin;
use std::thread;

use anyhow::Context as _;

use crate::app::{App, DrainTurn, ReloadParts};
use crate::config::Config;
use crate::lifecycle::{DrainOutcome, InUse, Predecessor, StopSignals, Successor, notify};
use crate::listener::InheritedSockets;
use crate::platform::signals::UpgradeSignal;
use crate::server::runtime_thread::LAST_MOMENT;
use crate::server::workers::Workers;

/// The state that a process starts from: the sockets it inherits, and the predecessor that had them.
pub(super) struct StartState {
    inherited: InheritedSockets,
    predecessor: Option<Predecessor>,
}

impl StartState {
    /// Whether there is no process to take over from.
    pub(super) fn is_first(&self) -> bool {
        self.predecessor.is_none()
    }

    /// The configuration of the predecessor, if there is one that tells it.
    pub(super) fn in_use(&mut self) -> anyhow::Result<Option<InUse>> {
        let asked = self.predecessor.as_mut().map(Predecessor::in_use).transpose();
        Ok(asked.context("the process to take over from did not tell its configuration")?.flatten())
    }

    /// Finds the inherited sockets; to be called first, since it is about open files and the environment.
    pub(super) fn look() -> anyhow::Result<Self> {
        if let Some((predecessor, inherited)) =
            Predecessor::find().context("the process to take over from did not hand over its sockets")?
        {
            return Ok(Self { inherited, predecessor: Some(predecessor) });
        }
        let inherited =
            InheritedSockets::from_systemd().context("cannot use the sockets that systemd passed ($LISTEN_FDS)")?;
        Ok(Self { inherited, predecessor: None })
    }
}

/// The runtime of the command's own thread. Dropped, it abandons threads that are still blocked: a name resolver that
/// does not answer must not keep a process from its end.
pub(super) struct CommandRuntime(Option<tokio::runtime::Runtime>);

pub(super) fn runtime() -> anyhow::Result<CommandRuntime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(CommandRuntime(Some(runtime.context("cannot start the runtime")?)))
}

impl CommandRuntime {
    /// Runs `future` to its end.
    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let Some(runtime) = &self.0 else { unreachable!("it is there until it is dropped") };
        runtime.block_on(future)
    }
}

impl Drop for CommandRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(LAST_MOMENT);
        }
    }
}

/// Runs the proxy until SIGTERM or SIGINT, until the operator ends it, or until a successor that SIGUSR2 or the
/// operator asked for has taken over; `started` is called with the running app.
pub(super) async fn until_stopped(
    config: Config,
    found: StartState,
    reloading: Option<ReloadParts>,
    started: impl FnOnce(&App),
) -> anyhow::Result<()> {
    let terminal = reloading.as_ref().map(|parts| parts.hangup.terminal_gone()).unwrap_or_default();
    let mut stop = StopSignals::listen(terminal).context("cannot listen to signals")?;
    let mut upgrade = UpgradeSignal::listen().context("cannot listen to signals")?;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (workers, _threads) = Workers::start(cores).context("cannot start a thread for each core")?;
    // Boxed: it has the configuration in it several times.
    let app = Box::pin(App::start(config, found.inherited, workers, reloading)).await?;
    started(&app);
    if let Some(predecessor) = found.predecessor {
        match predecessor.take_over().await {
            Ok(()) => tracing::info!(pid = std::process::id(), "took over"),
            Err(error) => tracing::warn!(%error, "the process to take over from is gone; going on"),
        }
    }
    notify::ready().await;
    let mut watchdog = pin!(notify::watchdog());
    let leave = tokio::select! {
        leave = until_leave(&app, &mut stop, &mut upgrade) => leave,
        never = watchdog.as_mut() => match never {},
    };
    let hurry = async {
        stop.next().await;
    };
    let drained = match leave {
        // The service and its watchdog belong to the successor from here on.
        Leave::HandedOver { turn } => app.retire(turn, hurry).await,
        Leave::Stop { successor } => {
            notify::stopping().await;
            let drained = tokio::select! {
                drained = app.stop(hurry) => drained,
                never = watchdog => match never {},
            };
            drop(successor);
            drained
        }
    };
    match drained {
        DrainOutcome::Clean => tracing::info!("stopped"),
        DrainOutcome::Cut(tasks) => tracing::warn!(tasks, "stopped before everything had ended"),
    }
    Ok(())
}

/// Why this process is to end.
enum Leave {
    /// A successor serves, and this process drains in its turn.
    HandedOver { turn: Option<DrainTurn> },
    /// It was told to stop, perhaps while a successor was starting.
    Stop { successor: Option<Successor> },
}

async fn until_leave(app: &App, stop: &mut StopSignals, upgrade: &mut UpgradeSignal) -> Leave {
    loop {
        let reply = tokio::select! {
            trigger = told_to_stop(app, stop) => {
                tracing::info!(signal = trigger, "{STOPPING}");
                return Leave::Stop { successor: None };
            }
            () = upgrade.next() => None,
            reply = app.asked_to_upgrade() => Some(reply),
        };
        // The operator that asked may have gone.
        let tell = |outcome| drop(reply.map(|reply| reply.send(outcome)));
        let turn = tokio::select! {
            trigger = told_to_stop(app, stop) => {
                tracing::info!(signal = trigger, "{STOPPING}");
                return Leave::Stop { successor: None };
            }
            turn = app.turn_to_retire() => turn,
        };
        tracing::info!("starting a successor");
        let (offered, in_use, unchanging) = tokio::select! {
            trigger = told_to_stop(app, stop) => {
                tracing::info!(signal = trigger, "{STOPPING}");
                return Leave::Stop { successor: None };
            }
            offered = app.offered() => offered,
        };
        let mut successor = match Successor::start(&offered) {
            Ok(successor) => successor,
            Err(error) => {
                tracing::error!(%error, "{NO_SUCCESSOR}");
                tell(Err(error.to_string()));
                continue;
            }
        };
        tokio::select! {
            trigger = told_to_stop(app, stop) => {
                tracing::info!(signal = trigger, "{STOPPING}");
                successor.dismiss();
                return Leave::Stop { successor: Some(successor) };
            }
            ready = successor.ready(in_use.as_ref()) => match ready {
                Ok(pid) => {
                    // First, so that the service manager accepts the successor's message that it is ready.
                    notify::main_pid(pid).await;
                    unchanging.for_good();
                    tracing::info!(successor = pid, "handed over; finishing what is under way");
                    successor.release().await;
                    tell(Ok(pid));
                    return Leave::HandedOver { turn };
                }
                Err(error) => {
                    tracing::error!(%error, "{NO_SUCCESSOR}");
                    tell(Err(error.to_string()));
                }
            },
        }
    }
}

/// Resolves to the name of the signal, or of the operator's command, that ends the process.
async fn told_to_stop(app: &App, stop: &mut StopSignals) -> &'static str {
    tokio::select! {
        signal = stop.next() => signal,
        () = app.asked_to_end() => "drain",
    }
}

/// Logs where it listens and what it shows.
pub(super) fn announce(app: &App) {
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

const STOPPING: &str = "stopping; a second signal stops at once";
const NO_SUCCESSOR: &str = "no handover; going on as before";
