//! The one module that names the cryptographic library.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ProducesTickets;

/// The algorithms of both sides of every handshake: aws-lc-rs, which supports the hybrid post-quantum key exchange
/// X25519MLKEM768 and offers it first, so that traffic recorded today cannot be read with the computers of tomorrow.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A maker of session tickets with keys of its own, rotated every six hours.
///
/// Make one per process and pass it to every [`server_config`](crate::tls::server_config): a reload that made another
/// would forget every session.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    aws_lc_rs::Ticketer::new()
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    #[test]
    fn the_post_quantum_group_comes_first() {
        let groups: Vec<_> = super::provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups[..2], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    }
}
