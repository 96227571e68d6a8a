//! [`ApachePattern`]: what a regular expression for paths says, as far as prefixes say the same.

/// A regular expression of the kind that configurations have: a path, perhaps alternatives, then anything or the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import) struct ApachePattern {
    /// The paths that the expression matches, as routes have their prefixes.
    pub(in crate::import) prefixes: Vec<String>,
    /// Whether they match the same requests, not a few more or less.
    pub(in crate::import) exact: bool,
    /// Whether the prefixes are whole paths, with nothing below them.
    pub(in crate::import) ends: bool,
    /// The expression with `$1` and so on in place of its groups: a target that reads the same changes no path.
    pub(in crate::import) template: String,
}

impl ApachePattern {
    /// Reads an expression; `None` where no prefixes say about the same.
    pub(in crate::import) fn of(expression: &str) -> Option<Self> {
        let body = expression.strip_prefix('^').unwrap_or(expression);
        let template = template(body);
        if EVERYTHING.contains(&body) {
            return Some(Self { prefixes: vec!["/".into()], exact: true, ends: false, template });
        }
        // A path that may stand anywhere is no prefix.
        let body = body.strip_prefix("/?").map_or(body.to_owned(), |rest| format!("/{rest}"));
        if !expression.starts_with('^') {
            return None;
        }
        let (literals, tail) = literals(&body)?;
        let segments = SEGMENTS.contains(&tail);
        let anything = ANYTHING.contains(&tail);
        let end = END.contains(&tail);
        if literals.iter().any(|literal| !literal.starts_with('/')) || !(segments || anything || end) {
            return None;
        }
        // `^/$` is the root alone, and a prefix `/` would be everything.
        if end && literals.iter().any(|literal| literal == "/") {
            return None;
        }
        let exact = segments || tail == "$" || anything && literals.iter().all(|literal| literal.ends_with('/'));
        Some(Self { prefixes: literals, exact, ends: tail == "$", template })
    }

    /// The path with which everything begins that `expression` matches.
    pub(in crate::import) fn beginning(expression: &str) -> String {
        let Some(body) = expression.strip_prefix('^') else { return String::new() };
        let mut text = plain(body).0;
        // What may be repeated or left out does not belong to the beginning.
        let rest = plain(body).1;
        if rest.starts_with(['?', '*', '{']) {
            text.pop();
        }
        // Only whole segments are a prefix for sure.
        text.truncate(text.rfind('/').map_or(0, |slash| slash + 1));
        text
    }
}

const EVERYTHING: [&str; 16] = [
    "", "/", ".*", "(.*)", "(.*)$", ".*$", "/.*", "/(.*)", "/(.*)$", "/.*$", "/?(.*)", "/?(.*)$", "(/.*)", "(/.*)$",
    "(.+)", "/?.*",
];
const SEGMENTS: [&str; 12] = [
    "(/.*)?$",
    "(/.*)?",
    "(?:/.*)?$",
    "(?:/.*)?",
    "(/|$)",
    "(?:/|$)",
    "($|/)",
    "(?:$|/)",
    "(/|$)(.*)",
    "(/|$)(.*)$",
    "(/|$).*",
    "(?:/|$)(.*)$",
];
const ANYTHING: [&str; 8] = ["", ".*", ".*$", "(.*)", "(.*)$", ".+", "(.+)", "(.+)$"];
const END: [&str; 3] = ["$", "/?$", "/?"];

/// The paths that the expression begins with, one for each alternative of a group, and what follows.
fn literals(body: &str) -> Option<(Vec<String>, &str)> {
    let (first, mut rest) = plain(body);
    let mut all = vec![first];
    while let Some((group, after)) = alternatives(rest) {
        let (literal, left) = plain(after);
        all = all.iter().flat_map(|text| group.iter().map(move |word| format!("{text}{word}"))).collect();
        for text in &mut all {
            text.push_str(&literal);
        }
        rest = left;
        if all.len() > MOST {
            return None;
        }
    }
    // The last letter belongs to what follows it.
    (!rest.starts_with(['*', '+', '{'])).then_some(())?;
    if rest.starts_with('?') {
        let optional_slash = all.iter().all(|text| text.ends_with('/'));
        optional_slash.then_some(())?;
        let tail = match rest {
            "?" | "?$" => "/?$",
            "?(.*)$" | "?(.*)" | "?.*" => "(/|$)",
            _ => return None,
        };
        return Some((all.iter().map(|text| text.trim_end_matches('/').to_owned()).collect(), tail));
    }
    Some((all, rest))
}

