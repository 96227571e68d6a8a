//! [`ConfigSource`]: where the configuration is written, to be read again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::config::{self, Config, ConfigLocation, Loaded, Lowered, Problems, lowered};
use crate::lifecycle::InUse;

/// Where the configuration is written: the file as it is at each read, the environment and the command line as they
/// were at the start.
pub(crate) struct ConfigSource {
    find: Box<dyn Fn() -> ConfigLocation + Send + Sync>,
    load: Box<dyn Fn(ConfigLocation) -> Result<Loaded, Problems> + Send + Sync>,
    known: Mutex<ConfigHistory>,
}

#[derive(Default)]
struct ConfigHistory {
    /// The files as they were last read, whether or not the configuration was taken over.
    seen: ConfigFiles,
    used: Option<ConfigInUse>,
}

/// The configuration that is in use.
#[derive(Clone)]
struct ConfigInUse {
    file: Option<PathBuf>,
    text: String,
    /// As it was read, including settings that only a start can change.
    config: Config,
}

/// The files of the configuration as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ConfigFiles {
    main: Option<MainFile>,
    /// The files that the configuration names and that count as a part of it; `None` for one that cannot be read.
    beside: Vec<(PathBuf, Option<Vec<u8>>)>,
}

/// Compares looks at files that a program may be writing.
#[derive(Debug, Default)]
pub(super) struct ConfigFilesWatch {
    last: Option<ConfigFiles>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct MainFile {
    file: PathBuf,
    text: Result<String, Problems>,
}

/// A configuration that was read and is not in use yet.
#[derive(Debug)]
pub(super) struct ConfigCandidate {
    pub(super) loaded: Loaded,
    text: String,
}

/// Why this process does not take over from its predecessor.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnfitSuccessor {
    /// The configuration cannot be used at all.
    #[error("{0}")]
    Wrong(#[from] Problems),
    /// It guards less than the predecessor's, and no operator has confirmed that.
    #[error(
        "the configuration in use guards more than the file does now: {}; `frontgate reload` takes the file over, and then \
         another process can",
        list(.0)
    )]
    Lowered(Vec<Lowered>),
    /// The predecessor's configuration cannot be parsed here, so the two cannot be compared.
    #[error(
        "the configuration in use cannot be compared with the file, which has changed: `frontgate reload` first\n{0}"
    )]
    Incomparable(Problems),
}

impl ConfigFilesWatch {
    /// The files of `look`, if they are the same as at the look before.
    pub(super) fn agreed(&mut self, look: ConfigFiles) -> Option<ConfigFiles> {
        if self.last.as_ref() == Some(&look) {
            return Some(look);
        }
        self.last = Some(look);
        None
    }
}

impl ConfigSource {
    /// A configuration that `find` locates and `load` reads.
    pub(crate) fn new(
        find: impl Fn() -> ConfigLocation + Send + Sync + 'static,
        load: impl Fn(ConfigLocation) -> Result<Loaded, Problems> + Send + Sync + 'static,
    ) -> Self {
        Self { find: Box::new(find), load: Box::new(load), known: Mutex::default() }
    }

    /// Reads the configuration for a start, at which a missing or empty file stands for the defaults. Reads files: not
    /// for an async task.
    ///
    /// # Errors
    /// Every problem of the configuration.
    pub(crate) fn start(&self) -> Result<Loaded, Problems> {
        let source = (self.find)();
        let (file, text) = match &source {
            ConfigLocation::File(file) => (Some(file.clone()), config::read_text(file)?),
            ConfigLocation::Text { .. } | ConfigLocation::Defaults => (None, String::new()),
        };
        let loaded = match &file {
            Some(file) => (self.load)(ConfigLocation::Text { text: text.clone(), file: file.clone() })?,
            None => (self.load)(source)?,
        };
        self.known().seen.beside = look(beside(&loaded.config));
        self.take(&ConfigCandidate { loaded: loaded.clone(), text: text.clone() });
        let mut seen = self.look();
        // A change since the file was read is still to be noticed. A file that can no longer be read is not such a
        // change.
        if let Some(MainFile { text: Ok(now), .. }) = &mut seen.main {
            *now = text;
        }
        self.known().seen = seen;
        Ok(loaded)
    }

