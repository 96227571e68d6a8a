//! Carries the plan out, and reports exactly what was done.

use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::TrustedCa;
use super::plan::{TrustAction, TrustPart};
use super::step::TrustStep;
use crate::platform::files;

/// Whether a run changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TrustMode {
    Do,
    /// Only print what would be done.
    Print,
}

/// The number of stores that could not be dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TrustOutcome {
    failed: usize,
    left: usize,
}

impl TrustOutcome {
    /// Whether every part was carried out.
    pub(super) fn complete(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for TrustOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores = |count: usize| if count == 1 { "1 store".to_owned() } else { format!("{count} stores") };
        match (self.failed, self.left) {
            (0, left) => write!(f, "{} left to you, see above", stores(left)),
            (failed, 0) => write!(f, "{} failed, see above", stores(failed)),
            (failed, left) => write!(f, "{} failed and {} left to you, see above", stores(failed), stores(left)),
        }
    }
}

/// Carries out every part, even if others fail; `say` gets the report as it happens.
pub(super) fn all<E>(
    parts: &[TrustPart],
    ca: &TrustedCa,
    mode: TrustMode,
    mut say: impl FnMut(String) -> Result<(), E>,
) -> Result<TrustOutcome, E> {
    let mut outcome = TrustOutcome::default();
    for part in parts {
        say(format!("\n{}\n", part.store))?;
        match &part.what {
            TrustAction::Nothing(why) => say(format!("  nothing to do: {why}\n"))?,
            TrustAction::Left { why, steps } => {
                outcome.left += usize::from(mode == TrustMode::Do);
                say(left_to_you(why, steps, &ca.file))?;
            }
            TrustAction::Do(steps, note) => {
                if let Some(note) = note {
                    say(format!("  {note}\n"))?;
                }
                if mode == TrustMode::Print {
                    say(steps.iter().fold(String::new(), |out, step| out + "  would " + &step.intent() + "\n"))?;
                    continue;
                }
                for (index, step) in steps.iter().enumerate() {
                    if let Err(why) = perform(step, ca) {
                        outcome.failed += 1;
                        say(format!("  FAILED to {}: {why}\n", step.intent()))?;
                        say(left_to_you("what remains", &steps[index..], &ca.file))?;
                        break;
                    }
                    say(format!("  {}\n", step.done()))?;
                }
            }
        }
    }
    Ok(outcome)
}

/// The text for steps that are left to the user. The commands use `sudo` where the system's files are concerned, which
/// does no harm to a user that is root already.
fn left_to_you(why: &str, steps: &[TrustStep], ca: &Path) -> String {
    let mut text = format!("  left to you: {why}\n");
    for step in steps {
        let sudo = if step.needs_root() { "sudo " } else { "" };
        let _ = writeln!(text, "    {sudo}{}", step.command(ca));
    }
    text
}

fn perform(step: &TrustStep, ca: &TrustedCa) -> Result<(), String> {
    let told = |error: io::Error| error.to_string();
    match step {
        TrustStep::Folder(path) => fs::create_dir_all(path).map_err(told),
        TrustStep::Write(path) => {
            fs::write(path, &ca.pem).map_err(told)?;
            // Whatever the umask is: all users must be able to read the file.
            files::set_mode(path, 0o644).map_err(told)
        }
        TrustStep::Remove(path) => fs::remove_file(path).map_err(told),
        TrustStep::Run(program, args) => {
            let output = Command::new(program).args(args).stdin(Stdio::null()).output().map_err(told)?;
            if output.status.success() { Ok(()) } else { Err(complaint(&output)) }
        }
    }
}

/// The last lines that a failed program printed.
fn complaint(output: &std::process::Output) -> String {
    let words = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
    let words = String::from_utf8_lossy(words);
    let last: Vec<_> = words.lines().map(str::trim).filter(|line| !line.is_empty()).rev().take(3).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("; ");
    if last.is_empty() { output.status.to_string() } else { format!("{}: {last}", output.status) }
}
