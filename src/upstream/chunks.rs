//! [`Chunks`]: takes the chunks of a body apart (RFC 9112 §7.1), as they come.

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;

use super::link_error::Flaw;

/// Takes the chunks of a body apart, wherever the pieces that come are cut. Extensions are ignored.
#[derive(Debug, Default)]
pub struct Chunks {
    state: State,
    /// Of a chunk: its size while that is read, and what is still to come afterwards.
    left: u64,
    /// Bytes of extensions so far, in all chunks.
    extensions: usize,
    /// The lines behind the last chunk.
    trailers: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Start,
    Size,
    Padding,
    Extension,
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

impl Chunks {
    /// Takes the next piece of the body, or its trailers, from the front of `input`. `None`: all of `input` is used up, or the
    /// body is over and the rest of it is none of it.
    ///
    /// # Errors
    /// That is not how chunks look; nothing behind it can be understood.
    pub fn next(&mut self, input: &mut Bytes) -> Result<Option<Frame<Bytes>>, Flaw> {
        self.pass_lines(input)?;
        if self.state == State::Data && !input.is_empty() {
            let data = self.take(input)?;
            if self.state != State::Data || input.is_empty() || data.len() >= ENOUGH {
                return Ok(Some(Frame::data(data)));
            }
            // Small chunks that came together go on together: a client may take one frame for each of them for an attack.
            let mut joined = Vec::with_capacity(data.len() + input.len());
            joined.extend_from_slice(&data);
            while self.state == State::Data && !input.is_empty() {
                joined.extend_from_slice(&self.take(input)?);
            }
            return Ok(Some(Frame::data(joined.into())));
        }
        if self.state == State::Trailers {
            self.state = State::Over;
            return parse(&std::mem::take(&mut self.trailers)).map(|trailers| Some(Frame::trailers(trailers)));
        }
        Ok(None)
    }

    /// Whether there is nothing more to come.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes what there is of a chunk, and reads on to the next one: whoever gets the last piece should know that it is.
    fn take(&mut self, input: &mut Bytes) -> Result<Bytes, Flaw> {
        let length = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let data = input.split_to(length);
        self.left -= length as u64;
        if self.left == 0 {
            self.state = State::DataCr;
            self.pass_lines(input)?;
        }
        Ok(data)
    }

    /// Reads what is not data.
    fn pass_lines(&mut self, input: &mut Bytes) -> Result<(), Flaw> {
        let mut used = 0;
        for byte in input.iter() {
            if matches!(self.state, State::Data | State::Trailers | State::Over) {
                break;
            }
            self.state = self.step(*byte)?;
            used += 1;
        }
        input.advance(used);
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<State, Flaw> {
        Ok(match (self.state, byte) {
            (State::Start | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).ok_or(Flaw::Chunk)?;
                self.left = self.left.checked_mul(16).ok_or(Flaw::Chunk)? + u64::from(digit);
                State::Size
            }
            (State::Size | State::Padding, b'\t' | b' ') => {
                self.count_extension()?;
                State::Padding
            }
            (State::Size | State::Padding, b';') => State::Extension,
            (State::Size | State::Padding | State::Extension, b'\r') => State::SizeEnd,
            // Some take a bare LF for the end of the line, so that would have two readings.
            (State::Extension, byte) if byte != b'\n' => {
                self.count_extension()?;
                State::Extension
            }
            (State::SizeEnd, b'\n') if self.left == 0 => State::Line,
            (State::SizeEnd, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataEnd,
            (State::DataEnd, b'\n') => State::Start,
            (State::Line, b'\r') => State::LastEnd,
            (State::InLine, b'\r') => self.keep(byte, State::LineEnd)?,
            (State::Line | State::InLine, byte) if byte != b'\n' => self.keep(byte, State::InLine)?,
            (State::LineEnd, b'\n') => self.keep(byte, State::Line)?,
            (State::LastEnd, b'\n') if self.trailers.is_empty() => State::Over,
            (State::LastEnd, b'\n') => State::Trailers,
            _ => return Err(Flaw::Chunk),
        })
    }

    fn keep(&mut self, byte: u8, next: State) -> Result<State, Flaw> {
        if self.trailers.len() == LONGEST_TRAILERS {
            return Err(Flaw::LongChunk);
        }
        self.trailers.push(byte);
        Ok(next)
    }

    fn count_extension(&mut self) -> Result<(), Flaw> {
        self.extensions += 1;
        if self.extensions > LONGEST_EXTENSIONS { Err(Flaw::LongChunk) } else { Ok(()) }
    }
}

fn parse(lines: &[u8]) -> Result<HeaderMap, Flaw> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    // The empty line that ends them was not kept.
    let lines = [lines, b"\r\n"].concat();
    let httparse::Status::Complete((_, fields)) = httparse::parse_headers(&lines, &mut fields)? else {
        return Err(Flaw::Chunk);
    };
    let mut trailers = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Flaw::Chunk)?;
        trailers.append(name, HeaderValue::from_bytes(field.value).map_err(|_| Flaw::Chunk)?);
    }
    Ok(trailers)
}

