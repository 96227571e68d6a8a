//! `--fix`: changes the two files as the findings ask for, after a question, and examines them again.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use time::OffsetDateTime;
use tokio::time::sleep;

use crate::cli::failure::CommandFailure;
use crate::cli::run::CommandRuntime;
use crate::config::Config;
use crate::doctor::settings::{WrittenSettings, apply, strip, write};
use crate::doctor::{DoctorReport, DoctorRequest, GatewayConfig, examine};
use crate::observe::clean::{LONGEST, clean};

/// The report after the fixes, and whether every fix was made.
pub(in crate::cli) fn examined(
    runtime: &CommandRuntime,
    question: &mut DoctorRequest,
    (wanted, yes, aloud): (bool, bool, bool),
    load: &dyn Fn() -> Result<Config, CommandFailure>,
) -> Result<(DoctorReport, bool), CommandFailure> {
    let report = runtime.block_on(examine(question));
    if !wanted {
        return Ok((report, true));
    }
    let own = fix_own(&report, yes, aloud)?;
    let theirs = fix(question, &report, yes, aloud, own == FixOutcome::Nothing)?;
    let report = if [own, theirs].contains(&FixOutcome::Changed) {
        until_fixed(runtime, question, &report, load)
    } else {
        report
    };
    Ok((report, ![own, theirs].contains(&FixOutcome::NotDone)))
}

/// The outcome of a fix of one file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FixOutcome {
    /// There was nothing to fix, or the answer was no.
    Nothing,
    /// The file was changed.
    Changed,
    /// The file could not be read, or not be changed.
    NotDone,
}

/// Adds to `forwarded.strip` in frontgate's own configuration the fields that no client may send, or says what to write
/// there.
fn fix_own(report: &DoctorReport, yes: bool, aloud: bool) -> Result<FixOutcome, CommandFailure> {
    let names = report.strip();
    if names.is_empty() {
        return Ok(FixOutcome::Nothing);
    }
    let lines = format!("  forwarded: {{ strip: [{}] }}", names.join(", "));
    if let Some(file) = &report.claimed_file {
        let file = clean(file.as_os_str().as_encoded_bytes(), LONGEST).into_owned();
        say(
            aloud,
            &format!(
                "{file} is left as it is: only the program at the admin address says that frontgate runs on it. If it does, name it with \
                 -c, or write there:\n{lines}\n\n"
            ),
        );
        return Ok(FixOutcome::NotDone);
    }
    let Some(file) = &report.own_file else {
        say(
            aloud,
            &format!("frontgate has no config file to change. Write one, such as frontgate.yaml, with:\n{lines}\n\n"),
        );
        return Ok(FixOutcome::NotDone);
    };
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Some(after) = strip(&text, file, &names) else {
        let left = "is left as it is: it is not written so that a line could be added safely. Write there";
        say(aloud, &format!("{} {left}:\n{lines}\n\n", file.display()));
        return Ok(FixOutcome::NotDone);
    };
    if after == text {
        return Ok(FixOutcome::Nothing);
    }
    if !yes && !agreed(file, &[format!("forwarded.strip: add {}", names.join(", "))])? {
        say(aloud, "Nothing was changed.\n\n");
        return Ok(FixOutcome::Nothing);
    }
    replace(file, &text, &after, aloud)
}

fn replace(file: &Path, before: &str, after: &str, aloud: bool) -> Result<FixOutcome, CommandFailure> {
    let WrittenSettings { file, backup } = write(file, before, after, OffsetDateTime::now_utc())
        .with_context(|| format!("cannot change {}", file.display()))?;
    say(aloud, &format!("Changed {}; it was: {}\n\n", file.display(), backup.display()));
    Ok(FixOutcome::Changed)
}

