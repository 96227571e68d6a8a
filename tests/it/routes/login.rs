//! Users and passwords, on the wire.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{called, get, upgrade};
use crate::harness::{Gateway, binary, gateway, proxy};
use crate::websocket::peer::SWITCHED;

/// `ann` with `hush` by bcrypt, `bob` with `quiet` by argon2, and two routes that ask for them.
fn routes() -> String {
    let ann = bcrypt::hash_with_salt("hush", 4, [7; 16]).expect("a hash").to_string();
    let params = argon2::Params::new(8, 1, 1, None).expect("a cost");
    let argon2 = argon2::Argon2::default();
    let bob = argon2::password_hash::CustomizedPasswordHasher::hash_password_customized(
        &argon2,
        b"quiet",
        b"some salt",
        None,
        None,
        params,
    );
    let bob = bob.expect("a hash");
    format!(
        "
routes:
  - path: /team
    auth: {{ basic: {{ ann: '{ann}', bob: '{bob}' }}, user_header: X-Forwarded-User }}
    request_headers: {{ set: {{ X-Team: blue }} }}
    response_headers: {{ set: {{ X-Frame-Options: DENY }} }}
  - {{ path: /ann, auth: {{ basic: {{ ann: '{ann}' }} }} }}
  - {{ path: /private, respond: 404, auth: {{ basic: {{ ann: '{ann}' }} }} }}
  - {{}}
"
    )
}

fn basic(pair: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(pair))
}

fn ask(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: gw\r\n{fields}\r\n")
}

#[tokio::test]
async fn only_users_get_to_the_gateway_and_it_learns_their_names() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let mut client = proxy.plain_client().await;
    for (target, fields, expected) in [
        ("/team", String::new(), 401),
        ("/team", basic("ann:wrong"), 401),
        ("/team", basic("eve:hush"), 401),
        ("/team", basic("ann:quiet"), 401),
        ("/team", basic("ann"), 401),
        ("/team", basic("ann:hush") + &basic("bob:quiet"), 401),
        ("/team", "Authorization: Bearer hush\r\n".to_owned(), 401),
        ("/%74eam/x", String::new(), 401),
        ("/x/../team", String::new(), 401),
        ("//evil/team", String::new(), 400),
        ("/ann", basic("bob:quiet"), 401),
        ("/private", String::new(), 401),
        ("/private", basic("ann:hush"), 404),
    ] {
        client.send(ask(target, &fields)).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), expected, "{target} {fields}");
        let challenge = (expected == 401).then(|| "Basic realm=\"frontgate\", charset=\"UTF-8\"".to_owned());
        assert_eq!(answer.field("www-authenticate"), challenge, "{target} {fields}");
        let framed = target.contains("eam") && expected == 401;
        assert_eq!(answer.field("x-frame-options").is_some(), framed, "{target}: the page has the route's fields");
        if expected == 401 {
            assert!(answer.body_text().contains("code: login_required"), "{}", answer.text());
        }
        assert_eq!(gateway.unexpected(), None, "{target} {fields}");
    }
    for (pair, user) in [("ann:hush", "ann"), ("bob:quiet", "bob"), ("ann:hush", "ann")] {
        let forged = "X-Forwarded-User: root\r\nx_forwarded_user: root\r\n";
        client.send(ask("/team", &(basic(pair) + forged))).await;
        assert_eq!(client.response().await.body_text(), "one");
        let request = gateway.request().await;
        assert_eq!(request.field("x-forwarded-user").as_deref(), Some(user));
        assert_eq!(request.field("x_forwarded_user"), None);
        assert_eq!(request.field("authorization"), None, "it was meant for frontgate");
        assert_eq!(request.field("x-team").as_deref(), Some("blue"));
    }
    // Where frontgate asks for no login, no client says which user it is. The browser sends its password there too; it
    // is still meant for frontgate.
    for (authorization, passes) in [(basic("ann:hush"), false), ("Authorization: Bearer t\r\n".to_owned(), true)] {
        client.send(ask("/", &(authorization + "X-Forwarded-User: root\r\n"))).await;
        assert_eq!(client.response().await.status(), 200);
        let request = gateway.request().await;
        assert_eq!(request.field("x-forwarded-user"), None);
        assert_eq!(request.field("authorization").is_some(), passes);
    }
}

#[tokio::test]
async fn a_trusted_proxy_cannot_name_the_user_either() {
    let mut gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).unix().start().await;
    let mut client = proxy.unix_client().await;
    client.send(ask("/", "X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-User: root\r\n")).await;
    assert_eq!(client.response().await.status(), 200);
    let request = gateway.request().await;
    assert_eq!(request.field("x-forwarded-for").as_deref(), Some("203.0.113.5"));
    assert_eq!(request.field("x-forwarded-user"), None);
}

/// A gateway that grants every WebSocket.
async fn granting() -> Gateway {
    gateway()
        .playing(|mut connection| async move {
            connection.request().await;
            connection.send(SWITCHED).await;
            connection.closed().await;
        })
        .await
}

