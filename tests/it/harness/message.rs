//! [`Message`]: an HTTP/1.1 message as it was on the wire.

/// An HTTP/1.1 message, with the bytes it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Every byte of it.
    pub(crate) raw: Vec<u8>,
    /// Its body, chunks joined.
    pub(crate) body: Vec<u8>,
    /// The lines behind the last chunk.
    pub(crate) trailers: String,
    /// The body came to its end.
    pub(crate) complete: bool,
    head: usize,
}

/// The same message with the names of its fields in lower case, as frontgate writes them: they have none (RFC 9110
/// §5.1).
pub(crate) fn in_lower_case(message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").expect("the end of a head");
    let lines = head.split("\r\n").enumerate().map(|(number, line)| match line.split_once(':') {
        Some((name, value)) if number > 0 => format!("{}:{value}", name.to_ascii_lowercase()),
        _ => line.to_owned(),
    });
    format!("{}\r\n\r\n{body}", lines.collect::<Vec<_>>().join("\r\n"))
}

/// Which way a message goes: that decides where it ends (RFC 9112 §6.3).
pub(super) enum Part {
    Request,
    Response { to_head: bool },
}

impl Message {
    /// The message at the start of `bytes` and its length; `None` while there is not all of it. At the `end` of a
    /// connection, whatever is there counts.
    pub(super) fn read(bytes: &[u8], part: &Part, end: bool) -> Option<(Self, usize)> {
        let head = match bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(at) => at + 4,
            None if end && !bytes.is_empty() => bytes.len(),
            None => return None,
        };
        let mut message =
            Self { raw: bytes[..head].to_vec(), body: Vec::new(), trailers: String::new(), complete: true, head };
        let rest = &bytes[head..];
        let used = match message.framing(part) {
            Framing::None => 0,
            Framing::Length(length) if rest.len() >= length => length,
            Framing::Chunked => match message.read_chunks(rest) {
                Some(used) => {
                    message.raw.extend_from_slice(&rest[..used]);
                    return Some((message, head + used));
                }
                None if end => {
                    message.complete = false;
                    rest.len()
                }
                None => return None,
            },
            Framing::ToTheEnd if end => rest.len(),
            Framing::Length(_) if end => {
                message.complete = false;
                rest.len()
            }
            Framing::Length(_) | Framing::ToTheEnd => return None,
        };
        message.raw.extend_from_slice(&rest[..used]);
        if message.body.is_empty() {
            message.body = rest[..used].to_vec();
        }
        Some((message, head + used))
    }

    /// Its head, with the empty line.
    pub(crate) fn head(&self) -> String {
        String::from_utf8_lossy(&self.raw[..self.head]).into_owned()
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// Its body as text.
    pub(crate) fn body_text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first line, byte for byte.
    pub(crate) fn first_line(&self) -> &[u8] {
        let end = self.raw.windows(2).position(|window| window == b"\r\n").unwrap_or(self.raw.len());
        &self.raw[..end]
    }

    /// A request's target, byte for byte.
    pub(crate) fn target(&self) -> &[u8] {
        self.first_line().split(|byte| *byte == b' ').nth(1).unwrap_or_default()
    }

    /// An answer's status.
    pub(crate) fn status(&self) -> u16 {
        let line = String::from_utf8_lossy(self.first_line()).into_owned();
        line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {line:?}"))
    }

    /// The field's value, if it is there once.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut found = self.fields().filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let value = found.next();
        assert!(found.next().is_none(), "{name} is there twice: {}", self.head());
        value
    }

    /// The fields in their order.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (String, String)> {
        let lines: Vec<String> = self.head().split("\r\n").skip(1).map(str::to_owned).collect();
        lines
            .into_iter()
            .filter_map(|line| line.split_once(':').map(|(name, value)| (name.into(), value.trim().into())))
    }

    fn framing(&self, part: &Part) -> Framing {
        if let Part::Response { to_head } = part {
            let status = self.status();
            if *to_head || status < 200 || status == 204 || status == 304 {
                return Framing::None;
            }
        }
        let fields: Vec<_> = self.fields().collect();
        let value =
            |wanted: &str| fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value);
        match (value("transfer-encoding"), value("content-length"), part) {
            (Some(_), _, _) => Framing::Chunked,
            (None, Some(length), _) => Framing::Length(length.parse().expect("a number")),
            (None, None, Part::Request) => Framing::None,
            (None, None, Part::Response { .. }) => Framing::ToTheEnd,
        }
    }

    /// Joins the chunks; the bytes they took, once there are all of them.
    fn read_chunks(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        self.body.clear();
        loop {
            let line = line_at(bytes, at)?;
            let size = std::str::from_utf8(line).ok()?.split(';').next()?.trim();
            let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
            at += line.len() + 2;
            if size == 0 {
                break;
            }
            self.body.extend_from_slice(bytes.get(at..(at + size).min(bytes.len()))?);
            bytes.get(at..at + size + 2)?;
            at += size + 2;
        }
        let trailers = at;
        loop {
            let line = line_at(bytes, at)?;
            at += line.len() + 2;
            if line.is_empty() {
                self.trailers = String::from_utf8_lossy(&bytes[trailers..at - 2]).into_owned();
                return Some(at);
            }
        }
    }
}

enum Framing {
    None,
    Length(usize),
    Chunked,
    ToTheEnd,
}

fn line_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    rest.windows(2).position(|window| window == b"\r\n").map(|end| &rest[..end])
}
