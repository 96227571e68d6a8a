//! [`AcmeStore`]: the account and the certificates of one authority, kept in files, or where there is no folder only
//! for the life of the process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tracing::warn;

use super::backoff::Backoff;
use super::certificate::{CertificateFlaw, Obtained};
use super::shared_files::{NewerFile, SharedFiles, newer};
use crate::cluster::NoAnswer;
use crate::config::{Directory, Name};
use crate::tls::state_dir::{FileAccess, StateDir, StateDirLock, StateError};

/// The folder of one authority. A file that cannot be written is warned about and lives in memory: a certificate that
/// is lost with the process is better than none.
#[derive(Debug)]
pub(super) struct AcmeStore {
    dir: Option<StateDir>,
    /// The account where it could not be written: without it each session would open another one. Kept as text, because
    /// the library's credentials cannot be copied.
    account: Mutex<Option<String>>,
    /// What could not be written to its file.
    unwritten: Mutex<HashMap<String, Vec<u8>>>,
    /// The same files as other replicas have them.
    shared: Option<SharedFiles>,
}

/// The account's file format.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptAccount {
    pub(super) email: Option<String>,
    pub(super) credentials: instant_acme::AccountCredentials,
}

/// Whether this process may order.
#[derive(Debug)]
pub(super) enum OrderTurn {
    /// It may, for as long as it holds this lock.
    Ours { _lock: Option<StateDirLock> },
    /// Another process orders.
    Theirs,
}

/// Where the certificate for `name` is kept.
pub(in crate::tls) fn file_of(state_dir: &Path, directory: &Directory, name: &Name) -> PathBuf {
    state_dir.join("acme").join(folder(directory.url())).join(pem_file(name))
}

impl AcmeStore {
    pub(super) fn open(state_dir: Option<&Path>, directory: &Directory) -> Self {
        let dir = state_dir.map(|dir| StateDir::open(&dir.join("acme").join(folder(directory.url()))));
        let dir = dir.transpose().unwrap_or_else(|error| {
            warn!(%error, "the public certificate is kept in memory only: every restart orders another one");
            None
        });
        Self { dir, account: Mutex::default(), unwritten: Mutex::default(), shared: None }
    }

    /// From here on what is kept is kept for all replicas.
    pub(super) fn share(&mut self, files: SharedFiles) {
        self.shared = Some(files);
    }

    /// Takes over what is newer at other replicas, and gives them what is newer here. Whether anything was taken over.
    pub(super) async fn catch_up(
        &self,
        names: impl Iterator<Item = &Name>,
        now: OffsetDateTime,
    ) -> Result<bool, NoAnswer> {
        let Some(shared) = &self.shared else { return Ok(false) };
        let names: HashMap<String, &Name> = names.map(|name| (pem_file(name), name)).collect();
        let waits = names.values().map(|name| json_file(name));
        let files = [ACCOUNT.to_owned()].into_iter().chain(waits).chain(names.keys().cloned()).collect();
        let mut is_changed = false;
        for (file, found) in shared.changed(files).await? {
            let here = self.read(&file);
            match newer(names.get(&file).copied(), here.as_deref(), found.text.as_deref(), now) {
                NewerFile::None => shared.see(file, found),
                NewerFile::Here => shared.offer(&file, &found, here.as_deref().unwrap_or_default()).await?,
                NewerFile::Shared => {
                    let text = found.text.clone().unwrap_or_default();
                    if file == ACCOUNT {
                        *self.remembered() = String::from_utf8(text.clone()).ok();
                    }
                    self.write_here(file.clone(), text).await;
                    shared.see(file, found);
                    is_changed = true;
                }
            }
        }
        Ok(is_changed)
    }

    /// Takes the right to order, unless another process has it.
    pub(super) fn turn(&self) -> OrderTurn {
        match self.dir.as_ref().map(StateDir::try_lock) {
            Some(Ok(None)) => OrderTurn::Theirs,
            Some(Ok(Some(lock))) => OrderTurn::Ours { _lock: Some(lock) },
            // A folder that cannot be written was warned about, or will be when there is a file to write.
            Some(Err(_)) | None => OrderTurn::Ours { _lock: None },
        }
    }

    /// The certificate for `name`. A damaged one is set aside; an expired one counts as missing.
    pub(super) fn certificate(&self, name: &Name, now: OffsetDateTime) -> Option<Obtained> {
        let file = pem_file(name);
        let text = self.read(&file)?;
        match Obtained::read(&text, name, now) {
            Ok(obtained) => Some(obtained),
            Err(CertificateFlaw::Ended) => None,
            Err(flaw) => {
                let dir = self.dir.as_ref()?;
                warn!(file = %dir.file(&file).display(), "a public certificate is not used: {flaw}");
                if let Err(error) = dir.set_aside(&file) {
                    warn!(%error, "it stays where it is");
                }
                None
            }
        }
    }

    pub(super) async fn keep_certificate(&self, name: &Name, text: String) {
        self.write(pem_file(name), text.into_bytes()).await;
    }

    pub(super) fn backoff(&self, name: &Name) -> Backoff {
        self.json(&json_file(name)).unwrap_or_default()
    }

