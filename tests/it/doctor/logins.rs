//! Logins that cannot work, as doctor finds them over real sockets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::gateway::gateway;
use super::{NOT_FOUND, before, doctor, found, server, unused_address};
use crate::harness::Issuer;

/// The ids of what doctor finds but for a frontgate that does not run.
fn ids(folder: &TempDir, upstream: &str, rest: &str) -> (Vec<String>, Value) {
    let (mut ids, told) = found(folder.path(), &before(upstream, folder.path(), rest));
    ids.retain(|id| id != "frontgate_not_running" && id != "gateway_refused");
    (ids, told)
}

fn check<'a>(told: &'a Value, what: &str) -> &'a Value {
    let checks = told["checks"].as_array().expect("checks");
    checks.iter().find(|one| one["what"].as_str().is_some_and(|said| said.contains(what))).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_from_a_right_one() {
    let issuer = Issuer::start();
    let url = issuer.url.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("secret"), "hush\n").unwrap();
        let upstream = unused_address();
        for (secret, expected) in [
            ("client_secret: hush", &[][..]),
            ("client_secret: { file: secret }", &[]),
            ("client_secret: wrong", &["issuer_refuses_client"]),
            ("scopes: [openid]", &["issuer_refuses_client"]),
        ] {
            let auth = format!(
                "auth: {{ oidc: {{ issuer: \"{url}\", client_id: gw, {secret}, allow: {{ subjects: [\"*\"] }} }} }}"
            );
            let (ids, told) = ids(&folder, &upstream, &auth);
            assert_eq!(ids, expected, "{secret}: {told:#}");
            assert!(!told.to_string().contains("hush"), "{told:#}");
            if expected.is_empty() {
                assert_eq!(check(&told, "knows the client gw")["outcome"], "ok", "{told:#}");
            } else {
                let fix = told["findings"].to_string();
                assert!(fix.contains("client_secret") && fix.contains("invalid_client"), "{told:#}");
            }
        }
    });
    looked.await.unwrap();
}

