//! `upstreams`.

use http::HeaderName;

use super::*;
use crate::config::upstreams::{EndpointUrl, GatewayName, GroupEndpoint, HashBy, Health, NameRecords, Sticky};

#[test]
fn every_key_of_an_upstream_sets_its_field() {
    let text = r#"
upstreams:
  team:
    endpoints: [http://gw:1, { url: "https://gw:2", weight: 3 }, { url: http://gw:3 }]
    balance: { hash: { header: X-Key } }
    sticky: { cookie: place, ttl: 1h }
    health: { path: "/live?a=b", every: 10s, timeout: 1s, fails: 3, passes: 4 }
    source: [127.0.0.2, "::1"]
    tls: {}
  named:
    endpoints: ["dns+http://gws.internal:18789", { url: "srv+https://_gw._tcp.internal", weight: 2 }]
    resolver: [10.96.0.10, "[fd00::10]:5353"]
  plain: { endpoints: [http://gw], balance: random_two, sticky: off, health: off }
  usual: { endpoints: [http://gw], balance: hash, sticky: {}, health: {} }
"#;
    let config = parse(text).unwrap();
    let http = |port| UpstreamAddress::Http { host: "gw".into(), port };
    let team = UpstreamGroup {
        endpoints: vec![
            http(1).into(),
            GroupEndpoint { url: UpstreamAddress::Https { host: "gw".into(), port: 2 }.into(), weight: 3 },
            http(3).into(),
        ],
        balance: Balance::Hash(HashBy::Header(HeaderName::from_static("x-key"))),
        sticky: Some(Sticky { cookie: "place".into(), ttl: Duration::from_hours(1) }),
        health: Some(Health {
            path: "/live?a=b".parse().unwrap(),
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(1),
            fails: 3,
            passes: 4,
        }),
        source: vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()],
        ..UpstreamGroup::default()
    };
    let of = |balance, sticky, health| UpstreamGroup { balance, sticky, health, ..UpstreamGroup::of(http(80)) };
    let plain = of(Balance::RandomTwo, None, None);
    let usual = of(Balance::Hash(HashBy::Network), Some(Sticky::default()), Some(Health::default()));
    let name = |host: &str, records, is_https| EndpointUrl::Name(GatewayName { host: host.into(), records, is_https });
    let named = UpstreamGroup {
        endpoints: vec![
            GroupEndpoint { url: name("gws.internal", NameRecords::Addresses { port: 18789 }, false), weight: 1 },
            GroupEndpoint { url: name("_gw._tcp.internal", NameRecords::Services, true), weight: 2 },
        ],
        resolver: vec!["10.96.0.10:53".parse().unwrap(), "[fd00::10]:5353".parse().unwrap()],
        ..UpstreamGroup::default()
    };
    let expected = [("team", team), ("named", named), ("plain", plain), ("usual", usual)];
    assert_eq!(config.upstreams, expected.map(|(name, group)| (name.to_owned(), group)));
    assert_eq!(parse(&config.to_string()), Ok(config), "what is printed loads to the same");
}

#[test]
fn what_is_wrong_with_an_upstream_is_said_where_it_stands() {
    each_is_said(WRONG);
}

/// A configuration, and the message about it.
const WRONG: &[(&str, &str)] = &[
    (
        "upstreams: { team: {} }",
        "f.yaml:1:20: upstreams.team.endpoints: no endpoint\n    hint: such as endpoints: [http://10.0.0.4:18789, http://10.0.0.5:18789]",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw, http://gw:80] } }",
        "f.yaml:1:45: upstreams.team.endpoints[1]: http://gw:80 is there already\n    hint: each endpoint once",
    ),
    (
        "upstreams: { team: { endpoints: ['dns+http://10.0.0.4:1'] } }",
        "f.yaml:1:34: upstreams.team.endpoints[0]: dns+ is for names, and 10.0.0.4 is an address\n    hint: write http://10.0.0.4:1",
    ),
    (
        "upstreams: { team: { endpoints: ['dns+http://gws:1', 'dns+http://GWS:1'] } }",
        "f.yaml:1:54: upstreams.team.endpoints[1]: dns+http://gws:1 is there already\n    hint: each endpoint once",
    ),
    (
        "upstreams: { team: { endpoints: ['dns+http://gws:1'], tls: { server_name: gw } } }",
        "f.yaml:1:60: upstreams.team.tls: dns+http://gws:1 speaks no TLS\n    hint: write https://… for it, or remove `tls`",
    ),
    (
        "upstreams: { team: { endpoints: ['http://gw'], resolver: [10.0.0.1] } }",
        "f.yaml:1:58: upstreams.team.resolver: no endpoint is a name that it could be asked for\n    hint: write dns+http://NAME:PORT or srv+http://NAME, or remove `resolver`",
    ),
    (
        "upstreams: { team: { endpoints: ['dns+http://gws:1'], resolver: [ns.internal] } }",
        "f.yaml:1:66: upstreams.team.resolver[0]: `ns.internal` is not the address of a DNS server\n    hint: an IP address, such as 10.96.0.10, 127.0.0.1:8600 or [fd00::10]:53",
    ),
    (
        "upstreams: { a.b: { endpoints: [http://gw] } }",
        "f.yaml:1:14: upstreams: `a.b` is not the name of an upstream\n    hint: letters, digits, `-` and `_`, at most 64",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], balance: random } }",
        "f.yaml:1:55: upstreams.team.balance: `random` is none of round_robin, least_connections, random_two, hash\n    hint: did you mean `random_two`?",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], balance: { hash: { header: X Key } } } }",
        "f.yaml:1:73: upstreams.team.balance.hash.header: `X Key` is not the name of a header\n    hint: letters, digits and hyphens, without the colon",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], balance: { hash: {} } } }",
        "f.yaml:1:63: upstreams.team.balance.hash: `header` is missing\n    hint: { hash: { header: X-Key } }, or hash alone for the network address",
    ),
    (
        "upstreams: { team: { endpoints: [{ url: http://gw, weight: 0 }] } }",
        "f.yaml:1:60: upstreams.team.endpoints[0].weight: `0` is too few; the least is 1",
    ),
    (
        "upstreams: { team: { endpoints: [{ url: http://gw, weight: 5000 }] } }",
        "f.yaml:1:60: upstreams.team.endpoints[0].weight: 5000 is too much; the most is 1000\n    hint: only how weights compare counts",
    ),
    (
        "upstreams: { team: { endpoints: [{ weight: 2 }] } }",
        "f.yaml:1:34: upstreams.team.endpoints[0].url: `url` is missing\n    hint: such as http://10.0.0.4:18789",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw, { url: http://gw:80, weight: 2 }] } }",
        "f.yaml:1:45: upstreams.team.endpoints[1]: http://gw:80 is there already\n    hint: each endpoint once",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: on } }",
        "f.yaml:1:54: upstreams.team.sticky: `on` is neither off nor keys\n    hint: { cookie, ttl }, or off",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: { cookie: \"a b\" } } }",
        "f.yaml:1:64: upstreams.team.sticky.cookie: `a b` is not the name of a cookie\n    hint: letters, digits, `-` and `_`, at most 64",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: { cookie: __Host-frontgate_x } } }",
        "f.yaml:1:64: upstreams.team.sticky.cookie: cookies that begin with __Host-frontgate are those of logins\n    hint: such as frontgate",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: { ttl: 1s } } }",
        "f.yaml:1:61: upstreams.team.sticky.ttl: `1s` is too short; the least is 1m",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: { ttl: 90d } } }",
        "f.yaml:1:61: upstreams.team.sticky.ttl: `90d` is too long; the most is 720h",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], sticky: { name: x } } }",
        "f.yaml:1:56: upstreams.team.sticky: unknown key `name`\n    hint: known here: cookie, ttl",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], health: { path: readyz } } }",
        "f.yaml:1:62: upstreams.team.health.path: `readyz` is not a path\n    hint: such as /readyz",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], health: { every: 1s, timeout: 2s } } }",
        "f.yaml:1:76: upstreams.team.health.timeout: `timeout` is longer than `every`\n    hint: an answer must be due before the next question",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], health: { every: 10ms } } }",
        "f.yaml:1:63: upstreams.team.health.every: `10ms` is too short; the least is 100ms",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], health: { fails: 0 } } }",
        "f.yaml:1:63: upstreams.team.health.fails: `0` is too few; the least is 1",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], health: { passes: 101 } } }",
        "f.yaml:1:64: upstreams.team.health.passes: 101 is too many; the most is 100",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], source: [lo] } }",
        "f.yaml:1:55: upstreams.team.source[0]: `lo` is not an IP address\n    hint: one of this machine's own, without a port, such as 127.0.0.2",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], source: [0.0.0.0] } }",
        "f.yaml:1:55: upstreams.team.source[0]: no connection comes from 0.0.0.0\n    hint: an address of this machine's own, such as 127.0.0.2",
    ),
    (
        "upstreams: { team: { endpoints: [http://gw], source: [127.0.0.2, 127.0.0.2] } }",
        "f.yaml:1:66: upstreams.team.source[1]: 127.0.0.2 is there already\n    hint: each address once",
    ),
    (
        "upstreams: { team: { endpoints: [http://10.0.0.4], source: [fd00::1] } }",
        "f.yaml:1:60: upstreams.team.source: none of these addresses leads to http://10.0.0.4:80\n    hint: an IPv4 address for an IPv4 endpoint, an IPv6 one for IPv6; a unix socket has none",
    ),
];
