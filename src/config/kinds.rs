//! The kinds of values that keys hold. A kind turns text into a type once, explains what is wrong with a text, and
//! writes the type back.

mod addr;
mod cert_name;
mod cidr;
mod client_ca;
mod duration;
mod file;
mod given_name;
mod hsts;
mod ip;
mod keyed;
mod list;
mod mapping;
mod number;
mod off;
mod off_or_keys;
mod one_or_many;
mod origin;
mod size;
mod text;
pub(super) mod unix_access;
mod word;

pub(super) use addr::AddrValue;
pub(super) use cert_name::CertName;
pub use cert_name::Name;
pub(crate) use cert_name::is_label;
pub(super) use cidr::Cidr;
pub use client_ca::ClientCa;
pub(super) use client_ca::ClientCaFile;
pub use client_ca::ClientMode;
pub(super) use duration::DurationValue;
pub(crate) use duration::{LONGEST_TIME, spread_time};
pub(super) use file::{FilePath, absolute_unix_path};
pub(super) use given_name::{GivenName, is_given_name};
pub(crate) use hsts::Hsts;
pub(super) use hsts::HstsPolicy;
pub(crate) use hsts::LONGEST_HSTS;
pub(super) use ip::SourceIp;
pub(super) use keyed::Keyed;
pub(super) use list::List;
pub(super) use mapping::Mapping;
pub(super) use number::Number;
pub(super) use off::{NoValue, Optional};
pub(super) use off_or_keys::OffOrKeys;
pub(super) use one_or_many::OneOrMany;
pub(super) use origin::{HttpsOrigin, WebOrigin};
pub(super) use size::SizeValue;
pub(super) use text::TextValue;
pub(crate) use unix_access::UnixAccess;
pub(super) use word::WordOf;

use std::fmt;

/// A value as a message quotes it: escaped, cut to what fits a line, and left out entirely when it may hold a secret,
/// such as a URL with a password or a key that was pasted in.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(['@', '?']) || self.0.contains("-----") {
            return f.write_str("the value");
        }
        let mut letters = self.0.chars();
        write!(f, "`")?;
        for letter in letters.by_ref().take(60) {
            write!(f, "{}", letter.escape_debug())?;
        }
        f.write_str(if letters.next().is_some() { "…`" } else { "`" })
    }
}
