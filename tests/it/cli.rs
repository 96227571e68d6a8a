//! The command line as a user meets it: what the real binary prints where, and its exit code.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// What the command printed, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `frontgate ARGS` in `folder`, with `env` as its whole environment.
pub(crate) fn frontgate_in(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.args(args).env_clear().envs(env.iter().copied()).current_dir(folder);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

fn frontgate(args: &[&str]) -> Ran {
    frontgate_in(TempDir::new().unwrap().path(), args, &[])
}

fn folder_with(name: &str, text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    folder
}

/// A certificate and its key, as `a.pem` and `b.pem`.
fn pair(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["gw.example.com".to_owned()]).unwrap();
    fs::write(folder.join("a.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("b.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("b.pem"), Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn check_says_ok_in_one_line() {
    let folder = folder_with("f.yaml", "admin: off\n");
    let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
    assert_eq!(ran, Ran { code: 0, stdout: "config OK: f.yaml\n".into(), stderr: String::new() });
}

#[test]
fn check_warns_of_a_gateway_whose_name_leads_to_frontgate() {
    // This machine's name is one that the configuration alone does not tell.
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let known = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 8443)).is_ok();
    let folder = folder_with("f.yaml", &format!("listen: {{ https: [\":8443\"] }}\nupstream: https://{name}:8443\n"));
    let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let warned =
        ran.stderr.starts_with("f.yaml:2:11: warning: upstream: ") && ran.stderr.contains("which is frontgate itself");
    assert_eq!(warned, known, "{ran:?}");
}

#[test]
fn check_warns_of_secrets_that_others_may_read_or_replace() {
    let folder = TempDir::new().unwrap();
    pair(folder.path());
    let text = "\
tls: { names: [gw.example.com], certificate: { cert: a.pem, key: b.pem } }
admin: { address: 127.0.0.1:9180, token: { file: token } }
routes: [{ upstream: gw }]
upstreams: { gw: { endpoints: [https://10.0.0.5], tls: { client_cert: { cert: a.pem, key: b.pem } } } }
";
    fs::write(folder.path().join("f.yaml"), text).unwrap();
    fs::write(folder.path().join("token"), "s3cret\n").unwrap();
    for (mode, expected) in [
        (0o600, None),
        (0o640, None),
        (0o644, Some("every user of this machine may read")),
        (0o660, Some("its group may write to")),
    ] {
        for file in ["b.pem", "token"] {
            fs::set_permissions(folder.path().join(file), Permissions::from_mode(mode)).unwrap();
        }
        let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
        let place = |start: &str, file: &str| {
            let path = folder.path().join(file);
            let line = format!("{start}: {} {}, where", expected.unwrap_or_default(), path.display());
            ran.stderr.lines().any(|said| said.starts_with("f.yaml:") && said.contains(&line))
        };
        let all = [
            place("warning: tls.certificate.key", "b.pem"),
            place("warning: admin.token", "token"),
            place("warning: upstreams.gw.tls.client_cert.key", "b.pem"),
        ];
        assert_eq!((ran.code, all), (0, [expected.is_some(); 3]), "{mode:o}: {ran:?}");
        assert_eq!(ran.stderr.is_empty(), expected.is_none(), "{ran:?}");
    }
}

#[test]
fn check_finds_groups_that_do_not_exist_and_an_admin_listener_that_is_open_to_all() {
    let groups = "there is no group nonesuch in /etc/group";
    for (text, code, expected) in [
        (
            "admin: { address: unix:/p, mode: \"0660\", group: nonesuch }\n",
            2,
            format!("f.yaml:1:49: admin.group: {groups}\n"),
        ),
        (
            "listen:\n  plain: [{ address: unix:/p, group: nonesuch }]\n",
            2,
            format!("f.yaml:2:38: listen.plain[0].group: {groups}\n"),
        ),
        (
            "admin: { address: unix:/p, mode: \"0666\" }\n",
            0,
            "f.yaml:1:34: warning: admin.mode: every user of this machine may connect to /p and stop frontgate\n"
                .to_owned(),
        ),
        ("admin: { address: unix:/p, mode: \"0666\", token: abcdefghijklmnop }\n", 0, String::new()),
        ("admin: { address: unix:/p }\n", 0, String::new()),
        (
            "admin: { token: abcdefghijklmno }\n",
            0,
            "f.yaml:1:17: warning: admin.token: a token of fewer than 16 characters can be guessed\n".to_owned(),
        ),
    ] {
        let folder = folder_with("f.yaml", text);
        let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
        assert!(ran.code == code && ran.stderr.contains(&expected), "{text}: {ran:?}");
        assert_eq!(ran.stderr.is_empty(), expected.is_empty(), "{text}: {ran:?}");
    }
}

#[test]
fn what_a_login_needs_and_cannot_have_is_said_by_check_and_at_the_start_alike() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("two"), "a\nb\n").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let oidc = |issuer: &str, secret: &str| {
        format!(
            "auth:\n  oidc:\n    issuer: {issuer}\n    client_id: gw\n    client_secret: {{ file: {secret} }}\n    allow: {{ subjects: [\"*\"] }}\n"
        )
    };
    let id = "https://id.example.com";
    let place = "f.yaml:5:20: auth.oidc.client_secret: ";
    let fix = "hint: the file holds the client's secret as the issuer shows it, in one line";
    for (text, expected) in [
        (oidc(id, "missing"), [format!("{place}cannot read "), "No such file".to_owned(), fix.to_owned()]),
        (oidc(id, "folder"), [format!("{place}cannot read "), "no regular file".to_owned(), fix.to_owned()]),
        (oidc(id, "empty"), [place.to_owned(), "empty holds no secret; expected one line".to_owned(), fix.to_owned()]),
        (oidc(id, "two"), [place.to_owned(), "two holds no secret".to_owned(), fix.to_owned()]),
        (
            oidc("https://id.example.com/.well-known/openid-configuration", "missing"),
            [
                "f.yaml:3:13: auth.oidc.issuer: this is the address".to_owned(),
                "hint: write `https://id.example.com`".to_owned(),
                String::new(),
            ],
        ),
        (
            "listen: { https: [], plain: [\"127.0.0.1:0\"] }\nauth: { mtls: { ca: a.pem } }\n".to_owned(),
            [
                "f.yaml:2:15: auth.mtls: no client can show a certificate".to_owned(),
                "hint: an https listener".to_owned(),
                String::new(),
            ],
        ),
    ] {
        fs::write(folder.path().join("f.yaml"), &text).unwrap();
        let env = [("STATE_DIRECTORY", "state"), ("FRONTGATE_ADMIN", "off")];
        let checked = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &env);
        let served = frontgate_in(folder.path(), &["serve", "-c", "f.yaml"], &env);
        for ran in [checked, served] {
            assert_eq!(ran.code, 2, "{text}: {ran:?}");
            assert!(expected.iter().all(|part| ran.stderr.contains(part)), "{text}: {ran:?}");
        }
    }
}

#[test]
fn check_warns_of_what_is_hardly_meant_so_and_serve_would_start() {
    let folder = TempDir::new().unwrap();
    pair(folder.path());
    let text = "\
forwarded: { trusted_proxies: [0.0.0.0/1, 128.0.0.0/1] }
tls:
  names: [gw.example.com, other.example.com]
  certificate: { cert: a.pem, key: b.pem }
  acme: { email: ann@example.com }
";
    fs::write(folder.path().join("f.yaml"), text).unwrap();
    let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
    let expected = "\
f.yaml:1:31: warning: forwarded.trusted_proxies: any client in 0.0.0.0/0 is believed to be the address that it names
    hint: list the addresses of the proxies in front of frontgate, such as 127.0.0.1 or 10.0.0.0/8
f.yaml:3:27: warning: tls.names[1]: the certificate is not for other.example.com; it is for gw.example.com
    hint: browsers refuse it for this name; list the names that it has
f.yaml:5:18: warning: tls.acme.email: without `certificate: acme` no certificate authority is asked
    hint: write `certificate: acme`, or remove this
";
    assert_eq!(ran, Ran { code: 0, stdout: "config OK: f.yaml\n".into(), stderr: expected.into() });

    // Beside an error they are shown, too.
    fs::write(folder.path().join("f.yaml"), format!("{text}hold: soon\n")).unwrap();
    let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
    assert!(
        ran.code == 2 && ran.stderr.contains("warning: tls.acme.email") && ran.stderr.contains("hold: "),
        "{ran:?}"
    );
}

#[test]
fn check_finds_gateways_that_are_frontgate_itself_and_addresses_that_overlap() {
    let rows = [
        (
            "upstream: https://localhost:8443",
            "f.yaml:1:11: upstream: https://localhost:8443 is frontgate itself, at [::]:8443 in listen.https[0]",
        ),
        (
            "upstream: http://127.0.0.1:9180",
            "f.yaml:1:11: upstream: http://127.0.0.1:9180 is frontgate itself, at 127.0.0.1:9180 in admin",
        ),
        (
            "listen:\n  https: [\"[::]:8443\"]\n  plain: [\"0.0.0.0:8443\"]",
            "f.yaml:3:11: listen.plain[0]: 0.0.0.0:8443 and [::]:8443 of listen.https[0] on line 2 overlap",
        ),
        (
            "listen: { https: [\"0.0.0.0:9180\"] }",
            "f.yaml:1:19: listen.https[0]: 0.0.0.0:9180 and 127.0.0.1:9180 of admin (the default) overlap",
        ),
    ];
    for (text, expected) in rows {
        let folder = folder_with("f.yaml", text);
        let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
        assert!(ran.code == 2 && ran.stderr.starts_with(expected), "{ran:?}");
        let ran = frontgate_in(folder.path(), &["serve", "-c", "f.yaml"], &[("HOME", folder.path().to_str().unwrap())]);
        assert!(ran.code == 2 && ran.stderr.starts_with(expected), "{ran:?}");
    }
}

#[test]
fn check_prints_every_problem_and_exits_2() {
    let folder = folder_with("f.yaml", "websocket:\n  ping_intervall: 5s\n  pong_timeout: 20\nupstream: gw\n");
    let ran = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[("FRONTGATE_ADMIN", "9180")]);
    let expected = "\
f.yaml:2:3: websocket: unknown key `ping_intervall`
    hint: did you mean `ping_interval`?
f.yaml:3:17: websocket.pong_timeout: `20` has no unit
    hint: write `20s`; the units are ms, s, m, h and d; `off` turns it off
f.yaml:4:11: upstream: the URL has no scheme
    hint: write `http://gw:80`
FRONTGATE_ADMIN: admin: `9180` has no address
    hint: write 127.0.0.1:9180
";
    assert_eq!(ran, Ran { code: 2, stdout: String::new(), stderr: expected.into() });
}

