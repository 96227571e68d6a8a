//! [`examine()`]: looks at everything, and lets it be judged.

use std::fs;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;

use super::catalogue::{login, own, settings as catalogue};
use super::certificates;
use super::finding::{CheckOutcome, Diagnosis};
use super::gateway_config::GatewayConfig;
use super::judge;
use super::judge::CarriedBy;
use super::parts::PlannedPart;
use super::plan::{DoctorPlan, address_for, forwarding};
use super::planned::PlannedGateway;
use super::probe::{
    self, GatewayReach, MachineLimits, PortError, ProbedGateway, ProbedListener, ProbedPart, ProbedPort,
    RunningFrontgate,
};
use super::report::DoctorReport;
use crate::config::{BindAddr, Config, Limits};
use crate::server::capacity::Resources;
use crate::server::{file_limit, memory_limit};

/// What doctor is asked to examine.
#[derive(Debug, Clone)]
pub(crate) struct DoctorRequest {
    /// The configuration that frontgate runs on, or would.
    pub(crate) config: Config,
    /// The file that the configuration is from.
    pub(crate) file: Option<PathBuf>,
    /// Whether the user said which configuration is meant.
    pub(crate) asked: ConfigChoice,
    /// What browsers open, if the user says so: `https://host[:port]`.
    pub(crate) origins: Vec<String>,
    /// The gateway's own configuration, where there is one.
    pub(crate) gateway_config: Option<GatewayConfig>,
    /// The places where the gateway's configuration was looked for.
    pub(crate) looked: Vec<PathBuf>,
}

/// Whether the user said which configuration is meant, where the one of a frontgate that runs is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ConfigChoice {
    /// No: doctor takes the configuration that the running frontgate uses.
    #[default]
    Running,
    /// The user named a file: doctor takes what the running frontgate uses, if that frontgate runs on the same file.
    File,
    /// Flags say what is served: doctor takes that configuration, whatever runs.
    Flags,
}

/// Looks at everything there is to look at. It takes ten seconds at most, and one if all is well. Reads files and
/// blocks: give it a runtime of its own.
pub(crate) async fn examine(question: &DoctorRequest) -> DoctorReport {
    let machine = probe::look_at_machine();
    let running = probe::look_for_running(&question.config.admin).await;
    let (mut config, looked_at) = as_it_runs(question, &running);
    let OwnFile { found: own_file, claimed } = OwnFile::of(question.file.as_deref(), looked_at.as_deref());
    let mut diagnosis = Diagnosis::default();
    for name in probe::find_names(&mut config).await {
        judge::name(&mut diagnosis, &name);
    }
    let mut plan = DoctorPlan::new(&config, &question.origins, &machine);
    // The gateway's second listeners are no gateways, and nothing is asked of them.
    plan.backends.retain(|backend| {
        let beside = question.gateway_config.as_ref().and_then(|file| file.beside(&backend.upstream, &machine));
        if let Some(what) = beside {
            diagnosis.checked(
                format!("{} is a gateway", backend.upstream),
                CheckOutcome::Skipped,
                format!("it is {what}"),
            );
        }
        beside.is_none()
    });
    let ports = if matches!(running, RunningFrontgate::Yes(_)) { Vec::new() } else { ports(&config) };
    let mut origins: Vec<String> =
        plan.backends.iter().flat_map(PlannedGateway::origins).map(|one| one.origin).collect();
    origins.sort();
    origins.dedup();
    let parts = question.gateway_config.as_ref().map(|file| promised(file, &plan, &machine)).unwrap_or_default();
    let (gateways, (probed_listeners, probed_parts), issuers, services) = tokio::join!(
        gateways(&plan, &config),
        probed_listeners(&plan, &config, &running, &ports, &machine, &parts),
        probe::look_at_issuers(&config, &question.config, &origins),
        probe::look_at_login_services(&config, &origins)
    );

    match &question.gateway_config {
        Some(GatewayConfig { file, settings: Err(why), .. }) => diagnosis.found(catalogue::unreadable(file, why)),
        Some(_) => {}
        None => {
            let places: Vec<_> = question.looked.iter().map(|place| place.display().to_string()).collect();
            let saw = format!("there is none to be read at {}; --gateway-config FILE names another", places.join(", "));
            diagnosis.checked("the gateway's own config", CheckOutcome::Skipped, saw);
        }
    }
    let direct = judge_gateways(&mut diagnosis, question, &plan, &config, &gateways, &machine);
    judge::own_settings(&mut diagnosis, &config, &plan.sites);
    for issuer in &issuers {
        judge::issuer(&mut diagnosis, issuer);
    }
    for service in &services {
        judge::login_service(&mut diagnosis, service);
    }
    judge::cookies(&mut diagnosis, &config);
    for (key, address) in probe::sources_elsewhere(&config) {
        diagnosis.found(login::source_elsewhere(&key, &address.to_string()));
    }
    if let Some(file) = &claimed {
        let saw = "only the program at the admin address says so; -c names a file to be sure";
        diagnosis.checked(format!("the config is {}", file.display()), CheckOutcome::Skipped, saw);
    }
    judge_frontgate(&mut diagnosis, question, looked_at.as_deref(), &running, &ports, probed_listeners.is_empty());
    for probed in &probed_listeners {
        judge::probed(&mut diagnosis, probed, direct);
        certificates::judge_shown(&mut diagnosis, &config, probed, machine.now);
    }
    for part in &probed_parts {
        judge::part(&mut diagnosis, part);
    }
    if probed_listeners.is_empty() {
        certificates::judge_files(&mut diagnosis, &config, machine.now);
    }
    let pid = if let RunningFrontgate::Yes(status) = &running { status.pid } else { None };
    judge::machine(&mut diagnosis, machine.now, probe::files(pid), config.limits.connections);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of_memory = Resources { files: None, memory: memory_limit::find(), cores };
    let by = CarriedBy {
        files: probe::files(pid).map(|files| file_limit::carried(Some(files), cores)),
        memory: of_memory.carry(&Limits::default()).connections,
        ports: probe::local_ports(),
    };
    judge::ceiling(&mut diagnosis, &config, by);
    diagnosis.sort();
    DoctorReport {
        diagnosis,
        own_file,
        claimed_file: claimed,
        looked: question.looked.clone(),
        gateway_config: question.gateway_config.as_ref().map(|config| config.file.clone()),
    }
}

