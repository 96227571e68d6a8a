//! The environment and the command line, over the file.

use super::*;

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let text =
        "upstream: http://file:1\nadmin: \"127.0.0.1:11\"\ntls: { names: [file] }\nlisten: { https: [\":1\"] }\n";
    let env = [
        ("FRONTGATE_UPSTREAM", "http://env:2"),
        ("FRONTGATE_ADMIN", "off"),
        ("FRONTGATE_TLS_NAMES", "env, 192.0.2.2"),
        ("FRONTGATE_LISTEN_HTTPS", ":2,:3"),
    ];
    let shown = |config: &Config| {
        let names: Vec<String> = config.tls.names.iter().map(ToString::to_string).collect();
        let ports: Vec<u16> = config.listen.https.iter().map(|at| at.address.port()).collect();
        format!("{} {} {} {ports:?}", config.upstream, config.admin, names.join(" "))
    };
    let flags = Overrides {
        upstream: Some("http://flag:3".into()),
        listen: vec![":4".into()],
        names: vec!["flag".into()],
        admin: Some("127.0.0.1:3".into()),
        ..Overrides::default()
    };
    let file = parse(text).unwrap();
    assert_eq!(shown(&file), "http://file:1 127.0.0.1:11 file [1]");
    let env_over_file = parse_with(text, &env, &Overrides::default()).unwrap();
    assert_eq!(shown(&env_over_file), "http://env:2 off env 192.0.2.2 [2, 3]");
    let all = parse_with(text, &env, &flags).unwrap();
    assert_eq!(shown(&all), "http://flag:3 127.0.0.1:3 flag [4]");
}

#[test]
fn the_acme_flag_takes_its_two_ports_unless_told_otherwise() {
    let shown = |text: &str, env: &[(&str, &str)], listen: &[&str]| {
        let flags = Overrides {
            acme: true,
            email: Some("ann@example.com".into()),
            listen: listen.iter().map(ToString::to_string).collect(),
            ..Overrides::default()
        };
        let config = parse_with(&format!("tls: {{ names: [gw.example.com] }}\n{text}"), env, &flags).unwrap();
        assert_eq!(
            (&config.tls.certificate, config.tls.acme.email.as_deref()),
            (&Certificate::Acme, Some("ann@example.com"))
        );
        let ports = |all: &[ListenTcp]| all.iter().map(|one| one.address.port()).collect::<Vec<_>>();
        (ports(&config.listen.https), ports(&config.listen.http))
    };
    assert_eq!(shown("", &[], &[]), (vec![443], vec![80]));
    assert_eq!(shown("", &[], &[":8443"]), (vec![8443], vec![80]));
    assert_eq!(shown("listen: { http: [] }", &[], &[]), (vec![443], vec![]));
    assert_eq!(shown("listen:", &[("FRONTGATE_LISTEN_HTTPS", ":1")], &[]), (vec![1], vec![80]));
}

#[test]
fn an_override_replaces_what_the_file_has_wrong() {
    let env = [("FRONTGATE_WEBSOCKET_PING_INTERVAL", "30s")];
    let config = parse_with("websocket: { ping_interval: nonsense }", &env, &Overrides::default()).unwrap();
    assert_eq!(config.websocket.ping_interval, Some(Duration::from_secs(30)));
}

#[test]
fn an_override_does_not_cover_a_section_that_is_none() {
    for text in ["limits: 12", "limits: [a]"] {
        let said = parse_with(text, &[("FRONTGATE_LIMITS_CONNECTIONS", "5")], &Overrides::default()).unwrap_err();
        assert_eq!(said, "f.yaml:1:9: limits: expected keys, as in `key: value`");
    }
}

