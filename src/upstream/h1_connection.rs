//! [`H1Connection`]: one HTTP/1.1 connection to the gateway, driven by the request that holds it.

use std::future::poll_fn;
use std::io;
use std::mem::take;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead as _, ReadBuf};

use super::RequestBody;
use super::body_decoder::BodyDecoder;
use super::encoded_request::EncodedRequest;
use super::h1_error::{H1Error, ParseError, SendError};
use super::input::Input;
use super::request_writer::RequestWriter;
use super::response_head::{ResponseHead, may_be_whole};
use super::silence::{GatewaySilence, GatewayTimeouts};
use crate::tls::ByteStream;

/// One HTTP/1.1 connection to the gateway.
///
/// There is no task behind it: the request that holds it polls it, and in the pool it is not polled. That saves a
/// wake-up and a queue in each direction of every exchange. While nothing has come of an answer, it owns no buffer.
pub(crate) struct H1Connection {
    stream: ByteStream,
    local: Option<IpAddr>,
    /// How long a response's head may be, in bytes.
    max_head: usize,
    sending: RequestWriter,
    /// Bytes that came and were not used yet.
    input: Input,
    /// How many bytes of the input are known to hold no whole head.
    looked_at: usize,
    /// The rest of the answer's body.
    body: BodyDecoder,
    /// Whether the connection can carry another request when this one is over.
    stays: bool,
    /// How many interim answers to this request have come.
    interims: usize,
    /// How long the gateway may keep the request waiting.
    silence: GatewaySilence,
}

impl H1Connection {
    /// Makes an HTTP connection of `stream`; a response's head may be `max_head` bytes long.
    pub(crate) fn open(stream: ByteStream, max_head: usize) -> Self {
        Self {
            local: stream.local_ip(),
            stream,
            max_head,
            sending: RequestWriter::default(),
            input: Input::default(),
            looked_at: 0,
            body: BodyDecoder::Over,
            stays: true,
            interims: 0,
            silence: GatewaySilence::default(),
        }
    }

    /// Sends `request` and waits for the answer's head; [`H1Connection::poll_frame`] brings its body, and goes on to
    /// send the request's, if the gateway answers before it has all of it.
    ///
    /// # Errors
    /// If the connection or the client's body fails, or the answer is not valid HTTP.
    pub(crate) async fn exchange(
        &mut self,
        request: impl Into<Box<EncodedRequest>>,
    ) -> Result<Response<()>, SendError> {
        self.exchange_within(GatewayTimeouts::default(), request.into()).await
    }

    /// Sends `request`, like [`H1Connection::exchange`], to a gateway that may keep the exchange waiting for so long,
    /// to the end of its answer.
    ///
    /// # Errors
    /// The errors of [`H1Connection::exchange`], or that the gateway took too long.
    pub(crate) async fn exchange_within(
        &mut self,
        gateway_timeouts: GatewayTimeouts,
        request: Box<EncodedRequest>,
    ) -> Result<Response<()>, SendError> {
        self.sending = RequestWriter::new(request);
        self.silence = GatewaySilence::new(gateway_timeouts);
        self.interims = 0;
        let answer = poll_fn(|cx| match self.poll_head(cx) {
            Poll::Pending => self.silence.poll(cx, self.sending.awaited()).map(Err),
            answer @ Poll::Ready(_) => answer,
        });
        answer.await.map_err(|error| {
            self.stays = false;
            let sending = take(&mut self.sending);
            SendError { error, again: sending.may_be_repeated(), request: sending.into_request() }
        })
    }

    /// Takes out the part of the request's body that was not sent, if the gateway has answered without it. The
    /// connection cannot be used again then.
    pub(crate) fn take_unsent(&mut self) -> Option<RequestBody> {
        let sending = if self.sending.is_done() { return None } else { take(&mut self.sending) };
        self.stays = false;
        sending.into_request().map(|request| request.into_body())
    }

    /// Lets the next read be a small one.
    pub(crate) fn read_little_next(&mut self) {
        self.input.read_little_next();
    }

