//! `return` and the redirects of `rewrite`: answers of nginx's own.

use super::parser::NginxDirective;
use super::rewrite::NginxRules;
use super::state::{NginxPath, NginxState, takes_everything};
use super::translation::Translation;
use super::values::{Constants, Piece, pieces};
use crate::import::condition::Condition;
use crate::import::draft::{DraftAnswer, DraftRespond};
use crate::import::error::ImportError;
use crate::import::matching::{DraftMatch, DraftPath};
use crate::import::report::ImportVerdict;
use crate::import::tree::Part;

impl<'a> Translation<'a, '_> {
    /// The rules of a `return`.
    pub(super) fn answer(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        directive: &'a NginxDirective,
    ) -> Result<(), ImportError> {
        let (status, text) = match directive.args.as_slice() {
            [one] if one.parse::<u16>().is_err() => (302, Some(one.as_str())),
            [status] => (status.parse().unwrap_or(0), None),
            [status, text] => (status.parse().unwrap_or(0), Some(text.as_str())),
            _ => (0, None),
        };
        let mut state = state.clone();
        // A status may stand for a location.
        let page = state.scope.all("error_page").into_iter().find(|page| {
            let codes = &page.args[..page.args.len().saturating_sub(1)];
            status >= 300 && codes.iter().any(|code| *code == status.to_string())
        });
        if let Some((page, name)) =
            page.and_then(|page| Some((page, page.args.last()?.as_str()))).filter(|(_, name)| name.starts_with('@'))
        {
            state.say(directive, Part::When);
            state.say(page, Part::When);
            if self.named(server, state.clone(), name)? {
                return Ok(());
            }
        }
        let redirects = matches!(status, 301 | 302 | 303 | 307 | 308);
        if let (true, Some(to)) = (redirects, text) {
            self.redirect(server, &state, directive, to, status);
            return Ok(());
        }
        let mut answer = DraftRespond { status, ..DraftRespond::default() };
        let mut remark = None;
        match (status, text) {
            (200..=299 | 400..=599, None | Some("")) => {}
            (200..=599, Some(text)) if !redirects && !matches!(status, 204 | 304 | 444) => {
                let fixed = self.constant(text, &state, &server.constants);
                remark = fixed.is_none().then_some("respond: body is fixed text: the answer has none");
                answer.body = fixed.filter(|text| !text.is_empty());
            }
            _ => {
                answer.status = 404;
                remark = Some("frontgate gives no such answer: the route answers 404");
            }
        }
        let mut rule = state.rule(DraftAnswer::Respond(answer));
        let origin = directive.origin();
        rule.say(&origin, Part::Answer);
        if let Some(remark) = remark {
            rule.say(&origin, Part::Remark(ImportVerdict::Dropped, remark.into()));
        }
        self.response_fields(&state, &mut rule);
        server.rules.extend(state.rules(&rule));
        Ok(())
    }

    /// The text, if it is the same for all requests.
    fn constant(&mut self, text: &str, state: &NginxState<'a>, constants: &Constants) -> Option<String> {
        let texts = self.expand(text, state, constants, &mut Vec::new(), 0).ok()?;
        match texts.as_slice() {
            [(_, text)] if !text.contains('\u{1}') => Some(text.clone()),
            _ => None,
        }
    }

    /// The rules of a redirect to `to`.
    fn redirect(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        directive: &NginxDirective,
        to: &str,
        status: u16,
    ) {
        let https = ["https://$host$request_uri", "https://$http_host$request_uri", "https://$server_name$request_uri"];
        let one_name = server.scope.last("server_name").is_some_and(|names| names.args.len() == 1);
        let is_https = https.contains(&to) && (!to.contains("$server_name") || one_name);
        let answer = if is_https && state.path == NginxPath::Original {
            Some(DraftAnswer::Https(status))
        } else {
            self.place(to, state, server).map(|to| DraftAnswer::Redirect { to, status })
        };
        let Some(answer) = answer else {
            let why = "frontgate cannot make the place that it leads to";
            server.rules.extend(state.shut(&directive.origin(), why, REDIRECT));
            return;
        };
        let mut rule = state.rule(answer);
        rule.say(&directive.origin(), Part::Answer);
        self.response_fields(state, &mut rule);
        server.rules.extend(state.rules(&rule));
    }

    /// The rules of a `rewrite` that redirects paths in which `regex` is found.
    pub(super) fn redirect_by(
        &mut self,
        server: &mut NginxRules<'a>,
        state: &NginxState<'a>,
        directive: &NginxDirective,
        regex: &str,
        to: &str,
        status: u16,
    ) {
        let mut to = to.to_owned();
        // The query goes on, unless a `?` at the end says that it does not.
        if !to.ends_with('?') && !to.contains("$args") && !to.contains("$request_uri") && !to.contains("$query_string")
        {
            to.push_str(if to.contains('?') { "&$args" } else { "?$args" });
        }
        let to = to.strip_suffix('?').unwrap_or(&to).to_owned();
        let uses_groups = pieces(&to)
            .iter()
            .any(|piece| matches!(piece, Piece::Variable(name) if name.bytes().all(|byte| byte.is_ascii_digit())));
        let own = Some(DraftPath::Regex(regex.to_owned()));
        let mut state = state.clone();
        state.say(directive, Part::When);
        if uses_groups {
            // Groups are those of the route's own expression.
            let mut fits = state.path == NginxPath::Original;
            let mut all = Condition::never();
            for one in state.when.alternatives() {
                let same = Some(DraftPath::of_expression(regex));
                let is_own = one.path == own || one.path == same || (one.path.is_none() && takes_everything(regex));
                fits &= is_own;
                let one = DraftMatch { path: own.clone(), ignore_case: false, ..one.clone() };
                all = all.or(Condition::of(one)).unwrap_or_else(|_| Condition::never());
            }
            if !fits || all.is_never() {
                let why = "the route has another expression for its path, so what this one finds is not known";
                server.rules.extend(state.shut(&directive.origin(), why, REDIRECT));
                return;
            }
            state.when = all;
        }
        self.redirect(server, &state, directive, &to, status);
    }

    /// The redirect to a path with a slash behind it.
    pub(super) fn add_slash(&mut self, server: &mut NginxRules<'a>, state: &NginxState<'a>) {
        let to = match &state.path {
            NginxPath::Original => self.place("$uri/?$args", state, server),
            _ => None,
        };
        let answer = to.map_or(DraftAnswer::status(404), |to| DraftAnswer::Redirect { to, status: 301 });
        let rule = state.rule(answer);
        server.rules.extend(state.rules(&rule));
    }

    /// The place of a redirect, as `redirect.to` has it; `None` when it cannot say it.
    fn place(&mut self, to: &str, state: &NginxState<'a>, server: &NginxRules<'a>) -> Option<String> {
        let to = to.replace("$is_args$args", "?$args").replace("$is_args$query_string", "?$args");
        let mut text = String::new();
        // Variables of the configuration first, those of the request are filled in later.
        for piece in pieces(&to) {
            let name = match piece {
                Piece::Text(plain) => {
                    text.push_str(&escaped(plain));
                    continue;
                }
                Piece::Variable(name) => name,
            };
            let gap = match name {
                "request_uri" => "{uri}",
                "uri" | "document_uri" if state.path == NginxPath::Original => "{path}",
                "args" | "query_string" => "{query}",
                "host" => "{host}",
                "http_host" => "{hostport}",
                "scheme" if !state.variables.contains_key("scheme") => "{scheme}",
                _ if name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_digit()) => {
                    text.extend(["${", name, "}"]);
                    continue;
                }
                _ => {
                    text.push_str(&escaped(&self.constant(&format!("${{{name}}}"), state, &server.constants)?));
                    continue;
                }
            };
            text.push_str(gap);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let absolute = text.contains("://") && !text.starts_with('/');
        let stays_relative = state.scope.last("absolute_redirect").is_some_and(|one| one.first() == "off");
        if absolute || (stays_relative && text.starts_with('/')) {
            return absolute_place(&text).then_some(text);
        }
        if !text.starts_with(['/', '{']) {
            return None;
        }
        // nginx puts scheme, host and the port of the listener before a path.
        let usual = match (server.constants.tls, server.constants.port) {
            (Some(true), Some(443)) | (Some(false), Some(80)) => Some(String::new()),
            (_, Some(port)) => Some(format!(":{port}")),
            _ => None,
        };
        let no_port = state.scope.last("port_in_redirect").is_some_and(|one| one.first() == "off");
        let named = state.scope.last("server_name_in_redirect").is_some_and(|one| one.first() == "on");
        let host = if named { server.constants.name.clone() } else { "{host}".to_owned() };
        Some(match usual.filter(|_| !no_port).or(no_port.then(String::new)) {
            Some(port) => format!("{{scheme}}://{host}{port}{text}"),
            None => format!("{{scheme}}://{{hostport}}{text}"),
        })
    }
}

const REDIRECT: &str =
    "Write it as `redirect` of a route, with {scheme}, {host}, {uri}, {path}, {query} or the groups of its expression";

/// Whether a place with a host is one that `redirect.to` takes: a host that is written, or the one that was asked for.
fn absolute_place(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .or_else(|| text.strip_prefix("{scheme}://"));
    match rest {
        None => text.starts_with('/'),
        Some(rest) => {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let host = authority.replace("{host}", "h").replace("{hostport}", "h");
            let end = host.find('{').unwrap_or(host.len());
            !host[..end].is_empty()
                && !host.contains('$')
                && host[end..].is_empty() | host[end..].starts_with("{uri}") | host[end..].starts_with("{path}")
        }
    }
}

/// The text in a template, where braces and dollars mean something.
fn escaped(text: &str) -> String {
    text.replace('$', "$$").replace('{', "%7B").replace('}', "%7D")
}
