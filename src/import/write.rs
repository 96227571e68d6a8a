//! The file that a [`Draft`] becomes.

mod mapping;
mod route;

use std::path::Path;
use std::time::Duration;

use super::draft::{Draft, DraftBalance, DraftCertificate, DraftListener, DraftTimeouts, DraftUpstream};
use super::yaml::{self, Item, YamlEntry, YamlValue};
use crate::config::{self, ClientMode, Hsts, TlsVersion};
use mapping::{Map, filled};
pub(super) use route::conditions;
use route::{auth, route};

/// The text of the file. A setting that has its default value is left out.
pub(super) fn document(draft: &Draft) -> String {
    let defaults: Vec<_> = config::entries().into_iter().map(|entry| (entry.path, bare(&entry.default))).collect();
    let mut sections = sections(draft);
    sections.retain_mut(|section| keep(section, "", draft, &defaults));
    yaml::document(&draft.heading, &sections)
}

/// Every key that the draft sets.
fn sections(draft: &Draft) -> Vec<YamlEntry> {
    let mut top = Map::default();
    top.section("listen", listen(draft));
    top.section("tls", tls(draft));
    top.put("upstream", draft.upstream.as_ref().map(YamlValue::word));
    let routes = draft.routes.iter().map(|route| Item { comment: route.comment.clone(), value: self::route(route) });
    top.put("routes", filled(YamlValue::List(routes.collect())));
    top.put("upstreams", filled(YamlValue::map(upstreams(&draft.upstreams))));
    let mut forwarded = Map::default();
    forwarded.put("trusted_proxies", filled(YamlValue::words(&draft.trusted_proxies)));
    top.section("forwarded", forwarded);
    let mut websocket = Map::default();
    websocket.put("ping_interval", draft.ping_interval.map(time));
    websocket.put("allowed_origins", filled(YamlValue::words(&draft.allowed_origins)));
    top.section("websocket", websocket);
    top.section("timeouts", timeouts(&draft.timeouts));
    let mut limits = Map::default();
    limits.put("connections", draft.limits.connections.as_ref().map(YamlValue::word));
    limits.put("connections_per_client", draft.limits.connections_per_client.as_ref().map(YamlValue::word));
    limits.put("request_head", draft.limits.request_head.map(size));
    limits.put("request_body", draft.limits.request_body.map(size));
    top.section("limits", limits);
    top.put("auth", auth(&draft.auth));
    let mut log = Map::default();
    log.put("access", draft.access_log.map(|on| YamlValue::word(if on { "on" } else { "off" })));
    top.section("log", log);
    top.0
}

