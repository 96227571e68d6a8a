//! The protocol of Redis (RESP 2): commands out, [`Reply`] in. Pure.

/// What Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A line, such as `OK`.
    Status(String),
    /// Why a command was refused; the first word says what kind of refusal it is.
    Error(String),
    /// A whole number.
    Number(i64),
    /// Bytes of any kind.
    Bytes(Vec<u8>),
    /// Nothing, such as the value of a key that is not there.
    Null,
    /// Several replies.
    List(Vec<Self>),
}

/// What came is no reply, or a larger one than any that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not Redis's protocol, or too much of it")]
pub struct NotRedis;

impl Reply {
    /// The text of a line or of bytes.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Status(text) => Some(text),
            Self::Bytes(bytes) => str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The items of a list; none for what is no list.
    pub(super) fn items(self) -> Vec<Self> {
        match self {
            Self::List(items) => items,
            _ => Vec::new(),
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            other => other.text()?.parse().ok(),
        }
    }

    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Status(text) => Some(text.into_bytes()),
            _ => None,
        }
    }
}

/// The bytes of a command and its arguments.
pub(super) fn command(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        bytes.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// The first reply in `bytes`, and how long it is; `None` if there is more of it to come.
///
/// # Errors
/// If it is none, or too long.
pub fn reply(bytes: &[u8]) -> Result<Option<(Reply, usize)>, NotRedis> {
    let mut rest = bytes;
    match parse(&mut rest, 0) {
        Ok(Some(reply)) => Ok(Some((reply, bytes.len() - rest.len()))),
        Ok(None) if bytes.len() > LONGEST => Err(NotRedis),
        other => other.map(|_| None),
    }
}

fn parse(rest: &mut &[u8], depth: usize) -> Result<Option<Reply>, NotRedis> {
    let Some(line) = line(rest)? else { return Ok(None) };
    let Some((kind, text)) = line.split_first() else { return Err(NotRedis) };
    let text = str::from_utf8(text).map_err(|_| NotRedis)?;
    let count = |most: usize| -> Result<Option<usize>, NotRedis> {
        let count: i64 = text.parse().map_err(|_| NotRedis)?;
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(Some(count)),
            Err(_) if count == -1 => Ok(None),
            _ => Err(NotRedis),
        }
    };
    Ok(Some(match kind {
        b'+' => Reply::Status(text.to_owned()),
        b'-' => Reply::Error(text.to_owned()),
        b':' => Reply::Number(text.parse().map_err(|_| NotRedis)?),
        b'$' => {
            let Some(length) = count(LONGEST)? else { return Ok(Some(Reply::Null)) };
            let Some((body, after)) = rest.split_at_checked(length + 2) else { return Ok(None) };
            *rest = after;
            Reply::Bytes(body.strip_suffix(b"\r\n").ok_or(NotRedis)?.to_vec())
        }
        b'*' if depth < DEEPEST => {
            let Some(length) = count(MOST_ITEMS)? else { return Ok(Some(Reply::Null)) };
            let mut items = Vec::new();
            for _ in 0..length {
                let Some(item) = parse(rest, depth + 1)? else { return Ok(None) };
                items.push(item);
            }
            Reply::List(items)
        }
        _ => return Err(NotRedis),
    }))
}

/// A line without its end; `None` if the end has not come.
fn line<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, NotRedis> {
    let looked = &rest[..rest.len().min(LONGEST_LINE)];
    let Some(end) = looked.windows(2).position(|two| two == b"\r\n") else {
        return if looked.len() < LONGEST_LINE { Ok(None) } else { Err(NotRedis) };
    };
    let line = &rest[..end];
    *rest = &rest[end + 2..];
    Ok(Some(line))
}

/// A page of open WebSockets has some 400 KB.
const LONGEST: usize = 4 << 20;
const LONGEST_LINE: usize = 4096;
/// As many as are asked for at once.
const MOST_ITEMS: usize = 10_000;
const DEEPEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_carry_any_bytes() {
        assert_eq!(command(&[b"SET", b"a\r\n", b""]), b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$0\r\n\r\n");
    }

    #[test]
    fn a_reply_is_read_when_all_of_it_is_there_and_no_byte_more() {
        for (bytes, expected) in [
            ("+OK\r\n", Reply::Status("OK".into())),
            ("-ERR no\r\n", Reply::Error("ERR no".into())),
            (":-7\r\n", Reply::Number(-7)),
            ("$4\r\na\r\nb\r\n", Reply::Bytes(b"a\r\nb".to_vec())),
            ("$0\r\n\r\n", Reply::Bytes(Vec::new())),
            ("$-1\r\n", Reply::Null),
            ("*-1\r\n", Reply::Null),
            ("*0\r\n", Reply::List(Vec::new())),
            (
                "*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
                Reply::List(vec![Reply::Number(1), Reply::List(vec![Reply::Bytes(b"a".to_vec())])]),
            ),
        ] {
            for end in 0..bytes.len() {
                assert_eq!(reply(&bytes.as_bytes()[..end]), Ok(None), "{bytes:?} cut at {end}");
            }
            let more = format!("{bytes}+next\r\n");
            assert_eq!(reply(more.as_bytes()), Ok(Some((expected, bytes.len()))), "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_read_in_bounds(bytes in proptest::collection::vec(proptest::sample::select(&b"+-:$*019\r\na"[..]), 0..64)) {
            if let Ok(Some((_, length))) = reply(&bytes) {
                proptest::prop_assert!(length <= bytes.len());
            }
        }
    }

    #[test]
    fn what_is_no_reply_or_too_much_is_refused() {
        let deep = "*1\r\n".repeat(DEEPEST + 1);
        for bytes in [
            "\r\n",
            "HTTP/1.1 400\r\n",
            ":x\r\n",
            "$-2\r\n",
            "$9999999999\r\n",
            "*20000\r\n",
            "$1\r\nabc",
            "%1\r\n",
            &deep,
            &"+".repeat(LONGEST_LINE),
        ] {
            assert_eq!(reply(bytes.as_bytes()), Err(NotRedis), "{:?}", &bytes[..bytes.len().min(20)]);
        }
    }
}
