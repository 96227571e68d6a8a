//! `upstreams`: gateways that stand in for each other.

use serde_json::{Value as Json, json};

use super::keys::{Checks, Keys, Kind, Section, Written};
use super::kinds::{Keyed, List, Mapping, Quoted, Word};
use super::problem::Fault;
use super::upstream::{Upstream, Url};
use super::upstream_tls::UpstreamTls;

/// Gateways that stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Where they listen.
    pub endpoints: Vec<Upstream>,
    /// Which of them is next.
    pub balance: Balance,
    /// How those over https are known.
    pub tls: UpstreamTls,
}

/// Which of several endpoints is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests and WebSockets under way.
    LeastConnections,
}

impl Group {
    /// One gateway for which none stands in.
    pub fn of(endpoint: Upstream) -> Self {
        Self { endpoints: vec![endpoint], ..Self::default() }
    }
}

const BALANCE: Word<Balance> =
    Word(&[("round_robin", Balance::RoundRobin), ("least_connections", Balance::LeastConnections)]);

/// The kind of `upstreams`.
pub(super) const GROUPS: Mapping<GroupName, Keyed<Group>> = Mapping(GroupName, Keyed::NEW);

impl Section for Group {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key("endpoints", List(Url), &mut self.endpoints, "Where the gateways listen.");
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

    fn check(&self, checks: &mut Checks<'_>) {
        if self.endpoints.is_empty() {
            let fault = Fault::new("no endpoint");
            checks.report(
                &["endpoints"],
                fault.hint("such as endpoints: [http://10.0.0.4:18789, http://10.0.0.5:18789]"),
            );
        }
        if self.endpoints.len() > MOST_ENDPOINTS {
            checks.report(&["endpoints"], Fault::new(format!("more than {MOST_ENDPOINTS} endpoints")));
        }
        let plain = |endpoint: &Upstream| !matches!(endpoint, Upstream::Https { .. });
        if self.tls != UpstreamTls::default()
            && let Some(endpoint) = self.endpoints.iter().find(|endpoint| plain(endpoint))
        {
            let fault = Fault::new(format!("{endpoint} speaks no TLS"));
            checks.report(&["tls", "endpoints"], fault.hint("write https://… for it, or remove `tls`"));
        }
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            if self.endpoints[..index].contains(endpoint) {
                let fault = Fault::new(format!("{endpoint} is there already"));
                checks.report(&[&format!("endpoints[{index}]")], fault.hint("each endpoint once"));
            }
        }
    }
}

const MOST_ENDPOINTS: usize = 64;

/// Whether this may be the name of an upstream. No URL is one.
pub(super) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// What an upstream is called.
pub(super) struct GroupName;

impl Kind for GroupName {
    type Value = String;

    fn name(&self) -> String {
        "name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, Fault> {
        if is_name(text) {
            return Ok(text.to_owned());
        }
        let fault = Fault::new(format!("{} is not the name of an upstream", Quoted(text)));
        Err(fault.hint("letters, digits, `-` and `_`, at most 64"))
    }

    fn write(&self, value: &String) -> Written {
        Written::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" })
    }
}
