//! The session of a client's connection, as it is in frontgate, on the next version of rustls.
#![allow(dead_code, missing_docs)]

mod io;
pub mod session;
