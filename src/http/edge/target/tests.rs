use crate::http::edge::connection_info::ProxyAnnouncement;
use crate::http::edge::target::*;

fn connection_info(protocol: Protocol, dialled: Option<&str>) -> ConnectionInfo {
    let plain = ConnectionInfo::new(crate::listener::ClientPeer::Unix, ProxyAnnouncement::Nothing);
    ConnectionInfo { secure: true, protocol, server_name: dialled.map(Into::into), ..plain }
}

fn head(version: Version, method: &str, uri: &str, hosts: &[&str]) -> Parts {
    let (mut head, ()) = http::Request::new(()).into_parts();
    head.version = version;
    head.method = Method::from_bytes(method.as_bytes()).unwrap();
    head.uri = uri.parse().unwrap();
    for host in hosts {
        head.headers.append(HOST, HeaderValue::from_str(host).unwrap());
    }
    head
}

#[test]
fn there_is_one_host_and_it_goes_out_as_it_came() {
    type Row<'a> = (Version, &'a str, &'a [&'a str], Result<&'a str, &'a str>);
    let rows: &[Row<'_>] = &[
        (Version::HTTP_11, "/", &["Gw.Example:8443"], Ok("Gw.Example:8443")),
        (Version::HTTP_11, "/", &[], Err("missing_host")),
        (Version::HTTP_10, "/", &[], Err("missing_host")),
        (Version::HTTP_11, "/", &["a", "a"], Err("two_hosts")),
        (Version::HTTP_11, "/", &["a b"], Err("bad_host")),
        (Version::HTTP_11, "/", &[""], Err("bad_host")),
        (Version::HTTP_11, "https://gw/x", &["GW"], Ok("GW")),
        (Version::HTTP_11, "https://gw/x", &["other"], Err("bad_host")),
        (Version::HTTP_11, "https://gw/x", &[], Err("missing_host")),
        (Version::HTTP_2, "https://gw:8443/x", &[], Ok("gw:8443")),
        (Version::HTTP_2, "https://gw/x", &["gw"], Ok("gw")),
        (Version::HTTP_2, "https://gw/x", &["other"], Err("bad_host")),
        (Version::HTTP_2, "https://user@gw/x", &[], Err("bad_host")),
    ];
    for (version, uri, hosts, expected) in rows {
        let got = requested_host(&head(*version, "GET", uri, hosts));
        let got = got.as_ref().map(|host| host.to_str().unwrap()).map_err(RequestFailure::code);
        assert_eq!(got, *expected, "{version:?} {uri} {hosts:?}");
    }
}

#[test]
fn the_target_is_the_path_and_query_of_this_connections_scheme() {
    let rows = [
        ("GET", "/a//../b?c=%2F&d;+", Ok("/a//../b?c=%2F&d;+")),
        ("GET", "/?", Ok("/?")),
        ("OPTIONS", "*", Ok("*")),
        ("GET", "https://gw/x?y", Ok("/x?y")),
        ("GET", "https://gw", Ok("/")),
        ("GET", "https://gw?q", Ok("/?q")),
        ("GET", "http://gw/x", Err("misdirected")),
        ("CONNECT", "gw:443", Err("connect_not_served")),
    ];
    for (method, uri, expected) in rows {
        let got =
            requested_target(&head(Version::HTTP_11, method, uri, &["gw"]), &connection_info(Protocol::Http1, None));
        let got = got.as_ref().map(PathAndQuery::as_str).map_err(RequestFailure::code);
        assert_eq!(got, expected, "{method} {uri}");
    }
}

#[test]
fn only_a_browser_that_merged_connections_is_misdirected() {
    let names = [Name::Dns("gw.example".into()), Name::Dns("*.team.example".into()), Name::Ip([192, 0, 2, 1].into())];
    let rows = [
        (Protocol::Http2, Some("gw.example"), "gw.example:8443", false),
        (Protocol::Http2, Some("gw.example"), "a.team.example", false),
        (Protocol::Http2, Some("gw.example"), "a.b.team.example", true),
        (Protocol::Http2, Some("gw.example"), "192.0.2.1", false),
        (Protocol::Http2, Some("gw.example"), "other.example", true),
        (Protocol::Http2, Some("nas.lan"), "NAS.lan:8443", false),
        (Protocol::Http2, None, "other.example", false),
        (Protocol::Http1, Some("gw.example"), "other.example", false),
    ];
    for (protocol, dialled, host, expected) in rows {
        let got = is_misdirected(&connection_info(protocol, dialled), &HeaderValue::from_static(host), &names);
        assert_eq!(got, expected, "{protocol} {dialled:?} {host}");
    }
}
