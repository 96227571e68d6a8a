//! The gateway's own configuration, `openclaw.json`: where it is, what it says about proxies, and a careful change of it.
//!
//! It holds tokens and passwords. Nothing but the settings in [`Settings`] is taken out of it, and no error repeats its text.

mod edit;
mod place;
mod read;
mod write;

pub use edit::{Change, Edit, EditError, apply};
pub use place::find;
pub(super) use read::net;
pub use read::{Settings, Unreadable, read};
pub use write::{Written, write};
