//! `auth`: the login that a request needs to pass.

use std::fmt;

use argon2::password_hash::phc;
use http::HeaderName;
use serde_json::{Value as Json, json};

use super::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use super::kinds::{Keyed, Mapping, NoValue, OneOrMany, Optional, Quoted};
use super::node::{ConfigNode, ConfigValue};
use super::problem::ValueError;
use super::setting::{MASK, SettingReader};

/// The login that a request needs to pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// None: every request passes.
    #[default]
    None,
    /// A user's name and password (RFC 7617).
    Basic(BasicAuth),
}

/// The users that may log in, and the header that names them to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BasicAuth {
    /// Each user's name and the hash of the password.
    pub(crate) users: Vec<(String, PasswordHash)>,
    /// The header fields that tell the gateway the user's name.
    pub(crate) user_headers: Vec<HeaderName>,
}

/// The hash of a password. `Debug` masks it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PasswordHash {
    /// `$argon2id$…` in the PHC string format; argon2i and argon2d, too.
    Argon2(String),
    /// `$2b$…`; `$2a$` and `$2y$`, too.
    Bcrypt(String),
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The kind of `auth`: `none`, or users.
pub(super) struct AuthOf;

const KEYS: Keyed<AuthKeys> = Keyed::NEW;

impl KeyKind for AuthOf {
    type Value = Auth;

    fn name(&self) -> String {
        format!("none or {}", KEYS.name())
    }

    fn parse(&self, text: &str) -> Result<Auth, ValueError> {
        match text {
            "none" => Ok(Auth::None),
            "basic" => Err(ValueError::new("`basic` needs users").hint(EXAMPLE)),
            _ => Err(ValueError::new(format!("{} is not none", Quoted(text))).hint(EXAMPLE)),
        }
    }

    fn write(&self, value: &Auth) -> YamlText {
        match value {
            Auth::None => YamlText::Word("none".to_owned()),
            Auth::Basic(BasicAuth { users, user_headers }) => {
                KEYS.write(&AuthKeys { basic: Some(users.clone()), user_headers: user_headers.clone() })
            }
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "const": "none" }, KEYS.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Auth> {
        if let ConfigValue::Map(_) = node.value {
            let AuthKeys { basic, user_headers } = KEYS.read(node, at)?;
            return Some(Auth::Basic(BasicAuth { users: basic?, user_headers }));
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name())).hint(EXAMPLE)),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }
}

const EXAMPLE: &str = "such as auth: { basic: { ann: \"$argon2id$…\" } }";

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct AuthKeys {
    basic: Option<Vec<(String, PasswordHash)>>,
    user_headers: Vec<HeaderName>,
}

impl KeySection for AuthKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "basic",
            Optional(NoValue::Null, Mapping(UserName, HashValue)),
            &mut self.basic,
            "Users and the hashes of their passwords, argon2 or bcrypt.",
        );
        keys.key(
            "user_header",
            OneOrMany(UserHeader),
            &mut self.user_headers,
            "The header that tells the gateway the user's name, or a list of them; a client's own are deleted.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        match &self.basic {
            None => checks.report(&["basic"], ValueError::new("`basic` is missing").hint(EXAMPLE)),
            Some(users) if users.is_empty() => {
                checks.report(&["basic"], ValueError::new("without users no client gets in").hint(EXAMPLE));
            }
            Some(_) => {}
        }
    }
}

/// A user's name; RFC 7617 §2 rules out the colon.
struct UserName;

impl KeyKind for UserName {
    type Value = String;

    fn name(&self) -> String {
        "user".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        if text.is_empty()
            || text.len() > LONGEST_USER
            || text.trim() != text
            || text.contains(|c: char| c == ':' || c.is_control())
        {
            let fault = ValueError::new("not the name of a user");
            return Err(fault.hint("some letters, at most 255, without a colon and without spaces around them"));
        }
        Ok(text.to_owned())
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[^:]+$", "maxLength": LONGEST_USER })
    }
}

