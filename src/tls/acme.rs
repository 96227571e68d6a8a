//! The public certificate, by ACME (RFC 8555): obtained, renewed, and shown instead of the local one.
//!
//! [`AcmeRenewal::open`] shows what is on disk, then [`AcmeRenewal::run`] keeps one certificate per name: it orders
//! what is missing, asks the authority when to renew (RFC 9773), and waits. Every order is for a single name, one after
//! the other, so that a name that is refused hurts no other. A failed step is tried again after growing pauses
//! (`backoff.rs`), and until it succeeds the certificate in use stays; when that has expired, the local one takes over.
//!
//! What to ask for (`plan.rs`), when (`schedule.rs`), how long to wait after a failure (`backoff.rs`) and what to say
//! about one (`reason.rs`, `fault.rs`) is decided without a clock or a socket. In the state directory, `acme/` has a folder per
//! authority:
//!
//! | file | what |
//! |---|---|
//! | `account.json` | the account's key and URL |
//! | `NAME.pem` | a name's private key and certificate chain, in one file so that they cannot come apart |
//! | `NAME.json` | what went wrong since the last success |
//! | `lock` | held by the one process that orders; others show what it obtains |
//!
//! The replicas of a cluster have these files in common, sealed in Redis (`shared_files.rs`), and what is to be answered while
//! one of them orders (`shared_answer.rs`). Only the replica that has the turn asks the authority (`replicas.rs`); while Redis is away
//! none has.

mod account;
mod answers;
mod backoff;
mod cert_manager;
mod certificate;
mod challenge_proof;
mod dns_key;
mod dns_record;
mod dns_update;
mod fault;
mod order;
mod plan;
mod reason;
mod replicas;
mod run;
mod schedule;
mod session;
mod settings;
mod shared_answer;
mod shared_files;
mod store;
mod transport;

pub use answers::Tokens;
pub use run::AcmeRenewal;
pub use settings::AcmeSettings;
pub(super) use store::file_of;
pub use transport::DirectoryHttps;
pub(crate) use transport::{DirectoryDial, HttpsError};
