//! One order for one name, proven in one way (RFC 8555 §7.4).

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, Identifier, NewOrder, Order,
    OrderStatus, Problem, RetryPolicy,
};

use super::answers::{ChallengeAnswers, ChallengeError, ReadyAnswer};
use super::certificate::{CertificateFlaw, CertificateRequest};
use super::challenge_proof::ChallengeProof;
use super::dns_record::{DnsRecord, DnsRecordError};
use crate::config::{AcmeChallengeKind, AcmeDns, Name, Secret};

/// The parameters of one order.
#[derive(Debug, Clone)]
pub(super) struct OrderRequest<'a> {
    pub(super) name: &'a Name,
    pub(super) profile: Option<&'a str>,
    /// The certificate that it is to replace (RFC 9773 §5).
    pub(super) replaces: Option<CertificateIdentifier<'static>>,
    /// The private key that the certificate is to be for, if it is not to be a new one.
    pub(super) key: Option<&'a Secret>,
}

/// Why an order gave no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    /// The directory does not answer, or refuses.
    #[error(transparent)]
    Acme(#[from] Error),
    /// The authority checked the name, and did not find the proof.
    #[error("{challenge} failed")]
    NotProven {
        challenge: AcmeChallengeKind,
        /// The problem document of the failed challenge, if the authority gave one.
        problem: Option<Box<Problem>>,
    },
    /// The authority offers no challenge of this kind for the name.
    #[error("the authority offers no {0} for this name")]
    NotOffered(AcmeChallengeKind),
    /// The directory offers no profile of this name.
    #[error("the directory has no profile `{wanted}`; it offers: {offered}")]
    NoProfile { wanted: String, offered: String },
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    #[error(transparent)]
    Record(#[from] DnsRecordError),
    #[error("cannot make a key and a request: {0}")]
    Request(#[from] rcgen::Error),
    /// The certificate that was issued cannot be used.
    #[error("the authority's certificate is of no use: {0}")]
    Useless(#[from] CertificateFlaw),
}

/// Repeats a request that was refused for its nonce. Nonces go bad by themselves (RFC 8555 §6.5), and three times in a
/// row, which is when the library gives up, is too likely to count as a failure.
macro_rules! patiently {
    ($request:expr) => {{
        let mut left = $crate::tls::acme::order::BAD_NONCES;
        loop {
            match $request.await {
                Err(error) if left > 0 && $crate::tls::acme::order::is_bad_nonce(&error) => left -= 1,
                other => break other,
            }
        }
    }};
}
pub(super) use patiently;

/// Orders a certificate and proves the name by `challenge`. Returns the key and the chain, leaf first, in one PEM text.
pub(super) async fn obtain(
    account: &Account,
    request: &OrderRequest<'_>,
    challenge: AcmeChallengeKind,
    answers: &ChallengeAnswers,
    dns: Option<&AcmeDns>,
) -> Result<String, OrderError> {
    let mut record = None;
    let obtained = proven(account, request, (challenge, dns), answers, &mut record).await;
    // Whatever became of the order.
    if challenge != AcmeChallengeKind::Dns01 {
        answers.withdraw().await;
    }
    if let (Some(record), Some(dns)) = (record, dns)
        && let Err(error) = record.withdraw(dns).await
    {
        tracing::warn!(record = record.name, %error, "the record that proved a name is still in the DNS");
    }
    obtained
}

/// The same; a record that was put into the DNS is left in `record`.
async fn proven(
    account: &Account,
    request: &OrderRequest<'_>,
    by: (AcmeChallengeKind, Option<&AcmeDns>),
    answers: &ChallengeAnswers,
    record: &mut Option<DnsRecord>,
) -> Result<String, OrderError> {
    let mut order = place(account, request).await?;
    let ready = prove(&mut order, request.name, by, answers, record).await?;
    let wanted = CertificateRequest::new(request.name, request.key)?;
    patiently!(order.finalize_csr(&wanted.request))?;
    drop(ready);
    let chain = patiently!(order.poll_certificate(&LONGEST_WAIT))?;
    Ok(format!("{}{chain}", wanted.key_pem))
}

async fn place(account: &Account, request: &OrderRequest<'_>) -> Result<Order, Error> {
    let identifiers = [match request.name {
        Name::Dns(name) => Identifier::Dns(name.clone()),
        Name::Ip(ip) => Identifier::Ip(*ip),
    }];
    let new = || {
        let new = NewOrder::new(&identifiers);
        if let Some(profile) = request.profile { new.profile(profile) } else { new }
    };
    let Some(replaced) = &request.replaces else { return patiently!(account.new_order(&new())) };
    match patiently!(account.new_order(&new().replaces(replaced.clone()))) {
        // It has been replaced already, or the directory does not know it (any more): no reason not to get one.
        Err(Error::Unsupported(_) | Error::Other(_)) => {}
        Err(Error::Api(problem)) if !is(&problem, "rateLimited") => {}
        placed => return placed,
    }
    patiently!(account.new_order(&new()))
}

/// Publishes the answer, tells the authority, and waits until it has checked the answer.
async fn prove(
    order: &mut Order,
    name: &Name,
    (challenge, dns): (AcmeChallengeKind, Option<&AcmeDns>),
    answers: &ChallengeAnswers,
    record: &mut Option<DnsRecord>,
) -> Result<Option<ReadyAnswer>, OrderError> {
    if order.state().status == OrderStatus::Ready {
        return Ok(None);
    }
    patiently!(fetch(order))?;
    let mut ready = None;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let kind = match challenge {
            AcmeChallengeKind::TlsAlpn01 => ChallengeType::TlsAlpn01,
            AcmeChallengeKind::Http01 => ChallengeType::Http01,
            AcmeChallengeKind::Dns01 => ChallengeType::Dns01,
        };
        let Some(mut offered) = authorization.challenge(kind) else { return Err(OrderError::NotOffered(challenge)) };
        let (token, proof) = (offered.token.clone(), offered.key_authorization());
        if let (AcmeChallengeKind::Dns01, Some(dns)) = (challenge, dns) {
            let made = DnsRecord::of(name, proof.dns_value()).ok_or(OrderError::NotOffered(challenge))?;
            // Before it is there: an update may have gone through whose answer was lost.
            record.insert(made).publish(dns).await?;
        } else {
            let (name, authorization) = (name.clone(), proof.as_str().to_owned());
            ready = answers.publish(&ChallengeProof { challenge, name, token, authorization }).await?;
        }
        patiently!(offered.set_ready())?;
    }
    match patiently!(order.poll_ready(&LONGEST_WAIT)) {
        Ok(OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid) => Ok(ready),
        Ok(OrderStatus::Invalid | OrderStatus::Pending) | Err(Error::Api(_)) => {
            Err(OrderError::NotProven { challenge, problem: what_was_found(order).await.map(Box::new) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Has the order's only authorization fetched, which the library keeps.
async fn fetch(order: &mut Order) -> Result<(), Error> {
    match order.identifiers().next().await {
        Some(identifier) => identifier.map(|_| ()),
        None => Err(Error::Str("an order without an authorization")),
    }
}

/// The problem that the authority found. It is noted with the challenge, not with the order.
async fn what_was_found(order: &mut Order) -> Option<Problem> {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await?.ok()?;
    if let Err(error) = patiently!(refresh(&mut authorization)) {
        tracing::debug!(%error, "the authority does not say why");
    }
    authorization.challenges.iter().find_map(|challenge| challenge.error.clone())
}

async fn refresh(authorization: &mut instant_acme::AuthorizationHandle<'_>) -> Result<(), Error> {
    authorization.refresh().await.map(|_| ())
}

pub(super) fn is_bad_nonce(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if is(problem, "badNonce"))
}

/// Whether `problem` is the RFC 8555 §6.7 problem of type `kind`.
pub(super) fn is(problem: &Problem, kind: &str) -> bool {
    let known = problem.r#type.as_deref().and_then(|name| name.strip_prefix("urn:ietf:params:acme:error:"));
    known == Some(kind)
}

/// Tries of three requests each: at one bad nonce in five, fewer than one in 10^14 requests fails.
pub(super) const BAD_NONCES: u32 = 6;
/// How long the authority may take to look or to sign; it is asked again after longer and longer pauses.
const LONGEST_WAIT: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).backoff(1.5).timeout(Duration::from_mins(2));