/// A chunk of this size goes on alone: to copy it would cost more than a frame does.
const ENOUGH: usize = 1024;
/// In all chunks of one body.
const LONGEST_EXTENSIONS: usize = 16 * 1024;
const LONGEST_TRAILERS: usize = 16 * 1024;
const MOST_TRAILERS: usize = 100;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// What is in `bytes`, read in these pieces: the data, the trailers, what follows, and whether it is over.
    type Read = Result<(String, String, String, bool), Flaw>;

    fn read(pieces: &[&[u8]]) -> Read {
        let (mut chunks, mut data, mut trailers, mut rest) = (Chunks::default(), Vec::new(), String::new(), Vec::new());
        for piece in pieces {
            let mut input = Bytes::copy_from_slice(piece);
            while let Some(frame) = chunks.next(&mut input)? {
                match frame.into_data() {
                    Ok(bytes) => {
                        assert!(!bytes.is_empty());
                        data.extend_from_slice(&bytes);
                    }
                    Err(frame) => {
                        for (name, value) in &frame.into_trailers().unwrap() {
                            writeln!(trailers, "{name}: {}", value.to_str().unwrap()).unwrap();
                        }
                    }
                }
            }
            assert!(chunks.is_over() || input.is_empty());
            rest.extend_from_slice(&input);
        }
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ok((text(data), trailers, text(rest), chunks.is_over()))
    }

    #[test]
    fn chunks_are_joined_wherever_the_pieces_are_cut() {
        let over = |data: &str, trailers: &str, rest: &str| Ok((data.into(), trailers.into(), rest.into(), true));
        let open = |data: &str| Ok((data.into(), String::new(), String::new(), false));
        let rows: [(&str, Read); 36] = [
            ("0\r\n\r\n", over("", "", "")),
            ("2\r\nok\r\n0\r\n\r\n", over("ok", "", "")),
            ("2\r\nok\r\n000\r\n\r\n", over("ok", "", "")),
            ("A\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\n", over("0123456789!", "", "")),
            ("002 \t\r\nok\r\n0;x\r\n\r\n", over("ok", "", "")),
            ("a\r\n0123456789\r\nf\r\n0123456789abcde\r\n0\r\n\r\n", over("01234567890123456789abcde", "", "")),
            ("1E\r\n0123456789abcdefghijklmnopqrst\r\n0\r\n\r\n", over("0123456789abcdefghijklmnopqrst", "", "")),
            ("2 \t;a\r\nok\r\n0 ;b\r\n\r\n", over("ok", "", "")),
            ("1\r\na\r\n5\r\nbc", open("abc")),
            ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\nmore", over("abc", "", "more")),
            ("1\r\na\r\n1\r\nb\r\n0\r\nx: 1\r\n\r\nmore", over("ab", "x: 1\n", "more")),
            ("0\r\nx: 1\r\nx: 2\r\n\r\n", over("", "x: 1\nx: 2\n", "")),
            ("2;a=\"b;\"\r\nok\r\n0\r\n\r\n", over("ok", "", "")),
            ("2\r\n\r\n\r\n0\r\n\r\n", over("\r\n", "", "")),
            ("2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", over("ok", "", "HTTP/1.1 200 OK\r\n")),
            ("2\r\nok\r\n0\r\nX-Sum: 7\r\nb:\r\n\r\nmore", over("ok", "x-sum: 7\nb: \n", "more")),
            ("", open("")),
            ("2", open("")),
            ("2\r\no", open("o")),
            ("2\r\nok\r\n", open("ok")),
            ("2\r\nok\r\n0\r\n", open("ok")),
            ("2\r\nok\r\n0\r\nx: 1\r\n", open("ok")),
            ("\r\n", Err(Flaw::Chunk)),
            ("xyz\r\n", Err(Flaw::Chunk)),
            ("-1\r\na\r\n", Err(Flaw::Chunk)),
            (" 1\r\na\r\n", Err(Flaw::Chunk)),
            ("0x1\r\na\r\n", Err(Flaw::Chunk)),
            ("1 1\r\na\r\n", Err(Flaw::Chunk)),
            ("10000000000000000\r\n", Err(Flaw::Chunk)),
            ("2\nok\r\n", Err(Flaw::Chunk)),
            ("2;a\nb\r\nok\r\n", Err(Flaw::Chunk)),
            ("2\r\nokk\r\n", Err(Flaw::Chunk)),
            ("2\r\nok\n0\r\n\r\n", Err(Flaw::Chunk)),
            ("0\r\n\n", Err(Flaw::Chunk)),
            ("0\r\nx: 1\n\r\n", Err(Flaw::Chunk)),
            ("0\r\n: 1\r\n\r\n", Err(Flaw::Head(httparse::Error::HeaderName))),
        ];
        for (text, expected) in rows {
            let bytes = text.as_bytes();
            assert_eq!(read(&[bytes]), expected, "{text:?}");
            for at in 0..=bytes.len() {
                assert_eq!(read(&[&bytes[..at], &bytes[at..]]), expected, "{text:?} cut at {at}");
            }
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(read(&each), expected, "{text:?} byte by byte");
        }
    }

    #[test]
    fn the_last_piece_says_that_it_is_the_last() {
        let mut chunks = Chunks::default();
        let mut input = Bytes::from_static(b"2\r\nok\r\n0\r\n\r\n");
        assert!(chunks.next(&mut input).unwrap().is_some() && chunks.is_over());
    }

    #[test]
    fn small_chunks_that_come_together_go_on_together_and_large_ones_as_they_are() {
        let mut input = Bytes::from("1\r\na\r\n".repeat(1000) + "0\r\n\r\n");
        let mut chunks = Chunks::default();
        let data = chunks.next(&mut input).unwrap().unwrap().into_data().unwrap();
        assert_eq!((data.len(), chunks.is_over()), (1000, true));

        let mut input = Bytes::from(format!("{ENOUGH:x}\r\n{}\r\n1\r\n!", "x".repeat(ENOUGH)));
        let view = input.as_ptr() as usize..input.as_ptr() as usize + input.len();
        let data = Chunks::default().next(&mut input).unwrap().unwrap().into_data().unwrap();
        assert!(data.len() == ENOUGH && view.contains(&(data.as_ptr() as usize)), "it is no copy");
    }

    #[test]
    fn what_stands_around_chunks_may_be_as_long_as_the_limit() {
        let half = LONGEST_EXTENSIONS / 2;
        // What is kept of a line is all of it, its end included.
        let trailer = format!("x: {}\r\n", "x".repeat(LONGEST_TRAILERS - 5));
        let rows = [
            format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(LONGEST_EXTENSIONS)),
            format!("1{}\r\na\r\n0{}\r\n\r\n", " ".repeat(half), "\t".repeat(half)),
            format!("1\r\na\r\n0\r\n{trailer}\r\n"),
            format!("1\r\na\r\n0\r\n{}\r\n", "x: 1\r\n".repeat(MOST_TRAILERS)),
            "1\r\na\r\n0\r\n\r\n".to_owned(),
        ];
        for text in rows {
            let (data, _, rest, over) = read(&[text.as_bytes()]).unwrap();
            assert_eq!((data.as_str(), rest.as_str(), over), ("a", "", true), "{}", &text[..10]);
        }
    }

    #[test]
    fn what_stands_around_chunks_is_limited() {
        let rows = [
            (format!("1;{}", "x".repeat(LONGEST_EXTENSIONS + 1)), Flaw::LongChunk),
            (format!("1{}", " ".repeat(LONGEST_EXTENSIONS + 1)), Flaw::LongChunk),
            ("1;xxxxxxxx\r\na\r\n".repeat(LONGEST_EXTENSIONS / 8 + 1), Flaw::LongChunk),
            (format!("0\r\nx: {}", "x".repeat(LONGEST_TRAILERS - 2)), Flaw::LongChunk),
            (format!("0\r\n{}\r\n", "x: 1\r\n".repeat(MOST_TRAILERS + 1)), Flaw::Head(httparse::Error::TooManyHeaders)),
        ];
        for (text, flaw) in rows {
            assert_eq!(read(&[text.as_bytes()]), Err(flaw), "{}", &text[..20]);
        }
    }
}
