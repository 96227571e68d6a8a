//! [`RunningNote`]: where the frontgate that runs is asked, for commands that come after its config has changed.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::tls::{FileAccess, StateDir};

/// The note in the state folder that says where a frontgate that runs is asked; it goes with the process.
#[derive(Debug)]
pub(super) struct RunningNote {
    dir: StateDir,
}

/// The address of the admin listener of the frontgate that left a note, and its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotedFrontgate {
    pub(super) admin: String,
    pub(super) pid: u32,
}

impl RunningNote {
    /// Leaves a note for the process `pid` in the folder; without a folder that can be written there is none.
    pub(super) fn leave(folder: Option<&Path>, admin: &str, pid: u32) -> Option<Self> {
        let dir = StateDir::open(folder?).ok()?;
        let note = json!({ "pid": pid, "admin": admin });
        dir.write(NAME, format!("{note}\n").as_bytes(), FileAccess::Private).ok()?;
        Some(Self { dir })
    }

    /// Takes the note away, if it is still that of the process `pid`.
    pub(super) fn take_away(self, pid: u32) {
        if read(self.dir.path()).is_some_and(|noted| noted.pid == pid) {
            let _ = std::fs::remove_file(self.file());
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.file(NAME)
    }
}

/// The note in the folder, if there is one. Its process may be gone.
pub(super) fn read(folder: &Path) -> Option<NotedFrontgate> {
    let text = std::fs::read(folder.join(NAME)).ok()?;
    let note: Value = serde_json::from_slice(&text).ok()?;
    let pid = u32::try_from(note["pid"].as_u64()?).ok()?;
    Some(NotedFrontgate { admin: note["admin"].as_str()?.to_owned(), pid })
}

const NAME: &str = "running.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_there_until_its_process_takes_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunningNote::leave(Some(folder.path()), "127.0.0.1:9180", 7).unwrap();
        assert_eq!(read(folder.path()), Some(NotedFrontgate { admin: "127.0.0.1:9180".to_owned(), pid: 7 }));
        // A successor has left its own.
        let second = RunningNote::leave(Some(folder.path()), "unix:/a", 8).unwrap();
        first.take_away(7);
        assert_eq!(read(folder.path()).map(|noted| noted.pid), Some(8));
        second.take_away(8);
        assert_eq!(read(folder.path()), None);
        assert!(RunningNote::leave(None, "x", 1).is_none());
    }
}