/// Looks at the gateways alone, past frontgate: what a start has time for. Blocks and reads files, as [`examine`] does.
pub(crate) async fn examine_gateways(question: &DoctorRequest) -> DoctorReport {
    let (machine, mut config) = (probe::look_at_machine(), question.config.clone());
    let mut diagnosis = Diagnosis::default();
    for name in probe::find_names(&mut config).await {
        judge::name(&mut diagnosis, &name);
    }
    let plan = DoctorPlan::new(&config, &question.origins, &machine);
    let gateways = gateways(&plan, &config).await;
    judge_gateways(&mut diagnosis, question, &plan, &config, &gateways, &machine);
    diagnosis.sort();
    DoctorReport {
        diagnosis,
        own_file: question.file.clone(),
        claimed_file: None,
        looked: question.looked.clone(),
        gateway_config: None,
    }
}

/// The configuration with the listeners that there really are; the one of the frontgate that runs, unless another is
/// meant. And the file that it is from.
fn as_it_runs(question: &DoctorRequest, running: &RunningFrontgate) -> (Config, Option<PathBuf>) {
    let (mut config, mut file) = (question.config.clone(), question.file.clone());
    if let RunningFrontgate::Yes(status) = running {
        let meant = match question.asked {
            ConfigChoice::Running => true,
            ConfigChoice::File => {
                status.config.as_deref().map(Path::new).is_some_and(|runs| is_same(runs, question.file.as_deref()))
            }
            ConfigChoice::Flags => false,
        };
        if let Some(settings) = status.settings.as_deref().filter(|_| meant) {
            // How the operator asks that frontgate is known already, and a masked token is none.
            let (admin, state_dir) = (config.admin, config.state_dir);
            config = Config { admin, state_dir: settings.state_dir.clone().or(state_dir), ..settings.clone() };
            file = status.config.as_ref().map(PathBuf::from);
        }
        let of = |purpose: &str| {
            let mine = status.listeners.iter().filter(|(one, _)| one == purpose).map(|(_, address)| address.clone());
            mine.collect::<Vec<_>>()
        };
        config.listen.https = of("https").iter().filter_map(|address| address.parse().ok()).collect();
        config.listen.plain = of("plain http").iter().filter_map(|address| Some(bind_addr(address)?.into())).collect();
    }
    (config, file)
}

