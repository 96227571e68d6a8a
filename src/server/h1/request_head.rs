//! [`RequestHead`]: the head of a request over HTTP/1.1, read from the bytes that came, and what it says about its body
//! and its connection.
//!
//! A client's request is read by the gateway too. So whatever RFC 9112 lets a recipient reject, and another parser
//! could understand otherwise, is rejected: line ends that are not CRLF (§2.2), folded lines (§5.2), white space around
//! a field's name (§5.1), and bodies with more than one end, or none (§6.3).

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING};
use http::{Method, Request, Uri, Version};
use httparse::{Header, Status};

use crate::http::error::{BadRequest, RequestFailure};

/// The head of a request.
#[derive(Debug)]
pub struct RequestHead {
    /// The request line and the fields.
    pub request: Request<()>,
    /// Its target has a `#`, which `request` lacks, with what follows it.
    pub has_fragment: bool,
    /// Where its body ends.
    pub framing: RequestFraming,
    /// What else the request says about its connection.
    pub options: ConnectionOptions,
}

/// Where the body of a request ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFraming {
    /// The request has no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// Behind its last chunk.
    Chunked,
}

/// What a request says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field that is there or not")]
pub struct ConnectionOptions {
    /// It is HTTP/1.0: no chunks, and the connection ends unless the request says otherwise.
    pub is_10: bool,
    /// The connection may carry another request (RFC 9112 §9.3).
    pub keeps: bool,
    /// It is a HEAD: the answer has no body.
    pub to_head: bool,
    /// The client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
    pub expects: bool,
    /// The client accepts trailers (RFC 9110 §6.5.1).
    pub trailers: bool,
}

/// Why a head is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// It is not HTTP, or can be understood in two ways.
    #[error("the head is not HTTP")]
    Malformed,
    /// Its body ends in more than one place, or nowhere.
    #[error("the head does not say where the body ends")]
    Framing,
    /// Its target is longer than can be passed on.
    #[error("the target is too long")]
    TargetTooLong,
    /// It is longer than `limits.request_head`.
    #[error("the head is too large")]
    TooLarge,
}

impl From<HeadError> for RequestFailure {
    fn from(head_error: HeadError) -> Self {
        match head_error {
            HeadError::Malformed => Self::BadRequest(BadRequest::BadHead),
            HeadError::Framing => Self::BadRequest(BadRequest::BadFraming),
            HeadError::TargetTooLong => Self::TargetTooLong,
            HeadError::TooLarge => Self::HeadTooLarge,
        }
    }
}

impl RequestHead {
    /// Takes the head that `input` begins with, which may take `longest` bytes; `None` if there is not all of it yet.
    /// Empty lines in front of it are taken first. The values are views of `input`.
    ///
    /// # Errors
    /// If `input` begins with no valid head.
    pub fn take(input: &mut Bytes, longest: usize) -> Result<Option<Self>, HeadError> {
        pass_empty_lines(input)?;
        if input.len() > LONGEST_METHOD && !input[..=LONGEST_METHOD].contains(&b' ') {
            return Err(HeadError::Malformed);
        }
        let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; USUAL_FIELDS];
        let parsed = match Self::parse(input, longest, &mut fields) {
            Err(None) => {
                // As many fields as there are lines: their number is limited by the head's length alone.
                let lines = input.iter().take(longest).filter(|byte| **byte == b'\n').count();
                let mut fields = vec![MaybeUninit::uninit(); lines];
                Self::parse(input, longest, &mut fields)
                    .map_err(|head_error| head_error.unwrap_or(HeadError::TooLarge))?
            }
            parsed => parsed.map_err(|head_error| head_error.unwrap_or(HeadError::Malformed))?,
        };
        Ok(parsed.map(|(head, length)| {
            input.advance(length);
            head
        }))
    }

    /// The head and its length. An error that is `None`: there are more fields than `fields` has room for.
    fn parse<'a>(
        bytes: &'a Bytes,
        longest: usize,
        fields: &mut [MaybeUninit<Header<'a>>],
    ) -> Result<Option<(Self, usize)>, Option<HeadError>> {
        let mut parsed = httparse::Request::new(&mut []);
        let length = match parsed.parse_with_uninit_headers(bytes, fields) {
            Err(httparse::Error::TooManyHeaders) => return Err(None),
            Err(_) => return Err(Some(HeadError::Malformed)),
            Ok(Status::Complete(length)) => Some(length),
            Ok(Status::Partial) => None,
        };
        if !has_whole_line_ends(&bytes[..length.unwrap_or(bytes.len())]) {
            return Err(Some(HeadError::Malformed));
        }
        let length = match length {
            Some(length) if length <= longest => length,
            None if bytes.len() <= longest => return Ok(None),
            Some(_) | None => return Err(Some(HeadError::TooLarge)),
        };
        let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Some(HeadError::Malformed));
        };
        if target.len() > LONGEST_TARGET {
            return Err(Some(HeadError::TargetTooLong));
        }
        let malformed = |()| Some(HeadError::Malformed);
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| malformed(()))?;
        *request.uri_mut() = Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).map_err(|_| malformed(()))?;
        let is_10 = minor == 0;
        *request.version_mut() = if is_10 { Version::HTTP_10 } else { Version::HTTP_11 };
        let mut said = BodyFields::default();
        let headers = request.headers_mut();
        headers.try_reserve(parsed.headers.len()).map_err(|_| Some(HeadError::TooLarge))?;
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| malformed(()))?;
            if said.takes(&name, field.value).map_err(Some)? {
                continue;
            }
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| malformed(()))?;
            append(headers, name, value).map_err(Some)?;
        }
        let framing = said.framing(is_10).map_err(Some)?;
        let options = ConnectionOptions {
            is_10,
            // Behind a CONNECT come the bytes of a tunnel, whatever its answer (RFC 9110 §9.3.6): they are no request.
            keeps: !said.close && (!is_10 || said.keep_alive) && *request.method() != Method::CONNECT,
            to_head: *request.method() == Method::HEAD,
            expects: said.expects && !is_10 && !matches!(framing, RequestFraming::None | RequestFraming::Length(0)),
            trailers: said.trailers && !is_10,
        };
        Ok(Some((Self { request, has_fragment: target.contains('#'), framing, options }, length)))
    }
}

