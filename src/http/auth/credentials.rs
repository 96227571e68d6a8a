//! [`Credentials`]: the name and password in `Authorization` (RFC 7617): pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// A name and a password, as a client gave them. They cannot be printed.
#[derive(PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The name of the user that the client claims to be.
    pub(crate) user: String,
    /// The password, as the bytes that came.
    pub(crate) password: Vec<u8>,
}

impl Credentials {
    /// The one pair in `headers`, if there is exactly one and it is well written.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let (field, None) = (fields.next()?, fields.next()) else { return None };
        let (scheme, encoded) = field.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > LONGEST {
            return None;
        }
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let user = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        Some(Self { user, password: decoded[colon + 1..].to_vec() })
    }
}

/// In base64. A user does not remember a longer password, and every byte of it is hashed.
const LONGEST: usize = 1024;

/// Whether a value of `Authorization` holds a name and a password, well written or not.
pub(in crate::http) fn is_basic(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii_start).any(|part| {
        let scheme = part.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
        scheme.eq_ignore_ascii_case(b"basic")
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(fields: &[&str]) -> Option<(String, String)> {
        let values = fields.iter().map(|field| (AUTHORIZATION, HeaderValue::from_str(field).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(name, value);
        }
        let Credentials { user, password } = Credentials::of(&headers)?;
        Some((user, String::from_utf8_lossy(&password).into_owned()))
    }

    type Pair = Option<(&'static str, &'static str)>;

    #[test]
    fn one_well_written_pair_is_read_and_nothing_else() {
        let pair = |user, password| Some((user, password));
        let long = format!("Basic {}", STANDARD.encode(format!("ann:{}", "x".repeat(1000))));
        let rows: [(&[&str], Pair); 13] = [
            (&[], None),
            (&["Basic YW5uOmh1c2g="], pair("ann", "hush")),
            (&["basic  YW5uOmh1c2g= "], pair("ann", "hush")),
            (&["BASIC YW5uOmE6Yg=="], pair("ann", "a:b")),
            (&["Basic YW5uOg=="], pair("ann", "")),
            (&["Basic OmFubg=="], pair("", "ann")),
            (&["Basic YW5u"], None),
            (&["Basic YW5uOmh1c2g=", "Basic YW5uOmh1c2g="], None),
            (&["Bearer YW5uOmh1c2g="], None),
            (&["Basic"], None),
            (&["Basic %%%"], None),
            (&["Basic /zo="], None),
            (&[&long], None),
        ];
        for (fields, expected) in rows {
            let found = read(fields);
            let found = found.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!(found, expected, "{fields:?}");
        }
    }
}
