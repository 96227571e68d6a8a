//! [`Liveness`]: asks a client that says nothing whether it is still there.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep_until};

/// Asks a client that says nothing whether it is still there (RFC 9113 §6.7).
pub(super) struct Liveness {
    pings: Option<PingPong>,
    /// When the client was asked, if it has said nothing since.
    asked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// What is done with a client that was last heard at some time.
#[derive(Debug, PartialEq, Eq)]
enum LivenessStep {
    LookAgain(Instant),
    Ask,
    Vanished,
}

impl Liveness {
    /// A client that has just been heard. It is never asked if there are no `pings`.
    pub(super) fn new(pings: Option<PingPong>) -> Self {
        Self { pings, asked: None, timer: Box::pin(sleep_until(Instant::now() + ASK_AFTER)) }
    }

    /// Ready if the client has vanished. `heard` says when it was last heard.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, heard: impl Fn() -> Instant) -> Poll<()> {
        let Some(pings) = &mut self.pings else { return Poll::Pending };
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            match step(heard(), self.asked, now) {
                LivenessStep::Vanished => return Poll::Ready(()),
                LivenessStep::LookAgain(at) => {
                    self.asked = None;
                    self.timer.as_mut().reset(at);
                }
                LivenessStep::Ask => {
                    // An answer that came is taken, or the next ping would not be sent. A ping that was not answered yet does
                    // for this one as well.
                    let _ = pings.poll_pong(cx);
                    let _ = pings.send_ping(Ping::opaque());
                    self.asked = Some(now);
                    self.timer.as_mut().reset(now + ANSWER_WITHIN);
                }
            }
        }
    }
}

/// Any byte counts as an answer.
fn step(heard: Instant, asked: Option<Instant>, now: Instant) -> LivenessStep {
    match asked {
        Some(asked) if heard <= asked => LivenessStep::Vanished,
        _ if heard + ASK_AFTER > now => LivenessStep::LookAgain(heard + ASK_AFTER),
        _ => LivenessStep::Ask,
    }
}

/// A client that vanished in silence is noticed after these two.
const ASK_AFTER: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_client_is_asked_once_and_given_up_unless_a_byte_comes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        // When the client was heard and asked; now; what is done.
        let rows = [
            (0, None, 30, LivenessStep::Ask),
            (7, None, 30, LivenessStep::LookAgain(at(37))),
            (0, Some(30), 50, LivenessStep::Vanished),
            (30, Some(30), 50, LivenessStep::Vanished),
            (31, Some(30), 50, LivenessStep::LookAgain(at(61))),
            (49, Some(30), 80, LivenessStep::Ask),
        ];
        for (heard, asked, now, expected) in rows {
            assert_eq!(step(at(heard), asked.map(at), at(now)), expected, "{heard} {asked:?} {now}");
        }
    }
}