/// Takes empty lines in front of a request (RFC 9112 §2.2). An empty line that is incomplete is not taken yet.
fn pass_empty_lines(input: &mut Bytes) -> Result<(), HeadError> {
    let mut used = 0;
    while let [b'\r' | b'\n', ..] = &input[used..] {
        match &input[used..] {
            [b'\r', b'\n', ..] => used += 2,
            [b'\r'] => break,
            _ => return Err(HeadError::Malformed),
        }
    }
    if used > 0 {
        input.advance(used);
    }
    Ok(())
}

/// Whether there is no LF without a CR in front of it, and no CR without an LF behind it, unless that is still to come.
fn has_whole_line_ends(bytes: &[u8]) -> bool {
    // Counted without a branch, so that the compiler compares sixteen at once.
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let broken = pairs.map(|(one, next)| usize::from((*one == b'\r') != (*next == b'\n'))).sum::<usize>();
    bytes.first() != Some(&b'\n') && broken == 0
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), HeadError> {
    headers.try_append(name, value).map(drop).map_err(|_| HeadError::TooLarge)
}

/// What the fields say about the body and the connection.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that was there or not")]
struct BodyFields {
    close: bool,
    keep_alive: bool,
    expects: bool,
    trailers: bool,
    length: Option<u64>,
    chunked: bool,
}

impl BodyFields {
    /// Looks at a field. Returns whether it ends here: the same length again is no second length, and one of them is
    /// left (RFC 9110 §8.6).
    fn takes(&mut self, name: &HeaderName, value: &[u8]) -> Result<bool, HeadError> {
        if *name == CONTENT_LENGTH {
            let length = number(value).ok_or(HeadError::Framing)?;
            return match self.length.replace(length) {
                Some(before) if before != length => Err(HeadError::Framing),
                before => Ok(before.is_some()),
            };
        } else if *name == TRANSFER_ENCODING {
            // No other coding can be passed on: `chunked` is taken off here, and the rest would lose its label.
            if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadError::Framing);
            }
            self.chunked = true;
        } else if *name == CONNECTION {
            for option in tokens(value) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if *name == EXPECT {
            self.expects |= tokens(value).any(|one| one.eq_ignore_ascii_case(b"100-continue"));
        } else if *name == TE {
            self.trailers |= tokens(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
        }
        Ok(false)
    }

    fn framing(&self, is_10: bool) -> Result<RequestFraming, HeadError> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(HeadError::Framing),
            (true, None) if is_10 => Err(HeadError::Framing),
            (true, None) => Ok(RequestFraming::Chunked),
            (false, Some(length)) => Ok(RequestFraming::Length(length)),
            (false, None) => Ok(RequestFraming::None),
        }
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Digits and nothing else (RFC 9110 §8.6).
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// How many fields there is room for without allocating memory; a head may have more.
const USUAL_FIELDS: usize = 64;
/// The longest method that is registered (`UPDATEREDIRECTREF`, RFC 4437) has 17.
const LONGEST_METHOD: usize = 64;
/// The longest target that [`Uri`] can hold.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

#[cfg(test)]
mod tests;
