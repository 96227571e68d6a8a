//! The certificates that handshakes show: where each comes from, which files are watched, and which one a client gets.

pub(super) mod addresses;
pub(super) mod cert_store;
pub(super) mod checked_cert;
pub(super) mod clock;
pub(super) mod files;
pub(super) mod ocsp;
pub(super) mod resolver;
pub(super) mod trust;
pub(super) mod watched_cert_files;
