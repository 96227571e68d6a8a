//! [`ServedConnection`]: an HTTP/1.1 connection as a state machine that is polled. What it waits for and for how long
//! is decided here.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use http::Response;
use http_body::Body as _;
use tokio::time::Instant;

use super::answer_head::AnswerHead;
use super::answer_writer::AnswerWriter;
use super::request_body::{self, Intake};
use super::request_head::{ConnectionOptions, RequestFraming, RequestHead};
use crate::http::edge::body_discard::{SMALL_BODY_TIME, is_too_late};
use crate::http::edge::connection_info::ConnectionInfo;
use crate::http::edge::permits::STRAIN_LOOK;
use crate::http::edge::stack::{PendingAnswer, RequestEntry};
use crate::http::error::RequestFailure;
use crate::http::proxy::body::AnswerBody;
use crate::http::proxy::tunnel::UpgradeSlot;
use crate::http::route::answer::NoAnswer;
use crate::io::Readable as _;
use crate::server::head_space::{FREE_HEAD, HeadSpacePermit};
use crate::server::settings::{EdgeChoice, LiveSettings};
use crate::tls::ByteStream;
use crate::upstream::{BodySource, Input, may_be_whole};

/// One HTTP/1.1 connection: requests one after the other. It owns no buffer while it waits for the next.
pub(super) struct ServedConnection {
    pub(super) stream: ByteStream,
    pub(super) input: Input,
    pub(super) connection_info: Arc<ConnectionInfo>,
    pub(super) upgrade_slot: Arc<UpgradeSlot>,
    live: LiveSettings,
    way: EdgeChoice,
    max_head: usize,
    /// How many bytes of the input are known to hold no whole head.
    looked_at: usize,
    /// The permit for the memory of a head of which only a part has come.
    pub(super) head_permit: Option<HeadSpacePermit>,
    phase: IdlePhase,
    exchange: Option<Box<ServedExchange>>,
    /// Set once the connection takes no further request: a request that may be on its way is waited for until then.
    leaving: Option<Instant>,
}

/// What the connection waits for while no request is under way, and until when.
#[derive(Debug, Clone, Copy)]
enum IdlePhase {
    /// The first request.
    First(Option<Instant>),
    /// The next request, of which nothing has come.
    Next(Option<Instant>),
    /// The rest of a request's head.
    Head(Option<Instant>),
}

/// A request under way.
struct ServedExchange {
    options: ConnectionOptions,
    intake: Intake,
    stage: ExchangeStage,
    /// The next time to check that the client is still there, if that cannot be seen by reading, and whether an answer that the
    /// client does not take must give way.
    look: Instant,
}

enum ExchangeStage {
    Awaited(PendingAnswer),
    /// The answer is there, but a small body of the request is taken in first, until this time.
    Held(Box<Response<AnswerBody>>, Instant),
    Answering(Box<AnswerWriter>, bool),
    Sent(bool),
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum ConnectionEnd {
    /// It has carried its last request, or was handed over to a WebSocket.
    Over,
    /// It has carried its last request, and the client may still be sending that request's body.
    Early,
    /// It has carried its last request, and nothing came of that request's body for too long.
    Stalled,
    /// No request was under way, and no byte of the next one had come.
    Quiet,
    /// The input is no request, or the request did not come in time.
    Refused(RequestFailure),
    /// The connection failed, or an answer broke off.
    Cut,
}

impl ServedConnection {
    pub(super) fn new(
        stream: ByteStream,
        connection_info: ConnectionInfo,
        live: LiveSettings,
        way: EdgeChoice,
    ) -> Self {
        let settings = live.load();
        let max_head = settings.request_head;
        let phase = IdlePhase::First(after(settings.connection_timeouts.head));
        drop(settings);
        Self {
            stream,
            input: Input::default(),
            connection_info: Arc::new(connection_info),
            upgrade_slot: Arc::default(),
            live,
            way,
            max_head,
            looked_at: 0,
            head_permit: None,
            phase,
            exchange: None,
            leaving: None,
        }
    }

