//! [`Connection`]: an HTTP/1.1 connection as a machine that is polled. What it waits for and for how long is decided here.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use http::Response;
use http_body::Body as _;
use tokio::time::Instant;

use super::answer_head::AnswerHead;
use super::answering::Answering;
use super::intake::{self, Intake};
use super::request_head::{Framing, HeadFlaw, Options, RequestHead};
use crate::http::arrival::Arrival;
use crate::http::body::Body;
use crate::http::early::SMALL_BODY_TIME;
use crate::http::error::{Failure, Flaw};
use crate::http::stack::{Answer, Entry};
use crate::http::tunnel::Handover;
use crate::server::head_space::{FREE_HEAD, HeadPlace};
use crate::server::settings::{Live, Way};
use crate::tls::Stream;
use crate::upstream::{BodySource, Input, may_be_whole};

/// One HTTP/1.1 connection: requests one after the other. It owns no buffer while it waits for the next.
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) input: Input,
    pub(super) arrival: Arc<Arrival>,
    pub(super) handover: Arc<Handover>,
    live: Live,
    way: Way,
    max_head: usize,
    /// How much of the input holds no whole head.
    looked_at: usize,
    /// What that takes while the rest is waited for.
    pub(super) head_place: Option<HeadPlace>,
    phase: Phase,
    exchange: Option<Box<Exchange>>,
    /// It takes no further request, and one that may be on its way is waited for until then.
    leaving: Option<Instant>,
}

/// What is waited for while no request is under way, and until when.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The first request.
    First(Option<Instant>),
    /// The next one, of which nothing has come.
    Next(Option<Instant>),
    /// The rest of a request's head.
    Head(Option<Instant>),
}

/// A request under way.
struct Exchange {
    options: Options,
    intake: Intake,
    stage: Stage,
    /// When it is looked next whether the client is still there, if that cannot be seen by reading.
    look: Instant,
}

enum Stage {
    Awaited(Answer),
    /// The answer is there, but a small body is taken in first.
    Held(Box<Response<Body>>, Instant),
    Sending(Box<Answering>, bool),
    Sent(bool),
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// It has carried its last request, or was handed over.
    Over,
    /// The same, and the client may still be sending the last request's body.
    Early,
    /// There was nothing to wait for.
    Quiet,
    /// What came is no request, or did not come in time.
    Refused(Failure),
    /// It failed, or an answer broke off.
    Cut,
}

impl Connection {
    pub(super) fn new(stream: Stream, arrival: Arrival, live: Live, way: Way) -> Self {
        let settings = live.load();
        let max_head = settings.request_head;
        let phase = Phase::First(after(settings.patience.head));
        drop(settings);
        Self {
            stream,
            input: Input::default(),
            arrival: Arc::new(arrival),
            handover: Arc::default(),
            live,
            way,
            max_head,
            looked_at: 0,
            head_place: None,
            phase,
            exchange: None,
            leaving: None,
        }
    }

