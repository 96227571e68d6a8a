//! `cert show` under `certificate: acme`: what clients get, and not what else there is.

use std::fs;

use frontgate::tls::Fingerprint;
use tokio::task::spawn_blocking;

use crate::cli::{Ran, frontgate_in};
use crate::harness::{Binary, binary, within};

async fn show(binary: &Binary, json: bool) -> Ran {
    let (file, folder) = (binary.config_file(), binary.config_file().parent().unwrap().to_owned());
    let run = move || {
        let args = ["cert", "show", "-c", file.to_str().unwrap(), "--json"];
        frontgate_in(&folder, if json { &args } else { &args[..4] }, &[])
    };
    within("the command", spawn_blocking(run)).await.unwrap()
}

#[tokio::test]
async fn what_clients_get_is_shown_while_it_runs_and_what_they_would_get_when_not() {
    let made = rcgen::generate_simple_self_signed(["gw.example.com".to_owned()]).unwrap();
    let public = Fingerprint::of(made.cert.der()).to_string();
    let address = std::net::TcpListener::bind("127.0.0.9:0").unwrap().local_addr().unwrap();
    let tls =
        "tls: { names: [gw.example.com], certificate: acme, acme: { directory: \"https://127.0.0.9:1/directory\" } }";
    let listen = format!("listen: {{ https: [\"{address}\"] }}");
    let mut binary = binary().config(&listen).config(tls).start().await;
    let ran = show(&binary, false).await;
    let expected = format!(
        "Certificate: gw.example.com, as frontgate shows it at {address}\n  served: the local certificate, since there is no public one for this name yet\n"
    );
    assert!(ran.code == 0 && ran.stdout.starts_with(&expected) && !ran.stdout.contains(&public), "{ran:?}");

    let folder = binary.config_file().parent().unwrap().join("state/acme/127.0.0.9_1_directory");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("gw.example.com.pem"), made.signing_key.serialize_pem() + &made.cert.pem()).unwrap();
    // Another state of the config, so that the store is opened anew.
    let text = fs::read_to_string(binary.config_file()).unwrap();
    fs::write(binary.config_file(), text.replace("/directory\" }", "/directory\", email: a@b.example }")).unwrap();
    binary.signal(rustix::process::Signal::HUP);
    binary.line(|line| line["message"] == "configuration reloaded").await;
    let ran = show(&binary, true).await;
    let told: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told[0]["tlsFingerprint"], &told[0]["name"]), (&public.as_str().into(), &"gw.example.com".into()));
    assert!(told[0]["note"].as_str().unwrap().starts_with("served: the public certificate"), "{told}");

    assert_eq!(binary.terminate().await.code(), Some(0));
    let ran = show(&binary, false).await;
    assert!(
        ran.stdout.contains("NOT asked of frontgate (connection refused)") && ran.stdout.contains(&public),
        "{ran:?}"
    );
}
