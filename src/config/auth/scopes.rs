//! `auth.scopes`: what each user may do at the gateway, at most.

use serde_json::{Value as Json, json};

use super::user_name::UserName;
use crate::config::keys::{KeyKind, SectionChecks, YamlText};
use crate::config::kinds::{List, Mapping, Quoted};
use crate::config::problem::ValueError;

/// The scopes of OpenClaw that each user may have at most.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ScopeCaps {
    /// The scopes under the names of users; `*` is for all whom no other entry names.
    pub(crate) caps: Vec<(String, Vec<String>)>,
}

impl ScopeCaps {
    /// The scopes that this user may have: none for one that is not named.
    pub(crate) fn of(&self, user: &str) -> &[String] {
        let named = |name: &str| self.caps.iter().find(|(own, _)| own == name);
        named(user).or_else(|| named(ANY_OTHER)).map_or(&[], |(_, scopes)| scopes.as_slice())
    }
}

/// The name of all users that no other entry names.
const ANY_OTHER: &str = "*";

/// The kind of the caps.
pub(super) const CAPS: Mapping<UserName, List<ScopeName>> = Mapping(UserName, List(ScopeName));

/// Reports caps without a user.
pub(super) fn check(caps: Option<&[(String, Vec<String>)]>, checks: &mut SectionChecks<'_>) {
    if caps.is_some_and(<[_]>::is_empty) {
        let fault = ValueError::new("names no user");
        checks.report(&["scopes"], fault.hint("such as scopes: { ann@example.com: [operator.read], \"*\": [] }"));
    }
}

/// The name of a scope.
pub(super) struct ScopeName;

impl KeyKind for ScopeName {
    type Value = String;

    fn name(&self) -> String {
        "scope".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/*".contains(&byte);
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(letter) {
            return Err(ValueError::new(format!("{} is not a scope", Quoted(text))).hint("such as operator.read"));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9._:/*-]+$", "maxLength": LONGEST })
    }
}

const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_is_not_named_has_no_scope() {
        let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let named = ("ann".to_owned(), scopes(&["operator.read", "operator.write"]));
        let caps = ScopeCaps { caps: vec![named.clone()] };
        assert_eq!((caps.of("ann").len(), caps.of("bob").len(), caps.of("*").len()), (2, 0, 0));
        let caps = ScopeCaps { caps: vec![("*".to_owned(), scopes(&["operator.read"])), named] };
        assert_eq!((caps.of("ann").len(), caps.of("bob").len()), (2, 1));
    }
}
