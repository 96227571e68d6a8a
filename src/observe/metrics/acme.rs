//! [`AcmeMetrics`]: orders of public certificates.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;

use super::{MetricLabel, family, gauge};

/// Orders of public certificates. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct AcmeMetrics {
    orders: Family<MetricLabel, Counter>,
    failures: Family<MetricLabel, Counter>,
    next: Gauge,
    last: Gauge,
}

/// Why there is no public certificate, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcmeFault {
    /// The authority does not answer, or what answers is none.
    Unanswered,
    /// The authority refuses the account.
    Account,
    /// The authority limits how often it is asked.
    RateLimited,
    /// The authority gives no certificate for the name.
    Rejected,
    /// The CAA record of the name does not let this authority certify it.
    Caa,
    /// The name has no address, or the DNS does not answer for it.
    Dns,
    /// The authority found no port open at the name.
    Unreachable,
    /// Something else than frontgate answered the authority.
    WrongAnswer,
    /// The authority did not find the proof, for another reason.
    NotProven,
    /// No challenge can be answered.
    NoChallenge,
    /// The directory has no such profile.
    NoProfile,
    /// The record that proves a name could not be put into the DNS.
    DnsRecord,
    /// The cluster's Redis is away, through which replicas know which of them orders.
    Cluster,
    /// The certificate that was issued is of no use.
    Useless,
    /// Anything else.
    Other,
}

impl AcmeFault {
    const ALL: [Self; 15] = [
        Self::Unanswered,
        Self::Account,
        Self::RateLimited,
        Self::Rejected,
        Self::Caa,
        Self::Dns,
        Self::Unreachable,
        Self::WrongAnswer,
        Self::NotProven,
        Self::NoChallenge,
        Self::NoProfile,
        Self::DnsRecord,
        Self::Cluster,
        Self::Useless,
        Self::Other,
    ];

    /// The word in the metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unanswered => "unanswered",
            Self::Account => "account",
            Self::RateLimited => "rate_limited",
            Self::Rejected => "rejected",
            Self::Caa => "caa",
            Self::Dns => "dns",
            Self::Unreachable => "unreachable",
            Self::WrongAnswer => "wrong_answer",
            Self::NotProven => "not_proven",
            Self::NoChallenge => "no_challenge",
            Self::NoProfile => "no_profile",
            Self::DnsRecord => "dns_record",
            Self::Cluster => "cluster",
            Self::Useless => "useless",
            Self::Other => "other",
        }
    }
}

impl AcmeMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let next = "When the next order of a public certificate is due, in seconds since 1970; 0 where none is";
        let last = "When a public certificate was last obtained, in seconds since 1970; 0 if none was";
        let all = Self {
            orders: family(registry, "acme_orders", "Orders of public certificates, by what became of them"),
            failures: family(
                registry,
                "acme_failures",
                "Why there was no public certificate; each silence of the authority counts, too",
            ),
            next: gauge(registry, "acme_next_order_timestamp_seconds", next),
            last: gauge(registry, "acme_last_success_timestamp_seconds", last),
        };
        for outcome in [OBTAINED, FAILED] {
            drop(all.orders.get_or_create(&[("outcome", outcome)]));
        }
        for fault in AcmeFault::ALL {
            drop(all.failures.get_or_create(&[("reason", fault.as_str())]));
        }
        all
    }

    /// Counts an order that gave a certificate.
    pub(crate) fn obtained(&self) {
        self.orders.get_or_create(&[("outcome", OBTAINED)]).inc();
    }

    /// Counts an order that gave none.
    pub(crate) fn failed(&self, fault: AcmeFault) {
        self.orders.get_or_create(&[("outcome", FAILED)]).inc();
        self.not_ordered(fault);
    }

    /// Counts why there was not even an order.
    pub(crate) fn not_ordered(&self, fault: AcmeFault) {
        self.failures.get_or_create(&[("reason", fault.as_str())]).inc();
    }

    /// Shows when the next order is due.
    pub(crate) fn show_next(&self, moment: Option<OffsetDateTime>) {
        self.next.set(moment.map_or(0, OffsetDateTime::unix_timestamp));
    }

    /// Shows when a certificate was last obtained.
    pub(crate) fn show_last(&self, moment: Option<OffsetDateTime>) {
        self.last.set(moment.map_or(0, OffsetDateTime::unix_timestamp));
    }
}

const OBTAINED: &str = "obtained";
const FAILED: &str = "failed";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::Metrics;
    use crate::observe::metrics::tests::value;

    #[test]
    fn every_outcome_and_reason_is_there_before_the_first_order() {
        let metrics = Metrics::new();
        let read = |name: &str| value(&metrics, &format!("frontgate_acme_{name}")).unwrap();
        for name in ["orders_total{outcome=\"obtained\"}", "orders_total{outcome=\"failed\"}", NEXT, LAST] {
            assert_eq!(read(name), "0", "{name}");
        }
        for fault in AcmeFault::ALL {
            assert_eq!(read(&format!("failures_total{{reason=\"{}\"}}", fault.as_str())), "0");
        }
        let acme = &metrics.acme;
        acme.obtained();
        acme.failed(AcmeFault::Caa);
        acme.not_ordered(AcmeFault::Unanswered);
        acme.show_next(Some(OffsetDateTime::UNIX_EPOCH + time::Duration::DAY));
        acme.show_last(None);
        for (name, expected) in [
            ("orders_total{outcome=\"obtained\"}", "1"),
            ("orders_total{outcome=\"failed\"}", "1"),
            ("failures_total{reason=\"caa\"}", "1"),
            ("failures_total{reason=\"unanswered\"}", "1"),
            (NEXT, "86400"),
            (LAST, "0"),
        ] {
            assert_eq!(read(name), expected, "{name}");
        }
    }

    const NEXT: &str = "next_order_timestamp_seconds";
    const LAST: &str = "last_success_timestamp_seconds";
}
