//! [`state_dir`]: the folder that keeps keys and certificates.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// No folder for keys and certificates is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no folder for keys and certificates: set state_dir, FRONTGATE_STATE_DIR or HOME")]
pub(crate) struct NoStateDir;

/// The configured folder, else `$STATE_DIRECTORY` (systemd's, the first of its folders), else
/// `$XDG_STATE_HOME/frontgate`, else `$HOME/.local/state/frontgate`, else what Windows has instead. `variable` looks one up.
pub(crate) fn state_dir(
    configured: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, NoStateDir> {
    // The XDG base directory specification says to ignore a relative path; the others are absolute by nature.
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let systemd = || {
        let all = variable("STATE_DIRECTORY")?;
        let path = env::split_paths(&all).next()?;
        path.is_absolute().then_some(path)
    };
    configured
        .map(Path::to_path_buf)
        .or_else(systemd)
        .or_else(|| folder("XDG_STATE_HOME").map(|path| path.join("frontgate")))
        .or_else(|| folder("HOME").map(|path| path.join(".local/state/frontgate")))
        .or_else(|| folder("LOCALAPPDATA").map(|path| path.join("frontgate")))
        .ok_or(NoStateDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_that_is_known_is_taken() {
        type Case = (Option<&'static str>, &'static [(&'static str, &'static str)], Option<&'static str>);
        let cases: [Case; 8] = [
            (Some("/a"), &[("STATE_DIRECTORY", "/b"), ("HOME", "/h")], Some("/a")),
            (None, &[("STATE_DIRECTORY", "/b"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")], Some("/b")),
            (None, &[("STATE_DIRECTORY", "/b:/c")], Some("/b")),
            (None, &[("XDG_STATE_HOME", "/x"), ("HOME", "/h")], Some("/x/frontgate")),
            (None, &[("XDG_STATE_HOME", "x"), ("HOME", "/h")], Some("/h/.local/state/frontgate")),
            (
                None,
                &[("STATE_DIRECTORY", ""), ("XDG_STATE_HOME", ""), ("HOME", "/h")],
                Some("/h/.local/state/frontgate"),
            ),
            (None, &[("HOME", "")], None),
            (None, &[], None),
        ];
        for (configured, env, expected) in cases {
            let lookup = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
            let found = state_dir(configured.map(Path::new), lookup).ok();
            assert_eq!(found, expected.map(PathBuf::from), "{configured:?} {env:?}");
        }
    }
}
