//! [`Keyed`]: a value with keys of its own, such as an item of a list.

use std::marker::PhantomData;

use serde_json::Value as Json;

use crate::config::keys::{KeyKind, KeySection, KeySlot, Keys, YamlText};
use crate::config::node::{ConfigNode, ConfigValue};
use crate::config::problem::ValueError;
use crate::config::schema;
use crate::config::setting::SettingReader;

/// A mapping with the keys of `S`; those that are not given are as in its default.
pub(in crate::config) struct Keyed<S> {
    /// Whether there is a value though one of its keys has a fault.
    in_part: bool,
    section: PhantomData<S>,
}

impl<S> Keyed<S> {
    pub(in crate::config) const NEW: Self = Self { in_part: false, section: PhantomData };
    /// With a fault in one key the others are still there to be checked; the configuration is refused anyway.
    pub(in crate::config) const IN_PART: Self = Self { in_part: true, section: PhantomData };
}

impl<S: KeySection + Clone + Default + 'static> KeyKind for Keyed<S> {
    type Value = S;

    fn name(&self) -> String {
        let mut names = Collected::default();
        S::default().keys(&mut names);
        let names: Vec<&str> = names.0.iter().map(|(name, _)| *name).collect();
        format!("{{ {} }}", names.join(", "))
    }

    fn parse(&self, _text: &str) -> Result<S, ValueError> {
        Err(ValueError::new("expected keys, as in `key: value`"))
    }

    fn write(&self, value: &S) -> YamlText {
        written(&mut value.clone(), &mut S::default())
    }

    fn schema(&self) -> Json {
        schema::object(&mut S::default())
    }

    fn read(&self, node: &ConfigNode, at: &mut SettingReader<'_>) -> Option<S> {
        if node.value == ConfigValue::Null {
            at.report(&node.place, ValueError::new(format!("nothing here; expected {}", self.name())));
            return None;
        }
        let mut section = S::default();
        (at.section(&mut section, node) || self.in_part).then_some(section)
    }

    fn items(&self) -> Option<(&'static str, Box<dyn KeySection>)> {
        Some(("", Box::new(S::default())))
    }
}

/// Writes the keys with values other than the defaults.
fn written(section: &mut dyn KeySection, default: &mut dyn KeySection) -> YamlText {
    let (mut own, mut usual) = (Collected::default(), Collected::default());
    section.keys(&mut own);
    default.keys(&mut usual);
    let differs = own.0.into_iter().zip(usual.0).filter(|(own, usual)| own != usual);
    YamlText::parts(differs.map(|(own, _)| own))
}

/// Collects the keys and their values, in order.
#[derive(Default)]
struct Collected(Vec<(&'static str, YamlText)>);

impl Keys for Collected {
    fn slot(&mut self, name: &'static str, _doc: &'static str, slot: &mut dyn KeySlot) {
        self.0.push((name, slot.write()));
    }

    fn section(&mut self, name: &'static str, _doc: &'static str, section: &mut dyn KeySection) {
        let mut inner = Self::default();
        section.keys(&mut inner);
        // A section without any key set is written like no section.
        let given = inner.0.into_iter().filter(|(_, value)| !is_nothing(value));
        self.0.push((name, YamlText::parts(given)));
    }
}

fn is_nothing(written: &YamlText) -> bool {
    match written {
        YamlText::Null => true,
        YamlText::List(items) => items.is_empty(),
        YamlText::Map(parts) => parts.is_empty(),
        YamlText::Number(_) | YamlText::Word(_) => false,
    }
}
