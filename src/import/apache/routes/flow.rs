//! [`Flow`]: requests on their way, and how conditions split them.

use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::matching::{DraftMatch, DraftPath, Unsayable};
use crate::import::tree::{ImportRule, Origin, Part, Said};

/// Requests on their way.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) when: Condition,
    pub(super) said: Vec<Said>,
}

/// Requests on their way, inside and outside of a condition.
pub(super) struct Split {
    pub(super) inside: Option<Flow>,
    pub(super) outside: Option<Flow>,
    /// Whether the rules of those outside must come first.
    pub(super) outside_first: bool,
}

impl Flow {
    pub(super) fn say(&mut self, origin: &Origin, part: Part) {
        let said = Said { origin: origin.clone(), part };
        if !self.said.contains(&said) {
            self.said.push(said);
        }
    }

    pub(super) fn say_all(&mut self, origins: &[Origin], part: &Part) {
        for origin in origins {
            self.say(origin, part.clone());
        }
    }

    pub(super) fn rule(&self, answer: DraftAnswer) -> ImportRule {
        let mut rule = ImportRule::new(DraftMatch::default(), answer);
        rule.said.clone_from(&self.said);
        rule
    }

    /// Whether none of the requests is one of these, as far as two prefixes tell.
    pub(super) fn is_apart(&self, other: &Condition) -> bool {
        let prefix = |condition: &Condition| match condition.alternatives() {
            [DraftMatch { path: Some(DraftPath::Prefix(path)), ignore_case: false, .. }] => Some(path.clone()),
            _ => None,
        };
        let both = prefix(&self.when).zip(prefix(other));
        both.is_some_and(|(a, b)| !a.starts_with(&b) && !b.starts_with(&a))
    }

    pub(super) fn split(&self, condition: &Condition) -> Result<Split, Unsayable> {
        let with = |when: Condition| Some(Self { when, said: self.said.clone() }).filter(|flow| !flow.when.is_never());
        let covered = |one: &DraftMatch| condition.alternatives().iter().any(|other| other.covers(one));
        if self.when.alternatives().iter().all(covered) {
            return Ok(Split { inside: Some(self.clone()), outside: None, outside_first: false });
        }
        let both = self.when.and(condition);
        // An exception reads better than an expression for two paths.
        let is_joined = both.as_ref().is_ok_and(|both| both.joins_paths(&self.when, condition));
        let rest = if both.is_err() || is_joined {
            condition.not().and_then(|rest| self.when.and(&rest))
        } else {
            Err(Unsayable)
        };
        match rest {
            Ok(rest) => Ok(Split { inside: Some(self.clone()), outside: with(rest), outside_first: true }),
            Err(Unsayable) => Ok(Split { inside: with(both?), outside: Some(self.clone()), outside_first: false }),
        }
    }
}
