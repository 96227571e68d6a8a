//! The file that a [`Draft`] becomes.

use std::path::Path;
use std::time::Duration;

use super::draft::{Answer, Auth, Certificate, Draft, HeaderRules, Respond, Route, Timeouts, Upstream};
use super::yaml::{self, Entry, Item, Value};
use crate::config::{self, BindAddr, ClientMode, Hsts, TlsVersion};

/// The file. What has its default value is left out.
pub(super) fn document(draft: &Draft) -> String {
    let defaults: Vec<_> = config::entries().into_iter().map(|entry| (entry.path, bare(&entry.default))).collect();
    let mut sections = sections(draft);
    sections.retain_mut(|section| keep(section, "", draft, &defaults));
    yaml::document(&draft.heading, &sections)
}

/// Every key that the draft sets.
fn sections(draft: &Draft) -> Vec<Entry> {
    let mut top = Map::default();
    top.section("listen", listen(draft));
    top.section("tls", tls(draft));
    top.put("upstream", draft.upstream.as_ref().map(Value::word));
    let routes = draft.routes.iter().map(|route| Item { comment: route.comment.clone(), value: self::route(route) });
    top.put("routes", filled(Value::List(routes.collect())));
    top.put("upstreams", filled(Value::map(draft.upstreams.iter().map(|one| (one.name.clone(), upstream(one))))));
    let mut forwarded = Map::default();
    forwarded.put("trusted_proxies", filled(Value::words(&draft.trusted_proxies)));
    top.section("forwarded", forwarded);
    let mut websocket = Map::default();
    websocket.put("ping_interval", draft.ping_interval.map(time));
    websocket.put("allowed_origins", filled(Value::words(&draft.allowed_origins)));
    top.section("websocket", websocket);
    top.section("timeouts", timeouts(&draft.timeouts));
    let mut limits = Map::default();
    limits.put("connections", draft.limits.connections.as_ref().map(Value::word));
    limits.put("connections_per_client", draft.limits.connections_per_client.as_ref().map(Value::word));
    limits.put("request_head", draft.limits.request_head.map(size));
    limits.put("request_body", draft.limits.request_body.map(size));
    top.section("limits", limits);
    top.put("auth", auth(&draft.auth));
    let mut log = Map::default();
    log.put("access", draft.access_log.map(|on| Value::word(if on { "on" } else { "off" })));
    top.section("log", log);
    top.0
}

/// Whether there is anything left to say under this key, without what has its default value; comments are put to it.
fn keep(entry: &mut Entry, outer: &str, draft: &Draft, defaults: &[(String, String)]) -> bool {
    let path = if outer.is_empty() { entry.key.clone() } else { format!("{outer}.{}", entry.key) };
    let is_section = ["listen", "tls", "tls.acme", "forwarded", "websocket", "timeouts", "limits", "log"];
    if let (Value::Map(parts), true) = (&mut entry.value, is_section.contains(&path.as_str())) {
        parts.retain_mut(|part| keep(part, &path, draft, defaults));
        if parts.is_empty() {
            return false;
        }
    } else if defaults.contains(&(path.clone(), bare(&entry.value.flow()))) {
        return false;
    }
    entry.comment.extend(draft.comments.iter().filter(|(at, _)| *at == path).map(|(_, words)| words.clone()));
    true
}

/// Without what the writers of YAML put differently.
fn bare(flow: &str) -> String {
    flow.replace(['"', '\'', ' '], "")
}

fn listen(draft: &Draft) -> Map {
    let mut map = Map::default();
    map.put("https", draft.listen.https.as_ref().map(Value::words));
    map.put("http", filled(Value::words(&draft.listen.http)));
    map.put("plain", filled(Value::words(draft.listen.plain.iter().map(BindAddr::to_string))));
    map.put("proxy_protocol_from", filled(Value::words(&draft.listen.proxy_protocol_from)));
    map
}