    /// Ready when the connection ends.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        loop {
            if self.exchange.is_none() {
                match ready!(self.poll_head(cx)) {
                    Ok(head) => self.begin(head),
                    Err(end) => return Poll::Ready(end),
                }
            }
            let answered = ready!(self.poll_exchange(cx));
            self.exchange = None;
            if let Err(end) = answered {
                return Poll::Ready(end);
            }
            self.input.rest();
            self.phase = IdlePhase::Next(after(self.live.load().connection_timeouts.idle));
        }
    }

    /// Makes the request that is under way, or the next one that comes, the last. A request that may be on its way is
    /// waited for until `until`.
    pub(super) fn leave(&mut self, until: Instant) {
        self.leaving = Some(until);
    }

    /// Until when the connection waits for what it is waiting for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Some(exchange) = &self.exchange else {
            return match self.phase {
                IdlePhase::Head(at) => at,
                // A part of the request has come.
                IdlePhase::First(at) if !self.input.bytes.is_empty() => at,
                IdlePhase::First(at) | IdlePhase::Next(at) => at.into_iter().chain(self.leaving).min(),
            };
        };
        exchange.deadline().into_iter().chain((self.is_blind() || exchange.is_untaken()).then_some(exchange.look)).min()
    }

    /// Called when the connection has waited for too long. Unless that ends it, it must be polled again.
    pub(super) fn expire(&mut self) -> Option<ConnectionEnd> {
        let is_blind = self.is_blind();
        let Some(exchange) = &mut self.exchange else {
            let some_came = !self.input.bytes.is_empty();
            return Some(if some_came {
                ConnectionEnd::Refused(RequestFailure::RequestTimeout)
            } else {
                ConnectionEnd::Quiet
            });
        };
        let now = Instant::now();
        if exchange.look <= now {
            if is_blind && self.stream.has_ended() {
                return Some(ConnectionEnd::Cut);
            }
            exchange.look = now + LOOK;
        }
        if exchange.deadline().is_none_or(|at| at > now) {
            return None;
        }
        match &mut exchange.stage {
            ExchangeStage::Awaited(_) => None,
            ExchangeStage::Held(..) => {
                self.send();
                None
            }
            ExchangeStage::Answering(answering, _) => {
                answering.time_out();
                Some(ConnectionEnd::Cut)
            }
            ExchangeStage::Sent(_) => {
                exchange.intake.give_up_waiting();
                None
            }
        }
    }

    /// Reads the head of the next request.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<RequestHead, ConnectionEnd>> {
        loop {
            let came = self.input.bytes.len();
            if came > 0 && (self.looked_at == 0 || may_be_whole(&self.input.bytes, self.looked_at)) {
                match RequestHead::take(&mut self.input.bytes, self.max_head) {
                    Ok(Some(head)) => {
                        (self.looked_at, self.head_permit) = (0, None);
                        return Poll::Ready(Ok(head));
                    }
                    Ok(None) => {}
                    Err(head_error) => return Poll::Ready(Err(ConnectionEnd::Refused(head_error.into()))),
                }
            } else if came > self.max_head {
                return Poll::Ready(Err(ConnectionEnd::Refused(RequestFailure::HeadTooLarge)));
            }
            // Empty lines are taken, and begin no request.
            let before = self.input.bytes.len();
            self.looked_at = before;
            if matches!(self.phase, IdlePhase::Next(_)) && !matches!(&self.input.bytes[..], [] | [b'\r']) {
                self.phase = IdlePhase::Head(after(self.live.load().connection_timeouts.head));
            }
            match self.input.poll_read(cx, &mut self.stream) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(ConnectionEnd::Cut)),
                // A head that comes at once takes no place, however large it is.
                Poll::Pending if self.hold_head() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Err(ConnectionEnd::Refused(RequestFailure::TooManyHeads))),
            }
            if self.input.bytes.len() == before {
                return Poll::Ready(Err(ConnectionEnd::Over));
            }
        }
    }

    /// Whether there is room for the part of a head that waits.
    fn hold_head(&mut self) -> bool {
        let bytes = self.input.bytes.len();
        if bytes <= FREE_HEAD {
            return true;
        }
        let (place, client) = (self.head_permit.take(), self.connection_info.peer.ip());
        self.live.load().heads.hold(place, client, bytes).is_ok_and(|place| {
            self.head_permit = Some(place);
            true
        })
    }

    fn begin(&mut self, head: RequestHead) {
        let RequestHead { request, has_fragment, framing, options } = head;
        self.input.rest();
        // A client that sends its body at once does not wait for a 100.
        let (intake, body) = Intake::new(framing, options.expects && self.input.bytes.is_empty());
        if let RequestFraming::Length(length) = framing {
            self.input.expect(length);
        }
        let entry = RequestEntry {
            connection_info: Arc::clone(&self.connection_info),
            has_fragment,
            busy: None,
            upgrade_slot: Some(Arc::clone(&self.upgrade_slot)),
        };
        let request = request.map(|()| body.map_or(BodySource::Empty, BodySource::from));
        let answer = self.live.load().edge(self.way).call(request, entry);
        let look = Instant::now() + LOOK;
        self.exchange = Some(Box::new(ServedExchange { options, intake, stage: ExchangeStage::Awaited(answer), look }));
    }

    /// Ready when the request has its answer, and another request may follow.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionEnd>> {
        loop {
            let Some(exchange) = &mut self.exchange else { return Poll::Ready(Ok(())) };
            match &mut exchange.stage {
                ExchangeStage::Awaited(answer) => {
                    if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                        if response.extensions().get::<NoAnswer>().is_some() {
                            return Poll::Ready(Err(ConnectionEnd::Over));
                        }
                        exchange.stage = ExchangeStage::Held(Box::new(response), Instant::now() + SMALL_BODY_TIME);
                        continue;
                    }
                }
                ExchangeStage::Held(response, _)
                    if exchange.intake.is_asking()
                        || (exchange.intake.is_small() && !is_too_late(response.status())) => {}
                ExchangeStage::Held(..) => {
                    self.send();
                    continue;
                }
                ExchangeStage::Answering(answering, keeps) => match answering.poll(cx, &mut self.stream) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => {
                        exchange.stage = ExchangeStage::Sent(*keeps);
                        continue;
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(conn = self.connection_info.number, %error, "client connection ended");
                        return Poll::Ready(Err(ConnectionEnd::Cut));
                    }
                },
                ExchangeStage::Sent(keeps) => {
                    let keeps = *keeps && self.leaving.is_none();
                    match (exchange.intake.is_over(), exchange.intake.leaves_connection()) {
                        (true, true) if keeps => return Poll::Ready(Ok(())),
                        (false, true) if keeps => {}
                        (true, true) => return Poll::Ready(Err(ConnectionEnd::Over)),
                        (_, false) if exchange.intake.is_stalled() => return Poll::Ready(Err(ConnectionEnd::Stalled)),
                        (_, false) | (false, true) => return Poll::Ready(Err(ConnectionEnd::Early)),
                    }
                }
            }
            let answer = match exchange.stage {
                ExchangeStage::Awaited(_) => request_body::AnswerProgress::Awaited,
                _ => request_body::AnswerProgress::There,
            };
            if exchange.intake.poll(cx, &mut self.input, &mut self.stream, answer).is_ready() {
                continue;
            }
            if matches!(exchange.stage, ExchangeStage::Held(..))
                && !exchange.intake.has_length()
                && !exchange.intake.is_asking()
            {
                self.send();
                continue;
            }
            ready!(self.poll_gone(cx));
            return Poll::Ready(Err(ConnectionEnd::Cut));
        }
    }

    /// Whether the input is not read to its end for the moment, so that it does not show that the client has gone: what follows a
    /// request waits, and so does a body that no step asks for.
    fn is_blind(&self) -> bool {
        let Some(exchange) = &self.exchange else { return false };
        let reads_on = exchange.intake.is_over() && self.input.bytes.is_empty();
        !(reads_on || exchange.intake.is_closed())
    }

    /// Ready when the client has gone, as far as that can be seen without reading on.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(exchange) = &self.exchange else { return Poll::Pending };
        if !exchange.intake.is_over() || exchange.intake.is_closed() || !self.input.bytes.is_empty() {
            return Poll::Pending;
        }
        // No further bytes are known to come.
        self.input.expect(0);
        let read = ready!(self.input.poll_read(cx, &mut self.stream));
        if read.is_err() || self.input.bytes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Begins to send the answer that was held.
    fn send(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        let before = std::mem::replace(&mut exchange.stage, ExchangeStage::Sent(false));
        let ExchangeStage::Held(response, _) = before else {
            exchange.stage = before;
            return;
        };
        if is_too_late(response.status()) {
            exchange.intake.give_up_waiting();
        }
        let keeps = exchange.options.keeps && self.leaving.is_none() && exchange.intake.leaves_connection();
        let (parts, body) = response.into_parts();
        let length = body.size_hint().exact();
        let head = AnswerHead::write(&parts, exchange.options, keeps, length, SystemTime::now);
        exchange.intake.answered(Instant::now());
        let (limit, keeps) = (body.yielding_take_limit(), head.keeps);
        exchange.stage = ExchangeStage::Answering(Box::new(AnswerWriter::new(head, body, limit)), keeps);
    }
}

impl ServedExchange {
    /// When something has been waited for too long.
    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            ExchangeStage::Awaited(_) => None,
            ExchangeStage::Held(_, until) => Some(*until),
            ExchangeStage::Answering(answering, _) => answering.deadline(),
            ExchangeStage::Sent(_) => self.intake.deadline(),
        }
    }

    /// Whether the client takes nothing of its answer for the moment.
    fn is_untaken(&self) -> bool {
        matches!(&self.stage, ExchangeStage::Answering(answering, _) if answering.is_blocked())
    }
}

/// The time at which `limit` from now is over; `None` is never.
fn after(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| Instant::now().checked_add(limit))
}

/// Between two looks whether a client whose input is not read is still there, or one that takes nothing must give way.
const LOOK: Duration = STRAIN_LOOK;
