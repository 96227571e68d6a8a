//! Which requests lose the guard of their route.

use std::collections::BTreeSet;

use super::Lowered;
use super::sample_request::{SampleRequest, Side};
use super::samples::Samples;
use super::table::{GuardLevel, GuardTable, MetGuard, Unknown, Values};
use crate::config::Config;

/// The guards that some request loses; each is listed once for a route.
pub(super) fn lowered(before: &Config, after: &Config) -> Vec<Lowered> {
    let mut values = Values::default();
    let tables = [GuardTable::of(before, Side::Before, &mut values), GuardTable::of(after, Side::After, &mut values)];
    let [first, second] = &tables;
    if first.same_as(second) && Samples::same_listeners(before, after) || first.guards_nothing() {
        return Vec::new();
    }
    if second.only_tightens(first) && Samples::same_listeners(before, after) {
        return Vec::new();
    }
    let mut comparison = Comparison { before: first, after: second, losing: BTreeSet::new(), work: 0, assumptions: 0 };
    let samples = Samples::of(before, after, &tables);
    let whole = samples.each(&mut |request| comparison.compare(request, &mut values));
    // What cannot be compared counts as lowered.
    let losing = if whole { comparison.losing } else { first.guarded() };
    losing.into_iter().map(|(place, guard)| first.lost(place, guard)).collect()
}

/// What each request meets before and after.
struct Comparison<'a> {
    before: &'a GuardTable,
    after: &'a GuardTable,
    losing: BTreeSet<(usize, &'static str)>,
    work: usize,
    assumptions: usize,
}

impl Comparison<'_> {
    /// Compares what a request of this kind meets, for all values of the matchers that cannot be tried. `false` once
    /// that was too much work.
    fn compare(&mut self, request: &SampleRequest<'_>, values: &mut Values) -> bool {
        self.work += self.before.len() + self.after.len();
        if self.work > MOST_WORK {
            return false;
        }
        let met =
            self.before.meets(request, values).and_then(|before| Ok((before, self.after.meets(request, values)?)));
        match met {
            Ok((MetGuard { place: Some(place), level, guard }, after)) if level > GuardLevel::Nothing => {
                // A request that no route takes is answered 404.
                if after.level < level {
                    self.losing.insert((place, guard));
                }
                let both = level == GuardLevel::Auth && after.level == GuardLevel::Auth;
                if both && self.before.asks_more(place, self.after, after.place) {
                    self.losing.insert((place, "auth.exempt"));
                }
                true
            }
            Ok(_) => true,
            Err(Unknown(matcher)) => {
                self.assumptions += 1;
                if self.assumptions > MOST_ASSUMPTIONS {
                    return false;
                }
                let both = [true, false].into_iter().all(|value| {
                    values.set(matcher, Some(value));
                    self.compare(request, values)
                });
                values.set(matcher, None);
                both
            }
        }
    }
}

/// The most comparisons of a request with a route; they take some tenths of a second.
const MOST_WORK: usize = 20_000_000;
/// The most assumptions of matchers that hold or do not.
const MOST_ASSUMPTIONS: usize = 100_000;
