//! [`examine()`]: looks at everything, and lets it be judged.

use std::path::PathBuf;

use futures_util::future::join_all;

use super::catalogue::{own, settings as catalogue};
use super::certificates;
use super::finding::Diagnosis;
use super::gateway_config::GatewayConfig;
use super::judge;
use super::plan::{Plan, address_for, forwarding};
use super::probe::{self, Door, Gateway, Machine, Port, PortError, Reached, Running};
use super::report::Report;
use crate::config::{Admin, BindAddr, Config};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The configuration that frontgate runs on, or would.
    pub config: Config,
    /// The file that it is from.
    pub file: Option<PathBuf>,
    /// What browsers open, if the user says so: `https://host[:port]`.
    pub origins: Vec<String>,
    /// The gateway's own configuration, where there is one.
    pub gateway_config: Option<GatewayConfig>,
}

/// Looks at everything there is to look at. It takes ten seconds at most, and one if all is well. Reads files: give it a runtime
/// of its own.
pub async fn examine(question: &Question) -> Report {
    let machine = probe::look_at_machine();
    let running = probe::look_for_running(&question.config.admin).await;
    let config = as_it_runs(&question.config, &running);
    let plan = Plan::new(&config, &question.origins, &machine);
    let ports = if matches!(running, Running::Yes(_)) { Vec::new() } else { ports(&config) };
    let (gateways, doors) = tokio::join!(gateways(&plan, &config), doors(&plan, &config, &running, &ports, &machine));

    let mut diagnosis = Diagnosis::default();
    if let Some(GatewayConfig { file, settings: Err(why), .. }) = &question.gateway_config {
        diagnosis.found(catalogue::unreadable(file, why));
    }
    let direct = judge_gateways(&mut diagnosis, question, &plan, &config, &gateways, &machine);
    judge::own_settings(&mut diagnosis, &config, &plan.sites);
    judge_frontgate(&mut diagnosis, question, &running, &ports, doors.is_empty());
    for door in &doors {
        judge::door(&mut diagnosis, door, direct);
        certificates::judge_shown(&mut diagnosis, &config, door, machine.now);
    }
    if doors.is_empty() {
        certificates::judge_files(&mut diagnosis, &config, machine.now);
    }
    let pid = if let Running::Yes(status) = &running { status.pid } else { None };
    judge::machine(&mut diagnosis, machine.now, probe::files(pid), config.limits.connections);
    diagnosis.sort();
    Report { diagnosis, gateway_config: question.gateway_config.as_ref().map(|config| config.file.clone()) }
}

/// The configuration with the listeners that there really are.
fn as_it_runs(config: &Config, running: &Running) -> Config {
    let mut config = config.clone();
    if let Running::Yes(status) = running {
        let of = |purpose: &str| {
            let mine = status.listeners.iter().filter(|(one, _)| one == purpose).map(|(_, address)| address.clone());
            mine.collect::<Vec<_>>()
        };
        config.listen.https = of("https").iter().filter_map(|address| address.parse().ok()).collect();
        config.listen.plain = of("plain http").iter().filter_map(|address| bind_addr(address)).collect();
    }
    config
}

fn bind_addr(text: &str) -> Option<BindAddr> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(BindAddr::Unix(path.into())),
        None => text.parse().ok().map(BindAddr::Tcp),
    }
}

async fn gateways(plan: &Plan, config: &Config) -> Vec<Gateway> {
    let looks = plan.backends.iter().map(|backend| async move {
        let origins = backend.origins();
        probe::look_at_gateway(&backend.upstream, &backend.path, &origins, |host| forwarding(config, host)).await
    });
    join_all(looks).await
}

