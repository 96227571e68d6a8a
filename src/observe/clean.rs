//! Text from a peer, made fit for one line of a log.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The most that one field of a log line takes from a peer, in bytes of the original text.
pub(crate) const LONGEST: usize = 2048;

/// `text` as printable characters: control characters, invisible and direction-changing ones, and bytes that are not
/// UTF-8 are written as escapes, so that a peer can neither forge a line nor drive a terminal. At most `longest` bytes
/// are kept, [`LONGEST`] in any case; a cut is marked by `…`. Borrows when there is nothing to do.
pub(crate) fn clean(text: &[u8], longest: usize) -> Cow<'_, str> {
    escaped(text, longest, |c| !is_harmless(c))
}

/// Like [`clean`], for a value that is logged without quotes: a space or a quote is escaped too, so that no value can
/// look like two fields.
pub(crate) fn word(text: &[u8], longest: usize) -> Cow<'_, str> {
    escaped(text, longest, |c| !is_harmless(c) || c == ' ' || c == '"')
}

fn escaped(text: &[u8], longest: usize, must_escape: impl Fn(char) -> bool) -> Cow<'_, str> {
    let longest = longest.min(LONGEST);
    if text.len() <= longest
        && let Ok(text) = str::from_utf8(text)
        && !text.chars().any(&must_escape)
    {
        return Cow::Borrowed(text);
    }
    let kept = &text[..cut(text, longest)];
    let mut out = String::with_capacity(kept.len() + 16);
    for chunk in kept.utf8_chunks() {
        for c in chunk.valid().chars() {
            if must_escape(c) { escape(c, &mut out) } else { out.push(c) }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    if kept.len() < text.len() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// The index at which to cut: not inside a character, when the text is UTF-8.
fn cut(text: &[u8], longest: usize) -> usize {
    if text.len() <= longest {
        return text.len();
    }
    let continues = |at: usize| text[at] & 0xc0 == 0x80;
    (longest.saturating_sub(3)..=longest).rev().find(|&at| !continues(at)).unwrap_or(longest)
}

/// Whether a character neither drives a terminal nor hides in a line.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn escape(c: char, out: &mut String) {
    let _ = match c {
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        c if c.is_ascii() => write!(out, "\\x{:02x}", u32::from(c)),
        c => write!(out, "\\u{{{:x}}}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_or_drive_a_terminal_is_escaped() {
        let cases: [(&[u8], &str); 10] = [
            (b"", ""),
            (b"plain text; q=\"1\"", "plain text; q=\"1\""),
            ("Grüße 世界 🦞".as_bytes(), "Grüße 世界 🦞"),
            (b"one\ntwo\r\n\tthree", "one\\ntwo\\r\\n\\tthree"),
            (b"\x1b[31mred\x00\x7f", "\\x1b[31mred\\x00\\x7f"),
            ("c1 \u{9b}31m".as_bytes(), "c1 \\u{9b}31m"),
            ("abc\u{202e}cba\u{2066}".as_bytes(), "abc\\u{202e}cba\\u{2066}"),
            ("zero\u{200b}width\u{2028}line".as_bytes(), "zero\\u{200b}width\\u{2028}line"),
            (b"latin \xe9t\xe9", "latin \\xe9t\\xe9"),
            (b"\xff\xfe", "\\xff\\xfe"),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text, LONGEST), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_to_do_borrows() {
        assert!(matches!(clean(b"Mozilla/5.0 (X11)", 200), Cow::Borrowed(_)));
    }

    #[test]
    fn a_word_has_no_space_and_no_quote() {
        assert_eq!(word(b"a status=200 \"b\"", LONGEST), "a\\x20status=200\\x20\\x22b\\x22");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(clean(b"abcdef", 3), "abc…");
        assert_eq!(clean("aé".as_bytes(), 2), "a…");
        assert_eq!(clean("🦞🦞".as_bytes(), 7), "🦞…");
        assert_eq!(clean(b"\x80\x80\x80\x80\x80\x80", 4), "\\x80\\x80\\x80\\x80…");
        let long = vec![b'x'; 1 << 20];
        assert_eq!(clean(&long, usize::MAX).len(), LONGEST + "…".len());
    }
}
