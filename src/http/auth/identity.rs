//! The fields that tell the gateway about a client that has shown a certificate of its own.

use http::{HeaderName, HeaderValue};

use crate::tls::ClientIdentity;

/// The fields for a client's identity.
pub(crate) fn fields(identity: &ClientIdentity) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let fingerprint = HeaderValue::try_from(identity.fingerprint.to_string()).ok();
    // The subject is not cut: a part of a name is another name.
    let fits = (1..=LONGEST).contains(&identity.subject.len());
    let subject = fits.then(|| HeaderValue::try_from(&*identity.subject).ok()).flatten();
    let named = |name: HeaderName| move |value| (name, value);
    [subject.map(named(SUBJECT)), fingerprint.map(named(FINGERPRINT))].into_iter().flatten()
}

const SUBJECT: HeaderName = HeaderName::from_static("x-client-cert-subject");
const FINGERPRINT: HeaderName = HeaderName::from_static("x-client-cert-fingerprint");
/// A longer subject would crowd out the request's own fields at the gateway; the fingerprint still tells clients apart.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{Fingerprint, IdentityScope};

    #[test]
    fn the_subject_is_told_whole_or_not_at_all() {
        for (length, told) in [(0, false), (1, true), (LONGEST, true), (LONGEST + 1, false)] {
            let identity = ClientIdentity {
                subject: "x".repeat(length).into(),
                fingerprint: Fingerprint::of(b"x"),
                chain: Vec::new(),
                scope: IdentityScope::AllRoutes,
            };
            let names: Vec<_> = fields(&identity).map(|(name, _)| name).collect();
            assert_eq!(names, if told { vec![SUBJECT, FINGERPRINT] } else { vec![FINGERPRINT] }, "{length}");
        }
    }
}
