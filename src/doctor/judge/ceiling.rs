//! How many WebSockets a set-up carries: by open files, by memory, by ports.

use std::net::IpAddr;

use crate::config::{Config, CountValue, RouteTarget, UpstreamAddress, UpstreamGroup};
use crate::doctor::catalogue::own as found;
use crate::doctor::finding::{CheckOutcome, Diagnosis};

/// What limits a set-up besides its ports, each in WebSockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::doctor) struct CarriedBy {
    /// By the open files; `None` is unlimited.
    pub(in crate::doctor) files: Option<usize>,
    /// By the memory that frontgate takes for them.
    pub(in crate::doctor) memory: usize,
    /// How many local ports one address has.
    pub(in crate::doctor) ports: usize,
}

/// Says how many WebSockets `config` carries, and what to do where the ports carry fewer than it asks for.
pub(in crate::doctor) fn ceiling(diagnosis: &mut Diagnosis, config: &Config, by: CarriedBy) {
    let ports = ports(config, by.ports);
    let all = [ports, by.files, Some(by.memory)].into_iter().flatten().min().unwrap_or(by.memory);
    let number = |most: Option<usize>| most.map_or_else(|| "no limit".to_owned(), |most| most.to_string());
    let shows =
        format!("{all} WebSockets (ports {}, open files {}, memory {})", number(ports), number(by.files), by.memory);
    let wanted = match config.limits.connections {
        CountValue::AtMost(wanted) => Some(wanted),
        CountValue::Auto => None,
    };
    let (Some(ports), Some(wanted)) = (ports, wanted.filter(|wanted| ports.is_some_and(|ports| ports < *wanted)))
    else {
        diagnosis.checked("what this set-up carries", CheckOutcome::Good, shows);
        return;
    };
    diagnosis.checked("what this set-up carries", CheckOutcome::Bad, shows);
    let local = groups(config).iter().flat_map(UpstreamGroup::addresses).all(is_loopback);
    diagnosis.found(found::few_ports(ports, wanted, by.ports, local));
}

/// How many connections the ports carry to all endpoints together; `None` where one is a unix socket, which takes none.
fn ports(config: &Config, each: usize) -> Option<usize> {
    let mut all = 0;
    let mut seen: Vec<&UpstreamAddress> = Vec::new();
    let groups = groups(config);
    for group in &groups {
        let sources = group.source.len().max(1);
        for address in group.addresses() {
            if matches!(address, UpstreamAddress::Unix(_)) {
                return None;
            }
            if !seen.contains(&address) {
                seen.push(address);
                all += each * sources;
            }
        }
    }
    (all > 0).then_some(all)
}

/// The groups that routes lead to.
fn groups(config: &Config) -> Vec<UpstreamGroup> {
    let routes = config.all_routes();
    let asking = routes.iter().filter(|route| !route.answers());
    let group = |target: &Option<RouteTarget>| match target {
        None => UpstreamGroup::of(config.upstream.clone()),
        Some(RouteTarget::Url(url)) => UpstreamGroup::of(url.clone()),
        Some(RouteTarget::Named(name)) => {
            let known = config.upstreams.iter().find(|(known, _)| known == name);
            known.map(|(_, group)| group.clone()).unwrap_or_default()
        }
    };
    asking.map(|route| group(&route.upstream)).collect()
}

fn is_loopback(address: &UpstreamAddress) -> bool {
    match address {
        UpstreamAddress::Unix(_) => false,
        UpstreamAddress::Http { host, .. } | UpstreamAddress::Https { host, .. } => {
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigLocation, Overrides, load};

    fn config(yaml: &str) -> Config {
        let place = ConfigLocation::Text { text: yaml.to_owned(), file: "f.yaml".into() };
        load(place, [], &Overrides::default()).unwrap().config
    }

    #[test]
    fn the_least_of_ports_files_and_memory_is_the_ceiling() {
        let by = CarriedBy { files: Some(100_000), memory: 80_000, ports: 28_232 };
        let two = "routes: [{ upstream: t }]\nupstreams: { t: { endpoints: [http://127.0.0.1:1, http://127.0.0.1:2], source: [127.0.0.2, 127.0.0.3] } }";
        let wants = "limits: { connections: 40000 }";
        for (yaml, ceiling_is, found) in [
            ("", "28232 WebSockets (ports 28232,", &[][..]),
            ("upstream: unix:/run/gw.sock", "80000 WebSockets (ports no limit,", &[]),
            (two, "80000 WebSockets (ports 112928,", &[]),
            (wants, "28232 WebSockets", &["few_ports"]),
            (&format!("{two}\n{wants}"), "80000 WebSockets", &[]),
        ] {
            let mut diagnosis = Diagnosis::default();
            ceiling(&mut diagnosis, &config(yaml), by);
            let ids: Vec<_> = diagnosis.findings.iter().map(|finding| finding.id).collect();
            assert_eq!(ids, found, "{yaml}");
            let said = format!("{diagnosis:?}");
            assert!(said.contains(ceiling_is), "{yaml}: {said}");
        }
        let mut diagnosis = Diagnosis::default();
        ceiling(&mut diagnosis, &config(wants), by);
        let fix = diagnosis.findings[0].fix.join("\n");
        assert!(fix.contains("source: [127.0.0.2, 127.0.0.3]") && fix.contains("trustedProxies"), "{fix}");
    }
}
