//! [`LoginProofs`]: the proofs of a route, asked in turn.

use std::net::IpAddr;

use http::Response;

use super::basic::BasicProof;
use super::navigation::RequestMode;
use super::proof::ProofAnswer;
use super::token::TokenProof;
use super::user::AuthenticatedUser;
use crate::http::edge::exchange::RequestExchange;
use crate::http::error::{LoginChallenge, RequestFailure};
use crate::http::proxy::body::AnswerBody;

/// The proofs of a route, any of which lets a request in.
#[derive(Default)]
pub(crate) struct LoginProofs {
    /// The services that have a token.
    pub(crate) token: Option<TokenProof>,
    /// The users that have a password.
    pub(crate) basic: Option<BasicProof>,
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
}

impl UnprovenAnswers {
    /// Notes what a proof says; a user if it lets the request in.
    fn note(&mut self, said: ProofAnswer) -> Option<AuthenticatedUser> {
        match said {
            ProofAnswer::Admitted(user) => return Some(user),
            ProofAnswer::NotOffered | ProofAnswer::Refused => {}
            ProofAnswer::Paused { retry_after } => self.paused = self.paused.max(Some(retry_after)),
            ProofAnswer::Answer(answer) => self.answer = self.answer.take().or(Some(answer)),
            ProofAnswer::Failed(failure) => self.failed = self.failed.take().or(Some(failure)),
        }
        None
    }
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
    ) -> Result<LoginAnswer, RequestFailure> {
        let mut others = UnprovenAnswers::default();
        if let Some(token) = &self.token
            && let Some(user) = others.note(token.ask(exchange, client))
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        if let Some(basic) = &self.basic
            && let Some(user) = others.note(basic.ask(exchange, client).await)
        {
            return Ok(LoginAnswer::Admitted(user));
        }
        // A client that guesses is told so, wherever it might be sent.
        if let Some(retry_after) = others.paused {
            return Err(RequestFailure::TooManyLogins { retry_after });
        }
        match (others.answer, others.failed) {
            (Some(answer), _) => Ok(LoginAnswer::Answer(answer)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(RequestFailure::LoginRequired(self.challenge(RequestMode::of(&exchange.head.headers)))),
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
