//! The token in `Authorization` (RFC 6750 §2.1): pure.

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::config::TokenHash;

/// The hash of the one token in `headers`, if there is exactly one `Authorization` with one.
pub(super) fn borne(headers: &HeaderMap) -> Option<TokenHash> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    hash_of(field.as_bytes())
}

/// The hash of the token in a value of `Authorization`; `None` if there is none.
pub(in crate::http) fn hash_of(value: &[u8]) -> Option<TokenHash> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) || !matches!(rest.first(), Some(b' ' | b'\t')) {
        return None;
    }
    let token = rest.trim_ascii();
    (!token.is_empty()).then(|| TokenHash(digest(&SHA256, token).as_ref().try_into().unwrap_or_default()))
}

const SCHEME: &[u8] = b"bearer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_all_that_stands_behind_bearer() {
        let hash = |text: &str| TokenHash(digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap());
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER abc=", Some("abc=")),
            ("Bearer abc def", Some("abc def")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearerabc", None),
            ("Basic abc", None),
            ("", None),
        ] {
            assert_eq!(hash_of(value.as_bytes()), expected.map(hash), "{value}");
        }
    }
}
