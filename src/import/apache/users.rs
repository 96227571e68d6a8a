//! Users and their passwords, from the files of `AuthUserFile` and `AuthGroupFile`.

use std::collections::BTreeMap;

use super::Apache;
use super::access::CLAIM;
use super::scope::SectionBody;
use crate::import::reader::Unread;
use crate::import::tree::{Origin, Shut};
use crate::import::{ImportError, passwords};

impl Apache<'_, '_> {
    /// The users of these names, or all, whose passwords can be checked; or why there are none. `require` is the
    /// directive that asks for them.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(super) fn users(
        &mut self,
        body: &SectionBody,
        names: Option<&[String]>,
        require: &Origin,
    ) -> Result<Result<Vec<(String, String)>, Shut>, ImportError> {
        let shut = |origin: &Origin, why: String, write: &str| {
            Ok(Err(Shut { origin: origin.clone(), why, write: write.to_owned() }))
        };
        match &body.auth_type {
            _ if names.is_some_and(|names| names.iter().any(|name| name.starts_with(CLAIM))) => {
                return shut(require, "frontgate asks for claims of logins at an issuer only".to_owned(), PASSWORDS);
            }
            Some((origin, kind)) if kind == "basic" && !body.is_named => {
                return shut(origin, "without an AuthName beside it Apache answers 500".to_owned(), PASSWORDS);
            }
            Some((_, kind)) if kind == "basic" => {}
            Some((origin, kind)) if kind.contains("openid") || kind.contains("oauth") => {
                return shut(origin, format!("AuthType {kind} cannot be translated"), LOGIN);
            }
            Some((origin, kind)) => return shut(origin, format!("AuthType {kind} cannot be translated"), PASSWORDS),
            None => return shut(require, "there is no AuthType for it".to_owned(), PASSWORDS),
        }
        if let Some((origin, _)) = body.provider.as_ref().filter(|(_, provider)| provider != "file") {
            return shut(origin, "frontgate asks no other program for users".to_owned(), PASSWORDS);
        }
        let Some((origin, name)) = &body.user_file else {
            return shut(require, "there is no AuthUserFile for it".to_owned(), PASSWORDS);
        };
        let text = match self.files.text(&self.root.join(name)) {
            Ok(text) => text,
            Err(Unread::Limit(error)) => return Err(error),
            Err(Unread::Io(error)) => return shut(origin, format!("it cannot be read ({error})"), PASSWORDS),
        };
        let wanted = |user: &str| names.is_none_or(|names| names.iter().any(|name| name == user));
        let (mut found, mut lost) = passwords::users(&text);
        found.retain(|(user, _)| wanted(user));
        lost.retain(|user| wanted(user));
        for user in &lost {
            let remedy = format!(
                "the password of `{user}` is not hashed with bcrypt, so that `{user}` is let in nowhere: make a hash with `htpasswd -nB \
                 {user}` and put it under `auth: {{ basic: … }}`"
            );
            self.report.dropped(&origin.place, &origin.shown, remedy);
        }
        if found.is_empty() {
            return shut(
                origin,
                format!("{name} has none of the users with a password that is hashed with bcrypt"),
                PASSWORDS,
            );
        }
        Ok(Ok(found))
    }

    /// The groups in a file with their users; `None` where it cannot be read.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(super) fn groups(&mut self, name: &str) -> Result<Option<BTreeMap<String, Vec<String>>>, ImportError> {
        let text = match self.files.text(&self.root.join(name)) {
            Ok(text) => text,
            Err(Unread::Limit(error)) => return Err(error),
            Err(Unread::Io(_)) => return Ok(None),
        };
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let groups = lines.filter_map(|line| line.split_once(':'));
        Ok(Some(
            groups
                .map(|(name, users)| (name.trim().to_owned(), users.split_whitespace().map(str::to_owned).collect()))
                .collect(),
        ))
    }
}

const PASSWORDS: &str =
    "List the users with bcrypt hashes (`htpasswd -nB NAME`) in the route: `auth: { basic: { NAME: HASH } }`";
const LOGIN: &str = "frontgate has no such login here: list users with passwords in the route, `auth: { basic: … }`, or keep the program that \
                     knows the login between frontgate and the gateway";
