//! Whether users can log in at the issuers.

use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::ProbedIssuer;

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
        for (answered, expected) in [
            (Ok(IssuerAnswers::default()), &[][..]),
            (Ok(IssuerAnswers { ahead: Some(60), ..IssuerAnswers::default() }), &[]),
            (Ok(IssuerAnswers { ahead: Some(-61), ..IssuerAnswers::default() }), &["issuer_clock"]),
            (Ok(IssuerAnswers { refused, ..IssuerAnswers::default() }), &["issuer_refuses"]),
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
