use time::OffsetDateTime;

use super::*;
use crate::config::{ConfigLocation, Overrides, load};

fn machine(addresses: &[&str], container: bool) -> MachineLimits {
    let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
    MachineLimits { addresses, container, now: OffsetDateTime::UNIX_EPOCH }
}

fn config(yaml: &str) -> Config {
    let source = ConfigLocation::Text { text: yaml.to_owned(), file: "f.yaml".into() };
    load(source, [], &Overrides::default()).unwrap().config
}

fn plan(yaml: &str) -> DoctorPlan {
    DoctorPlan::new(&config(yaml), &[], &machine(&["10.0.0.5"], false))
}

#[test]
fn the_origins_are_those_of_each_name_at_each_port() {
    let rows: [(&str, bool, &[&str]); 12] = [
        ("{}", false, &[]),
        ("tls: { names: [localhost, 127.0.0.1, \"::1\"] }", false, &[]),
        ("tls: { names: [gw.lan] }", false, &["https://gw.lan:8443"]),
        (
            "{ tls: { names: [gw.lan] }, listen: { https: [\":443\", \":8443\"] } }",
            false,
            &["https://gw.lan", "https://gw.lan:8443"],
        ),
        ("tls: { names: [192.168.1.5, \"fd00::5\"] }", false, &["https://192.168.1.5:8443", "https://[fd00::5]:8443"]),
        // The configuration does not say which names there are below it.
        ("tls: { names: [\"*.lan\"] }", false, &[]),
        // Outside of a container, and before another proxy, the port may be another.
        ("tls: { names: [gw.lan] }", true, &["https://gw.lan:8443", "https://gw.lan"]),
        (
            "{ tls: { names: [gw.lan] }, forwarded: { trusted_proxies: [10.0.0.0/8] } }",
            false,
            &["https://gw.lan:8443", "https://gw.lan"],
        ),
        (
            "{ tls: { names: [gw.lan] }, listen: { https: [], plain: [\"127.0.0.1:8080\"] } }",
            false,
            &["https://gw.lan"],
        ),
        // What browsers open is said in the config.
        ("public_origin: https://claw.example.com", true, &["https://claw.example.com"]),
        ("{ tls: { names: [gw.lan] }, public_origin: \"https://gw.lan:9443\" }", true, &["https://gw.lan:9443"]),
        (
            "{ tls: { names: [gw.lan] }, public_origin: https://claw.example.com }",
            false,
            &["https://claw.example.com", "https://gw.lan:8443"],
        ),
    ];
    for (yaml, container, expected) in rows {
        let plan = DoctorPlan::new(&config(yaml), &[], &machine(&[], container));
        let origins: Vec<_> = plan.backends[0].origins().into_iter().map(|one| one.origin).collect();
        assert_eq!(origins, expected, "{yaml}");
    }
    let told = DoctorPlan::new(
        &config("tls: { names: [gw.lan] }"),
        &["https://other.example".to_owned()],
        &machine(&[], true),
    );
    assert_eq!(
        told.backends[0].origins(),
        [ProbedOrigin { origin: "https://other.example".to_owned(), host: "other.example".to_owned() }]
    );
}

