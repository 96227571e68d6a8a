//! [`PageLogins`]: the cookies that stand for the token of the admin listener where a browser asks.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::config::Secret;

/// Makes and checks cookies. A key of this process vouches for each: it tells nothing of the token, cannot be guessed, and
/// ends with its time, with the process and with the token.
#[derive(Debug)]
pub(super) struct PageLogins {
    /// `None` where the system gives no random bytes: then no browser logs in.
    key: Option<hmac::Key>,
}

impl PageLogins {
    /// Those of a process.
    pub(super) fn fresh() -> Self {
        Self { key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok() }
    }

    /// The value of `Set-Cookie` for a browser that has shown `token` at `now`.
    pub(super) fn set_cookie(&self, token: &Secret, now: SystemTime) -> Option<HeaderValue> {
        let until = seconds(now)? + LIFE.as_secs();
        let sign = self.sign(token, until)?;
        let life = LIFE.as_secs();
        let cookie = format!("{COOKIE_NAME}={until}.{sign}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict");
        HeaderValue::try_from(cookie).ok()
    }

    /// Whether a request shows such a cookie in its time.
    pub(super) fn are_shown(&self, headers: &HeaderMap, token: &Secret, now: SystemTime) -> bool {
        let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
        let pairs = fields.flat_map(|field| field.split(';'));
        let mut shown = pairs.filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='));
        shown.any(|shown| self.holds(shown, token, now).unwrap_or(false))
    }

    fn holds(&self, shown: &str, token: &Secret, now: SystemTime) -> Option<bool> {
        let (until, sign) = shown.split_once('.')?;
        let until = until.parse().ok()?;
        let expected = self.sign(token, until)?;
        let is_signed = verify_slices_are_equal(sign.as_bytes(), expected.as_bytes()).is_ok();
        Some(is_signed && seconds(now)? < until)
    }

    fn sign(&self, token: &Secret, until: u64) -> Option<String> {
        let mut context = hmac::Context::with_key(self.key.as_ref()?);
        context.update(&until.to_be_bytes());
        context.update(token.expose());
        Some(hex(context.sign().as_ref()))
    }
}

/// Whether `shown` is the token. The time it takes tells nothing about the token.
pub(super) fn is_token(shown: &[u8], token: &Secret) -> bool {
    let hash = |text| digest(&SHA256, text);
    verify_slices_are_equal(hash(shown).as_ref(), hash(token.expose()).as_ref()).is_ok()
}

/// Bytes as digits of base 16.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn seconds(at: SystemTime) -> Option<u64> {
    at.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// Listeners for clients take a cookie of this name for one of frontgate's, which no gateway sees.
const COOKIE_NAME: &str = "frontgate_admin";
/// How long a browser stays logged in.
const LIFE: Duration = Duration::from_hours(12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_stands_for_the_token_for_its_time_at_its_process() {
        let (logins, token, now) = (PageLogins::fresh(), Secret::new("s3cret".into()), SystemTime::now());
        let cookie = logins.set_cookie(&token, now).unwrap();
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
        let pair = cookie.split(';').next().unwrap();
        let later = pair.replacen('=', "=9", 1);
        for (field, expected) in [
            (pair.to_owned(), true),
            (format!("a=b; {pair}"), true),
            (format!("frontgate_admin=x; {pair}"), true),
            (format!("{pair}0"), false),
            (later, false),
            ("frontgate_admin=".to_owned(), false),
            ("frontgate_admin=.".to_owned(), false),
            ("frontgate_admin=s3cret".to_owned(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::try_from(&field).unwrap());
            let shown = |logins: &PageLogins, token: &Secret, after| logins.are_shown(&headers, token, now + after);
            assert_eq!(shown(&logins, &token, Duration::ZERO), expected, "{field}");
            assert_eq!(shown(&logins, &token, Duration::from_secs(43_199)), expected, "{field}");
            assert!(!shown(&logins, &token, Duration::from_secs(43_201)), "{field}");
            assert!(!shown(&logins, &Secret::new("other".into()), Duration::ZERO), "{field}");
            assert!(!shown(&PageLogins::fresh(), &token, Duration::ZERO), "{field}");
        }
    }
}
