//! Why there is no public certificate, in words that tell the operator what to do.

use std::error::Error as _;
use std::fmt::Write;

use instant_acme::{Error, Problem};

use super::order::{OrderError, is};
use crate::config::{Acme, AcmeChallengeKind, Name};

/// Why the directory gave no account or no answer.
pub(super) fn of_directory(error: &Error, settings: &Acme) -> String {
    let url = settings.directory.url();
    match error {
        Error::Api(problem) if is(problem, "externalAccountRequired") => {
            format!("{url} wants an account that it knows already: set tls.acme.eab{}", detail(problem))
        }
        Error::Api(problem) if settings.eab.kid.is_some() && is(problem, "unauthorized") => {
            format!("{url} does not know this external account: check tls.acme.eab{}", detail(problem))
        }
        Error::Api(problem) if is(problem, "invalidContact") || is(problem, "unsupportedContact") => {
            format!("{url} does not take this address: check tls.acme.email{}", detail(problem))
        }
        Error::Api(problem) if is(problem, "rateLimited") => {
            format!("{url} limits how often it is asked{}", detail(problem))
        }
        Error::Api(problem) => format!("{url} refuses{}", detail(problem)),
        Error::Json(_) => format!("{url} is no ACME directory: check tls.acme.directory"),
        error => {
            let mut text = format!("cannot reach {url}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                let _ = write!(text, ": {cause}");
                source = cause.source();
            }
            if text.contains("UnknownIssuer") {
                text.push_str("; name the CA of a private directory in tls.acme.ca_file");
            } else if ["NotValidYet", "not valid yet", "Expired", "expired"].iter().any(|word| text.contains(word)) {
                text.push_str("; is this machine's clock right?");
            }
            text
        }
    }
}

/// Why an order for `name` gave no certificate.
pub(super) fn of_order(error: &OrderError, name: &Name, settings: &Acme) -> String {
    match error {
        OrderError::NotProven { challenge, problem: Some(problem) } => of_proof(*challenge, problem, name),
        OrderError::Acme(Error::Api(problem)) if is(problem, "rejectedIdentifier") => {
            format!("the authority gives no certificate for {name}{}", detail(problem))
        }
        OrderError::Acme(Error::Api(problem)) if is(problem, "caa") => {
            format!(
                "the CAA record of {name} does not let this authority certify it: change the record{}",
                detail(problem)
            )
        }
        OrderError::Acme(Error::Api(problem)) if is(problem, "rateLimited") => {
            format!("the authority limits how often it is asked{}", detail(problem))
        }
        OrderError::Acme(error) => of_directory(error, settings),
        error => error.to_string(),
    }
}

fn of_proof(challenge: AcmeChallengeKind, problem: &Problem, name: &Name) -> String {
    let port = match challenge {
        AcmeChallengeKind::TlsAlpn01 => 443,
        AcmeChallengeKind::Http01 => 80,
        AcmeChallengeKind::Dns01 => {
            let base = name.to_string();
            let base = base.strip_prefix("*.").unwrap_or(&base);
            return format!(
                "{challenge}: the authority did not see the record of _acme-challenge.{base}: do its name servers have it? raise \
                 tls.acme.dns.wait{}",
                detail(problem)
            );
        }
    };
    let what = if is(problem, "connection") || names_no_connection(problem) {
        format!("port {port} of {name} cannot be reached from outside: let it through to this machine")
    } else if is(problem, "dns") {
        format!("{name} has no address: give it an A or AAAA record with this machine's public address")
    } else if is(problem, "caa") {
        format!("the CAA record of {name} does not let this authority certify it: change the record")
    } else if is(problem, "unauthorized") || is(problem, "tls") || is(problem, "incorrectResponse") {
        format!(
            "something else than frontgate answers for {name} on port {port}: point {name} and that port at this machine"
        )
    } else if is(problem, "rateLimited") {
        "the authority limits how often it is asked".to_owned()
    } else {
        format!("the authority did not find what it looked for on port {port} of {name}")
    };
    format!("{challenge}: {what}{}", detail(problem))
}

/// Whether the text is about a failed connection although the problem's type is not: Pebble calls a refused connection
/// `unauthorized`.
pub(super) fn names_no_connection(problem: &Problem) -> bool {
    let detail = problem.detail.as_deref().unwrap_or_default().to_ascii_lowercase();
    ["failed to connect", "connection refused", "timeout during connect"].iter().any(|words| detail.contains(words))
}

/// The authority's own text. It comes from a peer, so its length is limited.
fn detail(problem: &Problem) -> String {
    let Some(detail) = problem.detail.as_deref().filter(|detail| !detail.is_empty()) else { return String::new() };
    let plain: String = detail.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(300).collect();
    format!(" ({plain})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(kind: &str, detail: &str) -> Problem {
        let text = serde_json::json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": detail });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_failed_is_said_with_what_to_do() {
        use AcmeChallengeKind::{Http01, TlsAlpn01};
        let name = Name::Dns("gw.example.com".into());
        let not_proven =
            |challenge, kind| OrderError::NotProven { challenge, problem: Some(Box::new(problem(kind, "why"))) };
        for (error, expected) in [
            (
                not_proven(TlsAlpn01, "connection"),
                "tls-alpn-01: port 443 of gw.example.com cannot be reached from outside",
            ),
            (not_proven(Http01, "connection"), "http-01: port 80 of gw.example.com cannot be reached from outside"),
            (not_proven(Http01, "dns"), "http-01: gw.example.com has no address: give it an A or AAAA record"),
            (
                not_proven(Http01, "unauthorized"),
                "http-01: something else than frontgate answers for gw.example.com on port 80",
            ),
            (not_proven(TlsAlpn01, "caa"), "tls-alpn-01: the CAA record of gw.example.com does not let"),
            (
                OrderError::Acme(problem("rejectedIdentifier", "why").into()),
                "the authority gives no certificate for gw.example.com",
            ),
            (OrderError::Acme(problem("rateLimited", "why").into()), "the authority limits how often it is asked"),
            (
                OrderError::Acme(problem("serverInternal", "why").into()),
                "https://acme-v02.api.letsencrypt.org/directory refuses",
            ),
        ] {
            let said = of_order(&error, &name, &Acme::default());
            assert!(said.starts_with(expected) && said.ends_with(" (why)"), "{said}");
        }
    }

    #[test]
    fn a_strangers_words_stay_short_and_on_one_line() {
        let said = detail(&problem("dns", &format!("a\nb\u{1b}[31m{}", "x".repeat(1000))));
        assert!(said.starts_with(" (a b [31mxx") && said.len() < 310, "{said}");
    }
}
