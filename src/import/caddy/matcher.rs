//! [`Matcher`]: which requests a directive is for.

use std::collections::BTreeMap;

use crate::import::node::ImportNode;

/// Which requests a directive is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Matcher {
    /// Prefixes as routes have them; `/` is everything.
    pub(super) paths: Vec<String>,
    /// Prefixes that the matcher excepts.
    pub(super) except: Vec<String>,
    /// Those of `paths` and `except` that stand for one path only, not for what is below.
    pub(super) only: Vec<String>,
    /// Whether the prefixes match the same requests, not a few more or less.
    pub(super) exact: bool,
    /// Hosts; an empty list stands for every host.
    pub(super) hosts: Vec<String>,
    /// Whether the matcher is for WebSockets only.
    pub(super) is_upgrade: bool,
    /// What else the matcher asks for, that no route can ask for.
    pub(super) more: More,
}

/// What no route can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum More {
    /// The matcher asks for nothing else.
    #[default]
    Nothing,
    /// A property that every client chooses freely, so that it keeps no client out.
    Choice,
    /// A property that only some clients have.
    Barrier,
}

impl Matcher {
    /// The matcher of every request.
    pub(super) fn all() -> Self {
        Self { paths: vec!["/".into()], exact: true, ..Self::default() }
    }

    /// Reads `/path`, `/path/*` or `/path*`.
    pub(super) fn path(token: &str) -> Self {
        let mut matcher = Self { exact: true, ..Self::default() };
        matcher.add_path(token);
        matcher
    }

    fn add_path(&mut self, token: &str) {
        let bare = token.trim_end_matches('*');
        let path = if bare.is_empty() { "/" } else { bare };
        // The root alone is no prefix: `/` is everything.
        if !path.starts_with('/') || path.contains('*') || token == "/" {
            self.more = self.more.max(More::Choice);
            return;
        }
        // `/a*` is also `/ab`.
        self.exact &= path.ends_with('/') || !token.ends_with('*');
        if !token.ends_with('*') {
            self.only.push(path.to_owned());
        }
        self.paths.push(path.to_owned());
    }

    /// Whether the matcher is for every request.
    pub(super) fn is_all(&self) -> bool {
        *self == Self::all()
    }

    /// Reads `@name` with a block, or with its condition behind it.
    pub(super) fn named(node: &ImportNode) -> Self {
        let mut matcher = Self { exact: true, ..Self::default() };
        let mut more = More::Nothing;
        let inline;
        let conditions = if let Some(block) = &node.body {
            block.as_slice()
        } else {
            inline = [ImportNode {
                name: node.arg(0).to_owned(),
                args: node.args.get(1..).unwrap_or_default().to_vec(),
                ..node.clone()
            }];
            &inline
        };
        for condition in conditions {
            match condition.name.as_str() {
                "path" => condition.args.iter().for_each(|path| matcher.add_path(path)),
                "host" => matcher.hosts.extend(condition.args.iter().map(|host| host.to_ascii_lowercase())),
                "header" | "header_regexp" if is_upgrade(condition) => matcher.is_upgrade = true,
                "not" => {
                    let inner = if condition.body.is_some() {
                        Self::named(condition)
                    } else {
                        Self::named(&ImportNode { body: None, ..condition.clone() })
                    };
                    let only_paths = inner.hosts.is_empty() && inner.more == More::Nothing && !inner.is_upgrade;
                    if only_paths && !inner.paths.is_empty() && inner.except.is_empty() {
                        matcher.except.extend(inner.paths);
                        matcher.only.extend(inner.only);
                        matcher.exact &= inner.exact;
                    } else if inner.is_upgrade && inner.paths == ["/"] {
                        // The rest of the requests is what everything else is for.
                    } else {
                        // A client chooses the host, too.
                        more = more.max(inner.more).max(More::Choice);
                    }
                }
                "protocol" | "method" | "query" | "path_regexp" | "file" | "expression" | "header"
                | "header_regexp" => {
                    let field = condition.arg(0).to_ascii_lowercase();
                    let chosen = ["user-agent", "referer", "origin", "accept"].contains(&field.as_str());
                    let is_barrier = condition.name.starts_with("header") && !chosen || condition.name == "expression";
                    more = more.max(if is_barrier { More::Barrier } else { More::Choice });
                }
                _ => more = More::Barrier,
            }
        }
        if matcher.paths.is_empty() {
            matcher.paths.push("/".into());
        }
        matcher.more = matcher.more.max(more);
        matcher
    }
}

/// `header Connection *Upgrade*` and `header Upgrade websocket`.
fn is_upgrade(condition: &ImportNode) -> bool {
    let words = condition.args.join(" ").to_ascii_lowercase();
    words.starts_with("connection ") && words.contains("upgrade")
        || words.starts_with("upgrade ") && words.contains("websocket")
}

/// The matchers that a site names.
pub(super) fn named(nodes: &[ImportNode]) -> BTreeMap<String, Matcher> {
    let defined = nodes.iter().filter(|node| node.name.starts_with('@'));
    defined.map(|node| (node.name.clone(), Matcher::named(node))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::caddy::expand::CaddyExpander;
    use crate::import::reader::Memory;
    use crate::import::{Files, ImportReport, Original};

    fn matcher(text: &str) -> Matcher {
        let original = Original { name: "C".into(), folder: "/".into(), text: format!("x {{\n{text}\n}}") };
        let memory = Memory::default();
        let nodes =
            CaddyExpander::new(&original, &mut Files::new(&memory), &mut ImportReport::default()).all().expect("right");
        named(nodes[0].inner()).into_values().next().expect("a matcher")
    }

    #[test]
    fn paths_are_prefixes() {
        let cases =
            [("*", "/", true), ("/a/*", "/a/", true), ("/a*", "/a", false), ("/a", "/a", true), ("/*", "/", true)];
        for (token, path, exact) in cases {
            let matcher = Matcher::path(token);
            assert_eq!((matcher.paths, matcher.exact), (vec![path.to_owned()], exact), "{token}");
        }
        assert_eq!(Matcher::path("/a").only, ["/a"]);
        assert!(Matcher::path("/").more == More::Choice);
        assert!(Matcher::path("*.php").more == More::Choice);
    }

    #[test]
    fn named_matchers() {
        let all = || Matcher::all();
        assert_eq!(matcher("@a path /a/* /b/*"), Matcher { paths: vec!["/a/".into(), "/b/".into()], ..all() });
        let upgrade = matcher("@ws {\nheader Connection *Upgrade*\nheader Upgrade websocket\n}");
        assert!(upgrade.is_upgrade && upgrade.more == More::Nothing && upgrade.paths == ["/"]);
        assert_eq!(matcher("@h host a.b C.d").hosts, ["a.b", "c.d"]);
        let except = matcher("@x not path /hooks/*");
        assert_eq!((except.except, except.more), (vec!["/hooks/".to_owned()], More::Nothing));
        let outside = matcher("@x {\npath /a/*\nnot remote_ip 10.0.0.0/8\n}");
        assert_eq!((outside.more, outside.paths), (More::Barrier, vec!["/a/".to_owned()]));
        assert_eq!(matcher("@x header User-Agent *bot*").more, More::Choice);
        assert_eq!(matcher("@x not header X-Key abc").more, More::Barrier);
    }
}
