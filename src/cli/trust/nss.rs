//! The databases of NSS: the trust stores of Firefox everywhere and of Chromium on Linux.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::TrustedCa;
use super::places::{OsRelease, SystemPlaces};

/// A database of NSS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NssDatabase {
    pub(super) dir: PathBuf,
    /// The browser that it belongs to.
    pub(super) of: &'static str,
    pub(super) state: NssState,
}

/// The state of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NssState {
    /// The database does not exist yet, but the browser that would make it is installed.
    Absent,
    /// Our CA is not in the database, or the database could not be read.
    Without,
    /// Our CA is in the database under this name.
    With { nickname: String, trusted: bool },
}

/// Where browsers keep databases, below the home folder. `*` is any one folder.
const SPOTS: [(&str, &str); 14] = [
    ("Chromium", ".pki/nssdb"),
    ("Chromium", ".local/share/pki/nssdb"),
    ("Chromium (snap)", "snap/chromium/current/.pki/nssdb"),
    ("Chromium (snap)", "snap/chromium/current/.local/share/pki/nssdb"),
    ("Chromium (flatpak)", ".var/app/*/.pki/nssdb"),
    ("Chromium (flatpak)", ".var/app/*/data/pki/nssdb"),
    ("Firefox", ".mozilla/firefox/*"),
    ("Firefox", ".config/mozilla/firefox/*"),
    ("Firefox (snap)", "snap/firefox/common/.mozilla/firefox/*"),
    ("Firefox (flatpak)", ".var/app/org.mozilla.firefox/.mozilla/firefox/*"),
    ("Firefox (flatpak)", ".var/app/org.mozilla.firefox/config/mozilla/firefox/*"),
    ("LibreWolf", ".librewolf/*"),
    ("LibreWolf (flatpak)", ".var/app/io.gitlab.librewolf-community/.librewolf/*"),
    ("Firefox", "Library/Application Support/Firefox/Profiles/*"),
];

/// Programs that read `~/.pki/nssdb`.
const CHROMIUMS: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "brave-browser",
    "microsoft-edge",
    "vivaldi-stable",
    "opera",
];

/// The most databases that are looked at; no user has so many profiles.
const MAX_DATABASES: usize = 64;
/// The most certificates that are looked at in one database.
const MAX_CERTIFICATES: usize = 512;

/// Every database of the user.
pub(super) fn look(places: &SystemPlaces, certutil: Option<&Path>, ca: &TrustedCa) -> Vec<NssDatabase> {
    let Some(home) = &places.home else { return Vec::new() };
    let mut found: Vec<NssDatabase> = Vec::new();
    for (of, spot) in SPOTS {
        for dir in matching(home, spot) {
            // Older formats (`cert8.db`) are read by no browser of this decade.
            if found.len() < MAX_DATABASES && dir.join("cert9.db").is_file() {
                let state = certutil.map_or(NssState::Without, |certutil| state_of(&dir, certutil, ca));
                found.push(NssDatabase { dir, of, state });
            }
        }
    }
    let chromium = || CHROMIUMS.iter().any(|name| places.tool(name).is_some());
    if places.os == OsRelease::Linux && !found.iter().any(|database| database.of == "Chromium") && chromium() {
        found.insert(0, NssDatabase { dir: home.join(".pki/nssdb"), of: "Chromium", state: NssState::Absent });
    }
    found
}

/// NSS's name for a database in today's format.
pub(super) fn sql(dir: &Path) -> OsString {
    let mut name = OsString::from("sql:");
    name.push(dir);
    name
}

fn matching(home: &Path, spot: &str) -> Vec<PathBuf> {
    let mut folders = vec![home.to_owned()];
    for part in spot.split('/') {
        folders = match part {
            "*" => folders.iter().flat_map(|folder| below(folder)).collect(),
            part => folders.into_iter().map(|folder| folder.join(part)).collect(),
        };
    }
    folders
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn state_of(dir: &Path, certutil: &Path, ca: &TrustedCa) -> NssState {
    let database = sql(dir);
    let ask = |args: &[&str]| {
        let mut command = Command::new(certutil);
        command.arg("-L").arg("-d").arg(&database).args(args).env("LC_ALL", "C").stdin(Stdio::null());
        command.output().map(|output| output.stdout).unwrap_or_default()
    };
    let list = ask(&[]);
    let list = String::from_utf8_lossy(&list);
    for (nickname, trust) in entries(&list).take(MAX_CERTIFICATES) {
        // Several certificates may share a nickname; then they are printed one after the other.
        let raw = ask(&["-n", nickname, "-r"]);
        if raw.windows(ca.der.len()).any(|part| part == ca.der) {
            let trusted = trust.split(',').next().is_some_and(|tls| tls.contains('C'));
            return NssState::With { nickname: nickname.to_owned(), trusted };
        }
    }
    NssState::Without
}

/// Nickname and trust of every certificate in what `certutil -L` prints: a heading, then lines that end in `C,,`.
fn entries(list: &str) -> impl Iterator<Item = (&str, &str)> {
    list.lines().filter_map(|line| {
        let (nickname, trust) = line.trim_end().rsplit_once(' ')?;
        let flags = trust.bytes().all(|byte| byte == b',' || byte.is_ascii_alphabetic());
        (flags && trust.matches(',').count() == 2 && !trust.starts_with("SSL")).then(|| (nickname.trim(), trust))
    })
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn the_list_of_certutil_is_read_as_it_is_printed() {
        let list = "
Certificate Nickname                                         Trust Attributes
                                                             SSL,S/MIME,JAR/XPI

frontgate local CA 3F9A2B10                                  C,,  
a, b                                                         ,,   
kit-ca                                                       CT,C,c
";
        let found: Vec<_> = entries(list).collect();
        assert_eq!(found, [("frontgate local CA 3F9A2B10", "C,,"), ("a, b", ",,"), ("kit-ca", "CT,C,c")]);
        assert_eq!(entries("").count(), 0);
    }
}
