//! [`Balance`]: how the next of several endpoints is chosen.

use http::HeaderName;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, KeySection, Keys, SectionChecks, YamlText};
use crate::config::kinds::{Keyed, NoValue, Optional, Quoted, WordOf};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::setting::SettingReader;

/// How the next of several endpoints is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Balance {
    /// In turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests and WebSockets under way.
    LeastConnections,
    /// Of two that are drawn, the one with fewer under way.
    RandomTwo,
    /// The same one for the same client.
    Hash(HashBy),
}

/// What [`Balance::Hash`] takes for the same client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HashBy {
    /// The client's network address.
    Network,
    /// The value of this header; without one the network address.
    Header(HeaderName),
}

/// A word, or `{ hash: { header: NAME } }`.
pub(super) struct BalanceValue;

#[derive(Clone, Copy, PartialEq, Eq)]
enum BalanceWord {
    RoundRobin,
    LeastConnections,
    RandomTwo,
    Hash,
}

const WORDS: WordOf<BalanceWord> = WordOf(&[
    ("round_robin", BalanceWord::RoundRobin),
    ("least_connections", BalanceWord::LeastConnections),
    ("random_two", BalanceWord::RandomTwo),
    ("hash", BalanceWord::Hash),
]);

const LONG: Keyed<BalanceKeys> = Keyed::NEW;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct BalanceKeys {
    hash: HashKeys,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct HashKeys {
    header: Option<HeaderName>,
}

impl KeySection for BalanceKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.section("hash", "The same endpoint for the same client.", &mut self.hash);
    }

    fn check(&self, checks: &mut SectionChecks<'_>) {
        if self.hash.header.is_none() {
            let fault = ValueError::new("`header` is missing");
            let hint = "{ hash: { header: X-Key } }, or hash alone for the network address";
            checks.report(&["hash.header", "hash"], fault.hint(hint));
        }
    }
}

impl KeySection for HashKeys {
    fn keys(&mut self, keys: &mut dyn Keys) {
        keys.key(
            "header",
            Optional(NoValue::Null, AnyHeader),
            &mut self.header,
            "The header whose value tells clients apart, as the client sent it; a request without it goes by its network address.",
        );
    }
}

impl KeyKind for BalanceValue {
    type Value = Balance;

    fn name(&self) -> String {
        format!("{} or {{ hash: {{ header }} }}", WORDS.name())
    }

    fn parse(&self, text: &str) -> Result<Balance, ValueError> {
        WORDS.parse(text).map(|word| match word {
            BalanceWord::RoundRobin => Balance::RoundRobin,
            BalanceWord::LeastConnections => Balance::LeastConnections,
            BalanceWord::RandomTwo => Balance::RandomTwo,
            BalanceWord::Hash => Balance::Hash(HashBy::Network),
        })
    }

    fn write(&self, value: &Balance) -> YamlText {
        WORDS.write(&match value {
            Balance::RoundRobin => BalanceWord::RoundRobin,
            Balance::LeastConnections => BalanceWord::LeastConnections,
            Balance::RandomTwo => BalanceWord::RandomTwo,
            Balance::Hash(HashBy::Network) => BalanceWord::Hash,
            Balance::Hash(HashBy::Header(name)) => {
                return LONG.write(&BalanceKeys { hash: HashKeys { header: Some(name.clone()) } });
            }
        })
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [WORDS.schema(), LONG.schema()] })
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<Balance> {
        let ConfigValue::Map(_) = node.value else { return at.word(node, self) };
        let BalanceKeys { hash: HashKeys { header } } = LONG.read(node, at)?;
        Some(Balance::Hash(HashBy::Header(header?)))
    }

    fn long_form(&self) -> Option<Box<dyn KeySection>> {
        Some(Box::new(BalanceKeys::default()))
    }
}

/// The name of any header.
struct AnyHeader;

impl KeyKind for AnyHeader {
    type Value = HeaderName;

    fn name(&self) -> String {
        "header name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        let fault = || ValueError::new(format!("{} is not the name of a header", Quoted(text)));
        let hint = "letters, digits and hyphens, without the colon";
        HeaderName::from_bytes(text.as_bytes()).map_err(|_| fault().hint(hint))
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }
}
