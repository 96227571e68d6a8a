//! [`RequestId`]: a short id for a request: on the error page, in the log, in `X-Request-Id`.

use std::fmt;

use http::{HeaderName, HeaderValue};

/// A request's id. Random, so that no two instances give the same; not a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId([u8; LENGTH]);

impl RequestId {
    /// A fresh random id.
    pub(crate) fn fresh() -> Self {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut random = fastrand::u64(..);
        Self(std::array::from_fn(|_| {
            let digit = DIGITS[usize::try_from(random % 32).unwrap_or_default()];
            random /= 32;
            digit
        }))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a header field's value.
    pub(crate) fn to_value(self) -> HeaderValue {
        let mut value = HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""));
        // The id does not come again: in the table of an HTTP/2 connection it would push out values that do (RFC 7541
        // §7.1.3).
        value.set_sensitive(true);
        value
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The field that carries the id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Twelve digits of five bits each.
const LENGTH: usize = 12;