fn tls(draft: &Draft) -> Map {
    let mut map = Map::default();
    let mut acme = Map::default();
    map.put("names", filled(Value::words(&draft.tls.names)));
    match &draft.tls.certificate {
        Certificate::Local => {}
        Certificate::Acme(settings) => {
            map.put("certificate", Some(Value::word("acme")));
            acme.put("directory", settings.directory.as_ref().map(Value::word));
            acme.put("email", settings.email.as_ref().map(Value::word));
            acme.put("ca_file", settings.ca_file.as_deref().map(path));
        }
        Certificate::Files(files) => {
            let mut values = files.iter().map(|(cert, key)| Value::map([("cert", path(cert)), ("key", path(key))]));
            let value = if files.len() == 1 { values.next() } else { filled(Value::items(values)) };
            map.put("certificate", value);
        }
    }
    map.put("min_version", draft.tls.min_version.map(|version| Value::word(number(version))));
    map.put(
        "client_ca",
        draft.tls.client_ca.as_ref().map(|(file, mode)| match mode {
            ClientMode::Required => path(file),
            ClientMode::Optional => Value::map([("file", path(file)), ("mode", Value::word("optional"))]),
        }),
    );
    map.put(
        "hsts",
        draft.tls.hsts.map(|hsts| match hsts {
            Hsts::Auto => Value::word("auto"),
            Hsts::Off => Value::word("off"),
            Hsts::For(long) => time(long),
        }),
    );
    map.section("acme", acme);
    map
}

fn number(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_2 => "1.2",
        TlsVersion::V1_3 => "1.3",
    }
}

fn route(route: &Route) -> Value {
    let mut map = Map::default();
    map.put("host", route.host.as_ref().map(Value::word));
    // A route for everything says so.
    let everything = route.host.is_none().then_some("/");
    map.put("path", route.path.as_deref().or(everything).map(Value::word));
    match &route.answer {
        Answer::Default => {}
        Answer::Upstream(name) => map.put("upstream", Some(Value::word(name))),
        Answer::Respond(answer) => map.put("respond", Some(respond(answer))),
    }
    map.put("auth", auth(&route.auth));
    map.section("request_headers", headers(&route.request_headers));
    map.section("response_headers", headers(&route.response_headers));
    map.section("timeouts", timeouts(&route.timeouts));
    Value::Map(map.0)
}

fn respond(answer: &Respond) -> Value {
    if answer.location.is_none() && answer.body.is_none() {
        return Value::word(&answer.status);
    }
    let mut map = Map::default();
    map.put("status", Some(Value::word(&answer.status)));
    map.put("location", answer.location.as_ref().map(Value::word));
    map.put("body", answer.body.as_ref().map(Value::word));
    Value::Map(map.0)
}

fn upstream(upstream: &Upstream) -> Value {
    let mut map = Map::default();
    map.put("endpoints", Some(Value::words(&upstream.endpoints)));
    map.put("balance", upstream.least_connections.then(|| Value::word("least_connections")));
    map.put("sticky", upstream.sticky.then(|| Value::word("cookie")));
    if let Some((path, every)) = &upstream.health {
        let mut health = Map::default();
        health.put("path", Some(Value::word(path)));
        health.put("every", every.map(time));
        map.section("health", health);
    }
    Value::Map(map.0)
}

fn auth(auth: &Auth) -> Option<Value> {
    match auth {
        Auth::Inherited => None,
        Auth::None => Some(Value::word("none")),
        Auth::Basic { users, user_header } => {
            let users = Value::map(users.iter().map(|(name, hash)| (name.clone(), Value::word(hash))));
            let mut map = Map::default();
            map.put("basic", Some(users));
            map.put("user_header", user_header.as_ref().map(Value::word));
            Some(Value::Map(map.0))
        }
    }
}

fn headers(rules: &HeaderRules) -> Map {
    let mut map = Map::default();
    map.put("set", filled(Value::map(rules.set.iter().map(|(name, value)| (name.clone(), Value::word(value))))));
    map.put("remove", filled(Value::words(&rules.remove)));
    map
}

fn timeouts(timeouts: &Timeouts) -> Map {
    let mut map = Map::default();
    map.put("connect", timeouts.connect.map(time));
    map.put("request_head", timeouts.request_head.map(time));
    map.put("keep_alive", timeouts.keep_alive.map(time));
    map.put("read", timeouts.read.map(time));
    map.put("send", timeouts.send.map(time));
    map
}

/// In the largest unit that loses nothing.
fn time(time: Duration) -> Value {
    Value::word(&in_words(time))
}

/// In the largest unit that loses nothing, as the settings want it.
pub(super) fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    match units.iter().find(|(_, size)| millis.is_multiple_of(*size) && (millis > 0 || *size == 1000)) {
        Some((unit, size)) => format!("{}{unit}", millis / size),
        None => format!("{millis}ms"),
    }
}

fn size(bytes: u64) -> Value {
    Value::word(&size_in_words(bytes))
}

/// In the largest unit that loses nothing, as the settings want it.
pub(super) fn size_in_words(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}

fn path(path: &Path) -> Value {
    Value::word(&path.display())
}

