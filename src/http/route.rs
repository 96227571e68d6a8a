//! Which route a request takes ([`table`]), which guards hold for it in every reading, and what becomes of its header
//! fields.

pub(crate) mod answer;
mod credential_fields;
mod field_readings;
mod field_values;
pub(crate) mod guard;
pub(crate) mod header_rules;
pub mod headers;
pub mod matches;
pub mod protected;
pub(crate) mod reading;
pub(crate) mod redirect;
pub(crate) mod router;
pub(super) mod spelling;
pub(crate) mod stack;
pub mod table;
mod truth;
