//! What a certificate says: the parts that decisions are made on, its names for people, its fingerprint, its PEM.

pub(super) mod cert_info;
pub(super) mod description;
pub(super) mod distinguished_name;
pub(super) mod fingerprint;
pub(super) mod pem;
