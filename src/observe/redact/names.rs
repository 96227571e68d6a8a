//! What in a text says that a secret is there: the name of a parameter or a key with its sign, and what shows credentials.

use super::{Redactor, holds_escape};

impl Redactor {
    /// Whether a decoded key says that its value is a secret: `log.redact` names it, or a word in it, as in `user[token]` and
    /// in `/a?token`; or such a word ends as the names of credentials do (`deviceToken`).
    pub(super) fn is_secret_key(&self, key: &[u8]) -> bool {
        let mut words = key.split(|byte| !is_of_word(*byte));
        self.names(key) || is_credential(key) || words.any(|word| self.names(word) || is_credential(word))
    }

    fn names(&self, key: &[u8]) -> bool {
        let key = key.trim_ascii();
        self.names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(key))
    }

    /// Whether decoded text holds `name=` or `"name":` anywhere, or is encoded too deep to say.
    pub(super) fn assigns(&self, text: &[u8]) -> bool {
        let of_words = |name: &&[u8]| name.iter().all(|byte| is_of_word(*byte));
        let names = self.names.iter().map(String::as_bytes);
        holds_escape(text)
            || holds_json_escape(text)
            || signs(text).any(|(key, sign)| sign.may_follow_any() && self.is_secret_key(key))
            || names.filter(|name| !of_words(name)).any(|name| is_assigned(text, name))
    }

    /// The same for text that is no target, where the name of a header field has a bare `:` behind it.
    pub(super) fn assigns_or_heads(&self, text: &[u8]) -> bool {
        self.assigns(text) || signs(text).any(|(key, sign)| sign == NameSign::BareColon && is_credential(key))
    }
}

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameSign {
    Equals,
    /// A colon behind a name in quotes.
    Colon,
    /// A colon behind a bare word, which often is no name.
    BareColon,
}

impl NameSign {
    fn may_follow_any(self) -> bool {
        self != Self::BareColon
    }
}

/// Each `=` and `:` with the name that stands in front of it, whatever quotes, brackets and spaces are between.
fn signs(text: &[u8]) -> impl Iterator<Item = (&[u8], NameSign)> {
    text.iter().enumerate().filter(|(_, byte)| matches!(byte, b'=' | b':')).map(|(at, byte)| {
        let before = &text[..at];
        let end = before.iter().rposition(|byte| !is_between(*byte)).map_or(0, |at| at + 1);
        let quoted = before[end..].iter().any(|byte| matches!(byte, b'"' | b'\'' | b'\\'));
        let is_of_key = |byte: u8| is_of_word(byte) || matches!(byte, b'.' | b'[' | b']');
        let begin = before[..end].iter().rposition(|byte| !is_of_key(*byte)).map_or(0, |at| at + 1);
        let sign = match (byte, quoted) {
            (b'=', _) => NameSign::Equals,
            (_, true) => NameSign::Colon,
            (_, false) => NameSign::BareColon,
        };
        (&before[begin..end], sign)
    })
}

/// Whether text shows credentials of a kind whose looks tell it: those in a URL, those behind `Bearer` and `Basic` (RFC 6750,
/// RFC 7617), a signed token (RFC 7519), and what a program got by a flag called like a secret.
pub(super) fn shows_credentials(redactor: &Redactor, text: &str) -> bool {
    let is_alone = text.split_whitespace().nth(2).is_none();
    let mut before = "";
    let behind_a_name = text.split_whitespace().any(|word| {
        let name = std::mem::replace(&mut before, word);
        let scheme = name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_flag = name.strip_prefix("--").is_some_and(|flag| redactor.is_secret_key(flag.as_bytes()));
        (is_flag && !word.starts_with('-'))
            || scheme.eq_ignore_ascii_case("bearer") && (is_alone || looks_random(word))
            || scheme.eq_ignore_ascii_case("basic") && looks_random(word)
    });
    behind_a_name || holds_userinfo(text.as_bytes()) || holds_signed_token(text)
}

/// Whether a word is none of a sentence.
fn looks_random(word: &str) -> bool {
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'']);
    word.len() >= 20
        || word.bytes().any(|byte| byte.is_ascii_digit() || b"._~+/=".contains(&byte))
        || word.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
}

/// Whether text holds a URL with a user in it (RFC 3986 §3.2.1).
fn holds_userinfo(text: &[u8]) -> bool {
    let ends = |byte: &u8| {
        matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'\\' | b'<' | b'>') || byte.is_ascii_whitespace()
    };
    let authorities = text.windows(2).enumerate().filter(|(_, two)| two == b"//").map(|(at, _)| &text[at + 2..]);
    let mut authorities = authorities.map(|rest| &rest[..rest.iter().position(ends).unwrap_or(rest.len())]);
    authorities.any(|authority| authority.iter().rposition(|byte| *byte == b'@').is_some_and(|at| at > 0))
}

