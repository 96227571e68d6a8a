//! [`ApacheRedirect`]: `Redirect` and its like of `mod_alias`; [`RedirectPlace`]: where a redirect leads, as routes say it.

use super::access::origin_of;
use super::pattern::{ApachePattern, is_path};
use super::sayable::Sayable;
use super::subject::{Facts, Subject};
use crate::import::condition::Condition;
use crate::import::draft::DraftAnswer;
use crate::import::matching::{DraftPath, Unsayable};
use crate::import::node::ImportNode;
use crate::import::tree::Origin;

/// One `Redirect`.
#[derive(Debug, Clone)]
pub(super) struct ApacheRedirect {
    pub(super) origin: Origin,
    /// The requests; in a section without a path of its own all of the section's.
    pub(super) paths: Sayable,
    /// What is answered, or why that cannot be said.
    pub(super) answer: Result<RedirectAnswer, Unsayable>,
}

/// What a redirect answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RedirectAnswer {
    /// A status.
    Status(u16),
    /// Another place.
    To(RedirectPlace, u16),
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RedirectPlace {
    /// The place, as the setting `redirect.to` has it.
    pub(super) to: String,
    /// The regular expression for the path whose groups are in it, if any are.
    pub(super) groups: Option<String>,
    /// Whether it is the same host and path, over https.
    pub(super) is_https: bool,
}

impl ApacheRedirect {
    /// Reads a directive of a server, or of a section, where it has no path.
    pub(super) fn of(node: &ImportNode, in_section: bool) -> Self {
        let mut words = node.args.as_slice();
        let mut code = if node.name == "redirectpermanent" { 301 } else { 302 };
        if let Some((first, rest)) = words.split_first()
            && let Some(found) = status(first)
        {
            (code, words) = (found, rest);
        }
        let (is_match, moves) = (node.name == "redirectmatch", (300..400).contains(&code));
        let (path, url) = match words {
            [url] if in_section && moves => (None, Some(url.as_str())),
            [] if in_section => (None, None),
            [path] => (Some(path.as_str()), None),
            [path, url] => (Some(path.as_str()), Some(url.as_str())),
            _ => (None, None),
        };
        let paths = match path {
            None => Sayable::exactly(Condition::always()),
            Some(path) if is_match => match ApachePattern::of(path, false).and_then(|pattern| pattern.paths()) {
                Ok(condition) => Sayable::exactly(condition),
                Err(Unsayable) => Sayable::among(ApachePattern::beginning(path)),
            },
            Some(path) => prefix(path),
        };
        let answer = match (moves, url) {
            (false, None) => Ok(RedirectAnswer::Status(code)),
            (true, Some(url)) => {
                let place = match path {
                    Some(path) if is_match => RedirectPlace::of_match(path, url),
                    Some(path) => RedirectPlace::behind(path, url),
                    None => RedirectPlace::fixed(url),
                };
                place.and_then(|place| place.answer(code))
            }
            _ => Err(Unsayable),
        };
        Self { origin: origin_of(node), paths, answer }
    }
}

/// The requests whose path begins so, as `ProxyPass` and `Redirect` have it.
pub(super) fn prefix(path: &str) -> Sayable {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    if is_path(&path) {
        return Sayable::exactly(Condition::path(DraftPath::Prefix(path)));
    }
    Sayable::among(Condition::always())
}

/// Statuses with which routes redirect.
const MOVES: [u16; 5] = [301, 302, 303, 307, 308];

impl RedirectPlace {
    /// The answer with this status.
    pub(super) fn answer(self, code: u16) -> Result<RedirectAnswer, Unsayable> {
        if MOVES.contains(&code) { Ok(RedirectAnswer::To(self, code)) } else { Err(Unsayable) }
    }

    /// The draft's answer.
    pub(super) fn draft(&self, status: u16) -> DraftAnswer {
        if self.is_https { DraftAnswer::Https(status) } else { DraftAnswer::Redirect { to: self.to.clone(), status } }
    }

    /// A URL to which what follows the path `from` is added.
    fn behind(from: &str, url: &str) -> Result<Self, Unsayable> {
        let Self { to, .. } = Self::fixed(url)?;
        if url.contains(['?', '#']) {
            return Err(Unsayable);
        }
        let bare = to.strip_suffix("?{query}").unwrap_or(&to);
        if from == "/"
            && let Some(base) = bare.strip_suffix('/')
        {
            return Ok(Self { to: format!("{base}{{uri}}"), groups: None, is_https: false });
        }
        let groups = match from.strip_suffix('/') {
            Some(_) => format!("^{}((?s:.)*)$", regex::escape(from)),
            None => format!("^{}(/(?s:.)*)?$", regex::escape(from)),
        };
        Ok(Self { to: format!("{bare}$1?{{query}}"), groups: Some(groups), is_https: false })
    }

