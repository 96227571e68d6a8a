//! [`LogoutIntention`]: whether a user wants to log out: pure.

use http::header::{HeaderMap, ORIGIN};
use http::{HeaderValue, Method};

/// Whether a user wants to log out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogoutIntention {
    /// The user wants to.
    Clear,
    /// A link of another site led here.
    Doubtful,
    /// A form of another site was sent.
    Forged,
}

impl LogoutIntention {
    /// What a request at `origin` means: a link or a form of another site is not enough.
    pub(super) fn of(method: &Method, headers: &HeaderMap, origin: &str) -> Self {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let from_elsewhere = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
            || headers.get(ORIGIN).is_some_and(|own| own.as_bytes() != origin.as_bytes());
        match (*method == Method::POST, from_elsewhere) {
            (_, false) => Self::Clear,
            (true, true) => Self::Forged,
            (false, true) => Self::Doubtful,
        }
    }
}
