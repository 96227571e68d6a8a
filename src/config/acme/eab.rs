//! [`Eab`]: an account with an authority that exists outside of ACME.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{NoValue, Optional, TextValue};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::secret::Secret;
use crate::config::setting::{MASK, SettingReader};

/// External account binding (RFC 8555 §7.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Eab {
    /// The account's key identifier.
    pub(crate) kid: Option<String>,
    /// The account's key, for an HMAC.
    pub(crate) hmac: Option<Secret>,
}

impl KeySection for Eab {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("kid", Optional(NoValue::Null, TextValue), &mut self.kid, "The key's name, as the authority gave it.");
        keys.key(
            "hmac",
            Optional(NoValue::Null, HmacKey),
            &mut self.hmac,
            "The key, base64url as the authority gave it. Better in a variable than in the file; it is never printed.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        let missing = match (&self.kid, &self.hmac) {
            (Some(_), None) => "hmac",
            (None, Some(_)) => "kid",
            _ => return,
        };
        checks.report(
            &["kid", "hmac"],
            ValueError::new(format!("`{missing}` is missing")).hint("kid and hmac belong together"),
        );
    }
}

/// A key in base64; authorities give it in the URL's alphabet, some people keep it in the other one.
struct HmacKey;

impl KeyKind for HmacKey {
    type Value = Secret;

    fn name(&self) -> String {
        "base64url".to_owned()
    }

    fn parse(&self, text: &str) -> Result<Secret, ValueError> {
        let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let plain = text.replace('+', "-").replace('/', "_");
        match GeneralPurpose::new(&URL_SAFE, either).decode(plain) {
            Ok(key) if !key.is_empty() => Ok(Secret::new(key)),
            _ if text == MASK => {
                Err(ValueError::new("the key was masked when it was printed").hint("write the key itself"))
            }
            _ => Err(ValueError::new("not base64url").hint("copy the key anew, whole, without spaces")),
        }
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Secret> {
        if at.is_masked(&node.value) {
            return Some(Secret::new(Vec::new()));
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name()))),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    fn write(&self, _value: &Secret) -> YamlText {
        YamlText::Word(MASK.to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Za-z_+/-]+=*$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_both_alphabets_and_never_shown() {
        for text in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(HmacKey.parse(text).unwrap().expose(), [0xfb, 0xff], "{text}");
        }
        for text in ["", "a b", "***", "a"] {
            let fault = HmacKey.parse(text).unwrap_err();
            assert!(text.is_empty() || !format!("{fault:?}").contains(&format!("`{text}`")), "{fault:?}");
        }
        let secret = Secret::new(b"hush".to_vec());
        assert_eq!(HmacKey.write(&secret), YamlText::Word("***".into()));
        assert_eq!(format!("{secret:?}"), "***");
    }
}
