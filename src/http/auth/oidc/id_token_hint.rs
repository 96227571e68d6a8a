//! Whether an issuer can still tell that an ID token is its own: pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey as _;
use openidconnect::core::CoreJsonWebKeySet;

/// Whether the key that an ID token was signed with is among `keys`. An issuer that has other keys by now answers a logout with
/// an error because of the token, and without it asks its user.
pub(super) fn is_signed_by(id_token: &str, keys: &CoreJsonWebKeySet) -> bool {
    let key = key_id(id_token);
    key.is_some_and(|own| keys.keys().iter().any(|key| key.key_id().is_some_and(|known| known.as_str() == own)))
}

fn key_id(id_token: &str) -> Option<String> {
    let head = URL_SAFE_NO_PAD.decode(id_token.split('.').next()?).ok()?;
    let head: serde_json::Value = serde_json::from_slice(&head).ok()?;
    Some(head.get("kid")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_token_is_one_of_the_issuers_or_not() {
        let keys: CoreJsonWebKeySet =
            serde_json::from_str(r#"{"keys":[{"kty":"RSA","use":"sig","kid":"k1","n":"AQAB","e":"AQAB"}]}"#).unwrap();
        for (head, expected) in [
            (r#"{"alg":"RS256","kid":"k1"}"#, true),
            (r#"{"alg":"RS256","kid":"k2"}"#, false),
            (r#"{"alg":"RS256"}"#, false),
            ("nonsense", false),
        ] {
            let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(head));
            assert_eq!(is_signed_by(&token, &keys), expected, "{head}");
        }
        assert!(!is_signed_by("", &keys) && !is_signed_by("!.a.b", &keys));
    }
}
