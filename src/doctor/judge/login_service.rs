//! Whether the login services (`auth.forward`) let users in.

use crate::doctor::catalogue::login as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::ProbedLoginService;

/// Judges a login service by its answer to a request that shows no login.
pub(in crate::doctor) fn login_service(diagnosis: &mut Diagnosis, probed: &ProbedLoginService) {
    let ProbedLoginService { url, answered } = probed;
    let what = format!("{url} answers for logins");
    let why = match answered {
        Ok(status) if status.is_server_error() || matches!(status.as_u16(), 101 | 404 | 405) => {
            format!("it answered {}", status.as_u16())
        }
        Ok(status) if status.is_success() => {
            diagnosis.found(found::service_open(url, status.as_u16()));
            let said = format!("it lets in a request without a login, with {}", status.as_u16());
            return diagnosis.checked(what, CheckOutcome::Bad, said);
        }
        Ok(status) => return diagnosis.checked(what, CheckOutcome::Good, format!("with {}", status.as_u16())),
        Err(why) => why.clone(),
    };
    diagnosis.found(found::service_silent(url, &why));
    diagnosis.checked(what, CheckOutcome::Bad, why);
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_service_that_lets_nobody_or_everybody_in_is_found() {
        let status = |code| Ok(StatusCode::from_u16(code).unwrap());
        let (open, silent) = (&["login_service_open"][..], &["login_service_silent"][..]);
        for (answered, expected) in [
            (status(200), open),
            (status(204), open),
            (status(302), &[]),
            (status(401), &[]),
            (status(403), &[]),
            (status(404), silent),
            (status(405), silent),
            (status(500), silent),
            (status(503), silent),
            (Err("connection refused".to_owned()), silent),
        ] {
            let mut diagnosis = Diagnosis::default();
            let shown = format!("{answered:?}");
            login_service(&mut diagnosis, &ProbedLoginService { url: "http://127.0.0.1:9091".to_owned(), answered });
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{shown}");
        }
    }
}
