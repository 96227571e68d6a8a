//! What is tried, and what was seen: thin shells that return facts, each within a time of its own.

mod exchange;
mod gateway;
mod issuer;
mod listener;
mod login_service;
mod machine;
mod names;
mod part;
mod port;
mod running;
mod socket;
mod source;

pub(super) use exchange::ProbeFields;
pub(super) use gateway::{Distrust, GatewayReach, Listening, ProbedGateway, look as look_at_gateway};
#[cfg(test)]
pub(super) use issuer::IssuerAnswers;
pub(super) use issuer::{ProbedIssuer, look as look_at_issuers};
pub(super) use listener::{ProbedListener, ProbedWebSocket, look_at_certificate, look_through};
pub(super) use login_service::{ProbedLoginService, look as look_at_login_services};
pub(super) use machine::{MachineLimits, files, look as look_at_machine, ports as local_ports};
pub(super) use names::{ProbedName, find as find_names};
pub(super) use part::{ProbedPart, SeenPart, look as look_at_part};
pub(super) use port::{PortError, PortHolder, ProbedPort, look as look_at_port};
#[cfg(test)]
pub(super) use running::FrontgateStatus;
pub(super) use running::{RunningFrontgate, look as look_for_running};
pub(super) use socket::{ConnectAnswer, OpenedSocket, RefusalSubject};
pub(super) use source::elsewhere as sources_elsewhere;
