//! [`Certificates`]: what is shown to clients at this moment.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificate that handshakes show, replaceable while frontgate runs.
///
/// A swap is seen by the next handshake; connections that live keep what they were opened with, and a resumed session shows
/// no certificate at all.
#[derive(Debug)]
pub struct Certificates {
    shown: ArcSwap<CertifiedKey>,
}

impl Certificates {
    /// Shows `certificate` from the first handshake on.
    pub fn new(certificate: Arc<CertifiedKey>) -> Self {
        Self { shown: ArcSwap::new(certificate) }
    }

    /// Shows `certificate` from the next handshake on.
    pub fn swap(&self, certificate: Arc<CertifiedKey>) {
        self.shown.store(certificate);
    }

    /// What the next handshake will show.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.shown.load_full()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}
