//! [`UserHeader`]: a header field that only frontgate may set.

use http::HeaderName;
use serde_json::{Value as Json, json};

use crate::config::keys::{KeyKind, YamlText};
use crate::config::problem::ValueError;
use crate::config::routes::identity_field;

/// The name of the header that only frontgate may set.
pub(super) struct UserHeader;

impl KeyKind for UserHeader {
    type Value = HeaderName;

    fn name(&self) -> String {
        "header name".to_owned()
    }

    fn parse(&self, text: &str) -> Result<HeaderName, ValueError> {
        identity_field(text)
    }

    fn write(&self, value: &HeaderName) -> YamlText {
        YamlText::Word(value.as_str().to_owned())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }
}
