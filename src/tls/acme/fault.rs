//! Why there is no public certificate, in one word for the metrics; `reason.rs` has the sentence.

use instant_acme::Error;

use super::answers::ChallengeError;
use super::order::{OrderError, is};
use super::reason::names_no_connection;
use crate::observe::metrics::AcmeFault;

/// Why the directory gave no account or no answer.
pub(super) fn of_directory(error: &Error) -> AcmeFault {
    let Error::Api(problem) = error else { return AcmeFault::Unanswered };
    let is_one_of = |kinds: &[&str]| kinds.iter().any(|kind| is(problem, kind));
    if is_one_of(&["rateLimited"]) {
        AcmeFault::RateLimited
    } else if is_one_of(&[
        "externalAccountRequired",
        "unauthorized",
        "invalidContact",
        "unsupportedContact",
        "accountDoesNotExist",
    ]) {
        AcmeFault::Account
    } else {
        AcmeFault::Other
    }
}

/// Why an order gave no certificate.
pub(super) fn of_order(error: &OrderError) -> AcmeFault {
    match error {
        OrderError::NotProven { problem: None, .. } => AcmeFault::NotProven,
        OrderError::NotProven { problem: Some(problem), .. } => {
            let is = |kind| is(problem, kind);
            if is("connection") || names_no_connection(problem) {
                AcmeFault::Unreachable
            } else if is("dns") {
                AcmeFault::Dns
            } else if is("caa") {
                AcmeFault::Caa
            } else if is("unauthorized") || is("tls") || is("incorrectResponse") {
                AcmeFault::WrongAnswer
            } else if is("rateLimited") {
                AcmeFault::RateLimited
            } else {
                AcmeFault::NotProven
            }
        }
        OrderError::Acme(Error::Api(problem)) if is(problem, "rejectedIdentifier") => AcmeFault::Rejected,
        OrderError::Acme(Error::Api(problem)) if is(problem, "caa") => AcmeFault::Caa,
        OrderError::Acme(error) => of_directory(error),
        OrderError::NotOffered(_) => AcmeFault::NoChallenge,
        OrderError::NoProfile { .. } => AcmeFault::NoProfile,
        OrderError::Record(_) => AcmeFault::DnsRecord,
        OrderError::Useless(_) => AcmeFault::Useless,
        OrderError::Challenge(ChallengeError::NotShared) => AcmeFault::Cluster,
        OrderError::Challenge(ChallengeError::Certificate(_)) | OrderError::Request(_) => AcmeFault::Other,
    }
}

#[cfg(test)]
mod tests {
    use instant_acme::Problem;

    use super::*;
    use crate::config::AcmeChallengeKind::Http01;

    #[test]
    fn every_failure_has_its_word() {
        let problem = |kind: &str, detail: &str| -> Problem {
            let text = serde_json::json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
            serde_json::from_value(text).unwrap()
        };
        let not_proven = |kind: &str, detail: &str| OrderError::NotProven {
            challenge: Http01,
            problem: Some(Box::new(problem(kind, detail))),
        };
        let refused = |kind: &str| OrderError::Acme(problem(kind, "why").into());
        for (error, expected) in [
            (not_proven("connection", "why"), "unreachable"),
            (not_proven("unauthorized", "Connection refused"), "unreachable"),
            (not_proven("unauthorized", "why"), "wrong_answer"),
            (not_proven("dns", "why"), "dns"),
            (not_proven("caa", "why"), "caa"),
            (not_proven("new", "why"), "not_proven"),
            (OrderError::NotProven { challenge: Http01, problem: None }, "not_proven"),
            (refused("rejectedIdentifier"), "rejected"),
            (refused("rateLimited"), "rate_limited"),
            (refused("accountDoesNotExist"), "account"),
            (refused("serverInternal"), "other"),
            (OrderError::Acme(Error::Str("no connection")), "unanswered"),
            (OrderError::NotOffered(Http01), "no_challenge"),
            (OrderError::NoProfile { wanted: String::new(), offered: String::new() }, "no_profile"),
        ] {
            assert_eq!(of_order(&error).as_str(), expected, "{error:?}");
        }
    }
}
