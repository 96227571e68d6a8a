//! [`NginxState`]: requests on their way through a server, and what is known of them there.

use std::collections::HashMap;

use super::parser::NginxDirective;
use super::scope::NginxScope;
use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::matching::{DraftMatch, DraftPath, Unsayable, expression, literal_start};
use crate::import::tree::{ImportRule, Origin, Part, Said};

/// Requests on their way through a server. Those that an earlier rule takes need not be left out.
#[derive(Debug, Clone)]
pub(super) struct NginxState<'a> {
    /// The requests that get here.
    pub(super) when: Condition,
    /// What has become of their path.
    pub(super) path: NginxPath,
    /// The variables that `set` has set: texts, of which the first counts whose condition holds; `None` where that is not
    /// known.
    pub(super) variables: HashMap<&'a str, Option<Vec<(Condition, String)>>>,
    /// The directives that hold here.
    pub(super) scope: NginxScope<'a>,
    /// How the location was found, if this is one.
    pub(super) pattern: Option<NginxPattern>,
    /// The directives that are still to be looked at in this phase, the innermost block first.
    pub(super) rest: Vec<&'a [NginxDirective]>,
    /// Whether the path has changed since the location was found.
    pub(super) changed: bool,
    /// How often a location was looked for.
    pub(super) searches: usize,
    /// What the report says once a rule for these requests is in the file.
    pub(super) said: Vec<Said>,
}

/// The path of requests, as directives have changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxPath {
    /// The path that the client asked for.
    Original,
    /// The path without this prefix.
    Stripped(String),
    /// This path, whatever the client asked for.
    Fixed(String),
    /// A path that routes cannot say.
    Unsayable,
}

/// How a location is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NginxPattern {
    /// `/x`: every path that begins with it. `^~` says that no regular expression wins over it.
    Prefix { text: String, is_final: bool },
    /// `= /x`: this path only.
    Exact(String),
    /// `~ x`: paths in which the regular expression is found.
    Regex(String),
    /// `@x`: reached only from within.
    Named,
}

impl NginxPattern {
    /// What the words behind `location` say.
    pub(super) fn read(args: &[String]) -> Self {
        let regex = |text: &str, ignores_case: bool| Self::Regex(expression_text(text, ignores_case));
        let prefix = |text: &str, is_final| Self::Prefix { text: text.to_owned(), is_final };
        match args {
            [path] if path.starts_with('@') => Self::Named,
            [mark, path] if mark == "=" => Self::Exact(path.clone()),
            [mark, path] if mark == "^~" => prefix(path, true),
            [mark, text] if mark == "~" => regex(text, false),
            [mark, text] if mark == "~*" => regex(text, true),
            // nginx takes the mark without a space, too.
            [word] if word.starts_with('=') => Self::Exact(word[1..].to_owned()),
            [word] if word.starts_with("^~") => prefix(&word[2..], true),
            [word] if word.starts_with("~*") => regex(&word[2..], true),
            [word] if word.starts_with('~') => regex(&word[1..], false),
            [path] => prefix(path, false),
            _ => Self::Named,
        }
    }

    /// The paths, as the settings say them.
    pub(super) fn path(&self) -> Option<DraftPath> {
        Some(match self {
            Self::Prefix { text, .. } if text.ends_with('/') => DraftPath::Prefix(text.clone()),
            Self::Prefix { text, .. } => DraftPath::Starts(text.clone()),
            Self::Exact(text) => DraftPath::Exact(text.clone()),
            Self::Regex(text) => DraftPath::Regex(text.clone()),
            Self::Named => return None,
        })
    }
}

/// A regular expression with its flag.
pub(super) fn expression_text(text: &str, ignores_case: bool) -> String {
    if ignores_case { format!("(?i){text}") } else { text.to_owned() }
}

impl NginxPath {
    /// The requests whose path, changed as it is, is one of these.
    pub(super) fn condition(&self, mut path: DraftPath) -> Result<Condition, Unsayable> {
        if let DraftPath::Regex(regex) = &path {
            expression(regex)?;
            if takes_everything(regex) {
                return Ok(Condition::always());
            }
            path = Some(DraftPath::of_expression(regex)).filter(is_comparable).unwrap_or(path);
        }
        if !is_comparable(&path) {
            return Err(Unsayable);
        }
        Ok(match self {
            Self::Original => Condition::path(path),
            Self::Fixed(text) if path.takes(text, false)? => Condition::always(),
            Self::Fixed(_) => Condition::never(),
            Self::Stripped(prefix) => Condition::path(match path {
                DraftPath::Prefix(text) => DraftPath::Prefix(format!("{prefix}{text}")),
                DraftPath::Starts(text) => DraftPath::Starts(format!("{prefix}{text}")),
                DraftPath::Exact(text) => DraftPath::Exact(format!("{prefix}{text}")),
                DraftPath::Regex(regex) => match (regex.strip_prefix('^'), literal_start(&regex)) {
                    (Some(rest), Some(literal)) if literal.starts_with('/') => {
                        DraftPath::Regex(format!("^{}{rest}", regex::escape(prefix)))
                    }
                    _ => return Err(Unsayable),
                },
            }),
            Self::Unsayable => return Err(Unsayable),
        })
    }
}

