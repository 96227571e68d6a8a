//! `auth.token`: tokens of services, for clients that cannot follow a login page.

use std::fmt;
use std::time::SystemTime;

use serde_json::{Value as Json, json};

use super::expiry::ExpiryDate;
use super::user_name::UserName;
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, Mapping, NoValue, Optional};
use crate::config::problem::ValueError;

/// The tokens that let their bearers in (RFC 6750).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TokenAuth {
    /// Each token under the name of the service that carries it.
    pub(crate) tokens: Vec<(String, ServiceToken)>,
}

/// A token, as far as frontgate knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServiceToken {
    /// The SHA-256 of its text, as it stands behind `Bearer `.
    pub(crate) sha256: TokenHash,
    /// From when on it lets no one in; `None` is never.
    pub(crate) expires: Option<SystemTime>,
}

/// The SHA-256 of a token's text. A token is as long as a key, so its hash tells nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenHash(pub(crate) [u8; 32]);

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kind of the tokens.
pub(super) const TOKENS: Mapping<UserName, Keyed<TokenKeys>> = Mapping(UserName, Keyed::NEW);

/// The keys of a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TokenKeys {
    sha256: Option<TokenHash>,
    expires: Option<SystemTime>,
}

impl KeySection for TokenKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "sha256",
            Optional(NoValue::Null, TokenHashValue),
            &mut self.sha256,
            "The SHA-256 of the token's text, in hex, as `frontgate token add` prints it.",
        );
        keys.key(
            "expires",
            Optional(NoValue::Null, ExpiryDate),
            &mut self.expires,
            "From when on it lets no client in, UTC; otherwise never.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.sha256.is_none() {
            checks.report(&["sha256"], ValueError::new("`sha256` is missing").hint(HOW));
        }
    }
}

const HOW: &str = "`frontgate token add robot` makes a token and prints this line";

/// The tokens that these keys describe.
pub(super) fn tokens(keys: Vec<(String, TokenKeys)>) -> TokenAuth {
    // One without a hash has been reported.
    let known =
        |(name, keys): (String, TokenKeys)| Some((name, ServiceToken { sha256: keys.sha256?, expires: keys.expires }));
    TokenAuth { tokens: keys.into_iter().filter_map(known).collect() }
}

/// The keys that describe these tokens.
pub(super) fn keys(auth: &TokenAuth) -> Vec<(String, TokenKeys)> {
    let keys = |(name, token): &(String, ServiceToken)| {
        (name.clone(), TokenKeys { sha256: Some(token.sha256), expires: token.expires })
    };
    auth.tokens.iter().map(keys).collect()
}

/// Reports tokens that cannot be told apart, and a list of none.
pub(super) fn check(tokens: &[(String, TokenKeys)], checks: &mut SectionChecks<'_>) {
    if tokens.is_empty() {
        checks.report(&["token"], ValueError::new("without tokens no client gets in").hint(HOW));
    }
    for (index, (name, token)) in tokens.iter().enumerate() {
        let same = |other: &&(String, TokenKeys)| token.sha256.is_some() && other.1.sha256 == token.sha256;
        if let Some((first, _)) = tokens[..index].iter().find(same) {
            let fault = ValueError::new(format!("the token of `{name}` is that of `{first}`"));
            checks.report(&["token"], fault.hint("a token of its own for each, so that one can be taken away"));
        }
    }
}

/// The kind of a token's hash.
struct TokenHashValue;

impl KeyKind for TokenHashValue {
    type Value = TokenHash;

    fn name(&self) -> String {
        "SHA-256 in hex".to_owned()
    }

    fn parse(&self, text: &str) -> Result<TokenHash, ValueError> {
        // The text is not repeated: it may be the token itself.
        let fault = || ValueError::new("not a SHA-256 in hex: 64 digits").hint(HOW);
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(fault());
        }
        let mut hash = [0; 32];
        for (index, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| fault())?;
        }
        Ok(TokenHash(hash))
    }

    fn write(&self, value: &TokenHash) -> YamlText {
        YamlText::Word(value.to_string())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" })
    }
}
