//! [`Intake`]: the body of a request as it comes, read for its receiver or thrown away.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::request_head::RequestFraming;
use crate::http::edge::body_discard::{BodyDiscard, DISCARD_BYTES, SMALL_BODY};
use crate::io::Readable as _;
use crate::tls::ByteStream;
use crate::upstream::{BodyDecoder, BodyDemand, BodyReceiver, BodySender, ChunkDecoder, CutShort, Input, channel};

/// The body of a request as it comes. It is read when its receiver asks for more of it; when the receiver is gone and
/// the answer is there, what still comes is thrown away within bounds, so that the client finds the answer.
#[derive(Debug, Default)]
pub(super) struct Intake {
    coming: Option<Box<IncomingBody>>,
    /// Whether the body did not come to its end: what follows cannot be understood, or nothing follows.
    broken: bool,
    /// Whether the client sends nothing more.
    closed: bool,
    /// Whether the client was waited for in vain.
    stalled: bool,
}

#[derive(Debug)]
struct IncomingBody {
    decoder: BodyDecoder,
    sender: BodySender,
    /// Set while the client waits for a 100: the bytes of that which are still to be written.
    asked: Option<&'static [u8]>,
    /// A piece of it was taken.
    begun: bool,
    /// Bytes that were thrown away so far.
    wasted: usize,
    /// For how long and how much more is thrown away; set when the answer begins.
    discard: Option<BodyDiscard>,
}

/// Whether a request has its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerProgress {
    Awaited,
    There,
}

impl Intake {
    /// A body with this `framing`, and the receiver that its bytes go to. If the client `expects` a 100 it gets one
    /// when the body is asked for.
    pub(super) fn new(framing: RequestFraming, expects: bool) -> (Self, Option<BodyReceiver>) {
        let (decoder, length) = match framing {
            RequestFraming::None | RequestFraming::Length(0) => return (Self::default(), None),
            RequestFraming::Length(length) => (BodyDecoder::Length(length), Some(length)),
            RequestFraming::Chunked => (BodyDecoder::Chunked(ChunkDecoder::strict()), None),
        };
        let (sender, receiver) = channel(length);
        let asked = expects.then_some(CONTINUE);
        let coming = IncomingBody { decoder, sender, asked, begun: false, wasted: 0, discard: None };
        (Self { coming: Some(Box::new(coming)), ..Self::default() }, Some(receiver))
    }

    /// Whether nothing more of the body is read.
    pub(super) fn is_over(&self) -> bool {
        self.coming.is_none()
    }

    /// Whether another request can follow the body on the connection, as far as is known.
    pub(super) fn leaves_connection(&self) -> bool {
        !self.broken
            && self.coming.as_ref().is_none_or(|coming| {
                // Without its 100 the client may send the body or not (RFC 9110 §10.1.1).
                coming.asked.is_none() && coming.decoder.size_hint().lower() <= DISCARD_BYTES
            })
    }

    /// Whether the client sends nothing more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether so little of the body is still to come that the answer waits until that has come. Of a body without a
    /// length only what has come is taken.
    pub(super) fn is_small(&self) -> bool {
        let small = |coming: &IncomingBody| match &coming.decoder {
            BodyDecoder::Length(left) => *left <= SMALL_BODY as u64,
            _ => coming.wasted <= SMALL_BODY,
        };
        self.coming
            .as_ref()
            .is_some_and(|coming| coming.asked.is_none() && coming.sender.demand() == BodyDemand::Gone && small(coming))
    }

    /// Whether the 100 is written in part: nothing else can be written before it is whole.
    pub(super) fn is_asking(&self) -> bool {
        let asked = self.coming.as_ref().and_then(|coming| coming.asked);
        asked.is_some_and(|left| left.len() < CONTINUE.len())
    }

    /// Whether the request says how long the body is.
    pub(super) fn has_length(&self) -> bool {
        self.coming.as_ref().is_some_and(|coming| matches!(coming.decoder, BodyDecoder::Length(_)))
    }