/// Whether there is anything left to say under this key, without what has its default value; comments are put to it.
fn keep(entry: &mut YamlEntry, outer: &str, draft: &Draft, defaults: &[(String, String)]) -> bool {
    let path = if outer.is_empty() { entry.key.clone() } else { format!("{outer}.{}", entry.key) };
    let is_section = ["listen", "tls", "tls.acme", "forwarded", "websocket", "timeouts", "limits", "log"];
    if let (YamlValue::Map(parts), true) = (&mut entry.value, is_section.contains(&path.as_str())) {
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

/// The YAML without what writers of YAML put differently.
fn bare(flow: &str) -> String {
    flow.replace(['"', '\'', ' '], "")
}

fn listen(draft: &Draft) -> Map {
    let mut map = Map::default();
    map.put("https", draft.listen.https.as_deref().map(listeners));
    map.put("http", filled(listeners(&draft.listen.http)));
    map.put("plain", filled(listeners(&draft.listen.plain)));
    map.put("proxy_protocol_from", filled(YamlValue::words(&draft.listen.proxy_protocol_from)));
    map
}

fn listeners(list: &[DraftListener]) -> YamlValue {
    YamlValue::items(list.iter().map(|listener| match &listener.name {
        None => YamlValue::word(&listener.address),
        Some(name) => {
            YamlValue::map([("address", YamlValue::word(&listener.address)), ("name", YamlValue::word(name))])
        }
    }))
}

fn tls(draft: &Draft) -> Map {
    let mut map = Map::default();
    let mut acme = Map::default();
    map.put("names", filled(YamlValue::words(&draft.tls.names)));
    match &draft.tls.certificate {
        DraftCertificate::Local => {}
        DraftCertificate::Acme(settings) => {
            map.put("certificate", Some(YamlValue::word("acme")));
            acme.put("directory", settings.directory.as_ref().map(YamlValue::word));
            acme.put("email", settings.email.as_ref().map(YamlValue::word));
            acme.put("ca_file", settings.ca_file.as_deref().map(path));
        }
        DraftCertificate::Files(files) => {
            let mut values = files.iter().map(|(cert, key)| YamlValue::map([("cert", path(cert)), ("key", path(key))]));
            let value = if files.len() == 1 { values.next() } else { filled(YamlValue::items(values)) };
            map.put("certificate", value);
        }
    }
    map.put("min_version", draft.tls.min_version.map(|version| YamlValue::word(number(version))));
    map.put(
        "client_ca",
        draft.tls.client_ca.as_ref().map(|(file, mode)| match mode {
            ClientMode::Required => path(file),
            ClientMode::Optional => YamlValue::map([("file", path(file)), ("mode", YamlValue::word("optional"))]),
        }),
    );
    map.put(
        "hsts",
        draft.tls.hsts.map(|hsts| match hsts {
            Hsts::Auto => YamlValue::word("auto"),
            Hsts::Off => YamlValue::word("off"),
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

fn upstreams(list: &[DraftUpstream]) -> Vec<(String, YamlValue)> {
    let mut cookies = 0;
    let mut named = Vec::new();
    for one in list {
        // Groups that serve one host need names of their own.
        cookies += u32::from(one.sticky);
        let cookie = if cookies == 1 { "frontgate".to_owned() } else { format!("frontgate-{cookies}") };
        named.push((one.name.clone(), upstream(one, one.sticky.then_some(cookie))));
    }
    named
}

fn upstream(upstream: &DraftUpstream, cookie: Option<String>) -> YamlValue {
    let mut map = Map::default();
    let endpoints = upstream.endpoints.iter().map(|endpoint| match endpoint.weight {
        1 => YamlValue::word(&endpoint.url),
        weight => YamlValue::map([("url", YamlValue::word(&endpoint.url)), ("weight", YamlValue::word(&weight))]),
    });
    map.put("endpoints", Some(YamlValue::items(endpoints)));
    map.put(
        "balance",
        match &upstream.balance {
            DraftBalance::RoundRobin => None,
            DraftBalance::LeastConnections => Some(YamlValue::word("least_connections")),
            DraftBalance::RandomTwo => Some(YamlValue::word("random_two")),
            DraftBalance::HashAddress => Some(YamlValue::word("hash")),
            DraftBalance::HashHeader(name) => {
                let header = YamlValue::map([("header", YamlValue::word(name))]);
                Some(YamlValue::map([("hash", header)]))
            }
        },
    );
    map.put("sticky", cookie.map(|name| YamlValue::map([("cookie", YamlValue::word(&name))])));
    let mut health = Map::default();
    health.put("path", upstream.health.as_ref().map(YamlValue::word));
    map.section("health", health);
    YamlValue::Map(map.0)
}

fn timeouts(timeouts: &DraftTimeouts) -> Map {
    let mut map = Map::default();
    map.put("connect", timeouts.connect.map(time));
    map.put("request_head", timeouts.request_head.map(time));
    map.put("keep_alive", timeouts.keep_alive.map(time));
    map.put("read", timeouts.read.map(time));
    map.put("send", timeouts.send.map(time));
    map
}

/// A time in the largest unit that loses nothing.
fn time(time: Duration) -> YamlValue {
    YamlValue::word(&in_words(time))
}

/// A time in the largest unit that loses nothing, as the settings want it.
pub(super) fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    match units.iter().find(|(_, size)| millis.is_multiple_of(*size) && (millis > 0 || *size == 1000)) {
        Some((unit, size)) => format!("{}{unit}", millis / size),
        None => format!("{millis}ms"),
    }
}

fn size(bytes: u64) -> YamlValue {
    YamlValue::word(&size_in_words(bytes))
}

/// A size in the largest unit that loses nothing, as the settings want it.
pub(super) fn size_in_words(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}

fn path(path: &Path) -> YamlValue {
    YamlValue::word(&path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::draft::{DraftAnswer, DraftAuth, DraftEndpoint, DraftRoute};
    use crate::import::matching::{DraftMatch, DraftPath};

    fn at(address: &str) -> DraftListener {
        DraftListener { address: crate::config::BindAddr::Tcp(address.parse().unwrap()), name: None }
    }

    #[test]
    fn an_empty_draft_is_an_empty_file_and_so_is_one_of_defaults() {
        assert_eq!(document(&Draft::default()), "");
        let mut draft =
            Draft { upstream: Some("http://127.0.0.1:18789".into()), access_log: Some(true), ..Draft::default() };
        draft.listen.https = Some(vec![at("[::]:8443")]);
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
        draft.listen.https = Some(vec![at("0.0.0.0:443")]);
        draft.listen.http = vec![at("[::]:80")];
        draft.tls.names = vec!["gw.example.com".into()];
        draft.tls.certificate = DraftCertificate::Files(vec![("/c/a.pem".into(), "/c/b.pem".into())]);
        draft.tls.client_ca = Some(("/c/ca.pem".into(), ClientMode::Optional));
        draft.tls.hsts = Some(Hsts::For(Duration::from_hours(24)));
        draft.comment("tls.hsts", "From nginx.conf:7.");
        draft.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        draft.timeouts.read = Some(Duration::from_mins(90));
        draft.limits.request_body = Some(25 << 20);
        draft.allowed_origins = vec!["https://gw.example.com".into()];
        let basic = DraftAuth::Basic { users: vec![("ann".into(), "$2y$05$x".into())], user_headers: Vec::new() };
        draft.routes = vec![
            DraftRoute {
                when: DraftMatch::path(DraftPath::Prefix("/private".into())),
                answer: DraftAnswer::status(404),
                ..DraftRoute::default()
            },
            DraftRoute {
                comment: vec!["The team.".into()],
                host: Some("*.team.example.com".into()),
                answer: DraftAnswer::Upstream("team".into()),
                auth: basic,
                ..DraftRoute::default()
            },
        ];
        let heavy = DraftEndpoint { url: "http://10.0.0.5:18789".into(), weight: 2 };
        let endpoints = vec!["http://10.0.0.4:18789".to_owned().into(), heavy];
        draft.upstreams = vec![DraftUpstream {
            name: "team".into(),
            endpoints,
            balance: DraftBalance::LeastConnections,
            sticky: true,
            health: None,
        }];
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
    endpoints:
      - http://10.0.0.4:18789
      - { url: http://10.0.0.5:18789, weight: 2 }
    balance: least_connections
    sticky: { cookie: frontgate }
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