#[test]
fn the_environment_sets_every_kind_of_key() {
    let env = [
        ("FRONTGATE_LISTEN_HTTPS", "[]"),
        ("FRONTGATE_LISTEN_PLAIN", "127.0.0.1:1,unix:/run/f.sock"),
        ("FRONTGATE_TLS_CERTIFICATE_CERT", "c.pem"),
        ("FRONTGATE_TLS_CERTIFICATE_KEY", "/k.pem"),
        ("FRONTGATE_TLS_CLIENT_CA", "ca.pem"),
        ("FRONTGATE_TLS_HSTS", "off"),
        ("FRONTGATE_STATE_DIR", "state"),
        ("FRONTGATE_FORWARDED_HEADERS", "x-forwarded,forwarded"),
        ("FRONTGATE_WEBSOCKET_ALLOWED_ORIGINS", "https://a,https://b:1"),
        ("FRONTGATE_LOG_ACCESS", "off"),
        ("FRONTGATE_LOG_LEVEL", ""),
        ("FRONTGATE_AUTH", "none"),
        ("FRONTGATE_CONFIG", "anything"),
        ("PATH", "/bin"),
        // The variables that Kubernetes makes for services called frontgate and frontgate-admin.
        ("FRONTGATE_SERVICE_HOST", "10.0.0.1"),
        ("FRONTGATE_SERVICE_PORT_HTTPS", "443"),
        ("FRONTGATE_PORT", "tcp://10.0.0.1:443"),
        ("FRONTGATE_PORT_443_TCP_ADDR", "10.0.0.1"),
        ("FRONTGATE_ADMIN_PORT", "tcp://10.0.0.2:9180"),
    ];
    let config = parse_with("tls: { certificate: local }", &env, &Overrides::default()).unwrap();
    assert_eq!(config.listen.https, []);
    assert_eq!(config.listen.plain.len(), 2);
    let files = CertificateFiles { cert: "/home/ann/c.pem".into(), key: "/k.pem".into(), ocsp: None };
    assert_eq!(config.tls.certificate, Certificate::Files(vec![files]));
    let clients = ClientCa { file: "/home/ann/ca.pem".into(), mode: ClientMode::Required };
    assert_eq!((config.tls.client_ca, config.tls.hsts), (Some(clients), Hsts::Off));
    assert_eq!(config.state_dir, Some(PathBuf::from("/home/ann/state")));
    assert!(config.forwarded.x_forwarded && config.forwarded.rfc7239);
    assert_eq!(config.websocket.allowed_origins, AllowedOrigins::List(vec!["https://a".into(), "https://b:1".into()]));
    assert!(!config.log.access);
}

#[test]
fn a_variable_that_sets_nothing_is_a_problem() {
    let cases = [
        (
            ("FRONTGATE_LISTN_HTTPS", ":1"),
            "FRONTGATE_LISTN_HTTPS: sets nothing\n    hint: did you mean `FRONTGATE_LISTEN_HTTPS`?",
        ),
        (
            ("FRONTGATE_PING_INTERVAL", "1s"),
            "FRONTGATE_PING_INTERVAL: sets nothing\n    hint: did you mean `FRONTGATE_WEBSOCKET_PING_INTERVAL`?",
        ),
        (
            ("FRONTGATE_PORT", "443"),
            "FRONTGATE_PORT: sets nothing\n    hint: `frontgate man frontgate.yaml` lists the variables; only frontgate's own begin with FRONTGATE_",
        ),
        (
            ("FRONTGATE_ROUTES", "a"),
            "FRONTGATE_ROUTES: sets nothing\n    hint: `frontgate man frontgate.yaml` lists the variables; only frontgate's own begin with FRONTGATE_",
        ),
        (
            ("FRONTGATE_TLS_CERTIFICATE_CERT", "c.pem"),
            "FRONTGATE_TLS_CERTIFICATE_CERT: tls.certificate: `key` is missing\n    hint: `cert` alone is not enough",
        ),
    ];
    for (variable, expected) in cases {
        assert_eq!(parse_with("", &[variable], &Overrides::default()).unwrap_err(), expected);
    }
}

#[test]
fn no_two_keys_share_a_variable() {
    let mut all: Vec<String> = entries().into_iter().flat_map(|entry| entry.variables).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}
