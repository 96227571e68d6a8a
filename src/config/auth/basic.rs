//! `auth.basic`: users and their passwords.

use super::password_hash::{HashValue, PasswordHash};
use super::user_name::UserName;
use crate::config::keys::SectionChecks;
use crate::config::kinds::Mapping;
use crate::config::problem::ValueError;

/// The users that may log in with a name and a password (RFC 7617).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct BasicAuth {
    /// Each user's name and the hash of the password.
    pub(crate) users: Vec<(String, PasswordHash)>,
}

/// The kind of the users.
pub(super) const USERS: Mapping<UserName, HashValue> = Mapping(UserName, HashValue);

/// Reports a list without users.
pub(super) fn check(users: Option<&[(String, PasswordHash)]>, checks: &mut SectionChecks<'_>) {
    if users.is_some_and(<[_]>::is_empty) {
        checks.report(&["basic"], ValueError::new("without users no client gets in").hint(super::EXAMPLE));
    }
}
