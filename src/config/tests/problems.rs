//! The messages about a wrong configuration, word by word.

use super::*;
use crate::config::problem::{ProblemSeverity, SettingPosition};

#[test]
fn a_problem_has_its_place_its_setting_and_a_hint() {
    each_is_said(PROBLEMS);
}

#[test]
fn every_problem_is_reported_at_once_in_the_order_of_the_file() {
    let text = "\
log: { level: loud }
websocket:
  ping_interval: 20
  pong_timeout: 1s
listen:
  https: [localhost:1, \"[::]:8443\"]
  plain: [\"[::]:8443\"]
upstream: gw:1
";
    let env = [("FRONTGATE_ADMIN", "localhost"), ("FRONTGATE_LIMITS", "1")];
    let flags = Overrides { names: vec!["a b".into()], ..Overrides::default() };
    let expected = "\
f.yaml:1:15: log.level: `loud` is none of error, warn, info, debug
f.yaml:3:18: websocket.ping_interval: `20` has no unit
    hint: write `20s`; the units are ms, s, m, h and d; `off` turns it off
f.yaml:6:11: listen.https[0]: `localhost:1` is a host name; expected an address
    hint: `127.0.0.1:1` for this machine only, `:1` for every address
f.yaml:8:11: upstream: the URL has no scheme
    hint: write `http://gw:1`
FRONTGATE_ADMIN: admin: `localhost` has no port
    hint: such as 0.0.0.0:443, [::]:443 or :443
FRONTGATE_LIMITS: sets nothing
    hint: did you mean `FRONTGATE_LIMITS_REQUESTS`?
--name: tls.names[0]: `a b` is not a name a certificate can carry
    hint: such as gw.example.com, *.example.com or 192.0.2.7";
    assert_eq!(parse_with(text, &env, &flags).unwrap_err(), expected);
}

#[test]
fn what_only_the_use_of_a_setting_reveals_is_said_where_it_was_written() {
    let text = "tls:\n  names: [gw.example]\nstate_dir: ~\nupstream: http://127.0.0.1:1\n";
    let source = ConfigLocation::Text { text: text.to_owned(), file: "f.yaml".into() };
    let mut loaded = load(source, [], &Overrides::default()).unwrap();
    for (setting, is_set) in [("tls.names", true), ("state_dir", false), ("admin", false)] {
        assert_eq!(loaded.sets(setting), is_set, "{setting}");
    }
    let problem = loaded.problem("upstream", "is gone").to_string();
    assert!(problem.contains("f.yaml:4:11: upstream: is gone"), "{problem}");
    assert_eq!(loaded.warnings.iter().count(), 0);
    loaded.warn("tls.names", "are odd", "write others");
    let warned: Vec<_> = loaded.warnings.iter().map(|one| (one.severity, one.place.clone(), &*one.message)).collect();
    assert_eq!(warned, [(ProblemSeverity::Warning, SettingPosition::File { line: 2, column: 10 }, "are odd")]);
    assert_eq!(loaded.warnings.iter().next().unwrap().hint.as_deref(), Some("write others"));
}

#[test]
fn a_gateway_by_name_that_leads_to_a_listener_is_said_with_its_setting() {
    let text = "listen: { https: [\"127.0.0.1:8443\"] }\nupstream: http://gw.example:8443\n";
    let source = ConfigLocation::Text { text: text.to_owned(), file: "f.yaml".into() };
    let loaded = load(source, [], &Overrides::default()).unwrap();
    assert_eq!(loaded.names_of_gateways().into_iter().collect::<Vec<_>>(), ["gw.example"]);
    for (address, own) in [("127.0.0.1", true), ("192.0.2.1", false)] {
        let found = loaded.own_names(&|_| vec![address.parse().unwrap()], &|ip| ip.is_loopback());
        let said: Vec<_> = found.iter().map(|(key, _, fix)| (key.as_str(), fix.contains("gateway"))).collect();
        assert_eq!(said, if own { vec![("upstream", true)] } else { Vec::new() }, "{address}: {found:?}");
    }
}

#[test]
fn what_may_be_a_secret_is_not_repeated() {
    let cases = [
        "upstream: http://ann:hunter2@gw",
        "upstream: ann:hunter2@gw:1",
        "listen: { https: [\"ann:hunter2@gw:80\"] }",
        "listen: { https: ann:hunter2@gw }",
        "tls: { names: [\"https://ann:hunter2@gw\"] }",
        "tls: { certificate: \"-----BEGIN PRIVATE KEY-----\\nhunter2\" }",
        "websocket: { allowed_origins: [\"https://ann:hunter2@gw/ui\"] }",
        "websocket: { allowed_origins: [\"https://gw:1x?token=hunter2\"] }",
        "admin: http://ann:hunter2@gw:80",
        "auth: { basic: { ann: hunter2 } }",
        "auth: { basic: { ann: $2b$12$hunter2 } }",
        "auth: { basic: { ann: $argon2id$hunter2 } }",
        "routes: [{ request_headers: { set: { Authorization: \"Bearer hunter2\\n\" } } }]",
        "routes: [{ upstream: \"http://ann:hunter2@gw\" }]",
        "upstream: \"hunter2",
        "upstream: hunter2: hunter2",
        "listen: { hunter: hunter2 ] }",
        "log: !hunter2 x",
        "log: { level: *hunter2 }",
    ];
    for text in cases {
        let said = parse(text).unwrap_err();
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
}

/// A configuration, and the messages about it.
const PROBLEMS: &[(&str, &str)] = &[
    (
        "cluster: { redis: \"redis://a\", secret: short }",
        "f.yaml:1:40: cluster.secret: the secret has 5 bytes, and needs 32\n    hint: what `openssl rand -hex 32` prints, in a file: secret: { file: FILE }",
    ),
    (
        "cluster: { redis: \"redis://a\" }",
        "f.yaml:1:19: cluster.redis: `secret` is missing: what replicas keep in Redis is sealed with it\n    hint: what `openssl rand -hex 32` prints, in a file: secret: { file: FILE }",
    ),
    (
        "cluster: { secret: { file: a } }",
        "f.yaml:1:20: cluster.secret: `redis` is missing: a secret alone joins no replicas\n    hint: cluster: { redis: \"redis://127.0.0.1\", secret: { file: FILE } }",
    ),
    (
        "cluster: { redis: [\"redis://a\", \"rediss://b\"], secret: { file: a } }",
        "f.yaml:1:19: cluster.redis: the nodes of a cluster differ in more than their hosts\n    hint: the same scheme, user, password and number for each",
    ),
    (
        "cluster: { redis: \"redis://a\", secret: { file: a }, tls: { ca: x } }",
        "f.yaml:1:58: cluster.tls: this Redis speaks no TLS\n    hint: write rediss://… for it, or remove `tls`",
    ),
    (
        "cluster: { redis: [], secret: { file: a } }",
        "f.yaml:1:19: cluster.redis: an empty list\n    hint: such as redis://127.0.0.1:6379",
    ),
    // Keys.
    (
        "websocket:\n  ping_intervall: 5s",
        "f.yaml:2:3: websocket: unknown key `ping_intervall`\n    hint: did you mean `ping_interval`?",
    ),
    ("upstrem: http://gw", "f.yaml:1:1: unknown key `upstrem`\n    hint: did you mean `upstream`?"),
    ("ping_interval: 5s", "f.yaml:1:1: unknown key `ping_interval`\n    hint: did you mean `websocket.ping_interval`?"),
    (
        "tls: { colour: red }",
        "f.yaml:1:8: tls: unknown key `colour`\n    hint: known here: names, certificate, min_version, ca_page, client_ca, \
         hsts, acme",
    ),
    ("tls.names: [a]", "f.yaml:1:1: unknown key `tls.names`\n    hint: write `names` inside of `tls`"),
    (
        "tls: { certificate.cert: a }",
        "f.yaml:1:8: tls: unknown key `certificate.cert`\n    hint: did you mean `certificate`?",
    ),
    (
        "<<: {}",
        "f.yaml:1:1: unknown key `<<`\n    hint: known here: listen, tls, public_origin, compress, mdns, state_dir, upstream, routes, upstreams, hold, forwarded, websocket, timeouts, limits, allow, deny, auth, cluster, admin, log, telemetry",
    ),
    ("admin: off\nadmin: off", "f.yaml:2:1: admin: given twice\n    hint: it is already set on line 1"),
    ("? [a]\n: b", "f.yaml:1:3: a key must be a plain word"),
    ("hold: 0s", "f.yaml:1:7: hold: `0s` is too short; the least is 1ms\n    hint: `off` turns it off"),
    // ACME.
    (
        "tls: { certificate: acme }",
        "f.yaml:1:21: tls.certificate: acme needs a name that the public internet knows\n    hint: such as names: [gw.example.com], or --name gw.example.com",
    ),
    (
        "tls: { certificate: acme, names: [10.0.0.1, claw.local] }",
        "f.yaml:1:34: tls.names: acme needs a name that the public internet knows\n    hint: such as names: [gw.example.com], or --name gw.example.com",
    ),
    (
        "tls: { certificate: acme, names: [\"*.example.com\"] }",
        "f.yaml:1:34: tls.names: acme gets no certificate for *.example.com: a wildcard needs DNS records\n    hint: list the names one by one, or set acme.dns",
    ),
    (
        "tls: { certificate: acme, names: [gw.example.com], acme: { challenge: [http-01] } }",
        "f.yaml:1:71: tls.acme.challenge: http-01 is answered on a plain listener, and there is none\n    hint: listen: { http: [\":80\"] }",
    ),
    (
        "tls: { acme: { eab: { kid: ann } } }",
        "f.yaml:1:28: tls.acme.eab.kid: `hmac` is missing\n    hint: kid and hmac belong together",
    ),
    (
        "tls: { acme: { eab: { kid: ann, hmac: s3cr t } } }",
        "f.yaml:1:39: tls.acme.eab.hmac: not base64url\n    hint: copy the key anew, whole, without spaces",
    ),
    (
        "tls: { acme: { email: ann } }",
        "f.yaml:1:23: tls.acme.email: not an e-mail address\n    hint: such as ann@example.com",
    ),
    // Shapes.
    ("hello", "f.yaml:1:1: expected keys, as in `key: value`"),
    ("limits: 12", "f.yaml:1:9: limits: expected keys, as in `key: value`"),
    ("upstream: [http://gw]", "f.yaml:1:11: upstream: a list; expected URL"),
    ("timeouts: { read: { a: 1 } }", "f.yaml:1:19: timeouts.read: expected duration or off"),
    ("listen:\n  https: :8443", "f.yaml:2:10: listen.https: expected a list\n    hint: write `[\":8443\"]`"),
    (
        "listen: { https: [~] }",
        "f.yaml:1:19: listen.https[0]: nothing here; expected address or { address, name, http2_websockets }",
    ),
    ("log: { redact: [[a]] }", "f.yaml:1:17: log.redact[0]: a list; expected text"),
    // Values.
    (
        "timeouts: { read: 20 }",
        "f.yaml:1:19: timeouts.read: `20` has no unit\n    hint: write `20s`; the units are ms, s, m, h and d; `off` turns it off",
    ),
    (
        "timeouts: { drain: off }",
        "f.yaml:1:20: timeouts.drain: `off` is not a duration\n    hint: one number and one unit, such as 250ms, 20s, 5m, 24h or 1d",
    ),
    ("timeouts: { drain: 25h }", "f.yaml:1:20: timeouts.drain: `25h` is too long; the most is 24h"),
    (
        "timeouts: { connect: 0s }",
        "f.yaml:1:22: timeouts.connect: `0s` is too short; the least is 1ms\n    hint: `off` turns it off",
    ),
    (
        "limits: { request_head: 64 }",
        "f.yaml:1:25: limits.request_head: `64` has no unit\n    hint: write `64B` or `64KiB`; the units are B, KiB, MiB and GiB",
    ),
    (
        "limits: { request_head: 64K }",
        "f.yaml:1:25: limits.request_head: `64K` is not a size\n    hint: write `64KiB`; the units are B, KiB, MiB and GiB",
    ),
    ("limits: { request_head: 1KiB }", "f.yaml:1:25: limits.request_head: `1KiB` is too little; the least is 8KiB"),
    (
        "limits: { connections: -1 }",
        "f.yaml:1:24: limits.connections: `-1` is not a whole number\n    hint: a number such as 4096, or auto",
    ),
    (
        "limits: { connections_per_client: 0 }",
        "f.yaml:1:35: limits.connections_per_client: `0` is too few; the least is 1\n    hint: `off` turns it off",
    ),
    (
        "websocket: { max_messages_per_minute: 9999999999 }",
        "f.yaml:1:39: websocket.max_messages_per_minute: `9999999999` is too many\n    hint: `off` turns it off",
    ),
    ("log: { access: yes }", "f.yaml:1:16: log.access: `yes` is none of on, off\n    hint: did you mean `on`?"),
    (
        "log: { level: warning }",
        "f.yaml:1:15: log.level: `warning` is none of error, warn, info, debug\n    hint: did you mean `warn`?",
    ),
    (
        "log: { level: Info }",
        "f.yaml:1:15: log.level: `Info` is none of error, warn, info, debug\n    hint: did you mean `info`?",
    ),
    ("log: { redact: [\"\"] }", "f.yaml:1:17: log.redact[0]: empty"),
    (
        "tls: { min_version: 1.1 }",
        "f.yaml:1:21: tls.min_version: `1.1` is none of 1.2, 1.3\n    hint: did you mean `1.2`?",
    ),
    (
        "tls: { certificate: { cert: a } }",
        "f.yaml:1:21: tls.certificate: `key` is missing\n    hint: `cert` alone is not enough",
    ),
    (
        "tls: { certificate: [{ cert: a, key: b }, { cert: a, ocps: c }, local] }",
        "f.yaml:1:43: tls.certificate[1]: `key` is missing\n    hint: `cert` alone is not enough\n\
         f.yaml:1:54: tls.certificate[1]: unknown key `ocps`\n    hint: known here: cert, key, ocsp\n\
         f.yaml:1:65: tls.certificate[2]: expected { cert: FILE, key: FILE }",
    ),
    ("tls: { client_ca: [a] }", "f.yaml:1:19: tls.client_ca: expected a path"),
    (
        "tls: { client_ca: { flie: a, mode: none } }",
        "f.yaml:1:19: tls.client_ca: `file` is missing\n    hint: a PEM file with the CA's certificate\n\
         f.yaml:1:21: tls.client_ca: unknown key `flie`\n    hint: known here: file, mode\n\
         f.yaml:1:36: tls.client_ca.mode: `none` is none of required, optional",
    ),
    (
        "tls: { hsts: on }",
        "f.yaml:1:14: tls.hsts: `on` is not a duration\n    hint: one number and one unit, such as 250ms, 20s, 5m, 24h or 1d; or auto, or off",
    ),
    (
        "tls: { hsts: 3000d }",
        "f.yaml:1:14: tls.hsts: `3000d` is too long; the most is 17520h\n    hint: a duration such as 365d, auto, or off",
    ),
    (
        "tls: { certificate: [] }",
        "f.yaml:1:21: tls.certificate: expected local, acme, { cert: FILE, key: FILE }, or a list of such files or of { names, source }",
    ),
    (
        "forwarded: { trusted_proxies: [10.0.0.1/8] }",
        "f.yaml:1:32: forwarded.trusted_proxies[0]: `10.0.0.1/8` has address bits behind its prefix\n    hint: the network is 10.0.0.0/8, the address alone 10.0.0.1",
    ),
    (
        "upstream: http://ann:pass@gw/x",
        "f.yaml:1:11: upstream: the URL has a user or a password\n    hint: frontgate forwards what clients send as it comes, their credentials too; remove the part before the @",
    ),
    (
        "websocket: { allowed_origins: same_host }",
        "f.yaml:1:31: websocket.allowed_origins: `same_host` is not any, same-host or list of origins\n    hint: did you mean `same-host`?",
    ),
    (
        "websocket: { allowed_origins: [https://gw/ui] }",
        "f.yaml:1:32: websocket.allowed_origins[0]: `https://gw/ui` has a path; an origin is scheme, host and port\n    hint: write `https://gw`",
    ),
    (
        "websocket:\n  allowed_origins: https://gw",
        "f.yaml:2:20: websocket.allowed_origins: expected a list\n    hint: write `[\"https://gw\"]`",
    ),
    // Keys that contradict each other.
    (
        "websocket: { pong_timeout: 5s }",
        "f.yaml:1:28: websocket.pong_timeout: pong_timeout is shorter than ping_interval\n    hint: give a leg at least one interval to answer",
    ),
    (
        "websocket: { ping_interval: 5m }",
        "f.yaml:1:29: websocket.ping_interval: pong_timeout is shorter than ping_interval\n    hint: give a leg at least one interval to answer",
    ),
    (
        "websocket: { allowed_origins: [] }",
        "f.yaml:1:31: websocket.allowed_origins: an empty list lets no page in\n    hint: any, same-host, or at least one origin",
    ),
    (
        "listen: { https: [] }",
        "f.yaml:1:18: listen.https: no listener at all\n    hint: such as https: [\"[::]:8443\"]",
    ),
    (
        "listen: { https: [], http: [\":80\"] }",
        "f.yaml:1:18: listen.https: a listener that redirects to https, and none for https\n    hint: such as https: [\"[::]:8443\"]",
    ),
    (
        "listen: { https: [], http: [\":80\"], plain: [\":81\"] }",
        "f.yaml:1:28: listen.http: redirects to https, where nothing listens\n    hint: add an https listener, or make it a plain one",
    ),
    (
        "tls: { ca_page: on }",
        "f.yaml:1:17: tls.ca_page: the page needs a plain listener\n    hint: such as listen: { http: [\":8080\"] }",
    ),
    (
        "listen: { http: [\":80\"] }\ntls: { ca_page: on, certificate: { cert: a, key: b } }",
        "f.yaml:2:17: tls.ca_page: the page offers the local CA, which did not sign the files of tls.certificate\n    hint: ca_page: off",
    ),
    (
        "listen: { https: [\":1\", \":1\"] }",
        "f.yaml:1:25: listen.https[1]: [::]:1 is already taken by listen.https[0] on line 1\n    hint: every listener needs an address of its own",
    ),
    (
        "admin: \"[::]:8443\"",
        "f.yaml:1:8: admin: [::]:8443 is already taken by listen.https[0] (the default)\n    hint: every listener needs an address of its own",
    ),
    (
        "listen:\n  https: [\"[::]:8443\"]\n  http: [\"0.0.0.0:8443\"]",
        "f.yaml:3:10: listen.http[0]: 0.0.0.0:8443 and [::]:8443 of listen.https[0] on line 2 overlap\n    hint: every listener needs an address of its own",
    ),
    (
        "listen: { https: [\"127.0.0.1:9180\"] }",
        "f.yaml:1:19: listen.https[0]: 127.0.0.1:9180 is already taken by admin (the default)\n    hint: every listener needs an address of its own",
    ),
    (
        "admin: :9180",
        "f.yaml:1:8: admin: every peer that reaches [::]:9180 could stop frontgate\n    hint: 127.0.0.1:9180, unix:/run/frontgate/admin.sock, or { address: \"[::]:9180\", token: { file: admin.token } }",
    ),
    (
        "admin: { address: 192.0.2.7:1 }",
        "f.yaml:1:19: admin.address: every peer that reaches 192.0.2.7:1 could stop frontgate\n    hint: 127.0.0.1:1, unix:/run/frontgate/admin.sock, or { address: \"192.0.2.7:1\", token: { file: admin.token } }",
    ),
    (
        "admin: { token: two words }",
        "f.yaml:1:17: admin.token: not a token\n    hint: letters, digits and -._~+/=, such as `openssl rand -hex 32` prints",
    ),
    (
        "admin: { mode: \"0600\" }",
        "f.yaml:1:16: admin.mode: only the file of a unix socket has this\n    hint: remove `mode`, or listen at unix:/path",
    ),
    (
        "listen: { plain: [{ address: \"127.0.0.1:1\", group: www-data }] }",
        "f.yaml:1:52: listen.plain[0].group: only the file of a unix socket has this\n    hint: remove `group`, or listen at unix:/path",
    ),
    (
        "listen: { plain: [{ mode: \"0600\" }] }",
        "f.yaml:1:19: listen.plain[0].address: `address` is missing\n    hint: such as unix:/run/f.sock",
    ),
    (
        "forwarded: { headers: [] }",
        "f.yaml:1:23: forwarded.headers: without forwarding headers every remote client looks local to the gateway\n    hint: write [x-forwarded]",
    ),
    (
        "forwarded: { strip: [X-User, \"X User\", Cookie, Host, X-Forwarded-For] }",
        "f.yaml:1:30: forwarded.strip[1]: `X User` is not the name of a header\n    hint: letters, digits and hyphens, without the colon\n\
f.yaml:1:40: forwarded.strip[2]: `Cookie` is the client's own\n    hint: `request_headers: { remove: […] }` of a route takes it away\n\
f.yaml:1:48: forwarded.strip[3]: `Host` goes on as the client sent it\n    hint: the gateway compares it with the page's origin\n\
f.yaml:1:54: forwarded.strip[4]: `X-Forwarded-For` is set by forwarding\n    hint: `forwarded.headers` says which of them the gateway gets",
    ),
    (
        "tls: { names: [] }",
        "f.yaml:1:15: tls.names: the local certificate needs a name\n    hint: such as names: [localhost]",
    ),
    // YAML.
    ("a: [b", "f.yaml:1:4: not YAML: unclosed bracket '['"),
    ("log:\n\tlevel: info", "f.yaml:2:2: not YAML: tabs disallowed within this context (block indentation)"),
    ("upstream: \"ann:pass", "f.yaml:1:11: not YAML: unclosed quote"),
    (
        "admin: off\n---\nadmin: off",
        "f.yaml:3:1: a second YAML document\n    hint: one file holds one configuration: remove the `---`",
    ),
    (
        "state_dir: &here /tmp\nadmin: *here",
        "f.yaml:2:8: admin: YAML anchors and aliases are not supported\n    hint: write the value out",
    ),
    ("admin: !secret off", "f.yaml:1:16: admin: YAML tags (`!…`) mean nothing here"),
];
