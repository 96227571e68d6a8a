//! [`NginxTarget`]: where `proxy_pass` sends requests.

use super::translation::Translation;

/// Where `proxy_pass` sends requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NginxTarget {
    /// `http`, `https` or `unix`.
    pub(super) scheme: String,
    /// Host and port, or the name of an upstream; the path of a unix socket.
    pub(super) authority: String,
    /// What nginx puts in the place of the location's path.
    pub(super) uri: Option<String>,
}

impl NginxTarget {
    /// What a `proxy_pass` says, all variables resolved.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        if let Some(path) = rest.strip_prefix("unix:") {
            let (path, uri) = path.split_once(':').map_or((path, None), |(path, uri)| (path, Some(uri.to_owned())));
            return Some(Self { scheme: "unix".into(), authority: path.to_owned(), uri });
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, uri) = rest.split_at(end);
        let uri = (!uri.is_empty()).then(|| uri.to_owned());
        (!authority.is_empty()).then(|| Self { scheme: scheme.into(), authority: authority.to_owned(), uri })
    }

    /// The target as a URL, which names the upstream itself.
    pub(super) fn url(&self) -> String {
        match self.scheme.as_str() {
            "unix" => format!("unix:{}", self.authority),
            scheme => format!("{scheme}://{}", self.authority),
        }
    }
}

impl Translation<'_, '_> {
    /// What an upstream is called in the draft: a URL, or the name of a group; `None` for a group without servers.
    pub(super) fn upstream(&mut self, target: &NginxTarget) -> Option<String> {
        let Some(group) = self.groups.iter().find(|group| group.block.first() == target.authority) else {
            return Some(target.url());
        };
        if let Some(single) = group.single() {
            let is_unix = single.starts_with("unix:");
            return Some(if is_unix { single.to_owned() } else { format!("{}://{single}", target.scheme) });
        }
        let name: String = target
            .authority
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' })
            .take(60)
            .collect();
        if group.is_empty() {
            return None;
        }
        let upstream = group.upstream(name.clone(), &target.scheme);
        if !self.draft.upstreams.contains(&upstream) {
            self.draft.upstreams.push(upstream);
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        for (text, url, uri) in [
            ("http://127.0.0.1:18789", "http://127.0.0.1:18789", None),
            ("http://127.0.0.1:18789/", "http://127.0.0.1:18789", Some("/")),
            ("https://gw/a?b", "https://gw", Some("/a?b")),
            ("http://unix:/run/x.sock", "unix:/run/x.sock", None),
            ("http://unix:/run/x.sock:/a", "unix:/run/x.sock", Some("/a")),
        ] {
            let target = NginxTarget::read(text).unwrap();
            assert_eq!((target.url().as_str(), target.uri.as_deref()), (url, uri), "{text}");
        }
        assert!(
            ["127.0.0.1:1", "ftp://a", "http://", "http:///x"].iter().all(|text| NginxTarget::read(text).is_none())
        );
    }
}
