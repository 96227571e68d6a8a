//! [`H1Error`]: why there is no answer, or why an answer breaks off.

use std::error::Error;
use std::io;

use super::encoded_request::EncodedRequest;
use crate::tls::TlsFault;

/// Why there is no answer, or why an answer breaks off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum H1Error {
    /// The gateway closed the connection before it answered.
    #[error("the gateway closed the connection without an answer")]
    Closed,
    /// It closed the connection within the head of its answer.
    #[error("the gateway closed the connection within the head of its answer")]
    ClosedInHead,
    /// It closed the connection before the end of its answer.
    #[error("the gateway closed the connection before the end of its answer")]
    CutShort,
    /// The kernel, or TLS, reports a failure.
    #[error("the connection to the gateway failed: {0}")]
    Io(#[source] io::Error),
    /// The answer is not HTTP, or could be read in two ways.
    #[error("the gateway's answer cannot be understood: {0}")]
    InvalidResponse(#[from] ParseError),
    /// The client's body broke off, or became too large.
    #[error("the request's body broke off: {0}")]
    Body(#[source] Box<dyn Error + Send + Sync>),
    /// The gateway took nothing of the request for too long.
    #[error("the gateway took nothing of the request in time")]
    Untaken,
    /// The gateway has the request, and sent nothing for too long.
    #[error("the gateway sent nothing in time")]
    Silent,
    /// The answer is longer than the caller wants to read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Its head is not HTTP.
    #[error("{0}")]
    Head(#[from] httparse::Error),
    /// A status below 100 or above 999.
    #[error("its status is none")]
    Status,
    /// A head of more than so many bytes.
    #[error("its head is longer than {0} bytes")]
    LongHead(usize),
    /// More interim answers than frontgate reads before a final one.
    #[error("too many interim answers")]
    Interims,
    /// `Content-Length` is not a number, or several different ones.
    #[error("its Content-Length is not one number")]
    Length,
    /// A `Transfer-Encoding` other than `chunked`, or in HTTP/1.0.
    #[error("its Transfer-Encoding is not simply chunked")]
    Coding,
    /// `Transfer-Encoding` and `Content-Length` (RFC 9112 §6.3).
    #[error("it has both Transfer-Encoding and Content-Length")]
    TwoLengths,
    /// Other bytes where a chunk begins or ends.
    #[error("a chunk of it is none")]
    Chunk,
    /// The extensions or trailers of its chunks are longer than any use of them.
    #[error("there is too much around its chunks")]
    LongChunk,
    /// The gateway switched protocols before it was asked to.
    #[error("it switched protocols before the request was sent")]
    EarlySwitch,
}

/// Why there was no answer.
#[derive(Debug)]
pub(crate) struct SendError {
    /// The error that ended the exchange.
    pub(crate) error: H1Error,
    /// The request, of which the body may be gone in part.
    pub(crate) request: Option<Box<EncodedRequest>>,
    /// Whether it may be sent again over another connection: not a byte of it was written, or it is idempotent and has
    /// no body.
    pub(crate) again: bool,
}

impl H1Error {
    /// Whether the connection ended before there was an answer, so that another one may do better. In TLS 1.3 a gateway
    /// that wants a certificate says so only after the handshake (RFC 8446 §4.4.2.4), and it says the same on every
    /// connection.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Closed | Self::ClosedInHead => true,
            Self::Io(error) => TlsFault::of(error) != TlsFault::ClientCertificate,
            _ => false,
        }
    }
}
