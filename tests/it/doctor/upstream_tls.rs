//! A gateway with a certificate of its own making, and peers that never come to an end.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use frontgate::tls::Fingerprint;
use serde_json::Value;
use tempfile::TempDir;

use super::{before, doctor};
use crate::harness::gateway;
use crate::upstream_tls::made;

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_that_pin_a_gateway_are_told_and_do_it() {
    let folder = TempDir::new().unwrap();
    let made = made(&[], true, (-10, 100));
    let gateway =
        gateway().over_tls_by(made.acceptor()).answering("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno").await;
    let address = gateway.upstream.to_string().replace("https://", "");
    let pin = Fingerprint::of(&made.cert).to_string();
    let ids = |ran: &crate::cli::Ran| {
        let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let ids: Vec<_> =
            told["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        (ids, told)
    };
    let short = before(&address, folder.path(), "");
    for (config, id) in
        [(short.replace("http://", "https://"), "gateway_untrusted"), (short.clone(), "gateway_speaks_tls")]
    {
        let (found, told) = ids(&doctor(folder.path(), &config, &["--json"]));
        assert_eq!(found[0], id, "{told:#}");
        let fix: Vec<_> =
            told["findings"][0]["fix"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let lines: Vec<_> =
            fix.iter().filter(|line| line.starts_with("  upstreams:") || line.starts_with("  routes:")).collect();
        assert!(lines.len() == 2 && lines[0].contains(&pin), "{fix:?}");
        // As the fix says: these lines in place of `upstream`.
        let kept = short.lines().filter(|line| !line.starts_with("upstream:"));
        let pinned: Vec<_> = kept.chain(lines.into_iter().map(|line| line.trim())).collect();
        let (found, told) = ids(&doctor(folder.path(), &pinned.join("\n"), &["--json"]));
        // That the server is no gateway is another matter.
        assert_eq!(found[0], "not_a_gateway", "{told:#}");
        let other = pinned.join("\n").replace(&pin, &Fingerprint::of(b"another").to_string());
        let (found, told) = ids(&doctor(folder.path(), &other, &["--json"]));
        assert_eq!(found[0], "gateway_other_certificate", "{told:#}");
        assert!(told["findings"][0]["fix"].to_string().contains(&pin), "{told:#}");
    }
}

#[test]
fn a_peer_that_never_comes_to_an_end_is_left() {
    let folder = TempDir::new().unwrap();
    // One byte at a time; without an end; and nothing.
    let scripts: [(&[u8], bool); 4] = [
        (b"HTTP/1.1 200 OK\r\nx: ", true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", true),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", true),
        (b"", false),
    ];
    for (head, drips) in scripts {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut some = [0; 4096];
                    let _ = stream.read(&mut some);
                    let mut goes = stream.write_all(head).is_ok();
                    while goes {
                        thread::park_timeout(Duration::from_millis(50));
                        goes = !drips || stream.write_all(b"x").is_ok();
                    }
                });
            }
        });
        for config in [
            before(&address, folder.path(), ""),
            before(&address, folder.path(), "").replace("http://", "https://"),
            // The peer has the admin listener's address.
            format!("admin: {address}\nupstream: http://{address}\nlisten: {{ https: [\"127.0.0.1:0\"] }}\n"),
        ] {
            let began = Instant::now();
            let ran = doctor(folder.path(), &config, &["--json"]);
            assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{ran:?}");
            // Five seconds as a rule; a busy machine has a minute.
            assert!(began.elapsed() < Duration::from_mins(1), "{:?} {config}", began.elapsed());
        }
    }
}
