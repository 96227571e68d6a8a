//! [`SessionStore`]: the keys of sessions, the list of those that ended early, and refresh tokens that browsers do not have yet,
//! in memory and in the state directory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::contents::Session;
use super::ended::{EndedSessions, EndedWhat};
use super::kept::{KeptToken, KeptTokens};
use super::sealing::{NoRandomBytes, SealingKeys};
use crate::cluster::ClusterSecret;
use crate::tls::{FileAccess, StateDir, StateError};

/// The keys of sessions and the list of those that ended early; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SessionStore(Arc<Store>);

#[derive(Debug)]
struct Store {
    folder: StateDir,
    keys: ArcSwap<SealingKeys>,
    /// What the keys come of, if replicas have them in common.
    secret: Option<ClusterSecret>,
    ended: ArcSwap<EndedSessions>,
    kept: Mutex<KeptTokens>,
    /// Held while a file is written, so that an older list never takes the place of a newer one.
    writing: Mutex<()>,
    /// How often the list has grown.
    changes: watch::Sender<u64>,
}

/// Why there are no keys for sessions.
#[derive(Debug, thiserror::Error)]
pub enum SessionStoreError {
    /// A file cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// No key can be made.
    #[error("cannot make a key for sessions: the system gives no random bytes")]
    Random,
}

impl From<NoRandomBytes> for SessionStoreError {
    fn from(_: NoRandomBytes) -> Self {
        Self::Random
    }
}

