//! A page of a gateway's, asked for through frontgate.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::pki_types::ServerName;

use super::exchange::{LONGEST_BODY, ProbeFields, get};
use crate::config::Name;
use crate::doctor::parts::PlannedPart;
use crate::doctor::plan::ClientDial;
use crate::tls::{CertDescription, TlsProbe};
use crate::upstream::{ConnectError, Connector};

/// A page, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct ProbedPart {
    pub(in crate::doctor) planned: PlannedPart,
    /// The listener that was asked.
    pub(in crate::doctor) address: String,
    pub(in crate::doctor) seen: SeenPart,
}

/// What was seen of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) enum SeenPart {
    /// The listener has no certificate for the name.
    OtherCertificate,
    /// The listener cannot be connected to.
    Nothing,
    /// The listener was connected to, and gave no answer in time: frontgate waits for a server that does not run.
    Silent,
    Answered {
        status: StatusCode,
        location: Option<String>,
        text: String,
    },
}

/// Asks for it at the listener `dial`, over TLS or not.
pub(in crate::doctor) async fn look(
    planned: &PlannedPart,
    dial: &ClientDial,
    is_tls: bool,
    address: String,
) -> ProbedPart {
    let seen = ask(planned, dial, is_tls).await.unwrap_or(SeenPart::Nothing);
    ProbedPart { planned: planned.clone(), address, seen }
}

async fn ask(planned: &PlannedPart, dial: &ClientDial, is_tls: bool) -> Option<SeenPart> {
    let ClientDial::Tcp(at) = dial else { return None };
    let tls = if is_tls {
        let (probe, config) = TlsProbe::new().ok()?;
        let name = ServerName::try_from(planned.name.clone()).ok()?;
        Some((probe, (config, name)))
    } else {
        None
    };
    let (probe, client): (Option<Arc<TlsProbe>>, _) =
        tls.map_or((None, None), |(probe, client)| (Some(probe), Some(client)));
    let stream = match Connector::at(*at, Some(CONNECT), client).connect().await {
        Ok(stream) => Some(stream),
        Err(ConnectError::Tls(_)) => None,
        Err(_) => return None,
    };
    let shown = probe.and_then(|probe| probe.shown());
    let leaf = shown.as_ref().and_then(|shown| CertDescription::read(shown.chain.first()?));
    let name = Name::Dns(planned.name.clone());
    if is_tls && leaf.is_none_or(|leaf| !leaf.covers(&name)) {
        return Some(SeenPart::OtherCertificate);
    }
    let answered = get(stream?, &planned.name, planned.path, &ProbeFields::new(), LONGEST_BODY).await;
    Some(answered.map_or(SeenPart::Silent, |answer| SeenPart::Answered {
        status: answer.status,
        location: answer.location,
        text: answer.text,
    }))
}

const CONNECT: Duration = Duration::from_secs(2);
