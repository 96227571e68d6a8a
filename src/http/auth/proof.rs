//! [`ProofAnswer`]: what a proof says of a request.

use std::sync::Arc;
use std::time::Duration;

use http::Response;

use super::user::AuthenticatedUser;
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;

/// An attempt to log in that failed.
pub(crate) struct FailedAttempt {
    /// The user or the service that it is known to be for.
    pub(crate) user: Option<Arc<str>>,
}

/// What a proof says of a request.
pub(crate) enum ProofAnswer {
    /// The request may pass.
    Admitted(AuthenticatedUser),
    /// The request shows nothing of this kind.
    NotOffered,
    /// What the request shows does not count; with the attempt, where it is one to log in here.
    Refused(Option<FailedAttempt>),
    /// The client has failed too often: what it shows was not looked at.
    Paused {
        /// How long the client must wait before it may try again.
        retry_after: Duration,
    },
    /// The client gets this, such as the way to a login page. Another proof may still let the request in.
    Answer(Response<AnswerBody>),
    /// Whether the request may pass cannot be known now.
    Failed(RequestFailure),
}
