//! [`Locations`]: the locations of a server, in the order in which the first that takes a request is the one that nginx
//! finds (`ngx_http_core_find_location`): exact ones, the longest prefix, then regular expressions unless the prefix is
//! final.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::state::NginxPattern;
use crate::import::matching::{DraftPath, literal_start};

/// The locations of a server.
#[derive(Debug, Default)]
pub(super) struct Locations<'a> {
    places: Vec<Place<'a>>,
    /// The locations directly in each location, or in the server.
    inner: HashMap<Option<usize>, Vec<usize>>,
    /// The regular expressions directly in each location, or in the server.
    regexes: HashMap<Option<usize>, Vec<usize>>,
    /// The order.
    pub(super) order: Vec<Candidate>,
}

/// A location.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) location: &'a NginxDirective,
    pub(super) scope: NginxScope<'a>,
    pub(super) pattern: NginxPattern,
    parent: Option<usize>,
}

/// A step of the search.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The index of the location.
    pub(super) place: usize,
    /// The paths, all of which must hold.
    pub(super) paths: Vec<DraftPath>,
    /// Whether a slash is added to the path instead, by a redirect.
    pub(super) adds_slash: bool,
}

impl<'a> Locations<'a> {
    /// The locations in the block of `scope`.
    pub(super) fn of(scope: &NginxScope<'a>) -> Self {
        let mut locations = Self::default();
        locations.collect(scope, None);
        locations.sort();
        locations
    }

    /// The location of a candidate.
    pub(super) fn place(&self, candidate: &Candidate) -> &Place<'a> {
        &self.places[candidate.place]
    }

    /// The named location of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Place<'a>> {
        self.places.iter().find(|place| place.pattern == NginxPattern::Named && place.location.first() == name)
    }

    fn collect(&mut self, scope: &NginxScope<'a>, parent: Option<usize>) {
        for location in scope.own().iter().filter(|one| one.name == "location") {
            let (index, inner) = (self.places.len(), scope.inside(location.inner()));
            let pattern = NginxPattern::read(&location.args);
            if matches!(pattern, NginxPattern::Regex(_)) {
                self.regexes.entry(parent).or_default().push(index);
            }
            self.inner.entry(parent).or_default().push(index);
            self.places.push(Place { location, scope: inner.clone(), pattern, parent });
            self.collect(&inner, Some(index));
        }
    }

    fn sort(&mut self) {
        let outermost = self.regexes.get(&None).cloned().unwrap_or_default();
        let text = |index: &usize| match &self.places[*index].pattern {
            NginxPattern::Prefix { text, .. } => text.as_str(),
            _ => "",
        };
        let found = |index: usize, path: &str| {
            let is_exact = matches!(self.places[index].pattern, NginxPattern::Exact(_));
            self.find(path, is_exact) == Some(index) && !self.is_in_regex(index)
        };
        let mut order = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            match &place.pattern {
                NginxPattern::Exact(text) | NginxPattern::Prefix { text, .. }
                    if adds_slash(place) && found(index, text) =>
                {
                    if matches!(place.pattern, NginxPattern::Exact(_)) {
                        order.push(Candidate::one(index, place));
                    }
                    let path = text.trim_end_matches('/').to_owned();
                    let exact = NginxPattern::Exact(path.clone());
                    if !self.places.iter().any(|other| other.pattern == exact && other.parent == place.parent) {
                        order.push(Candidate { place: index, paths: vec![DraftPath::Exact(path)], adds_slash: true });
                    }
                }
                NginxPattern::Exact(path) if found(index, path) => order.push(Candidate::one(index, place)),
                _ => {}
            }
        }
        let is_prefix = |index: &usize| matches!(self.places[*index].pattern, NginxPattern::Prefix { .. });
        let mut prefixes: Vec<usize> =
            (0..self.places.len()).filter(|index| is_prefix(index) && found(*index, text(index))).collect();
        prefixes.sort_by_key(|index| Reverse(text(index).len()));
        let special: Vec<usize> =
            prefixes.iter().copied().filter(|index| self.regexes_for(*index) != outermost).collect();
        let is_early = |index: &usize| special.iter().any(|other| text(index).starts_with(text(other)));
        let (early, late): (Vec<usize>, Vec<usize>) = prefixes.into_iter().partition(is_early);
        for index in early {
            let prefix = self.places[index].pattern.path();
            // Of the many pairs of a prefix and an expression, few have a path in common.
            for regex in self.regexes_for(index).into_iter().filter(|regex| self.may_meet(*regex, text(&index))) {
                order.extend(self.within(regex, prefix.as_slice()));
            }
            order.push(Candidate::one(index, &self.places[index]));
        }
        for regex in outermost {
            order.extend(self.within(regex, &[]));
        }
        order.extend(late.into_iter().map(|index| Candidate::one(index, &self.places[index])));
        self.order = order;
    }

    /// The locations in one that a regular expression finds, and itself, all of them for these paths only.
    fn within(&self, regex: usize, outer: &[DraftPath]) -> Vec<Candidate> {
        let own = self.places[regex].pattern.path();
        let paths: Vec<DraftPath> = outer.iter().cloned().chain(own).collect();
        let mut order = Vec::new();
        let rank = |index: &usize| match &self.places[*index].pattern {
            NginxPattern::Exact(_) => (0, Reverse(0)),
            NginxPattern::Regex(_) => (1, Reverse(0)),
            NginxPattern::Prefix { text, .. } => (2, Reverse(text.len())),
            NginxPattern::Named => (3, Reverse(0)),
        };
        let mut inner: Vec<usize> = self.within_place(Some(regex)).filter(|index| rank(index).0 < 3).collect();
        inner.sort_by_key(rank);
        for index in inner {
            order.extend(self.within(index, &paths));
        }
        order.push(Candidate { place: regex, paths, adds_slash: false });
        order
    }

    /// The regular expressions that are tried when this prefix is the longest, in order.
    fn regexes_for(&self, index: usize) -> Vec<usize> {
        let mut list = self.regexes.get(&Some(index)).cloned().unwrap_or_default();
        let mut at = Some(index);
        while let Some(index) = at {
            let place = &self.places[index];
            if !matches!(place.pattern, NginxPattern::Prefix { is_final: true, .. }) {
                list.extend(self.regexes.get(&place.parent).into_iter().flatten());
            }
            at = place.parent;
        }
        list
    }

    /// Whether the regular expression of a location may be found in a path that begins with `prefix`.
    fn may_meet(&self, regex: usize, prefix: &str) -> bool {
        let Some(DraftPath::Regex(regex)) = self.places[regex].pattern.path() else { return true };
        literal_start(&regex).is_none_or(|start| start.starts_with(prefix) || prefix.starts_with(&start))
    }

    /// The locations directly in this one, or in the server.
    fn within_place(&self, parent: Option<usize>) -> impl Iterator<Item = usize> {
        self.inner.get(&parent).into_iter().flatten().copied()
    }

    /// Whether a location stands in one that a regular expression finds.
    fn is_in_regex(&self, index: usize) -> bool {
        let parents = std::iter::successors(self.places[index].parent, |parent| self.places[*parent].parent);
        parents.into_iter().any(|parent| matches!(self.places[parent].pattern, NginxPattern::Regex(_)))
    }

    /// The location that is found for a path without regular expressions, and without the exact ones unless they count.
    fn find(&self, path: &str, exact_count: bool) -> Option<usize> {
        let mut found = None;
        loop {
            let fits = self.within_place(found).filter_map(|index| match &self.places[index].pattern {
                NginxPattern::Exact(text) => (exact_count && text == path).then_some((usize::MAX, index)),
                NginxPattern::Prefix { text, .. } => path.starts_with(text.as_str()).then_some((text.len(), index)),
                _ => None,
            });
            let Some((length, index)) = fits.max_by_key(|(length, index)| (*length, Reverse(*index))) else {
                return found;
            };
            found = Some(index);
            if length == usize::MAX {
                return found;
            }
        }
    }
}

