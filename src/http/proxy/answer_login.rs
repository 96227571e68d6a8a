//! [`AnswerLogin`]: the login of an answer that goes on.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::http::auth::live_logins::{LiveLink, LiveLoginGuard, LiveLogins, OpeningLogin};

/// The login of an answer that goes on, such as an event stream: the answer breaks off when the login ends.
#[derive(Debug)]
pub(crate) struct AnswerLogin {
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    _guard: LiveLoginGuard,
}

impl AnswerLogin {
    /// Adds an answer to its login.
    pub(crate) fn new(logins: &LiveLogins, login: OpeningLogin) -> Self {
        let ended = CancellationToken::new();
        let guard = logins.enter(login, LiveLink::Answer(ended.clone()));
        Self { ended: Box::pin(ended.cancelled_owned()), _guard: guard }
    }

    /// Resolves when the login ends.
    pub(crate) fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ended.as_mut().poll(cx)
    }
}
