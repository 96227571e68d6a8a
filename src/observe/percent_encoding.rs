//! Percent-encoding (RFC 3986 §2.1), as lenient programs read it: what is no escape stays as it is.

use std::fmt::Write as _;

/// The byte that `%xx` at the start of `text` stands for.
pub(crate) fn escape(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, ..] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    }
}

/// `text`, decoded once.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    decoded_where(text, |_| true)
}

/// `text`, decoded once where `which` says so of the byte that an escape stands for.
pub(crate) fn decoded_where(text: &[u8], which: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let decoded = escape(rest).filter(|byte| which(*byte));
        out.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { &rest[3..] } else { after };
    }
    out
}

/// `text` as a part of a path or query (RFC 3986 §2.1): everything but the unreserved characters is encoded.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_mean_something_is_encoded() {
        assert_eq!(encoded("a-Z_0.~"), "a-Z_0.~");
        assert_eq!(encoded("50% & /?#+ €"), "50%25%20%26%20%2F%3F%23%2B%20%E2%82%AC");
    }

    #[test]
    fn an_escape_is_a_byte_and_anything_else_stays() {
        for (text, expected) in [("%41%7a%7A", "Azz"), ("%4", "%4"), ("%zz%", "%zz%"), ("%2541", "%41"), ("a+b", "a+b")]
        {
            assert_eq!(decoded(text.as_bytes()), expected.as_bytes(), "{text}");
        }
        assert_eq!(decoded_where(b"%2e%2f", |byte| byte == b'.'), b".%2f");
        assert_eq!((escape(b"%ffx"), escape(b"f%f"), escape(b"%f")), (Some(0xff), None, None));
    }
}