    /// A URL that is the same for all, with the query.
    fn fixed(url: &str) -> Result<Self, Unsayable> {
        Self::of(None, url, false, &Facts::default(), &|_| Err(Unsayable))
    }

    fn of_match(expression: &str, url: &str) -> Result<Self, Unsayable> {
        let variable = |name: &str| if name == "REQUEST_URI" { Ok(Subject::Path) } else { Err(Unsayable) };
        Self::of(Some((expression, false)), url, false, &Facts::default(), &variable)
    }

    /// What a rule puts in the place of the URL: `$1` are groups of `expression`, of which the flag says whether it minds
    /// the case of letters; `variable` says what `%{NAME}` is. `joins` says whether the query is kept beside one of its own.
    pub(super) fn of(
        expression: Option<(&str, bool)>,
        url: &str,
        joins: bool,
        facts: &Facts,
        variable: &dyn Fn(&str) -> Result<Subject, Unsayable>,
    ) -> Result<Self, Unsayable> {
        let (base, own_query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
        let mut url = base.to_owned();
        // A path that is all of the path that was asked for.
        let host_end = url.find("://").map(|at| at + 3);
        let path_at = host_end.map_or(Some(0), |at| url[at..].find(['/', '$']).map(|slash| at + slash));
        if let (Some((expression, _)), Some(at)) = (expression, path_at)
            && let Some(template) = template(expression)
            && url[at..] == template
        {
            url = format!("{}%{{REQUEST_URI}}", &url[..at]);
        }
        let (mut to, mut groups) = (String::new(), false);
        let mut letters = url.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '$' => {
                    let number = letters.next().filter(char::is_ascii_digit).ok_or(Unsayable)?;
                    expression.ok_or(Unsayable)?;
                    to.extend(["${", &number.to_string(), "}"]);
                    groups = true;
                }
                '%' if letters.peek() == Some(&'{') => {
                    letters.next();
                    let name: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                    match variable(&name)? {
                        Subject::Path => to.push_str("{path}"),
                        Subject::Host => to.push_str("{host}"),
                        Subject::Header(name) if name == "host" => to.push_str("{hostport}"),
                        Subject::Fixed(text) => to.push_str(&text),
                        _ => return Err(Unsayable),
                    }
                }
                // What a condition has captured.
                '%' if letters.peek().is_some_and(char::is_ascii_digit) => return Err(Unsayable),
                '{' => to.push_str("%7B"),
                '}' => to.push_str("%7D"),
                '\\' => to.push(letters.next().ok_or(Unsayable)?),
                letter if letter.is_ascii_graphic() => to.push(letter),
                _ => return Err(Unsayable),
            }
        }
        if !to.contains("://") {
            if !to.starts_with('/') && !to.starts_with("{path}") {
                return Err(Unsayable);
            }
            to = format!("{{scheme}}://{{hostport}}{to}");
        }
        let secure = ["https://{hostport}{path}", "https://{host}{path}"];
        let is_https = !facts.tls && own_query.is_none() && secure.contains(&to.as_str());
        match own_query.map(|query| query.replace("%{QUERY_STRING}", "{query}")) {
            None => {
                to.push_str("?{query}");
                to = to.replace("{path}?{query}", "{uri}");
            }
            Some(query) if query.is_empty() && !joins => {}
            Some(query) => {
                let fixed = query.replace("{query}", "");
                if fixed.contains(['$', '%', '{', '}']) || !fixed.chars().all(|letter| letter.is_ascii_graphic()) {
                    return Err(Unsayable);
                }
                to.extend(["?", &query]);
                if joins {
                    to.push_str(if query.is_empty() { "{query}" } else { "&{query}" });
                }
            }
        }
        let groups = match expression.filter(|_| groups) {
            Some((text, ignore_case)) => Some(ApachePattern::of(text, ignore_case)?.regex()),
            None => None,
        };
        Ok(Self { to, groups, is_https })
    }
}

