//! `basic_auth`: users and their hashes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::answer::CannotSay;
use super::block::CaddyStep;
use crate::import::draft::DraftAuth;
use crate::import::passwords;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// The passwords that a directive asks for, where `outer` are already asked for.
pub(super) fn basic_auth(step: &CaddyStep<'_>, outer: &DraftAuth) -> Result<DraftAuth, CannotSay> {
    let lines = step.node.inner().iter();
    let mut users: Vec<(String, String)> = lines.map(|line| (line.name.clone(), decoded(line.arg(0)))).collect();
    users.retain(|(name, hash)| passwords::is_checkable(hash) && !name.contains('{'));
    if users.is_empty() {
        return Err(CannotSay::new("it has no user with a bcrypt or argon2 hash", WRITE));
    }
    if let DraftAuth::Basic { users: known, .. } = outer {
        // A client sends one password, which both must know.
        users.retain(|user| known.contains(user));
        if users.is_empty() {
            return Err(CannotSay::new("another password is asked for before it, and no user has both", WRITE));
        }
    }
    Ok(DraftAuth::Basic { users, user_headers: Vec::new() })
}

/// Notes what became of the users.
pub(super) fn say(step: &CaddyStep<'_>, rule: &mut ImportRule) {
    rule.say(&step.origin, Part::Auth);
    for line in step.node.inner() {
        let origin = Origin::of(&line.place, &line.shown);
        if passwords::is_checkable(&decoded(line.arg(0))) && !line.name.contains('{') {
            rule.say(&origin, Part::Auth);
        } else {
            let remedy = format!(
                "the password of `{}` is not hashed with bcrypt or argon2, so this user is refused: make a hash with `frontgate user add {}`",
                line.name, line.name
            );
            rule.say(&origin, Part::Remark(ImportVerdict::Dropped, remedy));
        }
    }
}

const WRITE: &str = "Put users under `auth: { basic: … }`, with hashes that `frontgate user add` makes";

/// Caddy's first versions wrote hashes in Base64.
fn decoded(hash: &str) -> String {
    if hash.starts_with("JDJ")
        && let Ok(bytes) = BASE64_STANDARD.decode(hash)
        && let Ok(text) = String::from_utf8(bytes)
    {
        return text;
    }
    hash.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_may_be_wrapped_in_base64() {
        assert_eq!(decoded("JDJhJDA0JHh5eg=="), "$2a$04$xyz");
        assert_eq!(decoded("$2a$14$abc"), "$2a$14$abc");
    }
}
