//! `frontgate demo`: the proxy in front of a small built-in gateway page.

use std::env;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::demo_gateway;
use super::demo_hour::QuickHour;
use super::failure::CommandFailure;
use super::run::{StartState, announce, runtime, until_stopped};
use crate::app::App;
use crate::config::{self, Admin, Config, LogFormat, UpstreamAddress};
use crate::drain::Drain;
use crate::observe::logging::{self, LogOutput};

/// What the demo is told on the command line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  frontgate demo\n\nOpen the URL that it prints; Ctrl-C ends it.")]
pub(super) struct DemoArgs {
    /// The address for HTTPS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
}

pub(super) fn run(args: &DemoArgs) -> Result<(), CommandFailure> {
    let found = StartState::look()?;
    let mut config = Config { admin: Admin::off(), ..Config::default() };
    config.listen.https = vec![args.listen.into()];
    config.state_dir = config::state_dir(None, |name| env::var_os(name)).ok();
    // The output is for a person, not for a log collector.
    config.log.format = LogFormat::Text;
    // Short, so that pings can be seen within a minute of watching.
    config.websocket.ping_interval = Some(PING_INTERVAL);
    let (_, output) = logging::init(&config.log).context("cannot set up logging")?;
    runtime()?.block_on(demo(config, found, &output))?;
    Ok(())
}

async fn demo(mut config: Config, found: StartState, output: &LogOutput) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot start the built-in gateway")?;
    let port = listener.local_addr().context("cannot start the built-in gateway")?.port();
    config.upstream = UpstreamAddress::Http { host: Ipv4Addr::LOCALHOST.to_string(), port };
    let gateway = Drain::new();
    gateway.spawn(demo_gateway::serve(listener, gateway.clone()));
    let hour = QuickHour::start(config.upstream.clone()).await?;
    config.routes = hour.routes();
    let done = Box::pin(until_stopped(config, found, None, |app| {
        announce(app);
        invite(app, output);
    }))
    .await;
    hour.stop().await;
    gateway.harden();
    gateway.ended().await;
    done
}

fn invite(app: &App, output: &LogOutput) {
    let Some(port) = app.https.first().map(SocketAddr::port) else { return };
    let ca = app.certificate.as_ref().and_then(|certificate| certificate.ca.as_ref());
    let trust = ca.map_or_else(String::new, |path| {
        format!(
            "Your browser warns unless it trusts the local CA ({}): `frontgate trust` sees to that.\n",
            path.display()
        )
    });
    let text = format!("\nOpen https://localhost:{port}/ and press its buttons.\n{trust}Ctrl-C ends the demo.\n\n");
    output.print(&text);
}

const PING_INTERVAL: Duration = Duration::from_secs(5);
