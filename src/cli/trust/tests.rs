use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;

use super::carry_out::{self, TrustMode, TrustOutcome};
use super::found::FoundStores;
use super::places::{OsRelease, SystemPlaces};
use super::plan::{TrustAction, TrustPart, TrustTask, plan};
use super::system::FAMILIES;
use super::{StoreChoice, TrustedCa};
use crate::tls::CaOnDisk;

/// A file system of its own, with tools that only log their calls.
struct Machine {
    root: TempDir,
    places: SystemPlaces,
}

impl Machine {
    fn new(os: OsRelease, superuser: bool, tools: &[&str], folders: &[&str]) -> Self {
        let root = TempDir::new().unwrap();
        let bin = root.path().join("bin");
        for folder in ["bin", "home/ann"].iter().chain(folders) {
            fs::create_dir_all(root.path().join(folder.trim_start_matches('/'))).unwrap();
        }
        for tool in tools {
            let fake = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/trust/tests/fake-tool.sh");
            symlink(fake, bin.join(tool)).unwrap();
        }
        let home = Some(root.path().join("home/ann"));
        let places = SystemPlaces { root: root.path().to_owned(), home, path: bin.into(), os, superuser };
        Self { root, places }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.places.file(path)
    }

    fn database(&self, dir: &str) {
        let dir = self.file("home/ann").join(dir);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("cert9.db"), "").unwrap();
    }

    fn plan(&self, ca: &TrustedCa, task: TrustTask, stores: StoreChoice) -> Vec<TrustPart> {
        plan(&FoundStores::look(&self.places, ca), ca, task, stores)
    }

    /// The printed text, the outcome, and the calls of tools.
    fn carry_out(&self, ca: &TrustedCa, task: TrustTask, mode: TrustMode) -> (String, TrustOutcome, String) {
        let mut said = String::new();
        let outcome = carry_out::all(&self.plan(ca, task, StoreChoice::All), ca, mode, |text| {
            said.push_str(&text);
            Ok::<(), Infallible>(())
        });
        let calls = fs::read_to_string(self.file("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.file("calls"));
        (self.short(&said), outcome.unwrap(), self.short(&calls))
    }

    fn short(&self, text: &str) -> String {
        text.replace(self.root.path().to_str().unwrap(), "")
    }
}

fn ca(machine: &Machine) -> TrustedCa {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "frontgate local CA (box, 2026-11-20)");
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone();
    TrustedCa::new(CaOnDisk { file: machine.file("state/ca.pem"), certificate })
}

#[test]
fn every_distribution_gets_a_file_in_its_folder_and_a_run_of_its_tool_and_back() {
    for (folder, file, tool, install, uninstall) in [
        ("/usr/local/share/ca-certificates", "frontgate-local-ca.crt", "update-ca-certificates", "", " [--fresh]"),
        ("/etc/pki/ca-trust/source/anchors", "frontgate-local-ca.pem", "update-ca-trust", " [extract]", " [extract]"),
        (
            "/etc/ca-certificates/trust-source/anchors",
            "frontgate-local-ca.crt",
            "trust",
            " [extract-compat]",
            " [extract-compat]",
        ),
        ("/etc/pki/trust/anchors", "frontgate-local-ca.pem", "update-ca-certificates", "", " [--fresh]"),
    ] {
        let machine = Machine::new(OsRelease::Linux, true, &[tool], &[folder]);
        let ca = ca(&machine);
        let path = machine.file(folder).join(file);

        let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
        let ran = format!("{}\n", ["/bin/", tool, &install.replace(['[', ']'], "")].concat());
        assert!(said.contains(&format!("  wrote {folder}/{file}\n  ran {ran}")), "{said}");
        assert_eq!((outcome.complete(), calls), (true, format!("{tool}{install}\n")));
        assert_eq!(fs::read_to_string(&path).unwrap(), ca.pem);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);

        // A second run: the file is there, and the tool runs again in case it was interrupted.
        let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
        assert_eq!((outcome.complete(), calls, said.contains("wrote")), (true, format!("{tool}{install}\n"), false));

        let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Uninstall, TrustMode::Do);
        assert!(said.contains(&format!("  removed {folder}/{file}\n  ran /bin/{tool}")), "{said}");
        assert_eq!((outcome.complete(), calls, path.exists()), (true, format!("{tool}{uninstall}\n"), false));

        let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Uninstall, TrustMode::Do);
        assert!(said.contains("nothing to do: the CA is not in it"), "{said}");
        assert_eq!((outcome.complete(), calls.as_str()), (true, ""));
    }
    assert_eq!(FAMILIES.len(), 4);
}

