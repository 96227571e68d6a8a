//! [`Finding`]: one thing that is wrong, why, and what to do about it.

use super::settings::SettingEdit;
use crate::observe::clean::{LONGEST, clean};

/// One thing that is wrong, or could be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The finding's name in the catalogue; scripts may rely on it.
    pub(crate) id: &'static str,
    /// Whether clients are kept out, or something could be better.
    pub(crate) severity: FindingSeverity,
    /// What is wrong, in one line.
    pub(crate) what: String,
    /// What was seen, and why it matters.
    pub(crate) why: String,
    /// What to do, a line each; lines that begin with a space are to be copied.
    pub(crate) fix: Vec<String>,
    /// What `--fix` would change in the gateway's own configuration.
    pub(crate) edit: Option<SettingEdit>,
    /// Fields that `--fix` would name in frontgate's own `forwarded.strip`.
    pub(crate) strip: Vec<String>,
}

/// How bad a finding is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FindingSeverity {
    /// Clients cannot connect, or not all of them.
    Broken,
    /// Clients can connect; something could work better or more safely.
    Advice,
}

impl FindingSeverity {
    /// The word for it in the report and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Advice => "advice",
        }
    }
}

/// A check that doctor made or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DoctorCheck {
    /// What was tried, in words for the report.
    pub(crate) what: String,
    /// Whether the check passed, failed or was left out.
    pub(crate) outcome: CheckOutcome,
    /// What was seen, or why it was not tried.
    pub(crate) saw: String,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckOutcome {
    /// What was seen is as it should be.
    Good,
    /// There is a finding about it.
    Bad,
    /// The check was left out.
    Skipped,
}

impl CheckOutcome {
    /// The word for it in the report and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Bad => "bad",
            Self::Skipped => "skipped",
        }
    }
}

/// The findings and checks of all judgments together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// The findings, worst first.
    pub(crate) findings: Vec<Finding>,
    /// The checks, in the order in which they were made.
    pub(crate) checks: Vec<DoctorCheck>,
}

impl Diagnosis {
    /// Adds a finding.
    pub(super) fn found(&mut self, finding: Finding) {
        let finding = Finding {
            what: harmless(&finding.what),
            // Shown as words, wherever its lines end.
            why: finding.why.lines().map(harmless).collect::<Vec<_>>().join("\n"),
            fix: finding.fix.iter().map(|line| harmless(line)).collect(),
            ..finding
        };
        // One cause shows at several names and listeners.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn checked(&mut self, what: impl Into<String>, outcome: CheckOutcome, saw: impl Into<String>) {
        self.checks.push(DoctorCheck { what: harmless(&what.into()), outcome, saw: harmless(&saw.into()) });
    }

    /// Puts the worst first, and the finding that strangers get in before those that keep clients out; findings of one
    /// rank stay in the order in which they were found, causes before their consequences.
    pub(super) fn sort(&mut self) {
        self.findings.sort_by_key(|finding| (finding.severity, finding.id != OPEN));
    }

    /// Whether clients cannot connect.
    pub(crate) fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == FindingSeverity::Broken)
    }
}

/// The text without what could drive a terminal: gateways, issuers and the program at the admin address may have said some of it.
fn harmless(text: &str) -> String {
    clean(text.as_bytes(), LONGEST).into_owned()
}

/// The id of the finding that strangers get in.
pub(super) const OPEN: &str = "trusted_proxy_open";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_said_elsewhere_drives_a_terminal() {
        let said = "a\u{1b}[2Jb\nBROKEN";
        let mut diagnosis = Diagnosis::default();
        diagnosis.checked(said, CheckOutcome::Skipped, said);
        diagnosis.found(Finding {
            id: "a_thing",
            severity: FindingSeverity::Advice,
            what: said.to_owned(),
            why: said.to_owned(),
            fix: vec![said.to_owned()],
            edit: None,
            strip: Vec::new(),
        });
        let (check, finding) = (&diagnosis.checks[0], &diagnosis.findings[0]);
        for text in [&check.what, &check.saw, &finding.what, &finding.fix[0]] {
            assert_eq!(text, "a\\x1b[2Jb\\nBROKEN");
        }
        assert_eq!(finding.why, "a\\x1b[2Jb\nBROKEN");
    }
}
