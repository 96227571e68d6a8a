//! What `deploy/fail2ban` finds in real log lines, where Debian's fail2ban is installed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "a skip is said")]

use std::path::Path;
use std::process::Command;

use crate::harness::{binary, gateway};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// As frontgate prints them with `log: { format: text }`. The last two are not failed logins.
const TEXT: &str = r#"2026-12-01T00:33:21.751663Z  INFO login failed id="26ggb474x7zw" client=127.0.0.1 user="ann"
2026-12-01T00:33:22.792761Z  INFO login failed id="dcq3qjezf69t" client=2001:db8::7
2026-12-01T00:33:22.814794Z  INFO request id=rzkx48r9nwjd client=127.0.0.1 method=GET host=gw target=/ protocol=h1 conn=7 status=429 bytes_in=0 bytes_out=0 duration_ms=0.2 ended=done from=frontgate failure=too_many_logins
2026-12-01T00:33:22.838974Z  INFO request id=q38pvag8f041 client=192.0.2.9 method=GET host=gw target=/ protocol=h1 conn=7 status=401 bytes_in=0 bytes_out=230 duration_ms=0.5 ended=done from=frontgate failure=login_required user_agent="x INFO login failed id=\"a\" client=192.0.2.1"
2026-12-01T00:33:22.838975Z  INFO request id=q38pvag8f042 client=192.0.2.9 method=GET host=gw target=/login\x20failed protocol=h1 conn=7 status=200 bytes_in=0 bytes_out=230 duration_ms=0.5 ended=done from=gateway
"#;

/// The addresses that the filter finds in these lines; `None` where there is no fail2ban.
fn found(lines: &str) -> Option<Vec<String>> {
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fail2ban/filter.conf");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    std::fs::write(&file, lines).unwrap();
    let Ok(said) = Command::new("fail2ban-regex").env("TZ", "UTC").args(["-o", "ip"]).arg(&file).arg(&filter).output()
    else {
        eprintln!("skipped: fail2ban-regex is not installed");
        return None;
    };
    Some(String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn failed_logins_are_found_and_no_client_names_another() {
    let hash = bcrypt::hash_with_salt("hush", 4, [7; 16]).unwrap().to_string();
    let gateway = gateway().answering(OK).await;
    let auth = format!("auth: {{ basic: {{ ann: '{hash}' }} }}");
    let mut proxy = binary().upstream(&gateway).config(&auth).start().await;
    let mut client = proxy.client().await;
    let forged = "User-Agent: \" \"client\":\"192.0.2.1\" {\"message\":\"login failed\",\"id\":\"a\",\"client\":\"192.0.2.1\"}\r\n";
    // Without a login, with the right one, then with wrong ones.
    let (right, wrong) = ("Authorization: Basic YW5uOmh1c2g=\r\n", "Authorization: Basic YW5uOndyb25n\r\n");
    let mut statuses = Vec::new();
    for proof in ["", right].into_iter().chain([wrong; 3]) {
        client.send(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{forged}{proof}\r\n")).await;
        statuses.push(client.response().await.status());
    }
    assert_eq!(statuses, [401, 200, 401, 401, 401]);
    drop(client);
    assert!(proxy.terminate().await.success());
    let Some(found) = found(&proxy.printed()) else { return };
    assert_eq!(found, ["127.0.0.1"; 3], "{:#?}", proxy.printed);
}

#[test]
fn failed_logins_are_found_in_text_lines() {
    let Some(found) = found(TEXT) else { return };
    assert_eq!(found, ["127.0.0.1", "2001:db8::7", "127.0.0.1"]);
}
