//! [`Variables`]: what `Define` sets, and `${NAME}` stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::syntax::ApacheWord;
use crate::import::bounds::Bounds;
use crate::import::{ImportError, ImportReport};

/// What `Define` has set so far.
#[derive(Debug, Default)]
pub(super) struct Variables {
    values: BTreeMap<String, String>,
    /// Variables that were asked for and are not defined: each is reported once.
    unknown: BTreeSet<String>,
}

impl Variables {
    pub(super) fn define(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn undefine(&mut self, name: &str) {
        self.values.remove(name);
    }

    pub(super) fn is_defined(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A word of `directive` with the values of variables. What is not defined stays as it is, as Apache leaves it.
    ///
    /// # Errors
    /// A limit is exceeded.
    pub(super) fn replaced(
        &mut self,
        word: &ApacheWord,
        directive: &str,
        report: &mut ImportReport,
        bounds: &mut Bounds,
    ) -> Result<String, ImportError> {
        let mut text = String::new();
        let mut rest = word.text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            text.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                text.push_str("${");
                rest = after;
                continue;
            };
            rest = behind;
            if let Some(value) = self.values.get(name) {
                bounds.fill(&word.place, value, 1)?;
                text.push_str(value);
            } else {
                text.extend(["${", name, "}"]);
                // Debian's own, from its envvars: folders of logs and the like. RewriteMap's have a colon.
                if !name.starts_with("APACHE_") && !name.contains(':') && self.unknown.insert(name.to_owned()) {
                    let remedy = format!(
                        "${{{name}}} is not defined here: write `Define {name} VALUE` before it and import again"
                    );
                    report.dropped(&word.place, directive, remedy);
                }
            }
        }
        Ok(text + rest)
    }
}
