//! `frontgate doctor`: finds out why a Control UI cannot connect, by trying.
//!
//! [`examine()`] looks at everything there is to look at (`probe/`: thin shells, each with a time limit, that return
//! what they saw), lets `judge/` decide what that means (pure functions from what was seen to findings), and returns a
//! [`DoctorReport`]. What the findings say is in `catalogue/`, one place for all. `settings/` reads and mends the
//! gateway's own configuration.
//! [`codes`] explains close codes. Nothing here prints, and no credential is sent anywhere.

mod catalogue;
mod certificates;
pub(crate) mod codes;
mod examine;
mod finding;
mod gateway_config;
mod judge;
mod near;
mod parts;
mod plan;
mod planned;
mod probe;
mod report;
pub(crate) mod settings;

pub(crate) use examine::{ConfigChoice, DoctorRequest, examine, examine_gateways};
pub(crate) use finding::FindingSeverity;
pub(crate) use gateway_config::{GatewayConfig, is_there};
pub(crate) use report::DoctorReport;
