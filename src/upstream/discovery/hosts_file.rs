//! The addresses that a hosts file has for a name: pure.

use std::net::IpAddr;

/// The addresses that `text`, in the form of hosts(5), has for `host`.
pub(super) fn addresses_in(text: &str, host: &str) -> Vec<IpAddr> {
    let host = host.trim_end_matches('.');
    let lines = text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let ip = words.next()?;
        words.any(|name| name.trim_end_matches('.').eq_ignore_ascii_case(host)).then(|| ip.parse().ok())?
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_names_the_host_counts() {
        let text =
            "127.0.0.1 localhost\n# 10.0.0.1 gw\n10.0.0.4\tgw.lan  GW # gw2\n\nfd00::4 gw\nnonsense gw\n10.0.0.5 gw";
        let found = |host: &str| addresses_in(text, host).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found("gw"), ["10.0.0.4", "fd00::4", "10.0.0.5"]);
        assert_eq!(found("gw.lan."), ["10.0.0.4"]);
        assert_eq!(found("gw2"), Vec::<String>::new());
        assert_eq!(found("10.0.0.4"), Vec::<String>::new());
    }
}
