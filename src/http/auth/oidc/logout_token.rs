//! [`LogoutToken`]: an issuer's word that a login has ended (OpenID Connect Back-Channel Logout 1.0): pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// What has ended at an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogoutToken {
    /// The user.
    pub(crate) subject: Option<String>,
    /// The login's name at the issuer.
    pub(crate) sid: Option<String>,
}

/// Why a logout token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogoutTokenFault {
    /// It is no signed token.
    #[error("not a signed token")]
    Malformed,
    /// None of the issuer's keys has signed it.
    #[error("no key of the issuer has signed it")]
    Signature,
    /// It is another issuer's or for another client.
    #[error("from another issuer or for another client")]
    Other,
    /// It is too old, from the future or over.
    #[error("not of this time")]
    Time,
    /// It is another kind of token.
    #[error("not a logout token")]
    Kind,
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Json>,
}

#[derive(Deserialize)]
struct Payload {
    iss: String,
    aud: Json,
    iat: u64,
    exp: Option<u64>,
    events: Map<String, Json>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Json>,
}

impl LogoutToken {
    /// Checks a token as §2.6 says, for the client `client_id` of `issuer` with these keys.
    ///
    /// # Errors
    /// Why it does not count.
    pub(crate) fn verify(
        token: &str,
        keys: &CoreJsonWebKeySet,
        issuer: &str,
        client_id: &str,
        now: u64,
    ) -> Result<Self, LogoutTokenFault> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(LogoutTokenFault::Malformed);
        };
        let Header { alg, kid, typ, crit } = read(header).ok_or(LogoutTokenFault::Malformed)?;
        let signed = &token.as_bytes()[..header.len() + 1 + payload.len()];
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LogoutTokenFault::Malformed)?;
        // A secret that the issuer shares with its client signs nothing here, and `none` nothing anywhere.
        if !ALGORITHMS.contains(&alg) || crit.is_some() {
            return Err(LogoutTokenFault::Signature);
        }
        let is_named = |key: &&openidconnect::core::CoreJsonWebKey| {
            kid.is_none() || key.key_id().map(|id| id.as_str()) == kid.as_deref()
        };
        let has_signed =
            |key: &openidconnect::core::CoreJsonWebKey| key.verify_signature(&alg, signed, &signature).is_ok();
        if !keys.keys().iter().filter(is_named).any(has_signed) {
            return Err(LogoutTokenFault::Signature);
        }
        let payload: Payload = read(payload).ok_or(LogoutTokenFault::Kind)?;
        if payload.iss != issuer || !is_for(&payload.aud, client_id) {
            return Err(LogoutTokenFault::Other);
        }
        let is_of_now = payload.iat <= now + CLOCK_SKEW && now <= payload.iat.saturating_add(LONGEST_WAY + CLOCK_SKEW);
        if !is_of_now || payload.exp.is_some_and(|exp| exp.saturating_add(CLOCK_SKEW) <= now) {
            return Err(LogoutTokenFault::Time);
        }
        // §2.4: a nonce would let an ID token pass for a logout token.
        let is_logout = payload.events.get(EVENT).is_some_and(Json::is_object) && payload.nonce.is_none();
        let is_typed = typ.is_none_or(|typ| ["logout+jwt", "jwt"].iter().any(|own| typ.eq_ignore_ascii_case(own)));
        if !is_logout || !is_typed || (payload.sub.is_none() && payload.sid.is_none()) {
            return Err(LogoutTokenFault::Kind);
        }
        Ok(Self { subject: payload.sub, sid: payload.sid })
    }
}

/// The issuer and the clients that a token names, whether they are true or not.
pub(crate) fn claimed(token: &str) -> Option<(String, Json)> {
    #[derive(Deserialize)]
    struct Claimed {
        iss: String,
        aud: Json,
    }
    let Claimed { iss, aud } = read(token.split('.').nth(1)?)?;
    Some((iss, aud))
}

/// Whether `aud` names this client (RFC 7519 §4.1.3).
pub(crate) fn is_for(aud: &Json, client_id: &str) -> bool {
    match aud {
        Json::String(one) => one == client_id,
        Json::Array(all) => all.iter().any(|one| one == client_id),
        _ => false,
    }
}

fn read<T: for<'a> Deserialize<'a>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// The signatures that only the issuer can make.
pub(crate) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Seconds that the clocks of issuer and frontgate may be apart.
pub(crate) const CLOCK_SKEW: u64 = 120;
/// Seconds from the issuer to here, repetitions included: an older token may be one that was kept to log a user out later.
const LONGEST_WAY: u64 = 300;

