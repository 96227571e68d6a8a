//! What a certificate means to browsers.

use time::OffsetDateTime;

use crate::config::Name;
use crate::doctor::catalogue::certificate as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};
use crate::tls::CertDescription;

/// Where a certificate was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct CertificateSeenAt {
    /// A listener or a file, in words.
    pub(in crate::doctor) text: String,
    /// Where the configuration says that it comes from.
    pub(in crate::doctor) kind: CertificateKind,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) enum CertificateKind {
    Local,
    Acme,
    Files,
}

/// Judges `chain`, which clients that ask for `name` are shown. `unknown` says why this system does not know its
/// issuer, `linked` whether the certificate says where that is to be had.
pub(in crate::doctor) fn certificate(
    diagnosis: &mut Diagnosis,
    place: &CertificateSeenAt,
    name: Option<&Name>,
    chain: &[CertDescription],
    (unknown, linked): (Option<&str>, bool),
    now: OffsetDateTime,
) {
    let text = &place.text;
    let before = diagnosis.findings.len();
    let Some(leaf) = chain.first() else { return };
    let renews = place.kind != CertificateKind::Files;
    if let Some(name) = name.filter(|name| !leaf.covers(name)) {
        let has: Vec<_> = leaf.names.iter().take(6).map(ToString::to_string).collect();
        diagnosis.found(found::name(&name.to_string(), text, &has.join(", "), place.kind == CertificateKind::Local));
    }
    let lifetime: time::Duration = leaf.not_after - leaf.not_before;
    let left: time::Duration = leaf.not_after - now;
    let soon = if renews { lifetime / 10 } else { std::cmp::min(lifetime / 5, time::Duration::days(14)) };
    if now > leaf.not_after {
        diagnosis.found(found::expired(text, &leaf.not_after.date().to_string(), renews));
    } else if now < leaf.not_before {
        diagnosis.found(found::not_yet(text, &leaf.not_before.date().to_string()));
    } else if left < soon {
        diagnosis.found(found::expires_soon(text, left.whole_days(), renews));
    }
    let own_ca = leaf.issuer.contains(OWN_CA);
    match (place.kind, unknown) {
        (CertificateKind::Acme, _) if own_ca => diagnosis.found(found::acme_waiting(text)),
        (CertificateKind::Files, Some(_)) if leaf.issuer == leaf.subject => diagnosis.found(found::self_signed(text)),
        (CertificateKind::Files, Some(_)) if linked && chain.len() == 1 => {
            diagnosis.found(found::chain(text, &leaf.issuer));
        }
        (CertificateKind::Files, Some(why)) => diagnosis.found(found::untrusted(text, why)),
        _ => {}
    }
    let good = diagnosis.findings.len() == before;
    let what = name
        .map_or_else(|| format!("the certificate of {text}"), |name| format!("the certificate of {text} for {name}"));
    let saw = if own_ca && place.kind == CertificateKind::Local {
        format!(
            "valid until {}; by frontgate's own CA, which each device must trust once (frontgate trust)",
            leaf.not_after.date()
        )
    } else {
        format!("valid until {}", leaf.not_after.date())
    };
    diagnosis.checked(what, if good { CheckOutcome::Good } else { CheckOutcome::Bad }, saw);
}

