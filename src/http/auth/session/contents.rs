//! [`Session`]: what a cookie says of a login: pure.

use serde::{Deserialize, Serialize};

/// A user's login at an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its own name: 16 random bytes.
    #[serde(rename = "i")]
    pub id: String,
    /// The user's name at the issuer, which no other user of it has or will have.
    #[serde(rename = "u")]
    pub subject: String,
    /// The user's e-mail address, if the issuer has verified it.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The user's groups.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The login's name at the issuer (OpenID Connect Back-Channel Logout 1.0 §2.1).
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When it began, in seconds since 1970.
    #[serde(rename = "b")]
    pub begun: u64,
    /// When it ends, in seconds since 1970.
    #[serde(rename = "x")]
    pub ends: u64,
    /// When the issuer has vouched for the user again, in seconds since 1970; `None` if that was at the login only.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub renewed: Option<u64>,
    /// Whether the browser keeps a refresh token beside it.
    #[serde(rename = "t", default, skip_serializing_if = "std::ops::Not::not")]
    pub renewable: bool,
}

impl Session {
    /// Whether it goes on at `now`. One that begins later was sealed under another clock.
    pub(crate) fn lasts(&self, now: u64) -> bool {
        self.begun <= now + CLOCK_SET_BACK && now < self.ends
    }

    /// When the issuer has vouched for the user last, in seconds since 1970.
    pub(crate) fn vouched(&self) -> u64 {
        self.renewed.unwrap_or(self.begun)
    }

    /// The name of the user that the gateway and the log are told.
    pub(crate) fn user(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.subject)
    }

    /// What is sealed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers can be written")
    }

    /// What was sealed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Seconds that the clock may have been set back since a login.
const CLOCK_SET_BACK: u64 = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_from_its_beginning_to_its_end() {
        let session = Session {
            id: "i".to_owned(),
            subject: "ann-1".to_owned(),
            email: None,
            groups: vec!["staff".to_owned()],
            sid: None,
            begun: 1000,
            ends: 2000,
            renewed: None,
            renewable: false,
        };
        for (now, lasts) in [(0, false), (699, false), (700, true), (1000, true), (1999, true), (2000, false)] {
            assert_eq!(session.lasts(now), lasts, "{now}");
        }
        assert_eq!(session.user(), "ann-1");
        let named = Session { email: Some("ann@example.com".to_owned()), ..session.clone() };
        assert_eq!(named.user(), "ann@example.com");
        let renewed = Session { renewed: Some(1500), renewable: true, ..session.clone() };
        assert_eq!((session.vouched(), renewed.vouched()), (1000, 1500));
        for session in [session, named, renewed] {
            assert_eq!(Session::decode(&session.encode()), Some(session));
        }
        assert_eq!(Session::decode(b"{}"), None);
    }
}
