//! The composition root: this module creates every part and hands it to the others; no part reaches for a global.

mod acme;
mod assembly;
mod background_task;
mod certificates;
mod check;
mod config_source;
mod connections;
mod error;
mod exposed;
pub(super) mod file_watch;
mod gateways;
mod listeners;
mod operator;
mod reload;
mod reload_refused;
mod reload_status;
mod runtime;
mod scrape;
mod start;

pub use certificates::CertificateFacts;
pub use check::{UnusableConfig, check_files, check_machine, check_names, warn_of};
pub use config_source::{ConfigSource, UnfitSuccessor};
pub use error::StartError;
pub use operator::HandoverReply;
pub use reload::{ReloadParts, ReloadPause};
pub use start::App;
