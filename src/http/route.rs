//! Which route a request takes ([`router`]), which guards hold for its path in every reading, and what becomes of its
//! header fields.

pub(crate) mod answer;
pub(crate) mod guard;
pub(crate) mod header_rules;
pub mod headers;
pub mod protected;
pub(crate) mod reading;
pub mod router;
pub(super) mod spelling;
pub(crate) mod stack;
