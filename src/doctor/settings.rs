//! The gateway's own configuration, `openclaw.json`: where it is, what it says about proxies, and a careful change of
//! it.
//!
//! frontgate's own configuration is changed in one place only, `forwarded.strip` ([`strip()`]).
//!
//! The gateway's configuration holds tokens and passwords. Nothing but the settings in [`GatewaySettings`] is taken out
//! of it, and no error repeats its text.

mod edit;
mod place;
mod read;
mod strip;
mod write;

pub use edit::{EditError, SettingChange, SettingEdit, apply};
pub use place::{Looked, find};
pub use read::{AppsListener, GatewaySettings, TrustedProxy, UnreadableSettings, read};
pub(super) use read::{DEFAULT_PORT, net};
pub use strip::strip;
pub use write::{WrittenSettings, write};
