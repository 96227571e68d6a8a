//! `basic_auth`: users and their hashes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Caddy;
use crate::import::node::ImportNode;
use crate::import::old::DraftAuth;
use crate::import::passwords;
use crate::import::paths::{ImportAccess, ImportSection};

impl Caddy {
    pub(super) fn basic_auth(&mut self, node: &ImportNode) -> ImportSection {
        let (place, shown) = (&node.place, &node.shown);
        let mut users: Vec<(String, String)> = Vec::new();
        for line in node.inner() {
            let hash = decoded(line.arg(0));
            if passwords::is_checkable(&hash) {
                self.report.kept(&line.place, &line.shown, "auth: basic");
                users.push((line.name.clone(), hash));
            } else {
                let remedy = format!(
                    "the password of `{}` is not hashed with bcrypt: make a hash with `htpasswd -nB {}` and put it under `auth: {{ basic: … }}`",
                    line.name, line.name
                );
                self.report.dropped(&line.place, &line.shown, remedy);
            }
        }
        if users.is_empty() {
            self.report.dropped(
                place,
                shown,
                "it has no user with a bcrypt hash, so the route answers 403: put users under `auth: { basic: … }`",
            );
            let why = format!("`{shown}` ({place}) has no user with a password that can be checked.");
            return ImportSection { gate: ImportAccess::Shut(why), ..ImportSection::default() };
        }
        self.report.kept(place, shown, "auth: basic");
        ImportSection {
            auth: DraftAuth::Basic { users, user_header: None },
            gate: ImportAccess::Open,
            ..ImportSection::default()
        }
    }
}

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
