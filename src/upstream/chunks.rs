//! [`ChunkDecoder`]: takes the chunks of a body apart (RFC 9112 §7.1), as they come.

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;

use super::h1_error::ParseError;

/// Takes the chunks of a body apart, wherever the pieces that come are cut. Extensions are ignored.
#[derive(Debug, Default)]
pub struct ChunkDecoder {
    state: ChunkState,
    grammar: ChunkGrammar,
    /// How many digits of a size were read so far.
    digits: u8,
    /// The size of a chunk while that is read, and the bytes that are still to come afterwards.
    left: u64,
    /// Bytes of extensions so far, in all chunks.
    extensions: usize,
    /// The lines behind the last chunk.
    trailers: Vec<u8>,
}

/// How closely the lines in front of chunks are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ChunkGrammar {
    /// As a gateway may write them, whose answer only frontgate reads: white space behind a size, anything in an
    /// extension.
    #[default]
    Lenient,
    /// As RFC 9112 §7.1 has them, and without white space before a `;`: the body of a client is also read by the
    /// gateway.
    Strict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ChunkState {
    #[default]
    Start,
    Size,
    Padding,
    Extension,
    /// Behind the `;` of an extension.
    Name,
    InName,
    NameEnd,
    /// Behind its `=`.
    Value,
    InValue,
    ValueEnd,
    Quoted,
    Escaped,
    QuotedEnd,
    SizeEnd,
    Data,
    DataCr,
    DataEnd,
    /// The start of a line behind the last chunk.
    Line,
    InLine,
    LineEnd,
    LastEnd,
    /// There are trailers to be passed on.
    Trailers,
    Over,
}

impl ChunkDecoder {
    /// A decoder for the chunks of a request, which must not be understood in two ways.
    pub fn strict() -> Self {
        Self { grammar: ChunkGrammar::Strict, ..Self::default() }
    }

