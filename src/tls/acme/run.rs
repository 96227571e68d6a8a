//! [`AcmeRenewal`]: the async shell that waits for the next action of each [`CertManager`] and carries it out.

mod among_replicas;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::answers::{ChallengeAnswers, Tokens};
use super::backoff::Backoff;
use super::cert_manager::{CertAction, CertManager};
use super::certificate::Obtained;
use super::plan;
use super::replicas::Replicas;
use super::schedule::next_look;
use super::session::{AcmeFailure, AcmeSession, AuthorityOutage, NoSession, RenewalAdvice};
use super::settings::{AcmeClock, AcmeSettings};
use super::store::{AcmeStore, OrderTurn};
use super::transport::DirectoryDial;
use crate::cluster::Cluster;
use crate::drain::Drain;
use crate::observe::metrics::AcmeMetrics;
use crate::tls::Certificates;

/// Keeps a public certificate for every name.
pub struct AcmeRenewal {
    settings: AcmeSettings,
    answers: ChallengeAnswers,
    store: AcmeStore,
    keepers: Vec<CertManager>,
    turn: OrderTurn,
    replicas: Option<Replicas>,
    outage: Option<AuthorityOutage>,
    clock: AcmeClock,
    metrics: AcmeMetrics,
}

/// The session of one round, once it is needed; there is no second try in the same round.
type RenewalRound = Option<Result<AcmeSession, AcmeFailure>>;

impl AcmeRenewal {
    /// Reads what is kept, and shows those certificates in `certificates` at once. Reads files: not for an async task.
    pub fn open(settings: AcmeSettings, certificates: Arc<Certificates>, tokens: Tokens, clock: AcmeClock) -> Self {
        let store = AcmeStore::open(settings.state_dir.as_deref(), &settings.tls.acme.directory);
        let names = plan::names(&settings.tls);
        for name in settings.tls.names.iter().filter(|name| !names.contains(name)) {
            info!(%name, "no public certificate: the public internet does not know the name; the local one is shown");
        }
        let keepers = names.into_iter().map(CertManager::new).collect();
        let turn = store.turn();
        if matches!(turn, OrderTurn::Theirs) {
            info!("another frontgate with this state directory orders the public certificates; this one shows them");
        }
        let answers = ChallengeAnswers { certificates, tokens, shared: None };
        let metrics = AcmeMetrics::default();
        let mut acme = Self { settings, answers, store, keepers, turn, replicas: None, outage: None, clock, metrics };
        acme.show_kept();
        acme.announce_pauses();
        acme
    }

    /// Orders are counted in `metrics`.
    #[must_use]
    pub(crate) fn counted_in(self, metrics: AcmeMetrics) -> Self {
        let counted = Self { metrics, ..self };
        counted.show_moments();
        counted
    }

    /// Of the replicas of `cluster` one at a time orders, and all of them show what it obtains.
    #[must_use]
    pub(crate) fn shared_by(mut self, cluster: Option<&Cluster>) -> Self {
        if let Some(cluster) = cluster {
            let (replicas, files, answer) = Replicas::new(cluster, self.settings.tls.acme.directory.url());
            self.store.share(files);
            self.answers.shared = Some(answer);
            self.replicas = Some(replicas);
        }
        self
    }

    /// Orders, renews and waits, until the drain.
    pub async fn run(mut self, dial: DirectoryDial, drain: Drain) {
        loop {
            let step = async {
                let pause = self.step(&dial).await;
                self.show_moments();
                match &mut self.replicas {
                    None => sleep(pause).await,
                    // Where another replica orders, it says when it is done.
                    Some(replicas) => drop(timeout(pause.min(LOOK_EVERY), replicas.woken()).await),
                }
            };
            tokio::select! {
                () = drain.soft() => return,
                () = step => {}
            }
        }
    }

    /// Carries out the actions that are due, and returns for how long no further one is.
    async fn carry_out(&mut self, dial: &DirectoryDial) -> Duration {
        let mut round = None;
        let mut pause = LONGEST_SLEEP;
        for index in 0..self.keepers.len() {
            // Every action that was carried out moves its own next moment into the future; the limit is for actions
            // that were missed.
            for done in 0..=MOST_AT_ONCE {
                let now = (self.clock)();
                let quiet_until = self.outage.as_ref().map_or(now, |outage| outage.until);
                match self.keepers[index].todo(now, quiet_until) {
                    _ if done == MOST_AT_ONCE => pause = SHORTEST_SLEEP,
                    CertAction::Wait(until) => {
                        pause = pause.min((until - now).try_into().unwrap_or(Duration::ZERO));
                        break;
                    }
                    CertAction::Retire => self.retire(index),
                    CertAction::Remind => self.remind(index, now),
                    // It became due a moment ago.
                    CertAction::Look | CertAction::Order if !self.may_ask() => {
                        pause = SHORTEST_SLEEP;
                        break;
                    }
                    CertAction::Look => self.look(index, dial, &mut round).await,
                    CertAction::Order => self.order(index, dial, &mut round).await,
                }
            }
        }
        // Never zero, even if the clock jumps.
        pause.max(SHORTEST_SLEEP)
    }

