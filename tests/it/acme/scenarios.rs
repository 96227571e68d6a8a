//! The real program against Pebble, which refuses one nonce in five.

use futures_util::{SinkExt, StreamExt, future};
use serde_json::json;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio_tungstenite::tungstenite::Message;

use super::gate::{Gate, local_ca};
use super::pebble::{Pebble, free_port};
use super::server::Authority;

#[tokio::test]
async fn a_name_and_an_address_get_certificates_by_either_challenge() {
    for challenge in ["tls-alpn-01", "http-01"] {
        let Some(mut pebble) = Pebble::new() else { return };
        pebble.start().await;
        let state = TempDir::new().unwrap();
        let mut gate = Gate::start(&pebble, "gw.test, 127.0.0.1", &format!("challenge: [{challenge}]"), &state).await;
        gate.certified("gw.test").await;
        gate.certified("127.0.0.1").await;
        let root = pebble.root().await;
        for name in ["gw.test", "127.0.0.1"] {
            gate.serial(name, &root).await.unwrap_or_else(|error| panic!("{challenge}, {name}: {error}"));
        }
        gate.serial("localhost", &local_ca(state.path())).await.expect("the local one for everything else");
    }
}

/// As a private authority often shows: then its certificate is both the server's and its own issuer.
#[tokio::test]
async fn a_directory_whose_certificate_signed_itself_is_known_by_its_file() {
    let Some(pebble) = Pebble::new() else { return };
    let mut pebble = pebble.marked_as_ca();
    pebble.start().await;
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "gw.test", "email: ann@example.com", &state).await;
    gate.certified("gw.test").await;
    gate.serial("gw.test", &pebble.root().await).await.unwrap();

    // Another file is trusted, and only that: nothing is ordered there.
    let Some(other) = Pebble::new() else { return };
    let other = other.marked_as_ca();
    let (theirs, another) = (pebble.acme(), other.acme());
    let (directory, ca_file) = (theirs.split_once(", ").unwrap().0, another.split_once(", ").unwrap().1);
    let (state, looks) = (TempDir::new().unwrap(), (free_port(), free_port()));
    let mut gate = Gate::listening("gw.test", &format!("{directory}, {ca_file}"), &state, looks).await;
    let said = gate.line("the certificate authority does not answer", |_| true).await;
    assert!(said["why"].as_str().unwrap().contains("invalid peer certificate"), "{said}");
}

#[tokio::test]
async fn a_refused_name_hurts_no_other_and_is_named_with_the_reason() {
    let Some(mut pebble) = Pebble::new() else { return };
    pebble.start().await;
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "refused.test, gw.test", "email: ann@example.com", &state).await;
    let said = gate.line("no public certificate yet", |line| line["name"] == "refused.test").await;
    let why = said["why"].as_str().unwrap();
    assert!(why.starts_with("the authority gives no certificate for refused.test ("), "{why}");
    gate.certified("gw.test").await;
    gate.serial("gw.test", &pebble.root().await).await.unwrap();
    gate.serial("refused.test", &local_ca(state.path())).await.unwrap();
}

#[tokio::test]
async fn where_one_challenge_cannot_work_the_other_does() {
    let Some(mut pebble) = Pebble::new() else { return };
    pebble.start().await;
    let state = TempDir::new().unwrap();
    // As seen from outside, port 443 leads to nowhere.
    let elsewhere = free_port();
    let listen = (elsewhere, pebble.looks().http);
    let mut gate = Gate::listening("gw.test", &pebble.acme(), &state, listen).await;
    gate.certified("gw.test").await;
    gate.serial("gw.test", &pebble.root().await).await.unwrap();
}

