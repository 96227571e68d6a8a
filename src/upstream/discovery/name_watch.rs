//! [`NameWatch`]: what is known of a name that stands for several gateways, and the task that asks for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::dns_message::LookupFailure;
use super::found::{FoundGateway, MOST, NameAnswer, gateways, usable};
use super::lookup::NameLookup;
use super::pace::LookupPace;
use crate::config::GatewayName;
use crate::drain::Drain;
use crate::observe::log_rate_limit::LogRateLimit;
use crate::observe::metrics::NameSample;

/// What is known of a name that stands for several gateways.
pub(crate) struct NameWatch {
    name: GatewayName,
    /// As it is written, for the log.
    written: Arc<str>,
    /// The servers that are asked; without any those of the system.
    servers: Vec<SocketAddr>,
    state: watch::Sender<NameState>,
    /// Lookups with an answer, without records, and without an answer.
    counts: [AtomicU64; 3],
    lines: LogRateLimit,
}

/// What is known of a name at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameState {
    /// The gateways of the last answer that had any, this process's or an earlier one's.
    pub(crate) found: Arc<[FoundGateway]>,
    /// When that came.
    pub(crate) answered: Option<Instant>,
    /// Why lookups since then have found nothing.
    pub(crate) failing: Option<LookupFailure>,
}

impl NameState {
    /// Whether a lookup has ended, well or not.
    pub(crate) fn was_looked_up(&self) -> bool {
        self.answered.is_some() || self.failing.is_some()
    }
}

impl NameWatch {
    /// A name that stood for these gateways when it was `known` last; nothing is known of it now.
    pub(crate) fn new(name: GatewayName, servers: Vec<SocketAddr>, mut known: Vec<FoundGateway>) -> Self {
        // They come from a file, which is believed no more than the DNS.
        known.retain(|gateway| usable(gateway.address.ip()).is_some());
        known.truncate(MOST);
        let written = name.to_string().into();
        let state = watch::Sender::new(NameState { found: known.into(), ..NameState::default() });
        Self { name, written, servers, state, counts: Default::default(), lines: LogRateLimit::default() }
    }

    /// The name.
    pub(crate) fn name(&self) -> &GatewayName {
        &self.name
    }

    /// The name as it is written.
    pub(crate) fn written(&self) -> &Arc<str> {
        &self.written
    }

    /// The servers that are asked; without any those of the system.
    pub(crate) fn servers(&self) -> &[SocketAddr] {
        &self.servers
    }

    /// What is known, and what will be.
    pub(crate) fn state(&self) -> watch::Receiver<NameState> {
        self.state.subscribe()
    }

    /// The name as the metrics show it.
    pub(crate) fn sample(&self) -> NameSample {
        let state = self.state.borrow();
        let age = state.answered.map(|at| at.elapsed());
        let lookups = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        NameSample { name: Arc::clone(&self.written), lookups, age, addresses: state.found.len() }
    }

    fn note(&self, outcome: Result<NameAnswer, LookupFailure>, pace: &mut LookupPace) -> Duration {
        let count = |outcome: usize| _ = self.counts[outcome].fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(answer) => {
                count(0);
                self.answered(&answer);
                pace.answered(answer.ttl, fastrand::f64())
            }
            Err(failure) => {
                count(if matches!(failure, LookupFailure::Failed(_)) { 2 } else { 1 });
                self.failed(failure);
                pace.failed(fastrand::f64())
            }
        }
    }

    fn answered(&self, answer: &NameAnswer) {
        let before = self.state.borrow().clone();
        let (found, left_out) = gateways(&answer.hosts, &before.found);
        let name = &*self.written;
        if left_out > 0 && self.lines.pass("left out", Instant::now()).is_some() {
            tracing::warn!(name, left_out, "the DNS has more gateways for a name than are used");
        }
        if before.failing.is_some() {
            tracing::info!(name, "the DNS answers again");
        }
        if *before.found != *found {
            let of = |all: &[FoundGateway], but: &[FoundGateway]| {
                let is_new = |one: &&FoundGateway| but.iter().all(|other| other.address != one.address);
                all.iter().filter(is_new).map(|one| one.address.to_string()).collect::<Vec<_>>().join(", ")
            };
            let (came, left) = (of(&found, &before.found), of(&before.found, &found));
            tracing::info!(name, gateways = found.len(), came, left, "the DNS names other gateways than before");
        }
        let found = if *before.found == *found { before.found } else { found.into() };
        self.set(NameState { found, answered: Some(Instant::now()), failing: None });
    }

    /// Wakes those that follow the name where there is something to take over.
    fn set(&self, new: NameState) {
        self.state.send_if_modified(|state| {
            let is_news = !Arc::ptr_eq(&state.found, &new.found) || !state.was_looked_up();
            *state = new;
            is_news
        });
    }

    fn failed(&self, failure: LookupFailure) {
        let before = self.state.borrow().clone();
        if let Some(repeated) = self.lines.pass("failing", Instant::now()) {
            let (name, repeated) = (&*self.written, (repeated > 0).then_some(repeated));
            if let Some(at) = before.answered {
                let age_s = at.elapsed().as_secs();
                tracing::warn!(name, why = %failure, age_s, repeated, "the DNS gives no gateways; the last answer stays in use");
            } else {
                let known = before.found.len();
                tracing::warn!(name, why = %failure, known, repeated, "the DNS gives no gateways; those of an earlier process stay in use, else requests wait");
            }
        }
        self.set(NameState { failing: Some(failure), ..before });
    }
}

/// Looks the name up whenever its last answer ends, until `drain` softens.
pub(crate) async fn watch_name(watch: Arc<NameWatch>, drain: Drain) {
    let mut lookup = NameLookup::new(watch.servers.clone());
    let mut pace = LookupPace::default();
    loop {
        let late = |_| Err(LookupFailure::Failed(format!("no answer within {LONGEST:?}")));
        let found = tokio::select! {
            () = drain.soft() => return,
            found = timeout(LONGEST, lookup.find(&watch.name)) => found.unwrap_or_else(late),
        };
        let pause = watch.note(found, &mut pace);
        tokio::select! {
            () = drain.soft() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Two servers are tried twice for each name of a search list.
const LONGEST: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NameRecords;

    #[test]
    fn what_was_known_has_the_limits_of_an_answer() {
        let known = |n: u8| FoundGateway {
            address: ([if n == 0 { 0 } else { 10 }, 0, 0, n], 1).into(),
            target: None,
            is_in_domain: true,
            priority: 0,
            share: 1000,
        };
        let mut earlier: Vec<FoundGateway> = (0..100).map(known).collect();
        earlier[1].address = ([169, 254, 169, 254], 80).into();
        let name = GatewayName { is_https: false, host: "gw".to_owned(), records: NameRecords::Addresses { port: 1 } };
        let found = NameWatch::new(name, Vec::new(), earlier).state().borrow().found.to_vec();
        assert_eq!(found, (2..66).map(known).collect::<Vec<_>>());
    }
}
