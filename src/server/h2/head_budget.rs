//! [`HeadBudget`]: how much memory the heads of a connection's waiting requests take together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, Request};

/// The memory that the heads of one connection's requests take, from when they come to the head of their answer. A few
/// bytes of a compressed head (RFC 7541) become as much as `limits.request_head` allows, on each of the streams. Cheap
/// to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadBudget(Arc<AtomicUsize>);

/// One head's share of the budget, given back when this is dropped.
#[derive(Debug)]
pub(super) struct HeadPermit {
    budget: HeadBudget,
    bytes: usize,
}

impl HeadBudget {
    /// A permit for this head; `None` if there is no room. One head alone always has room: its size has a limit of its
    /// own.
    pub(super) fn enter<B>(&self, request: &Request<B>) -> Option<HeadPermit> {
        let bytes = size(request.headers()) + request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let place = HeadPermit { budget: self.clone(), bytes };
        (before == 0 || before + bytes <= MOST).then_some(place)
    }

    /// Whether so much waits that the next heads should be read one by one.
    pub(super) fn is_strained(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MOST / 4
    }
}

fn size(fields: &HeaderMap) -> usize {
    FIELD * fields.len() + fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
}

impl Drop for HeadPermit {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The bytes that a field takes besides its name and value, in a [`HeaderMap`] that has grown.
const FIELD: usize = 128;
/// The bytes that all heads may take together: a hundred requests of a browser with 8 KB of cookies.
const MOST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn head(count: usize, length: usize) -> Request<()> {
        let mut request = Request::new(());
        for _ in 0..count {
            let value = HeaderValue::from_str(&"x".repeat(length)).unwrap();
            request.headers_mut().append(HeaderName::from_static("a"), value);
        }
        request
    }

    #[test]
    fn many_small_fields_count_as_much_as_they_take_and_all_is_given_back() {
        let budget = HeadBudget::default();
        let rows = [(1, 60_000, 17), (1900, 1, 4), (20, 400, 99)];
        for (count, length, expected) in rows {
            let head = head(count, length);
            let permits: Vec<_> = std::iter::from_fn(|| budget.enter(&head)).collect();
            assert_eq!(permits.len(), expected, "{count} fields of {length}");
            drop(permits);
            assert_eq!(budget.0.load(Ordering::Relaxed), 0);
        }
        assert!(budget.enter(&head(1, 2 * MOST)).is_some(), "its own limit is another");
    }
}
