//! [`DraftPath`]: the paths that a route is for.

use super::{Unsayable, expression};

/// What stands at the end of an expression that goes on with another segment only, or not at all.
pub(super) const SEGMENT_ENDS: [&str; 4] = ["(/|$)", "(?:/|$)", "(/.*)?$", "(?:/.*)?$"];

/// The paths that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DraftPath {
    /// What begins with this, up to the end of a segment.
    Prefix(String),
    /// What begins with this, wherever it ends.
    Starts(String),
    /// This path only.
    Exact(String),
    /// Paths in which this regular expression is found.
    Regex(String),
}

impl DraftPath {
    /// Whether every path is meant.
    pub(in crate::import) fn is_any(&self) -> bool {
        matches!(self, Self::Prefix(text) | Self::Starts(text) if text == "/")
    }

    /// Whether the path `text` is meant; `ignore_case` as in [`DraftMatch`](super::DraftMatch).
    pub(in crate::import) fn takes(&self, text: &str, ignore_case: bool) -> Result<bool, Unsayable> {
        let (own, other) = match self {
            // Most expressions are told apart by their first letters, and compiling each for each path takes minutes.
            Self::Regex(regex) if literal_start(regex).is_some_and(|literal| !text.starts_with(&literal)) => {
                return Ok(false);
            }
            Self::Regex(regex) => return Ok(expression(regex)?.is_match(text.as_bytes())),
            Self::Prefix(own) | Self::Starts(own) | Self::Exact(own) if ignore_case => {
                (own.to_ascii_lowercase(), text.to_ascii_lowercase())
            }
            Self::Prefix(own) | Self::Starts(own) | Self::Exact(own) => (own.clone(), text.to_owned()),
        };
        Ok(match self {
            Self::Exact(_) => own == other,
            Self::Starts(_) => other.starts_with(&own),
            _ => other
                .strip_prefix(&own)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || own.ends_with('/')),
        })
    }

    /// Whether all that begins with `text` is meant.
    pub(super) fn takes_below(&self, text: &str, ignore_case: bool) -> bool {
        match self {
            // Behind a `text` that does not go beyond the prefix, another segment could go on.
            Self::Prefix(own) if own.len() == text.len() && !own.ends_with('/') => false,
            Self::Prefix(_) | Self::Starts(_) => self.takes(text, ignore_case) == Ok(true),
            Self::Exact(_) | Self::Regex(_) => false,
        }
    }

    /// The paths in which the expression is found, as something simpler if that is the same.
    pub(in crate::import) fn of_expression(regex: &str) -> Self {
        let simple = || {
            let body = regex.strip_prefix('^')?;
            for end in SEGMENT_ENDS {
                if let Some(rest) = body.strip_suffix(end) {
                    return Some(Self::Prefix(literal(rest)?)).filter(|path| !path.text().ends_with('/'));
                }
            }
            if let Some(rest) = body.strip_suffix("(/.*)$").or_else(|| body.strip_suffix("(/.*)")) {
                return Some(Self::Prefix(literal(rest)? + "/"));
            }
            let ends = ["(.*)$", "(.*)", ".*$", ".*"];
            let rest = ends.iter().find_map(|end| body.strip_suffix(end));
            if let (None, Some(rest)) = (rest, body.strip_suffix('$')) {
                return Some(Self::Exact(literal(rest)?));
            }
            let text = literal(rest.unwrap_or(body))?;
            Some(if text.ends_with('/') { Self::Prefix(text) } else { Self::Starts(text) })
        };
        let has_path = |path: &Self| path.text().starts_with('/');
        simple().filter(has_path).unwrap_or_else(|| Self::Regex(regex.to_owned()))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Starts(text) | Self::Exact(text) | Self::Regex(text) => text,
        }
    }
}

/// The letters with which each text begins in which `regex` is found.
pub(in crate::import) fn literal_start(regex: &str) -> Option<String> {
    let body = regex.strip_prefix('^')?;
    let (mut literal, mut letters) = (String::new(), body.chars().peekable());
    while let Some(letter) = letters.next() {
        let next = match letter {
            '\\' => match letters.next() {
                Some(escaped) if !escaped.is_ascii_alphanumeric() => escaped,
                _ => break,
            },
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => break,
            letter => letter,
        };
        // What comes zero times need not be there.
        if matches!(letters.peek(), Some('*' | '?' | '{')) {
            break;
        }
        literal.push(next);
    }
    // An alternative without an anchor would begin anywhere.
    (!has_open_alternative(body)).then_some(literal)
}

/// The text that an expression stands for which has nothing but letters.
pub(in crate::import) fn literal(regex: &str) -> Option<String> {
    let (mut text, mut letters) = (String::new(), regex.chars());
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => letters.next().filter(|letter| !letter.is_ascii_alphanumeric())?,
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
            letter => letter,
        });
    }
    Some(text)
}

/// Whether there is a `|` outside of all parentheses.
fn has_open_alternative(regex: &str) -> bool {
    let (mut depth, mut class, mut letters) = (0_usize, false, regex.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth = depth.saturating_sub(1),
            '|' if !class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    impl DraftPath {
        /// A path of a table: `=` and `~` are those of nginx, `*` stands before a beginning that may end anywhere.
        pub(in crate::import::matching) fn read(text: &str) -> Self {
            let (kind, rest) = text.split_at(1);
            match kind {
                "=" => Self::Exact(rest.into()),
                "~" => Self::Regex(rest.into()),
                "*" => Self::Starts(rest.into()),
                _ => Self::Prefix(text.into()),
            }
        }
    }

    #[test]
    fn expressions_that_are_as_good_as_prefixes() {
        for (regex, expected) in [
            ("^/a", "*/a"),
            ("^/a/", "/a/"),
            ("^/a/(.*)$", "/a/"),
            ("^/a(/.*)$", "/a/"),
            ("^/a(/|$)", "/a"),
            ("^/a$", "=/a"),
            (r"^/a\.b$", "=/a.b"),
            ("^/a(b|c)", "~^/a(b|c)"),
            ("/a", "~/a"),
            ("(?i)^/a", "~(?i)^/a"),
            ("^", "~^"),
        ] {
            assert_eq!(DraftPath::of_expression(regex), DraftPath::read(expected), "{regex}");
        }
    }
}
