//! `return`: fixed answers.

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::translation::Translation;
use super::variables::first_variable;
use crate::import::draft::DraftRespond;
use crate::import::old::DraftAnswer;

impl<'a> Translation<'a, '_> {
    /// The answer of a `return`.
    pub(super) fn fixed(&mut self, scope: &NginxScope<'a>) -> Option<DraftAnswer> {
        let directive = scope.own().iter().find(|one| one.name == "return")?;
        let (place, shown) = (&directive.place, directive.shown());
        let (status, text) = match directive.args.as_slice() {
            [one] if one.contains("://") || one.starts_with('/') => (302, Some(one)),
            [status] => (status.parse().ok()?, None),
            [status, text] => (status.parse().ok()?, Some(text)),
            _ => return None,
        };
        let mut answer = DraftRespond { status, ..DraftRespond::default() };
        match (status, text) {
            (301 | 302 | 303 | 307 | 308, Some(url)) => self.redirecting_to(directive, url, &mut answer),
            (444 | 499, _) => {
                answer.status = 403;
                self.report.kept(place, &shown, "respond: 403; frontgate does not hang up without an answer");
            }
            (200..600, Some(body)) if first_variable(body).is_none() && !matches!(status, 204 | 304) => {
                answer.body = Some(body.clone()).filter(|body| !body.is_empty());
                self.report.kept(place, &shown, "respond");
            }
            (200..600, None) => self.report.kept(place, &shown, "respond"),
            (200..600, Some(_)) => {
                self.report.dropped(place, &shown, "respond: body is fixed text: the route answers without one");
            }
            _ => {
                answer.status = 404;
                self.report.dropped(place, &shown, "frontgate cannot answer so: the route answers 404");
            }
        }
        Some(DraftAnswer::Respond(answer))
    }

    /// A `return` that redirects to `url`.
    fn redirecting_to(&mut self, directive: &NginxDirective, url: &str, answer: &mut DraftRespond) {
        let (place, shown) = (&directive.place, directive.shown());
        let Some((location, whole)) = redirect(url) else {
            answer.status = 404;
            let remedy = "respond: location is fixed text: write one; until then the route answers 404";
            return self.report.dropped(place, &shown, remedy);
        };
        answer.location = Some(location);
        if whole {
            let is_relative = answer.location.as_ref().is_some_and(|location| location.starts_with('/'));
            let what = if is_relative && !url.starts_with('/') {
                "respond: location, relative to the host that was asked for"
            } else {
                "respond: location"
            };
            return self.report.kept(place, &shown, what);
        }
        // A browser would remember for ever what is right for one page only.
        answer.status = 302;
        let remedy =
            "respond: location is fixed text: it leads to the beginning of the site instead of to the same path";
        self.report.dropped(place, &shown, remedy);
    }
}

/// Where a redirect goes, as far as it is the same for all requests, and whether that is all of it.
fn redirect(url: &str) -> Option<(String, bool)> {
    let own = OWN.iter().filter_map(|own| url.strip_prefix(own)).find(|rest| rest.starts_with(['/', '$']));
    let mut url = own.unwrap_or(url).to_owned();
    if let Some(rest) = url.strip_prefix("$scheme://") {
        url = format!("https://{rest}");
    }
    let mut whole = true;
    for end in ["$request_uri", "$uri$is_args$args", "$uri", "$is_args$args", "$1"] {
        if let Some(rest) = url.strip_suffix(end) {
            // Only the query is lost.
            whole = end == "$is_args$args" && !rest.is_empty();
            url = if rest.ends_with('/') || end == "$is_args$args" { rest.to_owned() } else { format!("{rest}/") };
            break;
        }
    }
    let sendable = !url.is_empty() && url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('$');
    sendable.then_some((url, whole))
}

/// Ways to say the host that was asked for.
const OWN: [&str; 6] = [
    "$scheme://$host",
    "$scheme://$http_host",
    "https://$host",
    "https://$http_host",
    "$scheme://$server_name",
    "https://$server_name",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_fixed_text() {
        for (url, expected) in [
            ("/openclaw/", Some(("/openclaw/", true))),
            ("$scheme://$host/openclaw/", Some(("/openclaw/", true))),
            ("https://gw.example.com$request_uri", Some(("https://gw.example.com/", false))),
            ("$scheme://gw.example.com/", Some(("https://gw.example.com/", true))),
            ("https://$host:8443/", None),
            ("/a$is_args$args", Some(("/a", true))),
            ("https://$x/", None),
            ("", None),
        ] {
            let expected = expected.map(|(url, whole)| (url.to_owned(), whole));
            assert_eq!(redirect(url), expected, "{url}");
        }
    }
}
