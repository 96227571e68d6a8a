//! [`AuthenticatedUser`]: the user that a request was let in for, and by what.

use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue};

use super::oidc::renewal::Renewal;
use super::session::contents::Session;
use crate::tls::ClientIdentity;
use crate::upstream::EncodedHead;

/// The user that a request was let in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthenticatedUser {
    /// The user's name.
    pub(crate) name: Arc<str>,
    /// What proved it.
    pub(crate) proof: ProofKind,
    /// Which login it is, among those of the same proof.
    pub(crate) session: SessionKey,
    /// When the login ends by itself; `None` is not known beforehand.
    pub(crate) until: Option<SystemTime>,
    /// The fields that tell the gateway about the user, in place of what the client sent.
    pub(crate) fields: Vec<(HeaderName, HeaderValue)>,
    /// The cookies that the client's answer sets, whatever answers it.
    pub(crate) cookies: Vec<HeaderValue>,
    /// What the login can be looked at again by.
    pub(crate) evidence: LoginEvidence,
}

/// What a login can be looked at again by, while its WebSocket lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum LoginEvidence {
    /// The configuration, which names the user or the token.
    #[default]
    Configuration,
    /// The client's certificate.
    Certificate(Arc<ClientIdentity>),
    /// What the login service was asked.
    Question(EncodedHead),
    /// What the browser's cookies say of a login at an issuer, and what it is renewed by.
    Session(Arc<Session>, Option<Renewal>),
}

/// The proofs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProofKind {
    /// A name and a password.
    Basic,
    /// A service's token.
    Token,
    /// A certificate.
    Mtls,
    /// A login service.
    Forward,
    /// A login at an OpenID Connect issuer.
    Oidc,
}

/// Identifies a login among those of the same proof: a digest of what the client has shown. It is no secret, and cannot be
/// turned back into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey(pub(crate) [u8; 32]);

impl AuthenticatedUser {
    /// A user of whom nothing but the name is known.
    pub(crate) fn new(name: Arc<str>, proof: ProofKind, session: SessionKey) -> Self {
        Self {
            name,
            proof,
            session,
            until: None,
            fields: Vec::new(),
            cookies: Vec::new(),
            evidence: LoginEvidence::default(),
        }
    }
}
