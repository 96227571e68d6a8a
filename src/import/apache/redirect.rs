//! `mod_alias`: `Redirect` and its like.

use super::directive::{CHALLENGE, is_challenge};
use super::scope::{ApacheScope, Here};
use super::{Apache, ApachePattern};
use crate::import::draft::DraftRespond;
use crate::import::node::ImportNode;
use crate::import::old::DraftAnswer;
use crate::import::paths::Rule;

impl Apache<'_, '_> {
    /// `Redirect` and `RedirectMatch`.
    pub(super) fn redirect(&mut self, node: &ImportNode, scope: &mut ApacheScope, here: &Here) {
        let (place, shown) = (&node.place, &node.shown);
        let mut words = node.args.as_slice();
        let mut code = match node.name.as_str() {
            "redirectpermanent" => 301,
            _ => 302,
        };
        if let Some((first, rest)) = words.split_first()
            && let Some(status) = status(first)
        {
            (code, words) = (status, rest);
        }
        let mut is_exact = false;
        let is_url = |word: &str| word.contains("://") || word.starts_with('/');
        let (paths, template, url) = match words {
            [url] if is_url(url) && !here.paths.is_empty() && here.paths != ["/"] => {
                (here.paths.clone(), None, Some(url))
            }
            [url] if url.contains("://") => (vec!["/".to_owned()], None, Some(url)),
            [path] | [path, _] => {
                if node.name == "redirectmatch" {
                    let Some(pattern) = ApachePattern::of(path) else {
                        let challenge = is_challenge(path);
                        let remedy = if challenge {
                            CHALLENGE
                        } else {
                            "routes know prefixes, not regular expressions: write a route with `respond`"
                        };
                        self.report.dropped(place, shown, remedy);
                        return;
                    };
                    is_exact = pattern.ends;
                    (pattern.prefixes, Some(pattern.template), words.get(1))
                } else {
                    (vec![path.clone()], None, words.get(1))
                }
            }
            _ => {
                self.report.dropped(place, shown, "it has no path and no URL: write a route with `respond`");
                return;
            }
        };
        let secure = scope.tls == Some(true);
        if let Some(url) = url
            && paths == ["/"]
            && !secure
            && url.to_ascii_lowercase().starts_with("https://")
        {
            scope.to_https = Some((place.clone(), shown.clone()));
            return;
        }
        let location = match url {
            Some(url) if (300..400).contains(&code) => Some(url.clone()),
            _ => None,
        };
        if location.as_ref().is_some_and(|location| location.contains(['$', '%'])) {
            self.report.dropped(place, shown, "`respond` has one location, the same for every request: write a route for it, or let the gateway redirect");
            return;
        }
        if let (["/"], Some(url)) = (paths.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &location)
            && url.starts_with('/')
        {
            self.report.dropped(
                place,
                shown,
                "from / to a path would go round in circles: routes know prefixes, and / is everything",
            );
            return;
        }
        let appended = if location.is_some() && template.is_none() { ", without what follows the path" } else { "" };
        self.report.kept(place, shown, format!("a route for {} that answers {code}{appended}", paths.join(", ")));
        let answer = DraftAnswer::Respond(DraftRespond { status: code, location, body: None });
        scope.redirected.extend(paths.into_iter().map(|path| Rule {
            path,
            is_exact,
            answer: answer.clone(),
            ..Rule::default()
        }));
    }
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
    use super::*;

    #[test]
    fn statuses_have_names() {
        for (word, code) in [("permanent", Some(301)), ("Gone", Some(410)), ("307", Some(307)), ("/path", None)] {
            assert_eq!(status(word), code);
        }
    }
}
