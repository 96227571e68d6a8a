//! What a WebSocket through frontgate means.

use std::time::Duration;

use http::StatusCode;

use super::PATIENCE_OF_THE_UI;
use super::gateway::{describe, is_attribution};
use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::{OpenedSocket, ProbedListener, ProbedWebSocket};

/// Judges a listener. `direct` is how long the gateway's first frame takes when it is asked directly; `None`: there is
/// none, and that has a finding already.
pub(in crate::doctor) fn probed(diagnosis: &mut Diagnosis, probed: &ProbedListener, direct: Option<Duration>) {
    let address = &probed.address;
    let what = format!("through {address} a WebSocket opens and connect.challenge comes");
    let through = match &probed.through {
        Err(why) => return diagnosis.checked(what, CheckOutcome::Skipped, *why),
        Ok(ProbedWebSocket::NoConnection(why)) => {
            diagnosis.checked(what, CheckOutcome::Bad, why);
            return diagnosis.found(found::unreachable(address, why));
        }
        Ok(ProbedWebSocket::Tried(opened)) => opened,
    };
    let Some(direct) = direct else {
        return diagnosis.checked(what, CheckOutcome::Skipped, "the gateway itself does not");
    };
    let finding = match through {
        OpenedSocket::Challenged { after, .. } if *after > PATIENCE_OF_THE_UI && direct <= PATIENCE_OF_THE_UI => {
            Some(found::slow(address, *after, direct))
        }
        OpenedSocket::Challenged { .. } => None,
        // The gateway takes this very machine for a proxy, or for itself: clients on other machines are not concerned.
        opened if is_attribution(opened) => {
            return diagnosis.checked(
                what,
                CheckOutcome::Skipped,
                "the gateway does not take this machine for a client",
            );
        }
        OpenedSocket::Refused { status: StatusCode::UNAUTHORIZED, .. } => {
            return diagnosis.checked(what, CheckOutcome::Skipped, "it asks for a name and a password");
        }
        OpenedSocket::Refused { status, .. } => Some(found::refuses(address, *status)),
        other => Some(found::swallows(address, &describe(other))),
    };
    let outcome = if finding.is_some() { CheckOutcome::Bad } else { CheckOutcome::Good };
    let saw = match through {
        OpenedSocket::Challenged { after, .. } => format!("{} ms", after.as_millis()),
        other => describe(other),
    };
    diagnosis.checked(what, outcome, saw);
    if let Some(finding) = finding {
        diagnosis.found(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::probe::{ConnectAnswer, RefusalSubject};

    #[test]
    fn what_the_gateway_does_and_frontgate_does_not_is_frontgates_fault() {
        let ms = Duration::from_millis;
        let challenged =
            |after| OpenedSocket::Challenged { after: ms(after), ahead: None, answered: ConnectAnswer::NotAsked };
        let refused = |status: u16, said| OpenedSocket::Refused { status: StatusCode::from_u16(status).unwrap(), said };
        let tried = |opened| Ok(ProbedWebSocket::Tried(opened));
        let rows = [
            (tried(challenged(5)), Some(ms(3)), None),
            (tried(challenged(900)), Some(ms(3)), Some("frontgate_slow")),
            (tried(challenged(900)), Some(ms(800)), None),
            (tried(refused(403, RefusalSubject::Attribution)), Some(ms(3)), None),
            (tried(refused(401, RefusalSubject::Other)), Some(ms(3)), None),
            (tried(refused(502, RefusalSubject::Other)), Some(ms(3)), Some("frontgate_refuses")),
            (tried(refused(502, RefusalSubject::Other)), None, None),
            (tried(OpenedSocket::Silent), Some(ms(3)), Some("frontgate_swallows")),
            (
                tried(OpenedSocket::Closed { code: 1012, reason: String::new() }),
                Some(ms(3)),
                Some("frontgate_swallows"),
            ),
            (Ok(ProbedWebSocket::NoConnection("refused".to_owned())), None, Some("listener_unreachable")),
            (Err("it wants a certificate of its clients"), Some(ms(3)), None),
        ];
        for (through, direct, expected) in rows {
            let mut diagnosis = Diagnosis::default();
            let one = ProbedListener { address: "[::]:8443".to_owned(), through, shown: Vec::new() };
            probed(&mut diagnosis, &one, direct);
            assert_eq!(diagnosis.findings.first().map(|finding| finding.id), expected, "{one:?}");
            assert_eq!(diagnosis.checks.len(), 1);
        }
    }
}
