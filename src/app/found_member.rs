//! [`FoundMember`]: a gateway that the DNS has for a name.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::background_task::OwnedTask;
use super::gateway_dial::{DialSettings, GatewayShared, sweep};
use crate::config::{Health, UpstreamAddress};
use crate::drain::Drain;
use crate::upstream::{ConnectionPool, Endpoint, EndpointHealth, GroupMember, check_health};

/// A gateway that the DNS has for a name. Its tasks end with it.
pub(super) struct FoundMember {
    key: MemberKey,
    endpoint: Arc<Endpoint>,
    dial: DialSettings,
    /// How it is asked whether it is well, and what it has answered.
    health: Option<(Health, Arc<EndpointHealth>)>,
    found_by: Arc<str>,
    came: Option<Instant>,
    tasks: Mutex<MemberTasks>,
}

/// What makes a gateway the same one: its address, and the name that it must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MemberKey {
    pub(super) url: UpstreamAddress,
    pub(super) host: Arc<str>,
}

#[derive(Default)]
struct MemberTasks {
    sweeping: Option<OwnedTask>,
    asking: Option<OwnedTask>,
}

impl FoundMember {
    /// A gateway to which `pool` leads; it `came` then if others were there before.
    pub(super) fn new(
        key: MemberKey,
        found_by: Arc<str>,
        pool: ConnectionPool,
        (dial, health): (DialSettings, Option<Health>),
        came: Option<Instant>,
        common: &GatewayShared,
    ) -> Arc<Self> {
        let name = key.url.to_string().into();
        let endpoint = Endpoint::found_by(Some(Arc::clone(&found_by)), name, pool, common.drains.clone());
        let health = health.map(|asked| {
            let answers = Arc::new(EndpointHealth::new(asked.fails, asked.passes));
            (asked, answers)
        });
        Arc::new(Self { key, endpoint, dial, health, found_by, came, tasks: Mutex::default() })
    }

    /// Whether it is this one.
    pub(super) fn is(&self, key: &MemberKey) -> bool {
        self.key == *key
    }

    /// Whether it is dialled in this way.
    pub(super) fn is_dialled_by(&self, dial: &DialSettings) -> bool {
        self.dial == *dial
    }

    /// Whether it is asked in this way.
    pub(super) fn is_asked_by(&self, health: Option<&Health>) -> bool {
        self.health.as_ref().map(|(asked, _)| asked) == health
    }

    /// The gateway.
    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// The name that led here, as it is written.
    pub(super) fn found_by(&self) -> &Arc<str> {
        &self.found_by
    }

    /// Whether it has said that it is not well.
    pub(super) fn is_out(&self) -> bool {
        self.health.as_ref().is_some_and(|(_, health)| health.is_out())
    }

    /// The gateway as one of several.
    pub(super) fn as_group_member(&self, share: u32, tier: u16, ip: IpAddr) -> GroupMember {
        GroupMember {
            endpoint: Arc::clone(&self.endpoint),
            share,
            tier,
            health: self.health.as_ref().map(|(_, health)| Arc::clone(health)),
            came: self.came,
            ip: Some(ip),
        }
    }

    /// Starts what it lacks of its tasks. It is one of so many `pools`.
    pub(super) fn start(&self, drain: &Drain, pools: usize) {
        self.endpoint.pool().share(pools);
        let mut tasks = self.tasks();
        let pool = || self.endpoint.pool().clone();
        tasks.sweeping.get_or_insert_with(|| OwnedTask::start(drain, |part| sweep(pool(), part)));
        if let Some((asked, health)) = &self.health {
            let ask = |part| check_health(Arc::clone(&self.endpoint), asked.clone(), Arc::clone(health), part);
            tasks.asking.get_or_insert_with(|| OwnedTask::start(drain, ask));
        }
    }

    /// No longer asks whether it is well: it is gone.
    pub(super) fn stop_asking(&self) {
        self.tasks().asking = None;
    }

    fn tasks(&self) -> MutexGuard<'_, MemberTasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
