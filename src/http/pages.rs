//! The pages that frontgate itself shows to people: error pages, the page that offers the local CA, and the form (HTML,
//! JSON, text) that a client asked for.

pub(crate) mod accept;
pub(crate) mod ca_page;
pub(crate) mod error_page;
pub(crate) mod page;
pub(super) mod template;
