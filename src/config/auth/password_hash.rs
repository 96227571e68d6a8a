//! [`PasswordHash`]: what a password is checked with.

use std::fmt;

use argon2::password_hash::phc;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::{MASK, SettingReader};

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

/// The hash of a password. A fault of one is described without repeating it.
pub(super) struct HashValue;

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
