//! [`Node`]: a document as it was written, every scalar still text, every piece with its place.

use super::problem::Place;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text, quoted or not.
    Scalar(String),
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`
    Map(Vec<Entry>),
}

/// One key of a mapping, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Node {
    /// A document that says nothing.
    pub(super) fn empty() -> Self {
        Self { value: Value::Null, place: Place::Whole }
    }

    /// Whether it sets nothing: no keys, or none with anything behind it.
    pub(super) fn says_nothing(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Map(entries) => entries.iter().all(|entry| entry.node.says_nothing()),
            Value::Scalar(_) | Value::List(_) => false,
        }
    }

    /// Sets what lies at `path`, in place of what the file says there.
    pub(super) fn put(&mut self, path: &[&str], node: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        let Value::Map(entries) = &mut self.value else { return };
        let index = entries.iter().position(|entry| entry.key == *first).unwrap_or_else(|| {
            let (key, place) = ((*first).to_owned(), node.place.clone());
            entries.push(Entry { key, place: place.clone(), node: Self { value: Value::Null, place } });
            entries.len() - 1
        });
        entries[index].node.put(rest, node);
    }

    /// What lies at `path`, written as in [`Problem::path`](super::problem::Problem::path).
    pub(super) fn find(&self, path: &str) -> Option<&Self> {
        path.split(['.', '[']).try_fold(self, |node, step| match &node.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == step).map(|entry| &entry.node),
            Value::List(items) => items.get(step.trim_end_matches(']').parse::<usize>().ok()?),
            _ => None,
        })
    }
}

/// `outer.key`, or `key` at the top.
pub(super) fn join(outer: &str, key: &str) -> String {
    if outer.is_empty() { key.to_owned() } else { format!("{outer}.{key}") }
}
