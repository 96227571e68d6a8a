//! The start screen as it comes about: looks at the gateway beside the proxy that has started, and prints what it saw.

use std::env;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::Duration;

use crossterm::terminal;
use tokio::time::timeout;

use super::doctor::gateway_config;
use super::run::runtime;
use super::start_screen::{GatewayState, StartScreen, addresses};
use crate::app::App;
use crate::config::{Certificate, Config, RouteTarget};
use crate::doctor::{ConfigChoice, DoctorRequest, FindingSeverity, examine_gateways};
use crate::observe::Paint;
use crate::observe::logging::LogPrinter;

/// What the start screen is made of.
pub(super) struct Greeting {
    pub(super) config: Config,
    pub(super) file: Option<std::path::PathBuf>,
    pub(super) printer: LogPrinter,
}

impl Greeting {
    /// Prints the start screen of `app` as soon as the gateway was looked at. Nothing waits for it: the proxy serves.
    pub(super) fn print(self, app: &App) {
        let (https, plain) = (app.https.clone(), app.plain.clone());
        let certificate = app.certificate.as_ref().map(|shown| {
            let names: Vec<_> = shown.names.iter().map(ToString::to_string).collect();
            let from = match (&self.config.tls.certificate, &shown.ca) {
                (Certificate::Acme, Some(_)) => "frontgate's own CA, until the public certificate is there",
                (_, Some(_)) => "frontgate's own CA",
                (Certificate::Acme, None) => "public certificate",
                _ => "certificate of your own",
            };
            (
                format!("{from}, for {}", names.join(" ")),
                shown.ca.is_some() && self.config.tls.certificate == Certificate::Local,
            )
        });
        let paint = Paint::of(&std::io::stdout());
        let said = move || {
            let screen = self.screen(&https, &plain, certificate);
            self.printer.print(&screen.text(paint, terminal::size().unwrap_or((80, 24))));
        };
        if let Err(error) = thread::Builder::new().name("greeting".to_owned()).spawn(said) {
            tracing::debug!(%error, "no start screen");
        }
    }

    fn screen(&self, https: &[SocketAddr], plain: &[SocketAddr], certificate: Option<(String, bool)>) -> StartScreen {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let machine: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).filter(is_of_a_network).collect();
        let is_local = certificate.as_ref().is_some_and(|(_, is_local)| *is_local);
        let (mut own, others): (Vec<IpAddr>, Vec<IpAddr>) = machine.into_iter().partition(IpAddr::is_ipv4);
        own.extend(others);
        StartScreen {
            config: self.file.as_ref().map(|file| file.display().to_string()),
            addresses: addresses(&self.config, https, plain, &own),
            gateway: gateways(&self.config),
            state: self.look(),
            certificate: certificate.map(|(words, _)| words),
            is_local,
        }
    }

    /// Looks at the gateway as doctor does.
    fn look(&self) -> GatewayState {
        let Ok(runtime) = runtime() else { return GatewayState::Unknown };
        let Ok((gateway_config, looked)) = gateway_config(None) else { return GatewayState::Unknown };
        let question = DoctorRequest {
            config: self.config.clone(),
            file: self.file.clone(),
            asked: ConfigChoice::Flags,
            origins: Vec::new(),
            gateway_config,
            looked,
        };
        let report = runtime.block_on(async { timeout(PATIENCE, examine_gateways(&question)).await });
        let Ok(report) = report else { return GatewayState::Unknown };
        let broken = report.diagnosis.findings.iter().find(|one| one.severity == FindingSeverity::Broken);
        let Some(finding) = broken else { return GatewayState::Good };
        let fix = if finding.edit.is_some() || !finding.strip.is_empty() {
            format!("frontgate doctor --fix  ({} more)", report.diagnosis.findings.len() - 1).replace("  (0 more)", "")
        } else {
            "frontgate doctor  says what to do".to_owned()
        };
        GatewayState::Broken { what: finding.what.clone(), fix }
    }
}

/// Whether the address is one that others in a network of this machine's can reach.
fn is_of_a_network(ip: &IpAddr) -> bool {
    match ip {
        ip if ip.is_loopback() => false,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
        IpAddr::V4(ip) => !ip.is_link_local(),
    }
}

fn gateways(config: &Config) -> String {
    let routes = config.all_routes();
    let first = routes.iter().find_map(|route| route.upstream.as_ref());
    match first {
        None => config.upstream.to_string(),
        Some(RouteTarget::Url(url)) if routes.len() == 1 => url.to_string(),
        Some(RouteTarget::Named(name)) if routes.len() == 1 => name.clone(),
        Some(_) => format!("of {} routes", routes.len()),
    }
}

/// Whether the person at this terminal reads a screen instead of lines.
pub(super) fn is_wanted(config: &Config) -> bool {
    use std::io::IsTerminal as _;
    config.log.format == crate::config::LogFormat::Auto
        && std::io::stdout().is_terminal()
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A gateway that is well answers within a second.
const PATIENCE: Duration = Duration::from_secs(3);
