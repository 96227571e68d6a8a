//! What this machine allows: addresses, open files, the clock.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use time::OffsetDateTime;

use crate::platform::open_files;

/// What this machine allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct MachineLimits {
    /// The machine's addresses other than loopback; those that most machines can reach come first.
    pub(in crate::doctor) addresses: Vec<IpAddr>,
    /// Whether the machine is a container: then the ports that clients see may be others.
    pub(in crate::doctor) container: bool,
    /// What the machine's clock shows.
    pub(in crate::doctor) now: OffsetDateTime,
}

/// Looks around.
pub(in crate::doctor) fn look() -> MachineLimits {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<_> = interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| !ip.is_loopback()).collect();
    // A link-local one cannot be dialled without the name of its link.
    addresses.retain(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()));
    addresses.sort_by_key(IpAddr::is_ipv6);
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let container = is_container(set, Path::exists);
    MachineLimits { addresses, container, now: OffsetDateTime::now_utc() }
}

/// Whether this is a container. Docker leaves a file at the root; podman one in /run, where a read-only container may
/// have a file system of its own over it, and says it in `container`, as systemd and lxc do.
fn is_container(set: impl Fn(&str) -> bool, exists: impl Fn(&Path) -> bool) -> bool {
    let marks = ["/.dockerenv", "/run/.containerenv"];
    let variables = ["container", "KUBERNETES_SERVICE_HOST"];
    marks.iter().any(|mark| exists(Path::new(mark))) || variables.iter().any(|name| set(name))
}

/// How many files process `pid` may come to have open, or this one; `None` is unlimited.
pub(in crate::doctor) fn files(pid: Option<u32>) -> Option<u64> {
    let other = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/limits")).ok());
    // frontgate raises its own soft limit to the hard one.
    let limit = other.as_deref().and_then(hard_limit).or_else(open_files::highest);
    limit.filter(|limit| *limit != UNLIMITED)
}

/// How many ports the kernel may choose from when a connection is made.
pub(in crate::doctor) fn ports() -> usize {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    ports_in(&range).unwrap_or(USUAL_PORTS)
}

fn ports_in(range: &str) -> Option<usize> {
    let mut ends = range.split_whitespace().map(str::parse::<usize>);
    let (first, last) = (ends.next()?.ok()?, ends.next()?.ok()?);
    last.checked_sub(first).map(|count| count + 1)
}

/// From 32768 to 60999, Linux's default.
const USUAL_PORTS: usize = 28_232;

fn hard_limit(limits: &str) -> Option<u64> {
    let rest = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let hard = rest.split_whitespace().nth(1)?;
    if hard == "unlimited" { Some(UNLIMITED) } else { hard.parse().ok() }
}

const UNLIMITED: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{UNLIMITED, USUAL_PORTS, hard_limit, is_container, ports_in};

    #[test]
    fn containers_of_every_kind_are_known() {
        for (variable, file, expected) in [
            ("", "/.dockerenv", true),
            ("", "/run/.containerenv", true),
            ("container", "", true),
            ("KUBERNETES_SERVICE_HOST", "", true),
            ("HOME", "/etc/passwd", false),
        ] {
            let (set, exists) = (|name: &str| name == variable, |path: &Path| path == Path::new(file));
            assert_eq!(is_container(set, exists), expected, "{variable} {file}");
        }
    }

    #[test]
    fn the_ports_of_a_range_are_counted() {
        for (range, count) in [("32768\t60999\n", Some(USUAL_PORTS)), ("1024 1024", Some(1)), ("", None), ("9 1", None)]
        {
            assert_eq!(ports_in(range), count, "{range}");
        }
    }

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
