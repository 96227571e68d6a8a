//! How the configuration file is read, and the messages about a wrong one.

mod clash;
mod files;
mod layers;
mod matchers;
mod problems;
mod routes;
mod upstreams;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use proptest::prelude::*;

use super::acme::Eab;
use super::reference::ReferenceEntry;
use super::setting::BaseFolders;
use super::*;

/// The configuration in `text`, read as `/etc/frontgate/f.yaml`.
fn parse_with(text: &str, env: &[(&str, &str)], flags: &Overrides) -> Result<Config, String> {
    let folders =
        BaseFolders { file: PathBuf::from("/etc/frontgate"), working: PathBuf::from("/home/ann"), printed: false };
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load::parse(text, env, flags, &folders)
        .map(|(config, ..)| config)
        .map_err(|problems| Problems::new(Some(PathBuf::from("f.yaml")), problems).to_string())
}

fn parse(text: &str) -> Result<Config, String> {
    parse_with(text, &[], &Overrides::default())
}

/// Checks what is said about each of these configurations.
fn each_is_said(rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(text, expected)| (text, expected, parse(text).unwrap_err()))
        .filter(|(_, expected, said)| said != *expected)
        .map(|(text, expected, said)| format!("{text}\n  expected {expected}\n  but said {said}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whether it is a key of an item of a list or a mapping, which has no path of its own.
fn is_in_many(entry: &ReferenceEntry) -> bool {
    entry.path.contains("[]")
        || entry.path.contains(".NAME")
        || entry.path.starts_with("auth.")
        || entry.path.starts_with("tls.acme.dns.")
}

#[test]
fn nothing_written_is_the_defaults() {
    for text in [
        "",
        "---\n",
        "# only a comment\n",
        "{}",
        "null",
        "\u{feff}",
        "listen:\ntls: ~\nstate_dir: null\n",
        "auth: none\nhold: null\nroutes:\nupstreams: {}\n",
        "routes: []\nupstreams:\n",
    ] {
        assert_eq!(parse(text), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn the_ca_page_is_a_switch() {
    assert!(parse("tls: { ca_page: on }\nlisten: { http: [\":80\"] }").unwrap().tls.ca_page);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_key_sets_its_field() {
    let config = parse(
        r#"
listen: { https: [":443", "192.0.2.1:8443"], http: ["0.0.0.0:80"], plain: ["unix:/run/f.sock"], proxy_protocol_from: [192.0.2.7] }
tls: { names: [GW.example.com, "::1", gw.local], certificate: [{ cert: tls/cert.pem, key: /k.pem }, { key: k, cert: c, ocsp: o.der }], min_version: 1.3, client_ca: { file: ca.pem, mode: optional }, hsts: 30d,
  acme: { directory: "https://ca.lan/dir", email: ann@example.com, profile: classic, ca_file: ca.pem, challenge: [http-01], dns: { exec: [/hook, x], wait: 30s }, reuse_key: true } }
public_origin: https://Claw.example.com
compress: off
mdns: on
state_dir: state
upstream: https://gw.internal
hold: 3s
forwarded: { trusted_proxies: [10.0.0.0/8], local_clients: forwarded, headers: [forwarded], strip: [X-Webauth-Sub, x_user] }
websocket: { ping_interval: off, pong_timeout: 1m, max_frame: 1MiB, max_message: 25MiB, max_messages_per_minute: 600, max_control_per_minute: 60, http2: off, allowed_origins: ["https://GW.example.com"] }
timeouts: { connect: 250ms, tls_handshake: 1s, request_head: 2s, keep_alive: off, read: 1h, send: 1d, progress: 90s, drain: 0s }
allow: [10.0.0.0/8, "::1"]
deny: [10.1.0.0/16]
limits: { connections: 4096, connections_per_client: off, requests: 2000, requests_per_client: off, websockets_per_client: 20, new_per_minute_per_client: 60, request_head: 8KiB, request_body: 1GiB }
cluster: { redis: ["redis://a", "redis://b:7"], name: prod, secret: { file: cluster.secret } }
admin: off
log: { level: debug, format: json, access: false, sample: 10, trace: made, redact: [] }
telemetry: { otlp: "http://collector:4318/" }
"#,
    )
    .unwrap();
    let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
    let seconds = Duration::from_secs;
    let redis = |host: &str, port| RedisUrl {
        tls: false,
        user: None,
        password: None,
        hosts: vec![(host.to_owned(), port)],
        place: RedisPlace::Server { database: 0 },
    };
    let expected = Config {
        listen: Listen {
            https: vec![addr("[::]:443").into(), addr("192.0.2.1:8443").into()],
            http: vec![addr("0.0.0.0:80").into()],
            plain: vec![BindAddr::Unix("/run/f.sock".into()).into()],
            proxy_protocol_from: vec!["192.0.2.7/32".parse().unwrap()],
        },
        tls: Tls {
            names: vec![
                Name::Dns("gw.example.com".into()),
                Name::Ip("::1".parse().unwrap()),
                Name::Dns("gw.local".into()),
            ],
            certificate: Certificate::Files(vec![
                CertificateFiles { cert: "/etc/frontgate/tls/cert.pem".into(), key: "/k.pem".into(), ocsp: None },
                CertificateFiles {
                    cert: "/etc/frontgate/c".into(),
                    key: "/etc/frontgate/k".into(),
                    ocsp: Some("/etc/frontgate/o.der".into()),
                },
            ]),
            min_version: TlsVersion::V1_3,
            ca_page: false,
            client_ca: Some(ClientCa { file: "/etc/frontgate/ca.pem".into(), mode: ClientMode::Optional }),
            hsts: Hsts::For(seconds(30 * 24 * 3600)),
            acme: Acme {
                directory: Directory::Url("https://ca.lan/dir".into()),
                email: Some("ann@example.com".into()),
                profile: AcmeProfile::Named("classic".into()),
                ca_file: Some("/etc/frontgate/ca.pem".into()),
                challenge: vec![AcmeChallengeKind::Http01],
                dns: Some(AcmeDns { exec: vec!["/hook".into(), "x".into()], wait: seconds(30), ..AcmeDns::default() }),
                reuse_key: true,
                eab: Eab::default(),
            },
        },
        public_origin: Some("https://claw.example.com".into()),
        compress: false,
        mdns: true,
        state_dir: Some("/etc/frontgate/state".into()),
        upstream: UpstreamAddress::Https { host: "gw.internal".into(), port: 443 },
        routes: Vec::new(),
        upstreams: Vec::new(),
        hold: Some(seconds(3)),
        forwarded: Forwarded {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            local_clients: LocalClients::Forwarded,
            x_forwarded: false,
            rfc7239: true,
            strip: vec![HeaderName::from_static("x-webauth-sub"), HeaderName::from_static("x_user")],
        },
        websocket: WebSocket {
            ping_interval: None,
            pong_timeout: Some(seconds(60)),
            max_frame: Some(1 << 20),
            max_message: Some(25 << 20),
            max_messages_per_minute: Some(600),
            max_control_per_minute: Some(60),
            http2: false,
            allowed_origins: AllowedOrigins::List(vec!["https://gw.example.com".into()]),
        },
        timeouts: Timeouts {
            connect: Some(Duration::from_millis(250)),
            tls_handshake: Some(seconds(1)),
            request_head: Some(seconds(2)),
            keep_alive: None,
            read: Some(Duration::from_hours(1)),
            send: Some(Duration::from_hours(24)),
            progress: Some(seconds(90)),
            drain: Duration::ZERO,
        },
        limits: Limits {
            connections: CountValue::AtMost(4096),
            connections_per_client: None,
            requests: CountValue::AtMost(2000),
            requests_per_client: None,
            websockets_per_client: Some(20),
            new_per_minute_per_client: Some(60),
            request_head: 8192,
            request_body: Some(1 << 30),
        },
        allow: vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        deny: vec!["10.1.0.0/16".parse().unwrap()],
        auth: Auth::None,
        cluster: Cluster {
            redis: Some(vec![redis("a", 6379), redis("b", 7)]),
            name: "prod".into(),
            secret: Some(ClientSecret::File("/etc/frontgate/cluster.secret".into())),
            tls: UpstreamTls::default(),
        },
        admin: Admin::off(),
        log: Log {
            level: Level::Debug,
            format: LogFormat::Json,
            access: false,
            sample: 10,
            trace: LogTrace::Made,
            redact: Vec::new(),
        },
        telemetry: Telemetry {
            otlp: Some(CollectorUrl { tls: false, host: "collector".into(), port: 4318, path: String::new() }),
        },
    };
    assert_eq!(config, expected);
    assert_eq!(parse(&config.to_string()), Ok(config), "what is printed loads to the same");
}

#[test]
fn each_name_may_have_a_source_of_its_own() {
    let text = "tls: { names: [gw.example.com, apps.lan, x.lan], certificate: [{ names: [gw.example.com], source: acme }, { names: [apps.lan], source: { cert: c, key: k } }] }\nlisten: { https: [\":443\"] }";
    let config = parse(text).unwrap();
    let dns = |name: &str| Name::Dns(name.to_owned());
    assert_eq!(config.tls.acme_names(), [dns("gw.example.com")]);
    assert_eq!(config.tls.local_names(), [dns("gw.example.com"), dns("x.lan")]);
    assert_eq!(config.tls.file_names(), [dns("apps.lan")]);
    assert!(config.tls.uses_acme() && config.tls.is_local());
    let (cert, key) = ("/etc/frontgate/c".into(), "/etc/frontgate/k".into());
    assert_eq!(config.tls.certificate.files(), [&CertificateFiles { cert, key, ocsp: None }]);
    assert_eq!(config.tls.certificate.setting_of("/etc/frontgate/k".as_ref()), "tls.certificate[1].source.key");
    assert_eq!(parse(&config.to_string()), Ok(config), "what is printed loads to the same");
    for (list, expected) in [
        ("{ names: [y.lan], source: local }", "y.lan is not among tls.names"),
        ("{ names: [x.lan], source: local }, { names: [x.lan], source: local }", "x.lan has a source already"),
        ("{ names: [x.lan] }", "`source` is missing"),
        ("{ source: local }", "`names` is missing"),
        ("{ names: [x.lan], source: other }", "`other` is not"),
        ("{ names: [x.lan], source: local }, { cert: c, key: k }", "`names` is missing"),
        ("{ names: [x.lan], source: local, port: 1 }", "unknown key `port`"),
    ] {
        let said = parse(&format!("tls: {{ names: [x.lan], certificate: [{list}] }}")).unwrap_err();
        assert!(said.contains(expected), "{list}: {said}");
    }
}

#[test]
fn a_key_of_an_external_account_is_read_and_never_printed() {
    let env = [("FRONTGATE_TLS_ACME_EAB_KID", "ann"), ("FRONTGATE_TLS_ACME_EAB_HMAC", "c2VjcmV0")];
    let config = parse_with("", &env, &Overrides::default()).unwrap();
    let Eab { kid, hmac } = &config.tls.acme.eab;
    assert_eq!((kid.as_deref(), hmac.as_ref().map(Secret::expose)), (Some("ann"), Some(&b"secret"[..])));
    let printed = format!("{config}{config:?}");
    assert!(printed.contains("***") && !printed.contains("c2VjcmV0") && !printed.contains("secret\""), "{printed}");
    let said = parse(&config.to_string()).unwrap_err();
    assert!(said.ends_with("the key was masked when it was printed\n    hint: write the key itself"), "{said}");
}

#[test]
fn the_schema_describes_every_key_with_its_default() {
    let schema = schema();
    for entry in entries().into_iter().filter(|entry| !is_in_many(entry)) {
        let pointer = format!("/properties/{}", entry.path.replace('.', "/properties/"));
        let key = schema.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"));
        assert_eq!(key["description"], entry.doc);
        assert!(key.get("default").is_some());
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["tls"]["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["log"]["properties"]["level"]["enum"],
        serde_json::json!(["error", "warn", "info", "debug"])
    );
    assert_eq!(schema["properties"]["websocket"]["properties"]["ping_interval"]["default"], "20s");
}

/// Words that make a configuration, and some that break one.
const PIECES: &[&str] = &[
    "listen",
    "https",
    "tls",
    "certificate",
    "cert",
    "key",
    "websocket",
    "allowed_origins",
    "forwarded",
    "headers",
    "log",
    "upstream",
    "limits",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "off",
    "null",
    "~",
    "20s",
    "64KiB",
    "\"",
    "'",
    "|",
    ">",
    "&a",
    "*a",
    "!x",
    "<<",
    "?",
    "---",
    "...",
    "%",
    "#",
    "\t",
    "\u{feff}",
    "é",
    "http://",
    "gw:1",
    "[::]:1",
];

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_explained(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        match parse(&pieces.concat()) {
            Ok(config) => prop_assert_eq!(parse(&config.to_string()), Ok(config)),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }
}
