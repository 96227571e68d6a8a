//! Logins that last: what is known of a user, sealed into cookies of the user's browser. Frontgate itself keeps the keys
//! and the list of logins that have ended early; of those that go on only tokens that their browsers could not be given yet.
//!
//! [`sealing`], [`cookies`], [`contents`], [`ended`] and [`kept`] are pure; [`store`] reads and writes the files.

pub mod contents;
pub mod cookies;
pub(crate) mod ended;
pub(crate) mod kept;
pub mod sealing;
pub(crate) mod store;
