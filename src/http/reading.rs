//! How a path is understood where routes are compared: a copy, decoded and without dot segments. What is forwarded is the path
//! as it came, and the gateway may understand it in another way; [`others`] are the ways that are known.

use std::borrow::Cow;

/// A path as routes compare it: percent-decoded once, `\` taken for `/`, `//` merged, dot segments removed.
pub fn proper(path: &str) -> Cow<'_, [u8]> {
    if is_plain(path) { Cow::Borrowed(path.as_bytes()) } else { Cow::Owned(read(path, PROPER)) }
}

/// Every other way in which programs are known to understand a path that is not plain.
pub fn others(path: &str) -> impl Iterator<Item = Vec<u8>> + '_ {
    let ways = if is_plain(path) { &[][..] } else { OTHERS };
    ways.iter().map(|way| read(path, *way))
}

/// A way to understand a path.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// `%2F` is a slash and `%70` a `p`; otherwise only `%2e` is a dot, as browsers and their URL parsers have it.
    decodes: bool,
    /// `//` is `/`.
    merges: bool,
    quirk: Quirk,
}

/// What only some programs do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quirk {
    None,
    /// `;` and what follows in a segment is no part of it (RFC 2396 §3.3).
    Cuts,
    /// What follows two slashes at the beginning is a host, as in a relative reference (RFC 3986 §4.2).
    Host,
}

const PROPER: Way = Way { decodes: true, merges: true, quirk: Quirk::None };
const LITERAL: Way = Way { decodes: false, merges: false, quirk: Quirk::None };
const OTHERS: &[Way] = &[
    LITERAL,
    Way { merges: true, ..LITERAL },
    Way { decodes: true, ..LITERAL },
    Way { quirk: Quirk::Cuts, ..PROPER },
    Way { quirk: Quirk::Cuts, ..LITERAL },
    Way { quirk: Quirk::Host, ..PROPER },
    Way { quirk: Quirk::Host, ..LITERAL },
];

/// Nothing in it could be understood in two ways.
fn is_plain(path: &str) -> bool {
    let mut last = b' ';
    path.starts_with('/')
        && path.bytes().all(|byte| {
            let odd = matches!(byte, b'%' | b'\\' | b';') || (last == b'/' && matches!(byte, b'/' | b'.'));
            last = byte;
            !odd
        })
}

fn read(path: &str, way: Way) -> Vec<u8> {
    let path = decoded(path.as_bytes(), way.decodes);
    // `*` is about the whole server.
    let mut rest = path.strip_prefix(b"/").unwrap_or_default();
    if way.quirk == Quirk::Host
        && let Some(after) = rest.strip_prefix(b"/")
    {
        rest = after.splitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let segment = match way.quirk {
            Quirk::Cuts => segment.split(|byte| *byte == b';').next().unwrap_or_default(),
            Quirk::None | Quirk::Host => segment,
        };
        let is_last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                // RFC 3986 §5.2.4: a dot segment at the end leaves its slash.
                if is_last {
                    kept.push(b"");
                }
            }
            b"" if way.merges && !is_last => {}
            segment => kept.push(segment),
        }
    }
    let mut read = Vec::with_capacity(path.len());
    for segment in kept {
        read.push(b'/');
        read.extend_from_slice(segment);
    }
    if read.is_empty() {
        read.push(b'/');
    }
    read
}

fn decoded(path: &[u8], all: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while at < path.len() {
        let (byte, length) = match (path[at], path.get(at + 1..at + 3)) {
            (b'%', Some(digits)) => match hex(digits) {
                Some(byte) if all || byte == b'.' => (byte, 3),
                _ => (b'%', 1),
            },
            (byte, _) => (byte, 1),
        };
        out.push(if byte == b'\\' { b'/' } else { byte });
        at += length;
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value * 16 + u8::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn the_proper_reading_is_decoded_once_and_has_no_dot_segments() {
        for (path, expected) in [
            ("/", "/"),
            ("/claw/x", "/claw/x"),
            ("/a.b/c..d", "/a.b/c..d"),
            ("/%70rivate", "/private"),
            ("/%2570rivate", "/%70rivate"),
            ("/x/../private", "/private"),
            ("/x/%2e%2E/private", "/private"),
            ("/x/.%2e/private", "/private"),
            ("/./private", "/private"),
            ("/../../private", "/private"),
            ("//private", "/private"),
            ("/x//..//private", "/private"),
            ("/x%2f..%2Fprivate", "/private"),
            ("/x\\..\\private", "/private"),
            ("/%5cprivate", "/private"),
            ("/private/", "/private/"),
            ("/private//", "/private/"),
            ("/private/.", "/private/"),
            ("/private/x/..", "/private/"),
            ("/x/..", "/"),
            ("/...", "/..."),
            ("/%", "/%"),
            ("/%zz", "/%zz"),
            ("/%c3%a9", "/é"),
            ("*", "/"),
        ] {
            assert_eq!(text(&proper(path)), expected, "{path}");
        }
    }

    #[test]
    fn the_other_readings_have_what_a_gateway_may_understand() {
        for (path, expected) in [
            ("//evil/private", "/private"),
            ("/\\evil/private", "/private"),
            ("/private;x", "/private"),
            ("/x/..;/private", "/private"),
            ("/private/..%2fpublic", "/private/..%2fpublic"),
            ("/private//../public", "/private/public"),
        ] {
            let all: Vec<String> = others(path).map(|reading| text(&reading)).collect();
            assert!(all.iter().any(|reading| reading == expected), "{path}: {all:?}");
        }
        assert_eq!(others("/plain/path.html").count(), 0);
        assert!(matches!(proper("/plain/path.html"), Cow::Borrowed(_)), "nothing is copied");
    }
}