    /// Shows in the metrics when the next order is due, and when the last one gave a certificate.
    fn show_moments(&self) {
        let now = (self.clock)();
        let quiet_until = self.outage.as_ref().map_or(now, |outage| outage.until);
        let orders = self.keepers.iter().map(|cert_manager| cert_manager.next_order(now, quiet_until));
        // The process that orders says when.
        self.metrics.show_next(orders.min().filter(|_| !matches!(self.turn, OrderTurn::Theirs)));
        self.metrics.show_last(self.keepers.iter().filter_map(|cert_manager| cert_manager.backoff.obtained()).max());
    }

    /// Shows the certificates that another process has obtained, and orders in its place if that process is gone.
    fn take_over(&mut self) -> bool {
        self.turn = self.store.turn();
        self.show_kept();
        if matches!(self.turn, OrderTurn::Ours { .. }) {
            info!("this frontgate orders the public certificates from here on");
            return true;
        }
        let now = (self.clock)();
        for index in 0..self.keepers.len() {
            if self.keepers[index].todo(now, now) == CertAction::Retire {
                self.retire(index);
            }
        }
        false
    }

    /// Shows the certificates on disk that are not shown yet.
    fn show_kept(&mut self) {
        let now = (self.clock)();
        for cert_manager in &mut self.keepers {
            cert_manager.backoff = self.store.backoff(&cert_manager.name);
            let Some(kept) = self.store.certificate(&cert_manager.name, now) else { continue };
            if cert_manager.held.as_ref().is_none_or(|held| held.obtained.fingerprint() != kept.fingerprint()) {
                show(&self.answers.certificates, cert_manager, kept, now);
            }
        }
    }

    /// Logs the names whose next attempt waits for the pause after an earlier failure.
    fn announce_pauses(&self) {
        let now = (self.clock)();
        for cert_manager in &self.keepers {
            let until = cert_manager.backoff.until(now).filter(|until| *until > now);
            let (Some(until), Some(why)) = (until, cert_manager.backoff.reason()) else { continue };
            let file = self.store.backoff_file(&cert_manager.name);
            let remove = file.as_ref().map(|file| tracing::field::display(file.display()));
            let (name, next) = (&cert_manager.name, stamp(until));
            info!(%name, next, why, remove, "an earlier failure's pause goes on; remove the file and restart to try at once");
        }
    }

    fn retire(&mut self, index: usize) {
        let cert_manager = &mut self.keepers[index];
        self.answers.certificates.set_public(&cert_manager.name, None);
        cert_manager.held = None;
        let (name, why) =
            (&cert_manager.name, why(self.replicas.as_ref(), self.outage.as_ref(), &cert_manager.backoff));
        warn!(%name, why, "the public certificate has ended and was not renewed; the local one takes over, which clients do not trust");
    }

    fn remind(&mut self, index: usize, now: OffsetDateTime) {
        let cert_manager = &mut self.keepers[index];
        cert_manager.reminded(now);
        let hours_left = cert_manager.held.as_ref().map(|held| held.left(now).whole_hours());
        let (name, why) =
            (&cert_manager.name, why(self.replicas.as_ref(), self.outage.as_ref(), &cert_manager.backoff));
        warn!(%name, hours_left, why, "the public certificate is still not renewed");
    }

    /// Asks the authority when to renew (RFC 9773).
    async fn look(&mut self, index: usize, dial: &DirectoryDial, round: &mut RenewalRound) {
        let looked = match self.session(dial, round).await {
            Some(Ok(session)) => session.look(&self.keepers[index]).await,
            Some(Err(failure)) => Err(failure.clone()),
            None => return,
        };
        let now = (self.clock)();
        let cert_manager = &mut self.keepers[index];
        let Some(held) = &mut cert_manager.held else { return };
        let name = &cert_manager.name;
        match looked {
            Ok(RenewalAdvice { window, again, explanation }) => {
                if held.looked(window, next_look(now, again)) {
                    let [start, end] =
                        [window.map(|window| stamp(window.start)), window.map(|window| stamp(window.end))];
                    // Operators should be told why (RFC 9773 §4.2).
                    info!(%name, start, end, explanation, "the authority says when to renew");
                }
            }
            Err(failure) => {
                debug!(%name, why = failure.reason, "cannot ask when to renew");
                held.looked(None, next_look(now, failure.told));
            }
        }
    }

