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
    fn a_service_says_who_may_pass_or_is_found() {
        let status = |code| Ok(StatusCode::from_u16(code).unwrap());
        for (answered, is_found) in [
            (status(200), false),
            (status(204), false),
            (status(302), false),
            (status(401), false),
            (status(403), false),
            (status(404), true),
            (status(405), true),
            (status(500), true),
            (status(503), true),
            (Err("connection refused".to_owned()), true),
        ] {
            let mut diagnosis = Diagnosis::default();
            let shown = format!("{answered:?}");
            login_service(&mut diagnosis, &ProbedLoginService { url: "http://127.0.0.1:9091".to_owned(), answered });
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, if is_found { &["login_service_silent"][..] } else { &[] }, "{shown}");
        }
    }
}
