//! `frontgate init`: asks five questions, writes the config, and changes the gateway's settings if the user wants that.

use std::path::{Path, PathBuf};

use super::asker::{Asker, say};
use super::doctor::{examined, gateway_config};
use super::failure::CommandFailure;
use super::loaded;
use super::new_config::{CertificateAnswer, NewConfig};
use super::output::show;
use super::run::runtime;
use crate::config::Overrides;
use crate::doctor::{ConfigChoice, DoctorRequest};

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
    let asker = Asker::new();
    let file = &args.output;
    if file.exists() && !asker.agrees(&format!("{} exists. Write it anew?", file.display()))? {
        return Err(CommandFailure::wrong(format!("{} is left as it is\n    hint: --output FILE", file.display())));
    }
    let usual = NewConfig::default();
    let upstream = asker.answer("1. Where is the gateway?", &usual.upstream, |text| {
        let answers = NewConfig { upstream: text.to_owned(), ..NewConfig::default() };
        answers.check(file).map(|()| answers)
    })?;
    let named = asker.answer("2. Which names do browsers open? Separate several by commas", "localhost", |text| {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let answers = NewConfig { names, ..upstream.clone() };
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
        let answers = NewConfig { listen: text.to_owned(), ..certified.clone() };
        answers.check(file).map(|()| answers)
    })?;
    done.write(file)?;
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
