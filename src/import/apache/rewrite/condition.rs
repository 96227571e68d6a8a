//! [`RewriteCondition`]: one `RewriteCond`.

use super::flags;
use crate::import::apache::access::origin_of;
use crate::import::apache::expression;
use crate::import::apache::sayable::Sayable;
use crate::import::apache::subject::{self, Facts, Question, Subject};
use crate::import::condition::Condition;
use crate::import::matching::Unsayable;
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// One condition.
#[derive(Debug, Clone)]
pub(in crate::import::apache) struct RewriteCondition {
    pub(in crate::import::apache) origin: Origin,
    test: String,
    pattern: String,
    ignore_case: bool,
    /// Whether this or the next suffices.
    pub(super) or: bool,
}

impl RewriteCondition {
    pub(super) fn of(node: &ImportNode) -> Self {
        let flags = flags(node.arg(2));
        let has = |flag: &str| flags.iter().any(|(name, _)| name == flag);
        Self {
            origin: origin_of(node),
            test: node.arg(0).to_owned(),
            pattern: node.arg(1).to_owned(),
            ignore_case: has("nc"),
            or: has("or"),
        }
    }

    /// Whether every request line matches, with all of its path and query in the first group.
    pub(super) fn is_request_line(&self) -> bool {
        let lines = ["^[a-zA-Z]+ /(.*) HTTP/\\d+(\\.\\d+)?$", "^[A-Z]+ /(.*) HTTP/", "^[a-zA-Z]+ /(.*) HTTP/"];
        self.test.eq_ignore_ascii_case("%{THE_REQUEST}") && lines.contains(&self.pattern.as_str())
    }

    pub(super) fn requests(&self, facts: &Facts) -> Result<Sayable, Unsayable> {
        if self.is_request_line() {
            return Ok(Sayable::exactly(Condition::always()));
        }
        if self.test.eq_ignore_ascii_case("expr") {
            return expression::condition(&self.pattern, facts).map(Sayable::exactly);
        }
        let (negated, pattern) =
            self.pattern.strip_prefix('!').map_or((false, self.pattern.as_str()), |rest| (true, rest));
        let ignore_case = self.ignore_case;
        let found = if FILES.contains(&pattern) {
            // frontgate has no files.
            Condition::never()
        } else {
            let name = self.test.strip_prefix("%{").and_then(|rest| rest.strip_suffix('}')).ok_or(Unsayable)?;
            // Rules come before a path is one of a file.
            let name = match name.to_ascii_lowercase().as_str() {
                "request_filename" | "script_filename" => "REQUEST_URI",
                _ => name,
            };
            let subject = Subject::of(name, facts)?;
            let question = match pattern.strip_prefix('=') {
                Some(text) => Question::Is { text: text.trim_matches('"').to_owned(), ignore_case },
                None if pattern.starts_with(['<', '>', '-']) => return Err(Unsayable),
                None => Question::Matches { text: pattern.to_owned(), ignore_case },
            };
            if let (Subject::Query, Question::Matches { text, .. }) = (&subject, &question) {
                return subject::query(text, negated);
            }
            subject.ask(&question, facts)?
        };
        Ok(Sayable::exactly(if negated { found.not()? } else { found }))
    }

    /// Whether it asks for a file.
    pub(in crate::import::apache) fn asks_for_file(&self) -> bool {
        FILES.contains(&self.pattern.trim_start_matches('!'))
    }
}

/// Tests for files.
const FILES: [&str; 8] = ["-f", "-d", "-s", "-l", "-h", "-x", "-F", "-U"];
