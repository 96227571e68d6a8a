//! [`InUse`]: what a process tells its successor of its configuration.

/// The text of the configuration that a process runs on; empty if it has read none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InUse(pub(crate) String);
