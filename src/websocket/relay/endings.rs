//! The ways in which a relay ends, and the Close that each peer gets.

use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::{BOTH, Relay, RelayPhase};
use crate::io::Readable;
use crate::websocket::Side;
use crate::websocket::close::{AfterClose, WebSocketEnd};
use crate::websocket::leg::OwnClose;

impl<C, G> Relay<C, G>
where
    C: Readable + AsyncWrite + Unpin,
    G: Readable + AsyncWrite + Unpin,
{
    /// Handles that the Close of `side` has been passed on. The other peer answers, and both connections end.
    pub(super) fn on_close(&mut self, side: Side) {
        self.state_mut(side.other()).withdraw_close();
        if matches!(self.phase, RelayPhase::Open) {
            self.phase = RelayPhase::Ending { why: WebSocketEnd::closed(side), since: Instant::now() };
        }
    }

    /// Handles that nothing more will come from `side` that could be passed on.
    pub(super) fn on_gone(&mut self, ended: WebSocketEnd, side: Side) {
        if matches!(self.phase, RelayPhase::Open) {
            self.end(ended);
        } else if self.awaits_answers(side.other()) {
            self.send_due_close(side.other());
        } else if self.flow_from(side).direction.close().is_none() {
            // A peer that asked to close is owed an answer even if the other one went away without giving it.
            self.send_close_frame(&ended, side.other());
        }
    }

    /// Ends an open link: each peer that can get a Close gets one, between two frames.
    pub(super) fn end(&mut self, ended: WebSocketEnd) {
        for side in BOTH {
            match ended.close_frame(side).map(|close_frame| close_frame.then) {
                // The peer is gone, or takes nothing.
                None => self.give_up(side),
                Some(AfterClose::Cut) => self.state_mut(side).ended = true,
                Some(AfterClose::AwaitClose) => {}
            }
        }
        for side in BOTH {
            let from = self.flow_from(side.other());
            let is_over = self.state(side.other()).ended || from.direction.close().is_some();
            if ended.awaits_answers(side) && !is_over {
                let most = from.direction.counters().bytes + ANSWERS;
                self.state_mut(side).own_close = OwnClose::AfterAnswers { most };
            } else {
                self.send_close_frame(&ended, side);
            }
        }
        self.phase = RelayPhase::Ending { why: ended, since: Instant::now() };
    }

    pub(super) fn awaits_answers(&self, side: Side) -> bool {
        matches!(self.state(side).own_close, OwnClose::AfterAnswers { .. })
    }

    /// Puts our Close to `side` in line, if it has waited for answers.
    pub(super) fn send_due_close(&mut self, side: Side) {
        if let RelayPhase::Ending { why, .. } = &self.phase
            && self.awaits_answers(side)
        {
            let why = why.clone();
            self.state_mut(side).own_close = OwnClose::None;
            self.send_close_frame(&why, side);
        }
    }

    /// Puts our Close to `side` in line, or gives `side` up if it is in a frame that will never be completed.
    pub(super) fn send_close_frame(&mut self, ended: &WebSocketEnd, side: Side) {
        let Some(close_frame) = ended.close_frame(side) else { return };
        let never_ends = self.state(side.other()).ended && !self.flow_from(side.other()).is_between_frames();
        let closed = self.flow_from(side.other()).direction.close().is_some();
        let state = self.state_mut(side);
        if state.cut || closed || matches!(state.own_close, OwnClose::Said(..)) {
            return;
        }
        if never_ends {
            self.give_up(side);
        } else if state.own_close == OwnClose::None {
            state.queue_close(close_frame.code, close_frame.frame(mask_to(side)));
        }
    }

    /// Cuts both legs, wherever they are in a frame.
    pub(super) fn cut(&mut self) {
        if matches!(self.phase, RelayPhase::Open) {
            self.phase = RelayPhase::Ending { why: WebSocketEnd::Cut, since: Instant::now() };
        }
        for side in BOTH {
            self.give_up(side);
        }
    }

    /// Stops writing to `side`, wherever that is in a frame.
    pub(super) fn give_up(&mut self, side: Side) {
        let passing = !self.flow_from(side.other()).is_between_frames();
        self.state_mut(side).give_up(passing);
    }
}

/// A frame to the gateway is masked with a key that cannot be foreseen (RFC 6455 §5.3, §10.3).
pub(super) fn mask_to(side: Side) -> Option<[u8; 4]> {
    (side == Side::Gateway).then(|| {
        let mut mask = [0; 4];
        aws_lc_rs::rand::fill(&mut mask).unwrap_or_default();
        mask
    })
}

/// How many bytes still pass to a client that broke a rule, before its Close: what a gateway answers to a few messages.
const ANSWERS: u64 = 1024 * 1024;