#[test]
fn check_looks_into_the_certificate_files_where_they_are_named() {
    let text = "tls:\n  certificate: { cert: a.pem, key: b.pem }\n";
    let (folder, other) = (folder_with("f.yaml", text), TempDir::new().unwrap());
    let (cert, key) = (folder.path().join("a.pem"), folder.path().join("b.pem"));
    let check = |env: &[(&str, &str)]| frontgate_in(folder.path(), &["check", "-c", "f.yaml"], env);
    let says = |ran: &Ran, begin: &str| {
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.starts_with(begin), "{begin}\n{}", ran.stderr);
    };
    let missing = |path: &Path| format!("cannot read {}: No such file", path.display());
    says(&check(&[]), &format!("f.yaml:2:24: tls.certificate.cert: {}", missing(&cert)));
    pair(folder.path());
    assert_eq!(check(&[]).stdout, "config OK: f.yaml\n");
    let variable = "FRONTGATE_TLS_CERTIFICATE_KEY";
    let elsewhere = folder.path().join("no.pem");
    says(&check(&[(variable, "no.pem")]), &format!("{variable}: tls.certificate.key: {}", missing(&elsewhere)));
    pair(other.path());
    fs::copy(other.path().join("b.pem"), &key).unwrap();
    says(&check(&[]), "f.yaml:2:36: tls.certificate.key: the key in ");
}

