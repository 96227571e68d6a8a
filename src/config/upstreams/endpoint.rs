//! [`GroupEndpoint`]: one gateway of a group, and how much of the work it gets.

use serde_json::{Value as Json, json};

use super::endpoint_url::{EndpointUrl, EndpointUrlValue};
use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, NoValue, Number, Optional};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;
use crate::config::upstream::UpstreamAddress;

/// One gateway of a group, or a name that stands for several, and how much of the work each gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GroupEndpoint {
    /// Where it listens, or they do.
    pub(crate) url: EndpointUrl,
    /// Its share, beside those of the others; of a name, the share of each gateway.
    pub(crate) weight: u32,
}

impl From<UpstreamAddress> for GroupEndpoint {
    fn from(url: UpstreamAddress) -> Self {
        Self { url: url.into(), weight: 1 }
    }
}

/// A URL, or `{ url, weight }`.
pub(super) struct GroupEndpointValue;

#[derive(Debug, Clone, PartialEq, Eq)]
struct EndpointKeys {
    url: Option<EndpointUrl>,
    weight: u32,
}

impl Default for EndpointKeys {
    fn default() -> Self {
        Self { url: None, weight: 1 }
    }
}

const LONG: Keyed<EndpointKeys> = Keyed::NEW;

impl KeySection for EndpointKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "url",
            Optional(NoValue::Null, EndpointUrlValue),
            &mut self.url,
            "Where the gateway listens, or a dns+ or srv+ name.",
        );
        keys.key(
            "weight",
            Number::from_one(),
            &mut self.weight,
            "Its share of the work: with 2 it gets twice as much as one with 1. Of a name each gateway has it; SRV weights count within that.",
        );
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.url.is_none() {
            checks.report(&["url"], ValueError::new("`url` is missing").hint("such as http://10.0.0.4:18789"));
        }
        if self.weight > HEAVIEST {
            let fault = ValueError::new(format!("{} is too much; the most is {HEAVIEST}", self.weight));
            checks.report(&["weight"], fault.hint("only how weights compare counts"));
        }
    }
}

impl KeyKind for GroupEndpointValue {
    type Value = GroupEndpoint;

    fn name(&self) -> String {
        format!("{} or {}", EndpointUrlValue.name(), LONG.name())
    }

    fn parse(&self, text: &str) -> Result<GroupEndpoint, ValueError> {
        EndpointUrlValue.parse(text).map(|url| GroupEndpoint { url, weight: 1 })
    }

    fn write(&self, value: &GroupEndpoint) -> YamlText {
        let url = EndpointUrlValue.write(&value.url);
        if value.weight == 1 {
            return url;
        }
        YamlText::parts([("url", url), ("weight", YamlText::Number(value.weight.into()))])
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [EndpointUrlValue.schema(), LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<GroupEndpoint> {
        let ConfigValue::Map(_) = node.value else { return at.word(node, self) };
        let EndpointKeys { url, weight } = LONG.read(node, at)?;
        Some(GroupEndpoint { url: url?, weight })
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        Some(("", Box::new(EndpointKeys::default())))
    }
}

/// Weights say how endpoints compare; no two machines are further apart.
const HEAVIEST: u32 = 1000;
