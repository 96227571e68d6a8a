//! [`IssuerClaims`]: what an issuer says of a user besides the standard's own claims, and the [`UserFacts`] that come of
//! all of them: pure.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::CoreGenderClaim;
use openidconnect::{AdditionalClaims, IdTokenClaims, StandardClaims, UserInfoClaims};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::http::auth::session::contents::Session;
use crate::sealing::{NoRandomBytes, random};

/// Claims of an ID token or of the user info that the library does not know.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct IssuerClaims {
    /// Groups, as a list or one name. No standard has them; this is what issuers agree on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<Json>,
    /// The login's name at the issuer (OpenID Connect Front-Channel Logout 1.0 §3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl AdditionalClaims for IssuerClaims {}

/// What an issuer says of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserFacts {
    /// The issuer's own name of the user.
    pub(crate) subject: String,
    /// The e-mail address, if the issuer has verified it.
    pub(crate) email: Option<String>,
    /// The groups; `None` if the issuer has said nothing of groups.
    pub(crate) groups: Option<Vec<String>>,
    /// The login's name at the issuer.
    pub(crate) sid: Option<String>,
    /// The ID token itself, for an issuer that wants to see it at the logout.
    pub(crate) id_token: Option<String>,
    /// What the issuer may be asked with whether the login still counts.
    pub(crate) refresh_token: Option<RefreshToken>,
}

/// A refresh token (RFC 6749 §1.5). It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken(pub(crate) String);

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

impl UserFacts {
    /// What an ID token says.
    pub(crate) fn of(claims: &IdTokenClaims<IssuerClaims, CoreGenderClaim>) -> Self {
        let email = verified(claims.email().map(|email| email.as_str()), claims.email_verified());
        Self {
            subject: claims.subject().as_str().to_owned(),
            email,
            groups: groups(claims.additional_claims().groups.as_ref()),
            sid: claims.additional_claims().sid.clone().filter(|sid| sid.len() <= LONGEST),
            id_token: None,
            refresh_token: None,
        }
    }

    /// Adds what the user info says that the ID token did not.
    pub(crate) fn add(&mut self, claims: &UserInfoClaims<IssuerClaims, CoreGenderClaim>) {
        let standard: &StandardClaims<CoreGenderClaim> = claims.standard_claims();
        if self.email.is_none() {
            self.email = verified(standard.email().map(|email| email.as_str()), standard.email_verified());
        }
        if self.groups.is_none() {
            self.groups = groups(claims.additional_claims().groups.as_ref());
        }
    }
}

impl UserFacts {
    /// A session of this user, which lasts for so long from `begun`.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub(crate) fn session(self, begun: u64, time: Duration) -> Result<Session, NoRandomBytes> {
        let Self { subject, email, groups, sid, id_token: _, refresh_token: _ } = self;
        let id = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let groups = groups.unwrap_or_default();
        let ends = begun + time.as_secs();
        Ok(Session { id, subject, email, groups, sid, begun, ends, renewed: None, renewable: false })
    }
}

/// An address that the issuer has not verified may be any other user's.
fn verified(email: Option<&str>, is_verified: Option<bool>) -> Option<String> {
    let is_sound = |email: &&str| {
        email.len() <= LONGEST && email.contains('@') && email.bytes().all(|b| (0x21..0x7f).contains(&b))
    };
    email.filter(|_| is_verified == Some(true)).filter(is_sound).map(str::to_owned)
}

fn groups(claim: Option<&Json>) -> Option<Vec<String>> {
    match claim? {
        Json::String(one) => Some(vec![one.clone()]),
        Json::Array(all) => Some(all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()),
        _ => None,
    }
}

/// Bytes of an address or a name of a login.
const LONGEST: usize = 255;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_verified_address_counts() {
        for (email, is_verified, expected) in [
            (Some("ann@example.com"), Some(true), Some("ann@example.com")),
            (Some("ann@example.com"), Some(false), None),
            (Some("ann@example.com"), None, None),
            (Some("ann"), Some(true), None),
            (Some("ann@example.com\r\nx: y"), Some(true), None),
            (Some("änn@example.com"), Some(true), None),
            (None, Some(true), None),
        ] {
            assert_eq!(verified(email, is_verified).as_deref(), expected, "{email:?} {is_verified:?}");
        }
    }

    #[test]
    fn groups_are_a_list_or_one_name() {
        let list = |items: &[&str]| Some(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
        for (claim, expected) in [
            (json!(["a", "b"]), list(&["a", "b"])),
            (json!("a"), list(&["a"])),
            (json!([]), list(&[])),
            (json!(["a", 1, null]), list(&["a"])),
            (json!({ "a": true }), None),
            (json!(null), None),
        ] {
            assert_eq!(groups(Some(&claim)), expected, "{claim}");
        }
        assert_eq!(groups(None), None);
    }
}
