//! [`ReloadRefused`]: why a configuration was not taken over.

use std::time::Duration;

use super::config_source::list;
use crate::config::Lowered;

/// Why a configuration was not taken over.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum ReloadRefused {
    /// The configuration has problems.
    #[error("{0}")]
    Wrong(String),
    /// It would lower these guards, and no operator has confirmed that.
    #[error("it would lower guards: {}", list(.0))]
    Waits(Vec<Lowered>),
    /// Its files are on a disk that did not answer within this time.
    #[error("the files of the configuration could not be read within {0:?}")]
    Unread(Duration),
    /// The process has no configuration that can be read again.
    #[error("this frontgate was started without a configuration that could be read again")]
    Fixed,
    /// The process is stopping and would not use it for long.
    #[error("frontgate is stopping")]
    Stopping,
}
