//! What is wrong with a frontgate that runs: broken for real, found, mended as the finding says, gone.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use super::{NOT_FOUND, server};
use crate::cli::frontgate_in;
use crate::harness::{Binary, binary};
use crate::websocket::frame::Frame;
use crate::websocket::scene::{Via, scene_of_binary};

/// An admin listener that doctor finds by the config.
fn admin(folder: &Path) -> String {
    format!("admin: \"unix:{}\"", folder.join("admin.sock").display())
}

/// The ids of what is found with that config, besides that the server behind it is no gateway.
fn found(file: &Path, env: &[(&str, &str)]) -> Vec<String> {
    let args = ["doctor", "-c", file.file_name().unwrap().to_str().unwrap(), "--json"];
    let ran = frontgate_in(file.parent().unwrap(), &args, env);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let ids = told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
    ids.filter(|id| id != "not_a_gateway").collect()
}

/// Runs a command of the operator's.
fn command(binary: &Binary, name: &str) -> i32 {
    let file = binary.config_file();
    frontgate_in(file.parent().unwrap(), &[name, "-c", file.to_str().unwrap()], &[]).code
}

async fn started(folder: &Path, lines: &[&str]) -> Binary {
    let upstream = format!("upstream: http://{}", server(NOT_FOUND));
    let builder = binary().config(&admin(folder)).config(&upstream);
    lines.iter().fold(builder, |builder, line| builder.config(line)).start().await
}

#[tokio::test]
async fn a_refused_reload_is_found_until_one_is_done() {
    let folder = TempDir::new().unwrap();
    let binary = started(folder.path(), &[]).await;
    let file = binary.config_file();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(found(&file, &[]), [""; 0]);

    // While the config is wrong, it is said where.
    fs::write(&file, format!("{text}timeouts: {{ drain: soon }}\n")).unwrap();
    assert_eq!(command(&binary, "reload"), 1);
    let ran = frontgate_in(folder.path(), &["doctor", "-c", file.to_str().unwrap()], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains(":5:20: timeouts.drain: "), "{ran:?}");
    // As an operator finds it that looks with another config, or has just mended it.
    let copy = file.with_file_name("copy.yaml");
    fs::write(&copy, &text).unwrap();
    assert_eq!(found(&copy, &[]), ["reload_refused", "other_config"]);

    fs::write(&file, &text).unwrap();
    assert_eq!(command(&binary, "reload"), 0);
    assert_eq!(found(&file, &[]), [""; 0]);
}

#[tokio::test]
async fn a_frontgate_that_stops_is_found_and_gone_when_it_is_started_again() {
    let folder = TempDir::new().unwrap();
    let lines = [&*admin(folder.path()), "timeouts: { drain: 10m }"];
    let mut scene = scene_of_binary(&lines).await;
    let (mut client, mut gateway) = scene.open(Via::Tls).await;
    // The scene's gateway answers only its own client, so asking it takes its time; the frontgate that runs is asked
    // all the same.
    let file = folder.path().join("frontgate.yaml");
    let listen = "listen: { https: [\"127.0.0.1:0\"] }";
    fs::write(&file, format!("{}\n{listen}\nupstream: http://{}\n", lines[0], server(NOT_FOUND))).unwrap();
    assert_eq!(found(&file, &[]), [""; 0]);

    assert_eq!(command(&scene.proxy, "drain"), 0);
    client.expect(Frame::close(1012, "service restart").bare()).await;
    assert_eq!(found(&file, &[]), ["frontgate_draining"]);
    scene.proxy.line(|line| line["message"] == "closing the listeners").await;
    assert_eq!(found(&file, &[]), ["frontgate_draining"]);

    client.write(Frame::close(1012, "").masked()).await;
    gateway.frame().await;
    gateway.write(Frame::close(1001, "").bare()).await;
    assert_eq!(scene.proxy.ended().await.code(), Some(0));
    assert_eq!(found(&file, &[]), ["frontgate_not_running"]);
    let _again = scene_of_binary(&lines).await;
    assert_eq!(found(&file, &[]), [""; 0]);
}

#[tokio::test]
async fn a_frontgate_that_may_open_few_files_is_found_and_gone_with_a_higher_limit() {
    for (limit, expected) in [(300, &["few_files"][..]), (4096, &[])] {
        let folder = TempDir::new().unwrap();
        let upstream = format!("upstream: http://{}", server(NOT_FOUND));
        let binary = binary().config(&admin(folder.path())).config(&upstream).open_files(limit).start().await;
        // The limit of the process counts, not that of the shell that doctor is started from.
        assert_eq!(found(&binary.config_file(), &[]), expected, "{limit}");
    }
}

#[tokio::test]
async fn a_chain_without_its_intermediate_is_found_and_gone_with_the_full_chain() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let ca = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = ca("a root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(ca("a root"), root_key);
    let between_key = KeyPair::generate().unwrap();
    let between = ca("an intermediate").signed_by(&between_key, &root_issuer).unwrap();
    let issuer = Issuer::new(ca("an intermediate"), between_key);
    let mut params = CertificateParams::new(vec!["gw.lan".to_owned()]).unwrap();
    // As every public authority does, it says where its issuer's certificate is to be had (RFC 5280, 4.2.2.1).
    let mut access = b"\x30\x1e\x30\x1c\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02\x86\x10".to_vec();
    access.extend(b"http://ca.test/i");
    params.custom_extensions.push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access));
    let leaf = params.signed_by(&key, &issuer).unwrap();

    let (cert, key) = (write("cert.pem", &leaf.pem()), write("key.pem", &key.serialize_pem()));
    let trusted = write("root.pem", &root.pem());
    let env = [("SSL_CERT_FILE", trusted.as_str())];
    let tls = format!("tls: {{ names: [gw.lan], certificate: {{ cert: \"{cert}\", key: \"{key}\" }} }}");
    let binary = started(folder.path(), &[&tls]).await;
    let file = binary.config_file();
    let ids = |env: &[(&str, &str)]| {
        let mut ids = found(&file, env);
        ids.retain(|id| id.starts_with("tls_"));
        ids
    };
    assert_eq!(ids(&env), ["tls_chain"]);
    write("cert.pem", &(leaf.pem() + &between.pem()));
    assert_eq!(command(&binary, "reload"), 0);
    assert_eq!(ids(&env), [""; 0]);
    // The chain is whole, and this system does not know its root.
    write("root.pem", &rcgen::generate_simple_self_signed(["other.lan".to_owned()]).unwrap().cert.pem());
    assert_eq!(ids(&env), ["tls_untrusted"]);
}

#[tokio::test]
async fn a_public_certificate_that_does_not_come_is_found_and_gone_without_the_wish_for_one() {
    let folder = TempDir::new().unwrap();
    // The gateway accepts connections, as every listener's queue does, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = format!("directory: \"https://{}/dir\"", silent.local_addr().unwrap());
    let acme = format!("tls: {{ names: [gw.test], certificate: acme, acme: {{ {directory} }} }}");
    let binary = started(folder.path(), &[&acme]).await;
    assert_eq!(found(&binary.config_file(), &[]), ["acme_waiting"]);
    drop(binary);
    let binary = started(folder.path(), &["tls: { names: [gw.test] }"]).await;
    assert_eq!(found(&binary.config_file(), &[]), [""; 0]);
}
