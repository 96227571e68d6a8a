//! [`CertManager`]: one name, its certificate, and the next action that is due for it.

use time::{Duration, OffsetDateTime};

use super::backoff::{Backoff, FailedAttempt};
use super::certificate::Obtained;
use super::schedule::{self, RenewalWindow};
use super::store::AcmeStore;
use crate::config::Name;

/// One name and its certificate.
#[derive(Debug)]
pub(super) struct CertManager {
    pub(super) name: Name,
    pub(super) held: Option<ManagedCert>,
    pub(super) backoff: Backoff,
    /// When the log last told the operator that the certificate is not renewed.
    told: Option<OffsetDateTime>,
}

/// A certificate that handshakes show.
#[derive(Debug)]
pub(super) struct ManagedCert {
    pub(super) obtained: Obtained,
    window: Option<RenewalWindow>,
    /// When to ask the authority about the window.
    look_at: OffsetDateTime,
    chance: f64,
}

/// The next action for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CertAction {
    /// The certificate has expired: the local one takes over.
    Retire,
    /// There is no certificate, or the current one is due for renewal.
    Order,
    /// Ask the authority when to renew.
    Look,
    /// Remind the operator that the certificate is not renewed.
    Remind,
    /// No action is due before this moment.
    Wait(OffsetDateTime),
}

impl CertManager {
    pub(super) fn new(name: Name) -> Self {
        Self { name, held: None, backoff: Backoff::default(), told: None }
    }

    /// Begins to show `obtained`; a random `chance` spreads renewals.
    pub(super) fn hold(&mut self, mut obtained: Obtained, chance: f64, now: OffsetDateTime) {
        obtained.life.obtained = self.backoff.obtained().unwrap_or(obtained.life.not_before).min(now);
        self.held = Some(ManagedCert { obtained, window: None, look_at: now, chance });
        // Failures before a restart count as reported at the restart: the reminders run from there.
        self.told = (self.backoff.failures() > 0).then_some(now);
    }

    /// The action that is due at `now`, while no request goes to the authority before `quiet_until`. Has no side
    /// effect: a second call with the same arguments returns the same action.
    pub(super) fn todo(&self, now: OffsetDateTime, quiet_until: OffsetDateTime) -> CertAction {
        let plan = self.plan(now, quiet_until);
        // The first of those that are due; else the one that is due first.
        match plan.iter().find(|(moment, _)| *moment <= now) {
            Some((_, todo)) => *todo,
            None => CertAction::Wait(plan.iter().map(|(moment, _)| *moment).min().unwrap_or(now)),
        }
    }

    /// The actions for this name and the moments they are due, the most urgent first.
    fn plan(&self, now: OffsetDateTime, quiet_until: OffsetDateTime) -> Vec<(OffsetDateTime, CertAction)> {
        let order = (self.next_order(now, quiet_until), CertAction::Order);
        let Some(held) = &self.held else { return vec![order] };
        let (due, ends) = (held.due(), held.obtained.life.not_after);
        let mut plan = vec![(ends, CertAction::Retire), order];
        if now < due {
            plan.push((held.look_at.max(quiet_until), CertAction::Look));
        } else if let Some(told) = self.told {
            plan.push((schedule::next_reminder(ends, told), CertAction::Remind));
        }
        plan
    }

    /// When the next order is due, while no request goes to the authority before `quiet_until`.
    pub(super) fn next_order(&self, now: OffsetDateTime, quiet_until: OffsetDateTime) -> OffsetDateTime {
        let pause = self.backoff.until(now).unwrap_or(now).max(quiet_until);
        self.held.as_ref().map_or(pause, |held| held.due().max(pause))
    }

    /// Writes an attempt down as a failure before it is made: a process that does not live to see how it ends must not
    /// make the same one again and again. Whether other replicas can know it, if there are any.
    pub(super) async fn keep_attempt(&self, store: &AcmeStore, now: OffsetDateTime) -> bool {
        let expires = self.held.as_ref().map(|held| held.obtained.life.not_after);
        let mut backoff = self.backoff.clone();
        backoff.fail(FailedAttempt { at: now, told: None, expires, reason: UNFINISHED.to_owned() }, 0.0);
        store.keep_backoff(&self.name, &backoff).await
    }

    /// Counts a failed attempt that the log has reported.
    pub(super) fn fail(&mut self, now: OffsetDateTime, told: Option<std::time::Duration>, reason: String, chance: f64) {
        let expires = self.held.as_ref().map(|held| held.obtained.life.not_after);
        self.backoff.fail(FailedAttempt { at: now, told, expires, reason }, chance);
        self.told = Some(now);
    }

    /// Notes at `now` that the authority does not answer and that the log has said so.
    pub(super) fn unanswered(&mut self, now: OffsetDateTime) {
        self.told.get_or_insert(now);
    }

    /// Notes at `now` that the log has reminded the operator of the missing renewal.
    pub(super) fn reminded(&mut self, now: OffsetDateTime) {
        self.told = Some(now);
    }
}

impl ManagedCert {
    /// The moment to renew.
    fn due(&self) -> OffsetDateTime {
        schedule::renewal(&self.obtained.life, self.window.as_ref(), self.chance)
    }

    /// Takes note of the authority's answer; `None` leaves the window as it was. Returns whether the window has
    /// changed.
    pub(super) fn looked(&mut self, window: Option<RenewalWindow>, again: OffsetDateTime) -> bool {
        let before = self.window;
        self.window = window.or(before);
        self.look_at = again;
        self.window != before
    }

    /// How long the certificate still is good for.
    pub(super) fn left(&self, now: OffsetDateTime) -> Duration {
        self.obtained.life.not_after - now
    }
}

const UNFINISHED: &str = "frontgate was stopped in the middle of it";
