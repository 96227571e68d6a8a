use std::fmt::Write as _;

use super::*;

/// What is read from `bytes` in these pieces: the data, the trailers, what follows, and whether the body is over.
type Read = Result<(String, String, String, bool), ParseError>;

fn read(pieces: &[&[u8]]) -> Read {
    read_as(ChunkDecoder::default(), pieces)
}

fn read_as(mut chunks: ChunkDecoder, pieces: &[&[u8]]) -> Read {
    let (mut data, mut trailers, mut rest) = (Vec::new(), String::new(), Vec::new());
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        // Each frame takes a byte, and trailers may follow the last of them.
        let mut frames = piece.len() + 1;
        while let Some(frame) = chunks.next(&mut input)? {
            assert!(frames > 0, "no end at {input:?}");
            frames -= 1;
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
        ("\r\n", Err(ParseError::Chunk)),
        ("xyz\r\n", Err(ParseError::Chunk)),
        ("-1\r\na\r\n", Err(ParseError::Chunk)),
        (" 1\r\na\r\n", Err(ParseError::Chunk)),
        ("0x1\r\na\r\n", Err(ParseError::Chunk)),
        ("1 1\r\na\r\n", Err(ParseError::Chunk)),
        ("10000000000000000\r\n", Err(ParseError::Chunk)),
        ("2\nok\r\n", Err(ParseError::Chunk)),
        ("2;a\nb\r\nok\r\n", Err(ParseError::Chunk)),
        ("2\r\nokk\r\n", Err(ParseError::Chunk)),
        ("2\r\nok\n0\r\n\r\n", Err(ParseError::Chunk)),
        ("0\r\n\n", Err(ParseError::Chunk)),
        ("0\r\nx: 1\n\r\n", Err(ParseError::Chunk)),
        ("0\r\n: 1\r\n\r\n", Err(ParseError::Head(httparse::Error::HeaderName))),
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
fn chunks_of_a_request_have_one_reading() {
    let whole = |data: &str| Ok((data.into(), String::new(), String::new(), true));
    let rows: [(&str, bool); 41] = [
        ("2", true),
        ("02", true),
        ("0000000000000002", true),
        ("00000000000000002", false),
        ("2;a", true),
        ("2;a;b", true),
        ("2; a", true),
        ("2;a=b", true),
        ("2;a = b", true),
        ("2;a=b;c=d", true),
        ("2;a=b ;c", true),
        ("2;a=\"\"", true),
        ("2;a=\"b;\\\" \"", true),
        ("2;a=\"b\";c", true),
        ("2;a=\"b\" ;c", true),
        ("2;!#$%&'*+-.^_`|~9=!", true),
        ("2;a=\"\u{fc}\"", true),
        ("2 ", false),
        ("2\t", false),
        ("2 ;a", false),
        (" 2", false),
        ("2;", false),
        ("2; ", false),
        ("2;;", false),
        ("2;a;", false),
        ("2;a=", false),
        ("2;=b", false),
        ("2;a ", false),
        ("2;a=b ", false),
        ("2;a b", false),
        ("2;a=b c", false),
        ("2;a=\"b", false),
        ("2;a=\"b\"c", false),
        ("2;a=\"b\\\"", false),
        ("2;a@", false),
        ("2;\u{fc}", false),
        ("2;a\0", false),
        ("2;a=\"\0\"", false),
        ("2;a=\"\x7f\"", false),
        ("2;a\r", false),
        ("2;a=\"\n\"", false),
    ];
    for (size, fine) in rows {
        let bytes = format!("{size}\r\nok\r\n0\r\n\r\n");
        let bytes = bytes.as_bytes();
        let expected = if fine { whole("ok") } else { Err(ParseError::Chunk) };
        for cut in 0..=bytes.len() {
            let pieces = [&bytes[..cut], &bytes[cut..]];
            assert_eq!(read_as(ChunkDecoder::strict(), &pieces), expected, "{size:?} cut at {cut}");
        }
    }
    for (trailers, parse_error) in [
        ("x: 1\n\r\n", ParseError::Chunk),
        ("x: 1\r\n\n", ParseError::Chunk),
        ("x: 1\n\n", ParseError::Chunk),
        ("x: 1\r\r\n\r\n", ParseError::Chunk),
        ("x: \r1\r\n\r\n", ParseError::Chunk),
        ("\n", ParseError::Chunk),
        ("x : 1\r\n\r\n", ParseError::Head(httparse::Error::HeaderName)),
        ("x: 1\r\n y\r\n\r\n", ParseError::Head(httparse::Error::HeaderName)),
        (" x: 1\r\n\r\n", ParseError::Head(httparse::Error::HeaderName)),
        ("x\r\n\r\n", ParseError::Head(httparse::Error::HeaderName)),
        ("x: \0\r\n\r\n", ParseError::Head(httparse::Error::HeaderValue)),
    ] {
        let bytes = format!("0\r\n{trailers}");
        assert_eq!(read_as(ChunkDecoder::strict(), &[bytes.as_bytes()]), Err(parse_error), "{trailers:?}");
    }
}

#[test]
fn the_last_piece_says_that_it_is_the_last() {
    let mut chunks = ChunkDecoder::default();
    let mut input = Bytes::from_static(b"2\r\nok\r\n0\r\n\r\n");
    assert!(chunks.next(&mut input).unwrap().is_some() && chunks.is_over());
}

#[test]
fn small_chunks_that_come_together_go_on_together_and_large_ones_as_they_are() {
    let mut input = Bytes::from("1\r\na\r\n".repeat(1000) + "0\r\n\r\n");
    let mut chunks = ChunkDecoder::default();
    let data = chunks.next(&mut input).unwrap().unwrap().into_data().unwrap();
    assert_eq!((data.len(), chunks.is_over()), (1000, true));

    let mut input = Bytes::from(format!("{ENOUGH:x}\r\n{}\r\n1\r\n!", "x".repeat(ENOUGH)));
    let view = input.as_ptr() as usize..input.as_ptr() as usize + input.len();
    let data = ChunkDecoder::default().next(&mut input).unwrap().unwrap().into_data().unwrap();
    assert!(data.len() == ENOUGH && view.contains(&(data.as_ptr() as usize)), "it is no copy");
}

#[test]
fn what_stands_around_chunks_may_be_as_long_as_the_limit() {
    let half = LONGEST_EXTENSIONS / 2;
    // All of a line is kept, its end included.
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
        (format!("1;{}", "x".repeat(LONGEST_EXTENSIONS + 1)), ParseError::LongChunk),
        (format!("1{}", " ".repeat(LONGEST_EXTENSIONS + 1)), ParseError::LongChunk),
        ("1;xxxxxxxx\r\na\r\n".repeat(LONGEST_EXTENSIONS / 8 + 1), ParseError::LongChunk),
        (format!("0\r\nx: {}", "x".repeat(LONGEST_TRAILERS - 2)), ParseError::LongChunk),
        (
            format!("0\r\n{}\r\n", "x: 1\r\n".repeat(MOST_TRAILERS + 1)),
            ParseError::Head(httparse::Error::TooManyHeaders),
        ),
    ];
    for (text, parse_error) in rows {
        assert_eq!(read(&[text.as_bytes()]), Err(parse_error), "{}", &text[..20]);
    }
}