    async fn order(&mut self, index: usize, dial: &DirectoryDial, round: &mut RenewalRound) {
        let obtained = match self.session(dial, round).await {
            Some(Ok(session)) => {
                if !self.keepers[index].keep_attempt(&self.store, (self.clock)()).await {
                    return;
                }
                session.obtain(&self.keepers[index], &self.settings, &self.answers, &self.clock).await
            }
            Some(Err(failure)) => Err(failure.clone()),
            None => return self.keepers[index].unanswered((self.clock)()),
        };
        let now = (self.clock)();
        let cert_manager = &mut self.keepers[index];
        match obtained {
            Ok((text, obtained)) => {
                self.metrics.obtained();
                cert_manager.backoff.succeed(now);
                // The certificate is written first: without it the other file has no use.
                self.store.keep_certificate(&cert_manager.name, text).await;
                self.store.keep_backoff(&cert_manager.name, &cert_manager.backoff).await;
                show(&self.answers.certificates, cert_manager, obtained, now);
                if let Some(replicas) = &self.replicas {
                    replicas.announce().await;
                }
            }
            Err(failure) => {
                self.metrics.failed(failure.fault);
                if failure.forget_account {
                    self.store.forget_account().await;
                }
                cert_manager.fail(now, failure.told, failure.reason, fastrand::f64());
                self.store.keep_backoff(&cert_manager.name, &cert_manager.backoff).await;
                let (next, why) = (cert_manager.backoff.until(now).map(stamp), cert_manager.backoff.reason());
                let (name, failures) = (&cert_manager.name, cert_manager.backoff.failures());
                match &cert_manager.held {
                    Some(held) => {
                        let hours_left = held.left(now).whole_hours();
                        warn!(%name, why, hours_left, next, failures, "the public certificate was not renewed; the one in use stays");
                    }
                    None => {
                        warn!(%name, why, next, failures, "no public certificate yet; the local one is shown, which clients do not trust");
                    }
                }
            }
        }
    }

    /// The open account, or why the authority refuses one; `None` while it does not answer.
    async fn session<'a>(
        &mut self,
        dial: &DirectoryDial,
        round: &'a mut RenewalRound,
    ) -> Option<&'a Result<AcmeSession, AcmeFailure>> {
        if round.is_none() {
            let opened = AcmeSession::open(&self.settings, &self.store, dial).await;
            let outage = self.outage.take();
            *round = Some(match opened {
                Ok(session) => Ok(session),
                Err(NoSession::Refused(failure)) => Err(failure),
                Err(NoSession::Unanswered(failure)) => {
                    self.metrics.not_ordered(failure.fault);
                    self.unanswered(AuthorityOutage::after(outage, failure, (self.clock)()));
                    return None;
                }
            });
        }
        round.as_ref()
    }

    fn unanswered(&mut self, outage: AuthorityOutage) {
        // Logged ever more rarely: the reminders say what the outage means for a certificate.
        if outage.failures.is_power_of_two() {
            let (why, next, failures) = (&outage.reason, stamp(outage.until), outage.failures);
            warn!(why, next, failures, "the certificate authority does not answer; what is shown stays");
        }
        self.outage = Some(outage);
    }
}

fn why<'a>(replicas: Option<&Replicas>, outage: Option<&'a AuthorityOutage>, backoff: &'a Backoff) -> Option<&'a str> {
    if replicas.is_some_and(Replicas::is_long_away) {
        return Some("the cluster's Redis is away");
    }
    outage.map(|outage| outage.reason.as_str()).or(backoff.reason())
}

fn show(certificates: &Certificates, cert_manager: &mut CertManager, obtained: Obtained, now: OffsetDateTime) {
    certificates.set_public(&cert_manager.name, Some(Arc::clone(&obtained.certified)));
    info!(
        name = %cert_manager.name,
        not_after = stamp(obtained.life.not_after),
        sha256 = %obtained.fingerprint(),
        "public certificate"
    );
    cert_manager.hold(obtained, fastrand::f64(), now);
}

fn stamp(moment: OffsetDateTime) -> String {
    moment.replace_nanosecond(0).unwrap_or(moment).format(&Rfc3339).unwrap_or_default()
}

/// Clocks are set and machines sleep: no longer wait is trusted to end on time.
const LONGEST_SLEEP: Duration = Duration::from_hours(1);
const SHORTEST_SLEEP: Duration = Duration::from_secs(1);
/// How often to look for certificates that another process has obtained.
const THEIRS: Duration = Duration::from_secs(10);
/// How often to look for what other replicas have obtained: each says so, and may not be heard.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Actions for one name before the next name has its turn.
const MOST_AT_ONCE: usize = 4;
