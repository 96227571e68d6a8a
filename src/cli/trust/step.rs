//! [`TrustStep`]: one change of a store.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// One change of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrustStep {
    /// Make a folder, and its parents.
    Folder(PathBuf),
    /// Write the CA's certificate to this file, readable for all users.
    Write(PathBuf),
    /// Remove this file.
    Remove(PathBuf),
    /// Run this program.
    Run(PathBuf, Vec<OsString>),
}

impl TrustStep {
    pub(super) fn run(program: &Path, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self::Run(program.to_owned(), args.into_iter().map(Into::into).collect())
    }

    /// The text that is printed before the step, or instead of it: `write /etc/…`.
    pub(super) fn intent(&self) -> String {
        match self {
            Self::Folder(path) => format!("make the folder {}", path.display()),
            Self::Write(path) => format!("write {}", path.display()),
            Self::Remove(path) => format!("remove {}", path.display()),
            Self::Run(..) => format!("run {}", self.command(Path::new(""))),
        }
    }

    /// The text that is printed after the step: `wrote /etc/…`.
    pub(super) fn done(&self) -> String {
        match self {
            Self::Folder(path) => format!("made the folder {}", path.display()),
            Self::Write(path) => format!("wrote {}", path.display()),
            Self::Remove(path) => format!("removed {}", path.display()),
            Self::Run(..) => format!("ran {}", self.command(Path::new(""))),
        }
    }

    /// Whether the step needs root. Folders and databases are the user's own.
    pub(super) fn needs_root(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Write(_) | Self::Remove(_) => true,
            Self::Run(program, _) => program.file_name().is_none_or(|name| name != "certutil" && name != "security"),
        }
    }

    /// The step as a command for a shell; `ca` is the file with the CA's certificate.
    pub(super) fn command(&self, ca: &Path) -> String {
        let words: Vec<&OsStr> = match self {
            Self::Folder(path) => vec!["mkdir".as_ref(), "-p".as_ref(), path.as_ref()],
            Self::Write(path) => {
                vec!["install".as_ref(), "-m".as_ref(), "644".as_ref(), ca.as_ref(), path.as_ref()]
            }
            Self::Remove(path) => vec!["rm".as_ref(), path.as_ref()],
            Self::Run(program, args) => {
                std::iter::once(program.as_ref()).chain(args.iter().map(OsString::as_os_str)).collect()
            }
        };
        words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
    }
}

/// Quotes a word so that a shell takes it for one word.
pub(super) fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_as_it_is_printed() {
        let step =
            TrustStep::run(Path::new("/usr/bin/certutil"), ["-n", "frontgate's CA", "-t", "C,,", "", "sql:/home/$x"]);
        let typed = r"/usr/bin/certutil -n 'frontgate'\''s CA' -t C,, '' 'sql:/home/$x'";
        assert_eq!(step.command(Path::new("/ca.pem")), typed);
        assert_eq!(step.done(), format!("ran {typed}"));
        let step = TrustStep::Write(PathBuf::from("/etc/a b"));
        assert_eq!(step.command(Path::new("/ca.pem")), "install -m 644 /ca.pem '/etc/a b'");
    }
}