/// The file of frontgate's own configuration: one that the user or doctor names, or one that another program does.
#[derive(Debug, PartialEq, Eq)]
struct OwnFile {
    /// The one that was named by the user, or is where frontgate looks.
    found: Option<PathBuf>,
    /// Another one, that only the program at the admin address names: it may be another user's program.
    claimed: Option<PathBuf>,
}

impl OwnFile {
    /// `found` by doctor itself; `looked_at` is the file of the configuration that is judged.
    fn of(found: Option<&Path>, looked_at: Option<&Path>) -> Self {
        let own = |file: Option<&Path>| file.map(Path::to_path_buf);
        match looked_at {
            None => Self { found: None, claimed: None },
            Some(file) if is_same(file, found) => Self { found: own(found), claimed: None },
            Some(file) => Self { found: None, claimed: own(Some(file)) },
        }
    }
}

/// Whether both names lead to one file.
fn is_same(runs: &Path, looked: Option<&Path>) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    looked.is_some_and(|looked| runs == looked || real(looked).is_some_and(|looked| real(runs) == Some(looked)))
}

fn bind_addr(text: &str) -> Option<BindAddr> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(BindAddr::Unix(path.into())),
        None => text.parse().ok().map(BindAddr::Tcp),
    }
}

async fn gateways(plan: &DoctorPlan, config: &Config) -> Vec<ProbedGateway> {
    let looks = plan.backends.iter().map(|backend| async move {
        let origins = backend.origins();
        probe::look_at_gateway(backend, &origins, |host| forwarding(config, host)).await
    });
    join_all(looks).await
}

/// The pages that the gateway's own settings promise to browsers.
fn promised(file: &GatewayConfig, plan: &DoctorPlan, machine: &MachineLimits) -> Vec<PlannedPart> {
    let all: Vec<_> = plan.backends.iter().map(|backend| backend.upstream.clone()).collect();
    let its = |backend: &&PlannedGateway| file.about(&backend.upstream, &all, machine).is_some();
    plan.backends
        .iter()
        .find(its)
        .into_iter()
        .zip(file.settings())
        .flat_map(|(backend, settings)| PlannedPart::of(settings, backend.sites.iter().map(|site| site.name.clone())))
        .collect()
}

/// The listeners of a frontgate that runs, or of one that seems to, and what the first of them has of `parts`.
async fn probed_listeners(
    plan: &DoctorPlan,
    config: &Config,
    running: &RunningFrontgate,
    ports: &[ProbedPort],
    machine: &MachineLimits,
    parts: &[PlannedPart],
) -> (Vec<ProbedListener>, Vec<ProbedPart>) {
    let taken = |address: &BindAddr| match address {
        BindAddr::Tcp(at) => ports.iter().any(|port| port.address == *at && port.error == Some(PortError::Taken)),
        BindAddr::Unix(path) => path.exists(),
    };
    let there = |address: &BindAddr| match running {
        // A frontgate that stops has closed its listeners, or is about to.
        RunningFrontgate::Yes(status) => !status.draining,
        RunningFrontgate::No => false,
        RunningFrontgate::Unknown | RunningFrontgate::Other(_) => taken(address),
    };
    let https = config.listen.https.iter().map(|at| (BindAddr::Tcp(at.address), true));
    let all = https.chain(config.listen.plain.iter().map(|listener| (listener.address.clone(), false)));
    let all: Vec<_> = all.filter(|(address, _)| there(address)).collect();
    let first = all.first().cloned();
    let asked = async {
        // A client that a listener takes for a proxy, or asks for a certificate, sees something else than a browser does.
        let Some((address, tls)) = first else { return Vec::new() };
        let Ok(seat) = plan.seat(config, &address, tls, machine) else { return Vec::new() };
        join_all(parts.iter().map(|part| probe::look_at_part(part, &seat.dial, tls, address.to_string()))).await
    };
    let looks = all.into_iter().map(|(address, tls)| async move {
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
        ProbedListener { address: address.to_string(), through, shown }
    });
    tokio::join!(join_all(looks), asked)
}

