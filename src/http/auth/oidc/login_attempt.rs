//! [`LoginAttempt`]: a login that is under way, and the browser that it is bound to: pure.
//!
//! The attempt travels sealed in `state`, so any number of tabs may log in at once. The browser keeps one secret, in a
//! cookie: `nonce` and PKCE's verifier are digests of it and the attempt, so that a code that was brought to another
//! browser cannot be used there (login CSRF), nor one that was made for another login (RFC 9700 §4.5, §4.7).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::return_target::ReturnTarget;
use crate::http::auth::session::sealing::SealingKeys;
use crate::sealing::{NoRandomBytes, random};

/// A login that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginAttempt {
    /// Its name: 16 random bytes.
    pub(crate) id: String,
    /// A digest of the browser's secret.
    browser: String,
    /// The origin at which it began and must end.
    pub(crate) origin: String,
    /// See [`ReturnTarget`].
    target: String,
    /// When it began, in seconds since 1970.
    pub(crate) begun: u64,
    /// How many attempts before it have failed because the browser did not bring its secret.
    pub(crate) failed: u8,
    /// Whether it is to be another user than the one who is logged in at the issuer.
    #[serde(default)]
    pub(crate) another: bool,
}

/// Whether a text can be the name of an attempt.
pub(crate) fn is_attempt_id(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 16)
}

/// The secret of a browser that logs in. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BrowserSecret([u8; 32]);

impl LoginAttempt {
    /// An attempt that begins now.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn new(
        browser: &BrowserSecret,
        origin: String,
        target: &ReturnTarget,
        begun: u64,
        failed: u8,
    ) -> Result<Self, NoRandomBytes> {
        let id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let browser = browser.derived("browser", &id);
        Ok(Self { id, browser, origin, target: target.as_str().to_owned(), begun, failed, another: false })
    }

    /// Whether it began in this browser.
    pub(crate) fn is_of(&self, browser: &BrowserSecret) -> bool {
        self.browser == browser.derived("browser", &self.id)
    }

    /// Where it leads.
    pub(crate) fn target(&self) -> ReturnTarget {
        // It was sealed here, and is checked all the same.
        self.target.parse().map_or_else(|_| ReturnTarget::root(), |target| ReturnTarget::of(&target))
    }

    /// The value of `state`.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn seal(&self, keys: &SealingKeys, realm: &str) -> Result<String, NoRandomBytes> {
        let text = serde_json::to_vec(self).expect("text and numbers can be written");
        keys.seal(&purpose("state", realm), &text)
    }

    /// The attempt in a `state` that came back, if it was made for this login service and is not too old.
    pub(crate) fn open(keys: &SealingKeys, realm: &str, state: &str, now: u64) -> Option<Self> {
        let attempt: Self = serde_json::from_slice(&keys.open(&purpose("state", realm), state)?).ok()?;
        (now.saturating_sub(attempt.begun) <= LONGEST_LOGIN).then_some(attempt)
    }
}

impl BrowserSecret {
    /// A new one.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn fresh() -> Result<Self, NoRandomBytes> {
        Ok(Self(random()?))
    }

    /// The value of its cookie.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn seal(&self, keys: &SealingKeys, realm: &str, now: u64) -> Result<String, NoRandomBytes> {
        keys.seal(&purpose("browser", realm), &[&now.to_be_bytes()[..], &self.0].concat())
    }

    /// The secret in a cookie that came back, if it is not too old.
    pub(crate) fn open(keys: &SealingKeys, realm: &str, cookie: &str, now: u64) -> Option<Self> {
        let bytes = keys.open(&purpose("browser", realm), cookie)?;
        let (begun, secret) = bytes.split_first_chunk::<8>()?;
        let age = now.saturating_sub(u64::from_be_bytes(*begun));
        (age <= LONGEST_LOGIN).then_some(Self(secret.try_into().ok()?))
    }

    /// The `nonce` of an attempt of this browser (OpenID Connect Core 1.0 §15.5.2).
    pub(crate) fn nonce(&self, attempt: &LoginAttempt) -> String {
        self.derived("nonce", &attempt.id)
    }

    /// PKCE's verifier of an attempt of this browser (RFC 7636 §4.1).
    pub(crate) fn verifier(&self, attempt: &LoginAttempt) -> String {
        self.derived("verifier", &attempt.id)
    }

    fn derived(&self, what: &str, id: &str) -> String {
        let text = [what.as_bytes(), &[0], &self.0, id.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &text))
    }
}

fn purpose(what: &str, realm: &str) -> String {
    format!("login {what} {realm}")
}

/// Seconds from the way to the issuer to the way back: a user may have to find a second factor.
pub(crate) const LONGEST_LOGIN: u64 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_opened_for_its_own_login_service_and_in_time_only() {
        let keys = SealingKeys::fresh(0).unwrap();
        let target = ReturnTarget::of(&"/chat?a=%2F".parse().unwrap());
        let (browser, other) = (BrowserSecret::fresh().unwrap(), BrowserSecret::fresh().unwrap());
        let attempt = LoginAttempt::new(&browser, "https://gw.example.com".to_owned(), &target, 1000, 1).unwrap();
        assert!(attempt.is_of(&browser) && !attempt.is_of(&other));
        assert_eq!(attempt.target(), target);
        let state = attempt.seal(&keys, "one").unwrap();
        let late = 1000 + LONGEST_LOGIN;
        for (realm, now, opens) in
            [("one", 1000, true), ("one", late, true), ("one", late + 1, false), ("two", 1000, false)]
        {
            let opened = LoginAttempt::open(&keys, realm, &state, now);
            assert_eq!(opened.as_ref(), opens.then_some(&attempt), "{realm} {now}");
        }
        // What was sealed for one thing is none of another.
        assert!(BrowserSecret::open(&keys, "one", &state, 1000).is_none());
    }

    #[test]
    fn nonce_and_verifier_belong_to_one_browser_and_one_attempt() {
        let keys = SealingKeys::fresh(0).unwrap();
        let (one, two) = (BrowserSecret::fresh().unwrap(), BrowserSecret::fresh().unwrap());
        let attempt = || LoginAttempt::new(&one, String::new(), &ReturnTarget::root(), 0, 0).unwrap();
        let (first, second) = (attempt(), attempt());
        let mut all = Vec::new();
        for (browser, attempt) in [(&one, &first), (&one, &second), (&two, &first)] {
            all.extend([browser.nonce(attempt), browser.verifier(attempt)]);
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        // RFC 7636 §4.1: 43 to 128 unreserved characters.
        assert!(all.iter().all(|text| text.len() == 43));
        let cookie = one.seal(&keys, "r", 0).unwrap();
        for (realm, now, opens) in [("r", LONGEST_LOGIN, true), ("r", LONGEST_LOGIN + 1, false), ("s", 0, false)] {
            let opened = BrowserSecret::open(&keys, realm, &cookie, now);
            assert_eq!(opened.map(|secret| secret.nonce(&first)), opens.then(|| one.nonce(&first)), "{realm} {now}");
        }
    }
}
