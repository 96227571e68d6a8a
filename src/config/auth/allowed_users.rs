//! `auth.oidc.allow`: which users of an issuer may pass.

use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, YamlText};
use crate::config::kinds::{List, Quoted, TextValue};
use crate::config::problem::ValueError;

/// The users of an issuer that may pass: those that any of these lists has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AllowedUsers {
    /// E-mail addresses that the issuer has verified, in lower case.
    pub(crate) emails: Vec<String>,
    /// Domains of such addresses, in lower case.
    pub(crate) domains: Vec<String>,
    /// Groups that the issuer names in the claim `groups`.
    pub(crate) groups: Vec<String>,
    /// The issuer's own names of users; `*` is every user.
    pub(crate) subjects: Vec<String>,
}

/// The keys of `auth.oidc.allow`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct AllowKeys(AllowedUsers);

impl AllowKeys {
    pub(super) fn users(self) -> AllowedUsers {
        self.0
    }

    pub(super) fn of(users: &AllowedUsers) -> Self {
        Self(users.clone())
    }
}

impl KeySection for AllowKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        let AllowedUsers { emails, domains, groups, subjects } = &mut self.0;
        keys.key("emails", List(EmailAddress), emails, "E-mail addresses that the issuer has verified.");
        keys.key("domains", List(EmailDomain), domains, "The domains of verified addresses, without those below them.");
        keys.key("groups", List(TextValue), groups, "Groups of the claim `groups`.");
        keys.key("subjects", List(TextValue), subjects, "Users by the claim `sub`; \"*\" is every user of the issuer.");
    }
}

/// An e-mail address, compared without case.
struct EmailAddress;

impl KeyKind for EmailAddress {
    type Value = String;

    fn name(&self) -> String {
        "e-mail address".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        match text.rsplit_once('@') {
            Some((name, domain)) if !name.is_empty() && is_domain(domain) && !name.contains(char::is_whitespace) => {
                Ok(text.to_ascii_lowercase())
            }
            _ => Err(ValueError::new("not an e-mail address")
                .hint("such as ann@example.com; a whole domain goes into `domains`")),
        }
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[^\\s@]+@[^\\s@]+$" })
    }
}

/// The domain of e-mail addresses, compared without case.
struct EmailDomain;

impl KeyKind for EmailDomain {
    type Value = String;

    fn name(&self) -> String {
        "domain".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if is_domain(text) {
            return Ok(text.to_ascii_lowercase());
        }
        Err(ValueError::new(format!("{} is not a domain", Quoted(text))).hint("such as example.com"))
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.-]+$" })
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && !text.ends_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_domains_are_whole_and_compared_in_lower_case() {
        for (text, expected) in [
            ("Ann@Example.com", Some("ann@example.com")),
            ("a@b", Some("a@b")),
            ("\"odd@name\"@example.com", Some("\"odd@name\"@example.com")),
            ("@example.com", None),
            ("ann@", None),
            ("ann", None),
            ("an n@example.com", None),
            ("*@example.com", Some("*@example.com")),
        ] {
            assert_eq!(EmailAddress.parse(text).ok().as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("Example.COM", Some("example.com")),
            ("*.example.com", None),
            (".example.com", None),
            ("ann@example.com", None),
            ("", None),
        ] {
            assert_eq!(EmailDomain.parse(text).ok().as_deref(), expected, "{text}");
        }
    }
}
