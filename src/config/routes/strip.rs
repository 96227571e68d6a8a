//! `strip_prefix`: what is cut from the front of a path.

use serde_json::{Value as Json, json};

use super::path::{PathMatcher, PathText};
use crate::config::keys::{KeyKind, YamlText};
use crate::config::kinds::Quoted;
use crate::config::problem::ValueError;

/// The kind of `strip_prefix`.
pub(super) struct StripValue;

impl KeyKind for StripValue {
    type Value = String;

    fn name(&self) -> String {
        "path".to_owned()
    }

    fn parse(&self, text: &str) -> Result<String, ValueError> {
        let text = PathText.parse(text)?;
        if let Some(rest) = text.strip_suffix('/') {
            let fault = ValueError::new(format!("{} ends with a slash", Quoted(&text)));
            return Err(if rest.is_empty() {
                fault.hint("there is nothing to cut: remove `strip_prefix`")
            } else {
                fault.hint(format!("write `{rest}`: what is left begins with a slash anyway"))
            });
        }
        // Another spelling could stand in a target, which is cut as it came.
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,=:@".contains(&byte)) {
            let fault = ValueError::new(format!("{} has to be encoded in a path", Quoted(&text)));
            return Err(fault.hint("letters, digits and -._~!$&'()*+,=:@ only"));
        }
        Ok(text)
    }

    fn write(&self, value: &String) -> YamlText {
        YamlText::Word(value.clone())
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "pattern": "^/[A-Za-z0-9._~!$&'()*+,=:@/-]*[^/]$" })
    }
}

/// Whether every path that `path` matches begins with `prefix`.
pub(super) fn begins(path: &PathMatcher, prefix: &str) -> bool {
    match path {
        PathMatcher::Prefix(_) | PathMatcher::Exact(_) => {
            let rest = path.example().strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        PathMatcher::Regex(_) => false,
    }
}
