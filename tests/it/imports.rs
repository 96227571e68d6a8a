//! The order of the folders, read from the sources: imports point down, and sockets open in few places.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use circles::circles;

mod circles;

/// The files below `src`, by their path from there.
fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.insert(path.strip_prefix(&root).expect("below src").to_owned(), text);
            }
        }
    }
    found
}

/// The folders from top to bottom, as `src/lib.rs` lists them; folders that stand together are on one floor.
fn floors(lib: &str) -> Vec<Vec<String>> {
    let line = lib.lines().find(|line| line.contains("main →")).expect("lib.rs has the list");
    let list = line.trim_start_matches("//!").trim();
    list.split('→').map(|floor| floor.split(',').map(|folder| folder.trim().to_owned()).collect()).collect()
}

/// The folder that a file belongs to; a file beside the folders stands for one.
fn folder(path: &Path) -> String {
    let first = path.components().next().expect("a path").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The folders that code names: `name` behind each `crate::`, or behind `frontgate::` in the binary; groups included.
fn imported(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, mark) in line.match_indices("crate::").chain(line.match_indices("frontgate::")) {
            // `pub(in crate::config)` is no import.
            if line[..at].ends_with("in ") || line[..at].ends_with('"') {
                continue;
            }
            let rest = &line[at + mark.len()..];
            assert!(!rest.starts_with('{'), "write one line for each folder: {line}");
            names.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    names
}

#[test]
fn a_folder_imports_only_from_folders_below_it() {
    let sources = sources();
    let floors = floors(&sources[Path::new("lib.rs")]);
    let floor = |folder: &str| floors.iter().position(|floor| floor.iter().any(|name| name == folder));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for (path, text) in &sources {
        let own = folder(path);
        // The importer stands apart; another test is about it.
        if own == "lib" || own == "import" {
            continue;
        }
        let Some(height) = floor(&own) else {
            wrong.push(format!("{own} is not in the list of src/lib.rs"));
            continue;
        };
        for name in imported(text).into_iter().filter(|name| *name != own && name != "import") {
            count += 1;
            if floor(&name).is_none_or(|below| below <= height) {
                wrong.push(format!("src/{} imports {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sources.len() > 50 && count > 100, "the sources were read: {} files, {count} imports", sources.len());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let found = circles(&sources());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_command_uses_the_importer_which_uses_the_configuration_alone() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = folder(&path);
        let others: Vec<String> = imported(&text).into_iter().filter(|name| *name != own).collect();
        if own == "import" {
            wrong.extend(
                others
                    .into_iter()
                    .filter(|name| name != "config")
                    .map(|name| format!("{} imports {name}", path.display())),
            );
        } else if own != "cli" && others.iter().any(|name| name == "import") {
            wrong.push(format!("{} imports the importer", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sockets_open_only_where_they_may() {
    let opening = [
        "TcpStream::connect",
        "UnixStream::connect",
        "TcpListener::bind",
        "UnixListener::bind",
        "UdpSocket::bind",
        "UnixDatagram::bind",
        "TcpSocket::new",
        "Socket::new(",
    ];
    let allowed = |path: &Path| {
        let path = path.to_string_lossy();
        let diallers = [
            "upstream/connect.rs",
            "upstream/discovery/dns_socket.rs",
            "cluster/link.rs",
            "tls/acme/transport.rs",
            "tls/acme/dns_update.rs",
            "observe/otlp/collector.rs",
        ];
        let dialler = diallers.contains(&path.as_ref());
        dialler || path.starts_with("listener/") || path.starts_with("cli/demo")
    };
    let mut wrong = Vec::new();
    for (path, text) in sources().iter().filter(|(path, _)| !allowed(path)) {
        // Tests may open what they like.
        let is_test = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for what in opening.iter().filter(|what| !is_test && code.contains(**what)) {
            wrong.push(format!("src/{}: {what}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_checks_see_what_they_look_for() {
    let lib = "//! main → cli → admin, lifecycle → config\n";
    assert_eq!(floors(lib)[2], ["admin", "lifecycle"]);
    let text = "use crate::http::page;\n// crate::cli\npub(in crate::config) fn a() { crate::tls::b(); frontgate::cli::run() }";
    assert_eq!(imported(text), ["http", "tls", "cli"]);
    assert_eq!((folder(Path::new("drain.rs")), folder(Path::new("http/page.rs"))), ("drain".into(), "http".into()));
}
