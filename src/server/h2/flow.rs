//! [`StreamFlow`]: one stream's answer on its way to the client, shared by its task, its body and its pieces.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::send_budget::{SendAllowance, SendBudget};
use crate::upstream::{RequestBody, TransferProgress};

/// One stream's answer on its way to the client. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct StreamFlow(Arc<StreamFlowShared>);

#[derive(Debug)]
struct StreamFlowShared {
    budget: SendBudget,
    state: Mutex<StreamFlowState>,
}

#[derive(Debug)]
struct StreamFlowState {
    /// For how long the client may take nothing; the clock started when the answer began.
    progress: Option<TransferProgress>,
    /// Bytes that the h2 library has and has not written yet.
    under_way: usize,
    /// Woken when no bytes are under way.
    waits_for_room: Option<Waker>,
    /// The gateway has no more bytes at the moment.
    waits_for_gateway: bool,
    /// The client took nothing of the answer for too long.
    untaken: bool,
    /// The part of the request's body that was not read when the answer was complete.
    rest: Option<Box<RequestBody>>,
}

/// A piece of an answer. As long as it exists, it counts in the budget.
#[derive(Debug)]
pub(super) struct FlowPiece {
    bytes: Bytes,
    length: usize,
    flow: StreamFlow,
}

impl StreamFlow {
    /// The flow of a stream that has just begun, on the connection that `budget` is for.
    pub(super) fn new(budget: SendBudget) -> Self {
        let state = StreamFlowState {
            progress: None,
            under_way: 0,
            waits_for_room: None,
            waits_for_gateway: false,
            untaken: false,
            rest: None,
        };
        Self(Arc::new(StreamFlowShared { budget, state: Mutex::new(state) }))
    }

    /// Starts the clock as the answer begins: the client may take nothing of it for `limit`.
    pub(super) fn begin(&self, limit: Option<Duration>) {
        self.state().progress = Some(TransferProgress::new(limit, Instant::now()));
    }

    /// How many bytes may be handed over of a body that has at most `left` more. [`SendAllowance::Wait`] wakes the task when that changes.
    pub(super) fn turn(&self, cx: &Context<'_>, left: Option<u64>) -> SendAllowance {
        let mut state = self.state();
        let turn = self.0.budget.turn(state.under_way, left);
        if turn == SendAllowance::Wait {
            state.waits_for_room = Some(cx.waker().clone());
        }
        turn
    }

    /// Ready when the library has written all bytes that were handed over.
    pub(super) fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.under_way == 0 {
            return Poll::Ready(());
        }
        state.waits_for_room = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Notes that the body was asked for more, which the client has room for, and whether the gateway had more.
    pub(super) fn asked(&self, gateway_has_more: bool) {
        let mut state = self.state();
        if gateway_has_more {
            state.moved();
        }
        state.waits_for_gateway = !gateway_has_more;
    }

    /// A piece of these bytes, which is handed over and counted.
    pub(super) fn piece(&self, bytes: Bytes) -> FlowPiece {
        let length = bytes.len();
        self.0.budget.take(length);
        self.state().under_way += length;
        FlowPiece { bytes, length, flow: self.clone() }
    }

    /// Until when the client must take something; `None` if it is the gateway that is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        let waits_for_client = state.under_way > 0 || !state.waits_for_gateway;
        state.progress.as_ref().filter(|_| waits_for_client)?.deadline()
    }

    /// Gives up what is left of the answer: the client took nothing of it for too long.
    pub(super) fn give_up(&self) {
        self.state().untaken = true;
    }

    /// Whether the answer was given up.
    pub(super) fn is_untaken(&self) -> bool {
        self.state().untaken
    }

    /// Keeps the part of the request's body that was not read.
    pub(super) fn keep(&self, rest: Option<RequestBody>) {
        self.state().rest = rest.map(Box::new);
    }

    /// Takes out the part of the request's body that was kept.
    pub(super) fn take_rest(&self) -> Option<RequestBody> {
        self.state().rest.take().map(|rest| *rest)
    }

    fn state(&self) -> MutexGuard<'_, StreamFlowState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FlowPiece {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl StreamFlowState {
    fn moved(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.moved(Instant::now());
        }
    }
}

impl Buf for FlowPiece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if count > 0 && !self.bytes.is_empty() {
            self.flow.state().moved();
        }
    }
}

impl Drop for FlowPiece {
    fn drop(&mut self) {
        self.flow.0.budget.give_back(self.length);
        let mut state = self.flow.state();
        state.under_way -= self.length;
        if self.bytes.is_empty() {
            state.moved();
        }
        let waker = if state.under_way == 0 { state.waits_for_room.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::server::send_space::SendSpace;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn budget() -> SendBudget {
        SendBudget::new(SendSpace::new(8 << 20).lease(None))
    }

    fn flow(limit: Option<Duration>) -> StreamFlow {
        let flow = StreamFlow::new(budget());
        flow.begin(limit);
        flow
    }

    fn left(flow: &StreamFlow) -> Option<Duration> {
        flow.deadline().map(|at| at.saturating_duration_since(Instant::now()))
    }

    #[tokio::test(start_paused = true)]
    async fn the_clients_clock_runs_only_while_it_is_the_client_that_is_waited_for() {
        let flow = flow(Some(10 * SECOND));
        tokio::time::advance(3 * SECOND).await;
        assert_eq!(left(&flow), Some(7 * SECOND), "the head is on its way");
        flow.asked(false);
        assert_eq!(left(&flow), None, "the gateway has nothing");
        tokio::time::advance(30 * SECOND).await;
        flow.asked(true);
        let mut piece = flow.piece(Bytes::from_static(b"12345"));
        flow.asked(false);
        assert_eq!(left(&flow), Some(10 * SECOND), "a piece waits, though the gateway has nothing more");
        tokio::time::advance(3 * SECOND).await;
        piece.advance(1);
        assert_eq!(left(&flow), Some(10 * SECOND), "one byte is progress");
        tokio::time::advance(3 * SECOND).await;
        flow.asked(false);
        assert_eq!(left(&flow), Some(7 * SECOND), "to be asked again is none");
        drop(piece);
        assert_eq!(left(&flow), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_has_not_begun_and_one_without_a_limit_have_no_deadline() {
        assert_eq!(StreamFlow::new(budget()).deadline(), None);
        let endless = flow(None);
        let _piece = endless.piece(Bytes::from_static(b"1"));
        assert_eq!(endless.deadline(), None);
    }

    #[test]
    fn a_piece_that_is_thrown_away_is_given_back_and_wakes_the_task_that_waits_for_room() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let cx = Context::from_waker(&waker);
        let budget = budget();
        let (one, other) = (StreamFlow::new(budget.clone()), StreamFlow::new(budget));
        let large = one.piece(vec![0; 1 << 20].into());
        assert_eq!((one.turn(&cx, None), other.turn(&cx, None)), (SendAllowance::Wait, SendAllowance::Little));
        let small = other.piece(Bytes::from_static(b"1"));
        assert_eq!(other.turn(&cx, None), SendAllowance::Wait);
        drop(small);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        drop(large);
        assert_eq!((one.turn(&cx, None), other.turn(&cx, None)), (SendAllowance::Full, SendAllowance::Full));
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }
}
