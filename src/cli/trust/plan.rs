//! [`plan`]: what to do about the stores that were found.

use std::path::{Path, PathBuf};

use super::found::Found;
use super::nss::{Database, State, sql};
use super::places::Os;
use super::step::Step;
use super::system::{Family, Held, System};
use super::{Ca, Stores};

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Install,
    Uninstall,
}

/// One store, and what is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// What people call the store.
    pub(super) store: String,
    pub(super) what: What,
}

/// What is done about a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Nothing, and that is fine.
    Nothing(&'static str),
    /// These steps, one after the other. Something may have to be said about them.
    Do(Vec<Step>, Option<String>),
    /// Nothing, because of this; a person can, with these steps.
    Left { why: String, steps: Vec<Step> },
}

/// What to do about each store.
pub(super) fn plan(found: &Found, ca: &Ca, task: Task, stores: Stores) -> Vec<Part> {
    let mut parts = Vec::new();
    if stores != Stores::Nss {
        parts.push(system(found, ca, task));
    }
    if stores != Stores::System {
        parts.extend(found.databases.iter().map(|database| nss(database, found.certutil.as_deref(), ca, task)));
        if found.databases.is_empty() {
            parts.push(Part {
                store: "Browsers".to_owned(),
                what: What::Nothing("no database of Firefox or Chromium was found"),
            });
        }
    }
    parts
}

fn system(found: &Found, ca: &Ca, task: Task) -> Part {
    match &found.system {
        Some(System::Anchors { family, tool, file, held }) => Part {
            store: format!("System ({})", family.name),
            what: anchors(family, tool.as_deref(), file, held, task, found.superuser),
        },
        Some(System::Keychain { tool, keychain, held }) => Part {
            store: "System (macOS)".to_owned(),
            what: in_keychain(tool, keychain, *held == Held::Ours, ca, task, found.superuser),
        },
        None => {
            let why = match found.os {
                Os::Mac => "the tool `security` was not found",
                Os::Linux | Os::Other => {
                    "no trust store that frontgate knows was found; on a small image, install `ca-certificates`"
                }
            };
            Part { store: "System".to_owned(), what: What::Nothing(why) }
        }
    }
}

fn anchors(family: &Family, tool: Option<&Path>, file: &Path, held: &Held, task: Task, superuser: bool) -> What {
    let place = || file.to_owned();
    let (first, note, args) = match (task, held) {
        (Task::Install, Held::Nothing) => (Some(Step::Write(place())), None, family.install),
        (Task::Install, Held::Ours) if !superuser => return What::Nothing("the CA is in it already"),
        // The tool may not have run to its end the last time.
        (Task::Install, Held::Ours) => (None, None, family.install),
        (Task::Install, Held::Frontgates(other)) => {
            let note = format!("it takes the place of another frontgate's CA, {other}");
            (Some(Step::Write(place())), Some(note), family.install)
        }
        (Task::Install, Held::Foreign) => {
            let why = format!("{} holds something that is not frontgate's; look at it and remove it", file.display());
            return What::Left { why, steps: Vec::new() };
        }
        (Task::Uninstall, Held::Ours) => (Some(Step::Remove(place())), None, family.uninstall),
        (Task::Uninstall, Held::Nothing) => return What::Nothing("the CA is not in it"),
        (Task::Uninstall, Held::Frontgates(_) | Held::Foreign) => {
            return What::Nothing("the CA is not in it; another certificate in its place stays");
        }
    };
    // Named in full for us; a person finds it by name once it is installed.
    let update = Step::run(tool.unwrap_or(Path::new(family.tool)), args);
    let steps: Vec<_> = first.into_iter().chain([update]).collect();
    match tool {
        None => What::Left { why: format!("`{}` is missing: install {}", family.tool, family.package), steps },
        Some(_) if !superuser => What::Left { why: "only root may change it".to_owned(), steps },
        Some(_) => What::Do(steps, note),
    }
}

fn in_keychain(tool: &Path, keychain: &Path, held: bool, ca: &Ca, task: Task, superuser: bool) -> What {
    let run = |args: &[&str], rest: &[&Path]| {
        Step::run(
            tool,
            args.iter().map(std::ffi::OsString::from).chain(rest.iter().map(|path| path.as_os_str().to_owned())),
        )
    };
    let domain: &[&str] = if superuser { &["-d"] } else { &[] };
    match (task, held) {
        // Whether it is trusted cannot be asked; being told twice does no harm.
        (Task::Install, _) => {
            let args = [&["add-trusted-cert"], domain, &["-r", "trustRoot", "-k"]].concat();
            What::Do(vec![run(&args, &[keychain, &ca.file])], None)
        }
        (Task::Uninstall, false) => What::Nothing("the CA is not in it"),
        (Task::Uninstall, true) => {
            let hash = ca.fingerprint.to_string().replace(':', "");
            let remove = [&["remove-trusted-cert"], domain].concat();
            What::Do(vec![run(&remove, &[&ca.file]), run(&["delete-certificate", "-Z", &hash], &[keychain])], None)
        }
    }
}

fn nss(database: &Database, certutil: Option<&Path>, ca: &Ca, task: Task) -> Part {
    let store = format!("{} ({})", database.of, database.dir.display());
    let name = certutil.map_or_else(|| PathBuf::from("certutil"), Path::to_owned);
    let run = |args: &[&str]| {
        let mut words = vec![std::ffi::OsString::from(args[0]), "-d".into(), sql(&database.dir)];
        words.extend(args[1..].iter().map(Into::into));
        words
    };
    let add = |nickname: &str| {
        let mut words = run(&["-A", "-t", "C,,", "-n", nickname, "-i"]);
        words.push(ca.file.clone().into());
        Step::run(&name, words)
    };
    let steps = match (task, &database.state) {
        (Task::Install, State::Absent) => vec![
            Step::Folder(database.dir.clone()),
            Step::run(&name, run(&["-N", "--empty-password"])),
            add(&ca.nickname()),
        ],
        (Task::Install, State::Without) => vec![add(&ca.nickname())],
        (Task::Install, State::With { nickname, trusted: false }) => vec![add(nickname)],
        (Task::Install, State::With { trusted: true, .. }) => {
            return Part { store, what: What::Nothing("the CA is trusted already") };
        }
        (Task::Uninstall, State::With { nickname, .. }) => vec![Step::run(&name, run(&["-D", "-n", nickname]))],
        (Task::Uninstall, State::Without) if certutil.is_none() => {
            let command = run(&["-D", "-n", &ca.nickname()]);
            vec![Step::run(&name, command)]
        }
        (Task::Uninstall, State::Absent | State::Without) => {
            return Part { store, what: What::Nothing("the CA is not in it") };
        }
    };
    let missing = "`certutil` is missing: install libnss3-tools (Debian, Ubuntu), nss-tools (Fedora, Alpine) or nss (Arch, Homebrew)";
    let what = match certutil {
        Some(_) => What::Do(steps, None),
        None => What::Left { why: missing.to_owned(), steps },
    };
    Part { store, what }
}