/// What the name of every local CA begins with.
const OWN_CA: &str = "frontgate local CA";

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::tls::Fingerprint;

    fn leaf(issuer: &str) -> CertDescription {
        CertDescription {
            subject: "CN=gw.lan".to_owned(),
            issuer: issuer.to_owned(),
            names: vec![Name::Dns("gw.lan".to_owned()), Name::Dns("*.team.lan".to_owned())],
            not_before: datetime!(2026-10-01 00:00 UTC),
            not_after: datetime!(2027-01-01 00:00 UTC),
            serial: "4A:00".to_owned(),
            key: "ECDSA P-256".to_owned(),
            fingerprint: Fingerprint::of(b"abc"),
            pin: "cGlu".to_owned(),
            is_ca: false,
        }
    }

    type Row<'a> = (CertificateKind, &'a str, &'a str, usize, Option<&'a str>, bool, OffsetDateTime, &'a [&'a str]);

    #[test]
    fn browsers_refuse_for_name_time_and_chain() {
        const LOCAL: &str = "CN=frontgate local CA (box, 2026-11-20)";
        const PUBLIC: &str = "CN=R11";
        let middle = datetime!(2026-11-20 00:00 UTC);
        let rows: [Row<'_>; 18] = [
            (CertificateKind::Local, LOCAL, "gw.lan", 1, Some("UnknownIssuer"), false, middle, &[]),
            (CertificateKind::Local, LOCAL, "a.team.lan", 1, None, false, middle, &[]),
            (CertificateKind::Local, LOCAL, "other.lan", 1, None, false, middle, &["tls_name"]),
            (CertificateKind::Local, LOCAL, "gw.lan", 1, None, false, datetime!(2026-12-20 00:00 UTC), &[]),
            (
                CertificateKind::Local,
                LOCAL,
                "gw.lan",
                1,
                None,
                false,
                datetime!(2026-12-27 00:00 UTC),
                &["tls_expires_soon"],
            ),
            (
                CertificateKind::Local,
                LOCAL,
                "gw.lan",
                1,
                None,
                false,
                datetime!(2027-01-02 00:00 UTC),
                &["tls_expired"],
            ),
            (
                CertificateKind::Local,
                LOCAL,
                "gw.lan",
                1,
                None,
                false,
                datetime!(2026-09-02 00:00 UTC),
                &["tls_not_yet"],
            ),
            (CertificateKind::Acme, PUBLIC, "gw.lan", 2, None, true, middle, &[]),
            (CertificateKind::Acme, LOCAL, "gw.lan", 1, Some("UnknownIssuer"), false, middle, &["acme_waiting"]),
            (CertificateKind::Acme, PUBLIC, "gw.lan", 2, Some("UnknownIssuer"), true, middle, &[]),
            (CertificateKind::Files, PUBLIC, "gw.lan", 2, None, true, middle, &[]),
            (CertificateKind::Files, PUBLIC, "gw.lan", 2, None, true, datetime!(2026-12-10 00:00 UTC), &[]),
            (
                CertificateKind::Files,
                PUBLIC,
                "gw.lan",
                2,
                None,
                true,
                datetime!(2026-12-20 00:00 UTC),
                &["tls_expires_soon"],
            ),
            (CertificateKind::Files, PUBLIC, "gw.lan", 1, Some("UnknownIssuer"), true, middle, &["tls_chain"]),
            (
                CertificateKind::Files,
                "CN=Our CA",
                "gw.lan",
                1,
                Some("UnknownIssuer"),
                false,
                middle,
                &["tls_untrusted"],
            ),
            (
                CertificateKind::Files,
                "CN=gw.lan",
                "gw.lan",
                1,
                Some("UnknownIssuer"),
                false,
                middle,
                &["tls_self_signed"],
            ),
            (
                CertificateKind::Files,
                PUBLIC,
                "other.lan",
                2,
                None,
                true,
                datetime!(2027-02-01 00:00 UTC),
                &["tls_name", "tls_expired"],
            ),
            (CertificateKind::Files, "CN=Our CA", "gw.lan", 1, None, false, middle, &[]),
        ];
        for (kind, issuer, name, length, unknown, linked, now, expected) in rows {
            let chain = vec![leaf(issuer); length];
            let mut diagnosis = Diagnosis::default();
            let place = CertificateSeenAt { text: "[::]:8443".to_owned(), kind };
            certificate(&mut diagnosis, &place, Some(&Name::Dns(name.to_owned())), &chain, (unknown, linked), now);
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, expected, "{kind:?} {issuer} {name} {now}");
        }
    }
}
