//! The addresses that connections to gateways are to come from: whether this machine has them.

use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::config::{BindAddr, Config};
use crate::listener::Listener;

/// Those of `upstreams.NAME.source` that this machine does not have, each with its key.
pub(in crate::doctor) fn elsewhere(config: &Config) -> Vec<(String, IpAddr)> {
    let all = config.upstreams.iter().flat_map(|(name, group)| {
        let listed = group.source.iter().enumerate();
        listed.map(move |(index, ip)| (format!("upstreams.{name}.source[{index}]"), *ip))
    });
    all.filter(|(_, ip)| is_elsewhere(*ip)).collect()
}

/// Asks the kernel, which may also take addresses that no interface has (`ip_nonlocal_bind`, all of 127.0.0.0/8).
fn is_elsewhere(ip: IpAddr) -> bool {
    let bound = Listener::bind(&BindAddr::Tcp(SocketAddr::new(ip, 0)));
    bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A listener belongs to a runtime.
    #[tokio::test]
    async fn an_address_of_another_machine_is_known() {
        for (ip, expected) in [("127.0.0.1", false), ("127.0.0.9", false), ("192.0.2.7", true), ("2001:db8::7", true)] {
            assert_eq!(
                is_elsewhere(ip.parse().unwrap()),
                expected || (ip == "127.0.0.9" && cfg!(not(target_os = "linux"))),
                "{ip}"
            );
        }
    }
}
