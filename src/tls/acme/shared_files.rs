//! [`SharedFiles`]: the account and the certificates of one authority, as the replicas of a cluster have them in common.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::certificate::Obtained;
use crate::cluster::{Cluster, NoAnswer, SharedText, SharedTexts, SharedTurn, TextLife};
use crate::config::Name;

/// The files of one authority, as the replicas of a cluster have them in common.
pub(super) struct SharedFiles {
    texts: SharedTexts,
    turn: Arc<SharedTurn>,
    directory: String,
    /// What was in Redis when it was last looked at.
    seen: Mutex<HashMap<String, SharedText>>,
}

/// Where the newer one of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewerFile {
    /// Both are the same, or neither is of use.
    None,
    Here,
    /// In Redis.
    Shared,
}

impl SharedFiles {
    /// Those of `directory`, which the replica that has the `turn` writes.
    pub(super) fn new(cluster: &Cluster, turn: Arc<SharedTurn>, directory: &str) -> Self {
        let texts = cluster.texts("acme", TextLife::Read(LIFE));
        Self { texts, turn, directory: directory.to_owned(), seen: Mutex::default() }
    }

    /// Writes the file for all replicas, if no other one has had the turn meanwhile; `None` takes it away. Whether it did.
    pub(super) async fn put(&self, file: &str, text: Option<&[u8]>) -> bool {
        self.seen().remove(file);
        self.texts.put(&self.turn, &self.name(file), text).await == Ok(true)
    }

    /// Writes the file in the place of what was `found`, unless another replica has done so meanwhile.
    pub(super) async fn offer(&self, file: &str, found: &SharedText, text: &[u8]) -> Result<(), NoAnswer> {
        self.seen().remove(file);
        self.texts.offer(found, &self.name(file), text).await.map(|_| ())
    }

    /// Those of the files that are not as they were when they were last [seen](Self::see), and those that are not there.
    pub(super) async fn changed(&self, files: Vec<String>) -> Result<Vec<(String, SharedText)>, NoAnswer> {
        let names: Vec<String> = files.iter().map(|file| self.name(file)).collect();
        let found = self.texts.read(&names).await?;
        let seen = self.seen();
        let is_new = |(file, found): &(String, SharedText)| found.text.is_none() || seen.get(file) != Some(found);
        Ok(files.into_iter().zip(found).filter(is_new).collect())
    }

    /// What was found is known from here on.
    pub(super) fn see(&self, file: String, found: SharedText) {
        self.seen().insert(file, found);
    }

    fn name(&self, file: &str) -> String {
        format!("{} {file}", self.directory)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, SharedText>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFiles").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// Which of two files is the newer one. Of certificates for `name` the one that was issued later; all other files are as
/// the last replica that had the turn has left them in Redis.
pub(super) fn newer(name: Option<&Name>, here: Option<&[u8]>, shared: Option<&[u8]>, now: OffsetDateTime) -> NewerFile {
    let rank = |text: &[u8]| match name {
        None => Some(OffsetDateTime::UNIX_EPOCH),
        Some(name) => Obtained::read(text, name, now).ok().map(|obtained| obtained.life.not_before),
    };
    let (here, shared) =
        (here.and_then(|text| Some((rank(text)?, text))), shared.and_then(|text| Some((rank(text)?, text))));
    match (here, shared) {
        (None, None) => NewerFile::None,
        (Some((_, here)), Some((_, shared))) if here == shared => NewerFile::None,
        (Some(_), None) => NewerFile::Here,
        // Two of one second: the same one everywhere.
        (Some(here), Some(shared)) if name.is_some() && here > shared => NewerFile::Here,
        (_, Some(_)) => NewerFile::Shared,
    }
}

/// Some weeks; each look begins it anew.
const LIFE: Duration = Duration::from_hours(30 * 24);

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    fn certificate(name: &str, issued: OffsetDateTime) -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (issued, issued + Duration::days(90));
        format!("{}{}", key.serialize_pem(), params.self_signed(&key).unwrap().pem()).into_bytes()
    }

    #[test]
    fn the_certificate_that_was_issued_later_is_the_newer_one_wherever_it_is() {
        let name = Name::Dns("gw.test".into());
        let old = certificate("gw.test", NOW - Duration::days(60));
        let new = certificate("gw.test", NOW - Duration::DAY);
        let ended = certificate("gw.test", NOW - Duration::days(91));
        let other = certificate("other.test", NOW);
        for (here, shared, expected) in [
            (None, None, NewerFile::None),
            (Some(&old), Some(&old), NewerFile::None),
            (Some(&old), None, NewerFile::Here),
            (None, Some(&old), NewerFile::Shared),
            (Some(&old), Some(&new), NewerFile::Shared),
            (Some(&new), Some(&old), NewerFile::Here),
            (Some(&ended), None, NewerFile::None),
            (Some(&ended), Some(&other), NewerFile::None),
            (Some(&old), Some(&other), NewerFile::Here),
            (Some(&other), Some(&old), NewerFile::Shared),
        ] {
            let found = newer(Some(&name), here.map(Vec::as_slice), shared.map(Vec::as_slice), NOW);
            assert_eq!(found, expected);
        }
        let one = certificate("gw.test", NOW - Duration::DAY);
        let both = [newer(Some(&name), Some(&one), Some(&new), NOW), newer(Some(&name), Some(&new), Some(&one), NOW)];
        assert_eq!(both.iter().filter(|newer| **newer == NewerFile::Here).count(), 1, "{both:?}");
    }

    #[test]
    fn an_account_is_the_one_that_is_shared() {
        let (a, b) = (&b"a"[..], &b"b"[..]);
        for (here, shared, expected) in [
            (Some(a), Some(b), NewerFile::Shared),
            (Some(b), Some(a), NewerFile::Shared),
            (Some(a), None, NewerFile::Here),
            (None, Some(a), NewerFile::Shared),
            (Some(a), Some(a), NewerFile::None),
        ] {
            assert_eq!(newer(None, here, shared, NOW), expected);
        }
    }
}
