//! Who a client is: the password or the certificate that it has shown, and how often wrong ones may be tried.

pub mod credentials;
pub mod identity;
pub mod passwords;