#[tokio::test]
async fn a_websocket_needs_a_login_before_the_gateway_hears_of_it() {
    let mut gateway = granting().await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).plain().start().await;
    let mut client = proxy.plain_client().await;
    client.send(upgrade("gw", "/team", "")).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.field("www-authenticate").is_some()), (401, true));
    assert_eq!((gateway.connections(), gateway.unexpected()), (0, None));
    // On the same connection, as browsers do it.
    client.send(upgrade("gw", "/team", &basic("ann:hush"))).await;
    assert!(client.head().await.starts_with("HTTP/1.1 101 "));
    let request = gateway.request().await;
    assert_eq!((request.field("x-forwarded-user").as_deref(), request.field("authorization")), (Some("ann"), None));
}

#[tokio::test]
async fn the_log_has_the_user_and_never_the_password() {
    let gateway = called("one").await;
    let mut binary = binary()
        .upstream(&gateway)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config("log: { level: debug }")
        .config(&routes())
        .start()
        .await;
    let mut client = binary.plain_client().await;
    client.send(ask("/team", &basic("ann:hush"))).await;
    assert_eq!(client.response().await.status(), 200);
    let line = binary.access().await;
    assert_eq!((&line["user"], &line["route"]), (&"ann".into(), &"/team".into()));
    client.send(ask("/team", &basic("ann:hushhush"))).await;
    assert_eq!(client.response().await.status(), 401);
    let line = binary.access().await;
    assert_eq!((&line["user"], &line["failure"]), (&serde_json::Value::Null, &"login_required".into()));
    client.send(get("gw", "/")).await;
    assert_eq!(client.response().await.status(), 200);
    binary.access().await;
    let said = binary.printed();
    assert!(said.contains("\"ann\"") && said.contains("request failed"), "{said}");
    for secret in ["hush", &STANDARD.encode("ann:hush"), "$2b$", "$argon2"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

#[tokio::test]
async fn over_http2_it_is_the_same() {
    let gateway = called("one").await;
    let proxy = proxy().upstream(&gateway).routes(&routes()).start().await;
    let mut client = proxy.http2().await;
    let answer = client.get("https://localhost/team").await;
    assert_eq!((answer.status, answer.headers.contains_key("www-authenticate")), (401, true));
    let request = http::Request::get("https://localhost/team")
        .header("authorization", format!("Basic {}", STANDARD.encode("bob:quiet")))
        .body(crate::harness::empty())
        .expect("a request");
    assert_eq!(client.ask(request).await.status, 200);
}

#[tokio::test]
async fn a_client_that_guesses_has_to_wait_and_no_other() {
    let gateway = called("one").await;
    let mut binary = binary()
        .upstream(&gateway)
        .config(r#"listen: { https: ["127.0.0.1:0"], plain: ["127.0.0.1:0"] }"#)
        .config("forwarded: { trusted_proxies: [127.0.0.1] }")
        .config(&routes())
        .start()
        .await;
    let from = |client: &str, pair: &str| ask("/team", &format!("X-Forwarded-For: {client}\r\n{}", basic(pair)));
    // As many at once as a hundred attackers have, from as many networks as they have and from one.
    let mut attackers = Vec::new();
    for number in 0..120_u32 {
        let client = if number < 40 { "198.51.100.7".to_owned() } else { format!("2001:db8:{number:x}::1") };
        let mut wire = binary.plain_client().await;
        wire.send(from(&client, &format!("ann:wrong-{number}"))).await;
        attackers.push(wire);
    }
    let mut honest = binary.plain_client().await;
    for (client, pair) in [("192.0.2.1", "ann:hush"), ("192.0.2.2", "bob:quiet")] {
        honest.send(from(client, pair)).await;
        assert_eq!(honest.response().await.status(), 200, "{client}");
    }
    let mut refused = 0;
    for attacker in &mut attackers {
        let answer = attacker.response().await;
        match answer.status() {
            401 => assert!(answer.field("retry-after").is_none()),
            429 => {
                let seconds: u32 = answer.field("retry-after").expect("a time").parse().expect("seconds");
                assert!((1..=10).contains(&seconds), "{seconds}");
                assert!(answer.body_text().contains("code: too_many_logins"), "{}", answer.text());
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(refused >= 25, "{refused} of the 40 from one network; it may fail 10 times, and once more every 6 s");
    // The same network, and a user that is logged in already, also from there.
    for (pair, status) in [("bob:wrong", 429), ("eve:hush", 429), ("ann:hush", 200)] {
        honest.send(from("198.51.100.7", pair)).await;
        assert_eq!(honest.response().await.status(), status, "{pair}");
    }
    let failed = binary.line(|line| line["message"] == "login failed").await;
    assert_eq!((&failed["level"], &failed["user"]), (&"INFO".into(), &"ann".into()), "{failed}");
    assert!(
        failed["client"].as_str().is_some_and(|client| client.contains(':') || client.contains("198.51")),
        "{failed}"
    );
}
