//! [`StateDir`]: the folder that keeps keys and certificates.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use crate::platform::files::{self, DirBuilderExt as _, OpenOptionsExt as _};

/// The state directory. Files in it are replaced whole or not at all, whatever fails in between.
#[derive(Debug, Clone)]
pub(crate) struct StateDir {
    path: PathBuf,
}

/// Which users may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileAccess {
    /// All users: certificates.
    Public,
    /// Only the user frontgate runs as: keys.
    Private,
}

/// The folder's lock, held while one process makes or renews files that other processes may be making too; dropping it
/// releases the lock.
#[derive(Debug)]
pub(crate) struct StateDirLock {
    _file: File,
}

/// Why the state directory or a file in it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder is not there and cannot be made, or it cannot be entered.
    #[error("cannot open the state directory {path}: {source}; give frontgate a folder it may write to (`state_dir`)")]
    Open {
        /// Path of the state directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is there and cannot be read.
    #[error("cannot read {path}: {source}; let the user that runs frontgate read it")]
    Read {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}; let the user that runs frontgate write to this folder (`state_dir`)")]
    Write {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl StateDir {
    /// Opens the folder `path`, or makes it with mode 0700, parents included. Succeeds for a folder that can only be
    /// read.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let open = || {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            // Asking for `.` tells whether the folder may be entered, not merely seen.
            fs::metadata(path.join("."))
        };
        match open() {
            Ok(_) => Ok(Self { path: path.to_owned() }),
            Err(source) => Err(StateError::Open { path: path.to_owned(), source }),
        }
    }

    /// Whether users other than the owner and the group may put files into the folder `path`.
    pub(crate) fn is_open_to_all(path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|folder| files::mode(&folder).is_some_and(|mode| mode & 0o002 != 0))
    }

    /// The folder's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file `name`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Waits for the folder's lock. Hold it around "read, decide, write", never while serving.
    pub(crate) fn lock(&self) -> Result<StateDirLock, StateError> {
        let path = self.file("lock");
        let lock = || {
            let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
            if let Err(TryLockError::WouldBlock) = file.try_lock() {
                info!(file = %path.display(), "waiting for another frontgate that makes a certificate here");
            }
            file.lock()?;
            Ok(StateDirLock { _file: file })
        };
        lock().map_err(|source| StateError::Write { path: path.clone(), source })
    }

    /// Takes the folder's lock if it is free; `None` while another process holds it.
    pub(crate) fn try_lock(&self) -> Result<Option<StateDirLock>, StateError> {
        let path = self.file("lock");
        let open = || OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let taken = open().and_then(|file| match file.try_lock() {
            Ok(()) => Ok(Some(StateDirLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        });
        taken.map_err(|source| StateError::Write { path: path.clone(), source })
    }

    /// The contents of the file `name`; `None` when there is no such file. A private file that other users could read
    /// is closed to them, with a warning.
    pub(crate) fn read(&self, name: &str, access: FileAccess) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.file(name);
        match read_regular(&path) {
            Ok(contents) => {
                if access == FileAccess::Private {
                    tighten(&path);
                }
                Ok(Some(contents))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StateError::Read { path, source }),
        }
    }

    /// Replaces the file `name`. A crash leaves the old file or the complete new one.
    pub(crate) fn write(&self, name: &str, contents: &[u8], access: FileAccess) -> Result<(), StateError> {
        let path = self.file(name);
        let draft = self.file(&format!(".{name}.{:08x}", fastrand::u32(..)));
        let written = write_synced(&draft, contents, access)
            .and_then(|()| fs::rename(&draft, &path))
            .and_then(|()| files::sync_folder(&self.path));
        written.map_err(|source| {
            // A draft that was never made cannot be removed.
            let _ = fs::remove_file(&draft);
            StateError::Write { path, source }
        })
    }

    /// Renames the file `name` to `name.bad`, over an earlier one, for the operator to look at. Returns the new path.
    pub(crate) fn set_aside(&self, name: &str) -> Result<PathBuf, StateError> {
        let bad = self.file(&format!("{name}.bad"));
        fs::rename(self.file(name), &bad).map_err(|source| StateError::Write { path: bad.clone(), source })?;
        Ok(bad)
    }
}

/// A pipe would be waited for without an end, and a device has no end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file: remove it"));
    }
    fs::read(path)
}

