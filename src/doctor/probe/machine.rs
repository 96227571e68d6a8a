//! What this machine allows: addresses, open files, the clock.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use time::OffsetDateTime;

/// What this machine allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct Machine {
    /// Its addresses other than loopback; those that anybody reaches first.
    pub(in crate::doctor) addresses: Vec<IpAddr>,
    /// Whether it is a container: then the ports that clients see may be others.
    pub(in crate::doctor) container: bool,
    /// What its clock shows.
    pub(in crate::doctor) now: OffsetDateTime,
}

/// Looks around.
pub(in crate::doctor) fn look() -> Machine {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| !ip.is_loopback()).collect();
    // A link-local one cannot be dialled without the name of its link.
    addresses.retain(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()));
    addresses.sort_by_key(IpAddr::is_ipv6);
    let container = ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    Machine { addresses, container, now: OffsetDateTime::now_utc() }
}

/// How many files process `pid` may come to have open, or this one; `None` is unlimited.
pub(in crate::doctor) fn files(pid: Option<u32>) -> Option<u64> {
    let other = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/limits")).ok());
    // frontgate raises its own to the hard one.
    let limit = other.as_deref().and_then(hard_limit).or_else(|| getrlimit(Resource::Nofile).maximum);
    limit.filter(|limit| *limit != UNLIMITED)
}

fn hard_limit(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let hard = rest.split_whitespace().nth(1)?;
    if hard == "unlimited" { Some(UNLIMITED) } else { hard.parse().ok() }
}

const UNLIMITED: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::{UNLIMITED, hard_limit};

    #[test]
    fn the_hard_limit_of_a_process_is_read() {
        let head = "Limit                     Soft Limit           Hard Limit           Units     \n";
        for (line, expected) in [
            ("Max open files            1024                 524288               files     \n", Some(524_288)),
            ("Max open files            unlimited            unlimited            files     \n", Some(UNLIMITED)),
            ("Max processes             1                    2                    processes \n", None),
        ] {
            assert_eq!(hard_limit(&format!("{head}{line}")), expected, "{line}");
        }
    }
}
