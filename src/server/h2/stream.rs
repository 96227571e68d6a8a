//! [`StreamSpawner`]: spawns a connection's streams, and [`StreamTask`]: one of them, from its request to the last byte
//! of either side.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http_body::Body as _;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::flow::StreamFlow;
use crate::drain::Tasks;
use crate::http::edge::body_discard::BodyDiscard;
use crate::http::edge::connection_state::{ConnectionState, RequestUnderWay};
use crate::upstream::RequestBody;

/// Spawns the streams of one connection. hyper makes a future of what its service returned for a request, and executes
/// that next: so the [`StreamFlow`] that the service leaves here belongs to it.
#[derive(Clone)]
pub(super) struct StreamSpawner {
    tasks: Tasks,
    connection_state: ConnectionState,
    next: Arc<Mutex<Option<StreamFlow>>>,
}

impl StreamSpawner {
    pub(super) fn new(tasks: Tasks, connection_state: ConnectionState) -> Self {
        Self { tasks, connection_state, next: Arc::default() }
    }

    /// Says that the next future to be executed is the stream of this flow.
    pub(super) fn announce(&self, flow: StreamFlow) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(flow);
    }
}

impl<F> hyper::rt::Executor<F> for StreamSpawner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let flow = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        match flow {
            Some(flow) => {
                let connection_state = self.connection_state.clone();
                self.tasks.execute(StreamTask {
                    phase: Phase::Answering { stream },
                    flow: OwnedFlow(flow),
                    connection_state,
                    timer: None,
                });
            }
            None => self.tasks.execute(stream),
        }
    }
}

pin_project! {
    /// One stream. Its answer ends when the client takes nothing of it for too long: the library's future is dropped
    /// then, which resets the stream and frees the gateway's connection, though the library itself waits for the
    /// client's window only.
    struct StreamTask<F> {
        #[pin]
        phase: Phase<F>,
        // Declared behind `phase`: dropping that leaves here the part of the request's body that was not read.
        flow: OwnedFlow,
        connection_state: ConnectionState,
        // Checked when it fires: most answers end before.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

pin_project! {
    #[project = Phases]
    enum Phase<F> {
        Answering {
            #[pin]
            stream: F,
        },
        // The answer is out.
        Answered,
        // The answer is out, and the client still sends its request.
        Discarding { discarding: Box<DiscardingBody> },
    }
}

/// The task's share of its stream's [`StreamFlow`]. When the task ends, nothing of the request may stay there: the last
/// piece of the answer is dropped under a lock of the h2 library's, which a request's body that is dropped asks for
/// too.
struct OwnedFlow(StreamFlow);

impl Drop for OwnedFlow {
    fn drop(&mut self) {
        drop(self.0.take_rest());
    }
}

struct DiscardingBody {
    rest: RequestBody,
    discard: BodyDiscard,
    timer: Pin<Box<Sleep>>,
    _busy: RequestUnderWay,
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if let Phases::Answering { stream } = this.phase.as_mut().project() {
            if stream.poll(cx).is_pending() {
                return poll_deadline(this.timer, &this.flow.0, cx);
            }
            this.phase.set(Phase::Answered);
            let Some(rest) = this.flow.0.take_rest() else { return Poll::Ready(()) };
            let discarding = Box::new(DiscardingBody::new(rest, this.connection_state.begin()));
            this.phase.set(Phase::Discarding { discarding });
        }
        match this.phase.project() {
            Phases::Answering { .. } | Phases::Answered => Poll::Ready(()),
            Phases::Discarding { discarding } => discarding.poll(cx),
        }
    }
}

/// Ready when the client has taken nothing for too long; the stream is reset as its future is dropped.
fn poll_deadline(timer: &mut Option<Pin<Box<Sleep>>>, flow: &StreamFlow, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        let Some(at) = flow.deadline() else { return Poll::Pending };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        ready!(timer.as_mut().poll(cx));
        if at <= Instant::now() {
            flow.give_up();
            return Poll::Ready(());
        }
        timer.as_mut().reset(at);
    }
}

impl DiscardingBody {
    fn new(mut rest: RequestBody, busy: RequestUnderWay) -> Self {
        rest.discard();
        let discard = BodyDiscard::new(Instant::now());
        Self { rest, discard, timer: Box::pin(sleep_until(discard.deadline())), _busy: busy }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(frame) = Pin::new(&mut self.rest).poll_frame(cx) {
            let Some(Ok(frame)) = frame else { return Poll::Ready(()) };
            if !self.discard.took(frame.data_ref().map_or(0, bytes::Bytes::len), Instant::now()) {
                return Poll::Ready(());
            }
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let at = self.discard.deadline();
            if at <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(at);
        }
    }
}
