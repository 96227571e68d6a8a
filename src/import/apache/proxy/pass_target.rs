//! [`PassTarget`]: the gateway that requests go to, and what becomes of their path.

use crate::import::apache::pattern::{ApachePattern, is_path};
use crate::import::apache::redirect::template;
use crate::import::apache::sayable::Sayable;
use crate::import::apache::target::ApacheTarget;
use crate::import::condition::Condition;
use crate::import::matching::{DraftPath, Unsayable};

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::import::apache) enum PassTarget {
    /// They are not forwarded by this: `!`.
    Off,
    /// They go to a gateway.
    Gateway {
        /// The gateway as `upstream` has it.
        upstream: String,
        /// The URL, without what follows the host: what `<Proxy>` is compared with.
        url: String,
        /// What is cut from the path, if anything is.
        strip: Option<String>,
        /// What is not quite as in Apache.
        about: Option<String>,
    },
    /// They would go where frontgate cannot send them: why, and what to write instead.
    Nowhere(String, &'static str),
}

const OTHER_PATH: &str =
    "Let the gateway have the path that clients ask for, or cut a prefix from it by `strip_prefix`";

impl PassTarget {
    /// The requests to this target that a `<Proxy>` is for; `None` for none.
    pub(in crate::import::apache) fn within(&self, section: &str, is_regex: bool) -> Option<Sayable> {
        let Self::Gateway { url, strip, .. } = self else { return None };
        // The URL of a socket is behind the bar.
        let url = url.rsplit_once('|').map_or(url.as_str(), |(_, url)| url);
        let end = url.find("://").map_or(0, |at| at + 3);
        let end = url[end..].find(['/', '$', '%']).map_or(url.len(), |slash| end + slash);
        let (host, own_path) = url.split_at(end);
        let paths = |condition: Result<Condition, Unsayable>| match condition {
            Ok(condition) if strip.is_none() => Sayable::exactly(condition),
            Ok(condition) if condition.is_always() => Sayable::exactly(condition),
            _ => Sayable::among(Condition::always()),
        };
        if is_regex {
            let all = ["", "^", ".*", "^.*", "^.*$", ".*$"].contains(&section);
            if all {
                return Some(paths(Ok(Condition::always())));
            }
            let Some(body) = section.strip_prefix('^') else { return Some(Sayable::among(Condition::always())) };
            let slash = body.match_indices('/').nth(2).map_or(body.len(), |(at, _)| at);
            let (front, rest) = body.split_at(slash);
            let fits = ApachePattern::of(&format!("^{front}{}", if rest.is_empty() { "" } else { "$" }), false)
                .and_then(|pattern| pattern.matches(host));
            return match fits {
                Ok(false) => None,
                Ok(true) => {
                    Some(paths(ApachePattern::of(&format!("^{rest}"), false).and_then(|pattern| pattern.paths())))
                }
                Err(Unsayable) => Some(Sayable::among(Condition::always())),
            };
        }
        let section = section.strip_suffix('*').unwrap_or(section);
        if section.contains(['*', '?', '[']) {
            return Some(Sayable::among(Condition::always()));
        }
        let lower = |text: &str| text.to_ascii_lowercase();
        let Some(path) = lower(section).strip_prefix(&lower(host)).map(|_| &section[host.len()..]) else {
            return lower(host).starts_with(&lower(section)).then(|| Sayable::exactly(Condition::always()));
        };
        if matches!(path, "" | "/") || own_path.starts_with(path) && !own_path.contains(['$', '%']) {
            return Some(Sayable::exactly(Condition::always()));
        }
        let starts = is_path(path).then(|| Condition::path(DraftPath::Starts(path.to_owned())));
        Some(paths(starts.ok_or(Unsayable)))
    }

    /// The target of a rule with `[P]`, whose expression is `None` where it must not match.
    pub(in crate::import::apache) fn of_rule(expression: Option<&str>, url: &str) -> Self {
        let whole = expression.and_then(template);
        let target = match ApacheTarget::of(url) {
            Ok(target) => target,
            Err(why) => return Self::Nowhere(why, OTHER_PATH),
        };
        let path = match target.path() {
            "%{REQUEST_URI}" => Some(String::new()),
            // What it has captured is all of the path.
            "$0" => whole.as_deref().filter(|whole| *whole == "$0").map(|_| String::new()),
            path => whole.as_deref().and_then(|whole| cut(whole, path, expression.unwrap_or_default())),
        };
        let exact = expression.and_then(exact_path).is_some_and(|path| path == target.path());
        match path {
            Some(strip) => Self::gateway(&target, url, Some(strip), None),
            None if exact => Self::gateway(&target, url, None, None),
            None => Self::Nowhere("it makes another path of the one that was asked for".into(), OTHER_PATH),
        }
    }

    pub(super) fn of(path: &str, is_match: bool, url: &str) -> Self {
        let target = match ApacheTarget::of(url) {
            Ok(target) => target,
            Err(why) => return Self::Nowhere(why, OTHER_PATH),
        };
        let to = target.path();
        let double = |seen: &str| {
            Some(format!(
                "Apache asks the gateway for {seen}, with a slash too many; frontgate for the path without it"
            ))
        };
        if is_match {
            // Without a group in it, the URL has the whole path put to it.
            return match to {
                "" => Self::gateway(&target, url, None, None),
                "/" => Self::gateway(&target, url, None, double("//x instead of /x")),
                _ if to.contains('$') => Self::of_rule(Some(path), url),
                _ => Self::Nowhere("it makes another path of the one that was asked for".into(), OTHER_PATH),
            };
        }
        let base = path.trim_end_matches('/');
        if to == path {
            return Self::gateway(&target, url, None, None);
        }
        match (path.ends_with('/'), to) {
            (true, "/") | (false, "") => Self::gateway(&target, url, Some(base.to_owned()), None),
            (false, "/") => Self::gateway(&target, url, Some(base.to_owned()), double("//x instead of /x")),
            (false, to) if to.strip_suffix('/') == Some(path) => {
                Self::gateway(&target, url, None, double(&format!("{to}/x instead of {to}x")))
            }
            // Some of the prefix stays.
            (_, to) if path.strip_suffix(to).is_some_and(|cut| !cut.is_empty() && to.starts_with('/')) => {
                Self::gateway(&target, url, path.strip_suffix(to).map(str::to_owned), None)
            }
            _ => Self::Nowhere(format!("it makes the path {to} of {path}"), OTHER_PATH),
        }
    }

    fn gateway(target: &ApacheTarget, url: &str, strip: Option<String>, about: Option<String>) -> Self {
        let upstream = match target {
            ApacheTarget::Server { upstream, .. } => upstream.clone(),
            ApacheTarget::Balancer { name, .. } => name.clone(),
        };
        Self::Gateway { upstream, url: url.to_owned(), strip: strip.filter(|strip| !strip.is_empty()), about }
    }
}

/// What is cut from the path `whole`, if only nothing, that leaves `rest`; both with groups in their places. `None` where another path
/// becomes of it.
fn cut(whole: &str, rest: &str, expression: &str) -> Option<String> {
    if whole == rest {
        return Some(String::new());
    }
    let front = whole.strip_suffix(rest)?;
    let is_plain = front.starts_with('/') && !front.contains('$') && !front.ends_with('/');
    // What is left must begin with a slash of its own.
    let slash = rest.starts_with('/')
        || rest == "$1" && expression.split_once('(').is_some_and(|(_, group)| group.starts_with('/'));
    (is_plain && slash).then(|| front.to_owned())
}

/// The path of an expression that matches one only.
fn exact_path(expression: &str) -> Option<String> {
    let body = expression.strip_prefix('^')?.strip_suffix('$')?.replace("\\.", ".");
    is_path(&body).then_some(body).filter(|body| !body.contains(['(', '[', '+', '{']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(target: &PassTarget) -> String {
        match target {
            PassTarget::Off => "off".into(),
            PassTarget::Nowhere(..) => "nowhere".into(),
            PassTarget::Gateway { upstream, strip, about, .. } => {
                let about = if about.is_some() { " (about)" } else { "" };
                format!("{upstream} -{}{about}", strip.as_deref().unwrap_or_default())
            }
        }
    }

    #[test]
    fn proxy_sections_are_for_urls() {
        let target = PassTarget::of("/a", false, "http://127.0.0.1:80/a");
        for (section, is_regex, expected) in [
            ("*", false, "all"),
            ("http://127.0.0.1:80/", false, "all"),
            ("http://127.0.0.1:80", false, "all"),
            ("http://127.0.0.1:80/a*", false, "all"),
            ("http://127.0.0.1:80/a/b", false, "some"),
            ("http://127.0.0.1:81/", false, "none"),
            ("^http://127.0.0.1:80/a/b", true, "some"),
            ("^http://127\\.0\\.0\\.1:81/", true, "none"),
            (".*", true, "all"),
            ("b$", true, "unsaid"),
        ] {
            let found = match target.within(section, is_regex) {
                None => "none",
                Some(Sayable { exact: false, .. }) => "unsaid",
                Some(Sayable { condition, .. }) if condition.is_always() => "all",
                Some(_) => "some",
            };
            assert_eq!(found, expected, "{section}");
        }
    }

    #[test]
    fn what_becomes_of_the_path() {
        for (path, url, expected) in [
            ("/", "http://g:1/", "http://g:1 -"),
            ("/app/", "http://g:1/", "http://g:1 -/app"),
            ("/app", "http://g:1", "http://g:1 -/app"),
            ("/app", "http://g:1/", "http://g:1 -/app (about)"),
            ("/app", "http://g:1/app", "http://g:1 -"),
            ("/app", "http://g:1/app/", "http://g:1 - (about)"),
            ("/app/", "http://g:1/app", "nowhere"),
            ("/app/", "http://g:1/other/", "nowhere"),
            ("/", "http://g:1/base/", "nowhere"),
            ("/a/b/", "http://g:1/b/", "http://g:1 -/a"),
            ("/", "fcgi://g:1/", "nowhere"),
        ] {
            assert_eq!(shown(&PassTarget::of(path, false, url)), expected, "{path} {url}");
        }
        for (expression, url, expected) in [
            ("^/(.*)$", "http://g:1/$1", "http://g:1 -"),
            ("/(.*)", "ws://g:1/$1", "http://g:1 -"),
            ("^/app/(.*)$", "http://g:1/$1", "http://g:1 -/app"),
            ("^/app/(.*)$", "http://g:1/app/$1", "http://g:1 -"),
            ("^/app(/.*)?$", "http://g:1/app$1", "http://g:1 -"),
            ("^/app(/.*)?$", "http://g:1$1", "http://g:1 -/app"),
            ("^/app(.*)$", "http://g:1$1", "nowhere"),
            ("^/a/", "http://g:1%{REQUEST_URI}", "http://g:1 -"),
            ("^/ws$", "ws://g:1/ws", "http://g:1 -"),
            ("^/ws", "ws://g:1/ws", "nowhere"),
            ("^/(.*)$", "http://g:1/x/$1", "nowhere"),
            (".*", "http://g:1$0", "http://g:1 -"),
        ] {
            assert_eq!(shown(&PassTarget::of_rule(Some(expression), url)), expected, "{expression} {url}");
        }
    }
}
