//! The cryptographic library, for both sides of every handshake.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// The algorithms of both sides of every handshake: aws-lc-rs, which supports the hybrid post-quantum key exchange
/// X25519MLKEM768 and offers it first, so that traffic recorded today cannot be read with the computers of tomorrow.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
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
