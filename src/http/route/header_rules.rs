//! Header fields that a route sets or removes: pure functions over header maps.

use http::{HeaderMap, HeaderName};

use super::spelling::is_same;
use crate::config::HeaderRules;

/// Applies `rules` to `headers`. The fields that are left keep their order.
pub(crate) fn apply(rules: &HeaderRules, headers: &mut HeaderMap) {
    let gone = |name: &HeaderName| replaces(rules, name);
    if headers.keys().any(gone) {
        // Not `remove`: that would put the last field in the place of the removed one.
        let came = std::mem::take(headers);
        headers.reserve(came.len());
        for (name, value) in &came {
            if !gone(name) {
                headers.append(name, value.clone());
            }
        }
    }
    for (name, value) in &rules.set {
        headers.append(name, value.clone());
    }
}

/// Whether the rules remove or replace a field of this name, in any spelling.
pub(crate) fn replaces(rules: &HeaderRules, name: &HeaderName) -> bool {
    let mut names = rules.remove.iter().chain(rules.set.iter().map(|(set, _)| set));
    names.any(|other| is_same(name.as_str(), other.as_str()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn rules(set: &[(&'static str, &'static str)], remove: &[&'static str]) -> HeaderRules {
        HeaderRules {
            set: set
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect(),
            remove: remove.iter().map(|name| HeaderName::from_static(name)).collect(),
        }
    }

    #[test]
    fn what_is_set_takes_the_place_of_all_that_came_and_the_rest_keeps_its_order() {
        let came = [("a", "1"), ("x-team", "red"), ("b", "2"), ("x_team", "green"), ("x-debug", "1"), ("a", "3")];
        let rows: [(HeaderRules, &[(&str, &str)]); 5] = [
            (rules(&[], &[]), &came),
            (rules(&[("x-new", "1")], &[]), &[&came[..], &[("x-new", "1")]].concat()),
            (
                rules(&[("x-team", "blue")], &[]),
                &[("a", "1"), ("b", "2"), ("x-debug", "1"), ("a", "3"), ("x-team", "blue")],
            ),
            (rules(&[], &["x-debug", "b"]), &[("a", "1"), ("x-team", "red"), ("x_team", "green"), ("a", "3")]),
            (rules(&[], &["not-there"]), &came),
        ];
        for (rules, expected) in rows {
            let mut headers = HeaderMap::new();
            for (name, value) in came {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            apply(&rules, &mut headers);
            let mut wanted = HeaderMap::new();
            for (name, value) in expected {
                wanted.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let list = |headers: &HeaderMap| {
                headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
            };
            assert_eq!(list(&headers), list(&wanted), "{rules:?}");
        }
    }
}
