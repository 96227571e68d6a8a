//! The example files, and files that cannot be read.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config");

#[test]
fn every_example_loads() {
    let mut names = Vec::new();
    for entry in fs::read_dir(EXAMPLES).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            let loaded = load(ConfigLocation::File(path.clone()), [], &Overrides::default());
            let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
            let printed = loaded.config.to_string();
            // A masked secret cannot be loaded again.
            let masked = path.ends_with("with-auth.yaml");
            assert_eq!(printed.contains("***"), masked, "{printed}");
            assert!(masked || parse(&printed) == Ok(loaded.config.clone()), "{printed}");
            // `printed` expects the mask.
            let again = crate::config::printed(&printed).map(|config| config.to_string());
            assert_eq!(again, Some(printed), "{}", path.display());
            names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
    names.sort();
    let expected = [
        "behind-a-proxy.yaml",
        "behind-an-identity-proxy.yaml",
        "client-certificates.yaml",
        "full.yaml",
        "https-gateway.yaml",
        "lan.yaml",
        "matchers.yaml",
        "minimal.yaml",
        "openclaw.yaml",
        "several-gateways.yaml",
        "sidecar.yaml",
        "upstreams.yaml",
        "vps-files.yaml",
        "vps.yaml",
        "with-auth.yaml",
        "with-authentik.yaml",
        "with-lemonldap.yaml",
        "with-login-service.yaml",
        "with-oauth2-proxy.yaml",
        "with-oidc.yaml",
    ];
    assert_eq!(names, expected);
}

#[test]
fn the_full_example_has_every_key_at_its_default() {
    let text = fs::read_to_string(Path::new(EXAMPLES).join("full.yaml")).unwrap();
    let root = yaml::parse(&text, &mut Vec::new()).unwrap();
    for entry in entries().into_iter().filter(|entry| !is_in_many(entry)) {
        assert!(root.find(&entry.path).is_some(), "{} is missing", entry.path);
    }
    assert_eq!(parse(&text), Ok(Config::default()));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = load(ConfigLocation::File("/nowhere/f.yaml".into()), [], &Overrides::default()).unwrap_err();
    let expected = "/nowhere/f.yaml: cannot be read: No such file or directory (os error 2)\n    hint: the name was given with -c or in FRONTGATE_CONFIG";
    assert_eq!(missing.to_string(), expected);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        load(ConfigLocation::File(path), [], &Overrides::default()).unwrap_err().to_string()
    };
    assert!(file("latin1.yaml", b"log: { redact: [\xe4] }").ends_with("hint: save the file as UTF-8"));
    assert!(file("large.yaml", &vec![b'#'; (1 << 20) + 1]).ends_with("cannot be read: larger than 1 MiB"));
    assert!(file("deep.yaml", "[".repeat(500).as_bytes()).contains("recursion limit exceeded"));
    let many = (0..300).map(|number| format!("k{number}: 1")).collect::<Vec<_>>().join("\n");
    assert!(file("many.yaml", many.as_bytes()).contains("more than 256 keys"));
}

#[test]
fn a_mebibyte_is_read_and_no_byte_more_also_of_what_has_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.yaml");
    let mut text = b"hold: 7s\n#".to_vec();
    text.resize(1 << 20, b'x');
    let read = |path: &Path| load(ConfigLocation::File(path.to_owned()), [], &Overrides::default());
    fs::write(&path, &text).unwrap();
    assert_eq!(read(&path).unwrap().config.hold, Some(std::time::Duration::from_secs(7)));
    assert!(crate::config::reread_text(&path).is_ok());
    text.push(b'\n');
    fs::write(&path, &text).unwrap();
    for refused in [read(&path).map(drop), crate::config::reread_text(&path).map(drop)] {
        assert!(refused.unwrap_err().to_string().ends_with("cannot be read: larger than 1 MiB"));
    }
    let endless = Path::new("/dev/zero");
    assert_eq!(read(endless).unwrap_err().to_string(), "/dev/zero: cannot be read: larger than 1 MiB");
    let again = crate::config::reread_text(endless).unwrap_err().to_string();
    assert_eq!(again, "/dev/zero: cannot be read: no regular file");
}

