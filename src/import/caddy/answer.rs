//! Answers of the proxy's own: `respond`, `error`, `abort` and `redir`, and what it has of its own to answer with.

use super::block::CaddyStep;
use super::on_the_way::OnTheWay;
use super::path::CaddyPath;
use crate::import::draft::{DraftAnswer, DraftRespond};
use crate::import::matching::DraftPath;
use crate::import::report::ImportVerdict;
use crate::import::tree::{Origin, Part};

/// Why a directive cannot be said, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CannotSay {
    pub(super) why: String,
    pub(super) write: &'static str,
}

impl CannotSay {
    pub(super) fn new(why: impl Into<String>, write: &'static str) -> Self {
        Self { why: why.into(), write }
    }
}

/// What the directive answers; `None` where it lets requests pass.
pub(super) fn answer(step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Result<Option<DraftAnswer>, CannotSay> {
    match step.node.name.as_str() {
        "abort" => Ok(Some(DraftAnswer::status(444))),
        "respond" => respond(step, requests),
        "error" => error(step),
        "redir" => redir(step, requests).map(Some),
        name => {
            let text = format!("frontgate has no `{name}`: the route answers 404. {OWN}");
            requests.rule.say(&step.origin, Part::Remark(ImportVerdict::Dropped, text));
            Ok(Some(DraftAnswer::status(404)))
        }
    }
}

/// `respond STATUS`, `respond BODY [STATUS]`, with more in a block.
fn respond(step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Result<Option<DraftAnswer>, CannotSay> {
    let (mut body, status) = match (step.arg(0), step.arg(1)) {
        (code, "") if is_code(code) => ("", code),
        (body, status) => (body, if status.is_empty() { "200" } else { status }),
    };
    for line in step.node.inner() {
        let origin = Origin::of(&line.place, &line.shown);
        if line.name == "body" {
            body = line.arg(0);
            requests.rule.say(&origin, Part::Answer);
        } else {
            let text = "frontgate keeps the client's connection";
            requests.rule.say(&origin, Part::Remark(ImportVerdict::NotNeeded, text.to_owned()));
        }
    }
    let status = match status.parse::<u16>() {
        // A hint before the answer, which another directive gives.
        Ok(103) => return Ok(None),
        Ok(status @ 200..=599) => status,
        _ => return Err(CannotSay::new(format!("{status} is no status that frontgate answers with"), WRITE_STATUS)),
    };
    let fixed = !has_placeholder(body) && body.chars().all(|c| !c.is_control() || c == '\n' || c == '\t');
    if !fixed {
        let text = "the answer comes without this body: `respond` has one body, the same for every request";
        requests.rule.say(&step.origin, Part::Remark(ImportVerdict::Dropped, text.to_owned()));
    }
    let body = (fixed && !body.is_empty() && ![204, 304].contains(&status)).then(|| body.to_owned());
    Ok(Some(DraftAnswer::Respond(DraftRespond { status, location: None, body })))
}

/// `error STATUS`, `error MESSAGE [STATUS]`.
fn error(step: &CaddyStep<'_>) -> Result<Option<DraftAnswer>, CannotSay> {
    let status = match (step.arg(0), step.arg(1)) {
        (code, "") if is_code(code) => code,
        (_, "") => "500",
        (_, status) => status,
    };
    match status.parse::<u16>() {
        Ok(status @ 400..=599) => Ok(Some(DraftAnswer::status(status))),
        _ => Err(CannotSay::new(
            format!("{status} without a place to go to is no error that frontgate answers with"),
            WRITE_STATUS,
        )),
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 3 && word.parse::<u16>().is_ok_and(|code| code > 0)
}

/// `redir TO [STATUS]`
fn redir(step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Result<DraftAnswer, CannotSay> {
    let status = match step.arg(1) {
        "permanent" => 301,
        "" | "temporary" => 302,
        code => code.parse::<u16>().unwrap_or(0),
    };
    if status == 401 {
        let text = "the answer is 401 without a Location";
        requests.rule.say(&step.origin, Part::Remark(ImportVerdict::Dropped, text.to_owned()));
        return Ok(DraftAnswer::status(401));
    }
    if ![301, 302, 303, 307, 308].contains(&status) {
        return Err(CannotSay::new(
            format!("`{}` is no status of a redirect of frontgate's", step.arg(1)),
            WRITE_STATUS,
        ));
    }
    let to = location(step.arg(0), step, requests)?;
    let same = ["https://{host}{uri}", "https://{hostport}{uri}"].contains(&to.as_str());
    Ok(if same { DraftAnswer::Https(status) } else { DraftAnswer::Redirect { to, status } })
}

/// The place of a redirect as the setting `redirect` has it.
fn location(to: &str, step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Result<String, CannotSay> {
    let cannot = |why: String| CannotSay::new(why, "Write a route with `redirect` to the place that is meant");
    let (mut out, mut rest) = (String::new(), to);
    while let Some(at) = rest.find(['{', '$']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push_str("$$");
            rest = after;
            continue;
        }
        let end = rest.find('}').ok_or_else(|| cannot(format!("`{to}` has a brace without an end")))?;
        let word = &rest[1..end];
        let gap = gap(word, step, requests);
        out.push_str(&gap.ok_or_else(|| cannot(format!("a redirect of frontgate's knows no `{{{word}}}`")))?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    let begins = |start: &str| {
        out.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':', '$']))
    };
    let leads = out.starts_with('/') && !out.starts_with("//") && !out.starts_with("/$")
        || ["{uri}", "{path}"].iter().any(|start| out.starts_with(start))
        || ["https://", "http://", "{scheme}://"].iter().any(|start| begins(start));
    if !leads || !out.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(cannot(format!("`{to}` is no place that a redirect of frontgate's leads to")));
    }
    Ok(out)
}

/// What fills a placeholder.
fn gap(word: &str, step: &CaddyStep<'_>, requests: &mut OnTheWay) -> Option<String> {
    let word = word.strip_prefix("http.request.").unwrap_or(word);
    let (path, query) = match word {
        "host" | "hostport" | "scheme" => return Some(format!("{{{word}}}")),
        "orig_uri" => return Some("{uri}".to_owned()),
        "orig_path" | "orig_uri.path" => return Some("{path}".to_owned()),
        "query" | "uri.query" if requests.changed.is_empty() => return Some("{query}".to_owned()),
        "?query" | "uri.prefixed_query" if requests.changed.is_empty() => return Some("?{query}".to_owned()),
        "uri" => ("{uri}", "?{query}"),
        "path" | "uri.path" => ("{path}", ""),
        _ => {
            let name = word.strip_prefix("re.").or_else(|| word.strip_prefix("http.regexp."))?;
            let group = match name.rsplit_once('.') {
                Some((name, group)) => {
                    step.matcher.as_ref()?.regexp_name().filter(|own| *own == name).map(|_| group)?
                }
                None => name,
            };
            let is_regex = matches!(requests.rule.route.when.path, Some(DraftPath::Regex(_)));
            let safe = !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            return (is_regex && safe && step.matcher.as_ref()?.regexp_name().is_some())
                .then(|| format!("${{{group}}}"));
        }
    };
    match &requests.path {
        CaddyPath::Whole => Some(path.to_owned()),
        CaddyPath::Changed => None,
        // What is left of the path is a group of an expression for all of it.
        CaddyPath::Cut(prefix) => {
            let when = &mut requests.rule.route.when;
            let own = format!("(?is)^{}(/.*)?$", regex::escape(prefix));
            let known = match &when.path {
                Some(DraftPath::Prefix(text)) => text == prefix,
                Some(DraftPath::Starts(text)) => text.strip_suffix('/') == Some(prefix),
                Some(DraftPath::Regex(text)) => *text == own,
                _ => false,
            };
            if !known {
                return None;
            }
            when.path = Some(DraftPath::Regex(own));
            when.ignore_case = false;
            Some(format!("$1{query}"))
        }
    }
}

/// Whether Caddy would fill in something.
pub(super) fn has_placeholder(text: &str) -> bool {
    let is_name = |inner: &str| {
        !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-%?$[]/>:*".contains(&byte))
    };
    text.match_indices('{').any(|(at, _)| {
        let inner = &text[at + 1..];
        inner.find('}').is_some_and(|end| is_name(&inner[..end]))
    })
}

const OWN: &str = "Keep a program that serves it, and give it a route with an upstream of its own";
const WRITE_STATUS: &str = "Write a route with `respond` and a status from 200 to 599, or with `redirect`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_names_in_braces() {
        for (text, expected) in [
            ("{host}", true),
            ("you are {remote_host}", true),
            ("{$HOME}", true),
            ("{\"status\":\"ok\"}", false),
            ("{ x }", false),
            ("a", false),
        ] {
            assert_eq!(has_placeholder(text), expected, "{text}");
        }
    }
}