fn ports(config: &Config) -> Vec<ProbedPort> {
    let listen = &config.listen;
    let plain = listen.plain.iter().filter_map(|listener| match &listener.address {
        BindAddr::Tcp(at) => Some(("listen.plain", *at)),
        BindAddr::Unix(_) => None,
    });
    let https = listen.https.iter().map(|at| ("listen.https", at.address));
    let http = listen.http.iter().map(|at| ("listen.http", at.address));
    https.chain(http).chain(plain).map(|(key, at)| probe::look_at_port(key, at)).collect()
}

/// Judges the gateways; returns how long the first frame takes where all is well.
fn judge_gateways(
    diagnosis: &mut Diagnosis,
    question: &DoctorRequest,
    plan: &DoctorPlan,
    config: &Config,
    gateways: &[ProbedGateway],
    machine: &MachineLimits,
) -> Option<std::time::Duration> {
    let mut slowest = None;
    let all: Vec<_> = plan.backends.iter().map(|backend| backend.upstream.clone()).collect();
    for (gateway, backend) in gateways.iter().zip(&plan.backends) {
        let needed = !backend.sites.is_empty() || config.listen.https.is_empty();
        let file = question.gateway_config.as_ref();
        let known = file.and_then(|file| file.about(&gateway.upstream, &all, machine));
        let port = file.and_then(|file| file.other_port(&gateway.upstream, machine));
        let first = judge::gateway(diagnosis, gateway, backend, port, known.as_ref(), (needed, config));
        slowest = slowest.max(first);
        let GatewayReach::Http(listening) = &gateway.reached else { continue };
        if first.is_some() {
            judge::origins(diagnosis, listening, &backend.sites, known.as_ref());
        }
        if let Some(known) = &known {
            judge::settings(diagnosis, known, listening.local, &backend.sites);
            judge::addresses(diagnosis, known, &backend.sites);
            judge::identity(diagnosis, known, listening.local, config, &backend.upstream);
        }
    }
    for name in &plan.nowhere {
        diagnosis.found(own::no_route(name));
    }
    slowest
}

/// Judges frontgate itself. `file` is that of the configuration that was looked at.
fn judge_frontgate(
    diagnosis: &mut Diagnosis,
    question: &DoctorRequest,
    file: Option<&Path>,
    running: &RunningFrontgate,
    ports: &[ProbedPort],
    closed: bool,
) {
    let admin = match &question.config.admin {
        off if off.address.is_none() => "admin: off".to_owned(),
        there => there.to_string(),
    };
    judge::running(diagnosis, running, file, &admin);
    match running {
        RunningFrontgate::Unknown | RunningFrontgate::Other(_) if closed => {
            let listeners: Vec<_> = ports.iter().map(|port| port.address.to_string()).collect();
            diagnosis.found(own::not_running(&listeners.join(", ")));
            judge::ports(diagnosis, ports);
        }
        RunningFrontgate::No => judge::ports(diagnosis, ports),
        _ => {}
    }
}

/// How many names of a listener have their certificate looked at.
const MOST_NAMES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_only_the_program_at_the_admin_address_names_is_not_ones_own() {
        for (found, looked_at, expected) in [
            (None, None, (None, None)),
            (Some("/a.yaml"), Some("/a.yaml"), (Some("/a.yaml"), None)),
            (Some("/a.yaml"), Some("/b.yaml"), (None, Some("/b.yaml"))),
            (None, Some("/b.yaml"), (None, Some("/b.yaml"))),
            (Some("/a.yaml"), None, (None, None)),
            // The name that was found is the one to be written, whatever the claimed one leads to by then.
            (Some("src/lib.rs"), Some("src/./lib.rs"), (Some("src/lib.rs"), None)),
        ] {
            let file = |name: Option<&str>| name.map(PathBuf::from);
            let own = OwnFile::of(found.map(Path::new), looked_at.map(Path::new));
            assert_eq!(own, OwnFile { found: file(expected.0), claimed: file(expected.1) }, "{found:?} {looked_at:?}");
        }
    }
}