fn write_synced(path: &Path, contents: &[u8], access: FileAccess) -> io::Result<()> {
    let mode = match access {
        FileAccess::Public => 0o644,
        FileAccess::Private => 0o600,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// Tightens the mode of regular files of ours only: a link may lead to any other file, and a second name may be a link
/// to another user's file.
fn tighten(path: &Path) {
    let file = path.display();
    let opened = match files::open_unless_link(path) {
        Ok(opened) => opened,
        Err(error) => {
            if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
                warn!(%file, "this key is a symbolic link; what it leads to keeps its mode");
            } else {
                warn!(%file, %error, "cannot look at the permissions of this key");
            }
            return;
        }
    };
    let Ok(found) = opened.metadata() else { return };
    let Some(mode) = files::mode(&found) else { return };
    let others = mode & 0o077;
    if others == 0 || !found.is_file() {
        return;
    }
    if files::names(&found) > 1 {
        warn!(%file, "others can read this key, and it has another name; give it the mode 0600 and one name");
        return;
    }
    match files::set_mode_of(&opened, 0o600) {
        Ok(()) => {
            warn!(%file, was = format!("{:04o}", mode & 0o7777), "others could read this key; its mode is 0600 again");
        }
        Err(error) => warn!(%file, %error, "others can read this key; give it the mode 0600"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::{FileAccess, StateDir};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn folders_and_keys_are_ours_alone() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&temp.path().join("a/b")).unwrap();
        dir.write("key", b"secret", FileAccess::Private).unwrap();
        dir.write("certificate", b"public", FileAccess::Public).unwrap();
        assert_eq!(mode(&temp.path().join("a")), 0o700);
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.file("key")), 0o600);
        assert_eq!(mode(&dir.file("certificate")), 0o644);
    }

    #[test]
    fn a_key_that_others_could_read_is_closed_to_them() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path()).unwrap();
        for (before, after) in [(0o644, 0o600), (0o640, 0o600), (0o600, 0o600), (0o400, 0o400)] {
            fs::write(dir.file("key"), "secret").unwrap();
            fs::set_permissions(dir.file("key"), PermissionsExt::from_mode(before)).unwrap();
            assert_eq!(dir.read("key", FileAccess::Private).unwrap().unwrap(), b"secret");
            assert_eq!(mode(&dir.file("key")), after, "{before:o}");
            fs::remove_file(dir.file("key")).unwrap();
        }
    }

    #[test]
    fn what_a_link_leads_to_keeps_its_mode() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(&temp.path().join("state")).unwrap();
        let other = temp.path().join("other");
        fs::write(&other, "another's").unwrap();
        fs::set_permissions(&other, PermissionsExt::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&other, dir.file("link")).unwrap();
        fs::hard_link(&other, dir.file("name")).unwrap();
        for name in ["link", "name"] {
            dir.read(name, FileAccess::Private).unwrap();
            assert_eq!(mode(&other), 0o644, "{name}");
        }
    }

    #[test]
    fn a_folder_that_all_users_may_write_to_is_known() {
        let temp = tempfile::tempdir().unwrap();
        for (folder, expected) in [(0o700, false), (0o775, false), (0o702, true), (0o1777, true)] {
            fs::set_permissions(temp.path(), PermissionsExt::from_mode(folder)).unwrap();
            assert_eq!(StateDir::is_open_to_all(temp.path()), expected, "{folder:o}");
        }
        assert!(!StateDir::is_open_to_all(Path::new("/nowhere")));
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_no_draft() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path()).unwrap();
        dir.write("file", b"long contents", FileAccess::Public).unwrap();
        dir.write("file", b"short", FileAccess::Private).unwrap();
        assert_eq!(dir.read("file", FileAccess::Private).unwrap().unwrap(), b"short");
        assert_eq!(mode(&dir.file("file")), 0o600);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);

        // A folder cannot be renamed over: the draft goes, the folder stays.
        fs::create_dir(dir.file("folder")).unwrap();
        let error = dir.write("folder", b"x", FileAccess::Public).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot write {}", dir.file("folder").display())), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_not_there_is_not_an_error_but_what_cannot_be_read_is() {
        let temp = tempfile::tempdir().unwrap();
        let dir = StateDir::open(temp.path()).unwrap();
        assert_eq!(dir.read("none", FileAccess::Public).unwrap(), None);
        fs::create_dir(dir.file("folder")).unwrap();
        let error = dir.read("folder", FileAccess::Public).unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}", dir.file("folder").display())), "{error}");
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateDir::open(temp.path()).unwrap();
        std::os::unix::fs::symlink("/dev/null", temp.path().join("device")).unwrap();
        let error = folder.read("device", FileAccess::Public).unwrap_err();
        assert!(matches!(error, crate::tls::StateError::Read { .. }), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_the_fix() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = StateDir::open(&path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("cannot open the state directory {}", path.display())), "{error}");
            assert!(error.ends_with("give frontgate a folder it may write to (`state_dir`)"), "{error}");
        }
    }
}
