//! [`NginxPattern`]: which paths a location is for, as far as prefixes can say it.

/// Which paths a location is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxPattern {
    /// `/x`: every path that begins with it. `^~` says that no regular expression wins over it.
    Prefix { path: String, final_: bool },
    /// `= /x`: this path only.
    Exact(String),
    /// A regular expression that says no more than that a path begins with one of these.
    AnyOf(Vec<String>),
    /// A regular expression that prefixes cannot say.
    Regex(String),
    /// `@x`: reached only from within.
    Named,
}

impl NginxPattern {
    /// What the words behind `location` say.
    pub(super) fn read(args: &[String]) -> Self {
        match args {
            [path] if path.starts_with('@') => Self::Named,
            [mark, path] if mark == "=" => Self::Exact(path.clone()),
            [mark, path] if mark == "^~" => Self::Prefix { path: path.clone(), final_: true },
            [mark, regex] if mark == "~" || mark == "~*" => Self::regex(regex),
            // nginx takes the mark without a space, too.
            [word] if word.starts_with('=') => Self::Exact(word[1..].to_owned()),
            [word] if word.starts_with("^~") => Self::Prefix { path: word[2..].to_owned(), final_: true },
            [word] if word.starts_with('~') => Self::regex(word[1..].trim_start_matches('*')),
            [path] => Self::Prefix { path: path.clone(), final_: false },
            _ => Self::Regex(args.join(" ")),
        }
    }

    fn regex(regex: &str) -> Self {
        prefixes(regex).map_or_else(|| Self::Regex(regex.to_owned()), Self::AnyOf)
    }
}

/// The prefixes that a regular expression stands for, if it is as simple as `^/(api|ws)/` or `^/claw(/.*)?$`.
fn prefixes(regex: &str) -> Option<Vec<String>> {
    let body = regex.strip_prefix('^')?;
    let body = ENDS.iter().find_map(|end| body.strip_suffix(end)).unwrap_or(body);
    let Some((before, rest)) = body.split_once('(') else { return literal(body).map(|path| vec![path]) };
    let (inside, after) = rest.split_once(')')?;
    let inside = inside.strip_prefix("?:").unwrap_or(inside);
    let found: Option<Vec<String>> =
        inside.split('|').map(|one| Some(literal(before)? + &literal(one)? + &literal(after)?)).collect();
    found.filter(|list| list.iter().all(|path| path.starts_with('/')) && list.len() <= 32)
}

/// Ways to say that anything may follow.
const ENDS: [&str; 8] = ["(/.*)?$", "(?:/.*)?$", "(/|$)", "(?:/|$)", "(.*)$", ".*$", "(.*)", ".*"];

/// Text that means itself.
fn literal(regex: &str) -> Option<String> {
    let mut text = String::new();
    let mut letters = regex.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(letters.next().filter(|letter| !letter.is_ascii_alphanumeric())?),
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
            letter => text.push(letter),
        }
    }
    Some(text)
}

/// Whether a route may have this path: it is compared decoded, without dot segments and double slashes.
pub(super) fn is_plain(path: &str) -> bool {
    let inner = path.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let odd = |letter: char| "?#%\\*$".contains(letter) || letter.is_control();
    inner.is_some_and(|inner| {
        !path.contains(odd)
            && (inner.is_empty() && path == "/" || inner.split('/').all(|part| !matches!(part, "" | "." | "..")))
    })
}

/// Whether a route for `own` takes every path that one for `other` takes.
pub(super) fn covers(own: Option<&str>, other: Option<&str>) -> bool {
    match (own, other) {
        (None | Some("/"), _) => true,
        (Some(_), None) => false,
        (Some(own), Some(other)) => {
            other.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || own.ends_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> NginxPattern {
        NginxPattern::read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn simple_expressions_are_prefixes() {
        let any = |list: &[&str]| NginxPattern::AnyOf(list.iter().map(|&path| path.to_owned()).collect());
        for (text, expected) in [
            ("~ ^/api/", any(&["/api/"])),
            ("~* ^/(api|ws)/", any(&["/api/", "/ws/"])),
            ("~ ^/claw(/.*)?$", any(&["/claw"])),
            ("~ ^/v1\\.0/.*$", any(&["/v1.0/"])),
            ("~ ^/(?:a|b)(/|$)", any(&["/a", "/b"])),
            ("~ \\.php$", NginxPattern::Regex("\\.php$".into())),
            ("~ ^/v[0-9]+", NginxPattern::Regex("^/v[0-9]+".into())),
            ("~ ^/a(b|c.)d", NginxPattern::Regex("^/a(b|c.)d".into())),
            ("~ ^/x\\d", NginxPattern::Regex("^/x\\d".into())),
            ("~ /\\.", NginxPattern::Regex("/\\.".into())),
            ("= /x", NginxPattern::Exact("/x".into())),
            ("=/x", NginxPattern::Exact("/x".into())),
            ("^~ /x", NginxPattern::Prefix { path: "/x".into(), final_: true }),
            ("/x", NginxPattern::Prefix { path: "/x".into(), final_: false }),
            ("@x", NginxPattern::Named),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn routes_have_plain_paths() {
        for (path, expected) in [
            ("/", true),
            ("/a", true),
            ("/a/b/", true),
            ("a", false),
            ("/a//b", false),
            ("/a/../b", false),
            ("/a%20", false),
            ("/$x", false),
            ("", false),
            ("//", false),
        ] {
            assert_eq!(is_plain(path), expected, "{path}");
        }
        assert!(covers(None, Some("/a")) && covers(Some("/a"), Some("/a/b")) && covers(Some("/a/"), Some("/a/b")));
        assert!(!covers(Some("/a"), Some("/ab")) && !covers(Some("/a/"), Some("/a")) && !covers(Some("/a"), None));
    }
}