impl Candidate {
    fn one(index: usize, place: &Place<'_>) -> Self {
        Self { place: index, paths: place.pattern.path().into_iter().collect(), adds_slash: false }
    }
}

/// Whether nginx redirects to the path with a slash behind it.
fn adds_slash(place: &Place<'_>) -> bool {
    let passes = |one: &NginxDirective| one.name.ends_with("_pass");
    matches!(&place.pattern, NginxPattern::Prefix { text, .. } | NginxPattern::Exact(text) if text.len() > 1 && text.ends_with('/'))
        && place.scope.own().iter().any(passes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::nginx::parser::parse;

    #[test]
    fn locations_are_found_as_nginx_finds_them() {
        for (text, expected) in [
            ("location / {} location /a {} location = /a {} location ~ x {}", vec!["=/a", "~x", "/a", "/"]),
            ("location /a/ { proxy_pass http://b; } location / {}", vec!["+/a", "/a/", "/"]),
            ("location ^~ /a/ {} location ~ x {} location / {}", vec!["/a/", "~x", "/"]),
            (
                "location ^~ /a/ {} location /a/b/ {} location ~ x {} location / {}",
                vec!["/a/b/~x", "/a/b/", "/a/", "~x", "/"],
            ),
            (
                "location ^~ /a/ {} location /a/b/ {} location ~ ^/a/b/c {} location ~ ^/c {} location ~ ^/a {} location ~ ^/\\?a {}",
                vec!["/a/b/~^/a/b/c", "/a/b/~^/a", "/a/b/", "/a/", "~^/a/b/c", "~^/c", "~^/a", "~^/\\?a"],
            ),
            (
                "location /a { location /a/b {} location ~ y {} } location ~ x {}",
                vec!["/a/b~y", "/a/b~x", "/a/b", "/a~y", "/a~x", "/a", "~x"],
            ),
            ("location /a { location = /a/b/c {} } location /a/b {}", vec!["/a/b", "/a"]),
        ] {
            let tree = parse("f", text).unwrap();
            let locations = Locations::of(&NginxScope::outermost(&tree));
            let show = |candidate: &Candidate| -> String {
                let path = |path: &DraftPath| match path {
                    DraftPath::Exact(text) if candidate.adds_slash => format!("+{text}"),
                    DraftPath::Exact(text) => format!("={text}"),
                    DraftPath::Regex(text) => format!("~{text}"),
                    DraftPath::Prefix(text) | DraftPath::Starts(text) => text.clone(),
                };
                candidate.paths.iter().map(path).collect()
            };
            let found: Vec<String> = locations.order.iter().map(show).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