    /// Reads the configuration for a start as the successor of a process that runs on `before`.
    ///
    /// # Errors
    /// Why this process must not take over.
    pub(crate) fn start_after(&self, before: &InUse) -> Result<Loaded, UnfitSuccessor> {
        let loaded = self.start()?;
        let text = self.known().used.as_ref().map(|used| used.text.clone()).unwrap_or_default();
        if text == before.0 {
            return Ok(loaded);
        }
        if config::says_nothing(&text) {
            return Err(config::nothing(loaded.file).into());
        }
        let file = loaded.file.clone().unwrap_or_default();
        let theirs =
            (self.load)(ConfigLocation::Text { text: before.0.clone(), file }).map_err(UnfitSuccessor::Incomparable)?;
        match lowered(&theirs.config, &loaded.config) {
            lost if lost.is_empty() => Ok(loaded),
            lost => Err(UnfitSuccessor::Lowered(lost)),
        }
    }

    /// The configuration that is in use, for a successor.
    pub(super) fn in_use(&self) -> Option<InUse> {
        self.known().used.as_ref().map(|used| InUse(used.text.clone()))
    }

    /// Looks at the files. Reads files: not for an async task.
    pub(super) fn look(&self) -> ConfigFiles {
        let used = self.known().used.as_ref().and_then(|used| used.file.clone());
        let main = match ((self.find)(), used) {
            // When the file in use disappears, another file or the defaults must not silently replace it.
            (ConfigLocation::File(found), Some(used)) if found != used && !used.exists() => Some(used),
            (ConfigLocation::File(found), _) => Some(found),
            (ConfigLocation::Text { .. } | ConfigLocation::Defaults, used) => used,
        };
        let main = main.map(|file| MainFile { text: config::reread_text(&file), file });
        let beside = self.known().seen.beside.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
        ConfigFiles { main, beside: look(beside) }
    }

    /// Reads the configuration from the files of a look. Reads files: not for an async task.
    ///
    /// # Errors
    /// Every problem of the configuration.
    pub(super) fn read(&self, mut seen: ConfigFiles) -> Result<ConfigCandidate, Problems> {
        let read = match &seen.main {
            None => (self.load)(ConfigLocation::Defaults).map(|loaded| ConfigCandidate { loaded, text: String::new() }),
            Some(MainFile { file, text }) => text.clone().and_then(|text| {
                let loaded = (self.load)(ConfigLocation::Text { text: text.clone(), file: file.clone() })?;
                Ok(ConfigCandidate { loaded, text })
            }),
        };
        if let Ok(ConfigCandidate { loaded, .. }) = &read {
            let named: Vec<_> = beside(&loaded.config).collect();
            // Files that are part of the look are not read again: a change in between is still to be noticed.
            let known = |file: &PathBuf| seen.beside.iter().find(|(other, _)| other == file).cloned();
            seen.beside =
                named.into_iter().flat_map(|file| known(&file).map_or_else(|| look([file]), |one| vec![one])).collect();
        }
        self.known().seen = seen;
        read
    }

    /// The guards that are lower under `candidate` than under the configuration in use.
    pub(super) fn lowered(&self, candidate: &ConfigCandidate) -> Vec<Lowered> {
        let used = self.known().used.as_ref().map(|used| used.config.clone());
        used.map(|before| lowered(&before, &candidate.loaded.config)).unwrap_or_default()
    }

    /// Notes that `candidate` is in use from here on.
    pub(super) fn take(&self, candidate: &ConfigCandidate) {
        let ConfigCandidate { loaded, text } = candidate;
        self.known().used =
            Some(ConfigInUse { file: loaded.file.clone(), text: text.clone(), config: loaded.config.clone() });
    }

    /// The files that make up the configuration.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let seen = &self.known().seen;
        seen.main.iter().map(|main| &main.file).chain(seen.beside.iter().map(|(file, _)| file)).cloned().collect()
    }

    /// Whether `look` differs from the files that were read last.
    pub(super) fn is_new(&self, look: &ConfigFiles) -> bool {
        self.known().seen != *look
    }

    fn known(&self) -> std::sync::MutexGuard<'_, ConfigHistory> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The guards as one log line names them.
pub(super) fn list(lowered: &[Lowered]) -> String {
    let shown: Vec<_> = lowered.iter().take(MOST_SHOWN).map(ToString::to_string).collect();
    let rest = lowered.len().saturating_sub(MOST_SHOWN);
    if rest == 0 { shown.join("; ") } else { format!("{}; and {rest} more", shown.join("; ")) }
}

fn look(files: impl IntoIterator<Item = PathBuf>) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    files.into_iter().map(|file| (file.clone(), config::contents(&file).ok())).collect()
}

/// The files that count as part of the configuration. The certificates that clients are shown are watched by what shows them.
fn beside(config: &Config) -> impl Iterator<Item = PathBuf> {
    let clients = config.tls.client_ca.iter().map(|ca| &ca.file);
    let gateways = config.upstreams.iter().flat_map(|(_, group)| group.tls.files());
    clients.chain(gateways).cloned()
}

