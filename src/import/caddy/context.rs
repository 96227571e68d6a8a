//! [`Context`]: where the directives of a block hold.

use std::collections::BTreeMap;

use super::Caddy;
use super::matcher::{Matcher, More};
use crate::import::node::ImportNode;
use crate::import::paths::covers;

/// The paths and hosts for which a body holds.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The prefixes of the paths.
    pub(super) paths: Vec<String>,
    /// What is put before paths in it: what `handle_path` takes off.
    pub(super) taken: String,
    /// The hosts; an empty list stands for all of the site's.
    pub(super) hosts: Vec<String>,
    /// The matchers that have names.
    pub(super) matchers: BTreeMap<String, Matcher>,
}

impl Context {
    /// What holds behind `uri strip_prefix`, if all paths here begin with it: matchers see what is left.
    pub(super) fn stripped(&self, nodes: &[ImportNode]) -> Self {
        let is_strip = |node: &&ImportNode| node.name == "uri" && node.arg(0) == "strip_prefix";
        let prefix = nodes.iter().find(is_strip).map_or("", |node| node.arg(1).trim_end_matches('/'));
        let begins = self.paths.iter().all(|path| covers(&format!("{}{prefix}", self.taken), path));
        let taken = if begins { format!("{}{prefix}", self.taken) } else { self.taken.clone() };
        Self { taken, ..self.clone() }
    }
}

impl Caddy {
    /// The matcher of a directive, and how many words it takes.
    pub(super) fn matcher_of(&mut self, node: &ImportNode, context: &Context) -> (Matcher, usize) {
        let all = || Matcher { paths: context.paths.clone(), ..Matcher::all() };
        let first = node.arg(0);
        let takes_none = ["tls", "log", "bind", "import", "handle_errors", "vars", "map"].contains(&node.name.as_str());
        let (own, skip) = if takes_none {
            (None, 0)
        } else if let Some(matcher) = context.matchers.get(first) {
            (Some(matcher.clone()), 1)
        } else if first == "*" {
            (None, 1)
        } else if first.starts_with('/') && (node.name != "redir" || node.args.len() > 1) {
            (Some(Matcher::path(first)), 1)
        } else if first.starts_with('@') {
            let remedy = "there is no matcher of this name: the directive is taken for none";
            self.report.dropped(&node.place, &node.shown, remedy);
            (Some(Matcher { more: More::Choice, ..all() }), 1)
        } else {
            (None, 0)
        };
        let Some(mut matcher) = own else { return (all(), skip) };
        // Within a block, a path is the narrower of both.
        let taken = context.taken.trim_end_matches('/');
        let whole = |path: &String| if path == "/" { format!("{taken}/") } else { format!("{taken}{path}") };
        let narrow = |outer: &String, inner: String| match () {
            () if covers(outer, &inner) => Some(inner),
            () if covers(&inner, outer) || inner == "/" => Some(outer.clone()),
            () => None,
        };
        let paths: Vec<String> = context
            .paths
            .iter()
            .flat_map(|outer| matcher.paths.iter().filter_map(move |inner| narrow(outer, whole(inner))))
            .collect();
        matcher.except = matcher.except.iter().map(whole).collect();
        matcher.only = matcher.only.iter().map(whole).collect();
        if paths.is_empty() && matcher.more == More::Nothing {
            self.report.not_needed(&node.place, &node.shown, "no request has such a path here");
        }
        matcher.paths = paths;
        (matcher, skip)
    }
}
