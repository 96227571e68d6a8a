//! The names that stand for several gateways, looked up as frontgate does.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::config::{Config, EndpointUrl, GatewayName, Name, NameRecords, RouteTarget, UpstreamAddress};
use crate::upstream::{FoundGateway, NameLookup};

/// A name of a group, and what the DNS has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::doctor) struct ProbedName {
    pub(in crate::doctor) name: GatewayName,
    /// The gateways; or why there are none.
    pub(in crate::doctor) found: Result<Vec<FoundGateway>, String>,
}

/// Looks up the names of the groups that routes lead to. The gateways that are found take their places in `config`.
pub(in crate::doctor) async fn find(config: &mut Config) -> Vec<ProbedName> {
    let routes = config.all_routes();
    let is_used = |name: &str| {
        routes.iter().any(|route| matches!(&route.upstream, Some(RouteTarget::Named(used)) if used == name))
    };
    let used = config.upstreams.iter().filter(|(name, _)| is_used(name));
    let asked: Vec<(String, GatewayName, Vec<_>)> = used
        .flat_map(|(group, settings)| {
            settings.names().map(|name| (group.clone(), name.clone(), settings.resolver.clone())).collect::<Vec<_>>()
        })
        .collect();
    let looks = asked.into_iter().map(|(group, name, servers)| async move {
        let mut lookup = NameLookup::new(servers);
        let found = timeout(PATIENCE, lookup.find(&name)).await;
        let found = match found {
            Ok(Ok(answer)) => Ok(answer.gateways()),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err(format!("the DNS has not answered within {PATIENCE:?}")),
        };
        (group, ProbedName { name, found })
    });
    let found = join_all(looks).await;
    for (group, probed) in &found {
        put(config, group, probed);
    }
    found.into_iter().map(|(_, probed)| probed).collect()
}

/// Puts the gateways of a name where the name was.
fn put(config: &mut Config, group: &str, probed: &ProbedName) {
    let Some((_, group)) = config.upstreams.iter_mut().find(|(name, _)| name == group) else { return };
    let Some(place) = group.endpoints.iter().position(|endpoint| endpoint.url.name() == Some(&probed.name)) else {
        return;
    };
    let endpoint = group.endpoints.remove(place);
    let Ok(found) = &probed.found else { return };
    if probed.name.is_https && group.tls.server_name.is_none() {
        let target = found.iter().find_map(|gateway| gateway.target.as_deref());
        let host = if probed.name.records == NameRecords::Services { target } else { Some(&*probed.name.host) };
        group.tls.server_name = host.map(|host| Name::Dns(host.trim_end_matches('.').to_owned()));
    }
    for gateway in found.iter().rev() {
        let (host, port) = (gateway.address.ip().to_string(), gateway.address.port());
        let address = if probed.name.is_https {
            UpstreamAddress::Https { host, port }
        } else {
            UpstreamAddress::Http { host, port }
        };
        let mut one = endpoint.clone();
        one.url = EndpointUrl::Address(address);
        group.endpoints.insert(place, one);
    }
}

/// A doctor that waits for a dead server says so sooner than frontgate gives up.
const PATIENCE: Duration = Duration::from_secs(5);