#[test]
fn a_file_is_named_by_the_flag_else_by_the_variable_which_may_be_empty() {
    let rows: &[(Option<&str>, Option<&str>, Option<&str>)] = &[
        (Some("/a.yaml"), Some("/b.yaml"), Some("/a.yaml")),
        (Some("/a.yaml"), Some(""), Some("/a.yaml")),
        (None, Some("/b.yaml"), Some("/b.yaml")),
    ];
    for (flag, variable, expected) in rows {
        let found = ConfigLocation::find(flag.map(PathBuf::from), variable.map(OsString::from));
        assert_eq!(found, ConfigLocation::File(expected.unwrap().into()), "{flag:?} {variable:?}");
    }
    // Compose files make empty ones of what is not set.
    assert_eq!(ConfigLocation::find(None, Some(OsString::new())), ConfigLocation::find(None, None));
}

#[test]
fn what_is_wrong_beside_a_file_that_cannot_be_understood_is_said_as_well() {
    let wrong = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
    let flags = Overrides { upstream: Some("gopher://x".to_owned()), ..Overrides::default() };
    for text in ["{", "hold: [", "a: b: c", "\0"] {
        for (env, flags, named) in [
            (wrong("FRONTGATE_HOLD", "soon"), &Overrides::default(), "FRONTGATE_HOLD: hold"),
            (
                wrong("FRONTGATE_TLS_MIN_VERSION", "0.9"),
                &Overrides::default(),
                "FRONTGATE_TLS_MIN_VERSION: tls.min_version",
            ),
            (wrong("FRONTGATE_NONSENSE", "1"), &Overrides::default(), "FRONTGATE_NONSENSE: sets nothing"),
            (wrong("FRONTGATE_HOLD", "1s"), &flags, "--upstream: upstream"),
        ] {
            let source = ConfigLocation::Text { text: text.to_owned(), file: "f.yaml".into() };
            let said = load(source, env, flags).unwrap_err().to_string();
            assert!(said.starts_with("f.yaml:1:") || said.starts_with("f.yaml: "), "{text:?}: {said}");
            assert!(said.contains(named), "{text:?} and {named}: {said}");
            let count = said.lines().filter(|line| !line.starts_with(' ')).count();
            assert_eq!(count, 2, "nothing that only the file could say: {said}");
        }
    }
}

#[test]
fn a_configuration_in_use_is_not_taken_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yaml");
    let refused = || crate::config::reread_text(&file).unwrap_err().to_string();
    assert!(refused().contains("is gone"), "{}", refused());
    for text in ["", "# only a comment\n", "{}", "listen:\n"] {
        std::fs::write(&file, text).unwrap();
        assert!(refused().contains("says nothing"), "{text:?}: {}", refused());
        assert!(crate::config::says_nothing(text), "{text:?}");
    }
    // What cannot be read says something, and is refused for that.
    for text in ["upstream: http://127.0.0.1:1\n", "{"] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(crate::config::reread_text(&file).unwrap(), text);
        assert!(!crate::config::says_nothing(text), "{text:?}");
    }
}

#[test]
fn a_glimpse_has_what_can_be_read_beside_what_is_wrong() {
    let text = "admin: 127.0.0.1:9999\nlog: { level: loud }\n".to_owned();
    let source = ConfigLocation::Text { text, file: "f.yaml".into() };
    let seen = crate::config::glimpse(&source, [], &Overrides::default());
    assert_eq!(seen.admin, parse("admin: 127.0.0.1:9999").unwrap().admin);
    assert_ne!(seen.admin, Config::default().admin);
    assert!(crate::config::printed("log: { level: loud }").is_none(), "no version printed this");
}

#[test]
fn an_admin_address_on_the_command_line_is_an_address_whatever_the_file_lacks() {
    for (admin, is_one) in [(None, true), (Some("127.0.0.1:1"), true), (Some("0.0.0.0:1"), true), (Some("gw"), false)] {
        let flags = Overrides { admin: admin.map(str::to_owned), ..Overrides::default() };
        assert_eq!(crate::config::check_admin(&flags).is_ok(), is_one, "{admin:?}");
    }
}

#[test]
fn a_gateway_that_is_a_listener_of_this_machine_is_refused() {
    let text = "listen: { https: [\":8443\"] }\nupstream: http://192.0.2.1:8443\n".to_owned();
    let source = ConfigLocation::Text { text, file: "f.yaml".into() };
    let loaded = load(source, [], &Overrides::default()).unwrap();
    let refused = loaded.check_gateways(&|_| true).unwrap_err().to_string();
    assert!(refused.contains("is frontgate itself"), "{refused}");
    assert_eq!(loaded.check_gateways(&|_| false), Ok(()));
}
