//! [`ReloadStatus`]: the status of reloads, for the operator.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use crate::config::{Config, Lowered};
use crate::listener::ListenerPurpose;

/// The status of reloads.
#[derive(Debug, Clone)]
pub(super) struct ReloadStatus {
    pub(super) file: Option<PathBuf>,
    /// The configuration in use.
    pub(super) config: Arc<Config>,
    pub(super) listeners: Vec<(ListenerPurpose, String)>,
    pub(super) last: Option<LastReload>,
    /// A change of the file that was not taken over, since it would lower guards.
    pub(super) waiting: Option<WaitingChange>,
    pub(super) done: u64,
    pub(super) refused: u64,
    pub(super) drain_time: Duration,
    /// Whether the drain has begun.
    pub(super) stopping: bool,
}

/// The last attempt to reload.
#[derive(Debug, Clone)]
pub(super) struct LastReload {
    pub(super) at: OffsetDateTime,
    pub(super) trigger: &'static str,
    pub(super) error: Option<String>,
}

/// A change that waits for an operator to confirm it.
#[derive(Debug, Clone)]
pub(super) struct WaitingChange {
    pub(super) since: OffsetDateTime,
    pub(super) lowers: Vec<Lowered>,
}
