//! [`schema`]: the JSON Schema that an editor completes and checks a configuration with.

use serde_json::{Map, Value as Json, json};

use super::Config;
use super::keys::{KeySection, KeySlot, Keys};

/// The JSON Schema (draft 2020-12) of the configuration file.
pub(crate) fn schema() -> Json {
    let mut schema = object(&mut Config::default());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("frontgate");
    schema
}

pub(super) fn object(section: &mut dyn KeySection) -> Json {
    let mut properties = SchemaProperties(Map::new());
    section.keys(&mut properties);
    json!({ "type": "object", "properties": properties.0, "additionalProperties": false })
}

struct SchemaProperties(Map<String, Json>);

impl Keys for SchemaProperties {
    fn slot(&mut self, name: &'static str, doc: &'static str, slot: &mut dyn KeySlot) {
        let mut schema = slot.schema();
        schema["description"] = json!(doc);
        schema["default"] = json!(slot.write());
        self.0.insert(name.to_owned(), schema);
    }

    fn section(&mut self, name: &'static str, doc: &'static str, section: &mut dyn KeySection) {
        let mut schema = object(section);
        schema["description"] = json!(doc);
        self.0.insert(name.to_owned(), schema);
    }
}