#[test]
fn each_gateway_is_asked_about_the_names_that_lead_there() {
    let yaml = "
tls: { names: [a.lan, b.lan, c.lan] }
upstream: http://127.0.0.1:1
upstreams: { team: { endpoints: [http://10.0.0.1:2, http://10.0.0.2:2] } }
routes:
  - { path: /private, respond: 404 }
  - { host: a.lan, path: /claw, upstream: team }
  - { host: b.lan, upstream: http://127.0.0.1:3 }
  - { host: a.lan }
";
    let plan = plan(yaml);
    let got: Vec<_> = plan
        .backends
        .iter()
        .map(|one| {
            (
                one.upstream.to_string(),
                one.path.as_str(),
                one.sites.iter().map(|site| site.name.as_str()).collect::<Vec<_>>(),
            )
        })
        .collect();
    let expected = [
        ("http://10.0.0.1:2".to_owned(), "/claw", vec!["a.lan"]),
        ("http://10.0.0.2:2".to_owned(), "/claw", vec!["a.lan"]),
        ("http://127.0.0.1:3".to_owned(), "/", vec!["b.lan"]),
        ("http://127.0.0.1:1".to_owned(), "/", vec!["a.lan"]),
    ];
    assert_eq!(got, expected);
    // Of c.lan only what is answered without a gateway is taken; no other path of it is configured.
    assert!(plan.nowhere.is_empty());
    let plan = self::plan("{ tls: { names: [a.lan, b.lan] }, routes: [{ host: a.lan }] }");
    assert_eq!(plan.nowhere, ["b.lan"]);
}

#[test]
fn doctor_comes_to_a_listener_as_a_client_would() {
    type Seen = Result<(&'static str, &'static str, bool), &'static str>;
    let named = "tls: { names: [gw.lan] }";
    let rows: [(&str, &str, &[&str], Seen); 12] = [
        (named, "[::]:8443", &["10.0.0.5"], Ok(("10.0.0.5:8443", "gw.lan:8443", false))),
        ("{}", "[::]:8443", &["10.0.0.5"], Ok(("10.0.0.5:8443", "localhost:8443", false))),
        (named, "0.0.0.0:8443", &["fd00::5", "10.0.0.5"], Ok(("10.0.0.5:8443", "gw.lan:8443", false))),
        (named, "[::]:8443", &["fd00::5"], Ok(("[fd00::5]:8443", "gw.lan:8443", false))),
        // A machine without a network: only a local client can be had.
        (named, "[::]:8443", &[], Ok(("127.0.0.1:8443", "localhost:8443", false))),
        (named, "127.0.0.1:8443", &["10.0.0.5"], Ok(("127.0.0.1:8443", "localhost:8443", false))),
        (
            "{ tls: { names: [gw.lan] }, forwarded: { trusted_proxies: [127.0.0.1] } }",
            "127.0.0.1:8443",
            &[],
            Ok(("127.0.0.1:8443", "gw.lan:8443", true)),
        ),
        (
            "{ tls: { names: [gw.lan] }, forwarded: { local_clients: forwarded } }",
            "127.0.0.1:8443",
            &[],
            Err("the gateway refuses clients that say they are on this machine"),
        ),
        (
            "{ tls: { names: [gw.lan] }, listen: { proxy_protocol_from: [127.0.0.0/8] } }",
            "127.0.0.1:8443",
            &[],
            Err("it expects a PROXY header from this machine"),
        ),
        (
            "{ tls: { names: [gw.lan] }, routes: [{ host: gw.lan }] }",
            "127.0.0.1:8443",
            &[],
            Err("no route leads from localhost to a gateway"),
        ),
        (
            "{ tls: { names: [gw.lan] }, routes: [{ host: gw.lan }] }",
            "[::]:8443",
            &["10.0.0.5"],
            Ok(("10.0.0.5:8443", "gw.lan:8443", false)),
        ),
        (named, "unix:/run/f.sock", &[], Ok(("unix:/run/f.sock", "gw.lan:8443", true))),
    ];
    for (yaml, listener, own, expected) in rows {
        let (config, machine) = (config(yaml), machine(own, false));
        let address = match listener.strip_prefix("unix:") {
            Some(path) => BindAddr::Unix(path.into()),
            None => BindAddr::Tcp(listener.parse().unwrap()),
        };
        let seat = DoctorPlan::new(&config, &[], &machine).seat(&config, &address, true, &machine);
        let dial = |dial: &ClientDial| match dial {
            ClientDial::Tcp(at) => at.to_string(),
            ClientDial::Unix(path) => format!("unix:{}", path.display()),
        };
        let seen = seat
            .as_ref()
            .map(|seat| (dial(&seat.dial), seat.host.clone(), !seat.fields.is_empty()))
            .map_err(|why| *why);
        assert_eq!(
            seen,
            expected.map(|(dial, host, named)| (dial.to_owned(), host.to_owned(), named)),
            "{yaml} {listener}"
        );
    }
}

#[test]
fn the_gateway_is_told_what_frontgate_tells_it() {
    let names = |yaml: &str| {
        let fields = forwarding(&config(yaml), "gw.lan:8443");
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect::<Vec<_>>()
    };
    let x = [
        "x-forwarded-for: 192.0.2.1",
        "x-real-ip: 192.0.2.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: gw.lan:8443",
        "x-forwarded-port: 8443",
    ];
    assert_eq!(names("{}"), x);
    assert_eq!(
        names("forwarded: { headers: [forwarded] }"),
        ["forwarded: for=192.0.2.1;host=\"gw.lan:8443\";proto=https"]
    );
}

#[test]
fn a_certificate_for_an_address_is_looked_at_there() {
    let own = machine(&["10.0.0.5"], false);
    let any = BindAddr::Tcp("[::]:8443".parse().unwrap());
    for (name, expected) in [
        (Name::Dns("gw.lan".to_owned()), Some("10.0.0.5:8443")),
        (Name::Ip("10.0.0.5".parse().unwrap()), Some("10.0.0.5:8443")),
        (Name::Ip("127.0.0.1".parse().unwrap()), Some("127.0.0.1:8443")),
        // A router's address, outside.
        (Name::Ip("203.0.113.9".parse().unwrap()), None),
    ] {
        assert_eq!(address_for(&name, &any, &own), expected.map(|at| at.parse().unwrap()), "{name}");
    }
}