    /// Takes the next piece of the body, or its trailers, from the front of `input`. `None`: all of `input` is used up,
    /// or the body is over and the rest of `input` does not belong to it.
    ///
    /// # Errors
    /// If the chunks are malformed; nothing behind that can be understood.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Frame<Bytes>>, ParseError> {
        self.pass_lines(input)?;
        if self.state == ChunkState::Data && !input.is_empty() {
            let data = self.take(input)?;
            if self.state != ChunkState::Data || input.is_empty() || data.len() >= ENOUGH {
                return Ok(Some(Frame::data(data)));
            }
            // Small chunks that came together go on together: a client may take one frame for each of them for an
            // attack.
            let mut joined = Vec::with_capacity(data.len() + input.len());
            joined.extend_from_slice(&data);
            // Each round takes a byte at least.
            for _ in 0..input.len() {
                if self.state != ChunkState::Data || input.is_empty() {
                    break;
                }
                joined.extend_from_slice(&self.take(input)?);
            }
            return Ok(Some(Frame::data(joined.into())));
        }
        if self.state == ChunkState::Trailers {
            self.state = ChunkState::Over;
            return parse(&std::mem::take(&mut self.trailers)).map(|trailers| Some(Frame::trailers(trailers)));
        }
        Ok(None)
    }

    /// Whether no further piece is to come.
    pub fn is_over(&self) -> bool {
        self.state == ChunkState::Over
    }

    /// Takes the bytes of a chunk that have come, and reads on to the next chunk: the receiver of the last piece should
    /// know that it is the last.
    fn take(&mut self, input: &mut Bytes) -> Result<Bytes, ParseError> {
        let length = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let data = input.split_to(length);
        self.left -= length as u64;
        if self.left == 0 {
            self.state = ChunkState::DataCr;
            self.pass_lines(input)?;
        }
        Ok(data)
    }

    /// Reads the lines around the data of chunks.
    fn pass_lines(&mut self, input: &mut Bytes) -> Result<(), ParseError> {
        let mut used = 0;
        for byte in input.iter() {
            if matches!(self.state, ChunkState::Data | ChunkState::Trailers | ChunkState::Over) {
                break;
            }
            self.state = self.step(*byte)?;
            used += 1;
        }
        input.advance(used);
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<ChunkState, ParseError> {
        Ok(match (self.state, byte) {
            (ChunkState::Start | ChunkState::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).ok_or(ParseError::Chunk)?;
                self.digits = if self.state == ChunkState::Start { 1 } else { self.digits + 1 };
                if self.digits > MOST_DIGITS {
                    return Err(ParseError::Chunk);
                }
                self.left = (self.left << 4) | u64::from(digit);
                ChunkState::Size
            }
            (ChunkState::Size, b';') if self.grammar == ChunkGrammar::Strict => self.extension(ChunkState::Name)?,
            (ChunkState::Size, b'\t' | b' ') if self.grammar == ChunkGrammar::Strict => return Err(ParseError::Chunk),
            (ChunkState::Size | ChunkState::Padding, b'\t' | b' ') => {
                self.count_extension()?;
                ChunkState::Padding
            }
            (ChunkState::Size | ChunkState::Padding, b';') => ChunkState::Extension,
            (ChunkState::Name | ChunkState::InName | ChunkState::NameEnd, byte) => self.in_name(byte)?,
            (ChunkState::Value | ChunkState::InValue | ChunkState::ValueEnd, byte) => self.in_value(byte)?,
            (ChunkState::Quoted | ChunkState::Escaped | ChunkState::QuotedEnd, byte) => self.in_quotes(byte)?,
            (ChunkState::Size | ChunkState::Padding | ChunkState::Extension, b'\r') => ChunkState::SizeEnd,
            // Some parsers take a bare LF for the end of the line, so that would have two readings.
            (ChunkState::Extension, byte) if byte != b'\n' => {
                self.count_extension()?;
                ChunkState::Extension
            }
            (ChunkState::SizeEnd, b'\n') if self.left == 0 => ChunkState::Line,
            (ChunkState::SizeEnd, b'\n') => ChunkState::Data,
            (ChunkState::DataCr, b'\r') => ChunkState::DataEnd,
            (ChunkState::DataEnd, b'\n') => ChunkState::Start,
            (ChunkState::Line, b'\r') => ChunkState::LastEnd,
            (ChunkState::InLine, b'\r') => self.keep(byte, ChunkState::LineEnd)?,
            (ChunkState::Line | ChunkState::InLine, byte) if byte != b'\n' => self.keep(byte, ChunkState::InLine)?,
            (ChunkState::LineEnd, b'\n') => self.keep(byte, ChunkState::Line)?,
            (ChunkState::LastEnd, b'\n') if self.trailers.is_empty() => ChunkState::Over,
            (ChunkState::LastEnd, b'\n') => ChunkState::Trailers,
            _ => return Err(ParseError::Chunk),
        })
    }

    /// Reads the name of an extension behind `;`, up to its end (RFC 9112 §7.1.1).
    fn in_name(&mut self, byte: u8) -> Result<ChunkState, ParseError> {
        let next = match (self.state, byte) {
            (ChunkState::Name, b'\t' | b' ') => ChunkState::Name,
            (ChunkState::Name | ChunkState::InName, byte) if is_token(byte) => ChunkState::InName,
            (ChunkState::InName | ChunkState::NameEnd, b'\t' | b' ') => ChunkState::NameEnd,
            (ChunkState::InName | ChunkState::NameEnd, b'=') => ChunkState::Value,
            (ChunkState::InName | ChunkState::NameEnd, b';') => ChunkState::Name,
            (ChunkState::InName, b'\r') => ChunkState::SizeEnd,
            _ => return Err(ParseError::Chunk),
        };
        self.extension(next)
    }

    /// Reads the token behind `=`, up to its end, or up to a quotation mark.
    fn in_value(&mut self, byte: u8) -> Result<ChunkState, ParseError> {
        let next = match (self.state, byte) {
            (ChunkState::Value, b'\t' | b' ') => ChunkState::Value,
            (ChunkState::Value, b'"') => ChunkState::Quoted,
            (ChunkState::Value | ChunkState::InValue, byte) if is_token(byte) => ChunkState::InValue,
            (ChunkState::InValue | ChunkState::ValueEnd, b'\t' | b' ') => ChunkState::ValueEnd,
            (ChunkState::InValue | ChunkState::ValueEnd, b';') => ChunkState::Name,
            (ChunkState::InValue, b'\r') => ChunkState::SizeEnd,
            _ => return Err(ParseError::Chunk),
        };
        self.extension(next)
    }

    /// Reads a quoted string (RFC 9110 §5.6.4), and what may follow it.
    fn in_quotes(&mut self, byte: u8) -> Result<ChunkState, ParseError> {
        let next = match (self.state, byte) {
            (ChunkState::Quoted, b'"') => ChunkState::QuotedEnd,
            (ChunkState::Quoted, b'\\') => ChunkState::Escaped,
            (ChunkState::Quoted | ChunkState::Escaped, b'\t' | b' '..=b'~' | 0x80..) => ChunkState::Quoted,
            (ChunkState::QuotedEnd, b'\t' | b' ') => ChunkState::ValueEnd,
            (ChunkState::QuotedEnd, b';') => ChunkState::Name,
            (ChunkState::QuotedEnd, b'\r') => ChunkState::SizeEnd,
            _ => return Err(ParseError::Chunk),
        };
        self.extension(next)
    }

    fn extension(&mut self, next: ChunkState) -> Result<ChunkState, ParseError> {
        self.count_extension()?;
        Ok(next)
    }

    fn keep(&mut self, byte: u8, next: ChunkState) -> Result<ChunkState, ParseError> {
        if self.trailers.len() == LONGEST_TRAILERS {
            return Err(ParseError::LongChunk);
        }
        self.trailers.push(byte);
        Ok(next)
    }

    fn count_extension(&mut self) -> Result<(), ParseError> {
        self.extensions += 1;
        if self.extensions > LONGEST_EXTENSIONS { Err(ParseError::LongChunk) } else { Ok(()) }
    }
}

fn parse(lines: &[u8]) -> Result<HeaderMap, ParseError> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    // The empty line that ends the trailers was not kept.
    let lines = [lines, b"\r\n"].concat();
    let httparse::Status::Complete((_, fields)) = httparse::parse_headers(&lines, &mut fields)? else {
        return Err(ParseError::Chunk);
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| ParseError::Chunk)?;
        trailers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| ParseError::Chunk)?);
    }
    Ok(trailers)
}

/// Whether a token may contain the byte (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The digits of the largest size: more of them could only be zeros in front.
const MOST_DIGITS: u8 = 16;
/// A chunk of this many bytes goes on alone: copying it would cost more than a frame does.
const ENOUGH: usize = 1024;
/// Bytes of extensions in all chunks of one body.
const LONGEST_EXTENSIONS: usize = 16 * 1024;
const LONGEST_TRAILERS: usize = 16 * 1024;
const MOST_TRAILERS: usize = 100;

#[cfg(test)]
mod tests;
