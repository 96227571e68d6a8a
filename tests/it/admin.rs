//! The admin listener is for operators: not for pages that reach it by another name, and not for clients without its
//! token.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::task::spawn_blocking;

use crate::cli::{Ran, frontgate_in};
use crate::harness::{Binary, Message, Wire, binary, dial, gateway, proxy, within};

const LISTEN: &str = r#"listen: { https: ["127.0.0.1:0"] }"#;

async fn ask(binary: &Binary, head: &str) -> u16 {
    let mut client = Wire::new(dial(binary.admin.unwrap()).await);
    client.send(format!("{head}\r\n\r\n")).await;
    client.response().await.status()
}

async fn run(folder: &Path, args: &[&str]) -> Ran {
    let folder = folder.to_owned();
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = move || frontgate_in(&folder, &args.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    within("the command", spawn_blocking(run)).await.unwrap()
}

#[tokio::test]
async fn it_answers_while_every_thread_that_serves_clients_is_busy() {
    let proxy = proxy().admin().start().await;
    let at = proxy.admin();
    let ask = move |path: &str| {
        let mut client = std::net::TcpStream::connect(at).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).map(|_| answer)
    };
    // This blocks the only thread that serves clients, which is the test's own.
    for path in ["/livez", "/readyz", "/metrics", "/status", "/connections"] {
        let answer = ask(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_page_that_reaches_it_by_another_name_learns_and_does_nothing() {
    let mut binary = binary().config(LISTEN).config("admin: 127.0.0.1:0").start().await;
    let own = binary.admin.unwrap();
    for path in
        ["GET /status", "GET /connections", "GET /metrics", "POST /reload", "POST /drain", "DELETE /connections/x"]
    {
        for (fields, expected) in [
            ("Host: rebound.example", 403),
            ("Host: rebound.example:9180", 403),
            ("Host: localhost\r\nHost: rebound.example", 400),
            ("Host: localhost\r\nOrigin: https://elsewhere.example", 403),
            ("Host: localhost\r\nOrigin: null", 403),
            ("Host: localhost\r\nSec-Fetch-Site: cross-site", 403),
        ] {
            assert_eq!(ask(&binary, &format!("{path} HTTP/1.1\r\n{fields}")).await, expected, "{path} {fields}");
        }
        let (method, target) = path.split_once(' ').unwrap();
        let foreign = format!("{method} http://rebound.example{target} HTTP/1.1\r\nHost: localhost");
        assert_eq!(ask(&binary, &foreign).await, 400, "{path}");
    }
    assert_eq!(ask(&binary, "GET /status HTTP/1.0").await, 403);
    for host in ["localhost", "127.0.0.1:1", "[::1]", &own.to_string()] {
        assert_eq!(ask(&binary, &format!("GET /status HTTP/1.1\r\nHost: {host}")).await, 200, "{host}");
    }
    for probe in ["/livez", "/readyz"] {
        let fields = "Host: any.example\r\nOrigin: https://elsewhere.example\r\nSec-Fetch-Site: cross-site";
        assert_eq!(ask(&binary, &format!("GET {probe} HTTP/1.1\r\n{fields}")).await, 200);
    }
    assert_eq!(binary.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn with_a_token_others_may_reach_it_and_the_commands_know_it() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "s3cret-of-a-file\n").unwrap();
    for (token, text) in [
        ("plain-s3cret".to_owned(), "plain-s3cret"),
        (format!("{{ file: \"{}\" }}", file.display()), "s3cret-of-a-file"),
    ] {
        let line = format!("admin: {{ address: \"0.0.0.0:0\", token: {token} }}");
        let mut binary = binary().config(LISTEN).config(&line).start().await;
        let port = binary.admin.unwrap().port();
        let at: std::net::SocketAddr = ([127, 0, 0, 1], port).into();
        binary.admin = Some(at);
        for (fields, expected) in [
            (String::new(), 401),
            ("\r\nAuthorization: Bearer other".to_owned(), 401),
            (format!("\r\nAuthorization: Basic {text}"), 401),
            (format!("\r\nAuthorization: Bearer {text}"), 200),
        ] {
            assert_eq!(
                ask(&binary, &format!("GET /status HTTP/1.1\r\nHost: localhost{fields}")).await,
                expected,
                "{fields}"
            );
        }
        for probe in ["/livez", "/readyz"] {
            assert_eq!(ask(&binary, &format!("GET {probe} HTTP/1.1\r\nHost: gw.example.com")).await, 200);
        }
        let config = binary.config_file();
        let at = at.to_string();
        let ran = run(folder.path(), &["reload", "-c", config.to_str().unwrap(), "--admin", &at]).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "reloaded\n"), "{ran:?}");
        let ran = run(folder.path(), &["status", "--admin", &at]).await;
        assert!(ran.code == 1 && ran.stderr.contains("token"), "{ran:?}");
        // A page that guesses the name is no operator even with the token.
        let rebound = format!("GET /status HTTP/1.1\r\nHost: rebound.example\r\nAuthorization: Bearer {text}");
        assert_eq!(ask(&binary, &rebound).await, 403);
        assert!(!binary.printed().contains(text));
        let printed = run(folder.path(), &["check", "--print", "-c", config.to_str().unwrap()]).await;
        assert!(printed.code == 0 && !printed.stdout.contains(text), "{printed:?}");
    }
}

#[tokio::test]
async fn an_admin_listener_that_any_machine_could_use_does_not_start() {
    let folder = TempDir::new().unwrap();
    for (text, args) in [
        ("admin: \"[::]:0\"\n", &[][..]),
        ("admin: { address: 0.0.0.0:9180 }\n", &[]),
        ("state_dir: state\n", &["--admin", ":9180"]),
    ] {
        fs::write(folder.path().join("frontgate.yaml"), format!("{text}{LISTEN}\n")).unwrap();
        let ran = run(folder.path(), &[&["serve"], args].concat()).await;
        assert!(ran.code == 2 && ran.stderr.contains("could stop frontgate"), "{ran:?}");
        if args.is_empty() {
            assert_eq!(run(folder.path(), &["check"]).await.code, 2);
        }
    }
    // Another address on the command line does not take the token away.
    let text = format!("admin: {{ token: s3cret }}\n{LISTEN}\n");
    fs::write(folder.path().join("frontgate.yaml"), text).unwrap();
    let env = [("FRONTGATE_ADMIN", "0.0.0.0:9180")];
    let ran = frontgate_in(folder.path(), &["check", "--print"], &env);
    assert!(ran.code == 0 && ran.stdout.contains("admin: {address: 0.0.0.0:9180, token: \"***\"}"), "{ran:?}");
}

#[tokio::test]
async fn unix_sockets_are_for_user_and_group_whatever_the_umask_and_change_with_a_reload() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
    let unix = |name: &str| format!("unix:{}", at(name).display());
    let admin = format!("admin: \"{}\"", unix("admin"));
    let listen = format!(
        "listen: {{ https: [\"127.0.0.1:0\"], plain: [\"{}\", {{ address: \"{}\", mode: \"0600\" }}] }}",
        unix("a"),
        unix("b")
    );
    for umask in ["0", "077"] {
        let shell = format!("-n 1024; umask {umask}");
        let mut binary = binary().config(&admin).config(&listen).limit(&shell).start().await;
        assert_eq!((mode("admin"), mode("a"), mode("b")), (0o660, 0o660, 0o600), "umask {umask}");
        let mut client = Wire::new(UnixStream::connect(at("admin")).await.unwrap());
        client.send("GET /status HTTP/1.1\r\nHost: any.example\r\n\r\n").await;
        assert_eq!(client.response().await.status(), 200);
        let text = fs::read_to_string(binary.config_file()).unwrap();
        fs::write(binary.config_file(), text.replace("0600", "0666")).unwrap();
        binary.signal(Signal::HUP);
        binary.line(|line| line["message"] == "configuration reloaded").await;
        assert_eq!((mode("a"), mode("b")), (0o660, 0o666));
        assert_eq!(binary.terminate().await.code(), Some(0));
    }
}