#[test]
fn a_dry_run_changes_nothing() {
    let machine = Machine::new(
        OsRelease::Linux,
        true,
        &["update-ca-certificates", "certutil", "chromium"],
        &["/usr/local/share/ca-certificates"],
    );
    let ca = ca(&machine);
    let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Print);
    let nick = ca.nickname();
    let expected = format!(
        "
System (Debian, Ubuntu, Alpine)
  would write /usr/local/share/ca-certificates/frontgate-local-ca.crt
  would run /bin/update-ca-certificates

Chromium (/home/ann/.pki/nssdb)
  would make the folder /home/ann/.pki/nssdb
  would run /bin/certutil -N -d sql:/home/ann/.pki/nssdb --empty-password
  would run /bin/certutil -A -d sql:/home/ann/.pki/nssdb -t C,, -n '{nick}' -i /state/ca.pem
"
    );
    assert_eq!((said, outcome.complete(), calls.as_str()), (expected, true, ""));
    assert!(!machine.file("home/ann/.pki").exists());
    assert_eq!(fs::read_dir(machine.file("usr/local/share/ca-certificates")).unwrap().count(), 0);
}

#[test]
fn what_another_put_in_our_place_stays_and_an_older_ca_of_ours_goes() {
    let machine =
        Machine::new(OsRelease::Linux, true, &["update-ca-certificates"], &["/usr/local/share/ca-certificates"]);
    let (ours, older) = (ca(&machine), ca(&machine));
    let path = machine.file("/usr/local/share/ca-certificates/frontgate-local-ca.crt");
    fs::write(&path, "something else").unwrap();
    for task in [TrustTask::Install, TrustTask::Uninstall] {
        let (said, outcome, calls) = machine.carry_out(&ours, task, TrustMode::Do);
        assert_eq!((outcome.complete(), calls.as_str()), (task == TrustTask::Uninstall, ""), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    }
    fs::write(&path, &older.pem).unwrap();
    machine.carry_out(&ours, TrustTask::Uninstall, TrustMode::Do);
    assert_eq!(fs::read_to_string(&path).unwrap(), older.pem);
    let (said, _, _) = machine.carry_out(&ours, TrustTask::Install, TrustMode::Do);
    assert!(said.contains(&format!("takes the place of another frontgate's CA, {}", older.fingerprint)), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), ours.pem);
}

#[test]
fn a_user_without_root_gets_the_commands_and_the_browsers_are_done() {
    let machine = Machine::new(
        OsRelease::Linux,
        false,
        &["update-ca-certificates", "certutil"],
        &["/usr/local/share/ca-certificates"],
    );
    machine.database(".mozilla/firefox/x.default");
    let ca = ca(&machine);
    let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
    let expected = "  left to you: only root may change it
    sudo install -m 644 /state/ca.pem /usr/local/share/ca-certificates/frontgate-local-ca.crt
    sudo /bin/update-ca-certificates
";
    assert!(said.contains(expected), "{said}");
    assert!(!machine.file("/usr/local/share/ca-certificates/frontgate-local-ca.crt").exists());
    let nick = ca.nickname();
    let expected = format!(
        "certutil [-A] [-d] [sql:/home/ann/.mozilla/firefox/x.default] [-t] [C,,] [-n] [{nick}] [-i] [/state/ca.pem]\n"
    );
    assert_eq!(calls, expected);
    assert_eq!(outcome.to_string(), "1 store left to you, see above");

    // After the user has run the commands, there is nothing left to do.
    fs::write(machine.file("/usr/local/share/ca-certificates/frontgate-local-ca.crt"), &ca.pem).unwrap();
    let (said, outcome, _) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
    assert!(said.contains("nothing to do: the CA is in it already") && outcome.complete(), "{said}");
}

#[test]
fn tools_that_are_missing_are_named_with_their_packages() {
    let machine = Machine::new(OsRelease::Linux, true, &[], &["/etc/pki/ca-trust/source/anchors"]);
    machine.database(".pki/nssdb");
    let ca = ca(&machine);
    for task in [TrustTask::Install, TrustTask::Uninstall] {
        let (said, outcome, _) = machine.carry_out(&ca, task, TrustMode::Do);
        assert!(said.contains("`certutil` is missing: install libnss3-tools"), "{said}");
        assert!(said.contains("\n    certutil -"), "{said}");
        assert_eq!(said.contains("`update-ca-trust` is missing: install ca-certificates"), task == TrustTask::Install);
        assert!(!outcome.complete());
    }
    let bare = Machine::new(OsRelease::Linux, true, &[], &[]);
    let (said, outcome, _) = bare.carry_out(&ca, TrustTask::Install, TrustMode::Do);
    assert!(said.contains("no trust store that frontgate knows was found"), "{said}");
    assert!(outcome.complete());
}

