//! `upstreams`: groups of gateways that stand in for each other.

use super::keys::{KeySection, Keys, SectionChecks};
use super::kinds::{GivenName, Keyed, List, Mapping, WordOf};
use super::problem::ValueError;
use super::upstream::{UpstreamAddress, UpstreamUrl};
use super::upstream_tls::UpstreamTls;

/// A group of gateways that stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamGroup {
    /// The addresses that they listen at.
    pub(crate) endpoints: Vec<UpstreamAddress>,
    /// How the next gateway is chosen.
    pub(crate) balance: Balance,
    /// How those over https are verified.
    pub(crate) tls: UpstreamTls,
}

/// How the next of several endpoints is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests and WebSockets under way.
    LeastConnections,
}

impl UpstreamGroup {
    /// A group of one gateway, without a stand-in.
    pub(crate) fn of(endpoint: UpstreamAddress) -> Self {
        Self { endpoints: vec![endpoint], ..Self::default() }
    }
}

const BALANCE: WordOf<Balance> =
    WordOf(&[("round_robin", Balance::RoundRobin), ("least_connections", Balance::LeastConnections)]);

/// The kind of `upstreams`.
pub(super) const GROUPS: Mapping<GivenName, Keyed<UpstreamGroup>> = Mapping(GivenName("an upstream"), Keyed::NEW);

impl KeySection for UpstreamGroup {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("endpoints", List(UpstreamUrl), &mut self.endpoints, "Where the gateways listen.");
        keys.key(
            "balance",
            BALANCE,
            &mut self.balance,
            "Which endpoint is next: round_robin, or least_connections for the one with the fewest requests and WebSockets \
             under way. One that refuses connections is left alone for a while.",
        );
        keys.section("tls", "How https endpoints are known, and what frontgate shows them.", &mut self.tls);
        keys.not_yet("sticky", Some("off"));
        keys.not_yet("health", Some("off"));
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.endpoints.is_empty() {
            let fault = ValueError::new("no endpoint");
            checks.report(
                &["endpoints"],
                fault.hint("such as endpoints: [http://10.0.0.4:18789, http://10.0.0.5:18789]"),
            );
        }
        if self.endpoints.len() > MOST_ENDPOINTS {
            checks.report(&["endpoints"], ValueError::new(format!("more than {MOST_ENDPOINTS} endpoints")));
        }
        let plain = |endpoint: &UpstreamAddress| !matches!(endpoint, UpstreamAddress::Https { .. });
        if self.tls != UpstreamTls::default()
            && let Some(endpoint) = self.endpoints.iter().find(|endpoint| plain(endpoint))
        {
            let fault = ValueError::new(format!("{endpoint} speaks no TLS"));
            checks.report(&["tls", "endpoints"], fault.hint("write https://… for it, or remove `tls`"));
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            if self.endpoints[..index].contains(endpoint) {
                let fault = ValueError::new(format!("{endpoint} is there already"));
                checks.report(&[&format!("endpoints[{index}]")], fault.hint("each endpoint once"));
            }
        }
    }
}

const MOST_ENDPOINTS: usize = 64;
