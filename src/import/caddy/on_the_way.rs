//! [`OnTheWay`]: requests on their way through a site, and what has become of them.

use super::path::CaddyPath;
use crate::import::draft::DraftAnswer;
use crate::import::matching::DraftMatch;
use crate::import::tree::{ImportRule, Origin};

/// Requests on their way: what has become of them.
#[derive(Debug, Clone)]
pub(super) struct OnTheWay {
    /// The rule that they come to.
    pub(super) rule: ImportRule,
    /// Their path.
    pub(super) path: CaddyPath,
    /// What changed them so that no gateway may get them, and why.
    pub(super) changed: Vec<(Origin, String)>,
    /// The fields that directives set or removed, in lower case.
    pub(super) fields: Vec<String>,
}

impl OnTheWay {
    /// Requests as they come.
    pub(super) fn new(when: DraftMatch) -> Self {
        Self {
            rule: ImportRule::new(when, DraftAnswer::Default),
            path: CaddyPath::Whole,
            changed: Vec::new(),
            fields: Vec::new(),
        }
    }
}
