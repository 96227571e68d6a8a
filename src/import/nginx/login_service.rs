//! `auth_request`: a login service that is asked, where a route can ask it as nginx does.

use super::parser::NginxDirective;
use super::scope::NginxScope;
use super::target::NginxTarget;
use super::translation::Translation;
use crate::import::draft::{DraftAuth, DraftServiceHost};

/// What `auth_request` asks.
pub(super) struct NginxLoginService<'a> {
    pub(super) auth: DraftAuth,
    /// The directives that say it, besides `auth_request` itself.
    pub(super) parts: Vec<&'a NginxDirective>,
}

impl<'a> Translation<'a, '_> {
    /// The login service that answers `auth_request`, or why no route can ask it.
    pub(super) fn login_service(
        &mut self,
        scope: &NginxScope<'a>,
        request: &'a NginxDirective,
    ) -> Result<NginxLoginService<'a>, String> {
        let path = request.first();
        if !is_plain(path) {
            return Err(format!("{path} is no fixed path"));
        }
        let (block, around) = scope.block_with("location").ok_or("the server has no locations")?;
        let changes =
            |one: &&NginxDirective| ["if", "rewrite", "return", "set", "include"].contains(&one.name.as_str());
        if let Some(change) = block.iter().find(changes) {
            return Err(format!("`{}` of the server is for its question, too", change.name));
        }
        let location =
            verifying(block, path).ok_or_else(|| format!("it is not plain which location answers {path}"))?;
        let asked = around.inside(location.inner());
        let mut parts: Vec<&NginxDirective> = Vec::new();
        let (mut target, mut is_bare) = (None, false);
        for one in location.inner() {
            match (one.name.as_str(), one.first()) {
                ("proxy_pass", url) if target.is_none() => {
                    target = NginxTarget::read(url).filter(|_| !url.contains('$'));
                }
                ("proxy_pass_request_body", "off") => is_bare = true,
                ("proxy_set_header", _) => {}
                (name, _) if HARMLESS.contains(&name) => {}
                (name, _) => return Err(format!("`{name}` in location {path} has no counterpart")),
            }
            parts.push(one);
        }
        let target = target.ok_or("where it asks depends on the request")?;
        if !is_bare {
            return Err("it is asked with the request's body".into());
        }
        let endpoint = self.upstream(&target).filter(|url| url.starts_with("http://"));
        let endpoint = endpoint.ok_or("only a login service at one address over http is translated")?;
        let host = fields(&asked)?;
        // Without a port, or for a group, nginx writes Host in another way.
        if host == DraftServiceHost::Service && (endpoint != target.url() || !target.authority.contains(':')) {
            return Err("it gets the name of an upstream as its Host".into());
        }
        let uri = target.uri.as_deref().unwrap_or(path);
        if !is_plain(uri.split('?').next().unwrap_or_default()) || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{uri} is no fixed path"));
        }
        let answer_headers = copied(scope, &mut parts)?;
        Ok(NginxLoginService {
            auth: DraftAuth::Forward { url: format!("{endpoint}{uri}"), host, answer_headers },
            parts,
        })
    }
}

/// The field of a login service's answer that a variable holds.
pub(super) fn answer_field<'a>(scope: &NginxScope<'a>, variable: &str) -> Option<(&'a NginxDirective, String)> {
    let set = scope.all("auth_request_set").into_iter().find(|one| one.first() == variable)?;
    let field = set.args.get(1)?.strip_prefix("$upstream_http_")?;
    Some((set, field.replace('_', "-")))
}

/// The fields of the service's answer that requests to the gateway get under their own names.
fn copied<'a>(scope: &NginxScope<'a>, parts: &mut Vec<&'a NginxDirective>) -> Result<Vec<String>, String> {
    let mut copied = Vec::new();
    for one in scope.all("proxy_set_header") {
        let (name, value) = (one.first(), one.args.get(1).map_or("", String::as_str));
        let Some((set, field)) = answer_field(scope, value) else {
            if scope.all("auth_request_set").iter().any(|set| value.contains(set.first())) {
                return Err(format!("what {name} gets is more than one field of its answer"));
            }
            continue;
        };
        let refused = ["authorization", "cookie", "host", "connection", "upgrade", "x-forwarded-for", "x-real-ip"];
        if field != name.to_ascii_lowercase() || refused.contains(&field.as_str()) || field.starts_with("x-forwarded-")
        {
            return Err(format!("its field {field} goes on as {name}"));
        }
        parts.push(set);
        copied.push(name.to_owned());
    }
    Ok(copied)
}

/// The location that nginx finds for a path whatever other requests there are: the exact one, or a prefix of the same text
/// that no regular expression comes before.
fn verifying<'a>(block: &'a [NginxDirective], path: &str) -> Option<&'a NginxDirective> {
    let locations = || block.iter().filter(|one| one.name == "location");
    let is = |one: &&NginxDirective, words: &[&str]| one.args.iter().map(String::as_str).eq(words.iter().copied());
    let exact = locations().find(|one| is(one, &["=", path]));
    let prefix = || {
        let final_one = locations().find(|one| is(one, &["^~", path]));
        let regexes = locations().any(|one| one.first().starts_with('~'));
        final_one.or_else(|| locations().find(|one| is(one, &[path])).filter(|_| !regexes))
    };
    exact.or_else(prefix)
}

/// Looks at the fields that the service gets; which Host it gets.
fn fields(scope: &NginxScope<'_>) -> Result<DraftServiceHost, String> {
    let mut host = DraftServiceHost::Service;
    for one in scope.all("proxy_set_header") {
        let (name, value) = (one.first().to_ascii_lowercase(), one.args.get(1).map_or("", String::as_str));
        let known = match name.as_str() {
            "host" => {
                host = DraftServiceHost::Client;
                value == "$http_host" || value == "$host"
            }
            "content-length" | "content-type" | "connection" | "upgrade" | "accept-encoding" => value.is_empty(),
            "x-original-url" => ["$scheme://$http_host$request_uri", "$scheme://$host$request_uri"].contains(&value),
            "x-original-uri" | "x-forwarded-uri" => value == "$request_uri",
            "x-original-method" | "x-forwarded-method" => value == "$request_method",
            "x-real-ip" => value == "$remote_addr",
            "x-forwarded-for" => ["$remote_addr", "$proxy_add_x_forwarded_for"].contains(&value),
            "x-forwarded-proto" => value == "$scheme",
            "x-forwarded-host" => ["$host", "$http_host"].contains(&value),
            _ => false,
        };
        if !known {
            return Err(format!("it gets {name} from `{value}`, which frontgate does not send"));
        }
    }
    Ok(host)
}

fn is_plain(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte))
}

/// Directives of the location that change nothing of the question.
const HARMLESS: &[&str] = &[
    "internal",
    "proxy_connect_timeout",
    "proxy_read_timeout",
    "proxy_send_timeout",
    "proxy_http_version",
    "proxy_buffering",
    "proxy_buffers",
    "proxy_buffer_size",
    "proxy_busy_buffers_size",
    "client_body_buffer_size",
    "access_log",
    "log_not_found",
];
