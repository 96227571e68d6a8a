use crate::http::edge::forwarded::*;

fn peer(text: &str) -> ClientPeer {
    if text == "unix" { ClientPeer::Unix } else { ClientPeer::tcp(SocketAddr::new(text.parse().unwrap(), 40000)) }
}

fn connection_info(from: &str) -> ConnectionInfo {
    ConnectionInfo { secure: true, ..ConnectionInfo::new(peer(from), ProxyAnnouncement::Nothing) }
}

fn headers(lines: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        map.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn rules(trusted: &[&str]) -> Forwarded {
    Forwarded { trusted_proxies: trusted.iter().map(|net| net.parse().unwrap()).collect(), ..Forwarded::default() }
}

fn field(forwarding: &Forwarding, name: &str) -> Option<String> {
    let mut found = forwarding.fields.iter().filter(|(field, _)| field == name);
    let value = found.next().map(|(_, value)| value.to_str().unwrap().to_owned());
    assert!(found.next().is_none(), "{name} is set twice");
    value
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_says() {
    let said = headers(&["X-Forwarded-For: 10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Forwarded-Proto: http"]);
    let host = HeaderValue::from_static("gw.example.com:8443");
    let told = decide(&rules(&[]), &connection_info("203.0.113.7"), &host, &said);
    assert_eq!(told.client, Some("203.0.113.7".parse().unwrap()));
    for (name, expected) in [
        ("x-forwarded-for", "203.0.113.7"),
        ("x-real-ip", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "gw.example.com:8443"),
        ("x-forwarded-port", "8443"),
    ] {
        assert_eq!(field(&told, name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(field(&told, "forwarded"), None);
}

#[test]
fn behind_trusted_proxies_the_client_is_the_right_most_address_that_none_of_them_has() {
    let rows: &[(&str, &[&str], Option<&str>)] = &[
        ("127.0.0.1", &["X-Forwarded-For: 203.0.113.7"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: 1.1.1.1, 203.0.113.7"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.7, 10.1.2.3"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: 10.1.1.1, 10.2.2.2"], Some("10.1.1.1")),
        ("127.0.0.1", &["X-Forwarded-For: 203.0.113.7:5555"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: [2001:db8::7]:5555"], Some("2001:db8::7")),
        ("127.0.0.1", &["X-Forwarded-For: [2001:db8::7]"], Some("2001:db8::7")),
        ("127.0.0.1", &["X-Forwarded-For: ::ffff:203.0.113.7"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: [::ffff:203.0.113.7]:1"], Some("203.0.113.7")),
        ("127.0.0.1", &["X-Forwarded-For: 203.0.113.7, unknown"], Some("127.0.0.1")),
        ("127.0.0.1", &["X-Forwarded-For: "], Some("127.0.0.1")),
        ("127.0.0.1", &[], Some("127.0.0.1")),
        ("127.0.0.1", &["Forwarded: for=192.0.2.60;proto=http, for=\"[2001:db8::7]:80\""], Some("2001:db8::7")),
        ("127.0.0.1", &["Forwarded: proto=http; For = 203.0.113.7"], Some("203.0.113.7")),
        ("127.0.0.1", &["Forwarded: FOR=\"203.0.113.7:80\" ;by=x"], Some("203.0.113.7")),
        ("127.0.0.1", &["Forwarded: for=_hidden"], Some("127.0.0.1")),
        ("127.0.0.1", &["Forwarded: for=1.1.1.1", "X-Forwarded-For: 203.0.113.7"], Some("203.0.113.7")),
        ("unix", &["X-Forwarded-For: 203.0.113.7"], Some("203.0.113.7")),
        ("unix", &[], None),
    ];
    for (from, lines, expected) in rows {
        let rules = rules(&["127.0.0.0/8", "10.0.0.0/8"]);
        let told = decide(&rules, &connection_info(from), &HeaderValue::from_static("gw"), &headers(lines));
        assert_eq!(told.client, expected.map(|ip| ip.parse().unwrap()), "{from} {lines:?}");
        let said = expected.unwrap_or("unknown");
        assert_eq!(field(&told, "x-forwarded-for").as_deref(), Some(said), "{from} {lines:?}");
    }
}

#[test]
fn a_trusted_proxy_that_announces_no_client_vouches_for_no_field() {
    let said = headers(&["X-Forwarded-For: 203.0.113.7"]);
    let from_proxy = |announced| ConnectionInfo { announced, ..connection_info("10.0.0.1") };
    for (announced, trusted, client) in [
        (ProxyAnnouncement::Nothing, true, "203.0.113.7"),
        (ProxyAnnouncement::Client, true, "203.0.113.7"),
        (ProxyAnnouncement::NoClient, false, "10.0.0.1"),
    ] {
        let told =
            decide(&rules(&["10.0.0.0/8"]), &from_proxy(announced), &HeaderValue::from_static("localhost"), &said);
        assert_eq!((told.trusted, told.client), (trusted, Some(client.parse().unwrap())), "{announced:?}");
        assert_eq!(field(&told, "x-forwarded-for").as_deref(), Some(client), "{announced:?}");
    }
}

#[test]
fn a_trusted_proxy_is_believed_about_scheme_host_and_port() {
    let rows: &[(&[&str], [&str; 3])] = &[
        (&[], ["https", "gw:8443", "8443"]),
        (&["X-Forwarded-Proto: http"], ["http", "gw:8443", "8443"]),
        (&["X-Forwarded-Proto: gopher"], ["https", "gw:8443", "8443"]),
        (&["X-Forwarded-Host: public.example"], ["https", "public.example", "443"]),
        (&["X-Forwarded-Host: public.example", "X-Forwarded-Proto: http"], ["http", "public.example", "80"]),
        (&["X-Forwarded-Port: 444"], ["https", "gw:8443", "444"]),
    ];
    for (lines, expected) in rows {
        let host = HeaderValue::from_static("gw:8443");
        let told = decide(&rules(&["10.0.0.0/8"]), &connection_info("10.0.0.1"), &host, &headers(lines));
        let got = ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"].map(|name| field(&told, name).unwrap());
        assert_eq!(got, *expected, "{lines:?}");
    }
}

#[test]
fn the_scheme_is_that_of_the_connection_or_what_a_trusted_proxy_says() {
    // The peer, whether its connection has TLS, what it says, the scheme.
    let rows: [(&str, bool, &[&str], &str); 8] = [
        ("10.0.0.1", true, &[], "https"),
        ("10.0.0.1", false, &[], "http"),
        ("10.0.0.1", true, &["X-Forwarded-Proto: http"], "http"),
        ("10.0.0.1", false, &["X-Forwarded-Proto: https"], "https"),
        ("10.0.0.1", false, &["X-Forwarded-Proto: HTTPS"], "http"),
        ("10.0.0.1", true, &["X-Forwarded-Proto: gopher"], "https"),
        ("203.0.113.7", true, &["X-Forwarded-Proto: http"], "https"),
        ("203.0.113.7", false, &["X-Forwarded-Proto: https"], "http"),
    ];
    for (from, secure, lines, expected) in rows {
        let (connection, said) = (ConnectionInfo { secure, ..connection_info(from) }, headers(lines));
        let told = decide(&rules(&["10.0.0.0/8"]), &connection, &HeaderValue::from_static("gw"), &said);
        assert_eq!(told.scheme(&connection, &said), expected, "{from} {secure} {lines:?}");
    }
}

#[test]
fn only_a_direct_local_client_asking_for_a_loopback_name_is_local() {
    let rows: &[(&str, &str, &[&str], bool)] = &[
        ("127.0.0.1", "localhost:8443", &[], true),
        ("127.0.0.1", "LOCALHOST", &["User-Agent: x"], true),
        ("127.0.0.1", "127.0.0.1:8443", &[], true),
        ("127.9.9.9", "127.1.2.3", &[], true),
        ("::1", "[::1]:8443", &[], true),
        ("::1", "localhost", &["x-openclaw-scopes: operator.admin"], true),
        ("203.0.113.7", "localhost:8443", &[], false),
        ("192.168.1.5", "127.0.0.1", &[], false),
        ("127.0.0.1", "gw.example.com", &[], false),
        ("127.0.0.1", "localhost.example.com", &[], false),
        ("127.0.0.1", "localhost.", &[], false),
        ("127.0.0.1", "127.0.0.1.nip.io", &[], false),
        ("127.0.0.1", "[::ffff:127.0.0.1]", &[], false),
        ("127.0.0.1", "192.168.1.5:8443", &[], false),
        ("127.0.0.1", "localhost:8443:1", &[], false),
        ("127.0.0.1", "", &[], false),
        ("unix", "localhost", &[], false),
        ("127.0.0.1", "localhost", &["X-Forwarded-For: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["X-Forwarded-Anything: 1"], false),
        ("127.0.0.1", "localhost", &["Forwarded: for=127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["X-Real-IP: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["Via: 1.1 nginx"], false),
        ("127.0.0.1", "localhost", &["CF-Connecting-IP: 1.1.1.1"], false),
        ("127.0.0.1", "localhost", &["Tailscale-User-Login: a@b"], false),
        ("127.0.0.1", "localhost", &["x_forwarded_for: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["x_real_ip: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["client-ip: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["X-Original-For: 127.0.0.1"], false),
        ("127.0.0.1", "localhost", &["X-Auth-Request-User: a"], false),
        ("127.0.0.1", "LOCALHOST.", &[], false),
        ("127.0.0.1", "127.1", &[], false),
        ("127.0.0.1", "2130706433", &[], false),
        ("127.0.0.1", "0x7f.0.0.1", &[], false),
        ("127.0.0.1", "[::127.0.0.1]", &[], false),
        ("127.0.0.1", "0.0.0.0", &[], false),
        ("0.0.0.0", "localhost", &[], false),
        ("::ffff:127.0.0.1", "localhost", &[], true),
        ("::ffff:203.0.113.7", "localhost", &[], false),
        ("fe80::1", "localhost", &[], false),
    ];
    for (from, host, lines, local) in rows {
        let told = decide(&rules(&[]), &connection_info(from), &HeaderValue::from_static(host), &headers(lines));
        assert_eq!(told.fields.is_empty(), *local, "{from} {host} {lines:?}");
    }
    let localhost = HeaderValue::from_static("localhost");
    for announced in [ProxyAnnouncement::Client, ProxyAnnouncement::NoClient] {
        let connection_info = ConnectionInfo { announced, ..connection_info("127.0.0.1") };
        let told = decide(&rules(&[]), &connection_info, &localhost, &HeaderMap::new());
        assert!(!told.fields.is_empty(), "{announced:?}");
    }
    let trusted = decide(&rules(&["127.0.0.1/32"]), &connection_info("127.0.0.1"), &localhost, &HeaderMap::new());
    assert!(!trusted.fields.is_empty(), "a trusted proxy speaks for another client");
    let always = Forwarded { local_clients: LocalClients::Forwarded, ..Forwarded::default() };
    assert!(!decide(&always, &connection_info("127.0.0.1"), &localhost, &HeaderMap::new()).fields.is_empty());
}

#[test]
fn the_standard_field_is_written_as_rfc_7239_says() {
    let both = Forwarded { rfc7239: true, x_forwarded: false, ..rules(&["10.0.0.0/8"]) };
    let rows = [
        ("203.0.113.7", "gw:8443", "for=203.0.113.7;host=\"gw:8443\";proto=https"),
        ("2001:db8::7", "gw", "for=\"[2001:db8::7]\";host=\"gw\";proto=https"),
        ("unix", "gw", "for=unknown;host=\"gw\";proto=https"),
        ("203.0.113.7", "g\"w", "for=203.0.113.7;proto=https"),
    ];
    for (from, host, expected) in rows {
        let told = decide(&both, &connection_info(from), &HeaderValue::from_static(host), &HeaderMap::new());
        assert_eq!(field(&told, "forwarded").as_deref(), Some(expected));
        assert_eq!(told.fields.len(), 1);
    }
}
