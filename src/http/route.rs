//! Which route a request takes ([`router`]), which guards hold for its path in every reading, and what becomes of its
//! header fields.

pub mod answer;
pub mod guard;
pub mod header_rules;
pub mod headers;
pub mod protected;
pub mod reading;
pub mod router;
pub(super) mod spelling;
pub mod stack;
