//! Whether users can log in at the issuers.

use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::doctor::probe::ProbedIssuer;

/// Judges an issuer by what it answered.
pub(in crate::doctor) fn issuer(diagnosis: &mut Diagnosis, probed: &ProbedIssuer) {
    let what = format!("{} can be asked for logins", probed.issuer);
    match &probed.failed {
        None => diagnosis.checked(what, CheckOutcome::Good, "it gave its settings and keys"),
        Some(why) => {
            diagnosis.found(found::issuer_unreachable(&probed.issuer, why));
            diagnosis.checked(what, CheckOutcome::Bad, why.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_cannot_be_asked_is_a_finding() {
        let probed = |failed: Option<&str>| {
            let mut diagnosis = Diagnosis::default();
            let failed = failed.map(str::to_owned);
            issuer(&mut diagnosis, &ProbedIssuer { issuer: "https://id.example.com".to_owned(), failed });
            diagnosis.findings.iter().map(|finding| finding.id).collect::<Vec<_>>()
        };
        assert!(probed(None).is_empty());
        assert_eq!(probed(Some("connection refused")), ["issuer_unreachable"]);
    }
}
