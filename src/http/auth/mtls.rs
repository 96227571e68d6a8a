//! [`MtlsProof`]: a certificate of the client's, from the CA of the route.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::identity;
use super::proof::{FailedAttempt, ProofAnswer};
use super::user::{AuthenticatedUser, LoginEvidence, ProofKind, SessionKey};
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::RequestFailure;
use crate::tls::{CertifiedClient, ClientIdentity, Fingerprint, IdentityScope, RouteClientCa};

/// The CA of a route, and the clients whose certificates it was found to have signed.
pub(crate) struct MtlsProof {
    ca: RouteClientCa,
    /// Verifying a chain takes longer than all that a request takes otherwise.
    known: Mutex<HashMap<Fingerprint, (CertifiedClient, Instant)>>,
}

impl MtlsProof {
    /// The proof by certificates of `ca`.
    pub(crate) fn new(ca: RouteClientCa) -> Self {
        Self { ca, known: Mutex::default() }
    }

    /// Whether the connection's client has shown such a certificate.
    pub(super) fn ask(&self, exchange: &RequestExchange) -> ProofAnswer {
        let connection = &exchange.connection_info;
        let Some(identity) = &connection.identity else {
            // A browser may send requests for this name over the connection for another (RFC 9113 §9.1.1).
            let never_asked = connection.secure && !connection.certificate_asked;
            return if never_asked {
                ProofAnswer::Failed(RequestFailure::Misdirected)
            } else {
                ProofAnswer::NotOffered
            };
        };
        let Some(CertifiedClient { name, until }) = self.certified(identity, SystemTime::now(), Instant::now()) else {
            return ProofAnswer::Refused(Some(FailedAttempt { user: None }));
        };
        let user = AuthenticatedUser::new(name, ProofKind::Mtls, SessionKey(*identity.fingerprint.as_bytes()));
        // Where one CA is for every route, each request has these fields.
        let told = identity.scope == IdentityScope::SomeRoutes;
        ProofAnswer::Admitted(AuthenticatedUser {
            until: Some(until),
            fields: identity::fields(identity).filter(|_| told).collect(),
            evidence: LoginEvidence::Certificate(Arc::clone(identity)),
            ..user
        })
    }

    /// Whether the certificate of `user` still lets it in.
    pub(super) fn admits(&self, identity: &ClientIdentity, user: &AuthenticatedUser) -> bool {
        let client = self.certified(identity, SystemTime::now(), Instant::now());
        client.is_some_and(|client| client.name == user.name)
    }

    /// The client of a certificate that the CA has signed.
    fn certified(&self, identity: &ClientIdentity, now: SystemTime, moment: Instant) -> Option<CertifiedClient> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().get(&identity.fingerprint).cloned();
        if let Some((client, _)) = found.filter(|(client, until)| now < client.until && moment < *until) {
            return Some(client);
        }
        let client = self.ca.certified(&identity.chain, now)?;
        let mut known = known();
        if known.len() >= MOST {
            known.retain(|_, (_, until)| moment < *until);
        }
        if known.len() < MOST {
            known.insert(identity.fingerprint, (client.clone(), moment + VERIFIED_FOR));
        }
        Some(client)
    }
}

/// A chain may end before its first certificate does.
const VERIFIED_FOR: Duration = Duration::from_mins(1);
/// How many clients are remembered.
const MOST: usize = 4096;
