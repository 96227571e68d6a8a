//! `frontgate serve`: run the proxy.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use http::Method;

use super::admin_client::AdminClient;
use super::environment;
use super::failure::CommandFailure;
use super::flags::{Flags, one};
use super::greeting::{self, Greeting};
use super::run::{StartState, announce, runtime, until_stopped};
use super::running_note::{self, RunningNote};
use crate::app::{App, ConfigSource, ReloadParts, StartError, check_machine, check_names, warn_of};
use crate::config::{self, Admin, ConfigLocation, Loaded, Problems};
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
    let (logging, output) = logging::init(&config.log).context("cannot set up logging")?;
    let is_first = found.is_first();
    // A person reads the start screen instead, which says the same and more.
    let greeting = (is_first && greeting::is_wanted(&config)).then(|| Greeting {
        config: config.clone(),
        file: file.clone(),
        printer: output.printer(),
    });
    if greeting.is_none() {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            config = file.as_ref().map(|file| tracing::field::display(file.display())),
            upstream = %config.upstream,
            "frontgate"
        );
    }
    warn_of(&warnings);
    let (admin, state_dir) = (config.admin.clone(), config.state_dir.clone());
    let mut note = None;
    let started = |app: &App| {
        let at = app.admin.map(|at| at.to_string()).or_else(|| admin.address.is_some().then(|| admin.to_string()));
        note = at.and_then(|at| RunningNote::leave(state_dir.as_deref(), &at, std::process::id()));
        match greeting {
            Some(greeting) => greeting.print(app),
            None => announce(app),
        }
    };
    let served = runtime()?.block_on(async {
        let hangup = HangupSignal::listen().context("cannot listen to signals")?;
        let mut serving =
            Box::pin(until_stopped(config, found, Some(ReloadParts { written, logging, hangup }), started));
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
    });
    if let Some(note) = note {
        note.take_away(std::process::id());
    }
    match served {
        Ok(()) => Ok(()),
        // The process before a successor waits to hear how it ended.
        Err(error) if is_first && is_taken(&error) => Err(taken_by_another(error, &admin, state_dir.as_deref()).into()),
        Err(error) => Err(error.into()),
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StartError::Bind(error)) if error.kind() == ErrorKind::AddrInUse)
}

/// The error, which is that an address is taken, with the process of another frontgate that has it, if one can be asked.
fn taken_by_another(error: anyhow::Error, admin: &Admin, state_dir: Option<&Path>) -> anyhow::Error {
    let noted = state_dir.and_then(running_note::read).map(|noted| noted.admin);
    let asked = AdminClient::at(admin, noted.as_deref()).and_then(|client| {
        let said = runtime()?.block_on(client.ask(Method::GET, "/status"))?;
        Ok(serde_json::from_str::<serde_json::Value>(&said.text)?)
    });
    match asked.ok().and_then(|status| status["pid"].as_u64()) {
        Some(pid) => anyhow!(
            "{error:#}\n    another frontgate runs here, process {pid}: `frontgate status` asks it, `frontgate upgrade` puts \
             this version in its place, and `frontgate drain` ends it"
        ),
        None => error,
    }
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