#[test]
fn what_check_prints_loads_to_the_same() {
    let text = "tls: { names: [gw.example.com], certificate: { cert: a.pem, key: b.pem } }\nlisten: { plain: [\"unix:/run/f\"] }\n";
    let folder = folder_with("f.yaml", text);
    pair(folder.path());
    let first = frontgate_in(folder.path(), &["check", "--print", "-c", "f.yaml"], &[("FRONTGATE_LOG_LEVEL", "debug")]);
    assert_eq!((first.code, first.stderr.as_str()), (0, ""));
    assert!(first.stdout.starts_with("# config OK: f.yaml\nlisten:\n"), "{}", first.stdout);
    assert!(first.stdout.contains("\n  level: debug\n"), "{}", first.stdout);
    let elsewhere = folder_with("f.yaml", &first.stdout);
    let second = frontgate_in(elsewhere.path(), &["check", "--print", "-c", "f.yaml"], &[]);
    assert_eq!(second, first);
}

#[test]
fn the_config_is_looked_for_where_the_help_says() {
    let folder = folder_with("frontgate.yaml", "log: { level: debug }\n");
    fs::write(folder.path().join("other.yaml"), "log: { level: warn }\n").unwrap();
    fs::write(folder.path().join("third.yaml"), "log: { level: error }\n").unwrap();
    let level = |args: &[&str], env: &[(&str, &str)]| {
        let ran = frontgate_in(folder.path(), args, env);
        let line = ran.stdout.lines().find_map(|line| line.strip_prefix("  level: ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{ran:?}"))
    };
    let variable = [("FRONTGATE_CONFIG", "other.yaml")];
    assert_eq!(level(&["check", "--print"], &[]), "debug");
    assert_eq!(level(&["check", "--print"], &variable), "warn");
    assert_eq!(level(&["check", "--print", "-c", "third.yaml"], &variable), "error");
    assert_eq!(level(&["check", "--print"], &[("FRONTGATE_LOG_LEVEL", "info")]), "info");
}

