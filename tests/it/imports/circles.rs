//! Circles of files: each imports the next, and the last the first. A module and what is inside it count as one way: a folder's
//! own file may use what is in the folder, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module as the parts of its path: `crate::tls::acme` is `["tls", "acme"]`.
type Module = Vec<String>;

/// The circles among `sources`, by their paths below `src`.
pub(super) fn circles(sources: &BTreeMap<PathBuf, String>) -> Vec<Vec<String>> {
    let modules: BTreeMap<Module, &str> =
        sources.iter().map(|(path, text)| (module(path), without_tests(text))).collect();
    let exports = exports(&modules);
    let mut edges = BTreeMap::new();
    for (from, text) in modules.iter().filter(|(from, _)| !from.iter().any(|part| part == "tests")) {
        let used = paths(text).into_iter().filter_map(|path| absolute(from, &path, &modules));
        let targets = used.filter_map(|path| target(path, &modules, &exports));
        let others = targets.filter(|to| !to.is_empty() && !to.starts_with(from) && !from.starts_with(to));
        edges.insert(from.clone(), others.collect::<BTreeSet<Module>>());
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for start in edges.keys() {
        let circle: BTreeSet<&Module> =
            reach(start, &edges).into_iter().filter(|to| reach(to, &edges).contains(start)).collect();
        if circle.len() > 1 && seen.insert(circle.clone()) {
            found.push(circle.into_iter().map(|module| module.join("::")).collect());
        }
    }
    found
}

fn module(path: &Path) -> Module {
    let parts = path.with_extension("");
    let parts: Module = parts.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts == ["lib"] { Module::new() } else { parts }
}

/// Tests beside the code may look at anything.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\n").next().unwrap_or_default()
}

/// All that can be reached from `start`.
fn reach<'a>(start: &Module, edges: &'a BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<&'a Module> {
    let (mut found, mut next) = (BTreeSet::new(), vec![start]);
    while let Some(from) = next.pop() {
        for to in edges.get(from).into_iter().flatten() {
            if found.insert(to) {
                next.push(to);
            }
        }
    }
    found
}

/// What `pub use` makes known under another path.
fn exports(modules: &BTreeMap<Module, &str>) -> BTreeMap<Module, Module> {
    let mut found = BTreeMap::new();
    for (at, text) in modules {
        for statement in statements(text).filter(|statement| statement.starts_with("pub")) {
            for path in leaves(tree(statement)) {
                let Some(name) = path.last().cloned() else { continue };
                let known = [at.as_slice(), &[name]].concat();
                if let Some(path) = absolute(at, &path, modules).filter(|path| *path != known) {
                    found.insert(known, path);
                }
            }
        }
    }
    found
}

/// The module in which what `path` names is defined.
fn target(path: Module, modules: &BTreeMap<Module, &str>, exports: &BTreeMap<Module, Module>) -> Option<Module> {
    let mut path = path;
    // A name is exported a few times at most.
    for _ in 0..MOST_EXPORTS {
        let Some(length) = (1..=path.len()).rev().find(|length| exports.contains_key(&path[..*length])) else { break };
        path = [exports[&path[..length]].as_slice(), &path[length..]].concat();
    }
    (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length])).map(|length| path[..length].to_vec())
}

const MOST_EXPORTS: usize = 4;

/// `path` from the root, if it is one of this crate.
fn absolute(at: &Module, path: &[String], modules: &BTreeMap<Module, &str>) -> Option<Module> {
    let first = path.first()?;
    let inside = [at.as_slice(), std::slice::from_ref(first)].concat();
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([at.as_slice(), &path[1..]].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = at.get(..at.len().checked_sub(ups)?)?;
            Some([base, &path[ups..]].concat())
        }
        _ if modules.contains_key(&inside) => Some([at.as_slice(), path].concat()),
        _ => None,
    }
}

/// The paths that code names: in `use`, and where it begins with `crate::` or `super::`.
fn paths(text: &str) -> Vec<Module> {
    let mut found: Vec<Module> = statements(text)
        .filter(|statement| !statement.starts_with("pub"))
        .flat_map(|statement| leaves(tree(statement)))
        .collect();
    for line in text.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        for mark in ["crate::", "super::"] {
            for (at, _) in line.match_indices(mark) {
                if line[..at].ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c))
                    || line[..at].ends_with("in ")
                {
                    continue;
                }
                let path = line[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next();
                found.push(path.unwrap_or_default().split("::").map(str::to_owned).collect());
            }
        }
    }
    found
}

/// The `use` statements of a text, without their semicolon.
fn statements(text: &str) -> impl Iterator<Item = &str> {
    let begins = |line: &str| line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "));
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let line = text[at..].lines().next().unwrap_or_default();
            let start = at;
            at += line.len() + 1;
            if begins(line.trim_start()) {
                let end = text[start..].find(';').map_or(text.len(), |length| start + length);
                return Some(text[start..end].trim_start());
            }
        }
        None
    })
}

fn tree(statement: &str) -> &str {
    statement.split_once("use ").map_or("", |(_, tree)| tree)
}

/// The paths of a tree such as `a::{b, c::{d, e as f}}`.
fn leaves(tree: &str) -> Vec<Module> {
    let tree = tree.trim();
    let Some((before, inside)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let before: Module = before.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let inside = inside.trim_end().trim_end_matches('}');
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => (),
        }
        parts.last_mut().expect("there is one").push(c);
    }
    // `trim_end_matches` may have taken the braces of inner trees as well.
    if let Some(last) = parts.last_mut() {
        last.push_str(&"}".repeat(usize::try_from(depth).unwrap_or_default()));
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(part)).map(|path| [before.as_slice(), &path].concat()).collect()
}

#[test]
fn a_circle_is_seen_through_folders_exports_and_groups() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let sources = [
        file("lib.rs", "pub mod a;\npub mod b;"),
        file("a.rs", "mod inner;\npub use inner::Thing;\nuse self::inner::Other;"),
        file("a/inner.rs", "use super::other;\nuse crate::b::{self, c::{D, E as F}};"),
        file("b.rs", "mod c;\n// crate::a is a comment\n"),
        file("b/c.rs", "fn f() { crate::a::Thing::new(); }\n#[cfg(test)]\nmod tests { use crate::z; }"),
    ];
    assert_eq!(circles(&sources.into()), [["a::inner", "b::c"]]);
    let paths = leaves("a::{b, c::{d, e as f}}");
    assert_eq!(paths, [vec!["a", "b"], vec!["a", "c", "d"], vec!["a", "c", "e"]]);
}
