//! [`ResponseHead`]: the head of an answer, read from the bytes that came, and what it says about its body and its
//! connection.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use hyper::ext::ReasonPhrase;

use super::body_decoder::BodyDecoder;
use super::chunks::ChunkDecoder;
use super::h1_error::ParseError;

/// The head of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// The status line and the fields, without the fields that only concern this connection.
    pub response: Response<()>,
    /// The body, if this is a final answer.
    pub body: BodyDecoder,
    /// Whether the connection can carry another request afterwards.
    pub stays: bool,
    /// How many bytes the head has.
    pub length: usize,
}

impl ResponseHead {
    /// Reads the head that `bytes` begin with, which may take `longest` bytes; `None` if there is not all of it yet. An
    /// answer `to_head` has no body. The values are views of `bytes`.
    ///
    /// # Errors
    /// If the head is malformed, or has two readings.
    pub fn parse(bytes: &Bytes, longest: usize, to_head: bool) -> Result<Option<Self>, ParseError> {
        let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; USUAL_FIELDS];
        match Self::parse_with(bytes, longest, to_head, &mut fields) {
            Err(ParseError::Head(httparse::Error::TooManyHeaders)) => {
                // As many fields as there are lines: their number is limited by the head's length alone.
                let lines = bytes.iter().take(longest).filter(|byte| **byte == b'\n').count();
                let mut fields = vec![MaybeUninit::uninit(); lines];
                Self::parse_with(bytes, longest, to_head, &mut fields)
            }
            parsed => parsed,
        }
    }

    fn parse_with<'a>(
        bytes: &'a Bytes,
        longest: usize,
        to_head: bool,
        fields: &mut [MaybeUninit<Header<'a>>],
    ) -> Result<Option<Self>, ParseError> {
        let mut parsed = httparse::Response::new(&mut []);
        let status = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, fields)?;
        let length = match status {
            Status::Complete(length) if length <= longest => length,
            Status::Partial if bytes.len() <= longest => return Ok(None),
            Status::Complete(_) | Status::Partial => return Err(ParseError::LongHead(longest)),
        };
        let code = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(ParseError::Status)?;
        let is_11 = parsed.version == Some(1);
        let mut response = Response::new(());
        *response.status_mut() = code;
        *response.version_mut() = if is_11 { Version::HTTP_11 } else { Version::HTTP_10 };
        let headers = response.headers_mut();
        headers.reserve(parsed.headers.len());
        let mut about = ResponseFields::default();
        for field in parsed.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
            if about.takes(&name, field.value, code) {
                continue;
            }
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value));
            headers.append(name, value.map_err(|_| httparse::Error::HeaderValue)?);
        }
        let body = about.body(code, to_head, is_11)?;
        about.settle(headers);
        if let Some(reason) = parsed.reason.filter(|reason| Some(*reason) != code.canonical_reason())
            && let Ok(reason) = ReasonPhrase::try_from(reason.as_bytes())
        {
            response.extensions_mut().insert(reason);
        }
        let stays = if is_11 { !about.close } else { about.keep_alive && !about.close };
        let stays = stays && !matches!(body, BodyDecoder::UntilClose) && code != StatusCode::SWITCHING_PROTOCOLS;
        Ok(Some(Self { response, body, stays, length }))
    }
}

/// Whether `bytes`, of which the first `known` hold no whole head, may hold one: there is an empty line.
pub(crate) fn may_be_whole(bytes: &[u8], known: usize) -> bool {
    let news = &bytes[known.saturating_sub(3)..];
    news.windows(2).any(|pair| pair == b"\n\n") || news.windows(3).any(|three| three == b"\n\r\n")
}

/// What the fields say about the body and the connection.
#[derive(Default)]
struct ResponseFields {
    close: bool,
    keep_alive: bool,
    length: Length,
    coding: TransferCoding,
}

/// What `Content-Length` says. A malformed one does no harm where there is no body.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Length {
    #[default]
    Unsaid,
    Once(u64),
    /// Several fields with the same number (RFC 9112 §6.3 allows to take that for one).
    Repeated(u64),
    Wrong,
}

/// What `Transfer-Encoding` says.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum TransferCoding {
    #[default]
    None,
    Chunked,
    /// Any other coding, which frontgate did not ask for (RFC 9112 §7.4).
    Wrong,
}

impl Length {
    fn and(self, said: Option<u64>) -> Self {
        match (self, said) {
            (Self::Unsaid, Some(length)) => Self::Once(length),
            (Self::Once(before) | Self::Repeated(before), Some(length)) if before == length => Self::Repeated(length),
            _ => Self::Wrong,
        }
    }
}

impl ResponseFields {
    /// Looks at a field. Returns whether it ends here, since it is about this connection alone (RFC 9110 §7.6.1).
    fn takes(&mut self, name: &HeaderName, value: &[u8], status: StatusCode) -> bool {
        if *name == CONTENT_LENGTH {
            for one in value.split(|byte| *byte == b',') {
                self.length = self.length.and(number(one.trim_ascii()));
            }
        } else if *name == TRANSFER_ENCODING {
            let simply = self.coding == TransferCoding::None && value.eq_ignore_ascii_case(b"chunked");
            self.coding = if simply { TransferCoding::Chunked } else { TransferCoding::Wrong };
            return true;
        } else if *name == CONNECTION {
            let mut alone = true;
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    self.close = true;
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    self.keep_alive = true;
                } else {
                    alone = false;
                }
            }
            // A `Connection` field that names other fields is still needed to find those.
            return alone && status != StatusCode::SWITCHING_PROTOCOLS;
        } else if *name == "keep-alive" {
            return true;
        }
        false
    }

    /// Where the body ends (RFC 9112 §6.3); an error if there is more than one answer to that.
    fn body(&self, status: StatusCode, to_head: bool, is_11: bool) -> Result<BodyDecoder, ParseError> {
        if to_head
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
        {
            return Ok(BodyDecoder::Over);
        }
        match (self.coding, self.length) {
            (TransferCoding::Wrong, _) => Err(ParseError::Coding),
            (TransferCoding::Chunked, _) if !is_11 => Err(ParseError::Coding),
            (TransferCoding::Chunked, Length::Unsaid) => Ok(BodyDecoder::Chunked(ChunkDecoder::default())),
            (TransferCoding::Chunked, _) => Err(ParseError::TwoLengths),
            (TransferCoding::None, Length::Unsaid) => Ok(BodyDecoder::UntilClose),
            (TransferCoding::None, Length::Once(length) | Length::Repeated(length)) => Ok(BodyDecoder::Length(length)),
            (TransferCoding::None, Length::Wrong) => Err(ParseError::Length),
        }
    }

    /// Leaves one length of several that agree.
    fn settle(&self, headers: &mut HeaderMap) {
        if let Length::Repeated(length) = self.length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
    }
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

/// Few answers have more fields than this.
const USUAL_FIELDS: usize = 64;

#[cfg(test)]
mod tests;
