//! The composition root: everything is made here and handed on; nothing reaches for a global.

mod acme;
mod certificates;
mod check;
mod connections;
mod doors;
mod error;
mod gateways;
mod numbers;
mod operator;
mod reload;
mod running;
mod site;
mod start;
mod wire;
mod written;

pub use certificates::CertificateFacts;
pub use check::{Unusable, check_files};
pub use error::StartError;
pub use operator::Reply;
pub use reload::{Reloading, Unchanging};
pub use start::App;
pub use written::Written;
