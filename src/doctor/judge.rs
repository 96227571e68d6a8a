//! From what was seen to findings: pure functions, one file for each thing that was looked at.

mod ceiling;
mod certificate;
mod gateway;
mod identity;
mod issuer;
mod listener;
mod login_cookies;
mod login_service;
mod machine;
mod name;
mod origin;
mod part;
mod running;
mod settings;

pub(super) use ceiling::{CarriedBy, ceiling};
pub(super) use certificate::{CertificateKind, CertificateSeenAt, certificate};
pub(super) use gateway::gateway;
pub(super) use identity::identity;
pub(super) use issuer::issuer;
pub(super) use listener::probed;
pub(super) use login_cookies::cookies;
pub(super) use login_service::login_service;
pub(super) use machine::machine;
pub(super) use name::name;
pub(super) use origin::origins;
pub(super) use part::{addresses, part};
pub(super) use running::{ports, running};
pub(super) use settings::{own_settings, settings};

use std::time::Duration;

/// How long the Control UI waits for the gateway's first frame.
const PATIENCE_OF_THE_UI: Duration = Duration::from_millis(750);