/// Changes the gateway's configuration as the findings ask for. `alone`: nothing else was fixed.
fn fix(
    question: &DoctorRequest,
    report: &DoctorReport,
    yes: bool,
    aloud: bool,
    alone: bool,
) -> Result<FixOutcome, CommandFailure> {
    let edits = report.edits();
    let Some(config) = &question.gateway_config else {
        let places: Vec<_> = question.looked.iter().map(|place| format!("  {}\n", place.display())).collect();
        say(
            aloud,
            &format!(
                "The gateway's own config was not found, so nothing in it was fixed. Looked for:\n{}Name it with --gateway-config \
                 FILE, or run doctor as the gateway's user.\n\n",
                places.concat()
            ),
        );
        return Ok(FixOutcome::NotDone);
    };
    if let Some(why) = config.unreadable() {
        say(aloud, &format!("{} cannot be read ({why}), so nothing in it was fixed.\n\n", config.file.display()));
        return Ok(FixOutcome::NotDone);
    }
    if edits.is_empty() {
        if alone {
            say(aloud, &format!("Nothing to fix in {}.\n\n", config.file.display()));
        }
        return Ok(FixOutcome::Nothing);
    }
    if read_only() {
        say(aloud, &format!("{} {KEPT}.\n\n", config.file.display()));
        return Ok(FixOutcome::NotDone);
    }
    let after = match apply(config.text(), &edits) {
        Ok(after) if after != config.text() => after,
        Ok(_) => return Ok(FixOutcome::Nothing),
        Err(error) => {
            say(
                aloud,
                &format!("{} is left as it is: {error}. The findings say what to write.\n\n", config.file.display()),
            );
            return Ok(FixOutcome::NotDone);
        }
    };
    let words: Vec<_> = edits.iter().map(ToString::to_string).collect();
    if !yes && !agreed(&config.file, &words)? {
        say(aloud, "Nothing was changed.\n\n");
        return Ok(FixOutcome::Nothing);
    }
    replace(&config.file, config.text(), &after, aloud)
}

/// Whether something else than its user keeps the gateway's configuration.
pub(in crate::cli) fn read_only() -> bool {
    ["OPENCLAW_NIX_MODE", "OPENCLAW_CONFIG_READONLY"].iter().any(|name| env::var(name).as_deref() == Ok("1"))
}

/// What there is to say then.
pub(in crate::cli) const KEPT: &str =
    "is kept by something else (OPENCLAW_NIX_MODE, OPENCLAW_CONFIG_READONLY): change it there";

/// Asks for confirmation at the terminal.
fn agreed(file: &Path, edits: &[String]) -> Result<bool, CommandFailure> {
    if !io::stdin().is_terminal() {
        return Err(CommandFailure::wrong(
            "--fix asks before it changes anything, and there is no terminal to answer at\n    hint: --fix --yes",
        ));
    }
    let mut question = format!("Change {}:\n", file.display());
    for edit in edits {
        let _ = writeln!(question, "  {edit}");
    }
    let mut stderr = io::stderr().lock();
    let asked = write!(stderr, "{question}A copy is kept beside it. [y/N] ").and_then(|()| stderr.flush());
    asked.context("cannot ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Examines again until the gateway has taken its changed configuration over, or clearly does not.
fn until_fixed(
    runtime: &CommandRuntime,
    question: &mut DoctorRequest,
    before: &DoctorReport,
    load: &dyn Fn() -> Result<Config, CommandFailure>,
) -> DoctorReport {
    let changed = before.diagnosis.findings.iter().filter(|one| one.edit.is_some() || !one.strip.is_empty());
    let fixed: Vec<_> = changed.map(|one| one.id).collect();
    let began = tokio::time::Instant::now();
    loop {
        if let Some(config) = &mut question.gateway_config {
            *config = GatewayConfig::open(config.file.clone(), config.named);
        }
        if let Ok(config) = load() {
            question.config = config;
        }
        let report = runtime.block_on(examine(question));
        let healed = !report.diagnosis.is_broken()
            || report.diagnosis.findings.iter().all(|one| {
                let more = one.edit.is_some() || !one.strip.is_empty();
                !(more && fixed.contains(&one.id) || TRANSIENT.contains(&one.id))
            });
        if healed || began.elapsed() > TAKEN_OVER {
            return report;
        }
        runtime.block_on(async { sleep(AGAIN).await });
    }
}

fn say(aloud: bool, text: &str) {
    let mut stderr = io::stderr().lock();
    if aloud {
        // The report has all that matters, so a failed write is ignored.
        let _ = stderr.write_all(text.as_bytes());
    }
}

/// Findings that a gateway may show for a while when it takes a change over.
const TRANSIENT: [&str; 5] =
    ["proxy_trust_not_in_effect", "gateway_starting", "gateway_refused", "gateway_no_websocket", "gateway_slow"];
const TAKEN_OVER: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(500);