const LONGEST_USER: usize = 255;

/// The hash of a password. A fault of one is described without repeating it.
struct HashValue;

impl KeyKind for HashValue {
    type Value = PasswordHash;

    fn name(&self) -> String {
        "hash".to_owned()
    }

    fn parse(&self, text: &str) -> Result<PasswordHash, ValueError> {
        if text.starts_with("$argon2") {
            return argon2(text);
        }
        if ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix)) {
            return bcrypt(text);
        }
        if text == MASK {
            return Err(ValueError::new("the hash was masked when it was printed").hint("write the hash itself"));
        }
        let known = ["$apr1$", "{SHA}", "$1$", "$5$", "$6$", "$7$", "$y$", "$scrypt$", "$pbkdf2", "{SSHA}", "$2x$"];
        let other = known.iter().any(|prefix| text.starts_with(prefix));
        let fault = if other { "this kind of hash is not known here" } else { "not the hash of a password" };
        Err(ValueError::new(fault).hint(HOW))
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<PasswordHash> {
        if at.is_masked(&node.value) {
            // No password has this hash.
            return Some(PasswordHash::Bcrypt(MASK.to_owned()));
        }
        let read = match &node.value {
            ConfigValue::Scalar(text) => self.parse(text),
            _ => Err(ValueError::new(format!("expected {}", self.name())).hint(HOW)),
        };
        read.map_err(|fault| at.report(&node.place, fault)).ok()
    }

    fn write(&self, _value: &PasswordHash) -> YamlText {
        YamlText::Word(MASK.to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^\\$(argon2(id|i|d)|2[aby])\\$" })
    }
}

const HOW: &str = "`htpasswd -nBC 12 ann` makes one with bcrypt, `argon2` or `caddy hash-password` others";

fn argon2(text: &str) -> Result<PasswordHash, ValueError> {
    let broken = || ValueError::new("a broken argon2 hash").hint("copy it anew, whole, in single quotes");
    let hash = phc::PasswordHash::new(text).map_err(|_| broken())?;
    let known = argon2::Algorithm::try_from(hash.algorithm.as_str()).is_ok();
    let cost = argon2::Params::try_from(&hash).map_err(|_| broken())?;
    if !known || hash.salt.is_none() || hash.hash.is_none() {
        return Err(broken());
    }
    // Every login pays this cost, also a failed one.
    if cost.m_cost() > MOST_MEMORY || cost.t_cost() > MOST_PASSES || cost.p_cost() > MOST_LANES {
        return Err(ValueError::new("the hash costs too much to be checked for each login")
            .hint("at most 256 MiB (m=262144), t=32 and p=16; 19 MiB (m=19456), t=2 and p=1 are usual"));
    }
    Ok(PasswordHash::Argon2(text.to_owned()))
}

fn bcrypt(text: &str) -> Result<PasswordHash, ValueError> {
    let broken = || ValueError::new("a broken bcrypt hash").hint("copy it anew, whole, in single quotes");
    let parts = text.parse::<bcrypt::HashParts>().map_err(|_| broken())?;
    match parts.get_cost() {
        0..4 | 32.. => Err(broken()),
        4..=MOST_COST => Ok(PasswordHash::Bcrypt(text.to_owned())),
        _ => Err(ValueError::new("the hash costs too much to be checked for each login")
            .hint("a cost of at most 15; 12 is usual: `htpasswd -nBC 12 ann`")),
    }
}

/// KiB of memory.
const MOST_MEMORY: u32 = 256 * 1024;
const MOST_PASSES: u32 = 32;
const MOST_LANES: u32 = 16;
/// bcrypt's cost; a login takes some two seconds.
const MOST_COST: u32 = 15;

/// The name of the header that only frontgate may set.
struct UserHeader;

impl KeyKind for UserHeader {
    type Value = HeaderName;

    fn name(&self) -> String {
        "header name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        super::routes::identity_field(text)
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }
}
