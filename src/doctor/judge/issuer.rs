//! Whether users can log in at the issuers.

use crate::doctor::catalogue::{login, own as found};
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::ProbedIssuer;
use crate::http::auth::oidc::client_trial::ClientTrial;

/// Judges an issuer by what it answered.
pub(in crate::doctor) fn issuer(diagnosis: &mut Diagnosis, probed: &ProbedIssuer) {
    let ProbedIssuer { issuer, client, answered } = probed;
    let what = format!("{issuer} can be asked for logins");
    let answers = match answered {
        Err(why) => {
            diagnosis.found(found::issuer_unreachable(issuer, why));
            return diagnosis.checked(what, CheckOutcome::Bad, why.clone());
        }
        Ok(answers) => answers,
    };
    diagnosis.checked(what, CheckOutcome::Good, "it gave its settings and keys");
    if let Some(ahead) = answers.ahead.filter(|ahead| ahead.abs() > CLOCKS_APART) {
        diagnosis.found(found::issuer_clock(issuer, ahead));
    }
    match &answers.client {
        Some((has_secret, ClientTrial::Refused(said))) => {
            diagnosis.found(login::client_refused(issuer, client, *has_secret, said));
        }
        Some((_, ClientTrial::Taken)) => {
            diagnosis.checked(format!("{issuer} knows the client {client}"), CheckOutcome::Good, "it looked at a code");
        }
        Some((_, ClientTrial::Unclear(why))) => {
            diagnosis.checked(format!("{issuer} knows the client {client}"), CheckOutcome::Skipped, why.clone());
        }
        None => {
            let why = "the secret cannot be read here";
            diagnosis.checked(format!("{issuer} knows the client {client}"), CheckOutcome::Skipped, why);
        }
    }
    for (redirect, status) in &answers.refused {
        diagnosis.found(found::issuer_refuses(issuer, client, redirect, *status));
    }
}

/// Seconds. Tokens are taken from clocks that are two minutes apart.
const CLOCKS_APART: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::probe::IssuerAnswers;

    #[test]
    fn what_keeps_users_from_logging_in_is_found() {
        let refused = vec![("https://gw.example.com/.frontgate/callback".to_owned(), 400)];
        let trial =
            |has_secret, said| Ok(IssuerAnswers { client: Some((has_secret, said)), ..IssuerAnswers::default() });
        for (answered, expected) in [
            (Ok(IssuerAnswers::default()), &[][..]),
            (Ok(IssuerAnswers { ahead: Some(60), ..IssuerAnswers::default() }), &[]),
            (Ok(IssuerAnswers { ahead: Some(-61), ..IssuerAnswers::default() }), &["issuer_clock"]),
            (Ok(IssuerAnswers { refused, ..IssuerAnswers::default() }), &["issuer_refuses"]),
            (trial(true, ClientTrial::Taken), &[]),
            (trial(true, ClientTrial::Refused("invalid_client".to_owned())), &["issuer_refuses_client"]),
            (trial(false, ClientTrial::Refused("unauthorized_client".to_owned())), &["issuer_refuses_client"]),
            (trial(true, ClientTrial::Unclear("it says temporarily_unavailable".to_owned())), &[]),
            (Err("connection refused".to_owned()), &["issuer_unreachable"]),
        ] {
            let mut diagnosis = Diagnosis::default();
            let (id, client) = ("https://id.example.com".to_owned(), "gw".to_owned());
            issuer(&mut diagnosis, &ProbedIssuer { issuer: id, client, answered });
            let found: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(found, expected);
        }
    }
}