    /// The next piece of the answer's body; `None` at its end.
    ///
    /// # Errors
    /// If the connection or the client's body fails, or a chunk is malformed. Nothing follows.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, H1Error>>> {
        let polled = match self.poll_body(cx) {
            Poll::Pending => self.silence.poll(cx, self.sending.awaited()).map(|error| Some(Err(error))),
            polled @ Poll::Ready(_) => {
                self.silence.moved();
                polled.map(Result::transpose)
            }
        };
        if let Poll::Ready(Some(Err(_))) = polled {
            self.stays = false;
        }
        if self.is_end() {
            self.rest();
        }
        polled
    }

    /// The whole body of the answer.
    ///
    /// # Errors
    /// The errors of [`H1Connection::poll_frame`], or that the body is longer than `most` bytes.
    pub(crate) async fn body(&mut self, most: usize) -> Result<Bytes, H1Error> {
        let mut body = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await {
            if let Ok(data) = frame?.into_data() {
                if data.len() > most - body.len() {
                    return Err(H1Error::TooLong(most));
                }
                body.extend_from_slice(&data);
            }
        }
        Ok(body.freeze())
    }

    /// Whether nothing more of the answer's body will come.
    pub(crate) fn is_end(&self) -> bool {
        self.body.is_over()
    }

    /// Reads the rest of the answer in small pieces: the client that takes it is slow, and what waits for it should be
    /// little.
    pub(crate) fn read_little(&mut self) {
        self.input.read_little();
    }

    /// How long the rest of the answer's body is.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Whether another request can be sent. Looks at the socket, since the pool does not: the gateway may have closed
    /// it, and what a gateway sends unasked must not become the answer to the next request.
    pub(crate) fn is_reusable(&mut self) -> bool {
        if !self.stays || !self.body.is_over() || !self.sending.is_done() || !self.input.bytes.is_empty() {
            return false;
        }
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending()
    }

    /// The address of our end of the connection; `None` on a unix socket.
    pub(crate) fn local_ip(&self) -> Option<IpAddr> {
        self.local
    }

    /// Takes the connection apart after a 101: the raw stream, and the bytes that were read of it beyond the head.
    pub(crate) fn into_stream(self) -> (ByteStream, Bytes) {
        (self.stream, self.input.into_bytes())
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>, H1Error>> {
        self.sending.poll(cx, &mut self.stream)?;
        loop {
            if let Some(head) = self.next_head()? {
                return Poll::Ready(self.begin(head));
            }
            let before = self.input.bytes.len();
            match ready!(self.input.poll_read(cx, &mut self.stream)) {
                Ok(()) if self.input.bytes.len() > before => self.looked_at = before,
                Ok(()) if before == 0 => return Poll::Ready(Err(self.failed(None))),
                Ok(()) => return Poll::Ready(Err(H1Error::ClosedInHead)),
                Err(error) => return Poll::Ready(Err(self.failed(Some(error)))),
            }
        }
    }

    /// The head that has come, if it is whole. Interim answers are for frontgate: its own server has sent the client a
    /// 100 if the client asked for one.
    fn next_head(&mut self) -> Result<Option<ResponseHead>, ParseError> {
        while !self.input.bytes.is_empty() && (self.looked_at == 0 || may_be_whole(&self.input.bytes, self.looked_at)) {
            let Some(head) = ResponseHead::parse(&self.input.bytes, self.max_head, self.sending.to_head())? else {
                break;
            };
            let _ = self.input.bytes.split_to(head.length);
            self.looked_at = 0;
            let status = head.response.status();
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Some(head));
            }
            self.interims += 1;
            if self.interims > MOST_INTERIMS {
                return Err(ParseError::Interims);
            }
        }
        if self.input.bytes.len() > self.max_head { Err(ParseError::LongHead(self.max_head)) } else { Ok(None) }
    }

    fn begin(&mut self, head: ResponseHead) -> Result<Response<()>, H1Error> {
        if head.response.status() == StatusCode::SWITCHING_PROTOCOLS && !self.sending.is_done() {
            return Err(ParseError::EarlySwitch.into());
        }
        if self.sending.is_done() {
            // The answer may take long: what only the sending needs is let go.
            self.sending = RequestWriter::default();
        }
        self.stays = head.stays;
        self.body = head.body;
        // As many bytes as are known to come.
        self.input.expect(match &self.body {
            BodyDecoder::Length(length) => *length,
            _ => 0,
        });
        if self.is_end() {
            self.rest();
        }
        Ok(head.response)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, H1Error>> {
        if !self.sending.is_done() {
            self.sending.poll(cx, &mut self.stream)?;
        }
        loop {
            if let Some(frame) = self.body.next(&mut self.input.bytes)? {
                return Poll::Ready(Ok(Some(frame)));
            }
            if self.body.is_over() {
                return Poll::Ready(Ok(None));
            }
            ready!(self.input.poll_read(cx, &mut self.stream)).map_err(H1Error::Io)?;
            if self.input.bytes.is_empty() {
                self.body.closed()?;
            }
        }
    }

    /// Why there is no answer at all: the error that ended the sending says more than the one that ended the reading.
    fn failed(&mut self, error: Option<io::Error>) -> H1Error {
        self.sending.failure().or(error).map_or(H1Error::Closed, H1Error::Io)
    }

    /// Lets go of the memory that only an exchange needs.
    fn rest(&mut self) {
        self.input.rest();
        if self.sending.is_done() {
            self.sending = RequestWriter::default();
        }
    }
}

/// Interim answers before one final answer.
const MOST_INTERIMS: usize = 32;