#[tokio::test]
async fn ports_that_cannot_be_reached_are_named() {
    let Some(mut pebble) = Pebble::new() else { return };
    pebble.start().await;
    let state = TempDir::new().unwrap();
    let mut gate = Gate::listening("gw.test", &pebble.acme(), &state, (free_port(), free_port())).await;
    let said = gate.line("no public certificate yet", |_| true).await;
    let why = said["why"].as_str().unwrap();
    for port in [443, 80] {
        assert!(why.contains(&format!("port {port} of gw.test cannot be reached from outside")), "{why}");
    }
    assert!(said["next"].is_string() && said["failures"] == 1, "{said}");
    gate.serial("gw.test", &local_ca(state.path())).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_is_down_at_first_is_no_reason_not_to_serve() {
    let Some(mut pebble) = Pebble::new() else { return };
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "gw.test", "email: ann@example.com", &state).await;
    gate.line("the certificate authority does not answer", |_| true).await;
    gate.serial("gw.test", &local_ca(state.path())).await.unwrap();
    assert_eq!(gate.certificate_findings().await, ["acme_waiting"]);
    pebble.start().await;
    gate.certified("gw.test").await;
    gate.serial("gw.test", &pebble.root().await).await.unwrap();
    // No system trusts Pebble's root, which is as it should be.
    assert_eq!(gate.certificate_findings().await, [""; 0]);
}

#[tokio::test]
async fn a_restart_shows_the_certificate_at_once_and_keeps_the_account() {
    let Some(mut pebble) = Pebble::new() else { return };
    pebble.start().await;
    let root = pebble.root().await;
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "gw.test", "email: ann@example.com", &state).await;
    gate.certified("gw.test").await;
    let serial = gate.serial("gw.test", &root).await.unwrap();
    let account = || {
        let file = std::fs::read_dir(state.path().join("state/acme")).unwrap().next().unwrap().unwrap();
        std::fs::read_to_string(file.path().join("account.json")).unwrap()
    };
    let kept = account();
    drop(gate);

    let mut gate = Gate::start(&pebble, "gw.test, more.test", "email: bob@example.com", &state).await;
    assert_eq!(gate.serial("gw.test", &root).await.unwrap(), serial);
    gate.certified("more.test").await;
    gate.serial("more.test", &root).await.unwrap();
    assert!(!gate.printed.iter().any(|line| line.contains("opened an account")), "{:#?}", gate.printed);
    assert_eq!(account(), kept.replace("ann@", "bob@"));
    drop(gate);

    // Another day, when the authority is gone.
    pebble.stop();
    let gate = Gate::start(&pebble, "gw.test, more.test", "email: bob@example.com", &state).await;
    assert_eq!(gate.serial("gw.test", &root).await.unwrap(), serial);
}

#[tokio::test]
async fn of_two_processes_on_one_state_directory_one_orders_and_both_show() {
    let Some(mut pebble) = Pebble::new() else { return };
    let state = TempDir::new().unwrap();
    let mut first = Gate::start(&pebble, "gw.test", "email: ann@example.com", &state).await;
    let listen = (free_port(), free_port());
    let mut second = Gate::listening("gw.test", &pebble.acme(), &state, listen).await;
    assert!(second.printed.iter().any(|line| line.contains("another frontgate")), "{:#?}", second.printed);
    pebble.start().await;
    first.certified("gw.test").await;
    // The second process takes over what the first has left, and the certificate that the first has obtained.
    drop(first);
    second.line("this frontgate orders the public certificates from here on", |_| true).await;
    second.serial("gw.test", &pebble.root().await).await.unwrap();
    assert!(!second.printed.iter().any(|line| line.contains("ordering a public certificate")), "{:#?}", second.printed);
}

#[tokio::test]
async fn a_renewal_is_noticed_by_handshakes_and_by_no_live_websocket() {
    let Some(pebble) = Pebble::new() else { return };
    let mut pebble = pebble.config("certificateValidityPeriod", json!(45));
    pebble.start().await;
    let root = pebble.root().await;
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "gw.test", "email: ann@example.com", &state).await;
    gate.certified("gw.test").await;
    let before = gate.serial("gw.test", &root).await.unwrap();
    let mut sockets = future::join_all((0..100).map(|_| gate.websocket("gw.test", &root))).await;
    // Two thirds of the certificate's life later.
    gate.certified("gw.test").await;
    let after = gate.serial("gw.test", &root).await.unwrap();
    assert_ne!(before, after);
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(Message::text(format!("still here, {number}"))).await.unwrap();
        // Pings of frontgate's own may come first.
        let echoed = loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Ping(_) => {}
                other => break other,
            }
        };
        assert_eq!(echoed, Message::text(format!("still here, {number}")));
    }
    let ended = gate.printed.iter().filter(|line| line.contains("\"message\":\"websocket\"")).count();
    assert_eq!((sockets.len(), ended), (100, 0));
}

