//! The composition root: everything is made here and handed on; nothing reaches for a global.

mod certificates;
mod start;
mod wire;

pub use start::{App, StartError};
