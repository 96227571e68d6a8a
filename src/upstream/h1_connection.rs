//! [`H1Connection`]: one HTTP/1.1 connection to the gateway, driven by whoever holds it.

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
use super::h1_error::{LinkError, ParseError, SendError};
use super::input::Input;
use super::request_writer::RequestWriter;
use super::response_head::{ResponseHead, may_be_whole};
use super::silence::{GatewaySilence, GatewayTimeouts};
use crate::tls::ByteStream;

/// One HTTP/1.1 connection to the gateway.
///
/// There is no task behind it: the request that holds it polls it, and in the pool nobody does. That saves a wake-up and a
/// queue in each direction of every exchange. While nothing has come of an answer, it owns no buffer.
pub struct H1Connection {
    stream: ByteStream,
    local: Option<IpAddr>,
    /// How long a response's head may be.
    max_head: usize,
    sending: RequestWriter,
    /// What came and was not asked for yet.
    input: Input,
    /// How much of it holds no whole head.
    looked_at: usize,
    /// The answer's body.
    body: BodyDecoder,
    /// The connection can carry another request when this one is over.
    stays: bool,
    /// Interim answers to this request.
    interims: usize,
    /// How long the gateway may keep it waiting.
    silence: GatewaySilence,
}

impl H1Connection {
    /// Makes an HTTP connection of `stream`; a response's head may be `max_head` bytes long.
    pub fn open(stream: ByteStream, max_head: usize) -> Self {
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

    /// Sends `request` and waits for the answer's head; [`H1Connection::poll_frame`] brings its body, and goes on to send the
    /// request's, if the gateway answers before it has all of it.
    ///
    /// # Errors
    /// The connection failed, or the client's body, or the answer is none.
    pub async fn exchange(&mut self, request: impl Into<Box<EncodedRequest>>) -> Result<Response<()>, SendError> {
        self.exchange_within(GatewayTimeouts::default(), request.into()).await
    }

    /// The same with a gateway that may keep the exchange waiting for so long, to the end of its answer.
    ///
    /// # Errors
    /// Those of [`H1Connection::exchange`], or it took too long.
    pub async fn exchange_within(
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

    /// Takes out what was not sent of the request's body, if the gateway has answered without it. The connection cannot be used
    /// again then.
    pub fn take_unsent(&mut self) -> Option<RequestBody> {
        let sending = if self.sending.is_done() { return None } else { take(&mut self.sending) };
        self.stays = false;
        sending.into_request().map(|request| request.into_body())
    }

    /// Lets the next read be a small one.
    pub fn read_little_next(&mut self) {
        self.input.read_little_next();
    }

    /// The next piece of the answer's body; `None` at its end.
    ///
    /// # Errors
    /// The connection failed, or the client's body, or a chunk is none. Nothing follows.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, LinkError>>> {
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
    /// Those of [`H1Connection::poll_frame`], or it is longer than `most` bytes.
    pub async fn body(&mut self, most: usize) -> Result<Bytes, LinkError> {
        let mut body = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await {
            if let Ok(data) = frame?.into_data() {
                if data.len() > most - body.len() {
                    return Err(LinkError::TooLong(most));
                }
                body.extend_from_slice(&data);
            }
        }
        Ok(body.freeze())
    }

    /// Whether nothing more of the answer's body will come.
    pub fn is_end(&self) -> bool {
        self.body.is_over()
    }

    /// Reads the rest of the answer in small pieces: whoever takes it is slow, and what waits for that should be little.
    pub fn read_little(&mut self) {
        self.input.read_little();
    }

    /// How long the rest of the answer's body is.
    pub fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Whether another request can be sent. Looks at the socket, since in the pool nobody else does: it may be closed, and what
    /// a gateway sends unasked must not become the answer to the next request.
    pub fn is_reusable(&mut self) -> bool {
        if !self.stays || !self.body.is_over() || !self.sending.is_done() || !self.input.bytes.is_empty() {
            return false;
        }
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        Pin::new(&mut self.stream).poll_read(&mut Context::from_waker(Waker::noop()), &mut byte).is_pending()
    }

    /// Our own address towards the gateway; `None` on a unix socket.
    pub fn local_ip(&self) -> Option<IpAddr> {
        self.local
    }

    /// Takes the connection apart after a 101: the raw stream, and what was read of it beyond the head.
    pub fn into_stream(self) -> (ByteStream, Bytes) {
        (self.stream, self.input.into_bytes())
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>, LinkError>> {
        self.sending.poll(cx, &mut self.stream)?;
        loop {
            if let Some(head) = self.next_head()? {
                return Poll::Ready(self.begin(head));
            }
            let before = self.input.bytes.len();
            match ready!(self.input.poll_read(cx, &mut self.stream)) {
                Ok(()) if self.input.bytes.len() > before => self.looked_at = before,
                Ok(()) if before == 0 => return Poll::Ready(Err(self.failed(None))),
                Ok(()) => return Poll::Ready(Err(LinkError::ClosedInHead)),
                Err(error) => return Poll::Ready(Err(self.failed(Some(error)))),
            }
        }
    }

    /// The head that is there, if one is. Interim answers are for us: the client's own server has sent it a 100 if it
    /// asked for one.
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

    fn begin(&mut self, head: ResponseHead) -> Result<Response<()>, LinkError> {
        if head.response.status() == StatusCode::SWITCHING_PROTOCOLS && !self.sending.is_done() {
            return Err(ParseError::EarlySwitch.into());
        }
        if self.sending.is_done() {
            // The answer may take long.
            self.sending = RequestWriter::default();
        }
        self.stays = head.stays;
        self.body = head.body;
        // As much as is known to come.
        self.input.expect(match &self.body {
            BodyDecoder::Length(length) => *length,
            _ => 0,
        });
        if self.is_end() {
            self.rest();
        }
        Ok(head.response)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, LinkError>> {
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
            ready!(self.input.poll_read(cx, &mut self.stream)).map_err(LinkError::Io)?;
            if self.input.bytes.is_empty() {
                self.body.closed()?;
            }
        }
    }

    /// Why there is no answer at all: what ended the sending says more than what ended the reading.
    fn failed(&mut self, error: Option<io::Error>) -> LinkError {
        self.sending.failure().or(error).map_or(LinkError::Closed, LinkError::Io)
    }

    /// Lets go of what only an exchange needs.
    fn rest(&mut self) {
        self.input.rest();
        if self.sending.is_done() {
            self.sending = RequestWriter::default();
        }
    }
}

/// Before one final answer.
const MOST_INTERIMS: usize = 32;
