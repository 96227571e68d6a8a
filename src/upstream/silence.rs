//! [`GatewaySilence`]: how long a gateway may keep a request waiting.

use std::task::{Context, Poll};
use std::time::Duration;

use super::h1_error::H1Error;
use super::progress::StallTimer;

/// How long a gateway may do nothing; `None` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct GatewayTimeouts {
    /// While the request is sent: to take a byte of it.
    pub(crate) send: Option<Duration>,
    /// Once it is sent: to begin its answer, and to go on with it.
    pub(crate) read: Option<Duration>,
}

/// The step that an exchange waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AwaitedStep {
    /// The client must send more of its body. That has a time limit of its own.
    Client,
    /// The gateway must take more of the request, of which it has so many bytes.
    Taking(u64),
    /// The gateway must answer.
    Answer,
}

/// Counts the time for which a gateway keeps an exchange waiting.
#[derive(Debug)]
pub(super) struct GatewaySilence {
    gateway_timeouts: GatewayTimeouts,
    awaited: AwaitedStep,
    stall: StallTimer,
}

impl GatewaySilence {
    /// The silence of a gateway that gets a request now.
    pub(super) fn new(gateway_timeouts: GatewayTimeouts) -> Self {
        Self { gateway_timeouts, awaited: AwaitedStep::Client, stall: StallTimer::new(None) }
    }

    /// Notes that something of the answer's body came.
    pub(super) fn moved(&mut self) {
        self.stall.moved();
    }

    /// Notes that the exchange waits. Ready when the gateway has kept it waiting for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, awaited: AwaitedStep) -> Poll<H1Error> {
        if awaited != self.awaited {
            self.awaited = awaited;
            self.stall.moved();
        }
        let (limit, error) = match awaited {
            AwaitedStep::Client => return Poll::Pending,
            AwaitedStep::Taking(_) => (self.gateway_timeouts.send, H1Error::Untaken),
            AwaitedStep::Answer => (self.gateway_timeouts.read, H1Error::Silent),
        };
        self.stall.set_limit(limit);
        self.stall.poll_waiting(cx).map(|()| error)
    }
}

impl Default for GatewaySilence {
    fn default() -> Self {
        Self::new(GatewayTimeouts::default())
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_gateways_silence_begins_when_it_has_the_whole_request() {
        let gateway_timeouts = GatewayTimeouts { send: Some(5 * SECOND), read: Some(2 * SECOND) };
        let steps = [
            // After so many seconds, the step that is waited for, and the error that is due then.
            (0, AwaitedStep::Client, ""),
            (60, AwaitedStep::Client, ""),
            (0, AwaitedStep::Taking(10), ""),
            (4, AwaitedStep::Taking(10), ""),
            (0, AwaitedStep::Taking(11), ""),
            (4, AwaitedStep::Taking(11), ""),
            (0, AwaitedStep::Answer, ""),
            (1, AwaitedStep::Answer, ""),
            (1, AwaitedStep::Answer, "silent"),
        ];
        let look = |silence: &mut GatewaySilence, awaited| match silence
            .poll(&mut Context::from_waker(Waker::noop()), awaited)
        {
            Poll::Pending => "",
            Poll::Ready(H1Error::Silent) => "silent",
            Poll::Ready(H1Error::Untaken) => "untaken",
            Poll::Ready(_) => "another",
        };
        let mut silence = GatewaySilence::new(gateway_timeouts);
        for (number, (after, awaited, expected)) in steps.into_iter().enumerate() {
            advance(after * SECOND).await;
            assert_eq!(look(&mut silence, awaited), expected, "step {number}");
        }
        let mut silence = GatewaySilence::new(gateway_timeouts);
        assert_eq!(look(&mut silence, AwaitedStep::Taking(0)), "");
        advance(5 * SECOND).await;
        assert_eq!(look(&mut silence, AwaitedStep::Taking(0)), "untaken");
        let mut endless = GatewaySilence::default();
        assert_eq!(look(&mut endless, AwaitedStep::Answer), "");
        advance(100_000 * SECOND).await;
        assert_eq!(look(&mut endless, AwaitedStep::Answer), "");
    }
}
