//! All findings: each with its name, what it says, why, and the fix. When one is raised is for [`super::judge`] to say.

pub(super) mod certificate;
pub(super) mod gateway;
pub(super) mod identity;
pub(super) mod login;
pub(super) mod origin;
pub(super) mod own;
pub(super) mod part;
pub(super) mod settings;

use super::finding::{Finding, FindingSeverity};

fn broken(id: &'static str, what: impl Into<String>, why: impl Into<String>, fix: impl IntoFix) -> Finding {
    Finding {
        id,
        severity: FindingSeverity::Broken,
        what: what.into(),
        why: why.into(),
        fix: fix.into_fix(),
        edit: None,
        strip: Vec::new(),
    }
}

fn advice(id: &'static str, what: impl Into<String>, why: impl Into<String>, fix: impl IntoFix) -> Finding {
    Finding { severity: FindingSeverity::Advice, ..broken(id, what, why, fix) }
}

/// Turns advice into the lines of a finding's `fix`: one line, or several.
trait IntoFix {
    fn into_fix(self) -> Vec<String>;
}

impl IntoFix for &str {
    fn into_fix(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl IntoFix for String {
    fn into_fix(self) -> Vec<String> {
        vec![self]
    }
}

impl IntoFix for Vec<String> {
    fn into_fix(self) -> Vec<String> {
        self
    }
}