impl SessionStore {
    /// Reads the keys, or makes them, and reads the list. With the secret of a cluster the keys come of that. Waits for a
    /// disk.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub(crate) fn open(folder: StateDir, secret: Option<ClusterSecret>) -> Result<Self, SessionStoreError> {
        let now = unix_now();
        let keys = match &secret {
            Some(secret) => SealingKeys::derived(|purpose| secret.derive(purpose), now),
            None => kept_keys(&folder, now)?,
        };
        let ended = match read(&folder, ENDED, EndedSessions::parse)? {
            FileContents::Read(list) => list,
            FileContents::None => EndedSessions::default(),
            FileContents::Broken => EndedSessions::lost(now, now + LONGEST.as_secs()),
        };
        let kept = match read(&folder, TOKENS, KeptTokens::parse)? {
            FileContents::Read(tokens) => tokens,
            // Their users log in anew when it is time.
            FileContents::None | FileContents::Broken => KeptTokens::default(),
        };
        Ok(Self(Arc::new(Store {
            folder,
            keys: ArcSwap::from_pointee(keys),
            secret,
            ended: ArcSwap::from_pointee(ended),
            kept: Mutex::new(kept),
            writing: Mutex::default(),
            changes: watch::Sender::new(0),
        })))
    }

    /// The keys as they are.
    pub(crate) fn keys(&self) -> Arc<SealingKeys> {
        let now = unix_now();
        if let Some(secret) = &self.0.secret
            && self.0.keys.load().is_old(now)
        {
            self.0.keys.store(Arc::new(SealingKeys::derived(|purpose| secret.derive(purpose), now)));
        }
        self.0.keys.load_full()
    }

    /// The keys for something new. A new one is made first when it is time.
    ///
    /// # Errors
    /// If the system gives no random bytes. If the new key cannot be written, those that are there go on.
    pub(crate) async fn newest_keys(&self) -> Result<Arc<SealingKeys>, NoRandomBytes> {
        let now = unix_now();
        if !self.keys().is_old(now) {
            return Ok(self.keys());
        }
        let store = Arc::clone(&self.0);
        let rotated = tokio::task::spawn_blocking(move || {
            let _writing = store.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let before = store.keys.load_full();
            if before.is_old(now) {
                let keys = before.rotated(now)?;
                match store.folder.write(KEYS, keys.encode().as_bytes(), FileAccess::Private) {
                    Ok(()) => store.keys.store(Arc::new(keys)),
                    Err(error) => tracing::warn!(%error, "the key that seals sessions cannot be replaced"),
                }
            }
            Ok(store.keys.load_full())
        });
        rotated.await.unwrap_or_else(|_| Ok(self.keys()))
    }

    /// Whether this login has ended before its time.
    pub(crate) fn has_ended(&self, realm: &str, session: &Session) -> bool {
        self.0.ended.load().has(realm, session)
    }

    /// Ends logins: at once for all that ask, and in the file before this returns.
    pub(crate) async fn end(&self, realm: &str, what: EndedWhat<'_>, until: u64) {
        let now = unix_now();
        self.0.ended.rcu(|list| {
            let mut list = EndedSessions::clone(list);
            list.end(realm, what, now, until);
            list
        });
        self.grown(now).await;
    }

    /// Ends what ended at another replica, in the text of [`SessionStore::ended`]; what is no such text ends nothing.
    pub(crate) async fn merge(&self, text: &str) {
        let now = unix_now();
        let Some(other) = EndedSessions::parse(text.as_bytes()) else { return };
        let before = self.0.ended.rcu(|list| {
            let mut list = EndedSessions::clone(list);
            list.merge(&other, now);
            list
        });
        if *before != **self.0.ended.load() {
            self.grown(now).await;
        }
    }

    /// What has ended, a line for each, and when that is of no use any more.
    pub(crate) fn ended(&self, now: u64) -> Vec<(String, u64)> {
        let text = self.0.ended.load().encode(now);
        text.lines().filter_map(|line| Some((line.to_owned(), line.rsplit(' ').next()?.parse().ok()?))).collect()
    }

    /// The refresh token of a login that its browser does not have yet, as it was sealed.
    pub(crate) fn kept_token(&self, realm: &str, login: &str) -> Option<KeptToken> {
        self.kept().find(realm, login).cloned()
    }

    /// The same, after a look at what another process has kept: one that hands over, or has taken over.
    pub(crate) async fn newest_kept_token(&self, realm: &str, login: &str) -> Option<KeptToken> {
        let store = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || store.folder.read(TOKENS, FileAccess::Private));
        if let Ok(Ok(Some(text))) = read.await
            && let Some(other) = KeptTokens::parse(&text)
        {
            self.kept().merge(other);
        }
        self.kept_token(realm, login)
    }

    /// Keeps a refresh token until its browser has it; on the disk before this returns.
    pub(crate) async fn keep_token(&self, realm: &str, login: &str, token: KeptToken) {
        self.kept().keep(realm, login, token, unix_now());
        let store = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || {
            let _writing = store.writing.lock().unwrap_or_else(PoisonError::into_inner);
            // Not without the other process's, during a handover.
            let other = store.folder.read(TOKENS, FileAccess::Private)?.and_then(|text| KeptTokens::parse(&text));
            let text = {
                let mut kept = store.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.merge(other.unwrap_or_default());
                kept.encode(unix_now())
            };
            store.folder.write(TOKENS, text.as_bytes(), FileAccess::Private)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "a refresh token is not on disk: after a restart of frontgate its user may have to log in anew");
        }
    }

    /// Forgets a refresh token that its browser has, or that is of no use any more. The file is written with the next one.
    pub(crate) fn forget_token(&self, realm: &str, login: &str) {
        self.kept().forget(realm, login);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, KeptTokens> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the list has grown, and writes it.
    async fn grown(&self, now: u64) {
        self.0.changes.send_modify(|changes| *changes += 1);
        let store = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || {
            let _writing = store.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let text = store.ended.load().encode(now);
            store.folder.write(ENDED, text.as_bytes(), FileAccess::Private)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "a logout is not on disk: a restart of frontgate would forget it");
        }
    }

    /// Says when the list has grown.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}

/// The keys of the folder; made if there are none.
fn kept_keys(folder: &StateDir, now: u64) -> Result<SealingKeys, SessionStoreError> {
    // Two processes that make keys at once would not know each other's.
    let _lock = folder.lock()?;
    match read(folder, KEYS, SealingKeys::parse)? {
        FileContents::Read(keys) => Ok(keys),
        FileContents::None | FileContents::Broken => {
            let keys = SealingKeys::fresh(now)?;
            folder.write(KEYS, keys.encode().as_bytes(), FileAccess::Private)?;
            Ok(keys)
        }
    }
}

/// What a file holds.
enum FileContents<T> {
    None,
    Read(T),
    /// It was set aside.
    Broken,
}

