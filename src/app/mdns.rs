//! [`MdnsAnnouncement`]: announces the names that end in `.local` on the networks of this machine (RFC 6762), so that phones and
//! other machines there find it.

use std::net::SocketAddr;

use mdns_sd::{ServiceDaemon, ServiceInfo};

use crate::config::{self, Config, Name};

/// The announcement that runs; dropped, it ends.
pub(super) struct MdnsAnnouncement {
    names: MdnsNames,
    daemon: ServiceDaemon,
}

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MdnsNames {
    /// Names with `.local` at their end.
    hosts: Vec<String>,
    /// The port of their pages.
    port: u16,
}

impl MdnsNames {
    /// What `config` wants to be announced, with https listeners at these addresses.
    pub(super) fn of(config: &Config, https: &[SocketAddr]) -> Option<Self> {
        let port = https.iter().find(|address| !address.ip().is_loopback())?.port();
        let hosts: Vec<String> = config.tls.names.iter().filter_map(local_host).collect();
        (config.mdns && !hosts.is_empty()).then_some(Self { hosts, port })
    }
}

/// A name that multicast DNS can answer for.
fn local_host(name: &Name) -> Option<String> {
    let Name::Dns(name) = name else { return None };
    (config::is_mdns_name(name) && !name.starts_with("*.")).then(|| name.clone())
}

impl MdnsAnnouncement {
    /// The announcement of `names` in place of the one `before`, which stays if it is the same. What keeps it from running is
    /// said and is no reason not to serve.
    pub(super) fn step(before: Option<Self>, names: Option<MdnsNames>) -> Option<Self> {
        let names = names?;
        if before.as_ref().is_some_and(|before| before.names == names) {
            return before;
        }
        drop(before);
        match Self::start(&names) {
            Ok(daemon) => {
                tracing::info!(names = names.hosts.join(" "), port = names.port, "announced on the local network");
                Some(Self { names, daemon })
            }
            Err(error) => {
                tracing::warn!(%error, "the names are not announced on the local network");
                None
            }
        }
    }

    /// Starts the thread that announces and answers.
    fn start(names: &MdnsNames) -> Result<ServiceDaemon, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        for host in &names.hosts {
            let instance = host.trim_end_matches(".local");
            // Its addresses are those of the machine, as they come and go.
            let none: &[(&str, &str)] = &[];
            let service = ServiceInfo::new(SERVICE, instance, &format!("{host}."), "", names.port, none)?;
            daemon.register(service.enable_addr_auto())?;
        }
        Ok(daemon)
    }
}

impl Drop for MdnsAnnouncement {
    fn drop(&mut self) {
        // The thread says goodbye by itself; one that has ended needs no word.
        let _ = self.daemon.shutdown();
    }
}

/// Pages over https, as other programs announce theirs.
const SERVICE: &str = "_https._tcp.local.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigLocation, Overrides, load};

    #[test]
    fn names_that_end_in_local_are_announced_where_others_can_reach_them() {
        let rows: [(&str, &str, Option<&[&str]>); 5] = [
            (
                "{ mdns: on, tls: { names: [gw.local, gw.lan, \"*.gw.local\", 10.0.0.1] } }",
                "[::]:8443",
                Some(&["gw.local"]),
            ),
            ("{ mdns: on, tls: { names: [gw.local] } }", "127.0.0.1:8443", None),
            ("{ tls: { names: [gw.local] } }", "[::]:8443", None),
            ("{ mdns: on, tls: { names: [a.local, b.local] } }", "10.0.0.1:443", Some(&["a.local", "b.local"])),
            ("{}", "[::]:8443", None),
        ];
        for (yaml, address, expected) in rows {
            let source = ConfigLocation::Text { text: yaml.to_owned(), file: "f.yaml".into() };
            let config = load(source, [], &Overrides::default()).unwrap().config;
            let address: SocketAddr = address.parse().unwrap();
            let found = MdnsNames::of(&config, &[address]);
            let hosts = found.as_ref().map(|found| found.hosts.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(hosts.as_deref(), expected, "{yaml}");
            assert!(found.is_none_or(|found| found.port == address.port()));
        }
    }
}