/// Nothing instead of an empty list or mapping.
fn filled(value: Value) -> Option<Value> {
    match &value {
        Value::List(items) if items.is_empty() => None,
        Value::Map(entries) if entries.is_empty() => None,
        _ => Some(value),
    }
}

/// A mapping that grows.
#[derive(Default)]
struct Map(Vec<Entry>);

impl Map {
    fn put(&mut self, key: &str, value: Option<Value>) {
        self.0.extend(value.map(|value| Entry { comment: Vec::new(), key: key.to_owned(), value }));
    }

    /// A mapping that is left out when it is empty.
    fn section(&mut self, key: &str, inner: Self) {
        self.put(key, filled(Value::Map(inner.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_draft_is_an_empty_file_and_so_is_one_of_defaults() {
        assert_eq!(document(&Draft::default()), "");
        let mut draft =
            Draft { upstream: Some("http://127.0.0.1:18789".into()), access_log: Some(true), ..Draft::default() };
        draft.listen.https = Some(vec!["[::]:8443".parse().unwrap()]);
        draft.tls.names = vec!["localhost".into()];
        draft.tls.min_version = Some(TlsVersion::V1_2);
        draft.timeouts.read = Some(Duration::from_hours(24));
        draft.limits.request_head = Some(65536);
        draft.comment("timeouts.read", "not said");
        assert_eq!(document(&draft), "");
    }

    #[test]
    fn every_setting_has_its_key() {
        let mut draft = Draft { heading: vec!["Made.".into()], ..Draft::default() };
        draft.listen.https = Some(vec!["0.0.0.0:443".parse().unwrap()]);
        draft.listen.http = vec!["[::]:80".parse().unwrap()];
        draft.tls.names = vec!["gw.example.com".into()];
        draft.tls.certificate = Certificate::Files(vec![("/c/a.pem".into(), "/c/b.pem".into())]);
        draft.tls.client_ca = Some(("/c/ca.pem".into(), ClientMode::Optional));
        draft.tls.hsts = Some(Hsts::For(Duration::from_hours(24)));
        draft.comment("tls.hsts", "From nginx.conf:7.");
        draft.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        draft.timeouts.read = Some(Duration::from_mins(90));
        draft.limits.request_body = Some(25 << 20);
        draft.allowed_origins = vec!["https://gw.example.com".into()];
        let basic = Auth::Basic { users: vec![("ann".into(), "$2y$05$x".into())], user_header: None };
        draft.routes = vec![
            Route {
                path: Some("/private".into()),
                answer: Answer::Respond(Respond { status: 404, ..Respond::default() }),
                ..Route::default()
            },
            Route {
                comment: vec!["The team.".into()],
                host: Some("*.team.example.com".into()),
                answer: Answer::Upstream("team".into()),
                auth: basic,
                ..Route::default()
            },
        ];
        let endpoints = vec!["http://10.0.0.4:18789".into(), "http://10.0.0.5:18789".into()];
        draft.upstreams =
            vec![Upstream { name: "team".into(), endpoints, least_connections: true, sticky: true, health: None }];
        let expected = "\
# Made.
listen:
  https: [\"0.0.0.0:443\"]
  http: [\"[::]:80\"]
tls:
  names: [gw.example.com]
  certificate: { cert: /c/a.pem, key: /c/b.pem }
  client_ca: { file: /c/ca.pem, mode: optional }
  # From nginx.conf:7.
  hsts: 24h
routes:
  - { path: /private, respond: 404 }
  # The team.
  - { host: \"*.team.example.com\", upstream: team, auth: { basic: { ann: \"$2y$05$x\" } } }
upstreams:
  team:
    endpoints: [http://10.0.0.4:18789, http://10.0.0.5:18789]
    balance: least_connections
    sticky: cookie
forwarded:
  trusted_proxies: [10.0.0.0/8]
websocket:
  allowed_origins: [https://gw.example.com]
timeouts:
  read: 90m
limits:
  request_body: 25MiB
";
        assert_eq!(document(&draft), expected);
    }

    #[test]
    fn times_and_sizes_are_written_in_the_largest_unit_that_loses_nothing() {
        let times = [(0, "0s"), (250, "250ms"), (1000, "1s"), (90_000, "90s"), (120_000, "2m"), (7_200_000, "2h")];
        for (millis, expected) in times {
            assert_eq!(in_words(Duration::from_millis(millis)), expected);
        }
        for (bytes, expected) in [(0, "0B"), (1000, "1000B"), (1024, "1KiB"), (25 << 20, "25MiB"), (1 << 30, "1GiB")] {
            assert_eq!(size_in_words(bytes), expected);
        }
    }
}
