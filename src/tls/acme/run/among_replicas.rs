//! Of several replicas one at a time asks the authority, and all of them show what it obtains.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::{AcmeRenewal, SHORTEST_SLEEP, THEIRS};
use crate::observe::metrics::AcmeFault;
use crate::tls::acme::cert_manager::{CertAction, CertManager};
use crate::tls::acme::replicas::{AskTurn, Replicas};
use crate::tls::acme::store::OrderTurn;
use crate::tls::acme::transport::DirectoryDial;

impl AcmeRenewal {
    /// Carries out the actions that are due, if this process may, and returns for how long no further one is.
    pub(super) async fn step(&mut self, dial: &DirectoryDial) -> Duration {
        let is_near = self.catch_up().await;
        if matches!(self.turn, OrderTurn::Theirs) && !self.take_over() {
            return THEIRS;
        }
        let is_asked = self.asks_authority();
        let Some(replicas) = &mut self.replicas else { return self.carry_out(dial).await };
        let turn = Arc::clone(&replicas.turn);
        if !is_near {
            return self.wait_for_redis();
        }
        if is_asked {
            match replicas.take_turn(self.keepers.iter().all(|cert_manager| cert_manager.held.is_some())).await {
                Ok(AskTurn::Own) => {}
                Ok(AskTurn::Settling) => return SHORTEST_SLEEP,
                Ok(AskTurn::Other) => {
                    self.look_after_ends();
                    return OTHERS;
                }
                Err(_) => return self.wait_for_redis(),
            }
            // Another replica may have done it a moment before.
            if !self.catch_up().await {
                return self.wait_for_redis();
            }
        }
        let pause = tokio::select! {
            pause = self.carry_out(dial) => pause,
            () = turn.lost(), if turn.is_own() => {
                warn!("the turn to ask the certificate authority is lost, since the cluster's Redis was away; what was under way is given up");
                self.metrics.not_ordered(AcmeFault::Cluster);
                self.read_backoffs();
                OTHERS
            }
        };
        turn.release();
        pause
    }

    /// Takes over what other replicas have, and gives them what they have not. Whether they can be asked, if there are any.
    async fn catch_up(&mut self) -> bool {
        let now = (self.clock)();
        let caught_up = self.store.catch_up(self.keepers.iter().map(|cert_manager| &cert_manager.name), now).await;
        if caught_up == Ok(true) {
            self.show_kept();
        }
        let Some(replicas) = &mut self.replicas else { return true };
        replicas.answer(&self.answers).await;
        replicas.looked();
        if caught_up.is_ok() {
            replicas.near();
        }
        caught_up.is_ok()
    }

    /// Whether the authority is to be asked for something.
    fn asks_authority(&self) -> bool {
        let now = (self.clock)();
        let quiet_until = self.outage.as_ref().map_or(now, |outage| outage.until);
        let todo = |cert_manager: &CertManager| cert_manager.todo(now, quiet_until);
        self.keepers.iter().map(todo).any(|todo| matches!(todo, CertAction::Look | CertAction::Order))
    }

    /// Whether no other replica asks the authority at this moment.
    pub(super) fn may_ask(&self) -> bool {
        self.replicas.as_ref().is_none_or(|replicas| replicas.turn.is_own())
    }

    /// Without Redis no replica knows whether another one orders: what there is goes on.
    fn wait_for_redis(&mut self) -> Duration {
        let now = (self.clock)();
        let is_due = self.keepers.iter().any(|cert_manager| cert_manager.next_order(now, now) <= now);
        if self.replicas.as_mut().is_some_and(Replicas::away) && is_due {
            warn!("no public certificate is ordered while the cluster's Redis is away; what is shown stays");
            self.metrics.not_ordered(AcmeFault::Cluster);
        }
        for cert_manager in self.keepers.iter_mut().filter(|cert_manager| cert_manager.next_order(now, now) <= now) {
            cert_manager.unanswered(now);
        }
        self.look_after_ends();
        OTHERS
    }

    /// Does what is due and asks no authority.
    fn look_after_ends(&mut self) {
        let now = (self.clock)();
        for index in 0..self.keepers.len() {
            match self.keepers[index].todo(now, now + time::Duration::DAY) {
                CertAction::Retire => self.retire(index),
                CertAction::Remind => self.remind(index, now),
                CertAction::Look | CertAction::Order | CertAction::Wait(_) => {}
            }
        }
    }

    fn read_backoffs(&mut self) {
        for cert_manager in &mut self.keepers {
            cert_manager.backoff = self.store.backoff(&cert_manager.name);
        }
    }
}

/// While another replica has the turn, or Redis is away.
const OTHERS: Duration = Duration::from_secs(2);