#[test]
fn a_config_that_was_named_and_is_missing_is_an_error() {
    for (args, env) in [(&["check", "-c", "no.yaml"][..], &[][..]), (&["check"], &[("FRONTGATE_CONFIG", "no.yaml")])] {
        let ran = frontgate_in(TempDir::new().unwrap().path(), args, env);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.starts_with("no.yaml: cannot be read: No such file"), "{}", ran.stderr);
    }
}

#[test]
fn serving_takes_its_flags_with_and_without_the_word() {
    for args in [
        &["--listen", "x", "--name", "a b"][..],
        &["serve", "--listen", "x", "--name", "a b"],
        &["--listen", "x", "--name", "a b", "serve"],
        &["--listen", "x", "serve", "--name", "a b"],
    ] {
        let ran = frontgate(args);
        assert_eq!(ran.code, 2);
        let expected = "\
--listen: listen.https[0]: `x` has no port
    hint: such as 0.0.0.0:443, [::]:443 or :443
--name: tls.names[0]: `a b` is not a name a certificate can carry
    hint: such as gw.example.com, *.example.com or 192.0.2.7
";
        assert_eq!(ran.stderr, expected);
    }
}

#[test]
fn flags_before_another_command_are_refused_with_what_to_write() {
    let cases = [
        (
            &["-c", "f.yaml", "check"][..],
            "the flags before `check` are for serve; write `frontgate check`, then its own flags",
        ),
        (
            &["--listen", ":1", "demo"],
            "the flags before `demo` are for serve; write `frontgate demo`, then its own flags",
        ),
        (&["--admin", "off", "serve", "--admin", "off"], "--admin is given twice"),
    ];
    for (args, expected) in cases {
        let ran = frontgate(args);
        assert_eq!((ran.code, ran.stderr), (2, format!("error: {expected}\n")), "{args:?}");
    }
}