/// Connections that stall in every way there is: silent, within a head, and not reading what they asked for.
async fn stalled(binary: &Binary, count: usize) -> Vec<tokio::net::TcpStream> {
    use tokio::io::AsyncWriteExt;
    let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(400);
    let mut held = Vec::new();
    for number in 0..count {
        let mut socket = dial(binary.admin.unwrap()).await;
        // One that was pushed out for another may be reset already.
        let _ = socket.write_all(["", "GET /met", &metrics][number % 3].as_bytes()).await;
        held.push(socket);
    }
    held
}

#[tokio::test]
async fn connections_that_stall_keep_the_operator_out_for_no_moment() {
    let mut binary = binary().config(LISTEN).config("admin: 127.0.0.1:0").start().await;
    let held = stalled(&binary, 100).await;
    let mut kept = Wire::new(dial(binary.admin.unwrap()).await);
    for path in ["/readyz", "/status", "/metrics"] {
        assert_eq!(ask(&binary, &format!("GET {path} HTTP/1.1\r\nHost: localhost")).await, 200, "{path}");
    }
    // A connection of the operator's that asks now and then is not the one that goes.
    for _ in 0..20 {
        let more = stalled(&binary, 10).await;
        kept.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        assert_eq!(kept.response().await.status(), 200);
        drop(more);
    }
    drop((held, kept));
    // Where no other comes, they end as well.
    for socket in stalled(&binary, 2).await {
        assert_eq!(Wire::new(socket).closed().await, crate::harness::End::Clean);
    }
    assert_eq!(binary.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn the_page_shows_what_happens_and_its_button_needs_the_page() {
    let proxy = proxy().admin().start().await;
    let answer = page(proxy.admin(), "GET / HTTP/1.1\r\nHost: localhost", "").await;
    assert_eq!(answer.status(), 200);
    let policy = answer.field("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'nonce-") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(answer.field("cache-control").as_deref(), Some("no-store"));
    let html = answer.body_text().replace("http://www.w3.org/2000/svg", "");
    assert!(
        !html.contains("NONCE") && !html.contains("http://") && !html.contains("https://"),
        "it needs nothing else"
    );
    let token = html.split("const TOKEN = \"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(token.len(), 32);

    let mut events = Wire::new(dial(proxy.admin()).await);
    events.send("GET /events?limit=5 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\r\n").await;
    assert!(events.head().await.contains("content-type: text/event-stream\r\n"));
    let event = String::from_utf8(events.until(b"\n\n").await).unwrap();
    let shown = event.split("data: ").nth(1).unwrap().trim_end();
    let shown: serde_json::Value = serde_json::from_str(shown.split('\n').next().unwrap()).unwrap();
    assert_eq!((&shown["status"]["ready"], &shown["connections"]["total"]), (&true.into(), &0.into()));
    assert_eq!(shown["status"]["gateways"][0]["name"], "http://127.0.0.1:18789");
    assert!(shown["status"]["certificates"][0]["days"].as_i64().unwrap() > 30, "{shown}");
    // The next one comes by itself.
    events.until(b"data: ").await;

    for (fields, expected) in [
        (String::new(), 403),
        ("\r\nX-Frontgate-Page: ".to_owned(), 403),
        (format!("\r\nX-Frontgate-Page: {token}0"), 403),
        (format!("\r\nX-Frontgate-Page: {token}\r\nOrigin: https://elsewhere.example"), 403),
        (format!("\r\nX-Frontgate-Page: {token}"), 404),
    ] {
        let head = format!("POST /page/close?id=none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0{fields}");
        assert_eq!(page(proxy.admin(), &head, "").await.status(), expected, "{fields}");
    }
    for path in ["/", "/events"] {
        let head = format!("GET {path} HTTP/1.1\r\nHost: rebound.example");
        assert_eq!(page(proxy.admin(), &head, "").await.status(), 403, "{path}");
    }
}

#[tokio::test]
async fn a_browser_shows_the_token_once_and_then_a_cookie_that_opens_the_page_alone() {
    let binary =
        binary().config(LISTEN).config("admin: { address: \"127.0.0.1:0\", token: plain-s3cret }").start().await;
    let at = binary.admin.unwrap();
    let asked = page(at, "GET / HTTP/1.1\r\nHost: localhost", "").await;
    assert_eq!(asked.status(), 401);
    assert!(asked.body_text().contains("action=\"/login\"") && !asked.body_text().contains("TOKEN"));
    // Else a browser would send its form with `Origin: null`.
    assert_eq!(asked.field("referrer-policy").as_deref(), Some("same-origin"));
    let login = |form: &str, fields: &str| {
        let head = format!("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}{fields}", form.len());
        let form = form.to_owned();
        async move { page(at, &head, &form).await }
    };
    assert_eq!(login("token=plain-s3cre", "").await.status(), 401);
    assert_eq!(login("token=plain-s3cret", "\r\nOrigin: https://elsewhere.example").await.status(), 403);
    assert_eq!(login(&format!("token={}", "x".repeat(5000)), "").await.status(), 400);
    assert_eq!(login("token=plain-s3cret", "\r\nOrigin: null\r\nSec-Fetch-Site: same-origin").await.status(), 403);
    let from_page = "\r\nOrigin: http://localhost\r\nSec-Fetch-Site: same-origin";
    let granted = login("token=plain-s3cret", from_page).await;
    assert_eq!((granted.status(), granted.field("location").as_deref()), (303, Some("/")));
    let cookie = granted.field("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict") && !cookie.contains("s3cret"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    for (head, expected) in [
        ("GET / HTTP/1.1", 200),
        ("GET /status HTTP/1.1", 401),
        ("POST /reload HTTP/1.1", 401),
        ("DELETE /connections/x HTTP/1.1", 401),
        ("POST /page/close?id=x HTTP/1.1", 403),
        ("POST /page/doctor HTTP/1.1", 403),
    ] {
        let head = format!("{head}\r\nHost: localhost\r\nContent-Length: 0\r\nCookie: {cookie}");
        assert_eq!(page(at, &head, "").await.status(), expected, "{head}");
    }
    assert_eq!(page(at, "GET /events HTTP/1.1\r\nHost: localhost", "").await.status(), 401);
    assert!(!binary.printed().contains("s3cret"));
}

#[tokio::test]
async fn the_doctor_looks_when_the_page_asks_and_once_at_a_time() {
    // It takes a connection and says nothing, which a look waits for.
    let gateway = gateway().playing(|mut connection| async move { drop(connection.rest().await) }).await;
    let binary = binary()
        .config(LISTEN)
        .config(&format!("upstream: {}", gateway.upstream))
        .config("admin: { address: \"127.0.0.1:0\", token: plain-s3cret }")
        .start()
        .await;
    let at = binary.admin.unwrap();
    let token = "\r\nHost: localhost\r\nAuthorization: Bearer plain-s3cret\r\nContent-Length: 0";
    let shown = page(at, &format!("GET / HTTP/1.1{token}"), "").await.body_text();
    let shown = shown.split("const TOKEN = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let ask = format!("POST /page/doctor HTTP/1.1{token}");
    assert_eq!(page(at, &ask, "").await.status(), 403);
    let before = gateway.connections();
    let ask = ask + "\r\nX-Frontgate-Page: " + &shown;
    let second = async {
        within("the look to begin", async {
            while gateway.connections() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        page(at, &ask, "").await
    };
    let (report, refused) = tokio::join!(page(at, &ask, ""), second);
    assert_eq!((refused.status(), refused.body_text().contains("looks already")), (409, true));
    assert_eq!(report.status(), 200, "{}", report.body_text());
    let said: Value = serde_json::from_slice(&report.body).unwrap();
    let found = said["findings"].as_array().unwrap();
    assert!(found.iter().any(|one| one["severity"] == "broken"), "{said}");
    // It has found this very process, whatever port that listens at.
    assert!(found.iter().all(|one| one["id"] != "frontgate_not_running"), "{said}");
    for one in found {
        let texts = one["fix"].as_array().unwrap().iter().chain([&one["what"], &one["why"]]);
        assert!(texts.clone().count() > 2 && texts.into_iter().all(Value::is_string), "{one}");
    }
    assert!(!report.body_text().contains("s3cret"));
}

async fn page(at: std::net::SocketAddr, head: &str, body: &str) -> Message {
    let mut client = Wire::new(dial(at).await);
    client.send(format!("{head}\r\nConnection: close\r\n\r\n{body}")).await;
    client.response().await
}
