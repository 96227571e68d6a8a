//! `basic_auth` and `forward_auth`: who may pass.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::answer::CannotSay;
use super::block::CaddyStep;
use super::on_the_way::OnTheWay;
use crate::import::draft::{DraftAuth, DraftHeaderRules, DraftServiceHost};
use crate::import::passwords;
use crate::import::report::ImportVerdict;
use crate::import::tree::{ImportRule, Origin, Part};

/// The passwords that a directive asks for, where `outer` are already asked for.
pub(super) fn basic_auth(step: &CaddyStep<'_>, outer: &DraftAuth) -> Result<DraftAuth, CannotSay> {
    let lines = step.node.inner().iter();
    let mut users: Vec<(String, String)> = lines.map(|line| (line.name.clone(), decoded(line.arg(0)))).collect();
    users.retain(|(name, hash)| passwords::is_checkable(hash) && !name.contains('{'));
    if users.is_empty() {
        return Err(CannotSay::new("it has no user with a bcrypt or argon2 hash", WRITE));
    }
    if let DraftAuth::Forward { .. } = outer {
        return Err(CannotSay::new("a login service is asked as well, and of several logins a route needs one", WRITE));
    }
    if let DraftAuth::Basic { users: known, .. } = outer {
        // A client sends one password, which both must know.
        users.retain(|user| known.contains(user));
        if users.is_empty() {
            return Err(CannotSay::new("another password is asked for before it, and no user has both", WRITE));
        }
    }
    Ok(DraftAuth::Basic { users, user_headers: Vec::new() })
}

/// The login service that a directive asks, as exactly as a route can. It is asked about the request as the client sent it.
pub(super) fn forward_auth(step: &CaddyStep<'_>, requests: &OnTheWay) -> Result<DraftAuth, CannotSay> {
    let route = &requests.rule.route;
    if !requests.changed.is_empty()
        || route.strip_prefix.is_some()
        || route.request_headers != DraftHeaderRules::default()
    {
        return Err(CannotSay::new("the login service would be asked about another request", WRITE_FORWARD));
    }
    if !matches!(route.auth, DraftAuth::Inherited | DraftAuth::None) {
        return Err(CannotSay::new(
            "another login is asked for before it, and of several a route needs one",
            WRITE_FORWARD,
        ));
    }
    let [target] = step.args else {
        return Err(CannotSay::new("it asks several login services", WRITE_FORWARD));
    };
    let cannot = |why: &str| CannotSay::new(format!("`{target}`: {why}"), WRITE_FORWARD);
    let endpoints = super::proxy::endpoints(target, false).map_err(cannot)?;
    let [endpoint] = endpoints.as_slice() else { return Err(cannot("it asks several login services")) };
    if !endpoint.starts_with("http://") {
        return Err(cannot("only a login service over http is translated"));
    }
    let (mut uri, mut answer_headers) = (None, Vec::new());
    for line in step.node.inner() {
        match (line.name.as_str(), line.args.as_slice()) {
            ("uri", [target]) if uri.is_none() && is_fixed(target) => uri = Some(target.clone()),
            ("copy_headers", names) if line.inner().is_empty() && names.iter().all(|name| is_field(name)) => {
                answer_headers.extend(names.iter().cloned());
            }
            _ => {
                return Err(CannotSay::new(
                    format!("`{}` cannot be said of a login service", line.shown),
                    WRITE_FORWARD,
                ));
            }
        }
    }
    let Some(uri) = uri else { return Err(CannotSay::new("it has no `uri`", WRITE_FORWARD)) };
    // Caddy passes Host on as it came.
    let (url, host) = (format!("{endpoint}{uri}"), DraftServiceHost::Client);
    Ok(DraftAuth::Forward { url, host, answer_headers })
}

/// Whether a target is the same for each request, and one that `auth.forward.url` takes.
fn is_fixed(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}#\"<>\\^`".contains(&byte))
}

/// Whether a field is copied under its own name, and only frontgate may set it.
fn is_field(name: &str) -> bool {
    let word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let own = ["authorization", "cookie", "host", "connection", "upgrade", "te", "trailer", "transfer-encoding"];
    let lower = name.to_ascii_lowercase();
    let set =
        ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded"];
    let begins = ["proxy-", "sec-websocket-", "content-", "x-client-cert-", "keep-alive", "http2-settings"];
    word && !own.contains(&&*lower) && !set.contains(&&*lower) && !begins.iter().any(|begin| lower.starts_with(begin))
}

/// Notes what became of a login service.
pub(super) fn say_forward(step: &CaddyStep<'_>, rule: &mut ImportRule) {
    rule.say(&step.origin, Part::Auth);
    for line in step.node.inner() {
        rule.say(&Origin::of(&line.place, &line.shown), Part::Auth);
    }
}

/// Notes what became of the users.
pub(super) fn say(step: &CaddyStep<'_>, rule: &mut ImportRule) {
    rule.say(&step.origin, Part::Auth);
    for line in step.node.inner() {
        let origin = Origin::of(&line.place, &line.shown);
        if passwords::is_checkable(&decoded(line.arg(0))) && !line.name.contains('{') {
            rule.say(&origin, Part::Auth);
        } else {
            let remedy = format!(
                "the password of `{}` is not hashed with bcrypt or argon2, so this user is refused: make a hash with `frontgate user add {}`",
                line.name, line.name
            );
            rule.say(&origin, Part::Remark(ImportVerdict::Dropped, remedy));
        }
    }
}

const WRITE_FORWARD: &str = "Write `auth: { forward: … }` for the route, or let the gateway ask for a login itself";
const WRITE: &str = "Put users under `auth: { basic: … }`, with hashes that `frontgate user add` makes";

/// Caddy's first versions wrote hashes in Base64.
fn decoded(hash: &str) -> String {
    if hash.starts_with("JDJ")
        && let Ok(bytes) = BASE64_STANDARD.decode(hash)
        && let Ok(text) = String::from_utf8(bytes)
    {
        return text;
    }
    hash.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_may_be_wrapped_in_base64() {
        assert_eq!(decoded("JDJhJDA0JHh5eg=="), "$2a$04$xyz");
        assert_eq!(decoded("$2a$14$abc"), "$2a$14$abc");
    }
}
