//! [`Written`]: where the configuration is written, to be read again.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::config::{Config, Loaded, Problems, Source};

/// Where the configuration is written: the file as it is, the environment and the command line as they were.
pub struct Written {
    find: Box<dyn Fn() -> Source + Send + Sync>,
    load: Box<dyn Fn(Source) -> Result<Loaded, Problems> + Send + Sync>,
    /// The files that it consists of, as they were when it was read last; `None` for one that could not be.
    seen: Mutex<Vec<(PathBuf, Option<Vec<u8>>)>>,
}

impl Written {
    /// Found by `find`, read by `load`.
    pub fn new(
        find: impl Fn() -> Source + Send + Sync + 'static,
        load: impl Fn(Source) -> Result<Loaded, Problems> + Send + Sync + 'static,
    ) -> Self {
        Self { find: Box::new(find), load: Box::new(load), seen: Mutex::default() }
    }

    /// Reads it. Reads files: not for an async task.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(&self) -> Result<Loaded, Problems> {
        let source = (self.find)();
        let file = match &source {
            Source::File(file) => Some(file.clone()),
            Source::Text { .. } | Source::Defaults => None,
        };
        // Looked at before it is read: a change in between is one that is still to be noticed.
        let mut seen = look(file);
        let loaded = (self.load)(source);
        if let Ok(loaded) = &loaded {
            seen.extend(look(beside(&loaded.config)));
        } else {
            // Which other files it has is not known; those before will do.
            let known = seen.len();
            seen.extend(self.seen().iter().skip(known).cloned());
        }
        *self.seen() = seen;
        loaded
    }

    /// The files that it consists of.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.seen().iter().map(|(file, _)| file.clone()).collect()
    }

    /// Whether one of them is another than when it was read. Reads files: not for an async task.
    pub(super) fn has_changed(&self) -> bool {
        let seen = self.seen().clone();
        seen.into_iter().any(|(file, contents)| std::fs::read(file).ok() != contents)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Vec<(PathBuf, Option<Vec<u8>>)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look(files: impl IntoIterator<Item = PathBuf>) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).ok())).collect()
}

/// The files that count as part of the configuration. Certificates are watched by who shows them.
fn beside(config: &Config) -> Option<PathBuf> {
    config.tls.client_ca.as_ref().map(|ca| ca.file.clone())
}