    /// Whether other replicas can know it, if there are any.
    pub(super) async fn keep_backoff(&self, name: &Name, backoff: &Backoff) -> bool {
        self.keep_json(json_file(name), backoff).await
    }

    pub(super) fn account(&self) -> Option<KeptAccount> {
        self.json(ACCOUNT).or_else(|| serde_json::from_str(self.remembered().as_deref()?).ok())
    }

    pub(super) async fn keep_account(&self, account: &KeptAccount) {
        *self.remembered() = serde_json::to_string(account).ok();
        self.keep_json(ACCOUNT.to_owned(), account).await;
    }

    /// Sets the account's file aside, so that the next session opens a new account.
    pub(super) async fn forget_account(&self) {
        *self.remembered() = None;
        self.unwritten().remove(ACCOUNT);
        if let Some(shared) = &self.shared {
            shared.put(ACCOUNT, None).await;
        }
        if let Some(Err(error)) = self.dir.as_ref().map(|dir| dir.set_aside(ACCOUNT)) {
            warn!(%error, "the account that the authority does not know stays on disk");
        }
    }

    /// The file that an operator removes to end a pause early.
    pub(super) fn backoff_file(&self, name: &Name) -> Option<std::path::PathBuf> {
        Some(self.dir.as_ref()?.file(&json_file(name)))
    }

    fn remembered(&self) -> MutexGuard<'_, Option<String>> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritten(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        if let Some(text) = self.unwritten().get(file) {
            return Some(text.clone());
        }
        self.dir.as_ref()?.read(file, FileAccess::Private).unwrap_or_else(|error| {
            warn!(%error, "what was kept of the public certificate is not used");
            None
        })
    }

    fn json<T: DeserializeOwned>(&self, file: &str) -> Option<T> {
        let text = self.read(file)?;
        serde_json::from_slice(&text)
            // The error could quote a key.
            .map_err(|_| warn!(file, "a damaged file makes way for a new one"))
            .ok()
    }

    async fn keep_json(&self, file: String, value: &impl Serialize) -> bool {
        match serde_json::to_vec_pretty(value) {
            Ok(text) => self.write(file, text).await,
            Err(error) => {
                warn!(file, %error, "cannot be written");
                false
            }
        }
    }

    /// Writes the file here and for the other replicas; whether they can know it.
    async fn write(&self, file: String, text: Vec<u8>) -> bool {
        self.write_here(file.clone(), text.clone()).await;
        match &self.shared {
            Some(shared) => shared.put(&file, Some(&text)).await,
            None => true,
        }
    }

    async fn write_here(&self, file: String, text: Vec<u8>) {
        let Some(dir) = self.dir.clone() else {
            self.unwritten().insert(file, text);
            return;
        };
        let (name, contents) = (file.clone(), text.clone());
        let written = tokio::task::spawn_blocking(move || -> Result<(), StateError> {
            dir.write(&name, &contents, FileAccess::Private)
        });
        match written.await {
            Ok(Ok(())) => {
                self.unwritten().remove(&file);
            }
            Ok(Err(error)) => {
                warn!(%error, "what belongs to the public certificate is kept in memory only");
                self.unwritten().insert(file, text);
            }
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// A folder's name for a directory: its URL without the scheme, in letters that every file system takes.
fn folder(url: &str) -> String {
    plain(url.trim_start_matches("https://").trim_end_matches('/'))
}

fn file(name: &Name) -> String {
    plain(&name.to_string())
}

fn pem_file(name: &Name) -> String {
    format!("{}.pem", file(name))
}

fn json_file(name: &Name) -> String {
    format!("{}.json", file(name))
}

fn plain(text: &str) -> String {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-');
    text.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()
}

const ACCOUNT: &str = "account.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_authority_and_every_name_has_a_place_of_its_own() {
        let rows = [
            (Directory::LetsEncrypt, "acme-v02.api.letsencrypt.org_directory"),
            (Directory::LetsEncryptStaging, "acme-staging-v02.api.letsencrypt.org_directory"),
            (Directory::Url("https://127.0.0.1:14000/dir/".into()), "127.0.0.1_14000_dir"),
            (Directory::Url("https://ca/../../etc".into()), "ca_.._.._etc"),
        ];
        for (directory, expected) in rows {
            assert_eq!(folder(directory.url()), expected);
        }
        assert_eq!(file(&Name::Dns("gw.example.com".into())), "gw.example.com");
        assert_eq!(file(&Name::Ip("2001:db8::1".parse().unwrap())), "2001_db8__1");
    }

    #[test]
    fn only_one_process_orders() {
        let temp = tempfile::tempdir().unwrap();
        let store = || AcmeStore::open(Some(temp.path()), &Directory::LetsEncrypt);
        let first = store().turn();
        assert!(matches!(first, OrderTurn::Ours { .. }));
        assert!(matches!(store().turn(), OrderTurn::Theirs));
        drop(first);
        assert!(matches!(store().turn(), OrderTurn::Ours { .. }));
        assert!(matches!(AcmeStore::open(None, &Directory::LetsEncrypt).turn(), OrderTurn::Ours { .. }));
    }
}