    /// Ready at its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
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
            self.phase = Phase::Next(after(self.live.load().patience.idle));
        }
    }

    /// The last request is under way, or the next one that comes is the last. What may be on its way is waited for until `until`.
    pub(super) fn leave(&mut self, until: Instant) {
        self.leaving = Some(until);
    }

    /// When it has waited for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Some(exchange) = &self.exchange else {
            return match self.phase {
                Phase::Head(at) => at,
                // A part of it has come.
                Phase::First(at) if !self.input.bytes.is_empty() => at,
                Phase::First(at) | Phase::Next(at) => at.into_iter().chain(self.leaving).min(),
            };
        };
        exchange.deadline().into_iter().chain(self.is_blind().then_some(exchange.look)).min()
    }

    /// It has waited for too long. If that is not its end, it is to be polled.
    pub(super) fn expire(&mut self) -> Option<End> {
        let is_blind = self.is_blind();
        let Some(exchange) = &mut self.exchange else {
            let some_came = !self.input.bytes.is_empty();
            return Some(if some_came { End::Refused(Failure::RequestTimeout) } else { End::Quiet });
        };
        let now = Instant::now();
        if is_blind && exchange.look <= now {
            if self.stream.has_ended() {
                return Some(End::Cut);
            }
            exchange.look = now + LOOK;
        }
        if exchange.deadline().is_none_or(|at| at > now) {
            return None;
        }
        match &mut exchange.stage {
            Stage::Awaited(_) => None,
            Stage::Held(..) => {
                self.send();
                None
            }
            Stage::Sending(answering, _) => {
                answering.time_out();
                Some(End::Cut)
            }
            Stage::Sent(_) => {
                exchange.intake.give_up();
                None
            }
        }
    }

    /// The next request's head.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<RequestHead, End>> {
        loop {
            let came = self.input.bytes.len();
            if came > 0 && (self.looked_at == 0 || may_be_whole(&self.input.bytes, self.looked_at)) {
                match RequestHead::take(&mut self.input.bytes, self.max_head) {
                    Ok(Some(head)) => {
                        (self.looked_at, self.head_place) = (0, None);
                        return Poll::Ready(Ok(head));
                    }
                    Ok(None) => {}
                    Err(flaw) => return Poll::Ready(Err(End::Refused(refusal(flaw)))),
                }
            } else if came > self.max_head {
                return Poll::Ready(Err(End::Refused(Failure::HeadTooLarge)));
            }
            // Empty lines are taken, and begin nothing.
            let before = self.input.bytes.len();
            self.looked_at = before;
            if matches!(self.phase, Phase::Next(_)) && !matches!(&self.input.bytes[..], [] | [b'\r']) {
                self.phase = Phase::Head(after(self.live.load().patience.head));
            }
            match self.input.poll_read(cx, &mut self.stream) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(End::Cut)),
                // A head that comes at once takes no place, however large it is.
                Poll::Pending if self.hold_head() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Err(End::Refused(Failure::TooManyHeads))),
            }
            if self.input.bytes.len() == before {
                return Poll::Ready(Err(End::Over));
            }
        }
    }

    /// Whether there is room for the part of a head that waits.
    fn hold_head(&mut self) -> bool {
        let bytes = self.input.bytes.len();
        if bytes <= FREE_HEAD {
            return true;
        }
        let (place, client) = (self.head_place.take(), self.arrival.peer.ip());
        self.live.load().heads.hold(place, client, bytes).is_ok_and(|place| {
            self.head_place = Some(place);
            true
        })
    }

    fn begin(&mut self, head: RequestHead) {
        let RequestHead { request, has_fragment, framing, options } = head;
        self.input.rest();
        // A client that sends its body at once does not wait for a 100.
        let (intake, body) = Intake::new(framing, options.expects && self.input.bytes.is_empty());
        if let Framing::Length(length) = framing {
            self.input.expect(length);
        }
        let entry = Entry {
            arrival: Arc::clone(&self.arrival),
            has_fragment,
            busy: None,
            handover: Some(Arc::clone(&self.handover)),
        };
        let request = request.map(|()| body.map_or(BodySource::Empty, BodySource::from));
        let answer = self.live.load().edge(self.way).call(request, entry);
        let look = Instant::now() + LOOK;
        self.exchange = Some(Box::new(Exchange { options, intake, stage: Stage::Awaited(answer), look }));
    }

    /// Ready when the request has its answer, and another one may follow.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            let Some(exchange) = &mut self.exchange else { return Poll::Ready(Ok(())) };
            match &mut exchange.stage {
                Stage::Awaited(answer) => {
                    if let Poll::Ready(response) = answer.as_mut().poll(cx) {
                        exchange.stage = Stage::Held(Box::new(response), Instant::now() + SMALL_BODY_TIME);
                        continue;
                    }
                }
                Stage::Held(..) if exchange.intake.is_small() || exchange.intake.is_asking() => {}
                Stage::Held(..) => {
                    self.send();
                    continue;
                }
                Stage::Sending(answering, keeps) => match answering.poll(cx, &mut self.stream) {
                    Poll::Pending => {}
                    Poll::Ready(Ok(())) => {
                        exchange.stage = Stage::Sent(*keeps);
                        continue;
                    }
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(%error, "client connection ended");
                        return Poll::Ready(Err(End::Cut));
                    }
                },
                Stage::Sent(keeps) => {
                    let keeps = *keeps && self.leaving.is_none();
                    match (exchange.intake.is_over(), exchange.intake.leaves_connection()) {
                        (true, true) if keeps => return Poll::Ready(Ok(())),
                        (false, true) if keeps => {}
                        (true, true) => return Poll::Ready(Err(End::Over)),
                        (_, false) | (false, true) => return Poll::Ready(Err(End::Early)),
                    }
                }
            }
            let answer = match exchange.stage {
                Stage::Awaited(_) => intake::Answer::Awaited,
                _ => intake::Answer::There,
            };
            if exchange.intake.poll(cx, &mut self.input, &mut self.stream, answer).is_ready() {
                continue;
            }
            if matches!(exchange.stage, Stage::Held(..))
                && !exchange.intake.has_length()
                && !exchange.intake.is_asking()
            {
                self.send();
                continue;
            }
            ready!(self.poll_gone(cx));
            return Poll::Ready(Err(End::Cut));
        }
    }

    /// Whether the input is not read to its end for the moment, so that it does not show that the client has gone: what follows a
    /// request waits, and so does a body that nobody asks for.
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
        // Nothing more is known to come.
        self.input.expect(0);
        let read = ready!(self.input.poll_read(cx, &mut self.stream));
        if read.is_err() || self.input.bytes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The answer that was held goes out.
    fn send(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        let before = std::mem::replace(&mut exchange.stage, Stage::Sent(false));
        let Stage::Held(response, _) = before else {
            exchange.stage = before;
            return;
        };
        let keeps = exchange.options.keeps && self.leaving.is_none() && exchange.intake.leaves_connection();
        let (parts, body) = response.into_parts();
        let length = body.size_hint().exact();
        let head = AnswerHead::write(&parts, exchange.options, keeps, length, SystemTime::now);
        exchange.intake.answered(Instant::now());
        let (limit, keeps) = (body.take_limit(), head.keeps);
        exchange.stage = Stage::Sending(Box::new(Answering::new(head, body, limit)), keeps);
    }
}

impl Exchange {
    /// When something has been waited for too long.
    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Awaited(_) => None,
            Stage::Held(_, until) => Some(*until),
            Stage::Sending(answering, _) => answering.deadline(),
            Stage::Sent(_) => self.intake.deadline(),
        }
    }
}

fn refusal(flaw: HeadFlaw) -> Failure {
    match flaw {
        HeadFlaw::Malformed => Failure::BadRequest(Flaw::BadHead),
        HeadFlaw::Framing => Failure::BadRequest(Flaw::BadFraming),
        HeadFlaw::TargetTooLong => Failure::TargetTooLong,
        HeadFlaw::TooLarge => Failure::HeadTooLarge,
    }
}

/// A moment so far from now; `None` is never.
fn after(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| Instant::now().checked_add(limit))
}

/// Between two looks whether a client whose input is not read is still there.
const LOOK: Duration = Duration::from_secs(2);