/// The path with its groups in their places: what an expression for a whole path matches, if it has only plain letters
/// outside of its groups.
pub(super) fn template(expression: &str) -> Option<String> {
    let body = expression
        .strip_prefix('^')
        .or_else(|| ["/(.*)", "(.*)", "/(.*)$", "(.*)$", ".*", ".*$"].contains(&expression).then_some(expression))?;
    let (body, ends) = body.strip_suffix('$').map_or((body, false), |body| (body, true));
    let body = body.strip_prefix("/?").map_or(body.to_owned(), |rest| format!("/{rest}"));
    if !ends && !body.ends_with(".*") && !body.ends_with(".*)") {
        return None;
    }
    if body == ".*" || body == "/.*" {
        return Some("$0".to_owned());
    }
    let (mut text, mut depth, mut group) = (String::new(), 0_u32, 0);
    let mut letters = body.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let next = letters.next()?;
                if depth == 0 && next.is_ascii_alphanumeric() {
                    return None;
                }
                if depth == 0 {
                    text.push(next);
                }
            }
            '(' => {
                if letters.peek() != Some(&'?') {
                    group += 1;
                    if depth == 0 {
                        text.extend(["$".to_owned(), group.to_string()]);
                    }
                } else if depth == 0 {
                    return None;
                }
                depth += 1;
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                match letters.peek() {
                    // A group that may be missing is empty then.
                    Some('?') if depth == 0 => {
                        letters.next();
                    }
                    Some('*' | '+' | '{') if depth == 0 => return None,
                    _ => {}
                }
            }
            _ if depth > 0 => {}
            '.' | '[' | ']' | '*' | '+' | '?' | '{' | '}' | '|' | '^' | '$' => return None,
            letter => text.push(letter),
        }
    }
    (depth == 0).then_some(text)
}

/// The expression with its plain dots taken for dots, and with an anchor, which is what people mean; `None` where that is
/// how it is.
pub(super) fn meant(expression: &str) -> Option<String> {
    let (mut text, mut depth, mut found) = (String::new(), 0_i32, expression.starts_with('/'));
    if found {
        text.push('^');
    }
    let mut letters = expression.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                text.push(letter);
                text.extend(letters.next());
                continue;
            }
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '.' if depth == 0 && !matches!(letters.peek(), Some('*' | '+' | '?' | '{')) => {
                text.push('\\');
                found = true;
            }
            _ => {}
        }
        text.push(letter);
    }
    found.then_some(text)
}

/// The status that a word stands for.
pub(super) fn status(word: &str) -> Option<u16> {
    match word.to_ascii_lowercase().as_str() {
        "permanent" => Some(301),
        "temp" => Some(302),
        "seeother" => Some(303),
        "gone" => Some(410),
        word => word.parse().ok().filter(|code| (200..600).contains(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::tests::node;
    use super::*;

    #[test]
    fn statuses_have_names() {
        for (word, code) in [("permanent", Some(301)), ("Gone", Some(410)), ("307", Some(307)), ("/path", None)] {
            assert_eq!(status(word), code);
        }
    }

    #[test]
    fn what_is_meant_is_a_beginning_with_dots() {
        for (expression, expected) in [
            ("^/socket.io/(.*)$", Some("^/socket\\.io/(.*)$")),
            ("/hub(.*)", Some("^/hub(.*)")),
            ("^/a\\.b/(.*)", None),
            ("^/a.*", None),
            ("^/[.](x.)", None),
        ] {
            assert_eq!(meant(expression).as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn a_template_is_the_path_with_its_groups() {
        for (expression, expected) in [
            ("^/(.*)$", Some("/$1")),
            ("^/?(.*)", Some("/$1")),
            ("/(.*)", Some("/$1")),
            ("^(/.*)$", Some("$1")),
            ("^/claw(/.*)?$", Some("/claw$1")),
            ("^/(a|b)/(.*)", Some("/$1/$2")),
            ("^/a\\.b/(.*)", Some("/a.b/$1")),
            (".*", Some("$0")),
            ("^/a", None),
            ("^/a.(.*)$", None),
            ("x/(.*)", None),
        ] {
            assert_eq!(template(expression).as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn redirects_lead_where_apache_leads() {
        for (line, expected) in [
            ("Redirect / https://gw.example.com/", "302 https://gw.example.com{uri}"),
            ("Redirect 301 /old https://a.b/new", "301 https://a.b/new$1?{query} ^/old(/(?s:.)*)?$"),
            ("Redirect gone /old", "410"),
            ("RedirectMatch ^/x(.*)$ https://a.b/y$1", "302 https://a.b/y${1}?{query} ^/x((?s:.)*)$"),
            ("RedirectMatch 303 ^/x$ /y", "303 {scheme}://{hostport}/y?{query}"),
            ("RedirectMatch ^/(.*)$ https://a.b/$1", "302 https://a.b{uri}"),
            ("Redirect 300 /a https://b/", "unsayable"),
            ("RedirectMatch ^/(.)\\1(.*)$ https://b/$2", "unsayable"),
        ] {
            let found = match ApacheRedirect::of(&node(line), false).answer {
                Err(Unsayable) => "unsayable".to_owned(),
                Ok(RedirectAnswer::Status(code)) => code.to_string(),
                Ok(RedirectAnswer::To(place, code)) => {
                    let groups = place.groups.map(|groups| format!(" {groups}")).unwrap_or_default();
                    format!("{code} {}{groups}", place.to)
                }
            };
            assert_eq!(found, expected, "{line}");
        }
    }
}
