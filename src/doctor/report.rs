//! [`DoctorReport`]: what doctor says, for people and for programs.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::finding::{CheckOutcome, Diagnosis, Finding, FindingSeverity};
use super::settings::{SettingChange, SettingEdit};

/// What doctor found, and what the report needs besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DoctorReport {
    /// The findings and the checks.
    pub(crate) diagnosis: Diagnosis,
    /// The gateway's own configuration, if it was found.
    pub(crate) gateway_config: Option<PathBuf>,
    /// The places where the gateway's configuration was looked for.
    pub(crate) looked: Vec<PathBuf>,
    /// The file of frontgate's own configuration, if it has one that was found here.
    pub(crate) own_file: Option<PathBuf>,
    /// The file that only the program at the admin address names; nothing in it is changed.
    pub(crate) claimed_file: Option<PathBuf>,
}

impl DoctorReport {
    /// What `--fix` would change in the gateway's configuration.
    pub(crate) fn edits(&self) -> Vec<SettingEdit> {
        self.diagnosis.findings.iter().filter_map(|finding| finding.edit.clone()).collect()
    }

    /// The fields that `--fix` would name in frontgate's own `forwarded.strip`.
    pub(crate) fn strip(&self) -> Vec<String> {
        let mut all: Vec<_> = self.diagnosis.findings.iter().flat_map(|finding| finding.strip.clone()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The report as JSON, for programs. Keys may be added; none changes its meaning while `version` stays.
    pub(crate) fn json(&self) -> Value {
        let findings = self.diagnosis.findings.iter().map(|finding| {
            json!({
                "id": finding.id,
                "severity": finding.severity.as_str(),
                "what": finding.what,
                "why": finding.why,
                "fix": finding.fix,
                "edit": finding.edit.as_ref().map(|edit| json!({
                    "key": edit.key(),
                    "add": if let SettingChange::Add(values) = &edit.change { json!(values) } else { Value::Null },
                    "set": if let SettingChange::Set(value) = &edit.change { value.json() } else { Value::Null },
                })),
                "own_edit": (!finding.strip.is_empty()).then(|| json!({ "key": "forwarded.strip", "add": finding.strip })),
            })
        });
        let checks = self
            .diagnosis
            .checks
            .iter()
            .map(|check| json!({ "what": check.what, "outcome": check.outcome.as_str(), "saw": check.saw }));
        json!({
            "version": 1,
            "frontgate": env!("CARGO_PKG_VERSION"),
            "healthy": !self.diagnosis.is_broken(),
            "gateway_config": self.gateway_config.as_ref().map(|file| file.display().to_string()),
            "looked": self.looked.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
            "findings": findings.collect::<Vec<_>>(),
            "checks": checks.collect::<Vec<_>>(),
        })
    }
}

/// The report as text, for people.
impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings = &self.diagnosis.findings;
        for (index, finding) in findings.iter().enumerate() {
            write(f, index + 1, finding)?;
        }
        writeln!(f, "Tried:")?;
        for check in &self.diagnosis.checks {
            let mark = match check.outcome {
                CheckOutcome::Good => "ok  ",
                CheckOutcome::Bad => "BAD ",
                CheckOutcome::Skipped => "-   ",
            };
            let saw = if check.saw.is_empty() { String::new() } else { format!(": {}", check.saw) };
            writeln!(f, "  {mark}{}{saw}", check.what)?;
        }
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        match (count(FindingSeverity::Broken), count(FindingSeverity::Advice)) {
            (0, 0) => writeln!(f, "\nAll is well."),
            (0, _) => writeln!(f, "\nIt works; see the advice above."),
            (1, _) => writeln!(f, "\n1 thing is broken; see above."),
            (broken, _) => writeln!(f, "\n{broken} things are broken; see above, the first first."),
        }
    }
}

fn write(f: &mut fmt::Formatter<'_>, number: usize, finding: &Finding) -> fmt::Result {
    let mark = match finding.severity {
        FindingSeverity::Broken => "BROKEN",
        FindingSeverity::Advice => "advice",
    };
    writeln!(f, "{number}. {mark}: {} [{}]", finding.what, finding.id)?;
    writeln!(f, "{}", wrapped("   why: ", &finding.why))?;
    for (index, line) in finding.fix.iter().enumerate() {
        let head = if index == 0 { "   fix: " } else { "        " };
        // A line to copy stays in one piece.
        let line = if line.starts_with(' ') { format!("        {line}") } else { wrapped(head, line) };
        writeln!(f, "{line}")?;
    }
    f.write_char('\n')
}

/// The text behind `head`, in lines that a terminal shows whole.
fn wrapped(head: &str, text: &str) -> String {
    let (mut out, mut column) = (head.to_owned(), head.len());
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 && column + 1 + word.chars().count() > WIDTH {
            out.push('\n');
            out.push_str(&" ".repeat(head.len()));
            column = head.len();
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.chars().count();
    }
    out
}

const WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> DoctorReport {
        let mut diagnosis = Diagnosis::default();
        diagnosis.found(Finding {
            id: "a_thing",
            severity: FindingSeverity::Broken,
            what: "A thing is wrong".to_owned(),
            why: "It was seen. ".repeat(12),
            fix: vec!["Write:".to_owned(), "  {\"gateway\": {}}".to_owned()],
            edit: Some(SettingEdit {
                path: &["gateway", "trustedProxies"],
                change: SettingChange::Add(vec!["::1".to_owned()]),
            }),
            strip: Vec::new(),
        });
        diagnosis.checked("the thing", CheckOutcome::Bad, "it is wrong");
        diagnosis.checked("another", CheckOutcome::Good, "");
        DoctorReport {
            diagnosis,
            looked: vec!["/o.json".into()],
            own_file: None,
            claimed_file: None,
            gateway_config: Some("/o.json".into()),
        }
    }

    #[test]
    fn people_read_what_why_and_fix() {
        let text = report().to_string();
        let head = "1. BROKEN: A thing is wrong [a_thing]\n   why: It was seen. It was seen.";
        assert!(text.starts_with(head), "{text}");
        assert!(
            text.contains(
                "\n   fix: Write:\n          {\"gateway\": {}}\n\nTried:\n  BAD the thing: it is wrong\n  ok  another\n"
            ),
            "{text}"
        );
        assert!(text.ends_with("\n1 thing is broken; see above.\n"), "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn programs_get_ids() {
        let json = report().json();
        assert_eq!((&json["version"], &json["healthy"]), (&1.into(), &false.into()));
        assert_eq!(json["findings"][0]["id"], "a_thing");
        assert_eq!(json["findings"][0]["edit"], json!({"key": "gateway.trustedProxies", "add": ["::1"], "set": null}));
        assert_eq!(json["checks"][1], json!({"what": "another", "outcome": "ok", "saw": ""}));
        assert_eq!(json["gateway_config"], "/o.json");
    }
}
