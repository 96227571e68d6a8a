//! [`write()`]: the gateway's configuration is replaced in one step, and what it was stays beside it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::macros::format_description;

use crate::platform::files::{self, OpenOptionsExt as _};

/// Where a change was written, and where the earlier text is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrittenSettings {
    /// The file that was replaced; behind a link, the one it leads to.
    pub(crate) file: PathBuf,
    /// The copy of what the file was before.
    pub(crate) backup: PathBuf,
}

/// Replaces the text `before` of `file` by `after`, and keeps a copy beside it. A process that reads the file meanwhile
/// sees the one or the other; mode and owner stay.
///
/// # Errors
/// The system's error, or that the file no longer holds `before`. Then nothing has changed.
pub(crate) fn write(file: &Path, before: &str, after: &str, now: OffsetDateTime) -> io::Result<WrittenSettings> {
    // What a link leads to is replaced, not the link.
    let file = fs::canonicalize(file)?;
    let fresh = beside(&file, &format!("frontgate-{}", std::process::id()));
    let backup = back_up(&file, before, &stamp(now))?;
    let replaced = write_like(&file, &fresh, after).and_then(|()| {
        if fs::read_to_string(&file)? != before {
            return Err(io::Error::other("another program has changed it in the meantime"));
        }
        fs::rename(&fresh, &file)
    });
    if let Err(error) = replaced {
        // A half-written copy is of no use; that it cannot be removed is not worth another error.
        let _ = fs::remove_file(&fresh);
        let _ = fs::remove_file(&backup);
        return Err(error);
    }
    if let Some(folder) = file.parent() {
        // The rename is on disk once the folder is.
        files::sync_folder(folder)?;
    }
    Ok(WrittenSettings { file, backup })
}

/// Keeps `text` beside `file`, under a name that no earlier copy of the same second has.
fn back_up(file: &Path, text: &str, stamp: &str) -> io::Result<PathBuf> {
    let mut backup = beside(file, &format!("before-frontgate-{stamp}"));
    for number in 2..=MOST_IN_A_SECOND {
        match write_like(file, &backup, text) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                backup = beside(file, &format!("before-frontgate-{stamp}-{number}"));
            }
            copied => return copied.map(|()| backup),
        }
    }
    write_like(file, &backup, text).map(|()| backup)
}

/// Writes `text` to a new file `to` with the mode and the owner of `from`.
///
/// # Errors
/// The system's error, such as that `to` is there already.
pub(crate) fn write_like(from: &Path, to: &Path, text: &str) -> io::Result<()> {
    let model = fs::metadata(from)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    files::make_like(&file, &model)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    file.with_file_name(name)
}

fn stamp(now: OffsetDateTime) -> String {
    // Formatting only fails for a year beyond 9999.
    now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default()
}

/// More copies than a person asks for within a second are a loop.
const MOST_IN_A_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_file_is_replaced_with_its_mode_and_a_copy_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("openclaw.json"), folder.path().join("link.json"));
        fs::write(&file, "before").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        let now = datetime!(2026-11-20 10:11:12 UTC);
        let written = write(&link, "before", "after", now).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let backup = fs::canonicalize(folder.path()).unwrap().join("openclaw.json.before-frontgate-20261120T101112Z");
        assert_eq!(written.backup, backup);
        for (path, text) in [(&file, "after"), (&backup, "before")] {
            assert_eq!(fs::read_to_string(path).unwrap(), text);
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640, "{}", path.display());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left behind");
    }

    #[test]
    fn two_edits_within_a_second_keep_two_copies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openclaw.json");
        fs::write(&file, "one").unwrap();
        let now = datetime!(2026-11-20 10:11:12 UTC);
        let copies = [("one", "two"), ("two", "three")].map(|(before, after)| {
            let backup = write(&file, before, after, now).unwrap().backup;
            assert_eq!(fs::read_to_string(&backup).unwrap(), before);
            backup
        });
        assert!(copies[0] != copies[1] && copies[1].ends_with("openclaw.json.before-frontgate-20261120T101112Z-2"));
    }

    #[test]
    fn a_file_that_was_changed_in_between_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openclaw.json");
        fs::write(&file, "theirs").unwrap();
        let error = write(&file, "before", "after", OffsetDateTime::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("in the meantime"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
