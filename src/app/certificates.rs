//! The certificate that is shown, and its renewal while clients are connected.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};
use tokio::time::{sleep, timeout};

use super::file_watch::FileWatch;
use crate::config::{Config, Name, Tls};
use crate::drain::Drain;
use crate::http::pages::ca_page::CaOffer;
use crate::tls::{Certificates, CheckedCert, Fingerprint, TlsError};

/// The facts about the certificate that is shown, for the operator.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// SHA-256 of the leaf certificate.
    pub(crate) fingerprint: Fingerprint,
    /// Path of the local CA's certificate, if that CA signed the leaf.
    pub ca: Option<PathBuf>,
    /// The names that the certificate is for.
    pub(crate) names: Vec<Name>,
}

/// The certificate that is shown and where it comes from.
#[derive(Clone)]
pub(super) struct ServedCertificates {
    pub(super) certificates: Arc<Certificates>,
    /// The local CA's certificate, offered to devices that are to trust it.
    pub(super) offer: Arc<CaOffer>,
    kept: Arc<Mutex<CertificateOrigin>>,
    /// Notified when there may be other files to watch.
    replaced: Arc<Notify>,
}

/// The source of the configured certificates, and the settings it was opened with.
struct CertificateOrigin {
    source: Arc<CheckedCert>,
    tls: Tls,
    state_dir: Option<PathBuf>,
}

/// Certificates that are ready to be shown. Until they are shown or dropped, no others can be prepared.
pub(super) struct PreparedCertificates {
    shown: ServedCertificates,
    kept: OwnedMutexGuard<CertificateOrigin>,
    source: Arc<CheckedCert>,
    tls: Tls,
}

impl ServedCertificates {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// No certificate can be read or made.
    pub(super) async fn open(config: &Config) -> Result<Self, TlsError> {
        let (tls, state_dir) = (config.tls.clone(), config.state_dir.clone());
        let source =
            off_thread(move || CheckedCert::open(&tls, state_dir.as_deref(), OffsetDateTime::now_utc())).await?;
        let offer = Arc::new(CaOffer::new(source.ca()));
        let certificates = Arc::new(Certificates::of(&source));
        let kept = CertificateOrigin {
            source: Arc::new(source),
            tls: config.tls.clone(),
            state_dir: config.state_dir.clone(),
        };
        Ok(Self { certificates, offer, kept: Arc::new(Mutex::new(kept)), replaced: Arc::default() })
    }

    /// The facts about the certificate that is shown.
    pub(super) async fn facts(&self) -> CertificateFacts {
        let source = Arc::clone(&self.kept.lock().await.source);
        CertificateFacts {
            fingerprint: source.fingerprint(),
            ca: source.ca_path().map(PathBuf::from),
            names: source.names().to_vec(),
        }
    }

    /// Reads or makes the certificates that `tls` asks for, or the same as before if it is `None`. The certificate in
    /// use stays unless it is due for renewal or the settings differ.
    ///
    /// # Errors
    /// No certificate can be read or made.
    pub(super) async fn prepare(&self, tls: Option<&Tls>) -> Result<PreparedCertificates, TlsError> {
        let kept = Arc::clone(&self.kept).lock_owned().await;
        let tls = tls.unwrap_or(&kept.tls).clone();
        let is_other = !tls.certificate.files().is_empty() && tls.certificate != kept.tls.certificate;
        let (source, wanted, state_dir) = (Arc::clone(&kept.source), tls.clone(), kept.state_dir.clone());
        let made = off_thread(move || {
            let (now, dir) = (OffsetDateTime::now_utc(), state_dir.as_deref());
            if is_other { CheckedCert::open(&wanted, dir, now) } else { source.renewed(&wanted, dir, now) }
        });
        Ok(PreparedCertificates { shown: self.clone(), source: Arc::new(made.await?), tls, kept })
    }

    async fn renew(&self) -> Result<(), TlsError> {
        self.prepare(None).await?.show().await;
        Ok(())
    }
}

impl PreparedCertificates {
    /// Shows the certificates, as a rule from the next handshake on.
    pub(super) async fn show(mut self) {
        self.shown.offer.set(self.source.ca());
        self.kept.source = Arc::clone(&self.source);
        if self.kept.tls != self.tls {
            self.kept.tls = self.tls;
            self.shown.replaced.notify_one();
        }
        let (certificates, source) = (Arc::clone(&self.shown.certificates), self.source);
        let shown = off_thread(move || certificates.show(&source, OffsetDateTime::now_utc()));
        // Showing also renews certificates on disk, and runs to its end where that takes longer.
        let _ = timeout(A_MOMENT, shown).await;
    }
}

/// Renews the certificate: twice a day, and when its files change. Connected clients notice nothing.
pub(super) async fn keep_fresh(shown: ServedCertificates, drain: Drain) {
    // The shutdown does not wait for a disk.
    tokio::select! {
        () = drain.soft() => {}
        never = refresh(shown) => match never {},
    }
}

async fn refresh(shown: ServedCertificates) -> Infallible {
    let (mut watched, mut watch) = (Vec::new(), None);
    loop {
        let files = files(&shown.kept.lock().await.tls);
        let every = if files.is_empty() { CHECK_EVERY } else { LOOK_EVERY };
        // Whether the files may have changed between their reading and the start of the watch.
        let first = files != watched && !files.is_empty();
        if files != watched {
            watched.clone_from(&files);
            watch = if files.is_empty() { None } else { Some(off_thread(move || FileWatch::on(files)).await) };
        }
        if !first {
            tokio::select! {
                () = sleep(every) => {}
                () = changed(watch.as_ref()) => {}
                () = shown.replaced.notified() => continue,
            }
        }
        if let Some(mut followed) = watch.take() {
            let follow = move || {
                followed.follow();
                followed
            };
            watch = Some(off_thread(follow).await);
        }
        if let Err(error) = shown.renew().await {
            tracing::warn!(%error, "the certificate could not be renewed; the one in use stays");
        }
    }
}

/// Finds out whether the public trusts the shown certificate, at the start and whenever the certificate changes:
/// `tls.hsts: auto` depends on it.
pub(super) async fn keep_judging(certificates: Arc<Certificates>, drain: Drain) {
    tokio::select! {
        () = drain.soft() => {}
        never = judge(certificates) => match never {},
    }
}

async fn judge(certificates: Arc<Certificates>) -> Infallible {
    loop {
        let judged = Arc::clone(&certificates);
        if let Err(error) = off_thread(move || judged.find_trusted()).await {
            tracing::warn!(%error, "no Strict-Transport-Security, because it cannot be told whether this machine trusts the certificate");
        }
        certificates.changed().await;
    }
}

async fn changed(watch: Option<&FileWatch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

fn files(tls: &Tls) -> Vec<PathBuf> {
    let all = tls.certificate.files();
    let files = all.into_iter().flat_map(|files| [Some(&files.cert), Some(&files.key), files.ocsp.as_ref()]);
    files.flatten().cloned().collect()
}

/// Runs file work on a thread where it does not block the async tasks.
pub(super) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Waits for files and tasks of this machine; they take less.
const A_MOMENT: Duration = Duration::from_secs(5);
const CHECK_EVERY: Duration = Duration::from_hours(12);
/// Files on a network's disk change without an event, and the kernel's watches may be used up.
const LOOK_EVERY: Duration = Duration::from_mins(1);
