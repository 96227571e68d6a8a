//! [`tidy`]: the same rules, fewer and simpler.

use crate::import::draft::{DraftAnswer, DraftRoute};
use crate::import::matching::DraftMatch;
use crate::import::tree::ImportRule;

/// The same rules, fewer and simpler: an exception is left out where an earlier rule takes its requests, and a rule where
/// the next does the same for more requests.
pub(super) fn tidy(mut rules: Vec<ImportRule>) -> Vec<ImportRule> {
    if rules.len() > MOST_TIDIED {
        return rules;
    }
    for index in 0..rules.len() {
        let (earlier, rest) = rules.split_at_mut(index);
        let when = &mut rest[0].route.when;
        for exception in when.not.clone() {
            let without =
                DraftMatch { not: when.not.iter().filter(|set| **set != exception).cloned().collect(), ..when.clone() };
            let taken = without.and(&exception).ok().flatten();
            if taken.is_some_and(|taken| earlier.iter().any(|rule| rule.route.when.covers(&taken))) {
                *when = without;
            }
        }
    }
    // `All but these go to https, these are answered so` reads better the other way round.
    for index in 1..rules.len() {
        let [first, last] = &mut rules[index - 1..=index] else { break };
        let exception = match first.route.when.not.as_slice() {
            [one] if first.route.when.positive().is_any() => one.clone(),
            _ => continue,
        };
        if matches!(first.route.answer, DraftAnswer::Https(_)) && last.route.when.is_any() {
            std::mem::swap(first, last);
            (first.route.when, last.route.when) = (exception, DraftMatch::default());
        }
    }
    let mut tidy: Vec<ImportRule> = Vec::new();
    for mut rule in rules {
        while let Some(last) = tidy.pop_if(|last| is_covered(last, &rule)) {
            last.said.iter().for_each(|said| rule.say(&said.origin, said.part.clone()));
        }
        tidy.push(rule);
    }
    tidy
}

/// Whether the next rule does the same for these requests, too.
fn is_covered(last: &ImportRule, next: &ImportRule) -> bool {
    let bare = |rule: &ImportRule| DraftRoute { when: DraftMatch::default(), ..rule.route.clone() };
    next.route.when.covers(&last.route.when) && bare(last) == bare(next) && last.shut == next.shut
}

/// How many rules are looked at together.
const MOST_TIDIED: usize = 400;
