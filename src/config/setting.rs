//! [`SettingReader`]: the setting that is being read, and where to report what is wrong with it.

use std::path::{Path, PathBuf};

use super::node::{ConfigNode, ConfigValue, join};
use super::problem::{Problem, SettingPosition, ValueError};

/// The setting that is being read, and the list that takes its faults.
pub(super) struct SettingReader<'a> {
    pub(super) path: String,
    pub(super) root: &'a ConfigNode,
    pub(super) folders: &'a BaseFolders,
    pub(super) problems: &'a mut Vec<Problem>,
}

/// The folders at which relative paths begin.
#[derive(Debug, Clone)]
pub(super) struct BaseFolders {
    /// The folder of the configuration file.
    pub(super) file: PathBuf,
    /// The working folder, for paths in an environment variable or a flag.
    pub(super) working: PathBuf,
    /// Whether the text was printed with its secrets masked.
    pub(super) printed: bool,
}

impl SettingReader<'_> {
    /// Reports a fault of this setting.
    pub(super) fn report(&mut self, place: &SettingPosition, fault: ValueError) {
        self.problems.push(Problem::new(place, self.path.clone(), fault));
    }

    /// The item `index` of this list.
    pub(super) fn item(&mut self, index: usize) -> SettingReader<'_> {
        self.inner(format!("{}[{index}]", self.path))
    }

    /// The part `key` of this mapping.
    pub(super) fn part(&mut self, key: &str) -> SettingReader<'_> {
        self.inner(join(&self.path, key))
    }

    /// The absolute form of a path that was written at `place`.
    pub(super) fn absolute(&self, place: &SettingPosition, path: &str) -> PathBuf {
        let folder =
            if matches!(place, SettingPosition::File { .. }) { &self.folders.file } else { &self.folders.working };
        folder.join(Path::new(path))
    }

    /// Whether `text` is the mask of a secret in a printed configuration.
    pub(super) fn is_masked(&self, text: &ConfigValue) -> bool {
        self.folders.printed && *text == ConfigValue::Scalar(MASK.to_owned())
    }

    pub(super) fn inner(&mut self, path: String) -> SettingReader<'_> {
        SettingReader { path, root: self.root, folders: self.folders, problems: self.problems }
    }
}

/// What a printed configuration shows instead of a secret.
pub(super) const MASK: &str = "***";