#[test]
fn a_tool_that_fails_is_quoted_and_the_other_stores_are_done_all_the_same() {
    let machine = Machine::new(
        OsRelease::Linux,
        true,
        &["update-ca-certificates", "certutil"],
        &["/usr/local/share/ca-certificates"],
    );
    machine.database(".pki/nssdb");
    fs::write(machine.file("update-ca-certificates.broken"), "").unwrap();
    let ca = ca(&machine);
    let (said, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
    let expected =
        "  FAILED to run /bin/update-ca-certificates: exit status: 3: update-ca-certificates: something is broken
  left to you: what remains
    sudo /bin/update-ca-certificates
";
    assert!(said.contains(expected), "{said}");
    assert!(calls.contains("certutil [-A]"), "{calls}");
    assert_eq!(outcome.to_string(), "1 store failed, see above");
}

#[test]
fn every_profile_of_every_browser_is_found() {
    let machine = Machine::new(OsRelease::Linux, false, &["certutil", "chromium"], &[]);
    let dirs = [
        ".pki/nssdb",
        ".local/share/pki/nssdb",
        "snap/chromium/current/.pki/nssdb",
        ".var/app/com.google.Chrome/.pki/nssdb",
        ".mozilla/firefox/a.default",
        ".mozilla/firefox/b with space",
        ".config/mozilla/firefox/c",
        "snap/firefox/common/.mozilla/firefox/d",
        ".var/app/org.mozilla.firefox/.mozilla/firefox/e",
        ".librewolf/f",
    ];
    for dir in dirs {
        machine.database(dir);
    }
    // The folder of a profile that was never used has no database.
    fs::create_dir_all(machine.file("home/ann/.mozilla/firefox/Crash Reports")).unwrap();
    let found = FoundStores::look(&machine.places, &ca(&machine)).databases;
    let found: Vec<_> =
        found.iter().map(|one| one.dir.strip_prefix(machine.file("home/ann")).unwrap().to_str().unwrap()).collect();
    assert_eq!(found, dirs);
}

#[test]
fn a_mac_user_has_a_keychain_and_root_the_systems() {
    for (superuser, domain, keychain) in [
        (false, "", "/home/ann/Library/Keychains/login.keychain-db"),
        (true, " [-d]", "/Library/Keychains/System.keychain"),
    ] {
        let machine = Machine::new(OsRelease::Mac, superuser, &["security"], &[]);
        let ca = ca(&machine);
        let (_, outcome, calls) = machine.carry_out(&ca, TrustTask::Install, TrustMode::Do);
        let expected =
            format!("security [add-trusted-cert]{domain} [-r] [trustRoot] [-k] [{keychain}] [/state/ca.pem]\n");
        assert_eq!((outcome.complete(), calls), (true, expected));

        let (said, _, calls) = machine.carry_out(&ca, TrustTask::Uninstall, TrustMode::Do);
        assert!(said.contains("nothing to do: the CA is not in it"), "{said}");
        assert_eq!(calls, "");

        let hash = ca.fingerprint.to_string().replace(':', "");
        fs::write(machine.file("keychain-list"), format!("SHA-256 hash: {hash}\nSHA-1 hash: 00\n")).unwrap();
        let (_, _, calls) = machine.carry_out(&ca, TrustTask::Uninstall, TrustMode::Do);
        let expected = format!(
            "security [remove-trusted-cert]{domain} [/state/ca.pem]\nsecurity [delete-certificate] [-Z] [{hash}] [{keychain}]\n"
        );
        assert_eq!(calls, expected);
    }
}

#[test]
fn one_kind_of_store_can_be_asked_for() {
    let machine =
        Machine::new(OsRelease::Linux, true, &["update-ca-certificates"], &["/usr/local/share/ca-certificates"]);
    let ca = ca(&machine);
    let stores = |stores| -> Vec<String> {
        machine.plan(&ca, TrustTask::Install, stores).into_iter().map(|part| part.store).collect()
    };
    assert_eq!(stores(StoreChoice::System), ["System (Debian, Ubuntu, Alpine)"]);
    assert_eq!(stores(StoreChoice::Nss), ["Browsers"]);
    assert_eq!(stores(StoreChoice::All).len(), 2);
    let none = &machine.plan(&ca, TrustTask::Install, StoreChoice::Nss)[0].what;
    assert!(matches!(none, TrustAction::Nothing(_)));
}
