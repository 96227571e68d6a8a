//! The names that the local CA's certificate is for.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::config::{Name, is_label};

/// More names than this are not carried over from the certificate before.
const MAX_NAMES: usize = 100;

/// The names that a certificate must have: the configured ones, and those of this machine.
pub(in crate::tls) fn required(names: &[Name]) -> Vec<Name> {
    let own =
        [Name::Dns("localhost".to_owned()), Name::Ip(Ipv4Addr::LOCALHOST.into()), Name::Ip(Ipv6Addr::LOCALHOST.into())];
    let mut required = Vec::new();
    names.iter().cloned().chain(own).for_each(|name| add(&mut required, name));
    required
}

/// The names of a new certificate: those it must have, the machine's host name if that is a DNS name, and those of the
/// certificate `before` in so far as they fit.
pub(in crate::tls) fn complete(required: Vec<Name>, host: Option<&str>, before: &[Name]) -> Vec<Name> {
    let mut names = required;
    let host = host.map(str::to_ascii_lowercase).filter(|host| is_dns_name(host));
    host.into_iter().map(Name::Dns).for_each(|name| add(&mut names, name));
    if names.len() + before.len() <= MAX_NAMES {
        before.iter().cloned().for_each(|name| add(&mut names, name));
    }
    names
}

fn add(names: &mut Vec<Name>, name: Name) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// Whether a certificate can carry `name`: a machine may be called anything (RFC 1123 §2.1).
pub(in crate::tls) fn is_dns_name(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAMES, Name, complete, required};

    fn dns(name: &str) -> Name {
        Name::Dns(name.to_owned())
    }

    #[test]
    fn the_machine_itself_is_always_named_once() {
        let names = [dns("gw.example"), dns("localhost"), Name::Ip([127, 0, 0, 1].into())];
        let shown: Vec<_> = required(&names).iter().map(Name::to_string).collect();
        assert_eq!(shown, ["gw.example", "localhost", "127.0.0.1", "::1"]);
    }

    #[test]
    fn a_host_name_that_is_no_dns_name_is_left_out() {
        let long = "a".repeat(64);
        for (host, expected) in [
            ("claw", Some("claw")),
            ("Claw.LAN", Some("claw.lan")),
            ("f3a9c0d1e2b4", Some("f3a9c0d1e2b4")),
            ("", None),
            ("(none)", None),
            ("my_box", None),
            ("-x", None),
            ("a..b", None),
            ("b\u{fc}ro", None),
            (long.as_str(), None),
        ] {
            let names = complete(Vec::new(), Some(host), &[]);
            assert_eq!(names, expected.map(dns).into_iter().collect::<Vec<_>>(), "{host:?}");
        }
    }

    #[test]
    fn names_from_before_stay_unless_they_are_too_many() {
        assert_eq!(complete(vec![dns("a")], None, &[dns("b"), dns("a")]), [dns("a"), dns("b")]);
        let many: Vec<_> = (0..MAX_NAMES).map(|i| dns(&format!("n{i}"))).collect();
        assert_eq!(complete(vec![dns("a")], None, &many), [dns("a")]);
    }
}
