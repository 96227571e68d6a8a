//! The identity of a client: the password or the certificate that it has shown, and how often wrong passwords may be
//! tried.

pub(crate) mod credentials;
pub(crate) mod identity;
pub(crate) mod passwords;
