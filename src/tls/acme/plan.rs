//! What to ask the authority for: which names, and which profile.

use crate::config::{AcmeChallengeKind, AcmeProfile, Name, Tls};

/// The names that get a certificate of their own, one order each, so that a name that is refused hurts no other. What
/// the authority cannot certify is left to the local certificate.
pub(super) fn names(tls: &Tls) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for name in tls.names.iter().filter(|name| tls.acme.certifies(name)) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Whether the challenge can prove such a name: a wildcard only by a record, and an address never by one.
pub(super) fn proves(challenge: AcmeChallengeKind, name: &Name) -> bool {
    match (challenge, name) {
        (AcmeChallengeKind::Dns01, Name::Ip(_)) => false,
        (AcmeChallengeKind::Dns01, Name::Dns(_)) | (_, Name::Ip(_)) => true,
        (_, Name::Dns(name)) => !name.starts_with("*."),
    }
}

/// The profile that an order for `name` asks for, of those that the directory offers; `Err` is one that it does not.
///
/// Let's Encrypt certifies IP addresses with `shortlived` only.
pub(super) fn profile<'a>(wanted: &'a AcmeProfile, name: &Name, offered: &[&str]) -> Result<Option<&'a str>, &'a str> {
    match wanted {
        AcmeProfile::None => Ok(None),
        AcmeProfile::Auto => {
            let needs_it = matches!(name, Name::Ip(_)) && offered.contains(&SHORTLIVED);
            Ok(needs_it.then_some(SHORTLIVED))
        }
        AcmeProfile::Named(profile) if offered.contains(&profile.as_str()) => Ok(Some(profile)),
        AcmeProfile::Named(profile) => Err(profile),
    }
}

const SHORTLIVED: &str = "shortlived";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Acme, Directory};

    fn dns(name: &str) -> Name {
        Name::Dns(name.to_owned())
    }

    fn ip(address: &str) -> Name {
        Name::Ip(address.parse().unwrap())
    }

    #[test]
    fn each_name_that_the_authority_certifies_is_ordered_once() {
        let names = vec![dns("gw.example.com"), dns("localhost"), ip("8.8.8.8"), ip("10.0.0.1"), dns("gw.example.com")];
        let public = Tls { names, ..Tls::default() };
        let private = Acme { directory: Directory::Url("https://ca.lan/dir".into()), ..Acme::default() };
        let own = Tls { acme: private, ..public.clone() };
        assert_eq!(super::names(&public), [dns("gw.example.com"), ip("8.8.8.8")]);
        assert_eq!(super::names(&own), [dns("gw.example.com"), dns("localhost"), ip("8.8.8.8"), ip("10.0.0.1")]);
    }

    #[test]
    fn a_wildcard_is_proven_by_a_record_alone_and_an_address_by_none() {
        use AcmeChallengeKind::{Dns01, Http01, TlsAlpn01};
        for (name, by_record, by_listener) in
            [(dns("gw.example.com"), true, true), (dns("*.example.com"), true, false), (ip("8.8.8.8"), false, true)]
        {
            assert_eq!(proves(Dns01, &name), by_record, "{name}");
            assert!([Http01, TlsAlpn01].iter().all(|challenge| proves(*challenge, &name) == by_listener), "{name}");
        }
    }

    #[test]
    fn an_address_takes_the_short_lived_profile_where_there_is_one() {
        let (auto, none, named) = (AcmeProfile::Auto, AcmeProfile::None, AcmeProfile::Named("classic".into()));
        let (lets_encrypt, other) = (&["classic", "shortlived"][..], &["default"][..]);
        for (wanted, name, offered, expected) in [
            (&auto, ip("8.8.8.8"), lets_encrypt, Ok(Some("shortlived"))),
            (&auto, ip("2606:4700::1111"), lets_encrypt, Ok(Some("shortlived"))),
            (&auto, ip("8.8.8.8"), other, Ok(None)),
            (&auto, ip("8.8.8.8"), &[], Ok(None)),
            (&auto, dns("gw.example.com"), lets_encrypt, Ok(None)),
            (&none, ip("8.8.8.8"), lets_encrypt, Ok(None)),
            (&named, dns("gw.example.com"), lets_encrypt, Ok(Some("classic"))),
            (&named, dns("gw.example.com"), other, Err("classic")),
        ] {
            assert_eq!(profile(wanted, &name, offered), expected, "{wanted:?} for {name}, offered {offered:?}");
        }
    }
}
