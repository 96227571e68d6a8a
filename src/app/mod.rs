//! The composition root: everything is made here and handed on; nothing reaches for a global.

mod acme;
mod certificates;
mod error;
mod start;
mod wire;

pub use certificates::CertificateFacts;
pub use error::StartError;
pub use start::App;
