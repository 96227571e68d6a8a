//! The client's side of a handshake, towards an `https` gateway.

mod fault;
mod pinned;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls_platform_verifier::Verifier;
use time::OffsetDateTime;

use super::certificates::files;
use super::certificates::files::CertFileError;
use super::session::crypto;
use super::x509::fingerprint::Fingerprint;
use super::x509::pem;
use crate::config::{Name, UpstreamTls};
use pinned::{Pinned, SystemOrTrustedLeaf};

pub(crate) use fault::TlsFault;

/// The system's trust store cannot be loaded, so no gateway can be verified.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot load this system's trusted certificates: {0}; install them (Debian, Alpine: `ca-certificates`) or point \
     SSL_CERT_FILE at a PEM file with the gateway's CA"
)]
pub struct ClientConfigError(#[source] pub(super) rustls::Error);

/// Why a file of `upstreams.NAME.tls` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamTlsError {
    /// The file of `ca` is missing or cannot be read by this user.
    #[error("cannot read {path}: {source}; `ca` takes a PEM file")]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file of `ca` holds no certificate to trust.
    #[error("{path} holds no certificate; `ca` takes a PEM file with `BEGIN CERTIFICATE`")]
    NoCertificate {
        /// Path of the file.
        path: PathBuf,
    },
    /// The files of `client_cert` cannot be used.
    #[error(transparent)]
    ClientCert(#[from] CertFileError),
}

impl UpstreamTlsError {
    /// The setting at fault, below `upstreams.NAME.tls`, where `tls` was read.
    pub(crate) fn setting(&self, tls: &UpstreamTls) -> &'static str {
        match self {
            Self::ClientCert(error) if tls.client_cert.cert.as_deref() == Some(error.file()) => "client_cert.cert",
            Self::ClientCert(_) => "client_cert.key",
            _ => "ca",
        }
    }
}

/// How a server is verified, and which certificate it is shown. Two values are equal when connections that were made
/// under one are as good under the other: the contents of the files count, not their names.
#[derive(Debug, Default)]
pub(crate) struct ClientTls {
    /// Roots that are trusted besides those of this system.
    roots: Vec<CertificateDer<'static>>,
    pin: Option<Fingerprint>,
    shown: Option<OfferedIdentity>,
    name: Option<Name>,
}

#[derive(Debug)]
struct OfferedIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl ClientTls {
    /// Verifies by this system's trust store, and by `roots` besides.
    pub(crate) fn by(roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        Self { roots: roots.into_iter().collect(), ..Self::default() }
    }

    /// Reads the files that `tls` names. Not for an async task.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub(crate) fn open(tls: &UpstreamTls) -> Result<Self, UpstreamTlsError> {
        let roots = tls.ca.as_deref().map(roots).transpose()?.unwrap_or_default();
        let shown = match tls.client_cert.files() {
            Some((cert, key)) => Some(shown(cert, key)?),
            None => None,
        };
        Ok(Self { roots, pin: tls.pin.map(Fingerprint::from), shown, name: tls.server_name.clone() })
    }

    /// The name to ask for and to verify, where the URL has `host`.
    ///
    /// # Errors
    /// No certificate can carry that host.
    pub(crate) fn server_name(&self, host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
        match &self.name {
            Some(Name::Ip(ip)) => Ok(ServerName::IpAddress((*ip).into())),
            Some(Name::Dns(name)) => ServerName::try_from(name.clone()),
            None => ServerName::try_from(host.to_owned()),
        }
    }
}

impl PartialEq for ClientTls {
    fn eq(&self, other: &Self) -> bool {
        let shown =
            |known: &Self| known.shown.as_ref().map(|shown| (shown.chain.clone(), shown.key.secret_der().to_vec()));
        self.roots == other.roots && self.pin == other.pin && self.name == other.name && shown(self) == shown(other)
    }
}

/// The settings for connections to servers that are verified like this. Offers HTTP/1.1 only, because an upgraded
/// WebSocket needs a connection of its own.
///
/// Reads the system's store unless there is a pin, some hundred files and a megabyte of memory: call it only when an
/// upstream is `https`.
///
/// # Errors
/// The system's store cannot be read, or a key of ours cannot be used.
pub(crate) fn client_config(known: &ClientTls) -> Result<Arc<ClientConfig>, ClientConfigError> {
    let provider = crypto::provider();
    let verifier: Arc<dyn ServerCertVerifier> = if let Some(pin) = known.pin {
        Arc::new(Pinned::new(pin, &provider))
    } else {
        let system = Verifier::new_with_extra_roots(known.roots.iter().cloned(), Arc::clone(&provider));
        Arc::new(SystemOrTrustedLeaf::new(known.roots.clone(), system.map_err(ClientConfigError)?))
    };
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientConfigError)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut client = match &known.shown {
        Some(OfferedIdentity { chain, key }) => {
            client.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(ClientConfigError)?
        }
        None => client.with_no_client_auth(),
    };
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(client))
}

fn roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, UpstreamTlsError> {
    let text = fs::read(path).map_err(|source| UpstreamTlsError::Unreadable { path: path.to_owned(), source })?;
    match super::x509::description::certificates(&text) {
        Some(certificates) => Ok(certificates),
        None => Err(UpstreamTlsError::NoCertificate { path: path.to_owned() }),
    }
}

fn shown(cert: &Path, key: &Path) -> Result<OfferedIdentity, CertFileError> {
    let read =
        |path: &Path| fs::read(path).map_err(|source| CertFileError::Unreadable { path: path.to_owned(), source });
    let (cert_text, key_text) = (read(cert)?, read(key)?);
    let pair = files::check(cert, &cert_text, key, &key_text, OffsetDateTime::now_utc())?;
    // `check` has read both files.
    let none = || CertFileError::NoKey { path: key.to_owned(), certificate_instead: false };
    let private = pem::private_key(&key_text).ok().flatten().ok_or_else(none)?;
    Ok(OfferedIdentity { chain: pair.certified.cert.clone(), key: private })
}

#[cfg(test)]
mod tests;