/// How many alternatives one expression may list; no configuration that people write lists more.
const MOST: usize = 32;

/// `(a|b)` of plain words, and what follows.
fn alternatives(text: &str) -> Option<(Vec<String>, &str)> {
    let inner = text.strip_prefix("(?:").or_else(|| text.strip_prefix('('))?;
    let (group, after) = inner.split_once(')')?;
    let words: Option<Vec<String>> = group
        .split('|')
        .map(|word| match plain(word) {
            (literal, "") if !literal.is_empty() && literal != "/" => Some(literal),
            _ => None,
        })
        .collect();
    (!after.starts_with(['*', '+', '?', '{'])).then_some((words?, after))
}

/// The letters that stand for themselves, and what follows.
fn plain(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escaped = rest[c.len_utf8()..].chars().next();
        match (c, escaped) {
            ('\\', Some(next)) if !next.is_alphanumeric() => {
                literal.push(next);
                rest = &rest[1 + next.len_utf8()..];
            }
            ('\\' | '.' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '+' | '?' | '|' | '^' | '$', _) => break,
            _ => {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    (literal, rest)
}

fn template(body: &str) -> String {
    let body = body.strip_suffix('$').unwrap_or(body);
    let body = body.strip_prefix("/?").map_or(body.to_owned(), |rest| format!("/{rest}"));
    let (mut text, mut depth, mut group) = (String::new(), 0, 0);
    let mut letters = body.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '(' => {
                depth += 1;
                if depth == 1 && letters.peek() != Some(&'?') {
                    group += 1;
                    text.extend(["$".to_owned(), group.to_string()]);
                }
            }
            ')' => depth -= i32::from(depth > 0),
            _ if depth > 0 => {}
            // A group that may be missing is empty then.
            '?' if text.ends_with(|c: char| c.is_ascii_digit()) => {}
            '\\' => text.extend(letters.next()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_expressions_are_prefixes() {
        type Expected = Option<(&'static [&'static str], bool)>;
        let cases: [(&str, Expected); 22] = [
            ("^/(.*)$", Some((&["/"], true))),
            (".*", Some((&["/"], true))),
            ("^/?(.*)", Some((&["/"], true))),
            ("^/claw/(.*)$", Some((&["/claw/"], true))),
            ("^/claw(/.*)?$", Some((&["/claw"], true))),
            ("^/claw/?(.*)$", Some((&["/claw"], true))),
            ("^/?claw/", Some((&["/claw/"], true))),
            ("^/ws", Some((&["/ws"], false))),
            ("^/ws$", Some((&["/ws"], true))),
            ("^/ws/?$", Some((&["/ws"], false))),
            ("^/(a|b)/(.*)$", Some((&["/a/", "/b/"], true))),
            ("^/(?:a|b\\.c)(/|$)", Some((&["/a", "/b.c"], true))),
            ("^/$", None),
            ("^/?$", None),
            ("\\.php$", None),
            ("^/a.*b", None),
            ("^/a[0-9]", None),
            ("^/ab+", None),
            ("^/(\\d+)/", None),
            ("^/(a|b)?/x", None),
            ("^/a(.*)/b$", None),
            ("^a", None),
        ];
        for (expression, expected) in cases {
            let pattern = ApachePattern::of(expression).map(|pattern| (pattern.prefixes, pattern.exact));
            let expected = expected.map(|(list, exact)| (list.iter().map(|&one| one.to_owned()).collect(), exact));
            assert_eq!(pattern, expected, "{expression}");
        }
    }

    #[test]
    fn a_template_is_the_path_with_its_groups() {
        let cases = [
            ("^/(.*)$", "/$1"),
            ("^/?(.*)", "/$1"),
            ("^(/.*)$", "$1"),
            ("^/claw(/.*)?$", "/claw$1"),
            ("^/(a|b)/(.*)", "/$1/$2"),
            ("^/a\\.b/(?:x)(.*)", "/a.b/$1"),
        ];
        for (expression, expected) in cases {
            assert_eq!(template(expression.trim_start_matches('^')), expected, "{expression}");
        }
    }

    #[test]
    fn the_beginning_is_what_every_match_begins_with() {
        for (expression, expected) in
            [("^/a/b(.*)", "/a/"), ("^/a/.*", "/a/"), ("^/ab?", "/"), ("\\.php$", ""), ("^.*", ""), ("^/a/?", "/")]
        {
            assert_eq!(ApachePattern::beginning(expression), expected, "{expression}");
        }
    }
}
