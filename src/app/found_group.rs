//! [`FoundGroup`]: a group of gateways of which some are found by names, and come and go.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
use tokio::time::{Instant, sleep};

use super::background_task::OwnedTask;
use super::error::StartError;
use super::found_member::{FoundMember, MemberKey};
use super::gateway_dial::{DialSettings, GatewayShared};
use crate::config::{Health, UpstreamAddress};
use crate::drain::Drain;
use crate::observe::log_rate_limit::LogRateLimit;
use crate::upstream::{Endpoints, FoundGateway, GroupMember, NameWatch, Roster};

/// A group of gateways of which some are found by names, and come and go.
pub(super) struct FoundGroup {
    shared: Arc<FoundShared>,
    /// Takes over what the DNS says.
    following: OnceLock<OwnedTask>,
}

/// What a group consists of, in the order of the configuration.
pub(super) enum GroupPart {
    /// A gateway with an address of its own.
    Fixed(GroupMember),
    /// The gateways that the DNS has for a name, and the weight of each.
    Named(Arc<NameWatch>, u32),
}

/// How gateways that are found are reached and asked.
pub(super) struct FoundSettings {
    pub(super) dial: DialSettings,
    /// The settings of TLS for those over https.
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    /// Whether the configuration says whose certificate they show, wherever an SRV record leads.
    pub(super) any_target: bool,
    pub(super) health: Option<Health>,
    pub(super) common: GatewayShared,
}

struct FoundShared {
    parts: Vec<GroupPart>,
    settings: FoundSettings,
    endpoints: Endpoints,
    roster: Mutex<Roster<Arc<FoundMember>>>,
    /// On which the tasks of members run, once the group is in use.
    drain: OnceLock<Drain>,
    lines: LogRateLimit,
}

/// A gateway that should be there.
struct Wanted {
    key: MemberKey,
    found_by: Arc<str>,
    ip: IpAddr,
    share: u32,
    tier: u16,
}

impl FoundGroup {
    /// A group whose members are shown in `endpoints`. What is known of `before`, members of another configuration's group, stays
    /// known of those that are the same.
    pub(super) fn new(
        parts: Vec<GroupPart>,
        settings: FoundSettings,
        endpoints: Endpoints,
        before: Vec<Arc<FoundMember>>,
    ) -> Arc<Self> {
        let kept = before.into_iter().filter(|member| {
            let by_name =
                |part: &GroupPart| matches!(part, GroupPart::Named(watch, _) if *watch.written() == *member.found_by());
            member.is_dialled_by(&settings.dial)
                && member.is_asked_by(settings.health.as_ref())
                && parts.iter().any(by_name)
        });
        let roster = Mutex::new(Roster::leaving(kept.collect()));
        let (drain, lines) = (OnceLock::new(), LogRateLimit::default());
        let shared = Arc::new(FoundShared { parts, settings, endpoints, roster, drain, lines });
        Arc::new(Self { shared, following: OnceLock::new() })
    }

    /// Takes over what the DNS has said so far.
    pub(super) fn refresh(&self) {
        self.shared.refresh();
    }

    /// Follows what the DNS says, from here on.
    pub(super) fn start(&self, drain: &Drain) {
        self.following.get_or_init(|| {
            let _ = self.shared.drain.set(drain.clone());
            OwnedTask::start(drain, |part| follow(Arc::clone(&self.shared), part))
        });
    }

    /// The gateways that its names stand for.
    pub(super) fn present(&self) -> Vec<Arc<FoundMember>> {
        self.shared.roster().present().to_vec()
    }

    /// Those that they stand for no more, while something still goes on there.
    pub(super) fn leaving(&self) -> Vec<Arc<FoundMember>> {
        self.shared.roster().gone().cloned().collect()
    }
}