/// Whether text holds three parts in base64url of which the first is a JSON object.
fn holds_signed_token(text: &str) -> bool {
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    text.as_bytes().split(|byte| !is_of_token(byte)).any(|run| {
        let begins = run.windows(3).position(|three| three == b"eyJ");
        begins.is_some_and(|at| run[at..].split(|byte| *byte == b'.').nth(2).is_some())
    })
}

/// Whether a name that has more than letters in it stands in front of a sign.
fn is_assigned(text: &[u8], name: &[u8]) -> bool {
    text.windows(name.len()).enumerate().any(|(at, window)| {
        let rest = &text[at + name.len()..];
        let sign = rest.iter().find(|byte| !is_between(**byte));
        let quoted = matches!(rest.first(), Some(b'"' | b'\'' | b'\\'));
        window.eq_ignore_ascii_case(name) && (sign == Some(&b'=') || quoted && sign == Some(&b':'))
    })
}

/// Whether text holds an escape of JSON that may spell a letter of a name.
fn holds_json_escape(text: &[u8]) -> bool {
    text.windows(6).any(|six| six.starts_with(br"\u") && six[2..].iter().all(u8::is_ascii_hexdigit))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// What may stand between a name and its sign.
fn is_between(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\' | b'[' | b']' | b' ') || byte.is_ascii_control() || !byte.is_ascii()
}

/// Whether the last word of a name says that its value is a credential: `deviceToken`, `api-key`, `session_cookies`. Tokens are
/// what models count.
fn is_credential(name: &[u8]) -> bool {
    let ends_with = |name: &[u8], word: &str| {
        let mut letters = name.iter().rev().filter(|byte| !b"_- ".contains(byte)).map(u8::to_ascii_lowercase);
        word.bytes().rev().all(|byte| letters.next() == Some(byte))
    };
    let one = name.strip_suffix(b"s").or_else(|| name.strip_suffix(b"S"));
    CREDENTIALS
        .iter()
        .any(|word| ends_with(name, word) || one.is_some_and(|one| *word != "token" && ends_with(one, word)))
}

/// Words with which the name of a credential ends, in any case.
const CREDENTIALS: [&str; 14] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "ticket",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authorization",
    "cookie",
    "jwt",
    "credential",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(&["token", "code", "auth.key", "schlüssel"].map(str::to_owned))
    }

    #[test]
    fn a_name_with_its_sign_says_that_a_secret_follows() {
        for (text, expected) in [
            ("token=a", true),
            ("x?token=a", true),
            ("TOKEN =a", true),
            ("token\0=a", true),
            ("token\u{a0}=a", true),
            ("étoken=a", true),
            ("a.token=b", true),
            ("a[token][]=b", true),
            ("deviceToken=a", true),
            ("access-token=a", true),
            ("client_secret=a", true),
            ("apikey=a", true),
            ("jwt=a", true),
            ("xcode=a", false),
            ("tokens=3", false),
            ("input_tokens=3", false),
            ("passwords=a", true),
            ("\"token\":1", true),
            ("'code' : 1", true),
            ("\\\"token\\\":1", true),
            ("token:1", false),
            ("a:b:code:c", false),
            ("what a token is", false),
            ("token", false),
            ("{\"\\u0074oken\":1}", true),
            ("C:\\users\\ann", false),
            ("auth.key=a", true),
            ("{\"auth.key\":1}", true),
            ("schlüssel=a", true),
            ("====", false),
            ("", false),
        ] {
            assert_eq!(redactor().assigns(text.as_bytes()), expected, "{text:?}");
        }
        assert!(redactor().assigns_or_heads(b"X-Api-Key: a") && !redactor().assigns_or_heads(b"code: 7"));
    }

    #[test]
    fn credentials_are_known_by_their_looks() {
        for (text, expected) in [
            ("Bearer S", true),
            ("bearer abc", true),
            ("he said: Bearer a1b2", true),
            ("the bearer of news", false),
            ("Basic YW5uOmh1c2g=", true),
            ("Basic authentication is needed", false),
            ("run it with --token S", true),
            ("--password hunter", true),
            ("--token --verbose", false),
            ("https://u:S@h/", true),
            ("see //u:S@h", true),
            ("https://S@h", true),
            ("https://unpkg.com/@scope/pkg", false),
            ("ann@example.com", false),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", true),
            ("eyJ is how a token begins", false),
            ("", false),
        ] {
            assert_eq!(shows_credentials(&redactor(), text), expected, "{text:?}");
        }
    }
}
