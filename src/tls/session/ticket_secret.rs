//! [`TicketSecret`]: what the keys of TLS tickets come of, and its file in the state directory.

use std::fmt;
use std::path::Path;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::tls::state_dir::{FileAccess, StateDir, StateError};

/// What the keys of TLS tickets come of. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TicketSecret([u8; BYTES]);

impl TicketSecret {
    /// A secret that no other process has.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(super) fn fresh() -> Result<Self, Unspecified> {
        let mut bytes = [0; BYTES];
        rand::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret of the state directory `path`, made when there is none. Waits for a disk.
    ///
    /// # Errors
    /// The file cannot be read or written, or the system gives no random bytes.
    pub(crate) fn kept(path: &Path) -> Result<Self, StateError> {
        let folder = StateDir::open(path)?;
        if let Some(secret) = Self::read(&folder)? {
            return Ok(secret);
        }
        // Two processes that make one at once would not know each other's.
        let _lock = folder.lock()?;
        if let Some(secret) = Self::read(&folder)? {
            return Ok(secret);
        }
        if folder.read(FILE, FileAccess::Private)?.is_some() {
            let bad = folder.set_aside(FILE)?;
            tracing::warn!(file = %bad.display(), "this file is damaged and was set aside: no TLS session is resumed for once");
        }
        let made = Self::fresh().map_err(|_| StateError::Write {
            path: folder.file(FILE),
            source: std::io::Error::other("the system gives no random bytes"),
        })?;
        folder.write(FILE, format!("{}\n", URL_SAFE_NO_PAD.encode(made.0)).as_bytes(), FileAccess::Private)?;
        Ok(made)
    }

    /// The secret in the folder's file; `None` if there is none, or the file holds something else.
    fn read(folder: &StateDir) -> Result<Option<Self>, StateError> {
        let read = folder.read(FILE, FileAccess::Private)?;
        let decoded = read.and_then(|text| URL_SAFE_NO_PAD.decode(text.trim_ascii_end()).ok());
        Ok(decoded.and_then(|bytes| bytes.try_into().ok()).map(Self))
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; BYTES]> for TicketSecret {
    fn from(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for TicketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketSecret(..)")
    }
}

const BYTES: usize = 32;
const FILE: &str = "ticket-key";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_made_once_for_this_user_only_and_again_when_it_is_damaged() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, file) = (temp.path().join("state"), temp.path().join("state/ticket-key"));
        let first = TicketSecret::kept(&folder).unwrap();
        assert!(first == TicketSecret::kept(&folder).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&file).unwrap();
        for damaged in ["", "\n", "AAAA\n", &text[1..], &format!("A{text}"), &format!("{text}{text}")] {
            fs::write(&file, damaged).unwrap();
            let other = TicketSecret::kept(&folder).unwrap();
            assert!(other != first, "{damaged:?}");
            assert!(other == TicketSecret::kept(&folder).unwrap(), "{damaged:?}");
            assert_eq!(fs::read_to_string(temp.path().join("state/ticket-key.bad")).unwrap(), damaged);
        }
        assert!(!format!("{first:?}").contains(text.trim()));
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_an_error() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        assert!(TicketSecret::kept(&temp.path().join("file")).is_err());
    }
}