    /// Notes that the answer begins to go out: from here on there are bounds to what is thrown away.
    pub(super) fn answered(&mut self, now: Instant) {
        if let Some(coming) = &mut self.coming {
            coming.discard = Some(BodyDiscard::new(now));
        }
    }

    /// When the body is given up, if it is being thrown away.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let coming = self.coming.as_ref()?;
        if coming.sender.demand() == BodyDemand::Gone { coming.discard.map(|discard| discard.deadline()) } else { None }
    }

    /// Stops reading the body before its end.
    pub(super) fn give_up(&mut self) {
        (self.coming, self.broken) = (None, true);
    }

    /// Stops reading the body, which the client was to send and did not.
    pub(super) fn give_up_waiting(&mut self) {
        if self.coming.is_some() {
            self.stalled = true;
            self.give_up();
        }
    }

    /// Whether the client was waited for in vain.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Ready when the body went on, so that its receiver should be polled.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        input: &mut Input,
        stream: &mut ByteStream,
        answer: AnswerProgress,
    ) -> Poll<()> {
        loop {
            let Some(coming) = &mut self.coming else { return Poll::Pending };
            let gone = match coming.sender.demand() {
                BodyDemand::Busy => {
                    // The gateway takes no more for the moment, and that may take long: what waits for it should be little.
                    if coming.begun {
                        input.read_little();
                        stream.settle();
                    }
                    return Poll::Pending;
                }
                BodyDemand::Gone if answer == AnswerProgress::Awaited => return Poll::Pending,
                demand => demand == BodyDemand::Gone,
            };
            if !input.bytes.is_empty() {
                // The client did not wait for the 100.
                coming.asked = None;
            }
            match coming.decoder.next(&mut input.bytes) {
                Ok(Some(frame)) => {
                    let is_last = coming.decoder.is_over();
                    let enough = gone && !coming.waste(&frame);
                    if !gone {
                        coming.sender.send(frame, is_last, cx);
                        coming.begun = true;
                    }
                    if is_last {
                        self.coming = None;
                    } else if enough {
                        self.give_up();
                    } else if coming.discard.is_some() && gone {
                        continue;
                    }
                    // Before the answer goes out, the caller decides after each piece whether it should still wait.
                    return Poll::Ready(());
                }
                Ok(None) if coming.decoder.is_over() => {
                    coming.sender.finish(cx);
                    self.coming = None;
                    return Poll::Ready(());
                }
                Ok(None) => {}
                Err(head_error) => {
                    coming.sender.fail(head_error, cx);
                    self.give_up();
                    return Poll::Ready(());
                }
            }
            if let Some(left) = coming.asked {
                if left.len() == CONTINUE.len() && (gone || answer == AnswerProgress::There) {
                    return Poll::Pending;
                }
                if ready!(coming.poll_ask(cx, stream)).is_err() {
                    self.end(cx);
                    return Poll::Ready(());
                }
            }
            let read = ready!(input.poll_read(cx, stream));
            if read.is_err() || input.bytes.is_empty() {
                self.end(cx);
                return Poll::Ready(());
            }
        }
    }

    /// Notes that the client sends nothing more.
    fn end(&mut self, cx: &Context<'_>) {
        if let Some(coming) = &self.coming {
            coming.sender.fail(CutShort, cx);
        }
        self.closed = true;
        self.give_up();
    }
}

impl IncomingBody {
    /// Throws away a piece that has no receiver. Returns whether more may come.
    fn waste(&mut self, frame: &Frame<Bytes>) -> bool {
        let length = frame.data_ref().map_or(0, Bytes::len);
        self.wasted = self.wasted.saturating_add(length);
        self.discard.as_mut().is_none_or(|discard| discard.took(length, Instant::now()))
    }

    /// Writes the 100 that asks the client for its body.
    fn poll_ask(&mut self, cx: &mut Context<'_>, stream: &mut ByteStream) -> Poll<std::io::Result<()>> {
        while let Some(left @ [_, ..]) = self.asked {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, left))?;
            self.asked = Some(&left[written..]);
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.asked = None;
        Poll::Ready(Ok(()))
    }
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
