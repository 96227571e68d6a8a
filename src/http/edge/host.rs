//! Host and port, as `Host` and `:authority` carry them (RFC 9110, section 7.2).

use std::borrow::Cow;

/// Splits `host:port`; an IPv6 address keeps its brackets.
pub(crate) fn split(host: &str) -> (&str, Option<&str>) {
    // By bytes: a host is short, and every request has one.
    let Some(at) = host.bytes().rposition(|byte| byte == b':') else { return (host, None) };
    let (name, port) = (&host[..at], &host[at + 1..]);
    let is_port = (!name.contains(':') || name.ends_with(']')) && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port { (name, Some(port)) } else { (host, None) }
}

/// The host alone, in the form in which routes have it: without the port and the root's dot, in lower case.
pub fn bare(host: &str) -> Cow<'_, str> {
    let (name, _) = split(host);
    if let Some(v6) = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        return v6.parse::<std::net::Ipv6Addr>().map_or_else(|_| name.into(), |ip| format!("[{ip}]").into());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

/// Whether a `Host` can be passed on as it is: a name or an address, perhaps with a port, and nothing that a log, a
/// redirect or the gateway could take for more. No name of the DNS is longer than 255 bytes (RFC 1035 §2.3.4).
pub(crate) fn is_valid(host: &str) -> bool {
    let (name, port) = split(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let name_fits = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b))
        }
    };
    name_fits && port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        let rows = [
            ("gw.example.com", true, ("gw.example.com", None)),
            ("gw.example.com:8443", true, ("gw.example.com", Some("8443"))),
            ("gw.example.com:", true, ("gw.example.com", Some(""))),
            ("127.0.0.1:8443", true, ("127.0.0.1", Some("8443"))),
            ("[::1]", true, ("[::1]", None)),
            ("[::1]:8443", true, ("[::1]", Some("8443"))),
            ("under_score.local", true, ("under_score.local", None)),
            ("", false, ("", None)),
            (":8443", false, ("", Some("8443"))),
            ("::1", false, ("::1", None)),
            ("[::1", false, ("[::1", None)),
            ("gw:99999", false, ("gw", Some("99999"))),
            ("gw:80:80", false, ("gw:80:80", None)),
            ("user@gw", false, ("user@gw", None)),
            ("gw/path", false, ("gw/path", None)),
            ("gw, other", false, ("gw, other", None)),
        ];
        for (host, valid, parts) in rows {
            assert_eq!(is_valid(host), valid, "{host}");
            assert_eq!(split(host), parts, "{host}");
        }
        for (length, valid) in [(255, true), (256, false), (60_000, false)] {
            let name = "a".repeat(length);
            assert_eq!((is_valid(&name), is_valid(&format!("{name}:443"))), (valid, valid), "{length}");
        }
    }
}
