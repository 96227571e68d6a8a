//! [`SampleRequest`]: a request of some kind.

use std::net::IpAddr;

use http::Method;

/// A request of some kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct SampleRequest<'a> {
    /// The names of its listener before and after a change.
    pub(super) listeners: &'a [Option<String>; 2],
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) method: &'a Method,
    pub(super) client: Option<IpAddr>,
}

/// Which of two configurations a table is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

impl SampleRequest<'_> {
    /// The name of its listener on one side.
    pub(super) fn listener(&self, side: Side) -> Option<&str> {
        let [before, after] = self.listeners;
        match side {
            Side::Before => before.as_deref(),
            Side::After => after.as_deref(),
        }
    }
}
