//! Certificates in files, and what becomes of them while clients are connected.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use frontgate::config::{Certificate, UpstreamAddress};
use frontgate::tls::Fingerprint;
use tokio::net::TcpListener;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::OK;
use super::made::{Ca, Folder, Made};
use super::seeing::{Seeing, client, shown};
use crate::harness::{Doors, binary, gateway, proxy, within};
use crate::websocket::frame::Frame;
use crate::websocket::peer::{Peer, UPGRADE};

/// Puts another pair in place of the one that is there.
type Replace = fn(&Folder, &Made, u32);

#[tokio::test]
async fn files_that_are_replaced_are_shown_to_the_next_client_while_the_others_live_on() {
    let ca = Ca::new();
    let ways: [(&str, Replace); 4] = [
        ("written over", |folder, made, _| {
            folder.put("gw", made);
        }),
        ("renamed", |folder, made, _| {
            let other = folder.put("next", made);
            fs::rename(other.cert, folder.file("gw.pem")).unwrap();
            fs::rename(other.key, folder.file("gw.key")).unwrap();
        }),
        // As certbot does: live/ links into archive/, and the links are replaced.
        ("linked", |folder, made, turn| {
            let other = folder.put(&format!("archive/gw{turn}"), made);
            for (target, link) in [(other.cert, "gw.pem"), (other.key, "gw.key")] {
                relink(&target, &folder.file(link));
            }
        }),
        // As Kubernetes does: the files are links through `..data`, which is replaced.
        ("swapped", |folder, made, turn| {
            folder.put(&format!("..2026_{turn}/gw"), made);
            relink(Path::new(&format!("..2026_{turn}")), &folder.file("..data"));
        }),
    ];
    for (way, replace) in ways {
        let first = ca.signed(&["gw.example.com"]);
        let folder = Folder::new();
        match way {
            "linked" => {
                let made = folder.put("archive/gw1", &first);
                relink(&made.cert, &folder.file("gw.pem"));
                relink(&made.key, &folder.file("gw.key"));
            }
            "swapped" => {
                folder.put("..2026_1/gw", &first);
                relink(Path::new("..2026_1"), &folder.file("..data"));
                for name in ["gw.pem", "gw.key"] {
                    relink(&Path::new("..data").join(name), &folder.file(name));
                }
            }
            _ => _ = folder.put("gw", &first),
        }
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = upstream.local_addr().unwrap().port();
        let files = folder.files("gw");
        let proxy = proxy()
            .config(|config| {
                config.upstream = UpstreamAddress::Http { host: "127.0.0.1".to_owned(), port };
                config.tls.certificate = Certificate::Files(vec![files]);
            })
            .start()
            .await;
        let (mut socket, mut behind) = websocket(&proxy, &upstream).await;
        assert_eq!(shown(&proxy, "gw.example.com").await, first.der, "{way}");

        // Several times, since the paths that are watched change with each.
        for turn in 2..5 {
            let next = ca.signed(&["gw.example.com"]);
            replace(&folder, &next, turn);
            until_shown(&proxy, "gw.example.com", &next, way).await;
        }
        socket.write(Frame::text("still here").masked()).await;
        behind.expect(Frame::text("still here").masked()).await;
        behind.write(Frame::text("so am I").bare()).await;
        socket.expect(Frame::text("so am I").bare()).await;
    }
}

