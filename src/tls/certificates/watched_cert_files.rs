//! [`WatchedCertFiles`]: a certificate in files, and how it follows changes of the files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::sign::CertifiedKey;
use time::{Date, OffsetDateTime};
use tracing::{info, warn};

use super::files;
use super::files::{CertFileError, CertKeyPair};
use super::ocsp;
use crate::config;
use crate::config::CertificateFiles;
use crate::tls::x509::fingerprint::Fingerprint;

/// A certificate that is in use, and the files it came from.
#[derive(Debug, Clone)]
pub(in crate::tls) struct WatchedCertFiles {
    files: CertificateFiles,
    pub(in crate::tls) pair: CertKeyPair,
    /// The hash of everything that was in the files when they were last read, good or bad.
    seen: Fingerprint,
    /// The files differ from the certificate in use, and cannot be used.
    refused: bool,
    /// When the staple is out of date.
    staple_until: Option<OffsetDateTime>,
    /// The day of the last warning that the certificate is not being renewed.
    warned: Option<Date>,
}

/// The contents of the files, or the error of reading them.
struct CertFileTexts {
    cert: io::Result<Vec<u8>>,
    key: io::Result<Vec<u8>>,
    ocsp: Option<io::Result<Vec<u8>>>,
}

impl WatchedCertFiles {
    /// Reads the files for the first time.
    pub(in crate::tls) fn open(files: &CertificateFiles, now: OffsetDateTime) -> Result<Self, CertFileError> {
        let texts = CertFileTexts::read(files);
        let seen = texts.digest();
        let (pair, staple_until) = texts.check(files, now)?;
        files::warn_of(&files.cert, &pair);
        Ok(Self { files: files.clone(), pair, seen, refused: false, staple_until, warned: None })
    }

    /// Reads the files again. Files that cannot be used are refused, once per change with the reason, and the
    /// certificate in use stays.
    pub(in crate::tls) fn again(&self, now: OffsetDateTime) -> Self {
        let texts = CertFileTexts::read(&self.files);
        let seen = texts.digest();
        let outdated = self.staple_until.is_some_and(|until| until < now);
        let changed = seen != self.seen;
        if !(changed || outdated || self.refused) {
            return self.look_at_the_calendar(now);
        }
        let file = self.files.cert.display();
        match texts.check(&self.files, now) {
            Ok((pair, staple_until)) => {
                if pair.certified.cert != self.pair.certified.cert {
                    let fingerprint = Fingerprint::of(pair.certified.cert.first().map_or(&[], |leaf| leaf.as_ref()));
                    info!(%file, %fingerprint, not_after = %pair.facts.not_after.date(), "the files changed: this certificate is shown from here on");
                    files::warn_of(&self.files.cert, &pair);
                }
                Self { files: self.files.clone(), pair, seen, refused: false, staple_until, warned: None }
            }
            Err(error) => {
                if changed {
                    warn!(%file, %error, "the files changed, but cannot be used; the certificate in use stays");
                }
                Self { seen, refused: true, ..self.look_at_the_calendar(now) }
            }
        }
    }

    /// Warns once a day when the certificate is about to expire and its files have not been replaced.
    fn look_at_the_calendar(&self, now: OffsetDateTime) -> Self {
        let facts = &self.pair.facts;
        let left = facts.not_after - now;
        let late = left < (facts.not_after - facts.not_before).min(time::Duration::days(90)) / LATE;
        let today = now.date();
        if !late || self.warned == Some(today) {
            return self.clone();
        }
        let file = self.files.cert.display();
        warn!(%file, not_after = %facts.not_after.date(), "this certificate has not been replaced, and it ends soon or has ended");
        Self { warned: Some(today), ..self.clone() }
    }
}

/// The last tenth of its life, nine days at most: a working renewal has replaced the certificate by then.
const LATE: i32 = 10;

impl CertFileTexts {
    fn read(files: &CertificateFiles) -> Self {
        Self {
            cert: config::contents(&files.cert),
            key: config::contents(&files.key),
            ocsp: files.ocsp.as_ref().map(|path| config::contents(path).map(cut)),
        }
    }

    fn digest(&self) -> Fingerprint {
        let mut all = Vec::new();
        for text in [Some(&self.cert), Some(&self.key), self.ocsp.as_ref()] {
            let part = match text {
                None => Fingerprint::of(b"none").to_string(),
                Some(Ok(text)) => Fingerprint::of(text).to_string(),
                Some(Err(error)) => error.to_string(),
            };
            all.extend_from_slice(part.as_bytes());
            all.push(b'\n');
        }
        Fingerprint::of(&all)
    }

    fn check(
        self,
        files: &CertificateFiles,
        now: OffsetDateTime,
    ) -> Result<(CertKeyPair, Option<OffsetDateTime>), CertFileError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| CertFileError::Unreadable { path, source }
        };
        let cert = self.cert.map_err(unreadable(&files.cert))?;
        let key = self.key.map_err(unreadable(&files.key))?;
        let mut pair = files::check(&files.cert, &cert, &files.key, &key, now)?;
        let (Some(ocsp), Some(path)) = (self.ocsp, &files.ocsp) else { return Ok((pair, None)) };
        let leaf = pair.certified.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
        // Without a staple everything works; with a wrong one some clients refuse the certificate.
        match ocsp.map_err(ocsp::StapleError::from).and_then(|der| Ok((ocsp::until(&der, leaf, now)?, der))) {
            Ok((until, der)) => {
                let certified = CertifiedKey::clone(&pair.certified);
                pair.certified = Arc::new(CertifiedKey { ocsp: Some(der), ..certified });
                Ok((pair, Some(until)))
            }
            Err(error) => {
                warn!(file = %path.display(), %error, "the OCSP response is not sent to clients");
                Ok((pair, None))
            }
        }
    }
}

/// Drops the bytes beyond [`MOST`]: a longer file cannot be an OCSP response.
fn cut(mut der: Vec<u8>) -> Vec<u8> {
    der.truncate(MOST);
    der
}

/// Bytes. OCSP responses have one or two kilobytes, and every handshake carries them.
const MOST: usize = 16 * 1024;

#[cfg(test)]
mod tests;
