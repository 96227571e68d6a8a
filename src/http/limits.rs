//! What refuses a body before it is sent, if it says itself that it is too large or cannot be passed on as it is.

use http::Version;
use http::header::{HeaderMap, TRANSFER_ENCODING};

use super::error::{Failure, Flaw};
use super::exchange::Exchange;

/// Refuses a body that announces more than it may have. One that does not is cut off where it is too much, by
/// [`crate::upstream::RequestBody`].
///
/// # Errors
/// It is refused.
pub fn check(exchange: &Exchange) -> Result<(), Failure> {
    if exchange.head.version < Version::HTTP_2 && is_coded_further(&exchange.head.headers) {
        return Err(Failure::BadRequest(Flaw::BadFraming));
    }
    if exchange.body.is_too_large() {
        return Err(Failure::BodyTooLarge);
    }
    Ok(())
}

/// Whether there is a coding below `chunked`. The parser takes off `chunked` only, and its label with it: the gateway would take
/// what is left for the body itself.
fn is_coded_further(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    let first = codings.next();
    codings.next().is_some() || first.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chunked_alone_can_be_passed_on() {
        let rows: &[(&[&str], bool)] = &[
            (&[], false),
            (&["chunked"], false),
            (&["Chunked"], false),
            (&["gzip, chunked"], true),
            (&["chunked, chunked"], true),
            (&["gzip", "chunked"], true),
        ];
        for (values, expected) in rows {
            let fields = values.iter().map(|value| (TRANSFER_ENCODING, http::HeaderValue::from_static(value)));
            let mut headers = HeaderMap::new();
            fields.for_each(|(name, value)| {
                headers.append(name, value);
            });
            assert_eq!(is_coded_further(&headers), *expected, "{values:?}");
        }
    }
}