impl FoundShared {
    fn refresh(&self) {
        let mut members: Vec<GroupMember> = Vec::new();
        let mut wanted: Vec<Wanted> = Vec::new();
        for part in &self.parts {
            match part {
                GroupPart::Fixed(member) => members.push(member.clone()),
                GroupPart::Named(watch, weight) => {
                    for gateway in &*watch.state().borrow().found {
                        let new = self.wanted(watch, gateway, *weight);
                        let is_new = |new: &Wanted| {
                            let name = new.key.url.to_string();
                            wanted.iter().all(|other| other.key.url != new.key.url)
                                && members.iter().all(|member| **member.endpoint.name() != *name)
                        };
                        wanted.extend(new.filter(is_new));
                    }
                }
            }
        }
        let mut roster = self.roster();
        let known: Vec<Arc<str>> = roster.all().map(|member| Arc::clone(member.found_by())).collect();
        let now = Instant::now();
        let make = |wanted: &Wanted| {
            // The first gateways of a name share the work evenly at once.
            let came = known.contains(&wanted.found_by).then_some(now);
            let made = self.make(wanted, came);
            made.inspect_err(|error| self.warn(&wanted.key.url, error)).ok()
        };
        let change = roster.take(&wanted, |member, wanted| member.is(&wanted.key), make);
        for member in &change.left {
            member.stop_asking();
        }
        for wanted in wanted {
            let Some(member) = roster.present().iter().find(|member| member.is(&wanted.key)) else { continue };
            members.push(member.as_group_member(wanted.share, wanted.tier, wanted.ip));
        }
        // Under the lock: what is older must not take the place of what is newer.
        self.endpoints.set(members);
        if let Some(drain) = self.drain.get() {
            let count = roster.present().len();
            roster.present().iter().for_each(|member| member.start(drain, count));
        }
    }

    fn wanted(&self, watch: &NameWatch, gateway: &FoundGateway, weight: u32) -> Option<Wanted> {
        let (name, address) = (watch.name(), gateway.address);
        let (ip, port) = (address.ip(), address.port());
        let url = if name.is_https {
            UpstreamAddress::Https { host: ip.to_string(), port }
        } else {
            UpstreamAddress::Http { host: ip.to_string(), port }
        };
        // RFC 6186 §6: the DNS, which any peer may have written to, must not choose whose certificate is good.
        if name.is_https && !gateway.is_in_domain && !self.settings.any_target {
            self.warn(
                &url,
                &"its SRV record names a host of another domain: `tls.server_name` says whose certificate is good",
            );
            return None;
        }
        let host = gateway.target.clone().unwrap_or_else(|| name.host.trim_end_matches('.').into());
        let share = weight.saturating_mul(gateway.share);
        let key = MemberKey { url, host };
        Some(Wanted { key, found_by: Arc::clone(watch.written()), ip, share, tier: gateway.priority })
    }

    fn make(&self, wanted: &Wanted, came: Option<Instant>) -> Result<Arc<FoundMember>, StartError> {
        let FoundSettings { dial, tls, health, common, .. } = &self.settings;
        let port = match &wanted.key.url {
            UpstreamAddress::Http { port, .. } | UpstreamAddress::Https { port, .. } => *port,
            UpstreamAddress::Unix(_) => 0,
        };
        let pool = dial.found_pool((wanted.ip, port).into(), &wanted.key.host, tls.as_ref(), common)?;
        let found_by = Arc::clone(&wanted.found_by);
        Ok(FoundMember::new(wanted.key.clone(), found_by, pool, (dial.clone(), health.clone()), came, common))
    }

    fn warn(&self, url: &UpstreamAddress, why: &dyn std::fmt::Display) {
        if let Some(repeated) = self.lines.pass("left out", Instant::now()) {
            let repeated = (repeated > 0).then_some(repeated);
            tracing::warn!(upstream = %url, %why, repeated, "a gateway that the DNS names is left out");
        }
    }

    fn roster(&self) -> MutexGuard<'_, Roster<Arc<FoundMember>>> {
        // No method of the list panics half-way.
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn follow(shared: Arc<FoundShared>, drain: Drain) {
    let named = shared.parts.iter().filter_map(|part| match part {
        GroupPart::Fixed(_) => None,
        GroupPart::Named(watch, _) => Some(watch.state()),
    });
    let mut states: Vec<_> = named.collect();
    loop {
        for state in &mut states {
            state.mark_unchanged();
        }
        shared.refresh();
        loop {
            let has_leaving = shared.roster().has_leaving();
            let changed = select_all(states.iter_mut().map(|state| Box::pin(state.changed())));
            tokio::select! {
                () = drain.soft() => return,
                (changed, ..) = changed => match changed {
                    Ok(()) => break,
                    // Unreachable: the group holds what sends.
                    Err(_) => return,
                },
                () = sleep(FORGET_EVERY), if has_leaving => shared.roster().forget(|member| member.endpoint().busy() == 0),
            }
        }
    }
}

/// How often it is looked whether anything still goes on at a gateway that is gone.
const FORGET_EVERY: Duration = Duration::from_secs(5);
