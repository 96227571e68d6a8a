//! [`RawScalar`]: a YAML value as serde delivers it, with the positions that only `serde_yaml` knows.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Spanned, Tagged};

/// A value, its tag and its positions.
pub(super) struct RawScalar(pub(super) Spanned<Tagged<ScalarShape>>);

/// The type that YAML takes a value for.
pub(super) enum ScalarShape {
    /// Text.
    Text(String),
    /// A plain word that YAML takes for a number, a truth value or null.
    Word,
    /// Null.
    Null,
    /// A list.
    List(Vec<RawScalar>),
    /// A mapping, in the order of the file; keys may repeat.
    Map(Vec<(RawScalar, RawScalar)>),
}

impl<'de> Deserialize<'de> for RawScalar {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        Spanned::deserialize(yaml).map(Self)
    }
}

impl<'de> Deserialize<'de> for ScalarShape {
    fn deserialize<D: Deserializer<'de>>(yaml: D) -> Result<Self, D::Error> {
        yaml.deserialize_any(ScalarShapes)
    }
}

struct ScalarShapes;

impl<'de> Visitor<'de> for ScalarShapes {
    type Value = ScalarShape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Word)
    }

    fn visit_i64<E>(self, _: i64) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Word)
    }

    fn visit_u64<E>(self, _: u64) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Word)
    }

    fn visit_f64<E>(self, _: f64) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Word)
    }

    fn visit_str<E>(self, text: &str) -> Result<ScalarShape, E> {
        Ok(ScalarShape::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ScalarShape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(ScalarShape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ScalarShape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(ScalarShape::Map(entries))
    }
}
