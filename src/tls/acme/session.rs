//! [`AcmeSession`]: an open account with the authority, and the requests that it allows.

use std::time::Duration;

use instant_acme::{Account, Error};
use time::OffsetDateTime;
use tracing::debug;

use super::answers::ChallengeAnswers;
use super::cert_manager::CertManager;
use super::certificate::Obtained;
use super::order::{self, OrderError, OrderRequest};
use super::schedule::RenewalWindow;
use super::settings::{AcmeClock, AcmeSettings};
use super::store::AcmeStore;
use super::transport::{DirectoryDial, RecordingClient};
use super::{account, backoff, fault, plan, reason};
use crate::observe::metrics::AcmeFault;

/// An open account, kept for as long as a round has requests to make.
pub(super) struct AcmeSession {
    account: Account,
    http: RecordingClient,
}

/// The authority's advice about a renewal (RFC 9773).
#[derive(Debug)]
pub(super) struct RenewalAdvice {
    pub(super) window: Option<RenewalWindow>,
    /// How long to wait before asking again.
    pub(super) again: Option<Duration>,
    /// The URL of a page that explains the window.
    pub(super) explanation: Option<String>,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NoSession {
    /// The authority refuses the account.
    Refused(AcmeFailure),
    /// The authority does not answer, or the peer that answers is no ACME server.
    Unanswered(AcmeFailure),
}

/// Why a request to the authority failed, and what follows from that.
#[derive(Debug, Clone)]
pub(super) struct AcmeFailure {
    pub(super) reason: String,
    /// The same in one word.
    pub(super) fault: AcmeFault,
    /// How long the authority asked to be left alone (`Retry-After`).
    pub(super) told: Option<Duration>,
    /// Whether the authority no longer knows the account, so that a new one is needed.
    pub(super) forget_account: bool,
}

/// The authority has not answered for a while.
#[derive(Debug)]
pub(super) struct AuthorityOutage {
    pub(super) failures: u32,
    /// No request goes to the authority before this moment.
    pub(super) until: OffsetDateTime,
    pub(super) reason: String,
}

impl AcmeSession {
    /// Opens the account.
    pub(super) async fn open(
        settings: &AcmeSettings,
        store: &AcmeStore,
        dial: &DirectoryDial,
    ) -> Result<Self, NoSession> {
        let acme = &settings.tls.acme;
        let failure = |error: &Error, told| AcmeFailure {
            reason: reason::of_directory(error, acme),
            fault: fault::of_directory(error),
            told,
            forget_account: is_unknown_account(error),
        };
        let http = dial().map(RecordingClient::new).map_err(|error| NoSession::Unanswered(failure(&error, None)))?;
        match account::open(acme, store, &http).await {
            Ok(account) => Ok(Self { account, http }),
            Err(error @ Error::Api(_)) => Err(NoSession::Refused(failure(&error, http.retry_after()))),
            Err(error) => Err(NoSession::Unanswered(failure(&error, http.retry_after()))),
        }
    }

    /// When to renew (RFC 9773).
    pub(super) async fn look(&self, cert_manager: &CertManager) -> Result<RenewalAdvice, AcmeFailure> {
        let none = RenewalAdvice { window: None, again: Some(A_DAY), explanation: None };
        let identifier = cert_manager.held.as_ref().and_then(|held| held.obtained.identifier());
        let Some(identifier) = identifier else { return Ok(none) };
        match self.account.renewal_info(&identifier).await {
            Ok((info, again)) => {
                let window = RenewalWindow { start: info.suggested_window.start, end: info.suggested_window.end };
                Ok(RenewalAdvice { window: Some(window), again: Some(again), explanation: info.explanation_url })
            }
            // The authority may support it tomorrow.
            Err(Error::Unsupported(_)) => Ok(none),
            Err(error) => {
                let (reason, fault) = (error.to_string(), fault::of_directory(&error));
                Err(AcmeFailure { reason, fault, told: self.http.retry_after(), forget_account: false })
            }
        }
    }

    /// Orders with one challenge after the other. Returns the certificate, as text and parsed.
    pub(super) async fn obtain(
        &self,
        cert_manager: &CertManager,
        settings: &AcmeSettings,
        answers: &ChallengeAnswers,
        clock: &AcmeClock,
    ) -> Result<(String, Obtained), AcmeFailure> {
        let (name, acme) = (&cert_manager.name, &settings.tls.acme);
        let offered: Vec<&str> = self.account.profiles().map(|profile| profile.name).collect();
        let profile = plan::profile(&acme.profile, name, &offered).map_err(|wanted| {
            let error = OrderError::NoProfile { wanted: wanted.to_owned(), offered: offered.join(", ") };
            AcmeFailure { reason: error.to_string(), fault: fault::of_order(&error), told: None, forget_account: false }
        })?;
        let replaces = cert_manager.held.as_ref().and_then(|held| held.obtained.identifier());
        let held = cert_manager.held.as_ref().map(|held| &held.obtained);
        let key = held.filter(|_| acme.reuse_key).map(|obtained| &obtained.key_pem);
        let request = OrderRequest { name, profile, replaces, key };
        let mut failures: Vec<AcmeFailure> = Vec::new();
        for &challenge in settings.challenges.iter().filter(|challenge| plan::proves(**challenge, name)) {
            debug!(%name, %challenge, profile, "ordering a public certificate");
            let made = order::obtain(&self.account, &request, challenge, answers, acme.dns.as_ref()).await;
            let made = made.and_then(|text| Ok((Obtained::read(text.as_bytes(), name, clock())?, text)));
            let error = match made {
                Ok((obtained, text)) => return Ok((text, obtained)),
                Err(error) => error,
            };
            failures.push(AcmeFailure {
                reason: reason::of_order(&error, name, acme),
                fault: fault::of_order(&error),
                told: self.http.retry_after(),
                forget_account: matches!(&error, OrderError::Acme(error) if is_unknown_account(error)),
            });
            // Another challenge is tried only when this one was at fault.
            if !matches!(error, OrderError::NotProven { .. } | OrderError::NotOffered(_)) {
                break;
            }
        }
        Err(AcmeFailure::all(&failures))
    }
}

impl AcmeFailure {
    fn all(failures: &[Self]) -> Self {
        let reasons: Vec<&str> = failures.iter().map(|failure| failure.reason.as_str()).collect();
        Self {
            reason: if reasons.is_empty() { NO_CHALLENGE.to_owned() } else { reasons.join("; ") },
            // What was tried last.
            fault: failures.last().map_or(AcmeFault::NoChallenge, |failure| failure.fault),
            told: failures.iter().filter_map(|failure| failure.told).max(),
            forget_account: failures.iter().any(|failure| failure.forget_account),
        }
    }
}

impl AuthorityOutage {
    /// The outage after one more failure.
    pub(super) fn after(before: Option<Self>, failure: AcmeFailure, now: OffsetDateTime) -> Self {
        let failures = before.map_or(0, |outage| outage.failures).saturating_add(1);
        let until = now + backoff::outage(failures, failure.told, fastrand::f64());
        Self { failures, until, reason: failure.reason }
    }
}

fn is_unknown_account(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if order::is(problem, "accountDoesNotExist"))
}

const NO_CHALLENGE: &str =
    "no challenge can be answered: tls-alpn-01 needs listen.https, http-01 listen.http, and a wildcard tls.acme.dns";
const A_DAY: Duration = Duration::from_hours(24);
