//! Logins that last: what is known of a user, sealed into cookies of the user's browser. Frontgate itself keeps the keys
//! and the list of logins that have ended early, and nothing of those that go on.
//!
//! [`sealing`], [`cookies`], [`contents`] and [`ended`] are pure; [`store`] reads and writes the two files.

pub mod contents;
pub mod cookies;
pub(crate) mod ended;
pub mod sealing;
pub(crate) mod store;
