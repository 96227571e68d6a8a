//! [`BodyDecoder`]: where the body of a message ends, and the pieces of it that have come.

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::chunks::ChunkDecoder;
use super::h1_error::{H1Error, ParseError};

/// The part of a message's body that is still to come.
#[derive(Debug, Default)]
pub enum BodyDecoder {
    /// The body is over.
    #[default]
    Over,
    /// This many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// All bytes that come before the connection is closed.
    UntilClose,
}

impl BodyDecoder {
    /// Whether no further piece is to come.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Over | Self::Length(0) => true,
            Self::Chunked(chunks) => chunks.is_over(),
            Self::Length(_) | Self::UntilClose => false,
        }
    }

    /// How many bytes the rest has, as far as is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Over => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunked(_) | Self::UntilClose => SizeHint::default(),
        }
    }

    /// Takes the next piece from the front of `input`. `None`: `input` is used up, or the body is over.
    ///
    /// # Errors
    /// If the chunks are malformed.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Frame<Bytes>>, ParseError> {
        match self {
            Self::Chunked(chunks) => chunks.next(input),
            _ if self.is_over() || input.is_empty() => Ok(None),
            Self::Length(left) => {
                let data = input.split_to(usize::try_from(*left).map_or(input.len(), |left| left.min(input.len())));
                *left -= data.len() as u64;
                Ok(Some(Frame::data(data)))
            }
            Self::UntilClose | Self::Over => Ok(Some(Frame::data(std::mem::take(input)))),
        }
    }

    /// Notes that the connection was closed.
    ///
    /// # Errors
    /// If that was not the end of the body.
    pub(super) fn closed(&mut self) -> Result<(), H1Error> {
        match self {
            Self::UntilClose => *self = Self::Over,
            _ if self.is_over() => {}
            _ => return Err(H1Error::CutShort),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_its_framing_says() {
        // The framing, what comes, what of it is the body, whether it is over, and whether it is if the connection is
        // closed.
        let rows = [
            (BodyDecoder::Over, "next", "", true, true),
            (BodyDecoder::Length(0), "next", "", true, true),
            (BodyDecoder::Length(2), "oknext", "ok", true, true),
            (BodyDecoder::Length(4), "ok", "ok", false, false),
            (BodyDecoder::Length(u64::MAX), "ok", "ok", false, false),
            (BodyDecoder::Chunked(ChunkDecoder::default()), "2\r\nok\r\n0\r\n\r\nnext", "ok", true, true),
            (BodyDecoder::Chunked(ChunkDecoder::default()), "2\r\nok\r\n", "ok", false, false),
            (BodyDecoder::UntilClose, "ok", "ok", false, true),
        ];
        for (mut body, text, expected, over, whole) in rows {
            let name = format!("{body:?} {text:?}");
            let (mut input, mut read) = (Bytes::from(text), Vec::new());
            while let Some(frame) = body.next(&mut input).unwrap() {
                read.extend_from_slice(&frame.into_data().unwrap());
            }
            assert_eq!((read, body.is_over()), (expected.into(), over), "{name}");
            assert_eq!(input, if text.ends_with("next") { "next" } else { "" }, "{name}");
            assert_eq!(body.closed().is_ok(), whole, "{name}");
            assert_eq!(body.is_over(), whole, "{name}");
        }
    }

    #[test]
    fn the_size_of_the_rest_is_told_where_it_is_known() {
        for (body, exact) in [
            (BodyDecoder::Over, Some(0)),
            (BodyDecoder::Length(4), Some(4)),
            (BodyDecoder::Chunked(ChunkDecoder::default()), None),
            (BodyDecoder::UntilClose, None),
        ] {
            assert_eq!(body.size_hint().exact(), exact, "{body:?}");
        }
    }
}
