//! `frontgate init`: asks five questions, writes the config, and changes the gateway's settings if the user wants that.

mod answers;

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::doctor::{examined, gateway_config};
use super::failure::CommandFailure;
use super::loaded;
use super::output::show;
use super::run::runtime;
use crate::config::{self, ConfigLocation, Overrides};
use crate::doctor::{ConfigChoice, DoctorRequest};
use answers::{CertificateAnswer, InitAnswers};

/// Where the config goes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  frontgate init\n  printf '\\ngw.example.com\\n\\n\\nn\\n' | frontgate init -o gw.yaml\n\nAn empty answer takes what is \
                  in brackets. Answers may come from a pipe, a line each; the questions go to standard error."
)]
pub(super) struct InitArgs {
    /// The file to write
    #[arg(short, long, value_name = "FILE", default_value = "frontgate.yaml")]
    output: PathBuf,
}

pub(super) fn run(args: &InitArgs) -> Result<(), CommandFailure> {
    let mut asker = Asker { is_person: io::stdin().is_terminal() };
    let file = &args.output;
    if file.exists() && !asker.agrees(&format!("{} exists. Write it anew?", file.display()))? {
        return Err(CommandFailure::wrong(format!("{} is left as it is\n    hint: --output FILE", file.display())));
    }
    let usual = InitAnswers::default();
    let upstream = asker.answer("1. Where is the gateway?", &usual.upstream, |text| {
        let answers = InitAnswers { upstream: text.to_owned(), ..InitAnswers::default() };
        answers.check(file).map(|()| answers)
    })?;
    let named = asker.answer("2. Which names do browsers open? Separate several by commas", "localhost", |text| {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let answers = InitAnswers { names, ..upstream.clone() };
        answers.check(file).map(|()| answers)
    })?;
    let usual = if named.has_public_name() { "acme" } else { "local" };
    let question = "3. Which certificate? local is frontgate's own CA, acme a public one (ports 443 and 80 must be reachable), \
                    or the files CERT,KEY";
    let certified = asker.answer(question, usual, |text| {
        let answers = named.clone().with(CertificateAnswer::of(text)?);
        answers.check(file).map(|()| answers)
    })?;
    let done = asker.answer("4. Which address and port for HTTPS?", &certified.listen.clone(), |text| {
        let answers = InitAnswers { listen: text.to_owned(), ..certified.clone() };
        answers.check(file).map(|()| answers)
    })?;
    write(file, &done.yaml())?;
    say(&format!("Wrote {}.\n", file.display()));
    let consent = "5. Let the gateway know frontgate: gateway.trustedProxies and gateway.controlUi.allowedOrigins in its own config, of which a \
                   copy is kept?";
    if asker.agrees(consent)? {
        tell_gateway(file)?;
    } else {
        say("`frontgate doctor --fix` does that later.\n");
    }
    let start = if file == Path::new("frontgate.yaml") {
        "frontgate".to_owned()
    } else {
        format!("frontgate -c {}", file.display())
    };
    show(&format!("Start it: {start}\n"))
}

/// Changes the gateway's settings as doctor does, and says what is still amiss.
fn tell_gateway(file: &Path) -> Result<(), CommandFailure> {
    let load = || loaded::under(Some(file.to_owned()), &Overrides::default());
    let (gateway_config, looked) = gateway_config(None)?;
    let mut question = DoctorRequest {
        config: load()?,
        file: Some(file.to_owned()),
        asked: ConfigChoice::Flags,
        origins: Vec::new(),
        gateway_config,
        looked,
    };
    let (report, _) = examined(&runtime()?, &mut question, (true, true, true), &load)?;
    for finding in &report.diagnosis.findings {
        say(&format!("{}: {}\n", finding.severity.as_str(), finding.what));
    }
    if !report.diagnosis.findings.is_empty() {
        say("`frontgate doctor` says why and what to do.\n");
    }
    Ok(())
}

/// Writes the file whole or not at all.
fn write(file: &Path, text: &str) -> Result<(), CommandFailure> {
    let mut draft = file.to_owned().into_os_string();
    draft.push(".new");
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, file));
    written.with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

/// Asks at the terminal, or reads answers from a pipe.
struct Asker {
    is_person: bool,
}

impl Asker {
    /// The answer to the question, once `read` accepts it; nothing typed is the `usual` one. A person is asked again.
    fn answer<T>(
        &mut self,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, CommandFailure> {
        loop {
            say(&format!("{question} [{usual}] "));
            let line = self.line()?;
            let text = line.as_deref().map(str::trim).filter(|line| !line.is_empty()).unwrap_or(usual);
            match read(text) {
                Ok(answer) => return Ok(answer),
                Err(why) if self.is_person && line.is_some() => say(&format!("{why}\n")),
                Err(why) => return Err(CommandFailure::wrong(why)),
            }
        }
    }

    /// Whether the answer is yes; no answer is no.
    fn agrees(&mut self, question: &str) -> Result<bool, CommandFailure> {
        say(&format!("{question} [y/N] "));
        let line = self.line()?.unwrap_or_default();
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// The next line; `None` behind the last.
    fn line(&self) -> Result<Option<String>, CommandFailure> {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).context("cannot read the answer")?;
        if !self.is_person {
            // The question stands on a line of its own where no person has typed one.
            say("\n");
        }
        Ok((read > 0).then_some(line))
    }
}

impl InitAnswers {
    /// Whether frontgate would run on these answers.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    fn check(&self, file: &Path) -> Result<(), String> {
        let location = ConfigLocation::Text { text: self.yaml(), file: file.to_owned() };
        config::load(location, [], &Overrides::default()).map(drop).map_err(|problems| problems.to_string())
    }
}

/// Asks and tells on standard error: if that cannot be written, no output is left to report it on.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