#[cfg(test)]
mod tests {
    use openidconnect::core::CoreEdDsaPrivateSigningKey;
    use openidconnect::{JsonWebKeyId, PrivateSigningKey};
    use serde_json::json;

    use super::*;

    fn key() -> CoreEdDsaPrivateSigningKey {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        // RFC 8410 §7: version 1 of PKCS #8 holds the private key alone, which the library asks for.
        let seed = &pair.serialize_der()[16..48];
        let der = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20][..], seed].concat();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            base64::engine::general_purpose::STANDARD.encode(der)
        );
        CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new("k1".to_owned()))).unwrap()
    }

    fn token(key: &CoreEdDsaPrivateSigningKey, header: &Json, payload: &Json) -> String {
        let encode = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = key.sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn a_token_counts_if_all_of_it_is_right() {
        use LogoutTokenFault::{Kind, Malformed, Other, Signature, Time};
        let key = key();
        let keys = CoreJsonWebKeySet::new(vec![key.as_verification_key()]);
        let right = json!({ "iss": "https://id", "aud": "gw", "iat": 1000, "exp": 1100, "jti": "1", "sub": "ann", "sid": "x", "events": { EVENT: {} } });
        let header = json!({ "alg": "EdDSA", "kid": "k1", "typ": "logout+jwt" });
        let with = |changes: Json| {
            let mut payload = right.clone();
            for (name, value) in changes.as_object().unwrap() {
                payload[name] = value.clone();
            }
            payload
        };
        let without = |name: &str| {
            let mut payload = right.clone();
            payload.as_object_mut().unwrap().remove(name);
            payload
        };
        for (payload, fault) in [
            (right.clone(), None),
            (with(json!({ "aud": ["other", "gw"] })), None),
            (without("sid"), None),
            (without("sub"), None),
            (without("exp"), None),
            (with(json!({ "iat": 1119 })), None),
            (with(json!({ "iss": "https://id/" })), Some(Other)),
            (with(json!({ "aud": "other" })), Some(Other)),
            (with(json!({ "aud": 1 })), Some(Other)),
            (with(json!({ "iat": 1121 })), Some(Time)),
            (with(json!({ "iat": 1000 - LONGEST_WAY - CLOCK_SKEW - 1 })), Some(Time)),
            (with(json!({ "exp": 1000 - CLOCK_SKEW })), Some(Time)),
            (with(json!({ "nonce": "n" })), Some(Kind)),
            (with(json!({ "events": {} })), Some(Kind)),
            (with(json!({ "events": { EVENT: 1 } })), Some(Kind)),
            (with(json!({ "sub": null, "sid": null })), Some(Kind)),
            (without("events"), Some(Kind)),
            (without("iat"), Some(Kind)),
            (json!("text"), Some(Kind)),
        ] {
            let read = LogoutToken::verify(&token(&key, &header, &payload), &keys, "https://id", "gw", 1000);
            assert_eq!(read.err(), fault, "{payload}");
        }
        for (header, fault) in [
            (json!({ "alg": "EdDSA" }), None),
            (json!({ "alg": "EdDSA", "typ": "JWT" }), None),
            (json!({ "alg": "EdDSA", "typ": "at+jwt" }), Some(Kind)),
            (json!({ "alg": "EdDSA", "kid": "other" }), Some(Signature)),
            (json!({ "alg": "EdDSA", "crit": ["x"] }), Some(Signature)),
            (json!({ "alg": "HS256" }), Some(Signature)),
            (json!({ "alg": "none" }), Some(Signature)),
            (json!({ "alg": "ES256" }), Some(Signature)),
            (json!({}), Some(Malformed)),
        ] {
            let read = LogoutToken::verify(&token(&key, &header, &right), &keys, "https://id", "gw", 1000);
            assert_eq!(read.err(), fault, "{header}");
        }
        let whole = token(&key, &header, &right);
        assert_eq!(
            LogoutToken::verify(&whole, &CoreJsonWebKeySet::default(), "https://id", "gw", 1000),
            Err(Signature)
        );
        for text in ["", "a.b", "a.b.c", &format!("{whole}.x"), &whole[..whole.len() - 4]] {
            assert!(LogoutToken::verify(text, &keys, "https://id", "gw", 1000).is_err(), "{text}");
        }
        assert_eq!(claimed(&whole).unwrap().0, "https://id");
        assert_eq!(claimed("a.b.c"), None);
    }
}
