//! One route of the file.

use super::mapping::{Map, filled};
use super::{time, timeouts};
use crate::import::draft::{
    DraftAnswer, DraftAuth, DraftHeaderRules, DraftOidc, DraftRespond, DraftRoute, DraftServiceHost,
};
use crate::import::matching::{DraftMatch, DraftPath, DraftText};
use crate::import::yaml::{YamlEntry, YamlValue};

pub(super) fn route(route: &DraftRoute) -> YamlValue {
    let mut map = Map::default();
    map.put("host", route.host.as_ref().map(YamlValue::word));
    map.put("listener", one_or_many(&route.listeners));
    map.0.extend(matching(&route.when).0);
    // A route for everything says so.
    if route.host.is_none() && route.when.is_any() {
        map.put("path", Some(YamlValue::word("/")));
    }
    match &route.answer {
        DraftAnswer::Default | DraftAnswer::Https(_) => {}
        DraftAnswer::Upstream(name) => map.put("upstream", Some(YamlValue::word(name))),
        DraftAnswer::Respond(answer) => map.put("respond", Some(respond(answer))),
        DraftAnswer::Redirect { to, status } => {
            let redirect = [("to", YamlValue::word(to)), ("status", YamlValue::word(status))];
            map.put("redirect", Some(YamlValue::map(redirect)));
        }
    }
    map.put("strip_prefix", route.strip_prefix.as_ref().map(YamlValue::word));
    map.put("allow", filled(YamlValue::words(&route.allow)));
    map.put("deny", filled(YamlValue::words(&route.deny)));
    map.put("auth", auth(&route.auth));
    map.section("request_headers", headers(&route.request_headers));
    map.section("response_headers", headers(&route.response_headers));
    map.section("timeouts", timeouts(&route.timeouts));
    YamlValue::Map(map.0)
}

/// The requests that a route takes, as the settings have them on one line; nothing for every request.
pub(in crate::import) fn conditions(when: &DraftMatch) -> String {
    let entry = |entry: YamlEntry| format!("{}: {}", entry.key, entry.value.flow());
    matching(when).0.into_iter().map(entry).collect::<Vec<_>>().join(", ")
}

fn matching(when: &DraftMatch) -> Map {
    let mut map = Map::default();
    map.put("host", when.host.as_ref().map(YamlValue::word));
    map.put("path", when.path.as_ref().map(pattern));
    map.put("ignore_case", when.ignore_case.then(|| YamlValue::word("true")));
    map.put("methods", filled(YamlValue::words(&when.methods)));
    map.put("from", filled(YamlValue::words(&when.from)));
    map.section("headers", fields(&when.headers));
    map.section("query", fields(&when.query));
    map.section("cookies", fields(&when.cookies));
    let sets = when.not.iter().map(|set| YamlValue::Map(matching(set).0)).collect::<Vec<_>>();
    let not = if sets.len() == 1 { sets.into_iter().next() } else { filled(YamlValue::items(sets)) };
    map.put("not", not);
    map
}

fn pattern(path: &DraftPath) -> YamlValue {
    match path {
        DraftPath::Prefix(text) => YamlValue::word(text),
        DraftPath::Starts(text) => {
            YamlValue::map([("prefix", YamlValue::word(text)), ("edge", YamlValue::word("any"))])
        }
        DraftPath::Exact(text) => YamlValue::map([("exact", YamlValue::word(text))]),
        DraftPath::Regex(text) => YamlValue::map([("regex", YamlValue::word(text))]),
    }
}

fn fields(list: &[(String, DraftText)]) -> Map {
    let mut map = Map::default();
    for (name, text) in list {
        map.put(
            name,
            Some(match text {
                DraftText::Is(text) => YamlValue::word(text),
                DraftText::Regex(regex) => YamlValue::map([("regex", YamlValue::word(regex))]),
                DraftText::Present => YamlValue::map([("present", YamlValue::word("true"))]),
            }),
        );
    }
    map
}

/// One word, or a list of several.
fn one_or_many(words: &[String]) -> Option<YamlValue> {
    if let [one] = words { Some(YamlValue::word(one)) } else { filled(YamlValue::words(words)) }
}

fn respond(answer: &DraftRespond) -> YamlValue {
    if answer.location.is_none() && answer.body.is_none() {
        return YamlValue::word(&answer.status);
    }
    let mut map = Map::default();
    map.put("status", Some(YamlValue::word(&answer.status)));
    map.put("location", answer.location.as_ref().map(YamlValue::word));
    map.put("body", answer.body.as_ref().map(YamlValue::word));
    YamlValue::Map(map.0)
}

pub(super) fn auth(auth: &DraftAuth) -> Option<YamlValue> {
    match auth {
        DraftAuth::Inherited => None,
        DraftAuth::None => Some(YamlValue::word("none")),
        DraftAuth::Basic { users, user_headers } => {
            let users = YamlValue::map(users.iter().map(|(name, hash)| (name.clone(), YamlValue::word(hash))));
            let mut map = Map::default();
            map.put("basic", Some(users));
            map.put("user_header", one_or_many(user_headers));
            Some(YamlValue::Map(map.0))
        }
        DraftAuth::Forward { url, host, answer_headers } => {
            let mut service = Map::default();
            service.put("url", Some(YamlValue::word(url)));
            service.put("host", (*host == DraftServiceHost::Client).then(|| YamlValue::word("client")));
            service.put("answer_headers", filled(YamlValue::words(answer_headers)));
            let mut map = Map::default();
            map.section("forward", service);
            Some(YamlValue::Map(map.0))
        }
        DraftAuth::Oidc(DraftOidc { issuer, client: (client, secret), scopes, allow, session, user_headers }) => {
            let mut oidc = Map::default();
            oidc.put("issuer", Some(YamlValue::word(issuer)));
            oidc.put("client_id", Some(YamlValue::word(client)));
            oidc.put("client_secret", secret.as_deref().map(YamlValue::word));
            oidc.put("scopes", filled(YamlValue::words(scopes)));
            let users = allow.iter().map(|(list, users)| ((*list).to_owned(), YamlValue::words(users)));
            oidc.put("allow", Some(YamlValue::map(users)));
            oidc.put("session", session.map(time));
            let mut map = Map::default();
            map.section("oidc", oidc);
            map.put("user_header", one_or_many(user_headers));
            Some(YamlValue::Map(map.0))
        }
    }
}

fn headers(rules: &DraftHeaderRules) -> Map {
    let mut map = Map::default();
    map.put(
        "set",
        filled(YamlValue::map(rules.set.iter().map(|(name, value)| (name.clone(), YamlValue::word(value))))),
    );
    map.put("remove", filled(YamlValue::words(&rules.remove)));
    map
}
