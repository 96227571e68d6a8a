//! The documents of this repository: what they link to is there, and each page can be reached from the README.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Every page below these, by its path from the root.
const FOLDERS: [&str; 6] = ["", "certs", "config", "deploy", "tests/attack", "tests/bench"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = BTreeMap::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder)).expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(&path).expect("a page");
                pages.insert(path.strip_prefix(root()).expect("below the root").to_owned(), text);
            }
        }
    }
    pages
}

/// The lines of a page that are no code, without what is code in them.
fn prose(page: &str) -> impl Iterator<Item = String> {
    let mut code = false;
    page.lines().filter_map(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then(|| line.split('`').step_by(2).collect::<Vec<_>>().join("`"))
    })
}

/// What a page links to: a path from the page's folder, and a heading. Addresses elsewhere are left out.
fn links(page: &str) -> Vec<(String, Option<String>)> {
    let mut links = Vec::new();
    for line in prose(page) {
        for rest in line.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            if !target.contains("://") {
                let (path, heading) = target.split_once('#').map_or((target, None), |(path, at)| (path, Some(at)));
                links.push((path.to_owned(), heading.map(str::to_owned)));
            }
        }
    }
    links
}

/// The headings of a page, as links name them.
fn headings(page: &str) -> BTreeSet<String> {
    let mut code = false;
    let mut headings = BTreeSet::new();
    for line in page.lines() {
        code ^= line.trim_start().starts_with("```");
        if let (false, Some(title)) = (code, line.strip_prefix('#')) {
            let title = title.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            headings.insert(title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect());
        }
    }
    headings
}

/// `path` as seen from the folder of `page`, without the dots in it.
fn resolve(page: &Path, path: &str) -> PathBuf {
    let mut at = page.parent().map(Path::to_owned).unwrap_or_default();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => _ = at.pop(),
            part => at.push(part),
        }
    }
    at
}

#[test]
fn what_a_page_links_to_is_there() {
    let pages = pages();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (page, text) in &pages {
        for (path, heading) in links(text) {
            count += 1;
            let target = if path.is_empty() { page.clone() } else { resolve(page, &path) };
            let found = match &heading {
                None => root().join(&target).exists(),
                Some(heading) => pages.get(&target).is_some_and(|text| headings(text).contains(heading)),
            };
            if !found {
                wrong.push(format!("{}: {path} {}", page.display(), heading.unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "links were found: {count}");
}

#[test]
fn the_readme_leads_to_every_page() {
    let pages = pages();
    let mut reached = BTreeSet::new();
    let mut next = vec![PathBuf::from("README.md")];
    while let Some(page) = next.pop() {
        let Some(text) = pages.get(&page).filter(|_| reached.insert(page.clone())) else { continue };
        next.extend(links(text).iter().map(|(path, _)| resolve(&page, path)));
    }
    let lost: Vec<_> = pages.keys().filter(|page| !reached.contains(*page)).collect();
    assert!(lost.is_empty(), "no link leads to {lost:?}");
}

#[test]
fn links_and_headings_are_read_as_a_reader_sees_them() {
    let page = "# A `b` c: d\n[x](a.md#b) `[no](c)` [y](../d)\n```\n# no\n[no](e)\n```\n[z](https://f)";
    assert_eq!(links(page), [("a.md".to_owned(), Some("b".to_owned())), ("../d".to_owned(), None)]);
    assert_eq!(headings(page), BTreeSet::from(["a-b-c-d".to_owned()]));
    assert_eq!(resolve(Path::new("deploy/A.md"), "../config/b"), PathBuf::from("config/b"));
}
