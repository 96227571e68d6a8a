//! [`check_files`]: whether the files that a configuration names can be used.

use std::path::Path;

use time::OffsetDateTime;

use crate::config::{Certificate, CertificateFiles, Loaded, Problems};
use crate::tls::{ClientTls, Clients, Source, TlsError};

/// Why a configuration cannot be used although it is well written.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file, and the setting that names it.
    #[error(transparent)]
    File(#[from] Problems),
    /// Something else about the certificate.
    #[error(transparent)]
    Certificate(#[from] TlsError),
}

/// Looks into the files that the configuration names, as a start does. The local CA is left alone: to open it is to make it.
/// Reads files: not for an async task.
///
/// # Errors
/// A file that cannot be used, with the place of the setting that names it.
pub fn check_files(loaded: &Loaded) -> Result<(), Unusable> {
    let tls = &loaded.config.tls;
    if let Some(Err(error)) = tls.client_ca.as_ref().map(Clients::open) {
        return Err(loaded.problem("tls.client_ca", error.to_string()).into());
    }
    for (name, group) in &loaded.config.upstreams {
        if let Err(error) = ClientTls::open(&group.tls) {
            let key = format!("upstreams.{name}.tls.{}", error.setting(&group.tls));
            return Err(loaded.problem(&key, error.to_string()).into());
        }
    }
    let Certificate::Files(files) = &tls.certificate else { return Ok(()) };
    match Source::open(tls, None, OffsetDateTime::now_utc()) {
        Ok(_) => Ok(()),
        Err(TlsError::Files(error)) => Err(loaded.problem(&part(files, error.file()), error.to_string()).into()),
        Err(error) => Err(error.into()),
    }
}

/// The setting that names `file`.
fn part(files: &[CertificateFiles], file: &Path) -> String {
    let index = files.iter().position(|files| files.cert == file || files.key == file).unwrap_or(0);
    let part = if files.iter().any(|files| files.cert == file) { "cert" } else { "key" };
    if files.len() == 1 { format!("tls.certificate.{part}") } else { format!("tls.certificate[{index}].{part}") }
}
