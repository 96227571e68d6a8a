//! The identity of a client: the password or the certificate that it has shown, and how often wrong passwords may be
//! tried.

pub mod credentials;
pub mod identity;
pub mod passwords;
