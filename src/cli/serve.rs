//! `frontgate serve`: run the proxy.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;

use super::environment;
use super::failure::CommandFailure;
use super::flags::{Flags, one};
use super::run::{StartState, runtime, until_stopped};
use crate::app::{ConfigSource, ReloadParts, check_machine, check_names, warn_of};
use crate::config::{self, ConfigLocation, Loaded, Problems};
use crate::lifecycle::HangupSignal;
use crate::observe::logging;

/// What the proxy is told on the command line.
#[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate serve -c /etc/frontgate/frontgate.yaml\n  frontgate serve --listen :443 \
                        --name gw.example.com --upstream http://127.0.0.1:18789\n  frontgate serve --acme --email \
                        ann@example.com --name gw.example.com"
)]
pub(super) struct ServeArgs {
    #[arg(short, long, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

const CONFIG_HELP: &str = "The config [default: $FRONTGATE_CONFIG, else ./frontgate.yaml, else \
                           /etc/frontgate/frontgate.yaml, else built-in defaults]";

pub(super) fn run(args: ServeArgs) -> Result<(), CommandFailure> {
    let mut found = StartState::look()?;
    let written = args.written();
    let mut loaded = match found.in_use()? {
        None => written.start()?,
        Some(in_use) => written.start_after(&in_use)?,
    };
    check_machine(&mut loaded)?;
    let Loaded { config, file, warnings, .. } = loaded.clone();
    let (logging, _output) = logging::init(&config.log).context("cannot set up logging")?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = file.as_ref().map(|file| tracing::field::display(file.display())),
        upstream = %config.upstream,
        "frontgate"
    );
    warn_of(&warnings);
    runtime()?.block_on(async {
        let hangup = HangupSignal::listen().context("cannot listen to signals")?;
        let mut serving =
            Box::pin(until_stopped(config, found, Some(ReloadParts { written, logging, hangup }), |_| {}));
        tokio::select! {
            biased;
            served = &mut serving => served,
            // The start waits for no resolver.
            own = check_names(&loaded) => {
                for (setting, message, hint) in own {
                    tracing::warn!(setting, hint, "configuration: {message}");
                }
                serving.await
            }
        }
    })?;
    Ok(())
}

impl ServeArgs {
    /// These flags laid over those `before` the word: `frontgate --listen :443 serve --admin off`.
    pub(super) fn after(self, before: Self) -> Result<Self, CommandFailure> {
        Ok(Self { config: one("--config", before.config, self.config)?, flags: self.flags.after(before.flags)? })
    }

    /// The configuration under these flags, to be read at the start and at each reload.
    fn written(self) -> ConfigSource {
        let file = self.config.clone();
        ConfigSource::new(
            move || ConfigLocation::find(file.clone(), env::var_os("FRONTGATE_CONFIG")),
            move |source| self.clone().load(source),
        )
    }

    fn load(self, source: ConfigLocation) -> Result<Loaded, Problems> {
        let mut loaded = config::load(source, environment(), &self.flags.into())?;
        if loaded.config.state_dir.is_none() {
            loaded.config.state_dir = config::state_dir(None, |name| env::var_os(name)).ok();
        }
        Ok(loaded)
    }
}
