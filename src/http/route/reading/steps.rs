//! The steps by which programs come from a target to the path that they look up: each makes one path of another.

use crate::config::folded as in_any_case;
use crate::observe::percent_encoding::{decoded, decoded_where, escape};

/// Which of the signs below a path has: each makes some steps change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathSigns(u16);

const ESCAPE: u16 = 1;
const ENCODED_SLASH: u16 = 1 << 1;
const ENCODED_DOT: u16 = 1 << 2;
const BACKSLASH: u16 = 1 << 3;
/// It begins with two slashes or backslashes.
const LEADING: u16 = 1 << 4;
const DOUBLE_SLASH: u16 = 1 << 5;
const DOTS: u16 = 1 << 6;
const SEMICOLON: u16 = 1 << 7;
/// A character that ends a path once it is decoded.
const END: u16 = 1 << 8;
const CONTROL: u16 = 1 << 9;
/// Letters that are not ASCII.
const FOREIGN: u16 = 1 << 10;

impl PathSigns {
    pub(super) fn of(path: &[u8]) -> Self {
        let mut signs = if leading(path) > 1 { LEADING } else { 0 };
        let mut last = b' ';
        for (at, byte) in path.iter().copied().enumerate() {
            signs |= match byte {
                b'%' => match escape(&path[at..]) {
                    Some(b'/' | b'\\') => ESCAPE | ENCODED_SLASH,
                    Some(b'.') => ESCAPE | ENCODED_DOT,
                    Some(_) => ESCAPE,
                    None => 0,
                },
                b'\\' => BACKSLASH,
                b'/' if last == b'/' => DOUBLE_SLASH,
                b'.' if last == b'/' => DOTS,
                b';' => SEMICOLON,
                b'?' | b'#' | 0 => END,
                ..=b' ' => CONTROL,
                0x80.. => FOREIGN,
                _ => 0,
            };
            last = byte;
        }
        Self(signs)
    }
}

/// A step, and the paths that it is for.
pub(super) struct ReadingStep {
    sign: u16,
    /// Whether it takes off a layer of percent-encoding.
    pub(super) decodes: bool,
    /// Makes the changed path.
    pub(super) take: fn(&[u8]) -> Vec<u8>,
}

impl ReadingStep {
    pub(super) fn is_for(&self, signs: PathSigns) -> bool {
        self.sign & signs.0 != 0
    }
}

/// The steps that a program may take, in any order.
pub(super) const ALL: &[ReadingStep] = &[
    ReadingStep { sign: ESCAPE, decodes: true, take: decoded },
    // An encoded slash does not end a segment (RFC 3986 §2.2).
    ReadingStep { sign: ENCODED_SLASH, decodes: true, take: decoded_but_slashes },
    ReadingStep { sign: BACKSLASH, decodes: false, take: slashes },
    ReadingStep { sign: LEADING, decodes: false, take: without_host },
    ReadingStep { sign: LEADING, decodes: false, take: without_authority },
    ReadingStep { sign: LEADING, decodes: false, take: without_start_of_host },
    ReadingStep { sign: LEADING, decodes: false, take: with_one_slash },
    ReadingStep { sign: DOUBLE_SLASH, decodes: false, take: merged },
    ReadingStep { sign: DOTS, decodes: false, take: resolved },
    ReadingStep { sign: ENCODED_DOT, decodes: false, take: resolved_where_encoded },
    ReadingStep { sign: SEMICOLON, decodes: false, take: without_parameters },
    ReadingStep { sign: SEMICOLON, decodes: false, take: without_last_parameters },
    ReadingStep { sign: SEMICOLON, decodes: false, take: up_to_semicolon },
    ReadingStep { sign: END, decodes: false, take: up_to_end },
    ReadingStep { sign: CONTROL, decodes: false, take: without_controls },
    ReadingStep { sign: FOREIGN, decodes: false, take: in_any_case },
];

fn decoded_but_slashes(path: &[u8]) -> Vec<u8> {
    decoded_where(path, |byte| !matches!(byte, b'/' | b'\\'))
}

/// Decodes only bytes that no client can write by itself, and the tilde, which some still encode (RFC 3986 §2.3).
pub(super) fn decoded_where_needed(path: &[u8]) -> Vec<u8> {
    decoded_where(path, |byte| byte <= b' ' || byte >= 0x7e || b"\"<>^`{|}".contains(&byte))
}

/// A backslash is a slash, as WHATWG's URLs have it.
pub(super) fn slashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

/// What follows two slashes or more is a host (WHATWG's URL, "special authority ignore slashes state").
fn without_host(path: &[u8]) -> Vec<u8> {
    let rest = &path[leading(path)..];
    let path = rest.iter().position(|byte| is_slash(*byte)).map_or(&[][..], |end| &rest[end + 1..]);
    [b"/", path].concat()
}

/// What follows two slashes is a host, if only an empty one (RFC 3986 §4.2).
fn without_authority(path: &[u8]) -> Vec<u8> {
    let rest = &path[2..];
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    rooted(&rest[end..])
}

/// What follows two slashes is a host as far as it can be one, and then a path (Node's `url.parse`).
fn without_start_of_host(path: &[u8]) -> Vec<u8> {
    let rest = &path[leading(path)..];
    let authority = up_to(rest, is_slash);
    let host = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
    let end = rest[host..].iter().position(|byte| b"/\\%;'\"<>^`{|}\t\n\r ".contains(byte));
    rooted(end.map_or(&[][..], |end| &rest[host + end..]))
}

fn with_one_slash(path: &[u8]) -> Vec<u8> {
    rooted(&path[leading(path)..])
}

/// `//` is `/`.
pub(super) fn merged(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for byte in path {
        if *byte != b'/' || out.last() != Some(&b'/') {
            out.push(*byte);
        }
    }
    out
}

