//! Names that stand for several gateways, which come and go.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::{get, upgrade};
use crate::harness::{
    Binary, Dns, Gateway, Mood, Proxy, Reserved, Wire, binary, dial, dns, gateway, not_run, proxy, within,
};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, switched};

/// Gateways at one port of several addresses, which say their address in answers and in what a WebSocket sends first.
async fn gateways(ips: &[&str]) -> (BTreeMap<String, Gateway>, u16) {
    let (mut all, mut port) = (BTreeMap::new(), 0);
    for ip in ips {
        let reserved = Reserved::at(SocketAddr::new(ip.parse().unwrap(), port));
        port = reserved.address.port();
        all.insert((*ip).to_owned(), at(reserved, ip).await);
    }
    (all, port)
}

async fn at(reserved: Reserved, name: &str) -> Gateway {
    let name = name.to_owned();
    let script = move |mut connection: crate::harness::Connection| {
        let name = name.clone();
        async move {
            while let Some(request) = connection.request().await {
                if request.field("upgrade").is_some() {
                    let head = switched(&request.head());
                    connection.send([head.as_bytes(), &Frame::text(&name).bare()].concat()).await;
                    connection.closed().await;
                    return;
                }
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
                if connection.try_send(answer).await.is_err() {
                    return;
                }
            }
        }
    };
    gateway().at(reserved).playing(script).await
}

/// A configuration with one group.
fn group(dns: &Dns, endpoints: &str, rest: &str) -> String {
    format!(
        "routes: [{{ upstream: team }}]\n\
         upstreams: {{ team: {{ endpoints: [{endpoints}], resolver: ['{}'], {rest} }} }}\n",
        dns.address
    )
}

async fn start(dns: &Dns, endpoints: &str, rest: &str) -> Proxy {
    Box::pin(proxy().routes(&group(dns, endpoints, rest)).plain().admin().start()).await
}

/// Where so many requests in turn have ended.
async fn seen(plain: SocketAddr, count: usize) -> Vec<String> {
    let mut client = Wire::new(dial(plain).await);
    let mut names = Vec::new();
    for _ in 0..count {
        client.send(get("gw", "/")).await;
        names.push(client.response().await.body_text());
    }
    names
}