/// The listeners of a frontgate that runs, or of one that seems to.
async fn doors(plan: &Plan, config: &Config, running: &Running, ports: &[Port], machine: &Machine) -> Vec<Door> {
    let taken = |address: &BindAddr| match address {
        BindAddr::Tcp(at) => ports.iter().any(|port| port.address == *at && port.error == Some(PortError::Taken)),
        BindAddr::Unix(path) => path.exists(),
    };
    let there = |address: &BindAddr| match running {
        // Who stops has closed them, or is about to.
        Running::Yes(status) => !status.draining,
        Running::No => false,
        Running::Unknown | Running::Other(_) => taken(address),
    };
    let https = config.listen.https.iter().map(|at| (BindAddr::Tcp(*at), true));
    let all = https.chain(config.listen.plain.iter().map(|address| (address.clone(), false)));
    let looks = all.filter(|(address, _)| there(address)).map(|(address, tls)| async move {
        let seat = plan.seat(config, &address, tls, machine);
        let through = async {
            match &seat {
                Ok(seat) => Ok(probe::look_through(seat).await),
                Err(why) => Err(*why),
            }
        };
        let names = if tls { config.tls.names.as_slice() } else { &[] };
        let shown = names.iter().take(MOST_NAMES).filter_map(|name| {
            let at = address_for(name, &address, machine)?;
            // Any name under a wildcard will do.
            Some(async move { probe::look_at_certificate(at, &name.to_string().replace('*', "any")).await })
        });
        let (through, shown) = tokio::join!(through, join_all(shown));
        Door { address: address.to_string(), through, shown }
    });
    join_all(looks).await
}

fn ports(config: &Config) -> Vec<Port> {
    let listen = &config.listen;
    let plain = listen.plain.iter().filter_map(|address| match address {
        BindAddr::Tcp(at) => Some(("listen.plain", *at)),
        BindAddr::Unix(_) => None,
    });
    let https = listen.https.iter().map(|at| ("listen.https", *at));
    let http = listen.http.iter().map(|at| ("listen.http", *at));
    https.chain(http).chain(plain).map(|(key, at)| probe::look_at_port(key, at)).collect()
}

/// The gateways' part; returns how long the first frame takes where all is well.
fn judge_gateways(
    diagnosis: &mut Diagnosis,
    question: &Question,
    plan: &Plan,
    config: &Config,
    gateways: &[Gateway],
    machine: &Machine,
) -> Option<std::time::Duration> {
    let mut slowest = None;
    let all: Vec<_> = plan.backends.iter().map(|backend| backend.upstream.clone()).collect();
    for (gateway, backend) in gateways.iter().zip(&plan.backends) {
        let needed = !backend.sites.is_empty() || config.listen.https.is_empty();
        let file = question.gateway_config.as_ref();
        let known = file.and_then(|file| file.about(&gateway.upstream, &all, machine));
        let port = file.and_then(|file| file.other_port(&gateway.upstream, machine));
        let first = judge::gateway(diagnosis, gateway, port, known.as_ref(), needed, config.forwarded.x_forwarded);
        slowest = slowest.max(first);
        let Reached::Http(listening) = &gateway.reached else { continue };
        if first.is_some() {
            judge::origins(diagnosis, listening, &backend.sites, known.as_ref());
        }
        if let Some(known) = &known {
            judge::settings(diagnosis, known, listening.local);
        }
    }
    for name in &plan.nowhere {
        diagnosis.found(own::no_route(name));
    }
    slowest
}

fn judge_frontgate(diagnosis: &mut Diagnosis, question: &Question, running: &Running, ports: &[Port], closed: bool) {
    let admin = match &question.config.admin {
        Admin::Off => "admin: off".to_owned(),
        there => there.to_string(),
    };
    judge::running(diagnosis, running, question.file.as_deref(), &admin);
    match running {
        Running::Unknown | Running::Other(_) if closed => {
            let listeners: Vec<_> = ports.iter().map(|port| port.address.to_string()).collect();
            diagnosis.found(own::not_running(&listeners.join(", ")));
            judge::ports(diagnosis, ports);
        }
        Running::No => judge::ports(diagnosis, ports),
        _ => {}
    }
}

/// Names whose certificate is looked at, per listener.
const MOST_NAMES: usize = 12;
