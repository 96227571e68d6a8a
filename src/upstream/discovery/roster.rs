//! [`Roster`]: the members of a group that come and go: pure.

/// The members of a group that come and go, each by a key. One that leaves is kept until nothing goes on there any more; one that
/// comes back meanwhile is the same.
#[derive(Debug)]
pub(crate) struct Roster<T> {
    present: Vec<T>,
    /// Those that left last are last.
    leaving: Vec<T>,
}

/// What an answer has changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RosterChange<T> {
    /// Those that were not there before.
    pub(crate) came: Vec<T>,
    /// Those that are there no more.
    pub(crate) left: Vec<T>,
}

impl<T: Clone> Roster<T> {
    /// One whose members all may be leaving, until the first answer says otherwise.
    pub(crate) fn leaving(leaving: Vec<T>) -> Self {
        Self { present: Vec::new(), leaving }
    }

    /// Those that are there.
    pub(crate) fn present(&self) -> &[T] {
        &self.present
    }

    /// All that are there, and those that left and are not forgotten.
    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.present.iter().chain(&self.leaving)
    }

    /// Those that left and are not forgotten.
    pub(crate) fn gone(&self) -> impl Iterator<Item = &T> {
        self.leaving.iter()
    }

    /// Whether one has left and is not forgotten.
    pub(crate) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Takes an answer over: those that `wanted` names are there, in this order, and no others. `is` tells a member by what is
    /// wanted, `make` makes one that is not known, unless it cannot.
    pub(crate) fn take<W>(
        &mut self,
        wanted: &[W],
        is: impl Fn(&T, &W) -> bool,
        mut make: impl FnMut(&W) -> Option<T>,
    ) -> RosterChange<T> {
        let mut before = std::mem::take(&mut self.present);
        let mut came = Vec::new();
        for wanted in wanted {
            let was_there = before.iter().position(|one| is(one, wanted)).map(|at| before.remove(at));
            let mut was_leaving =
                || self.leaving.iter().position(|one| is(one, wanted)).map(|at| self.leaving.remove(at));
            let found = was_there.or_else(|| {
                let one = was_leaving().or_else(|| make(wanted));
                came.extend(one.clone());
                one
            });
            self.present.extend(found);
        }
        self.leaving.extend(before.iter().cloned());
        let too_many = self.leaving.len().saturating_sub(MOST_LEAVING);
        self.leaving.drain(..too_many);
        RosterChange { came, left: before }
    }

    /// Forgets those that left and are `done`.
    pub(crate) fn forget(&mut self, done: impl Fn(&T) -> bool) {
        self.leaving.retain(|one| !done(one));
    }
}

/// Names change more often than their WebSockets end: each is a row of the metrics.
const MOST_LEAVING: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    /// A roster whose members are their key and the number of the answer that they came with.
    fn take(roster: &mut Roster<(char, u32)>, wanted: &str, number: u32) -> (String, String) {
        let wanted: Vec<char> = wanted.chars().collect();
        let make = |key: &char| (*key != '!').then_some((*key, number));
        let RosterChange { came, left } = roster.take(&wanted, |one, key| one.0 == *key, make);
        let keys = |all: Vec<(char, u32)>| all.iter().map(|(key, _)| *key).collect::<String>();
        (keys(came), keys(left))
    }

    #[test]
    fn one_that_stays_or_comes_back_is_the_same_and_one_that_was_forgotten_is_new() {
        let mut roster = Roster::leaving(vec![('c', 0)]);
        assert_eq!(take(&mut roster, "abc!", 1), ("abc".into(), String::new()));
        assert_eq!(roster.present(), [('a', 1), ('b', 1), ('c', 0)]);
        assert_eq!(take(&mut roster, "dba", 2), ("d".into(), "c".into()));
        assert_eq!(roster.present(), [('d', 2), ('b', 1), ('a', 1)]);
        assert!(roster.has_leaving());
        assert_eq!(take(&mut roster, "c", 3), ("c".into(), "dba".into()));
        assert_eq!(roster.present(), [('c', 0)]);
        roster.forget(|(key, _)| *key != 'a');
        assert_eq!(roster.all().collect::<Vec<_>>(), [&('c', 0), &('a', 1)]);
        assert_eq!(take(&mut roster, "abd", 4), ("abd".into(), "c".into()));
        assert_eq!(roster.present(), [('a', 1), ('b', 4), ('d', 4)]);
    }

    #[test]
    fn so_many_are_kept_that_left_and_no_more() {
        let mut roster = Roster::leaving(Vec::new());
        for number in 0..1000 {
            let key = char::from_u32(1000 + number).unwrap();
            take(&mut roster, &key.to_string(), number);
        }
        assert_eq!(roster.all().count(), MOST_LEAVING + 1);
        assert!(roster.all().any(|one| one.1 == 998), "those that left last stay");
    }
}
