//! Which certificates the public trusts, as far as this system's trust store tells.

use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls_platform_verifier::Verifier;

use super::resolver::Certificates;
use crate::config::Name;
use crate::tls::client::ClientConfigError;
use crate::tls::session::crypto;

impl Certificates {
    /// Finds out which certificates the public trusts: those with a chain that ends in a root that this system trusts.
    /// The local CA's never count, even where it is installed on this system.
    ///
    /// Reads the system's store: not for an async task.
    ///
    /// # Errors
    /// The store cannot be read; nothing is taken for trusted then.
    pub(crate) fn find_trusted(&self) -> Result<(), ClientConfigError> {
        if !self.any_foreign() {
            return Ok(());
        }
        let verifier = Verifier::new(crypto::provider()).map_err(ClientConfigError)?;
        self.judge(|certified, names| trusts(&verifier, certified, names));
        Ok(())
    }
}

fn trusts(verifier: &Verifier, certified: &CertifiedKey, names: &[Name]) -> bool {
    let (Some((leaf, chain)), Some(name)) = (certified.cert.split_first(), names.first()) else { return false };
    // Any name under a wildcard will do.
    let name = name.to_string().replace('*', "any");
    let Ok(name) = ServerName::try_from(name) else { return false };
    verifier.verify_server_cert(leaf, chain, &name, &[], UnixTime::now()).is_ok()
}
