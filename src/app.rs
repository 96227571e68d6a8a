//! The composition root: this module creates every part and hands it to the others; no part reaches for a global.

mod acme;
mod assembly;
mod background_task;
mod certificates;
mod check;
mod closing;
mod cluster;
mod config_source;
mod connections;
mod doctor_visits;
mod drain_turn;
mod drained_endpoints;
mod ended_sessions;
mod error;
mod exposed;
pub(super) mod file_watch;
mod found_group;
mod found_member;
mod gateway_dial;
mod gateways;
mod issuers;
mod known_names;
mod listeners;
mod logins;
mod mdns;
mod operator;
mod operator_lists;
mod operator_page;
mod reload;
mod reload_refused;
mod reload_status;
mod routers;
mod runtime;
mod scrape;
mod shared_drains;
mod shared_state;
mod start;
mod sticky_keys;
mod tap;
#[cfg(feature = "otlp")]
mod telemetry;
#[cfg(not(feature = "otlp"))]
#[path = "app/no_telemetry.rs"]
mod telemetry;
mod tickets;
mod watched_names;

pub(crate) use check::{UnusableConfig, check_files, check_machine, check_names, warn_of};
pub(crate) use config_source::{ConfigSource, UnfitSuccessor};
pub(crate) use drain_turn::DrainTurn;
pub(crate) use error::StartError;
pub(crate) use reload::ReloadParts;
pub use start::App;
