//! [`StreamTask`]: one stream, from its request to the last byte of either side.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Response};
use http_body::Body as _;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::AnswerSender;
use super::answer_head;
use super::flow::{FlowPiece, StreamFlow};
use super::head_budget::HeadPermit;
use super::receive_window::ReceiveWindow;
use super::websocket_stream::WebSocketStream;
use crate::drain::Drain;
use crate::http::edge::body_discard::BodyDiscard;
use crate::http::edge::connection_state::{ConnectionState, RequestUnderWay};
use crate::http::edge::stack::PendingAnswer;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::http::route::answer::NoAnswer;
use crate::io::BufferPool;
use crate::observe::access::RequestEnd;
use crate::upstream::{Http2Body, RequestBody};

/// One stream. Its answer ends when the client takes nothing of it for too long: dropped, it resets the stream and frees the
/// gateway's connection.
pub(super) struct StreamTask {
    phase: StreamPhase,
    /// Declared behind `phase`: dropping that leaves here the part of the request's body that was not read.
    flow: OwnedFlow,
    connection: Arc<StreamContext>,
    /// Checked when it fires: most answers end before.
    timer: Option<Pin<Box<Sleep>>>,
}

/// What the streams of a connection share.
pub(super) struct StreamContext {
    pub(super) connection_state: ConnectionState,
    pub(super) window: ReceiveWindow,
    /// The pool that WebSockets borrow memory from.
    pub(super) buffers: Arc<BufferPool>,
    /// Ends WebSockets.
    pub(super) drain: Drain,
    /// The number of the connection.
    pub(super) number: u64,
}

/// A request that is being answered.
pub(super) struct AwaitedAnswer {
    pub(super) answer: PendingAnswer,
    pub(super) respond: SendResponse<FlowPiece>,
    /// What the request's head takes of the budget for all heads, until there is an answer.
    pub(super) head: Option<HeadPermit>,
    pub(super) outcome: StreamOutcome,
}

/// What becomes of a stream when its answer is there.
pub(super) enum StreamOutcome {
    /// The answer is sent.
    Answer,
    /// That of a CONNECT: a WebSocket if it was granted, otherwise the answer is sent.
    Connect(Arc<UpgradeSlot>, RecvStream),
    /// What the answer says is told by this code, which is all that the client can understand.
    Reset(Reason),
}

enum StreamPhase {
    Awaited(Box<AwaitedAnswer>),
    Answering(Box<AnswerSender>),
    /// The answer is out, or there is none.
    Answered,
    /// The answer is out, and the client still sends its request.
    Discarding(Box<DiscardingBody>),
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

impl StreamTask {
    pub(super) fn new(awaited: AwaitedAnswer, flow: StreamFlow, connection: Arc<StreamContext>) -> Self {
        let phase = StreamPhase::Awaited(Box::new(awaited));
        Self { phase, flow: OwnedFlow(flow), connection, timer: None }
    }
}

impl Future for StreamTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { phase, flow, connection, timer } = &mut *self;
        loop {
            *phase = match phase {
                StreamPhase::Awaited(awaited) => {
                    ready!(awaited.poll(cx, &flow.0, connection)).map_or(StreamPhase::Answered, StreamPhase::Answering)
                }
                StreamPhase::Answering(answer) => {
                    let Poll::Ready(sent) = answer.poll(cx) else { return poll_deadline(timer, &flow.0, cx) };
                    if let Err(error) = sent {
                        tracing::debug!(conn = connection.number, %error, "answer not sent to its end");
                    }
                    StreamPhase::Answered
                }
                StreamPhase::Answered => {
                    let Some(rest) = flow.0.take_rest() else { return Poll::Ready(()) };
                    StreamPhase::Discarding(Box::new(DiscardingBody::new(rest, connection.connection_state.begin())))
                }
                StreamPhase::Discarding(discarding) => return discarding.poll(cx),
            };
        }
    }
}

impl AwaitedAnswer {
    /// Ready when the answer's head is out, with what sends its body; `None` if the stream is over, or a WebSocket goes on by
    /// itself.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        flow: &StreamFlow,
        connection: &StreamContext,
    ) -> Poll<Option<Box<AnswerSender>>> {
        let Poll::Ready(answer) = self.answer.as_mut().poll(cx) else {
            // A client that resets the stream waits for no answer, and neither does one whose connection broke.
            let _ = ready!(self.respond.poll_reset(cx));
            return Poll::Ready(None);
        };
        drop(self.head.take());
        if answer.extensions().get::<NoAnswer>().is_some() {
            self.respond.send_reset(Reason::INTERNAL_ERROR);
            return Poll::Ready(None);
        }
        let (mut parts, mut body) = answer.into_parts();
        let is_whole = body.is_end_stream();
        let length = if is_whole { None } else { body.size_hint().exact() };
        answer_head::complete(&mut parts.headers, length, SystemTime::now);
        let head = Response::from_parts(parts, ());
        match std::mem::replace(&mut self.outcome, StreamOutcome::Answer) {
            StreamOutcome::Answer => {}
            StreamOutcome::Reset(reason) => {
                body.end_as(RequestEnd::Done);
                self.respond.send_reset(reason);
                return Poll::Ready(None);
            }
            StreamOutcome::Connect(slot, receive) => {
                if let Some(tunnel) = slot.take() {
                    if let Some(send) = self.send_head(head, false, connection) {
                        let stream = WebSocketStream::new(receive, send, flow.clone(), connection.window.clone());
                        let busy = connection.connection_state.begin();
                        let buffers = Arc::clone(&connection.buffers);
                        tunnel.start(stream, Bytes::new(), buffers, busy, &connection.drain);
                    }
                    return Poll::Ready(None);
                }
                let early = Http2Body::new(receive, &HeaderMap::new());
                body = body.before(RequestBody::new(early.into(), None, &mut None));
            }
        }
        flow.begin(body.take_limit());
        let sent = self.send_head(head, is_whole, connection);
        let Some(stream) = sent.filter(|_| !is_whole) else {
            flow.keep(body.take_rest());
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Box::new(AnswerSender::new(body, flow.clone(), stream))))
    }

    /// Sends the head of the answer; `None` if that failed.
    fn send_head(
        &mut self,
        answer: Response<()>,
        is_whole: bool,
        connection: &StreamContext,
    ) -> Option<SendStream<FlowPiece>> {
        let sent = self.respond.send_response(answer, is_whole);
        sent.inspect_err(|error| {
            tracing::debug!(conn = connection.number, %error, "answer not sent");
            self.respond.send_reset(Reason::INTERNAL_ERROR);
        })
        .ok()
    }
}

/// Ready when the client has taken nothing for too long.
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
            if !self.discard.took(frame.data_ref().map_or(0, Bytes::len), Instant::now()) {
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
