//! The pages that frontgate itself shows to people: error pages, the page that offers the local CA, and the form (HTML,
//! JSON, text) that a client asked for.

pub mod accept;
pub mod ca_page;
pub mod error_page;
pub mod page;
pub(super) mod template;
