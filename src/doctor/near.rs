//! [`near()`]: entries of the gateway's list of origins that were meant for an origin and are not it.

/// An entry of the list that is not the origin, and how it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Near<'a> {
    pub(super) entry: &'a str,
    pub(super) differs: Vec<&'static str>,
}

/// How `entry` differs from `origin`, which is written as browsers do; `None` if it is that origin to the gateway, or
/// has nothing to do with it.
pub(super) fn near<'a>(entry: &'a str, origin: &str) -> Option<Near<'a>> {
    let text = entry.trim();
    let lower = text.to_ascii_lowercase();
    if lower == origin || lower == "*" {
        return None;
    }
    let (scheme, rest) = match lower.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, lower.trim_start_matches('/')),
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, authority) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let (host, port) = split(authority);
    let (own_scheme, own_authority) = origin.split_once("://")?;
    let (own_host, own_port) = split(own_authority);
    let is_pattern = host.contains('*');
    let dotted = host.trim_end_matches('.');
    if !(host == own_host || dotted == own_host || is_pattern && stands_for(host, own_host)) {
        return None;
    }
    let usual = |scheme: &str| if scheme == "http" { "80" } else { "443" };
    let mut differs = Vec::new();
    match scheme {
        None => differs.push("it has no https://"),
        Some("http") if own_scheme == "https" => differs.push("it has http, and browsers open https"),
        Some(scheme) if scheme != own_scheme => differs.push("it has another scheme"),
        Some(_) => {}
    }
    match (port, own_port) {
        (None, Some(_)) => differs.push("it has no port"),
        (Some(port), None) if port == usual(own_scheme) => differs.push("browsers leave the usual port out"),
        (Some(port), own) if Some(port) != own => differs.push("it has another port"),
        _ => {}
    }
    match path {
        "" => {}
        "/" => differs.push("it ends in a slash"),
        _ => differs.push("it has a path"),
    }
    if is_pattern {
        differs.push("the gateway knows no patterns but \"*\"");
    }
    if user.is_some() {
        differs.push("it has a user");
    }
    if dotted != host {
        differs.push("its name ends in a dot");
    }
    Some(Near { entry: text, differs }).filter(|near| !near.differs.is_empty())
}

/// Host and port.
fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether `*.lan` was meant for `gw.lan`.
fn stands_for(pattern: &str, host: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            host.len() >= before.len() + after.len() && host.starts_with(before) && host.ends_with(after)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn what_was_meant_and_is_not_the_same_is_known_by_its_difference() {
        let rows: &[(&str, &str, Option<&[&str]>)] = &[
            ("https://gw.lan:8443", "https://gw.lan:8443", None),
            (" https://GW.lan:8443 ", "https://gw.lan:8443", None),
            ("*", "https://gw.lan:8443", None),
            ("https://other.lan:8443", "https://gw.lan:8443", None),
            ("https://gw.lan:8443/", "https://gw.lan:8443", Some(&["it ends in a slash"])),
            ("https://gw.lan:8443/chat", "https://gw.lan:8443", Some(&["it has a path"])),
            ("https://gw.lan:8443/#token=x", "https://gw.lan:8443", Some(&["it has a path"])),
            ("http://gw.lan:8443", "https://gw.lan:8443", Some(&["it has http, and browsers open https"])),
            ("wss://gw.lan:8443", "https://gw.lan:8443", Some(&["it has another scheme"])),
            ("gw.lan:8443", "https://gw.lan:8443", Some(&["it has no https://"])),
            ("https://gw.lan", "https://gw.lan:8443", Some(&["it has no port"])),
            ("https://gw.lan:9443", "https://gw.lan:8443", Some(&["it has another port"])),
            ("https://gw.lan:9443", "https://gw.lan", Some(&["it has another port"])),
            ("https://gw.lan:443", "https://gw.lan", Some(&["browsers leave the usual port out"])),
            ("https://*.lan:8443", "https://gw.lan:8443", Some(&["the gateway knows no patterns but \"*\""])),
            ("https://ann@gw.lan:8443", "https://gw.lan:8443", Some(&["it has a user"])),
            ("https://gw.lan.:8443", "https://gw.lan:8443", Some(&["its name ends in a dot"])),
            (
                "HTTP://GW.LAN/x",
                "https://gw.lan:8443",
                Some(&["it has http, and browsers open https", "it has no port", "it has a path"]),
            ),
            ("https://[fd00::1]:8443/", "https://[fd00::1]:8443", Some(&["it ends in a slash"])),
            ("https://[fd00::1]", "https://[fd00::1]:8443", Some(&["it has no port"])),
            ("", "https://gw.lan:8443", None),
            ("https://", "https://gw.lan:8443", None),
            ("null", "https://gw.lan:8443", None),
        ];
        for (entry, origin, expected) in rows {
            let found = near(entry, origin).map(|near| near.differs);
            assert_eq!(found.as_deref(), *expected, "{entry} for {origin}");
        }
    }
}
