//! [`plan`]: when the local CA makes a new certificate. A certificate that changes breaks every client that pinned it,
//! so the answer is "keep it" whenever possible.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::authority::{BACKDATED, LEAF_LIFE};
use crate::config::Name;
use crate::tls::x509::cert_info::CertInfo;

/// The action at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) enum LocalCaPlan {
    /// Show the existing certificate.
    Keep,
    /// Sign another certificate with the existing CA.
    NewLeaf(IssueReason),
    /// Make a CA, then sign.
    NewCa(IssueReason),
}

/// Why a certificate is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tls) enum IssueReason {
    /// No usable one exists.
    Missing,
    /// Less than a third of its life is left.
    Ageing,
    /// It is for other names, but not for this one.
    NameAdded(Name),
    /// The CA may not sign for this name.
    NotPermitted(Name),
}

/// Decides from the existing CA and certificate. `leaf` is a certificate that `ca` signed for the key at hand, else
/// `None`.
///
/// A name that is no longer asked for is no reason for a new certificate. A CA that could not outlive a certificate
/// signed by it is replaced together with the certificate, never in between: then clients have to act once, not twice.
pub(in crate::tls) fn plan(
    ca: Option<&CertInfo>,
    leaf: Option<&CertInfo>,
    required: &[Name],
    now: OffsetDateTime,
) -> LocalCaPlan {
    let Some(why) = reason(leaf, required, now) else { return LocalCaPlan::Keep };
    match ca {
        None => LocalCaPlan::NewCa(IssueReason::Missing),
        Some(ca) if spent(ca, now) => LocalCaPlan::NewCa(IssueReason::Ageing),
        Some(_) => LocalCaPlan::NewLeaf(why),
    }
}

/// Whether `ca` makes way for another one because it may not sign for a name that is asked for.
///
/// In its first day it does: it is still being set up. Later, devices have come to trust it, and one more name, perhaps
/// a mistyped one, is no reason to undo that: the name is left out, and the log says how to begin anew.
pub(in crate::tls) fn makes_way(ca: &CertInfo, now: OffsetDateTime) -> bool {
    now < ca.not_before + BACKDATED + SETTING_UP
}

/// Whether `ca` would expire before a certificate that it signed `now`.
pub(in crate::tls) fn spent(ca: &CertInfo, now: OffsetDateTime) -> bool {
    ca.not_after < now + LEAF_LIFE
}

fn reason(leaf: Option<&CertInfo>, required: &[Name], now: OffsetDateTime) -> Option<IssueReason> {
    let Some(leaf) = leaf else { return Some(IssueReason::Missing) };
    if leaf.not_after - now < (leaf.not_after - leaf.not_before) / 3 {
        return Some(IssueReason::Ageing);
    }
    required.iter().find(|name| !leaf.covers(name)).cloned().map(IssueReason::NameAdded)
}

impl fmt::Display for IssueReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there was none"),
            Self::Ageing => f.write_str("less than a third of its life was left"),
            Self::NameAdded(name) => write!(f, "it was not for {name}"),
            Self::NotPermitted(name) => write!(f, "it may not sign for {name}"),
        }
    }
}

/// For how long after its creation a CA counts as being set up.
const SETTING_UP: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::{CertInfo, IssueReason, LocalCaPlan, Name, makes_way, plan};

    const MADE: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    fn facts(days: i64, names: &[&str]) -> CertInfo {
        CertInfo {
            names: names.iter().map(|name| dns(name)).collect(),
            not_before: MADE,
            not_after: MADE + Duration::days(days),
            signs: false,
            subject: Vec::new(),
            issuer: Vec::new(),
            public_key: Vec::new(),
        }
    }

    fn dns(name: &str) -> Name {
        Name::Dns(name.to_owned())
    }

    #[test]
    fn a_certificate_is_kept_until_a_third_of_its_life_is_left_or_a_name_is_added() {
        let ca = facts(3650, &[]);
        let leaf = facts(300, &["a", "b", "*.c"]);
        for (day, names, expected) in [
            (0, &["a"][..], LocalCaPlan::Keep),
            (0, &["b", "a"], LocalCaPlan::Keep),
            (0, &["x.c"], LocalCaPlan::Keep),
            (0, &["a", "d", "e"], LocalCaPlan::NewLeaf(IssueReason::NameAdded(dns("d")))),
            (0, &["c"], LocalCaPlan::NewLeaf(IssueReason::NameAdded(dns("c")))),
            (200, &["a"], LocalCaPlan::Keep),
            (201, &["a"], LocalCaPlan::NewLeaf(IssueReason::Ageing)),
            (301, &["a"], LocalCaPlan::NewLeaf(IssueReason::Ageing)),
            // The clock is wrong, not the certificate.
            (-9000, &["a"], LocalCaPlan::Keep),
        ] {
            let names: Vec<_> = names.iter().map(|name| dns(name)).collect();
            let now = MADE + Duration::days(day);
            assert_eq!(plan(Some(&ca), Some(&leaf), &names, now), expected, "day {day}, {names:?}");
        }
    }

    #[test]
    fn a_ca_is_replaced_only_with_a_certificate_that_it_could_not_outlive() {
        let leaf = facts(300, &["a"]);
        for (ca_days, day, expected) in [
            (597, 200, LocalCaPlan::Keep),
            (300, 200, LocalCaPlan::Keep),
            (598, 201, LocalCaPlan::NewLeaf(IssueReason::Ageing)),
            (597, 201, LocalCaPlan::NewCa(IssueReason::Ageing)),
        ] {
            let (ca, now) = (facts(ca_days, &[]), MADE + Duration::days(day));
            assert_eq!(plan(Some(&ca), Some(&leaf), &[], now), expected, "CA of {ca_days} days on day {day}");
        }
        assert_eq!(plan(None, None, &[], MADE), LocalCaPlan::NewCa(IssueReason::Missing));
        assert_eq!(plan(Some(&facts(3650, &[])), None, &[], MADE), LocalCaPlan::NewLeaf(IssueReason::Missing));
    }

    #[test]
    fn a_ca_makes_way_in_its_first_day_only() {
        // Certificates begin a day before they are made.
        for (hours, expected) in [(24, true), (47, true), (48, false), (24 * 100, false)] {
            assert_eq!(makes_way(&facts(3650, &[]), MADE + Duration::hours(hours)), expected, "{hours} hours");
        }
    }
}
