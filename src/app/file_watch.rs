//! [`FileWatch`]: notices when files change, whatever program replaces them and however.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{debug, warn};

/// Notices when files change.
///
/// It watches folders, because files are replaced more often than written to, and every folder on the way through
/// symbolic links: certbot's `live/NAME/*.pem` point into `archive/`, and Kubernetes swaps the link `..data` to a whole
/// folder.
#[derive(Debug)]
pub(super) struct FileWatch {
    files: Vec<PathBuf>,
    /// `None` when the kernel has no watches left.
    watcher: Option<RecommendedWatcher>,
    places: Arc<Mutex<WatchedFolders>>,
    changed: Arc<Notify>,
}

/// The folders and names where a change can make a watched file another one.
#[derive(Debug, Default)]
struct WatchedFolders {
    folders: BTreeSet<PathBuf>,
    /// The names of the files and links in the folders; other files in a folder, such as logs, do not count. Names
    /// without their folders, because the kernel knows one folder by one path only, even if it was given two.
    names: BTreeSet<OsString>,
}

impl FileWatch {
    /// Watches `files`. When that is impossible, no change is ever noticed, and the log says that the files are looked
    /// at once a minute instead.
    pub(super) fn on(files: Vec<PathBuf>) -> Self {
        let (changed, places) = (Arc::new(Notify::new()), Arc::new(Mutex::new(WatchedFolders::default())));
        let (noticed, wanted) = (Arc::clone(&changed), Arc::clone(&places));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let wanted = wanted.lock().unwrap_or_else(PoisonError::into_inner);
            if event.map_or(true, |event| wanted.concerns(&event)) {
                noticed.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(|error| warn!(%error, "cannot watch files; they are looked at once a minute instead"))
            .ok();
        let mut watch = Self { files, watcher, places, changed };
        watch.follow();
        watch
    }

    /// Follows links that point elsewhere than before, and folders that were made anew. To be called after each change,
    /// and now and then. Does a little file work.
    pub(super) fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let (folders, names): (BTreeSet<_>, BTreeSet<_>) = self.files.iter().flat_map(|file| way(file)).unzip();
        let before = {
            // The set is replaced before its folders are watched, so that no change is missed.
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *places, WatchedFolders { folders: folders.clone(), names }).folders
        };
        for gone in before.difference(&folders) {
            // The folder may be gone from the disk too, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        for folder in &folders {
            // Also for folders that are watched already: another folder may have replaced one under the same path.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                debug!(folder = %folder.display(), %error, "cannot watch a folder; it is looked at once a minute");
            }
        }
    }

    /// Resolves when something has changed since the last time.
    pub(super) async fn noticed(&self) {
        self.changed.notified().await;
    }

    /// Resolves when files have changed and then stayed the same for a moment: a certificate and its key are replaced
    /// one after the other.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
        let settled = async {
            loop {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep(QUIET) => return,
                }
            }
        };
        tokio::select! {
            () = settled => {}
            () = sleep(LONGEST) => {}
        }
    }
}

impl WatchedFolders {
    /// Whether `event` may have changed one of the files.
    fn concerns(&self, event: &Event) -> bool {
        let is_ours = |path: &PathBuf| {
            self.folders.contains(path) || path.file_name().is_none_or(|name| self.names.contains(name))
        };
        // Reads are reported too, and they are our own. An event without a path means that events were lost.
        !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(is_ours))
    }
}

/// How long no event must come before a change counts as complete.
const QUIET: Duration = Duration::from_millis(500);
/// A folder with constant events is looked at this often.
const LONGEST: Duration = Duration::from_secs(5);
/// The most links that are followed, as in Linux (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The entries on the way to `file`, each with the folder that it is in: every link, and the entry at the end.
fn way(file: &Path) -> BTreeSet<(PathBuf, OsString)> {
    let mut way = BTreeSet::new();
    let mut ahead: Vec<PathBuf> = steps(file);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(step) = ahead.pop() {
        let next = at.join(&step);
        match fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                way.insert((here(&at), step.into()));
                ahead.extend(steps(&target));
                if target.is_absolute() {
                    at = PathBuf::new();
                }
            }
            _ => {
                if ahead.is_empty() {
                    way.insert((here(&at), step.into()));
                }
                at = next;
            }
        }
    }
    way
}

/// The steps of a path, the last one first.
fn steps(path: &Path) -> Vec<PathBuf> {
    path.components()
        .rev()
        .filter(|step| *step != Component::CurDir)
        .map(|step| PathBuf::from(step.as_os_str()))
        .collect()
}

fn here(folder: &Path) -> PathBuf {
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use notify::EventKind;
    use notify::event::{AccessKind, DataChange, ModifyKind, RemoveKind, RenameMode};

    use super::*;

    #[test]
    fn every_folder_on_the_way_through_links_is_watched() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        for folder in ["live/gw", "archive/gw", "secret/..2026_1", "etc"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in ["archive/gw/cert1.pem", "secret/..2026_1/tls.crt", "etc/plain.pem"] {
            fs::write(root.join(file), "x").unwrap();
        }
        for (target, link) in [
            ("../../archive/gw/cert1.pem", "live/gw/cert.pem"),
            ("..2026_1", "secret/..data"),
            ("..data/tls.crt", "secret/tls.crt"),
            ("live", "current"),
            ("loop", "loop"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        symlink(root.join("etc/plain.pem"), root.join("etc/absolute.pem")).unwrap();
        for (file, expected) in [
            ("etc/plain.pem", &["etc/plain.pem"][..]),
            ("etc/missing.pem", &["etc/missing.pem"]),
            ("etc/absolute.pem", &["etc/absolute.pem", "etc/plain.pem"]),
            ("live/gw/cert.pem", &["archive/gw/cert1.pem", "live/gw/cert.pem"]),
            ("secret/tls.crt", &["secret/..data", "secret/..2026_1/tls.crt", "secret/tls.crt"]),
            ("current/gw/cert.pem", &["archive/gw/cert1.pem", "current", "live/gw/cert.pem"]),
            ("loop", &["loop"]),
        ] {
            let way = way(&root.join(file)).into_iter();
            let found: BTreeSet<PathBuf> =
                way.map(|(folder, name)| folder.canonicalize().unwrap().join(name)).collect();
            let expected = expected.iter().map(|path| root.join(path)).collect();
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn only_what_can_change_a_file_concerns_it() {
        let places = WatchedFolders {
            folders: ["/etc/frontgate".into(), ".".into()].into(),
            names: ["frontgate.yaml".into(), "..data".into()].into(),
        };
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        let read = EventKind::Access(AccessKind::Read);
        let removed = EventKind::Remove(RemoveKind::Folder);
        for (kind, paths, concerned) in [
            (written, &["/etc/frontgate/frontgate.yaml"][..], true),
            // The same folder by another path.
            (written, &["/srv/etc/frontgate.yaml"], true),
            (written, &["./frontgate.yaml"], true),
            (written, &["/etc/frontgate/frontgate.log"], false),
            (renamed, &["/etc/frontgate/..data_tmp", "/etc/frontgate/..data"], true),
            (renamed, &["/etc/frontgate/frontgate.log", "/etc/frontgate/frontgate.log.1"], false),
            (removed, &["/etc/frontgate"], true),
            (read, &["/etc/frontgate/frontgate.yaml"], false),
            // The kernel has lost events.
            (EventKind::Other, &[], true),
        ] {
            let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(path.into()));
            assert_eq!(places.concerns(&event), concerned, "{event:?}");
        }
    }
}
