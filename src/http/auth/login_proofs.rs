//! [`LoginProofs`]: the proofs of a route, asked in turn.

use std::net::IpAddr;

use http::Response;

use super::basic::BasicProof;
use super::forward::ForwardProof;
use super::mtls::MtlsProof;
use super::navigation::RequestMode;
use super::oidc::proof::OidcProof;
use super::proof::{FailedAttempt, ProofAnswer};
use super::recheck::{LoginStanding, Look};
use super::token::TokenProof;
use super::user::{AuthenticatedUser, LoginEvidence, ProofKind};
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::{LoginChallenge, RequestFailure};
use crate::http::proxy::body::AnswerBody;
use crate::observe::access::LoggedAddress;
use crate::observe::metrics::{AuthMetrics, CountedProof, ProofOutcome};

/// The proofs of a route, any of which lets a request in.
#[derive(Default)]
pub(crate) struct LoginProofs {
    /// The CA of certificates.
    pub(crate) mtls: Option<MtlsProof>,
    /// The services that have a token.
    pub(crate) token: Option<TokenProof>,
    /// The users that have a password.
    pub(crate) basic: Option<BasicProof>,
    /// The login service that is asked.
    pub(crate) forward: Option<ForwardProof>,
    /// The users that log in at an issuer.
    pub(crate) oidc: Option<OidcProof>,
}

/// What the proofs say of a request together.
pub(crate) enum LoginAnswer {
    /// It may pass.
    Admitted(AuthenticatedUser),
    /// The client gets this instead.
    Answer(Response<AnswerBody>),
}

/// The answers of proofs that did not let a request in.
#[derive(Default)]
struct UnprovenAnswers {
    paused: Option<std::time::Duration>,
    answer: Option<Response<AnswerBody>>,
    failed: Option<RequestFailure>,
    attempt: Option<FailedAttempt>,
}

impl UnprovenAnswers {
    /// Says that a login has failed, if the request was an attempt. One line, whatever the request shows: programs keep clients out by it.
    fn log(&self, exchange: &RequestExchange, client: Option<IpAddr>) {
        if let Some(FailedAttempt { user }) = &self.attempt {
            let (id, client) = (exchange.id.as_str(), LoggedAddress(client));
            tracing::info!(id, %client, user = user.as_deref(), "login failed");
        }
    }

    /// Notes what a proof says; a user if it lets the request in.
    fn note(&mut self, proof: CountedProof, said: ProofAnswer, metrics: &AuthMetrics) -> Option<AuthenticatedUser> {
        if let Some(outcome) = outcome(&said) {
            metrics.asked(proof, outcome);
        }
        match said {
            ProofAnswer::Admitted(user) => return Some(user),
            ProofAnswer::NotOffered => {}
            // One that names a user says more than one that does not.
            ProofAnswer::Refused(attempt) => {
                self.attempt =
                    [self.attempt.take(), attempt].into_iter().flatten().max_by_key(|one| one.user.is_some());
            }
            ProofAnswer::Paused { retry_after } => self.paused = self.paused.max(Some(retry_after)),
            ProofAnswer::Answer(answer) => self.answer = self.answer.take().or(Some(answer)),
            ProofAnswer::Failed(failure) => self.failed = self.failed.take().or(Some(failure)),
        }
        None
    }
}

/// How an answer is counted; a request that shows nothing of the kind is not.
fn outcome(said: &ProofAnswer) -> Option<ProofOutcome> {
    Some(match said {
        ProofAnswer::NotOffered => return None,
        ProofAnswer::Admitted(_) => ProofOutcome::Admitted,
        ProofAnswer::Refused(_) => ProofOutcome::Refused,
        ProofAnswer::Paused { .. } => ProofOutcome::Paused,
        ProofAnswer::Answer(_) => ProofOutcome::Redirected,
        ProofAnswer::Failed(_) => ProofOutcome::Failed,
    })
}

impl LoginProofs {
    /// Asks the proofs in turn, those first that cost nothing, until one lets the request in.
    ///
    /// # Errors
    /// The failure of a request that none lets in, where no proof has an answer of its own.
    pub(crate) async fn ask(
        &self,
        exchange: &RequestExchange,
        client: Option<IpAddr>,
        metrics: &AuthMetrics,
    ) -> Result<LoginAnswer, RequestFailure> {
        let mut others = UnprovenAnswers::default();
        if let Some(mtls) = &self.mtls
            && let Some(user) = others.note(CountedProof::Mtls, mtls.ask(exchange), metrics)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        if let Some(token) = &self.token
            && let Some(user) = others.note(CountedProof::Token, token.ask(exchange), metrics)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        if let Some(basic) = &self.basic
            && let Some(user) = others.note(CountedProof::Basic, basic.ask(exchange, client).await, metrics)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        if let Some(oidc) = &self.oidc
            && let Some(user) = others.note(CountedProof::Oidc, oidc.ask(exchange).await, metrics)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        // A client that guesses is told so before it is sent anywhere.
        if let Some(retry_after) = others.paused {
            others.log(exchange, client);
            return Err(RequestFailure::TooManyLogins { retry_after });
        }
        if let Some(forward) = &self.forward
            && let Some(user) = others.note(CountedProof::Forward, forward.ask(exchange).await, metrics)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        others.log(exchange, client);
        match (others.answer, others.failed) {
            // Over another connection the client might have a certificate.
            (_, Some(RequestFailure::Misdirected)) => Err(RequestFailure::Misdirected),
            (Some(answer), _) => Ok(LoginAnswer::Answer(answer)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(RequestFailure::LoginRequired(self.challenge(RequestMode::of(&exchange.head.headers)))),
        }
    }

    /// Whether the login of `user` would still let it in.
    pub(crate) async fn stands(&self, user: &AuthenticatedUser, look: Look) -> LoginStanding {
        let known = |stands: bool| if stands { LoginStanding::Stands } else { LoginStanding::Ended };
        match (user.proof, &user.evidence) {
            (ProofKind::Basic, _) => {
                known(self.basic.as_ref().is_some_and(|basic| basic.session(&user.name) == Some(user.session)))
            }
            (ProofKind::Token, _) => known(self.token.as_ref().is_some_and(|token| token.admits(user))),
            (ProofKind::Mtls, LoginEvidence::Certificate(identity)) => {
                known(self.mtls.as_ref().is_some_and(|mtls| mtls.admits(identity, user)))
            }
            (ProofKind::Forward, LoginEvidence::Question(question)) => match &self.forward {
                Some(_) if look == Look::AtHand => LoginStanding::Unknown,
                Some(forward) => forward.stands(question).await,
                None => LoginStanding::Ended,
            },
            (ProofKind::Oidc, LoginEvidence::Session(session, renewal)) => match &self.oidc {
                Some(oidc) => oidc.stands(session, renewal.as_ref(), look).await,
                None => LoginStanding::Ended,
            },
            (ProofKind::Mtls | ProofKind::Forward | ProofKind::Oidc, _) => LoginStanding::Ended,
        }
    }

    /// What a 401 asks for. `Basic` makes a browser ask its user, so a page's scripts and images never get it.
    fn challenge(&self, mode: RequestMode) -> LoginChallenge {
        match (self.basic.is_some(), mode) {
            (true, RequestMode::Navigation | RequestMode::Program) if self.token.is_some() => {
                LoginChallenge::BasicOrBearer
            }
            (true, RequestMode::Navigation | RequestMode::Program) => LoginChallenge::Basic,
            _ => LoginChallenge::Bearer,
        }
    }
}