/// Waits until requests end at these gateways, each of them, and at no other.
async fn until(plain: SocketAddr, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
    within(&format!("requests at {expected:?} alone"), async {
        while seen(plain, 2 * expected.len()).await.into_iter().collect::<BTreeSet<_>>() != expected {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn admin(at: SocketAddr, target: &str) -> String {
    let mut client = Wire::new(dial(at).await);
    client.send(get("localhost", target)).await;
    client.response().await.body_text()
}

/// What `status` says of the only name.
async fn name_status(at: SocketAddr) -> Value {
    let status: Value = serde_json::from_str(&admin(at, "/status").await).unwrap();
    status["names"][0].clone()
}

async fn until_status(at: SocketAddr, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    within(what, async {
        loop {
            let status = name_status(at).await;
            if fits(&status) {
                return status;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

async fn open(plain: SocketAddr) -> (Peer, String) {
    let mut client = Peer::new(dial(plain).await);
    client.write(upgrade("gw", "/", "")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let name = client.frame().await.payload;
    (client, String::from_utf8_lossy(&name).into_owned())
}

#[tokio::test]
async fn each_address_of_a_name_is_a_gateway_and_one_that_is_gone_keeps_its_websockets() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2", "127.9.0.3"]).await;
    let dns = dns().await;
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2"]);
    let proxy = start(&dns, &format!("'dns+http://gws.test:{port}'"), "").await;
    let plain = proxy.plain.unwrap();
    assert_eq!(seen(plain, 4).await, ["127.9.0.1", "127.9.0.2", "127.9.0.1", "127.9.0.2"], "right from the start");
    let mut here = open(plain).await;
    if here.1 != "127.9.0.2" {
        here = open(plain).await;
    }
    assert_eq!(here.1, "127.9.0.2");

    dns.addresses("gws.test", 1, &["127.9.0.3", "127.9.0.1"]);
    until(plain, &["127.9.0.1", "127.9.0.3"]).await;
    assert!(here.0.at_hand().await.is_empty(), "its WebSocket has not noticed");
    let status = name_status(proxy.admin()).await;
    let gone = format!("http://127.9.0.2:{port}");
    assert_eq!(status["leaving"][0]["endpoint"], gone, "{status}");
    assert_eq!(status["leaving"][0]["busy"], 1, "{status}");
    let metrics = admin(proxy.admin(), "/metrics").await;
    let row = |text: &str| metrics.lines().any(|line| line == text);
    assert!(row(&format!("frontgate_upstream_dns_addresses{{name=\"dns+http://gws.test:{port}\"}} 2")), "{metrics}");
    assert!(row(&format!("frontgate_upstream_requests{{endpoint=\"{gone}\"}} 1")), "{metrics}");

    // It comes back, and is the same as before.
    dns.addresses("gws.test", 1, &["127.9.0.2"]);
    until(plain, &["127.9.0.2"]).await;
    let metrics = admin(proxy.admin(), "/metrics").await;
    assert!(metrics.contains(&format!("frontgate_upstream_requests{{endpoint=\"{gone}\"}} 1")), "{metrics}");
    drop(here);
    within("that those that are gone are forgotten", async {
        while admin(proxy.admin(), "/metrics").await.contains(&format!("endpoint=\"http://127.9.0.1:{port}\"")) {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn while_the_dns_gives_no_gateways_the_last_answer_counts() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2"]).await;
    let mut dns = dns().await;
    let both = ["127.9.0.1", "127.9.0.2"];
    dns.addresses("gws.test", 0, &both);
    let proxy = start(&dns, &format!("'dns+http://gws.test:{port}'"), "").await;
    let (plain, at) = (proxy.plain.unwrap(), proxy.admin());
    for (mood, kept, why) in [
        (Mood::Failing, true, "SERVFAIL"),
        (Mood::Silent, true, "does not answer"),
        (Mood::Good, false, "no such name"),
    ] {
        dns.mood(mood);
        if !kept {
            dns.forget("gws.test");
        }
        let status =
            until_status(at, why, |status| status["failing"].as_str().is_some_and(|said| said.contains(why))).await;
        assert_eq!(status["gateways"].as_array().unwrap().len(), 2, "{status}");
        until(plain, &both).await;
        dns.mood(Mood::Good);
        dns.addresses("gws.test", 0, &both);
        until_status(at, "an answer", |status| status["failing"].is_null()).await;
        dns.asked(2).await;
    }
    dns.addresses("gws.test", 0, &[]);
    until_status(at, "no address", |status| status["failing"].as_str().is_some_and(|said| said.contains("no address")))
        .await;
    until(plain, &both).await;
    let metrics = admin(at, "/metrics").await;
    for outcome in ["answered", "empty", "failed"] {
        let name = format!("name=\"dns+http://gws.test:{port}\"");
        let row = format!("frontgate_upstream_dns_lookups_total{{{name},outcome=\"{outcome}\"}} ");
        let count = metrics.lines().find_map(|line| line.strip_prefix(&row)).unwrap();
        assert!(count.parse::<u64>().unwrap() > 0, "{outcome} {count}");
    }
}

#[tokio::test]
async fn it_starts_without_the_dns_and_requests_wait_for_its_first_answer() {
    let (_gateways, port) = gateways(&["127.9.0.1"]).await;
    let dns = dns().await;
    dns.mood(Mood::Failing);
    let endpoint = format!("'dns+http://gws.test:{port}'");
    let routes = group(&dns, &endpoint, "");
    let hasty = Box::pin(proxy().config(|config| config.hold = None).routes(&routes).plain().start()).await;
    let mut client = hasty.plain_client().await;
    client.send(get("gw", "/")).await;
    let page = client.response().await;
    let code = page.body_text().contains("code: gateway_not_found");
    assert!(page.status() == 502 && code, "{}", page.text());

    let patient = start(&dns, &endpoint, "").await;
    let status = name_status(patient.admin()).await;
    assert!(status["gateways"] == serde_json::json!([]) && status["failing"].is_string(), "{status}");
    let mut client = patient.plain_client().await;
    client.send(get("gw", "/")).await;
    dns.addresses("gws.test", 60, &["127.9.0.1"]);
    dns.mood(Mood::Good);
    assert_eq!(client.response().await.body_text(), "127.9.0.1");
}

#[tokio::test]
async fn a_process_that_starts_without_the_dns_knows_what_the_one_before_it_knew() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2"]).await;
    let dns = dns().await;
    dns.addresses("gws.test", 60, &["127.9.0.1", "127.9.0.2"]);
    let routes = group(&dns, &format!("'dns+http://gws.test:{port}'"), "");
    let before = Box::pin(proxy().routes(&routes).plain().start()).await;
    until(before.plain.unwrap(), &["127.9.0.1", "127.9.0.2"]).await;
    let (_, state) = before.stop().await;
    assert!(state.path().join("gateway-names").is_file());
    dns.mood(Mood::Failing);
    let after = Box::pin(proxy().state(state).routes(&routes).plain().admin().start()).await;
    until(after.plain.unwrap(), &["127.9.0.1", "127.9.0.2"]).await;
    let status = name_status(after.admin()).await;
    assert!(status["failing"].is_string() && status["age"].is_null(), "{status}");
}

#[tokio::test]
async fn srv_records_say_port_priority_and_weight() {
    let (mut one, port_one) = gateways(&["127.9.0.1"]).await;
    let (two, port_two) = gateways(&["127.9.0.2"]).await;
    let (_three, port_three) = gateways(&["127.9.0.3"]).await;
    let dns = dns().await;
    for (name, ip) in [("a.test", "127.9.0.1"), ("b.test", "127.9.0.2"), ("c.test", "127.9.0.3")] {
        dns.addresses(name, 1, &[ip]);
    }
    let records = [(10, 3, port_one, "a.test"), (10, 1, port_two, "B.test"), (20, 0, port_three, "c.test")];
    dns.services("_gw._tcp.test", 1, &records);
    let proxy = start(&dns, "'srv+http://_gw._tcp.test'", "").await;
    let plain = proxy.plain.unwrap();
    let names = seen(plain, 8).await;
    let count = |name: &str| names.iter().filter(|seen| *seen == name).count();
    assert_eq!([count("127.9.0.1"), count("127.9.0.2"), count("127.9.0.3")], [6, 2, 0], "{names:?}");
    // The second tier gets work when none of the first is left.
    drop(one.remove("127.9.0.1"));
    until(plain, &["127.9.0.2"]).await;
    drop(two);
    until(plain, &["127.9.0.3"]).await;
    // "." says that there is no such service: nothing to go to, so all stays as it was.
    dns.services("_gw._tcp.test", 1, &[(0, 0, 0, "")]);
    until_status(proxy.admin(), "no host", |status| status["failing"].is_string()).await;
    until(plain, &["127.9.0.3"]).await;
}

#[tokio::test]
async fn a_record_that_names_the_admin_listener_opens_it_to_no_client() {
    let dns = dns().await;
    let proxy = start(&dns, "'srv+http://_gw._tcp.test'", "").await;
    let admin = proxy.admin();
    dns.addresses("a.test", 1, &[&admin.ip().to_string()]);
    dns.services("_gw._tcp.test", 1, &[(0, 0, admin.port(), "a.test")]);
    until_status(admin, "a forged record", |status| status["gateways"][0] == admin.to_string()).await;
    let mut client = proxy.plain_client().await;
    client.send(get("localhost", "/status")).await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 508, "{}", answer.text());
    assert!(answer.body_text().contains("gateway_is_frontgate"), "{}", answer.text());
}

#[tokio::test]
async fn of_too_many_addresses_the_first_are_used_and_a_long_answer_comes_over_tcp() {
    let dns = dns().await;
    dns.truncates();
    let many: Vec<String> = (0..90).map(|n| format!("127.9.1.{n}")).collect();
    dns.addresses("gws.test", 60, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let mut binary = binary()
        .config("listen: { plain: ['127.0.0.1:0'], https: ['127.0.0.1:0'] }")
        .config("admin: 127.0.0.1:0")
        .config(&group(&dns, "'dns+http://gws.test:9'", ""))
        .start()
        .await;
    let status = name_status(binary.admin.unwrap()).await;
    let all = status["gateways"].as_array().unwrap();
    assert_eq!((all.len(), all[0].as_str(), all[63].as_str()), (64, Some("127.9.1.0:9"), Some("127.9.1.63:9")));
    let said = |line: &str| line.contains("more gateways for a name than are used") && line.contains("\"left_out\":26");
    assert!(binary.printed.iter().any(|line| said(line)), "{:#?}", binary.printed);
    assert_eq!(binary.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn both_families_are_gateways_and_one_that_fails_stays_as_it_was() {
    if TcpListener::bind("[::1]:0").await.is_err() {
        return not_run("this machine has no ::1");
    }
    let both = ["127.9.0.1", "::1"];
    let (_gateways, port) = gateways(&both).await;
    let mut dns = dns().await;
    dns.addresses("gws.test", 1, &both);
    let proxy = start(&dns, &format!("'dns+http://gws.test:{port}'"), "").await;
    let plain = proxy.plain.unwrap();
    until(plain, &both).await;
    dns.mood(Mood::FailingForV6);
    dns.asked(10).await;
    until(plain, &both).await;
    let status = name_status(proxy.admin()).await;
    assert!(status["failing"].is_null(), "{status}");
}

#[tokio::test]
async fn a_cookie_means_an_address_and_one_that_is_gone_lets_go() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2", "127.9.0.3"]).await;
    let dns = dns().await;
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2", "127.9.0.3"]);
    let routes = group(&dns, &format!("'dns+http://gws.test:{port}'"), "sticky: { cookie: place }");
    let before = Box::pin(proxy().routes(&routes).plain().start()).await;
    let ask = async |plain: SocketAddr, cookie: &str| {
        let mut client = Wire::new(dial(plain).await);
        client.send(format!("GET / HTTP/1.1\r\nHost: gw\r\n{cookie}\r\n")).await;
        let answer = client.response().await;
        (answer.body_text(), answer.field("set-cookie"))
    };
    let (name, set) = ask(before.plain.unwrap(), "").await;
    let cookie = format!("Cookie: {}\r\n", set.unwrap().split(';').next().unwrap());
    let (_, state) = before.stop().await;
    let after = Box::pin(proxy().state(state).routes(&routes).plain().start()).await;
    let plain = after.plain.unwrap();
    for _ in 0..4 {
        assert_eq!(ask(plain, &cookie).await, (name.clone(), None), "after a restart");
    }
    let others: Vec<&str> =
        ["127.9.0.1", "127.9.0.2", "127.9.0.3"].into_iter().filter(|other| *other != name).collect();
    dns.addresses("gws.test", 1, &others);
    let (moved, set) = within("another gateway", async {
        loop {
            let answer = ask(plain, &cookie).await;
            if answer.0 != name {
                return answer;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(others.contains(&&*moved) && set.is_some(), "{moved} {set:?}");
}

#[tokio::test]
async fn a_reload_keeps_what_is_known_and_takes_another_list_over() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2", "127.9.0.3"]).await;
    let mut dns = dns().await;
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2"]);
    let name = format!("'dns+http://gws.test:{port}'");
    let mut binary = binary()
        .config("listen: { plain: ['127.0.0.1:0'], https: ['127.0.0.1:0'] }")
        .config("admin: 127.0.0.1:0")
        .config(&group(&dns, &name, ""))
        .start()
        .await;
    let plain = binary.plain.unwrap();
    let (mut socket, there) = open(plain).await;
    dns.mood(Mood::Silent);
    dns.asked(2).await;
    let rewrite = async |binary: &mut Binary, endpoints: &str, rest: &str| {
        let file = binary.config_file();
        let text = std::fs::read_to_string(&file).unwrap();
        let kept = text.split("routes:").next().unwrap();
        std::fs::write(&file, format!("{kept}{}", group(&dns, endpoints, rest))).unwrap();
        binary.signal(rustix::process::Signal::HUP);
        binary.line(|line| line["message"] == "configuration reloaded").await;
    };
    // A cookie, and a gateway with an address of its own: the DNS need not answer for what is known.
    let fixed = format!("http://127.9.0.3:{port}");
    rewrite(&mut binary, &format!("{name}, '{fixed}'"), "sticky: { cookie: place }").await;
    let names: BTreeSet<String> = seen(plain, 9).await.into_iter().collect();
    assert_eq!(names, ["127.9.0.1", "127.9.0.2", "127.9.0.3"].map(ToOwned::to_owned).into());
    let metrics = admin(binary.admin.unwrap(), "/metrics").await;
    let row = format!("frontgate_upstream_requests{{endpoint=\"http://{there}:{port}\"}} 1");
    assert!(metrics.lines().any(|line| line == row), "it still counts its WebSocket: {metrics}");
    // Without the name its gateways get nothing new.
    rewrite(&mut binary, &format!("'{fixed}', 'dns+http://other.test:{port}'"), "").await;
    until(plain, &["127.9.0.3"]).await;
    assert!(socket.at_hand().await.is_empty(), "its WebSocket has not noticed");
    assert_eq!(binary.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn an_operator_takes_all_gateways_of_a_name_out_or_one() {
    let (_gateways, port) = gateways(&["127.9.0.1", "127.9.0.2", "127.9.0.3"]).await;
    let dns = dns().await;
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2"]);
    let name = format!("dns+http://gws.test:{port}");
    let proxy = start(&dns, &format!("'{name}', 'http://127.9.0.3:{port}'"), "").await;
    let (plain, at) = (proxy.plain.unwrap(), proxy.admin());
    // The gateway with an address of its own has the first turn.
    let (_elsewhere, place) = open(plain).await;
    assert_eq!(place, "127.9.0.3");
    let (mut there, place) = open(plain).await;
    assert_eq!(place, "127.9.0.1");
    let post = async |query: String| {
        let mut client = Wire::new(dial(at).await);
        client.send(format!("POST /drain?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")).await;
        let answer = client.response().await;
        (answer.status(), answer.body_text())
    };
    let written = name.replace('+', "%2B");
    let (status, said) = post(format!("endpoint={written}&over=10ms")).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.starts_with(&format!("draining {name}: 1 WebSockets end within 10ms")), "{said}");
    assert_eq!(there.frame().await, Frame::close(1012, "service restart"));
    until(plain, &["127.9.0.3"]).await;
    // Also one that comes later.
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2", "127.9.0.4"]);
    until_status(at, "a third gateway", |status| status["gateways"].as_array().is_some_and(|all| all.len() == 3)).await;
    until(plain, &["127.9.0.3"]).await;
    dns.addresses("gws.test", 1, &["127.9.0.1", "127.9.0.2"]);
    until_status(at, "two gateways", |status| status["gateways"].as_array().is_some_and(|all| all.len() == 2)).await;
    assert_eq!(post(format!("resume={written}")).await.0, 200);
    until(plain, &["127.9.0.1", "127.9.0.2", "127.9.0.3"]).await;
    assert_eq!(post(format!("endpoint=http://127.9.0.2:{port}")).await.0, 200);
    until(plain, &["127.9.0.1", "127.9.0.3"]).await;
    let (status, said) = post("endpoint=dns%2Bhttp://other.test:1".to_owned()).await;
    assert!(status == 404 && said.contains(&name), "{status} {said}");
}

#[tokio::test]
async fn the_certificate_must_have_the_name_as_it_is_written_or_the_one_that_its_record_names() {
    let secure = gateway().over_tls().answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let port = secure.upstream.to_string().rsplit_once(':').unwrap().1.parse().unwrap();
    let ca = secure.ca_file.clone().unwrap();
    let dns = dns().await;
    // The certificate is one for localhost.
    dns.addresses("localhost", 60, &["127.0.0.1"]);
    dns.addresses("gws.test", 60, &["127.0.0.1"]);
    dns.services("_gw._tcp.localhost", 60, &[(0, 0, port, "localhost")]);
    dns.services("_gw._tcp.test", 60, &[(0, 0, port, "localhost")]);
    for (endpoint, tls, expected) in [
        (format!("dns+https://localhost:{port}"), "", 200),
        (format!("dns+https://gws.test:{port}"), "", 502),
        (format!("dns+https://gws.test:{port}"), ", server_name: localhost", 200),
        ("srv+https://_gw._tcp.localhost".to_owned(), "", 200),
        // A record of another domain must not say whose certificate is good.
        ("srv+https://_gw._tcp.test".to_owned(), "", 502),
        ("srv+https://_gw._tcp.test".to_owned(), ", server_name: localhost", 200),
    ] {
        let tls = format!("tls: {{ ca: '{}'{tls} }}", ca.display());
        let routes = group(&dns, &format!("'{endpoint}'"), &tls);
        let proxy = Box::pin(proxy().config(|config| config.hold = None).routes(&routes).plain().start()).await;
        let mut client = proxy.plain_client().await;
        client.send(get("gw", "/")).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), expected, "{endpoint} {tls}: {}", answer.text());
    }
}
