//! [`ApacheAccess`]: what a section says about the clients that may pass, until the section ends.

use crate::import::ImportPlace;

/// A directive for the report.
pub(super) type ApacheNoted = (ImportPlace, String);

/// What a section says about which clients may pass.
#[derive(Debug, Clone, Default)]
pub(super) struct ApacheAccess {
    /// `AuthType`.
    pub(super) kind: Option<(ApacheNoted, String)>,
    /// `AuthUserFile`.
    pub(super) file: Option<(ApacheNoted, String)>,
    /// `AuthBasicProvider` other than `file`.
    pub(super) provider: Option<ApacheNoted>,
    /// `Require` lines, of which one suffices.
    pub(super) requires: Vec<(ApacheNoted, Vec<String>)>,
    /// Conditions that must hold besides.
    pub(super) also: Vec<(ApacheNoted, String)>,
    /// `Order`, `Allow` and `Deny` of Apache 2.2.
    pub(super) old: Vec<(ApacheNoted, String)>,
}
