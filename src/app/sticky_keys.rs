//! [`open`]: the keys that seal the cookies of `sticky`.

use std::sync::Arc;

use super::certificates::off_thread;
use super::error::StartError;
use crate::cluster::ClusterSecret;
use crate::config::Config;
use crate::http::auth::session::sealing::SealingKeys;
use crate::http::auth::session::store::unix_now;
use crate::tls::{FileAccess, StateDir, StateError};

/// The keys that seal the cookies of `sticky`: those that come of the replicas' `secret`, which each of them opens; without one those
/// of `before`, else those of the state directory, else new ones; `None` where no group has such a cookie. Waits for a disk.
///
/// # Errors
/// The file of the keys cannot be read or written.
pub(super) async fn open(
    before: Option<&Arc<SealingKeys>>,
    config: &Config,
    secret: Option<&ClusterSecret>,
) -> Result<Option<Arc<SealingKeys>>, StartError> {
    let now = unix_now();
    if let Some(secret) = secret {
        return Ok(Some(Arc::new(derived(secret, now))));
    }
    if let Some(keys) = before.filter(|keys| !keys.is_old(now)) {
        return Ok(Some(Arc::clone(keys)));
    }
    if config.upstreams.iter().all(|(_, group)| group.sticky.is_none()) {
        return Ok(before.cloned());
    }
    let keys = match config.state_dir.clone() {
        // They end with the process.
        None => SealingKeys::fresh(now).map_err(|_| StartError::Random)?,
        Some(folder) => {
            off_thread(move || read(&StateDir::open(&folder).map_err(StartError::StickyKeys)?, now)).await?
        }
    };
    Ok(Some(Arc::new(keys)))
}

fn derived(secret: &ClusterSecret, now: u64) -> SealingKeys {
    SealingKeys::derived(|purpose| secret.derive(&format!("sticky {purpose}")), now)
}

fn read(folder: &StateDir, now: u64) -> Result<SealingKeys, StartError> {
    let state = |error: StateError| StartError::StickyKeys(error);
    // Two processes that make keys at once would not know each other's.
    let _lock = folder.lock().map_err(state)?;
    let found = folder.read(KEYS, FileAccess::Private).map_err(state)?;
    let keys = match found.as_deref().map(SealingKeys::parse) {
        Some(Some(keys)) if !keys.is_old(now) => return Ok(keys),
        Some(Some(old)) => old.rotated(now),
        Some(None) => {
            let bad = folder.set_aside(KEYS).map_err(state)?;
            tracing::warn!(file = %bad.display(), "this file is damaged and was set aside: clients may come to another gateway");
            SealingKeys::fresh(now)
        }
        None => SealingKeys::fresh(now),
    };
    let keys = keys.map_err(|_| StartError::Random)?;
    folder.write(KEYS, keys.encode().as_bytes(), FileAccess::Private).map_err(state)?;
    Ok(keys)
}

const KEYS: &str = "sticky-keys";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_with_one_secret_open_each_others_cookies() {
        let keys = |secret: u8| derived(&ClusterSecret::new("prod", &[secret; 32]), 1000);
        let sealed = keys(1).seal("a", b"x").unwrap();
        assert_eq!(keys(1).open("a", &sealed).as_deref(), Some(&b"x"[..]));
        assert_eq!(keys(2).open("a", &sealed), None);
    }

    #[test]
    fn keys_outlive_a_restart_and_a_damaged_file_is_set_aside() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateDir::open(temp.path()).unwrap();
        let sealed = read(&folder, 1000).unwrap().seal("a", b"x").unwrap();
        assert_eq!(read(&folder, 1000).unwrap().open("a", &sealed).as_deref(), Some(&b"x"[..]));
        let month = 31 * 24 * 3600;
        assert_eq!(read(&folder, 1000 + month).unwrap().open("a", &sealed).as_deref(), Some(&b"x"[..]), "rotated");
        std::fs::write(temp.path().join(KEYS), "damaged").unwrap();
        assert_eq!(read(&folder, 1000).unwrap().open("a", &sealed), None);
        assert!(temp.path().join("sticky-keys.bad").exists());
    }
}
