//! The composition root: everything is made here and handed on; nothing reaches for a global.

mod acme;
mod certificates;
mod check;
mod connections;
mod doors;
mod error;
mod exposed;
mod gateways;
mod numbers;
mod operator;
mod refused;
mod reload;
mod running;
mod site;
mod start;
mod told;
mod wire;
mod written;

pub use certificates::CertificateFacts;
pub use check::{Unusable, check_files, check_machine, check_names, warn_of};
pub use error::StartError;
pub use operator::Reply;
pub use reload::{Reloading, Unchanging};
pub use start::App;
pub use written::{Unfit, Written};
