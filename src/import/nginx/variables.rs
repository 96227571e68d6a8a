//! [`Maps`]: what `set` and `map` make of a variable.

use super::parser::NginxDirective;
use super::scope::NginxScope;

/// The maps of a configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Maps<'a>(Vec<&'a NginxDirective>);

/// What a text with variables is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    /// The text is the same for every request.
    Text(String),
    /// The text depends on the host of a request: for each host its text, and the text for all others.
    ByHost(Vec<(String, String)>, Option<String>),
    /// The text is known only with the request; the variable that is to blame.
    Unknown(String),
}

/// How often a variable may be set by another one before the chain counts as endless.
const DEEPEST: usize = 8;

impl<'a> Maps<'a> {
    /// The maps in the outermost block.
    pub(super) fn of(block: &'a [NginxDirective]) -> Self {
        Self(block.iter().filter(|one| one.name == "map" && one.args.len() == 2).collect())
    }

    /// The map that makes the variable of this name, without its dollar.
    pub(super) fn making(&self, variable: &str) -> Option<&'a NginxDirective> {
        self.0.iter().copied().find(|map| map.args[1].strip_prefix('$') == Some(variable))
    }

    /// What `text` stands for in `scope`.
    pub(super) fn resolve(&self, text: &str, scope: &NginxScope<'_>) -> Resolved {
        let mut text = text.to_owned();
        for _ in 0..DEEPEST {
            let Some((range, name)) = first_variable(&text) else { return Resolved::Text(text) };
            let dollar = format!("${name}");
            let set = scope.everywhere("set").into_iter().find(|set| set.args.len() == 2 && set.args[0] == dollar);
            if let Some(set) = set {
                // A text that grows with each round is never an address.
                if text.len() + set.args[1].len() > 4096 {
                    return Resolved::Unknown(name);
                }
                text.replace_range(range, &set.args[1]);
                continue;
            }
            return self.by_host(&text, range, &name).unwrap_or(Resolved::Unknown(name));
        }
        Resolved::Unknown(text)
    }

    /// `text` with one variable in it, which a simple map makes of the host.
    fn by_host(&self, text: &str, range: std::ops::Range<usize>, name: &str) -> Option<Resolved> {
        let map = self.making(name)?;
        if !matches!(map.first(), "$host" | "$http_host") {
            return None;
        }
        let put = |value: &str| {
            let mut text = text.to_owned();
            text.replace_range(range.clone(), value);
            first_variable(&text).is_none().then_some(text)
        };
        let (mut hosts, mut otherwise) = (Vec::new(), None);
        for entry in map.inner() {
            match (entry.name.as_str(), entry.args.as_slice()) {
                ("hostnames" | "volatile", []) => {}
                ("default", [value]) => otherwise = Some(put(value)?),
                (host, [value]) if !host.starts_with('~') && !host.contains('$') => {
                    hosts.push((host.to_owned(), put(value)?));
                }
                _ => return None,
            }
        }
        Some(Resolved::ByHost(hosts, otherwise))
    }
}

/// Where the first variable of a text is, and its name.
pub(super) fn first_variable(text: &str) -> Option<(std::ops::Range<usize>, String)> {
    for (start, _) in text.match_indices('$') {
        let rest = &text[start + 1..];
        if let Some(inner) = rest.strip_prefix('{') {
            let end = inner.find('}')?;
            return Some((start..start + end + 3, inner[..end].to_owned()));
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length > 0 {
            return Some((start..start + 1 + length, rest[..length].to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::nginx::parser::parse;

    #[test]
    fn variables_are_found_and_resolved() {
        let tree = parse(
            "f",
            "map $host $app { default a; gw.example.com b; } map $uri $x { default 1; } set $port 18789; set $full 10.0.0.1:$port; set $loop $loop;",
        )
        .unwrap();
        let (maps, scope) = (Maps::of(&tree), NginxScope::outermost(&tree));
        let resolve = |text| maps.resolve(text, &scope);
        assert_eq!(resolve("http://a:1/x"), Resolved::Text("http://a:1/x".into()));
        assert_eq!(resolve("http://${full}/$"), Resolved::Text("http://10.0.0.1:18789/$".into()));
        let hosts = vec![("gw.example.com".to_owned(), "http://b:1".to_owned())];
        assert_eq!(resolve("http://$app:1"), Resolved::ByHost(hosts, Some("http://a:1".into())));
        for text in ["$x", "$loop", "$host", "http://$app:$x"] {
            assert!(matches!(resolve(text), Resolved::Unknown(_)), "{text}");
        }
    }
}