/// The most guards that one line names.
const MOST_SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::config::{Overrides, load};

    fn written(file: &Path) -> ConfigSource {
        let file = file.to_owned();
        ConfigSource::new(
            move || if file.exists() { ConfigLocation::File(file.clone()) } else { ConfigLocation::Defaults },
            |source| load(source, [], &Overrides::default()),
        )
    }

    #[test]
    fn a_file_that_grows_is_not_read_before_two_looks_agree() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        fs::write(&file, "hold: 1s\n").unwrap();
        let (written, mut looks) = (written(&file), ConfigFilesWatch::default());
        written.start().unwrap();
        assert!(!written.is_new(&written.look()));
        let mut text = String::new();
        for line in ["hold: 2s\n", "auth: none\n", "limits: {}\n"] {
            text.push_str(line);
            fs::write(&file, &text).unwrap();
            let look = written.look();
            assert!(written.is_new(&look) && looks.agreed(look).is_none(), "{line}");
        }
        let agreed = looks.agreed(written.look()).expect("two looks agree");
        written.read(agreed).unwrap();
        assert!(!written.is_new(&written.look()));
    }

    #[test]
    fn what_could_not_be_meant_is_refused_and_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        let restore = || fs::write(&file, "auth: none\nhold: 1s\n").unwrap();
        restore();
        let written = written(&file);
        written.start().unwrap();
        for (text, expected) in [
            ("", "says nothing"),
            ("\n\n", "says nothing"),
            ("# nothing\n---\n", "says nothing"),
            ("~\n", "says nothing"),
            ("{}\n", "says nothing"),
            ("auth:\ntls:\n  names:\n", "says nothing"),
            ("hold: 1s\nauth: [", "f.yaml:"),
            ("\0\0\0\0", "f.yaml:"),
        ] {
            restore();
            written.read(written.look()).unwrap();
            fs::write(&file, text).unwrap();
            let look = written.look();
            assert!(written.is_new(&look), "{text:?}");
            let problems = written.read(look).unwrap_err().to_string();
            assert!(problems.contains(expected), "{text:?}: {problems}");
            assert!(!written.is_new(&written.look()), "{text:?}");
        }
        let link = || std::os::unix::fs::symlink(&file, &file).unwrap();
        let folder = || fs::create_dir(&file).unwrap();
        let changes: [(&dyn Fn(), &str); 3] =
            [(&|| {}, "is gone"), (&folder, "no regular file"), (&link, "cannot be read")];
        for (change, expected) in changes {
            restore();
            written.read(written.look()).unwrap();
            fs::remove_file(&file).unwrap();
            change();
            let problems = written.read(written.look()).unwrap_err().to_string();
            assert!(problems.contains(expected), "{expected}: {problems}");
            let _ = fs::remove_dir(&file).or_else(|_| fs::remove_file(&file));
        }
    }

    #[test]
    fn a_process_takes_over_only_with_what_guards_as_much() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        let guarded = "routes: [{ path: /p, respond: 404 }, {}]\n";
        let rows: &[(&str, Option<&str>, &str)] = &[
            (guarded, Some(guarded), ""),
            (guarded, Some("routes: [{ path: /p, respond: 403 }, {}]\n"), ""),
            (guarded, Some("routes: [{}]\n"), "guards more"),
            (guarded, Some(""), "says nothing"),
            (guarded, None, "is gone"),
            ("hold: 1s\n", Some("hold: 2s\n"), ""),
            ("hold: 1s\n", Some("# cut"), "says nothing"),
            ("hold: 1s\n", None, "is gone"),
            // The predecessor ran on the defaults already.
            ("", None, ""),
            ("# nothing", Some(""), "says nothing"),
            ("", Some(guarded), ""),
            // Of a version that knew more.
            ("future: 1\n", Some("hold: 1s\n"), "cannot be compared"),
            ("future: 1\n", Some("future: 1\n"), "unknown key"),
        ];
        for (before, now, expected) in rows {
            let _ = fs::remove_file(&file);
            if let Some(text) = now {
                fs::write(&file, text).unwrap();
            }
            let said = written(&file).start_after(&InUse((*before).to_owned())).err().map(|unfit| unfit.to_string());
            let said = said.unwrap_or_default();
            assert!(
                if expected.is_empty() { said.is_empty() } else { said.contains(expected) },
                "{before} {now:?}: {said}"
            );
        }
    }
}
