//! `frontgate serve`: run the proxy.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;

use super::environment;
use super::failure::Failure;
use super::run::{Found, runtime, until_stopped};
use crate::app::{Reloading, Written};
use crate::config::{self, Loaded, Overrides, Problems, Source};
use crate::lifecycle::Hangup;
use crate::observe::logging;

/// What the proxy is told on the command line.
#[derive(Debug, Default, Clone, PartialEq, Eq, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate serve -c /etc/frontgate/frontgate.yaml\n  frontgate serve --listen :443 \
                        --name gw.example.com --upstream http://127.0.0.1:18789\n  frontgate serve --acme --email \
                        ann@example.com --name gw.example.com"
)]
pub(super) struct Args {
    #[arg(short, long, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,
    #[arg(long, value_name = "URL", help = "The gateway: http://host:port, https://host:port or unix:/path")]
    upstream: Option<String>,
    /// An address for HTTPS, such as :8443 or 127.0.0.1:8443; repeatable
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// A DNS name or IP address the certificate is for; repeatable
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// The address of /livez and /readyz, or off
    #[arg(long, value_name = "ADDR|off")]
    admin: Option<String>,
    /// Get a public certificate for the names, from Let's Encrypt unless the config says otherwise; listens on ports 443 and
    /// 80 of all addresses unless told otherwise
    #[arg(long)]
    acme: bool,
    /// Where the certificate authority may write to
    #[arg(long, value_name = "MAIL")]
    email: Option<String>,
}

const CONFIG_HELP: &str = "The config [default: $FRONTGATE_CONFIG, else ./frontgate.yaml, else \
                           /etc/frontgate/frontgate.yaml, else built-in defaults]";

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let found = Found::look()?;
    let written = args.written();
    let Loaded { config, file, .. } = written.read()?;
    let (logging, _output) = logging::init(&config.log).context("cannot set up logging")?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = file.as_ref().map(|file| tracing::field::display(file.display())),
        upstream = %config.upstream,
        "frontgate"
    );
    runtime()?.block_on(async {
        let hangup = Hangup::listen().context("cannot listen to signals")?;
        until_stopped(config, found, Some(Reloading { written, logging, hangup }), |_| {}).await
    })?;
    Ok(())
}

impl Args {
    /// These flags and those `before` the word: `frontgate --listen :443 serve --admin off`.
    pub(super) fn after(self, before: Self) -> Result<Self, Failure> {
        Ok(Self {
            config: one("--config", before.config, self.config)?,
            upstream: one("--upstream", before.upstream, self.upstream)?,
            listen: [before.listen, self.listen].concat(),
            names: [before.names, self.names].concat(),
            admin: one("--admin", before.admin, self.admin)?,
            acme: before.acme || self.acme,
            email: one("--email", before.email, self.email)?,
        })
    }

    /// The configuration under these flags, to be read now and again.
    fn written(self) -> Written {
        let file = self.config.clone();
        Written::new(
            move || Source::find(file.clone(), env::var_os("FRONTGATE_CONFIG")),
            move |source| self.clone().load(source),
        )
    }

    fn load(self, source: Source) -> Result<Loaded, Problems> {
        let flags = Overrides {
            upstream: self.upstream,
            listen: self.listen,
            names: self.names,
            admin: self.admin,
            acme: self.acme,
            email: self.email,
        };
        let mut loaded = config::load(source, environment(), &flags)?;
        if loaded.config.state_dir.is_none() {
            loaded.config.state_dir = config::state_dir(None, |name| env::var_os(name)).ok();
        }
        Ok(loaded)
    }
}

/// A flag that may be given once.
fn one<T>(flag: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>, Failure> {
    match (before, after) {
        (Some(_), Some(_)) => Err(Failure::wrong(format!("{flag} is given twice"))),
        (before, after) => Ok(before.or(after)),
    }
}
