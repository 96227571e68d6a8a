//! Certificates parsed: the parts that decisions are made on, distinguished names as text, fingerprints, PEM.

pub(super) mod cert_info;
pub(super) mod description;
pub(super) mod distinguished_name;
pub(super) mod fingerprint;
pub(super) mod pem;