fn read<T>(
    folder: &StateDir,
    name: &str,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<FileContents<T>, StateError> {
    let Some(contents) = folder.read(name, FileAccess::Private)? else { return Ok(FileContents::None) };
    if let Some(read) = parse(&contents) {
        return Ok(FileContents::Read(read));
    }
    let bad = folder.set_aside(name)?;
    tracing::warn!(file = %bad.display(), "this file is damaged and was set aside: all users log in anew");
    Ok(FileContents::Broken)
}

/// Seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const KEYS: &str = "session-keys";
const ENDED: &str = "ended-sessions";
const TOKENS: &str = "refresh-tokens";
/// As long as a login may last.
const LONGEST: Duration = Duration::from_hours(30 * 24);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn session() -> Session {
        Session {
            id: "1".to_owned(),
            subject: "ann".to_owned(),
            email: None,
            groups: Vec::new(),
            sid: None,
            begun: unix_now(),
            ends: unix_now() + 100,
            renewed: None,
            renewable: false,
        }
    }

    #[tokio::test]
    async fn keys_and_ends_outlive_a_restart_and_are_for_this_user_only() {
        // Begun before it ends, whenever the clock ticks.
        let session = session();
        let temp = tempfile::tempdir().unwrap();
        let open = || SessionStore::open(StateDir::open(temp.path()).unwrap(), None).unwrap();
        let store = open();
        let sealed = store.newest_keys().await.unwrap().seal("a", b"ann").unwrap();
        let mut changes = store.changes();
        assert!(!store.has_ended("id", &session));
        store.end("id", EndedWhat::Session("1"), unix_now() + 100).await;
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        for store in [store, open()] {
            assert_eq!(store.keys().open("a", &sealed).as_deref(), Some(&b"ann"[..]));
            assert!(store.has_ended("id", &session));
            assert!(!store.has_ended("other", &session));
        }
        for file in [KEYS, ENDED] {
            let mode = fs::metadata(temp.path().join(file)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{file}");
        }
    }

    #[tokio::test]
    async fn what_ended_at_one_replica_ends_at_the_other_and_a_cookie_is_good_at_both() {
        // Begun before it ends, whenever the clock ticks.
        let session = session();
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = || Some(ClusterSecret::new("a", &[1; 32]));
        let open =
            |temp: &tempfile::TempDir| SessionStore::open(StateDir::open(temp.path()).unwrap(), secret()).unwrap();
        let (one, other) = (open(&one), open(&other));
        let sealed = one.newest_keys().await.unwrap().seal("a", b"ann").unwrap();
        assert_eq!(other.keys().open("a", &sealed).as_deref(), Some(&b"ann"[..]));
        one.end("id", EndedWhat::Session("1"), unix_now() + 100).await;
        let lines = one.ended(unix_now());
        assert_eq!(lines.len(), 1);
        let mut changes = other.changes();
        for (text, changed) in [("nonsense", false), (&*lines[0].0, true), (&*lines[0].0, false)] {
            other.merge(text).await;
            assert_eq!(changes.has_changed().unwrap(), changed, "{text}");
            changes.mark_unchanged();
        }
        assert!(other.has_ended("id", &session));
    }

    #[test]
    fn damaged_files_end_all_logins() {
        let session = session();
        let temp = tempfile::tempdir().unwrap();
        let open = || SessionStore::open(StateDir::open(temp.path()).unwrap(), None).unwrap();
        let sealed = open().keys().seal("a", b"ann").unwrap();
        fs::write(temp.path().join(KEYS), "damaged").unwrap();
        assert_eq!(open().keys().open("a", &sealed), None);
        assert!(temp.path().join("session-keys.bad").exists());
        fs::write(temp.path().join(ENDED), "damaged").unwrap();
        assert!(open().has_ended("id", &session));
    }

    #[tokio::test]
    async fn an_old_key_is_replaced_and_goes_on_opening() {
        let temp = tempfile::tempdir().unwrap();
        let folder = StateDir::open(temp.path()).unwrap();
        let old = SealingKeys::fresh(1000).unwrap();
        folder.write(KEYS, old.encode().as_bytes(), FileAccess::Private).unwrap();
        let sealed = old.seal("a", b"ann").unwrap();
        let store = SessionStore::open(folder, None).unwrap();
        let newest = store.newest_keys().await.unwrap();
        assert!(!newest.is_old(unix_now()));
        assert_eq!(newest.open("a", &sealed).as_deref(), Some(&b"ann"[..]));
        assert_eq!(old.open("a", &newest.seal("a", b"bob").unwrap()), None);
        assert!(fs::read_to_string(temp.path().join(KEYS)).unwrap().lines().count() == 2);
    }
}
