//! The certificate that is shown, and its renewal while clients are connected.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::sleep;

use crate::config::{Certificate, Config, Name, Tls};
use crate::drain::Drain;
use crate::http::ca_page::CaOffer;
use crate::tls::{Certificates, Fingerprint, Source, TlsError, Watch};

/// What there is to say about the certificate that is shown.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// SHA-256 of the leaf.
    pub fingerprint: Fingerprint,
    /// The local CA's file, if it signed it.
    pub ca: Option<PathBuf>,
    /// The names it is for.
    pub names: Vec<Name>,
}

/// The certificate that is shown and where it comes from.
pub(super) struct Shown {
    pub(super) certificates: Arc<Certificates>,
    /// The local CA, for devices that are to trust it.
    pub(super) offer: Arc<CaOffer>,
    source: Arc<Source>,
}

impl Shown {
    /// Reads or makes the certificate.
    ///
    /// # Errors
    /// There is none to show.
    pub(super) async fn open(config: &Config) -> Result<Self, TlsError> {
        let (tls, state_dir) = (config.tls.clone(), config.state_dir.clone());
        let source = off_thread(move || Source::open(&tls, state_dir.as_deref(), OffsetDateTime::now_utc())).await?;
        let offer = Arc::new(CaOffer::new(source.ca()));
        Ok(Self { certificates: Arc::new(Certificates::of(&source)), offer, source: Arc::new(source) })
    }

    /// What there is to say about it.
    pub(super) fn facts(&self) -> CertificateFacts {
        CertificateFacts {
            fingerprint: self.source.fingerprint(),
            ca: self.source.ca_path().map(PathBuf::from),
            names: self.source.names().to_vec(),
        }
    }

    async fn renew(&mut self, config: &Config) -> Result<(), TlsError> {
        let (source, tls, state_dir) = (Arc::clone(&self.source), config.tls.clone(), config.state_dir.clone());
        let renewed = off_thread(move || source.renewed(&tls, state_dir.as_deref(), OffsetDateTime::now_utc())).await?;
        let (certificates, renewed) = (Arc::clone(&self.certificates), Arc::new(renewed));
        self.offer.set(renewed.ca());
        self.source = Arc::clone(&renewed);
        off_thread(move || certificates.show(&renewed, OffsetDateTime::now_utc())).await;
        Ok(())
    }
}

/// Looks after the certificate: twice a day, and when its files change. Whoever is connected notices nothing.
pub(super) async fn keep_fresh(mut shown: Shown, config: Config, drain: Drain) {
    let files = files(&config.tls);
    let every = if files.is_empty() { CHECK_EVERY } else { LOOK_EVERY };
    let mut watch = if files.is_empty() { None } else { Some(off_thread(move || Watch::on(files)).await) };
    // What has changed since the start and before the watch.
    let mut first = watch.is_some();
    loop {
        if !std::mem::take(&mut first) {
            tokio::select! {
                () = drain.soft() => return,
                () = sleep(every) => {}
                () = changed(watch.as_ref()) => {}
            }
        }
        if let Some(mut followed) = watch.take() {
            let follow = move || {
                followed.follow();
                followed
            };
            watch = Some(off_thread(follow).await);
        }
        if let Err(error) = shown.renew(&config).await {
            tracing::warn!(%error, "the certificate could not be renewed; the one in use stays");
        }
    }
}

/// Finds out whether the public trusts what is shown, first of all and whenever that changes: `tls.hsts: auto` depends on it.
pub(super) async fn keep_judging(certificates: Arc<Certificates>, drain: Drain) {
    loop {
        let judged = Arc::clone(&certificates);
        if let Err(error) = off_thread(move || judged.find_trusted()).await {
            tracing::warn!(%error, "no Strict-Transport-Security, because it cannot be told who trusts the certificate");
        }
        tokio::select! {
            () = drain.soft() => return,
            () = certificates.changed() => {}
        }
    }
}

async fn changed(watch: Option<&Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

fn files(tls: &Tls) -> Vec<PathBuf> {
    match &tls.certificate {
        Certificate::Local | Certificate::Acme => Vec::new(),
        Certificate::Files(all) => {
            let files = all.iter().flat_map(|files| [Some(&files.cert), Some(&files.key), files.ocsp.as_ref()]);
            files.flatten().cloned().collect()
        }
    }
}

/// Runs file work where it blocks nobody.
pub(super) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

const CHECK_EVERY: Duration = Duration::from_hours(12);
/// Files on a network's disk change without a word, and the kernel's watches may be used up.
const LOOK_EVERY: Duration = Duration::from_mins(1);