#[test]
fn a_login_service_that_does_not_answer_is_found() {
    let folder = TempDir::new().unwrap();
    let upstream = unused_address();
    let login = b"HTTP/1.1 302 Found\r\nlocation: https://id.lan/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let broken = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for (address, expected) in [
        (server(login), &[][..]),
        (server(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"), &[]),
        (server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"), &["login_service_open"]),
        (unused_address(), &["login_service_silent"]),
        (server(broken), &["login_service_silent"]),
        (server(NOT_FOUND), &["login_service_silent"]),
        (server(b"SSH-2.0-OpenSSH_9.2\r\n"), &["login_service_silent"]),
    ] {
        let auth = format!("auth: {{ forward: {{ url: \"http://{address}/verify\" }} }}");
        let (ids, told) = ids(&folder, &upstream, &auth);
        assert_eq!(ids, expected, "{address}: {told:#}");
        let outcome = if expected.is_empty() { "ok" } else { "bad" };
        assert_eq!(check(&told, "answers for logins")["outcome"], outcome, "{told:#}");
    }
}

#[test]
fn a_gateway_that_reads_the_user_elsewhere_is_found_with_a_proxy_in_front_too() {
    let folder = TempDir::new().unwrap();
    let address = gateway("AUTH_UNAUTHORIZED");
    let service = server(b"HTTP/1.1 200 OK\r\nremote-user: ann\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let port = address.rsplit_once(':').unwrap().1;
    let text = format!(
        "{{ gateway: {{ port: {port}, trustedProxies: ['127.0.0.1'], auth: {{ mode: 'trusted-proxy', \
         trustedProxy: {{ userHeader: 'X-Forwarded-User', allowLoopback: true }} }} }} }}"
    );
    fs::write(folder.path().join("openclaw.json"), text).unwrap();
    let front = "forwarded: { trusted_proxies: [10.0.0.9] }";
    let forward = format!("forward: {{ url: \"http://{service}/\"");
    for (rest, expected) in [
        (format!("{front}\nauth: {{ {forward}, answer_headers: [Remote-User] }} }}"), &["trusted_proxy_no_user"][..]),
        (format!("auth: {{ {forward} }}, user_header: X-Forwarded-User }}"), &["trusted_proxy_service_names_nobody"]),
        (format!("auth: {{ {forward}, answer_headers: [Remote-User] }}, user_header: X-Forwarded-User }}"), &[]),
    ] {
        let config = before(&address, folder.path(), &rest);
        let ran = doctor(folder.path(), &config, &["--gateway-config", "openclaw.json", "--json"]);
        let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let all = told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap());
        let ids: Vec<_> = all.filter(|id| id.starts_with("trusted_proxy_")).collect();
        assert_eq!(ids, expected, "{rest}: {told:#}");
        if expected == ["trusted_proxy_no_user"] {
            assert!(told["findings"].to_string().contains("in `remote-user` instead"), "{told:#}");
        }
    }
}

#[test]
fn cookies_that_no_browser_keeps_and_sources_of_other_machines_are_found() {
    let folder = TempDir::new().unwrap();
    let upstream = unused_address();
    let issuer = unused_address();
    let oidc =
        format!("auth: {{ oidc: {{ issuer: \"http://{issuer}\", client_id: gw, allow: {{ subjects: [\"*\"] }} }} }}");
    let plain = "listen: { https: [], plain: [\"0.0.0.0:0\"] }";
    let (found, told) = ids(&folder, &upstream, &format!("{plain}\n{oidc}"));
    assert!(found.contains(&"login_cookies_blocked".to_owned()), "{told:#}");
    let group = |source: &str| {
        format!(
            "routes: [{{ upstream: gw }}]\nupstreams: {{ gw: {{ endpoints: [\"http://{upstream}\"], source: [{source}] }} }}"
        )
    };
    let (found, told) = ids(&folder, &upstream, &group("127.0.0.1, 192.0.2.7"));
    assert_eq!(found, ["source_not_here"], "{told:#}");
    assert!(told["findings"].to_string().contains("upstreams.gw.source[1]"), "{told:#}");
    let (found, told) = ids(&folder, &upstream, &group("127.0.0.1, 127.0.0.2"));
    assert!(found.is_empty(), "{told:#}");
}

/// A program of another user's at the admin address: it claims that file and that configuration.
fn squatter(file: String, config: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 4096];
            let Ok(length) = stream.read(&mut some) else { continue };
            let status = serde_json::json!({
                "version": "0.1.0", "ready": true, "draining": false, "config": file, "listeners": []
            });
            let body = if some[..length].starts_with(b"GET /config ") { config.clone() } else { status.to_string() };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // A doctor that has gone in the meantime needs no answer.
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    address
}

#[tokio::test]
async fn a_secret_that_only_the_program_at_the_admin_address_names_is_not_sent() {
    let issuer = Issuer::start();
    let url = issuer.url.clone();
    let looked = tokio::task::spawn_blocking(move || {
        let folder = TempDir::new().unwrap();
        let secret = folder.path().join("victim.secret");
        fs::write(&secret, "hush\n").unwrap();
        let upstream = unused_address();
        let auth = |client: &str| {
            format!(
                "auth: {{ oidc: {{ issuer: \"{url}\", client_id: {client}, client_secret: {{ file: \"{}\" }}, allow: {{ subjects: [\"*\"] }} }} }}",
                secret.display()
            )
        };
        for (own, outcome) in [(String::new(), "skipped"), (auth("other"), "skipped"), (auth("gw"), "ok")] {
            let claimed = format!("upstream: http://{upstream}\n{}\n", auth("gw"));
            let admin = squatter(folder.path().join("f.yaml").display().to_string(), claimed);
            let config = format!(
                "upstream: http://{upstream}\nadmin: \"{admin}\"\nlisten: {{ https: [\"127.0.0.1:0\"] }}\n{own}\n"
            );
            let (_, told) = found(folder.path(), &config);
            let check = check(&told, "knows the client gw");
            assert_eq!(check["outcome"], outcome, "{own}: {told:#}");
            assert_eq!(check["saw"].as_str().unwrap().contains("is not read"), outcome == "skipped", "{told:#}");
        }
    });
    looked.await.unwrap();
}
