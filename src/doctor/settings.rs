//! The gateway's own configuration, `openclaw.json`: where it is, what it says about proxies, and a careful change of
//! it.
//!
//! frontgate's own configuration is changed in one place only, `forwarded.strip` ([`strip()`]).
//!
//! The gateway's configuration holds tokens and passwords. Nothing but the settings in [`GatewaySettings`] is taken out
//! of it, and no error repeats its text.

mod edit;
pub(crate) mod paths;
mod place;
mod read;
mod strip;
mod write;

pub(crate) use edit::{SettingChange, SettingEdit, SettingValue, apply};
pub(crate) use place::find;
pub(super) use read::net;
pub(crate) use read::{DEFAULT_PORT, GatewaySettings, UnreadableSettings, base_path, read};
pub(crate) use strip::strip;
pub(crate) use write::{WrittenSettings, write, write_like};
