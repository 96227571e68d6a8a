//! [`examine()`]: looks at everything, and lets it be judged.

use std::fs;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use time::OffsetDateTime;

use super::catalogue::settings::Known;
use super::catalogue::{certificate as certificates, own, settings as catalogue};
use super::finding::{Diagnosis, Outcome};
use super::judge::{self, Kind, Place};
use super::plan::{Plan, address_for, forwarding};
use super::probe::{self, Door, Gateway, Machine, Port, PortError, Reached, Running};
use super::report::Report;
use super::settings::{Settings, Unreadable, read};
use crate::config::{Admin, BindAddr, Certificate, Config, Name, Upstream};
use crate::tls::{Description, OnDisk, OnDiskError, Presented, Source, links_its_issuer};

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

/// The gateway's own configuration.
#[derive(Clone)]
pub struct GatewayConfig {
    /// Where it is.
    pub file: PathBuf,
    /// The user named it; otherwise it was found where a gateway of this user's would have it.
    pub named: bool,
    /// Its text, which holds secrets.
    text: String,
    settings: Result<Settings, Unreadable>,
}

// Its text stays out of every log.
impl std::fmt::Debug for GatewayConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GatewayConfig").field("file", &self.file).finish_non_exhaustive()
    }
}

impl GatewayConfig {
    /// Reads `file`; what is wrong with it becomes a finding.
    pub fn open(file: PathBuf, named: bool) -> Self {
        let read_in = |error: io::Error| Unreadable::Io(error.to_string());
        let text = text_of(&file).map_err(read_in);
        let settings = text.as_ref().map_err(Clone::clone).and_then(|text| read(text));
        Self { file, named, text: text.unwrap_or_default(), settings }
    }

    /// Its text, to be changed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is known of the gateway at `upstream` from it; nothing if it is another gateway's.
    fn about(&self, upstream: &Upstream, all: &[Upstream], machine: &Machine) -> Option<Known<'_>> {
        let settings = self.settings.as_ref().ok()?;
        let port = settings.port.unwrap_or(DEFAULT_PORT);
        let ours = |upstream: &Upstream| port_of(upstream) == Some(port);
        let its = if self.named {
            ours(upstream) || !all.iter().any(ours)
        } else {
            ours(upstream) && is_here(upstream, machine)
        };
        its.then_some(Known { file: &self.file, settings })
    }

    /// The port that it names, where that is another than `upstream`'s.
    fn other_port(&self, upstream: &Upstream, machine: &Machine) -> Option<u16> {
        let port = self.settings.as_ref().ok()?.port?;
        ((self.named || is_here(upstream, machine)) && port_of(upstream) != Some(port)).then_some(port)
    }
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
        judge_shown(&mut diagnosis, &config, door, machine.now);
    }
    if doors.is_empty() {
        judge_files(&mut diagnosis, &config, machine.now);
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

/// The certificates that a listener shows.
fn judge_shown(diagnosis: &mut Diagnosis, config: &Config, door: &Door, now: OffsetDateTime) {
    for shown in &door.shown {
        let name = config.tls.names.iter().find(|name| name.to_string().replace('*', "any") == shown.name);
        let Some(Presented { chain, refused }) = &shown.presented else {
            diagnosis.checked(format!("{} shows a certificate for {}", door.address, shown.name), Outcome::Bad, "");
            diagnosis.found(certificates::none(&shown.name, &door.address));
            continue;
        };
        let described: Vec<_> = chain.iter().filter_map(|one| Description::read(one)).collect();
        let unknown = refused.as_ref().filter(|error| is_unknown_issuer(error)).map(ToString::to_string);
        let linked = chain.first().is_some_and(|leaf| links_its_issuer(leaf));
        let place = Place { text: door.address.clone(), kind: kind(config) };
        // A wildcard's own name is what its certificate has.
        judge::certificate(diagnosis, &place, name, &described, (unknown.as_deref(), linked), now);
    }
}

fn is_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer))
}

/// The certificates on disk, while nobody shows them.
fn judge_files(diagnosis: &mut Diagnosis, config: &Config, now: OffsetDateTime) {
    if config.listen.https.is_empty() {
        return;
    }
    let found = match OnDisk::read(&config.tls, config.state_dir.as_deref()) {
        Ok(found) => found,
        // The first start makes it.
        Err(OnDiskError::Missing(_) | OnDiskError::NoStateDir) => return,
        Err(error @ OnDiskError::NotPem(_)) => return diagnosis.found(certificates::unreadable(&error.to_string())),
        // A service's files are not for everybody to read.
        Err(error) => return diagnosis.checked("the certificate on disk", Outcome::Skipped, error.to_string()),
    };
    let described =
        found.iter().map(|one| one.chain.iter().filter_map(|one| Description::read(one)).collect::<Vec<_>>());
    let chains: Vec<_> = found.iter().map(|one| one.file.display().to_string()).zip(described).collect();
    for (file, chain) in &chains {
        let place = Place { text: file.clone(), kind: kind(config) };
        judge::certificate(diagnosis, &place, None, chain, (None, false), now);
    }
    // The next start gives frontgate's own certificate what it lacks.
    if kind(config) != Kind::Files {
        return;
    }
    if let Some((file, chain)) = chains.first() {
        let covered = |name: &Name| chains.iter().filter_map(|(_, chain)| chain.first()).any(|leaf| leaf.covers(name));
        for name in config.tls.names.iter().filter(|name| !covered(name)) {
            let has: Vec<_> = chain.first().iter().flat_map(|leaf| &leaf.names).map(ToString::to_string).collect();
            diagnosis.found(certificates::name(&name.to_string(), file, &has.join(", "), false));
        }
    }
    // A service's keys are not for everybody to read.
    if let Certificate::Files(files) = &config.tls.certificate
        && files.iter().any(|one| is_closed(&one.key))
    {
        return diagnosis.checked("the certificate's key", Outcome::Skipped, "this user may not read it");
    }
    // What keeps frontgate from starting with them, where it is none of that: a key that is another's, for one.
    if diagnosis.findings.iter().all(|finding| !finding.id.starts_with("tls_"))
        && let Err(error) = Source::open(&config.tls, None, now)
    {
        diagnosis.found(certificates::unreadable(&error.to_string()));
    }
}

fn is_closed(file: &Path) -> bool {
    fs::File::open(file).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn kind(config: &Config) -> Kind {
    match config.tls.certificate {
        Certificate::Local => Kind::Local,
        Certificate::Acme => Kind::Acme,
        Certificate::Files(_) => Kind::Files,
    }
}

fn port_of(upstream: &Upstream) -> Option<u16> {
    match upstream {
        Upstream::Http { port, .. } | Upstream::Https { port, .. } => Some(*port),
        Upstream::Unix(_) => None,
    }
}

/// Whether a gateway is on this very machine.
fn is_here(upstream: &Upstream, machine: &Machine) -> bool {
    match upstream {
        Upstream::Http { host, .. } | Upstream::Https { host, .. } => match host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || machine.addresses.contains(&ip),
            Err(_) => host == "localhost",
        },
        Upstream::Unix(_) => true,
    }
}

fn text_of(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST { Err(io::Error::other("larger than 4 MiB")) } else { Ok(text) }
}

/// The gateway's own.
const DEFAULT_PORT: u16 = 18789;
/// Names whose certificate is looked at, per listener.
const MOST_NAMES: usize = 12;
/// The gateway's configuration; one of a hundredth of this size is a long one.
const LARGEST: u64 = 4 << 20;
