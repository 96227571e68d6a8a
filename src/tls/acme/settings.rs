//! [`AcmeSettings`]: what public certificates are obtained by.

use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::config::{AcmeChallengeKind, Tls};

/// The source of the current time; tests pass their own.
pub(crate) type AcmeClock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// The settings that public certificates are obtained with.
#[derive(Debug, Clone)]
pub struct AcmeSettings {
    /// The names and the authority.
    pub tls: Tls,
    /// The challenges that a listener can answer, in the order to try them.
    pub challenges: Vec<AcmeChallengeKind>,
    /// Where the account and the certificates are kept.
    pub state_dir: Option<PathBuf>,
}