/// Whether routes can have the path: they compare paths decoded, without dot segments and double slashes.
fn is_comparable(path: &DraftPath) -> bool {
    match path {
        DraftPath::Regex(_) => true,
        DraftPath::Prefix(text) | DraftPath::Starts(text) | DraftPath::Exact(text) => {
            let odd = |letter: char| "?#%\\*".contains(letter) || letter.is_control();
            let inner = text.strip_prefix('/').map(|rest| rest.strip_suffix('/').unwrap_or(rest));
            inner.is_some_and(|inner| {
                !text.contains(odd) && (text == "/" || inner.split('/').all(|part| !matches!(part, "" | "." | "..")))
            })
        }
    }
}

/// Whether the expression is found in every path.
pub(super) fn takes_everything(regex: &str) -> bool {
    [
        "^", "^/", "/", ".*", "^.*", "^.*$", ".*$", "^(.*)$", "(.*)", "^(.*)", "^/(.*)$", "^/(.*)", "^/.*$", "^/.*",
        "/(.*)", "^(/.*)$", "^(/.*)", ".",
    ]
    .contains(&regex)
}

impl<'a> NginxState<'a> {
    /// All requests for a server.
    pub(super) fn begin(scope: NginxScope<'a>) -> Self {
        let rest = vec![scope.own()];
        Self {
            when: Condition::always(),
            path: NginxPath::Original,
            variables: HashMap::new(),
            scope,
            pattern: None,
            rest,
            changed: false,
            searches: 0,
            said: Vec::new(),
        }
    }

    /// A rule for the first of these requests; see [`NginxState::rules`] for all.
    pub(super) fn rule(&self, answer: DraftAnswer) -> ImportRule {
        ImportRule { said: self.said.clone(), ..ImportRule::new(DraftMatch::default(), answer) }
    }

    /// The rule for each of these requests.
    pub(super) fn rules(&self, rule: &ImportRule) -> Vec<ImportRule> {
        rule.for_each(&self.when)
    }

    /// The rules that refuse these requests, because of a directive that cannot be said.
    pub(super) fn shut(&self, origin: &Origin, why: &str, write: &str) -> Vec<ImportRule> {
        let mut rule = self.rule(DraftAnswer::Default);
        rule.shut(origin, why, write);
        self.rules(&rule)
    }

    /// Notes what the report says of the directive once a rule for these requests is in the file.
    pub(super) fn say(&mut self, directive: &NginxDirective, part: Part) {
        let said = Said { origin: directive.origin(), part };
        if !self.said.contains(&said) {
            self.said.push(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_with_and_without_a_space() {
        let prefix = |text: &str, is_final| NginxPattern::Prefix { text: text.into(), is_final };
        for (text, expected) in [
            ("~ ^/api/", NginxPattern::Regex("^/api/".into())),
            ("~* \\.php$", NginxPattern::Regex("(?i)\\.php$".into())),
            ("~*\\.php$", NginxPattern::Regex("(?i)\\.php$".into())),
            ("= /x", NginxPattern::Exact("/x".into())),
            ("=/x", NginxPattern::Exact("/x".into())),
            ("^~ /x", prefix("/x", true)),
            ("/x", prefix("/x", false)),
            ("@x", NginxPattern::Named),
        ] {
            assert_eq!(NginxPattern::read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>()), expected, "{text}");
        }
    }

    #[test]
    fn paths_are_looked_at_as_they_have_become() {
        let stripped = NginxPath::Stripped("/app".into());
        let found = stripped.condition(DraftPath::Regex("^/(x|y)$".into())).unwrap();
        assert_eq!(found, Condition::path(DraftPath::Regex("^/app/(x|y)$".into())));
        assert!(stripped.condition(DraftPath::Regex("x$".into())).is_err());
        let fixed = NginxPath::Fixed("/closed".into());
        assert!(fixed.condition(DraftPath::Exact("/closed".into())).unwrap().is_always());
        assert!(fixed.condition(DraftPath::Exact("/open".into())).unwrap().is_never());
        assert!(NginxPath::Original.condition(DraftPath::Prefix("/a//b".into())).is_err());
    }
}