#[tokio::test]
async fn bad_files_are_refused_with_the_reason_and_the_old_ones_stay() {
    let gateway = gateway().answering(OK).await;
    let ca = Ca::new();
    let (folder, good, other) = (Folder::new(), ca.signed(&["gw.example.com"]), ca.signed(&["gw.example.com"]));
    let files = folder.put("gw", &good);
    let mut proxy = binary()
        .upstream(&gateway)
        .config(&format!("tls: {{ certificate: {{ cert: {}, key: {} }} }}", files.cert.display(), files.key.display()))
        .start()
        .await;
    let refused = |line: &serde_json::Value| line["message"].as_str().is_some_and(|said| said.contains("stays"));
    for (name, text, reason) in [
        ("gw.key", other.key.as_str(), "belongs to another certificate"),
        ("gw.key", "", "holds no private key"),
        ("gw.pem", "-----BEGIN CERTIFICATE-----\nAAAA", "not valid PEM"),
    ] {
        fs::write(folder.file(name), text).unwrap();
        let line = proxy.line(refused).await;
        assert!(line["error"].as_str().unwrap().contains(reason), "{line}");
        assert_eq!(shown(&proxy, "gw.example.com").await, good.der);
    }
    folder.put("gw", &other);
    let line = proxy.line(|line| line["fingerprint"].is_string()).await;
    assert_eq!(line["fingerprint"], Fingerprint::of(&other.der).to_string());
    until_shown(&proxy, "gw.example.com", &other, "mended").await;
}

#[tokio::test]
async fn an_ocsp_response_is_stapled_if_it_is_about_the_certificate() {
    let gateway = gateway().answering(OK).await;
    let ca = Ca::new();
    let (made, other) = (ca.signed(&["gw.example.com"]), ca.signed(&["gw.example.com"]));
    let folder = Folder::new();
    for (about, stapled) in [(&made, true), (&other, false)] {
        let mut files = folder.put("gw", &made);
        let response = ocsp_response(&folder, &ca, about);
        fs::write(folder.file("ocsp.der"), &response).unwrap();
        files.ocsp = Some(folder.file("ocsp.der"));
        let proxy = proxy()
            .upstream(&gateway)
            .config(|config| config.tls.certificate = Certificate::Files(vec![files]))
            .start();
        let proxy = proxy.await;
        let seeing = Seeing::default();
        client(&proxy, "gw.example.com", &seeing.config(&["h2"])).await;
        assert_eq!(seeing.ocsp(), if stapled { response } else { Vec::new() });
    }
}

/// Makes `link` point to `target`, in one step.
fn relink(target: &Path, link: &Path) {
    let draft = link.with_file_name("draft");
    symlink(target, &draft).unwrap_or_else(|error| panic!("{} to {}: {error}", draft.display(), target.display()));
    fs::rename(draft, link).unwrap();
}

async fn until_shown(doors: &Doors, name: &str, made: &Made, way: &str) {
    within(way, async {
        while shown(doors, name).await != made.der {
            // The machine may be busy.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// Both ends of a WebSocket over TLS.
async fn websocket(doors: &Doors, upstream: &TcpListener) -> (Peer, Peer) {
    let config = Seeing::default().config(&["http/1.1"]);
    let mut socket = Peer::new(client(doors, "gw.example.com", &config).await);
    socket.write(UPGRADE).await;
    let mut behind = Peer::new(within("the proxy to connect", upstream.accept()).await.unwrap().0);
    behind.grant().await;
    assert!(socket.head().await.starts_with("HTTP/1.1 101 "));
    (socket, behind)
}

/// What OpenSSL, as a responder of this CA, says about a certificate.
fn ocsp_response(folder: &Folder, ca: &Ca, about: &Made) -> Vec<u8> {
    for (name, text) in [("ca.pem", &ca.pem), ("ca.key", &ca.key_pem), ("about.pem", &about.pem)] {
        fs::write(folder.file(name), text).unwrap();
    }
    let serial = x509_serial(&about.der);
    fs::write(folder.file("index"), format!("V\t400101000000Z\t\t{serial}\tunknown\t/CN=x\n")).unwrap();
    let ran = Command::new("openssl")
        .current_dir(folder.0.path())
        .args("ocsp -index index -rsigner ca.pem -rkey ca.key -CA ca.pem -issuer ca.pem".split(' '))
        .args("-cert about.pem -ndays 2 -noverify -respout made.der".split(' '))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    fs::read(folder.file("made.der")).unwrap()
}

/// A serial number as OpenSSL's index has it.
fn x509_serial(der: &[u8]) -> String {
    let serial = X509Certificate::from_der(der).unwrap().1.raw_serial().to_vec();
    let bytes = if serial.first() == Some(&0) { &serial[1..] } else { &serial[..] };
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}
