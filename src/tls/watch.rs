//! [`Watch`]: notices when files change, whoever replaces them and however.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{debug, warn};

/// Notices when files change.
///
/// It watches folders, because files are replaced more often than written to, and every folder on the way through symbolic
/// links: certbot's `live/NAME/*.pem` point into `archive/`, and Kubernetes swaps the link `..data` to a whole folder.
#[derive(Debug)]
pub struct Watch {
    files: Vec<PathBuf>,
    /// None when the kernel has no watches left.
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    changed: Arc<Notify>,
}

impl Watch {
    /// Watches `files`. When that cannot be, nothing is ever noticed, and it is logged that only looking helps.
    pub fn on(files: Vec<PathBuf>) -> Self {
        let changed = Arc::new(Notify::new());
        let noticed = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // Reading is reported too, and it is we who read.
            if event.map_or(true, |event| !event.kind.is_access()) {
                noticed.notify_one();
            }
        });
        let watcher = watcher
            .inspect_err(
                |error| warn!(%error, "cannot watch certificate files; they are looked at once a minute instead"),
            )
            .ok();
        let mut watch = Self { files, watcher, folders: BTreeSet::new(), changed };
        watch.follow();
        watch
    }

    /// Follows links that point elsewhere than before, and folders that were made anew. To be called after each change, and
    /// now and then. Does a little file work.
    pub fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let folders: BTreeSet<PathBuf> = self.files.iter().flat_map(|file| folders(file)).collect();
        for gone in self.folders.difference(&folders) {
            // It may be gone from the disk too, and its watch with it.
            let _ = watcher.unwatch(gone);
        }
        for folder in &folders {
            // Again for those that are watched: another folder may have taken the place.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                debug!(folder = %folder.display(), %error, "cannot watch a folder; it is looked at once a minute");
            }
        }
        self.folders = folders;
    }

    /// Resolves when something has changed and then nothing for a moment: a certificate and its key are replaced one after
    /// the other.
    pub async fn changed(&self) {
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

/// How long nothing must happen.
const QUIET: Duration = Duration::from_millis(500);
/// A folder in which something always happens is looked at this often.
const LONGEST: Duration = Duration::from_secs(5);
/// As many links as Linux follows (`path_resolution(7)`).
const MOST_LINKS: usize = 40;

/// The folders in which a change can make `file` another one: its own, and that of each link on the way.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut way: Vec<PathBuf> = steps(file);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(step) = way.pop() {
        let next = at.join(&step);
        match fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                folders.insert(here(&at));
                way.extend(steps(&target));
                if target.is_absolute() {
                    at = PathBuf::new();
                }
            }
            _ => {
                if way.is_empty() {
                    folders.insert(here(&at));
                }
                at = next;
            }
        }
    }
    folders
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
            ("etc/plain.pem", &["etc"][..]),
            ("etc/missing.pem", &["etc"]),
            ("etc/absolute.pem", &["etc"]),
            ("live/gw/cert.pem", &["archive/gw", "live/gw"]),
            ("secret/tls.crt", &["secret", "secret/..2026_1"]),
            ("current/gw/cert.pem", &["", "archive/gw", "live/gw"]),
            ("loop", &[""]),
        ] {
            let found: BTreeSet<PathBuf> =
                folders(&root.join(file)).iter().map(|folder| folder.canonicalize().unwrap()).collect();
            let expected = expected.iter().map(|folder| root.join(folder).canonicalize().unwrap()).collect();
            assert_eq!(found, expected, "{file}");
        }
    }
}
