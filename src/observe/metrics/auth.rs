//! [`AuthMetrics`]: logins, and how they are looked at again.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{MetricLabel, gauge};

/// Logins, and how they are looked at again.
pub(crate) struct AuthMetrics {
    asked: [[Counter; OUTCOMES.len()]; PROOFS.len()],
    at_issuer: [Counter; ISSUER_LOGINS.len()],
    rechecks: [Counter; STANDINGS.len()],
    /// Logins under which a WebSocket or an answer goes on now.
    pub(crate) sessions: Gauge,
}

/// What proves a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedProof {
    Basic,
    Token,
    Mtls,
    Forward,
    Oidc,
}

/// What a proof said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofOutcome {
    /// It lets the request in.
    Admitted,
    /// What the request shows is no login.
    Refused,
    /// The client has failed too often, or too many wait.
    Paused,
    /// The client is sent to where it can log in, or gets the answer of a login service.
    Redirected,
    /// It cannot say.
    Failed,
}

/// How a login at an issuer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuerLogin {
    Done,
    /// The issuer refused the user.
    Refused,
    /// No route of the host lets the user in.
    NotAllowed,
    /// The issuer's answer does not count, or belongs to no login that was begun.
    Invalid,
    /// The issuer gave no answer.
    Unavailable,
    /// The client has failed too often.
    Paused,
}

/// What a look at a login said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountedStanding {
    Stands,
    Ended,
    /// The login service gave no answer, which ends nothing.
    Unknown,
}

impl AuthMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let asked = Family::<[(&'static str, &'static str); 2], Counter>::default();
        let help = "Requests and WebSocket handshakes that showed a proof of a login or needed one, by proof and what became of them";
        registry.register("auth_logins", help, asked.clone());
        let at_issuer = Family::<MetricLabel, Counter>::default();
        let help = "Logins of users at an OpenID Connect issuer that have ended, by how";
        registry.register("auth_issuer_logins", help, at_issuer.clone());
        let rechecks = Family::<MetricLabel, Counter>::default();
        let help = "Looks at logins under which a WebSocket or an answer goes on, by what they found";
        registry.register("auth_rechecks", help, rechecks.clone());
        let help = "Logins under which a WebSocket or an answer goes on";
        Self {
            asked: PROOFS.map(|proof| {
                OUTCOMES.map(|outcome| asked.get_or_create_owned(&[("proof", proof), ("outcome", outcome)]))
            }),
            at_issuer: ISSUER_LOGINS.map(|outcome| at_issuer.get_or_create_owned(&[("outcome", outcome)])),
            rechecks: STANDINGS.map(|outcome| rechecks.get_or_create_owned(&[("outcome", outcome)])),
            sessions: gauge(registry, "auth_sessions", help),
        }
    }

    /// Counts what a proof said of a request.
    pub(crate) fn asked(&self, proof: CountedProof, outcome: ProofOutcome) {
        self.asked[proof as usize][outcome as usize].inc();
    }

    /// Counts a login at an issuer.
    pub(crate) fn at_issuer(&self, login: IssuerLogin) {
        self.at_issuer[login as usize].inc();
    }

    /// Counts a look at a login.
    pub(crate) fn looked(&self, standing: CountedStanding) {
        self.rechecks[standing as usize].inc();
    }
}

/// The words of the enumerations, in their order.
const PROOFS: [&str; 5] = ["basic", "token", "mtls", "forward", "oidc"];
const OUTCOMES: [&str; 5] = ["admitted", "refused", "paused", "redirected", "failed"];
const ISSUER_LOGINS: [&str; 6] = ["done", "refused", "not_allowed", "invalid", "unavailable", "paused"];
const STANDINGS: [&str; 3] = ["stands", "ended", "unknown"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn every_event_counts_under_its_name_and_all_are_there_from_the_beginning() {
        let metrics = Metrics::new();
        let read = |name: &str| value(&metrics, &format!("frontgate_auth_{name}")).unwrap();
        let names = [
            "logins_total{proof=\"oidc\",outcome=\"failed\"}",
            "issuer_logins_total{outcome=\"paused\"}",
            "rechecks_total{outcome=\"unknown\"}",
        ];
        assert_eq!(names.map(read), ["0", "0", "0"]);
        metrics.auth.asked(CountedProof::Oidc, ProofOutcome::Failed);
        metrics.auth.at_issuer(IssuerLogin::Paused);
        metrics.auth.looked(CountedStanding::Unknown);
        assert_eq!(names.map(read), ["1", "1", "1"]);
        assert_eq!(read("sessions"), "0");
    }
}