#[tokio::test]
async fn an_external_account_is_bound_and_its_key_never_printed() {
    let Some(pebble) = Pebble::new() else { return };
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let mut pebble = pebble
        .config("externalAccountBindingRequired", json!(true))
        .config("externalAccountMACKeys", json!({ "kid-1": key }));
    pebble.start().await;
    for (eab, why) in [
        ("email: ann@example.com".to_owned(), "wants an account that it knows already: set tls.acme.eab"),
        (format!("eab: {{ kid: kid-2, hmac: {key} }}"), "does not know this external account: check tls.acme.eab"),
    ] {
        let mut gate = Gate::start(&pebble, "gw.test", &eab, &TempDir::new().unwrap()).await;
        let said = gate.line("no public certificate yet", |_| true).await;
        assert!(said["why"].as_str().unwrap().contains(why), "{said}");
        assert!(!gate.printed.iter().any(|line| line.contains(&key[10..20])), "{:#?}", gate.printed);
    }
    let state = TempDir::new().unwrap();
    let mut gate = Gate::start(&pebble, "gw.test", &format!("eab: {{ kid: kid-1, hmac: {key} }}"), &state).await;
    gate.certified("gw.test").await;
    gate.serial("gw.test", &pebble.root().await).await.unwrap();
    assert!(!gate.printed.iter().any(|line| line.contains(&key[10..20])), "{:#?}", gate.printed);
}

/// This test needs no Pebble, which knows neither profiles nor renewal information.
#[tokio::test]
async fn the_authoritys_advice_and_profiles_are_followed_over_the_wire() {
    let authority = Authority::new(OffsetDateTime::now_utc);
    authority.books().profiles.insert("shortlived", Duration::minutes(2));
    authority.books().profiles.insert("", Duration::minutes(2));
    authority.books().window = Some(|came| (came + Duration::minutes(1), came + Duration::minutes(2)));
    let served = authority.serve().await;
    let state = TempDir::new().unwrap();
    let ports = (free_port(), free_port());
    let mut gate = Gate::listening("gw.test, 127.0.0.1", &served.acme, &state, ports).await;
    gate.certified("gw.test").await;
    gate.certified("127.0.0.1").await;
    gate.line("the authority says when to renew", |line| line["name"] == "127.0.0.1").await;
    let first = authority.books().orders.clone();
    let profiles: Vec<_> = first.iter().map(|order| order.profile.as_deref()).collect();
    assert_eq!(profiles, [None, Some("shortlived")]);
    assert_eq!(authority.books().looks.len(), 2);
    drop(gate);

    // frontgate looks again when it starts; a window that moved to the past means a renewal a sixth of the life after
    // the certificate came.
    authority.books().window = Some(|came| (came - Duration::DAY, came));
    let mut gate = Gate::listening("gw.test, 127.0.0.1", &served.acme, &state, ports).await;
    let is_new = |line: &serde_json::Value, name: &str| line["name"] == name && line["message"] == "public certificate";
    for name in ["gw.test", "127.0.0.1"] {
        gate.line("ordering a public certificate", |line| line["name"] == name).await;
        gate.line("public certificate", |line| is_new(line, name)).await;
    }
    let orders = authority.books().orders.clone();
    assert_eq!(orders.len(), 4, "{orders:?}");
    for (before, after) in [(0, 2), (1, 3)] {
        let waited = orders[after].at - orders[before].at;
        assert!(waited >= Duration::seconds(18) && orders[after].replaces.is_some(), "{waited} {orders:?}");
    }
}
