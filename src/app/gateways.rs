//! [`Gateways`]: the connections to every gateway that a route leads to, and where requests wait for each.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::error::StartError;
use super::running::Running;
use crate::config::{Config, Group, Route, Target};
use crate::drain::Drain;
use crate::observe::Metrics;
use crate::tls;
use crate::upstream::{Connector, Gate, Pool};

/// The connections to every gateway that a route leads to, and where requests wait for each.
#[derive(Default)]
pub(super) struct Gateways {
    reached: Vec<Reached>,
    gates: Vec<(GateKey, Gate)>,
}

/// How a route reaches its gateway.
pub(super) struct Way {
    pub(super) pool: Pool,
    pub(super) gate: Gate,
    /// Its address, for the log.
    pub(super) upstream: Arc<str>,
}

struct Reached {
    key: PoolKey,
    pool: Pool,
    sweeping: Option<Running>,
}

/// Connections made under one are as good under an equal one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PoolKey {
    group: Group,
    connect: Option<Duration>,
    request_head: usize,
}

/// Who waits under one waits under an equal one, and as long.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GateKey {
    group: Group,
    hold: Option<Duration>,
}

impl Gateways {
    /// What `config` needs, with what is there already where it is as good. Nothing runs yet.
    ///
    /// # Errors
    /// A gateway that cannot be reached as it is written.
    pub(super) fn plan(&self, config: &Config, drain: &Drain, metrics: &Arc<Metrics>) -> Result<Self, StartError> {
        let mut planned = Self::default();
        for route in config.all_routes().iter().filter(|route| route.respond.is_none()) {
            let (key, gate_key) = keys(config, route);
            if planned.pool(&key).is_none() {
                let pool = match self.pool(&key) {
                    Some(pool) => pool,
                    None => pool(&key)?,
                };
                planned.reached.push(Reached { key, pool, sweeping: None });
            }
            // Whoever waits at one that is replaced goes on waiting there.
            if planned.gate(&gate_key).is_none() {
                let gate = self
                    .gate(&gate_key)
                    .unwrap_or_else(|| Gate::new(gate_key.hold, drain.clone(), Arc::clone(metrics)));
                planned.gates.push((gate_key, gate));
            }
        }
        Ok(planned)
    }

    /// How `route` of the configuration that was planned reaches its gateway.
    pub(super) fn way(&self, config: &Config, route: &Route) -> Way {
        let (key, gate_key) = keys(config, route);
        let upstream = key.group.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ").into();
        let (pool, gate) = (self.pool(&key), self.gate(&gate_key));
        let planned = "`plan` has one for every route that asks a gateway";
        Way { pool: pool.expect(planned), gate: gate.expect(planned), upstream }
    }

    /// Takes the place of `before`.
    pub(super) async fn take_over(mut self, before: Self, drain: &Drain) -> Self {
        for mut reached in before.reached {
            match self.reached.iter_mut().find(|own| own.key == reached.key) {
                Some(own) => own.sweeping = reached.sweeping.take(),
                None => {
                    if let Some(sweeping) = reached.sweeping {
                        sweeping.retire().await;
                    }
                }
            }
        }
        for reached in &mut self.reached {
            let swept = reached.pool.clone();
            reached.sweeping.get_or_insert_with(|| Running::start(drain, |part| sweep(swept, part)));
        }
        self
    }

    fn pool(&self, key: &PoolKey) -> Option<Pool> {
        self.reached.iter().find(|reached| reached.key == *key).map(|reached| reached.pool.clone())
    }

    fn gate(&self, key: &GateKey) -> Option<Gate> {
        self.gates.iter().find(|(own, _)| own == key).map(|(_, gate)| gate.clone())
    }
}

fn keys(config: &Config, route: &Route) -> (PoolKey, GateKey) {
    let group = match &route.upstream {
        None => Group::of(config.upstream.clone()),
        Some(Target::Url(upstream)) => Group::of(upstream.clone()),
        Some(Target::Named(name)) => {
            let known = config.upstreams.iter().find(|(known, _)| known == name);
            known.map(|(_, group)| group.clone()).unwrap_or_default()
        }
    };
    let connect = route.timeouts.over(&config.timeouts).connect;
    let pool = PoolKey { group: group.clone(), connect, request_head: config.limits.request_head };
    (pool, GateKey { group, hold: route.hold.unwrap_or(config.hold) })
}

fn pool(key: &PoolKey) -> Result<Pool, StartError> {
    let [endpoint] = &key.group.endpoints[..] else { return Err(StartError::SeveralEndpoints) };
    let tls = || tls::client_config([]).map_err(StartError::from);
    let connector = Connector::new(endpoint, key.connect, tls)?;
    Ok(Pool::new(connector, key.request_head.max(LEAST_RESPONSE_HEAD)))
}

/// Closes connections that have been idle for too long.
async fn sweep(pool: Pool, drain: Drain) {
    loop {
        tokio::select! {
            () = drain.soft() => return,
            () = sleep(SWEEP_EVERY) => pool.sweep(),
        };
    }
}

/// How often idle connections to a gateway are looked at; half of what they may idle.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// A gateway's answer may have as large a head as a request, and never less than this.
const LEAST_RESPONSE_HEAD: usize = 64 * 1024;