/// The path without dot segments (RFC 3986 §5.2.4).
pub(super) fn resolved(path: &[u8]) -> Vec<u8> {
    resolve(path, dots)
}

/// The path without dot segments where `%2e` is a dot, though nothing else is decoded, as WHATWG's URLs have it.
fn resolved_where_encoded(path: &[u8]) -> Vec<u8> {
    resolve(path, |segment| dots(&decoded_where(segment, |byte| byte == b'.')))
}

/// `;` and what follows in a segment is no part of it (RFC 2396 §3.3).
fn without_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|byte| *byte == b'/');
    segments.map(|segment| up_to(segment, |byte| byte == b';')).collect::<Vec<_>>().join(&b'/')
}

/// `;` and what follows in the last segment only is no part of it (RFC 1808 §2.1).
fn without_last_parameters(path: &[u8]) -> Vec<u8> {
    let last = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    [&path[..last], up_to(&path[last..], |byte| byte == b';')].concat()
}

fn up_to_semicolon(path: &[u8]) -> Vec<u8> {
    up_to(path, |byte| byte == b';').to_vec()
}

/// The path up to a query or fragment that was encoded, or to the end of a string in C.
fn up_to_end(path: &[u8]) -> Vec<u8> {
    up_to(path, |byte| matches!(byte, b'?' | b'#' | 0)).to_vec()
}

/// The path without tabs and line ends, and without spaces or control characters at the end, as WHATWG's URLs have it.
fn without_controls(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = path.iter().copied().filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r')).collect();
    out.truncate(out.iter().rposition(|byte| *byte > b' ').map_or(0, |last| last + 1));
    out
}

/// The segments that are kept; `dots` says which are dot segments.
fn resolve(path: &[u8], dots: fn(&[u8]) -> Option<DotSegment>) -> Vec<u8> {
    // `*` is about the whole server.
    let rest = path.strip_prefix(b"/").unwrap_or_default();
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let Some(found) = dots(segment) else {
            kept.push(segment);
            continue;
        };
        if found == DotSegment::Up {
            kept.pop();
        }
        // A dot segment at the end leaves its slash.
        if segments.peek().is_none() {
            kept.push(b"");
        }
    }
    [b"/", kept.join(&b'/').as_slice()].concat()
}

/// A dot segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DotSegment {
    Here,
    Up,
}

fn dots(segment: &[u8]) -> Option<DotSegment> {
    match segment {
        b"." => Some(DotSegment::Here),
        b".." => Some(DotSegment::Up),
        _ => None,
    }
}

/// How many slashes and backslashes the path begins with.
fn leading(path: &[u8]) -> usize {
    path.iter().take_while(|byte| is_slash(**byte)).count()
}

fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

fn up_to(path: &[u8], end: impl Fn(u8) -> bool) -> &[u8] {
    &path[..path.iter().position(|byte| end(*byte)).unwrap_or(path.len())]
}

/// The path with a slash in front, if there is none.
fn rooted(path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") { path.to_vec() } else { [b"/", path].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_makes_its_own_path_of_another() {
        /// Its name, the step, and paths with what it makes of each.
        type Row<'a> = (&'a str, fn(&[u8]) -> Vec<u8>, &'a [(&'a str, &'a str)]);
        let rows: &[Row<'_>] = &[
            ("decoded", decoded, &[("/%70%2F%5c%zz%", "/p/\\%zz%"), ("/%2570", "/%70")]),
            ("decoded_but_slashes", decoded_but_slashes, &[("/%70%2F%5c%2e", "/p%2F%5c.")]),
            ("decoded_where_needed", decoded_where_needed, &[("/%20%7E%7b%22%3e%70%2f", "/ ~{\">%70%2f")]),
            ("slashes", slashes, &[("\\a\\b/", "/a/b/")]),
            ("without_host", without_host, &[("//h/x", "/x"), ("///h\\x", "/x"), ("//h", "/")]),
            ("without_authority", without_authority, &[("//h/x", "/x"), ("///x", "/x"), ("//h", "/")]),
            (
                "without_start_of_host",
                without_start_of_host,
                &[("//h/x", "/x"), ("//h%70", "/%70"), ("//u@%70", "/%70"), ("//h;x", "/;x"), ("//h", "/")],
            ),
            ("with_one_slash", with_one_slash, &[("//x//y", "/x//y"), ("\\/x", "/x")]),
            ("merged", merged, &[("//x///y/", "/x/y/")]),
            ("resolved", resolved, &[("/x/../y/.", "/y/"), ("/../y", "/y"), ("/x/%2e%2e/y", "/x/%2e%2e/y")]),
            ("resolved_where_encoded", resolved_where_encoded, &[("/x/%2e./%70/%2E", "/%70/"), ("/x/../y", "/y")]),
            ("without_parameters", without_parameters, &[("/x;a/y;b/z", "/x/y/z")]),
            ("without_last_parameters", without_last_parameters, &[("/x;a/y;b", "/x;a/y"), ("/x;a/y", "/x;a/y")]),
            ("up_to_semicolon", up_to_semicolon, &[("/x;a/y;b", "/x")]),
            ("up_to_end", up_to_end, &[("/x?y", "/x"), ("/x#y", "/x"), ("/x\0y", "/x")]),
            ("without_controls", without_controls, &[("/x\ty\r\n z \x01", "/xy z")]),
            ("in_any_case", in_any_case, &[("/X\u{212a}\u{df}", "/xkss")]),
        ];
        for (name, step, paths) in rows {
            for (path, expected) in *paths {
                let taken = step(path.as_bytes());
                assert_eq!(String::from_utf8_lossy(&taken), *expected, "{name} of {path:?}");
            }
        }
    }
}
