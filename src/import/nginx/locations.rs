//! The locations of a server as routes, in the order in which frontgate tries them.

use std::cmp::Reverse;

use super::location::{NginxPattern, covers, is_plain};
use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use crate::import::draft::DraftRespond;
use crate::import::error::ImportError;
use crate::import::old::{DraftAnswer, DraftAuth, DraftRoute};

/// A location that became a route.
struct Placed<'a> {
    location: &'a NginxDirective,
    /// The path that the route takes; `None` for every path.
    path: Option<String>,
    kind: NginxLocationRank,
    route: DraftRoute,
}

/// Which of two locations wins in nginx when both are for a path: an exact one, then a prefix that is final, then a
/// regular expression, then the longest prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NginxLocationRank {
    Exact,
    Final,
    Regex,
    Prefix,
}

/// How many routes a server may have; no server that people write has more.
const MOST_ROUTES: usize = 500;

impl<'a> Translation<'a, '_> {
    /// The routes of a server, the longest path first. The last one is for the rest.
    pub(super) fn routes(&mut self, scope: &NginxScope<'a>) -> Result<Vec<DraftRoute>, ImportError> {
        if let Some(answer) = scope.own().iter().find(|one| one.name == "return") {
            for location in scope.own().iter().filter(|one| one.name == "location") {
                let remedy = format!("not reached: `{}` answers first", answer.shown());
                self.report.dropped(&location.place, &location.shown(), remedy);
            }
            return self.answers(scope, None);
        }
        let mut placed: Vec<Placed<'a>> = Vec::new();
        for (location, inner) in nested(scope) {
            placed.extend(self.location(location, &inner)?);
            if placed.len() > MOST_ROUTES {
                let limit = format!("more than {MOST_ROUTES} locations in a server");
                return Err(ImportError::TooMuch { file: location.place.to_string(), limit });
            }
        }
        self.remove_losers(&mut placed);
        placed.sort_by_key(|one| Reverse(one.path.as_ref().map_or(0, String::len)));
        let mut routes: Vec<DraftRoute> =
            placed.into_iter().map(|one| DraftRoute { path: one.path, ..one.route }).collect();
        if !routes.iter().any(|route| route.path.is_none() && route.host.is_none()) {
            let mut rest = self.answers(scope, None)?;
            for route in &mut rest {
                let not_found = matches!(route.answer, DraftAnswer::Respond(DraftRespond { status: 404, .. }));
                let words = if not_found { "No location is for the rest." } else { "The rest." };
                route.comment.insert(0, words.to_owned());
            }
            routes.extend(rest);
        }
        Ok(routes)
    }

    /// Removes and reports the locations that another one wins over in nginx, where the longest path would not win.
    fn remove_losers(&mut self, placed: &mut Vec<Placed<'a>>) {
        let regexes: Vec<_> =
            placed.iter().filter(|one| one.kind == NginxLocationRank::Regex).map(|one| one.path.clone()).collect();
        let others: Vec<_> =
            placed.iter().filter(|one| one.kind != NginxLocationRank::Exact).map(|one| one.path.clone()).collect();
        let mut seen: Vec<(Option<String>, Option<String>)> = Vec::new();
        placed.retain(|one| {
            let (place, shown) = (&one.location.place, one.location.shown());
            let loses = one.kind == NginxLocationRank::Prefix
                && one.path.is_some()
                && regexes.iter().any(|regex| covers(regex.as_deref(), one.path.as_deref()));
            if loses {
                self.report.dropped(place, &shown, "not reached: a regular expression wins over it");
                return false;
            }
            if one.kind == NginxLocationRank::Exact && others.contains(&one.path) {
                let remedy =
                    "a route is for everything below its path, and there is another location for that: it goes there";
                self.report.dropped(place, &shown, remedy);
                return false;
            }
            let key = (one.path.clone(), one.route.host.clone());
            if seen.contains(&key) {
                self.report.dropped(place, &shown, "not reached: another location is for this path");
                return false;
            }
            seen.push(key);
            true
        });
    }

    /// The routes that a location becomes; none when frontgate cannot tell its requests from others.
    fn location(
        &mut self,
        location: &'a NginxDirective,
        scope: &NginxScope<'a>,
    ) -> Result<Vec<Placed<'a>>, ImportError> {
        let pattern = NginxPattern::read(&location.args);
        let Some((kind, paths)) = self.paths(location, scope, &pattern) else { return Ok(Vec::new()) };
        let (place, shown) = (&location.place, location.shown());
        if !scope.own().is_empty() && scope.own().iter().all(|one| one.name == "location") {
            self.report.kept(place, &shown, "the routes of the locations in it");
        }
        let found = self.answers(scope, Some(&pattern))?;
        let guards = found.iter().any(|route| match &route.answer {
            DraftAnswer::Respond(answer) => answer.status >= 400,
            _ => matches!(route.auth, DraftAuth::Basic { .. }),
        });
        let mut placed = Vec::new();
        for path in paths {
            let what = match (kind, path.as_str()) {
                (_, "/") => "routes: every other path".to_owned(),
                (_, path) if path.ends_with('/') => format!("routes: path {path}"),
                (NginxLocationRank::Exact, path) => {
                    format!("routes: path {path}, which takes {path}/x, too, unless another location does")
                }
                (_, path) => format!("routes: path {path}, for {path} and {path}/x, not for {path}x"),
            };
            self.report.kept(place, &shown, what);
            if guards && kind != NginxLocationRank::Exact && !path.ends_with('/') {
                let remedy = format!(
                    "it was for paths such as {path}x, too: a route is not. Add a route for each of them that is to stay shut"
                );
                self.report.dropped(place, &shown, remedy);
            }
            for route in &found {
                let mut route = route.clone();
                route.comment.insert(0, format!("{place}: {shown}"));
                let path = (path != "/").then(|| path.clone());
                placed.push(Placed { location, path, kind, route });
            }
        }
        Ok(placed)
    }

    /// The paths that a location is for.
    fn paths(
        &mut self,
        location: &NginxDirective,
        scope: &NginxScope<'a>,
        pattern: &NginxPattern,
    ) -> Option<(NginxLocationRank, Vec<String>)> {
        let (place, shown) = (&location.place, location.shown());
        let has = |name: &str| scope.own().iter().any(|one| one.name == name);
        if has("internal") {
            self.report.not_needed(place, &shown, "no client reaches it");
            return None;
        }
        let (kind, paths) = match pattern {
            NginxPattern::Prefix { path, final_: true } => (NginxLocationRank::Final, vec![path.clone()]),
            NginxPattern::Prefix { path, final_: false } => (NginxLocationRank::Prefix, vec![path.clone()]),
            NginxPattern::Exact(path) => (NginxLocationRank::Exact, vec![path.clone()]),
            NginxPattern::AnyOf(list) => (NginxLocationRank::Regex, list.clone()),
            NginxPattern::Regex(_) => {
                let refuses = |one: &NginxDirective| one.name == "return" && one.first().starts_with('4');
                let shuts = has("deny") || has("auth_basic") || scope.own().iter().any(refuses);
                let example = if shuts { " with `respond: 403`" } else { "" };
                let remedy = format!(
                    "routes have prefixes, no regular expressions: these paths now go where the rest goes. Add a route{example} for \
                     each prefix"
                );
                self.report.dropped(place, &shown, remedy);
                return None;
            }
            NginxPattern::Named => {
                let leads_here =
                    |one: &NginxDirective| one.name == "try_files" && one.args.last() == location.args.first();
                if scope.server().iter().any(|one| one.inner().iter().any(leads_here)) {
                    return None;
                }
                self.report.dropped(place, &shown, "only try_files and error_page reach it, and frontgate has neither");
                return None;
            }
        };
        if let Some(odd) = paths.iter().find(|path| !is_plain(path)) {
            let remedy = format!("`{odd}` cannot be the path of a route: paths are compared decoded and cleaned up");
            self.report.dropped(place, &shown, remedy);
            return None;
        }
        let opens = scope.own().iter().any(|one| one.name == "auth_basic" && one.first() == "off");
        if kind == NginxLocationRank::Exact && (opens || paths[0] == "/") {
            let remedy = format!(
                "a route is for everything below its path, and `{}` would be more than this location: it goes where the rest goes",
                paths[0]
            );
            self.report.dropped(place, &shown, remedy);
            return None;
        }
        Some((kind, paths))
    }
}

/// Each location in a block, also those in others, with what holds there.
fn nested<'a>(scope: &NginxScope<'a>) -> Vec<(&'a NginxDirective, NginxScope<'a>)> {
    let mut found = Vec::new();
    for location in scope.own().iter().filter(|one| one.name == "location") {
        let inner = scope.inside(location.inner());
        let below = nested(&inner);
        found.push((location, inner));
        found.extend(below);
    }
    found
}