#[test]
fn a_wrong_command_line_exits_2() {
    for args in
        [&["servee"][..], &["--nope"], &["check", "extra"], &["completions", "nosuchshell"], &["man", "nosuchpage"]]
    {
        let ran = frontgate(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn the_schema_is_json() {
    let ran = frontgate(&["schema"]);
    assert_eq!(ran.code, 0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn completions_and_man_pages_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = frontgate(&["completions", shell]);
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("check") && ran.stdout.contains("upstream"), "{shell}");
    }
    let page = frontgate(&["man"]);
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains(".TH frontgate 1"), "{}", page.stdout);
    let config = frontgate(&["man", "frontgate.yaml"]);
    assert!(config.stdout.contains("FRONTGATE_WEBSOCKET_PING_INTERVAL"), "{}", config.stdout);

    let folder = TempDir::new().unwrap();
    let ran = frontgate_in(folder.path(), &["man", "--dir", "share/man"], &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for page in ["man1/frontgate.1", "man1/frontgate-serve.1", "man1/frontgate-check.1", "man5/frontgate.yaml.5"] {
        assert!(folder.path().join("share/man").join(page).exists(), "{page}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    for args in [&["--help"][..], &["-h"], &["--version"], &["serve", "--help"], &["check", "-h"]] {
        let ran = frontgate(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    }
}

/// Runs `frontgate ARGS` with `input` at its standard input.
fn frontgate_fed(args: &[&str], input: &str) -> Ran {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = Command::new(env!("CARGO_BIN_EXE_frontgate"));
    command.args(args).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that has no use for it may be gone.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

#[test]
fn a_user_is_made_of_a_password_in_one_line_or_in_two_alike() {
    for (input, code) in [("hush\n", 0), ("hush", 0), ("hush\nhush\n", 0), ("hush\nhash\n", 1), ("", 1), ("\n", 1)] {
        let ran = frontgate_fed(&["user", "add", "ann b"], input);
        assert_eq!(ran.code, code, "{input:?} {ran:?}");
        assert!(!ran.stdout.contains("hush") && !ran.stderr.contains("hush"), "{ran:?}");
        if code == 0 {
            let line = ran.stdout.strip_suffix('\n').unwrap();
            assert!(line.starts_with("ann b: '$argon2id$v=19$m=19456,t=2,p=1$") && !line.contains('\n'), "{line}");
            let folder = folder_with("f.yaml", &format!("admin: off\nauth:\n  basic:\n    {line}\n"));
            let checked = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
            assert_eq!(checked.code, 0, "{checked:?}");
        } else {
            assert_eq!(ran.stdout, "");
        }
    }
    assert_eq!(frontgate_fed(&["user", "add", "a:b"], "hush\n").code, 2);
}

#[test]
fn a_token_is_printed_once_with_the_line_that_knows_it() {
    let hash = |text: &str| -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    };
    let mut seen = Vec::new();
    for (expires, written) in [
        (&[][..], ""),
        (&["--expires", "2027-01-31"], ", expires: 2027-01-31T00:00:00Z"),
        (&["--expires", "2027-01-31T18:00:00Z"], ", expires: 2027-01-31T18:00:00Z"),
    ] {
        let ran = frontgate(&[&["token", "add", "robot"], expires].concat());
        let (token, line) = ran.stdout.split_once('\n').unwrap();
        assert_eq!((ran.code, token.len()), (0, 43), "{ran:?}");
        assert_eq!(line, format!("robot: {{ sha256: {}{written} }}\n", hash(token)));
        let folder = folder_with("f.yaml", &format!("admin: off\nauth:\n  token:\n    {line}"));
        let checked = frontgate_in(folder.path(), &["check", "-c", "f.yaml"], &[]);
        assert_eq!(checked.code, 0, "{checked:?}");
        assert!(!seen.contains(&token.to_owned()));
        seen.push(token.to_owned());
    }
    assert_eq!(frontgate(&["token", "add", "robot", "--expires", "tomorrow"]).code, 2);
}
